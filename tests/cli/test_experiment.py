"""`omnilytics experiment`: questions are listed, asked, and their answers drawn again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnilytics.experiments.spec import spec_names
from tests.cli.conftest import Call, valid
from tests.experiments.asked import QUESTION


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A question whose trials take no time."""
    path = tmp_path / "noise.toml"
    path.write_text(QUESTION)
    return path


def test_list(call: Call) -> None:
    listed = valid(json.loads(call("experiment", "list", "--json", "-").stdout), "experiments-1")
    assert [row["name"] for row in listed["experiments"]] == spec_names()
    assert "Table 5" in call("experiment", "list").stdout


def test_run_and_draw_again(call: Call, noise: Path, tmp_path: Path) -> None:
    asked = call("experiment", "run", noise, "--out", "out", "--json", "-")
    assert asked.exit_code == 0, asked.output
    (one,) = valid(json.loads(asked.stdout), "experiment-run-1")["experiments"]
    kept = valid(json.loads((tmp_path / "out" / "noise.json").read_text()), "experiment-1")
    assert kept == one
    assert "≥ 90: met" in asked.stderr
    again = call("experiment", "draw", "out/noise.json", "--out", "again")
    assert again.exit_code == 0, again.output
    for name in ("noise.svg", "noise.png", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_seeds_attack_and_no_figures(call: Call, noise: Path, tmp_path: Path) -> None:
    options = ("--seeds", "5, 6", "--attack", "mine:Attack", "--no-figures", "--quiet", "--out", "out")
    asked = call("experiment", "run", noise, *options)
    assert (asked.exit_code, asked.output) == (0, "")
    kept = json.loads((tmp_path / "out" / "noise.json").read_text())
    assert (kept["seeds"], kept["attack"]) == ([5, 6], "mine:Attack")
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == ["", ".html", ".json"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["table0"], "experiment: expected one of attacks, "),
        (["noise.toml", "--seeds", "5,-6"], "--seeds: expected different integers"),
        (["noise.toml", "--seeds", "5,5"], "--seeds: expected different integers"),
        (["noise.toml", "--out", "noise.toml"], "noise.toml: expected a folder"),
        (["noise.toml", "--gpus", "0.5"], "engine: expected ray with a share of a GPU"),
    ],
)
def test_what_cannot_be_asked(call: Call, noise: Path, options: list[str], complaint: str) -> None:
    asked = call("experiment", "run", *options)
    assert asked.exit_code == 2
    assert complaint in asked.stderr


@pytest.mark.slow
def test_all_of_them_in_tiny(call: Call, tmp_path: Path) -> None:
    asked = call("experiment", "all", "--small", "--quiet", "--out", "out", "--json", "all.json")
    assert (asked.exit_code, asked.output) == (0, "")
    found = valid(json.loads((tmp_path / "all.json").read_text()), "experiment-run-1")["experiments"]
    assert [one["name"] for one in found] == spec_names()
    assert all(column is not None for one in found for column in one["rows"][0]["values"][one["columns"][0]["title"]])
    assert {path.stem for path in (tmp_path / "out").glob("*.svg")} == set(spec_names())
