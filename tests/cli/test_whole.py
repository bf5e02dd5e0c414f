"""The command line from end to end on the real experiment, as small as it gets: run, show again, verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call, valid

SMALL = ("--sessions", 1, "--rounds", 3, "--members", 12, "--attackers", 1, "--quiet")


def result(folder: Path, name: str) -> dict[str, Any]:
    """A result file, found to fit its schema."""
    value: dict[str, Any] = valid(json.loads((folder / name).read_text(encoding="utf-8")), "demo-1")
    return value


@pytest.mark.slow
def test_run_show_verify(call: Call, tmp_path: Path) -> None:
    first = call("demo", *SMALL, "--json", "one.json", "--report", "one.html")
    assert (first.exit_code, first.output) == (0, "")
    one = result(tmp_path, "one.json")
    money = one["money"]
    assert money["deposited_wei"] + money["bonds_wei"] == (
        money["paid_wei"] + money["fees_wei"] + money["refunded_wei"] + money["burnt_wei"] + money["left_wei"]
    )
    assert call("observe", "--replay", "one.json", "--json", "seen.json", "--quiet").exit_code == 0
    seen = valid(json.loads((tmp_path / "seen.json").read_text(encoding="utf-8")), "observe-1")
    assert [s["accepted"] for s in seen["sessions"]] == [s["accepted"] for s in one["sessions"]]
    assert seen["accuracy"]["final"] == one["accuracy"]["final"]
    assert seen["gas"]["by_phase"] == one["gas"]["by_phase"]
    checked = call("verify", "one.json", "--json", "-")
    assert checked.exit_code == 0
    assert valid(json.loads(checked.stdout), "verify-1")["sessions"] == 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_result(call: Call, tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        assert call("demo", *SMALL, "--seed", 3, "--json", name).exit_code == 0
    one, two = (result(tmp_path, name) for name in ("one.json", "two.json"))
    for value in (one, two):
        del value["seconds"], value["record"]
    assert one == two


@pytest.mark.slow
def test_data_owners_that_are_gone(call: Call, tmp_path: Path) -> None:
    """T of every group is what it takes: the result says who was gone, when, and with how many its group went on."""
    options = ("--policy", "recover", "--dropouts", 3, "--sessions", 1, "--rounds", 3, "--members", 12, "--quiet")
    assert call("demo", *options, "--json", "one.json", "--report", "one.html").exit_code == 0
    one = result(tmp_path, "one.json")
    (session,) = one["sessions"]
    assert len(session["dropped"]) == one["dropouts"]["members"] == 3
    for group, count in enumerate(session["counts"]):
        gone = [d["step"] for d in session["dropped"] if group in d["groups"]]
        assert (group in session["failed"]) == (len(gone) > 1)
        assert count == (0 if len(gone) > 1 else 4 - sum(step in ("share", "upload") for step in gone))
    assert "Who was missing" in (tmp_path / "one.html").read_text(encoding="utf-8")
    assert call("observe", "--replay", "one.json", "--json", "seen.json", "--quiet").exit_code == 0
    seen = valid(json.loads((tmp_path / "seen.json").read_text(encoding="utf-8")), "observe-1")
    missing = {member for gap in seen["sessions"][0]["missing"] for member in gap["members"]}
    assert missing == {d["account"] for d in session["dropped"]}
    assert call("verify", "one.json", "--quiet").exit_code == 0
