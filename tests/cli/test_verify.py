"""`omnilytics verify`: says what was checked, or exits 7 at the first contradiction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnilytics.errors import VerificationError
from omnilytics.protocol import verify
from tests.cli.conftest import Call, valid


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> verify.VerifyReport:
    """What the verifier finds; the verifier itself has its own tests."""
    found = verify.VerifyReport(
        sessions=1, checks=[("squared norms", 8), ("settled wei", 1200)], taken=[("suspicions", 3)]
    )
    monkeypatch.setattr(verify, "verify_record", lambda path, chain, blobs: found)
    return found


def test_it_says_what_was_checked(call: Call, report: verify.VerifyReport) -> None:
    result = call("verify", "out.json")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "      8 x squared norms",
        "  1,200 x settled wei",
        "      3 - suspicions: taken as emitted",
        "valid: 1,208 checks over 1 session",
        "logs of the record out.json, not held against the contracts",
    ]


def test_json(call: Call, report: verify.VerifyReport, tmp_path: Path) -> None:
    assert call("verify", "out.json", "--json", "checked.json", "--quiet").stdout == ""
    value = valid(json.loads((tmp_path / "checked.json").read_text()), "verify-1")
    assert (value["source"], value["contract"]) == ("record", False)
    assert value["checks"][0] == {"what": "squared norms", "times": 8}
    assert value["taken"] == [{"what": "suspicions", "times": 3}]
    valid(json.loads(call("verify", "out.json", "--json", "-").stdout), "verify-1")


def test_a_contradiction_exits_7(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, chain: object, blobs: object) -> verify.VerifyReport:
        raise VerificationError("session 2: settled wei: expected 5, found 6")

    monkeypatch.setattr(verify, "verify_record", refuse)
    result = call("verify", "out.json", "--json", "checked.json")
    assert result.exit_code == 7
    assert result.stderr == "error: session 2: settled wei: expected 5, found 6\n"
    assert not (tmp_path / "checked.json").exists()


def test_a_record_without_a_session_exits_7(call: Call, record: Path) -> None:
    result = call("verify", record)
    assert result.exit_code == 7
    assert "no finished session" in result.stderr


def test_a_missing_file_exits_3(call: Call) -> None:
    assert call("verify", "none").exit_code == 3
