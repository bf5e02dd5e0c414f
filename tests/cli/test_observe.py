"""`omnilytics observe`: a record shown again, as log lines, JSON or a report."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call, FakeDemo, valid


def test_replay_tells_what_the_run_told(call: Call, demo: FakeDemo) -> None:
    first = call("demo", "--json", "out.json").stdout.splitlines()
    again = call("observe", "--replay", "out.json").stdout.splitlines()
    assert again
    assert again == first[: len(again)]


def test_a_record_by_itself(call: Call, record: Path) -> None:
    result = call("observe", "--replay", record)
    assert result.exit_code == 0
    assert "[run] the run is over" in result.stdout


def test_json_and_report(call: Call, record: Path, tmp_path: Path) -> None:
    result = call("observe", "--replay", record, "--json", "seen.json", "--report", "seen.html", "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    value = valid(json.loads((tmp_path / "seen.json").read_text()), "observe-1")
    assert value["finished"] is True
    assert [s["number"] for s in value["sessions"]] == [1, 2, 3]
    assert value["gas"]["total"] == sum(value["gas"]["by_phase"].values())
    assert sum(m["fees_wei"] for m in value["members"]) == sum(s["money"]["fees_wei"] for s in value["sessions"])
    assert {m["suspect"] for m in value["members"]} == {True, False}
    assert {s["money"]["reserve_wei"] for s in value["sessions"]} == {0}
    assert "</html>" in (tmp_path / "seen.html").read_text()


def test_json_to_the_standard_output(call: Call, record: Path) -> None:
    result = call("observe", "--replay", record, "--json", "-")
    valid(json.loads(result.stdout), "observe-1")
    assert "[run]" in result.stderr


def test_a_cut_record_writes_nothing(call: Call, record: Path, tmp_path: Path) -> None:
    lines = gzip.decompress(record.read_bytes()).splitlines(keepends=True)
    record.write_bytes(gzip.compress(b"".join(lines[:-1])))
    result = call("observe", "--replay", record, "--json", "seen.json")
    assert result.exit_code == 3
    assert "cut off" in result.stderr
    assert not (tmp_path / "seen.json").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\x1f\x8b not gzip", b'{"record": "../out"}', b'{"record": "none.gz"}']
)
def test_what_is_no_record_exits_3(call: Call, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd").write_bytes(content)
    result = call("observe", "--replay", "odd")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: record")


def test_a_missing_record_exits_3(call: Call) -> None:
    assert call("observe", "--replay", "none").exit_code == 3


@pytest.mark.parametrize("speed", ["-1", "1001", "fast"])
def test_odd_speeds_are_refused(call: Call, record: Path, speed: str) -> None:
    assert call("observe", "--replay", record, "--speed", speed).exit_code == 2
