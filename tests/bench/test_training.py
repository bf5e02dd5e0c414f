"""Suite `training`: batch and loop are compared on the same work, and in float64 they are one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from omnilytics.bench import simulated, training
from omnilytics.errors import DataError, VerificationError


@pytest.mark.parametrize(("dataset", "split"), training.CASES.values())
def test_batch_and_loop_are_equal_in_float64(dataset: str, split: str) -> None:
    assert training.largest_difference(training.timed_recipe(dataset, split), members=2) < training.TOLERANCE


def test_a_report_of_what_was_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "seconds", lambda recipe, members, repetitions: (0.5, 0.2))
    monkeypatch.setattr(training, "largest_difference", lambda recipe, members: 1e-9)
    said: list[str] = []
    report = training.run(said.append, Path("nowhere"))
    assert report.ratios == dict.fromkeys(training.CASES, 2.5)
    assert [row.ratio for row in report.rows] == [2.5] * len(training.CASES)
    assert len(said) == len(training.CASES)
    assert report.notes[-1].startswith("not held against Flower's simulation: expected Flower for Python 3.")
    assert report.bounds.keys() >= {"batched_vs_loop", "simulation_vs_flower", "simulation_vs_flower_digits"}


def test_a_difference_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "seconds", lambda recipe, members, repetitions: (0.5, 0.2))
    monkeypatch.setattr(training, "largest_difference", lambda recipe, members: 1e-5)
    with pytest.raises(VerificationError, match="1e-05"):
        training.run(lambda line: None, Path("nowhere"))


def test_a_round_of_flower_s_simulation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, sys\n"
        "asked = json.loads(input())\n"
        "assert os.environ['PYTHONPATH'].startswith(sys.argv[0].rpartition('/')[0])\n"
        "seconds = [0.1] + [asked[n] for n in ('members', 'samples', 'epochs', 'batch')]\n"
        "print(json.dumps({'seconds': dict.fromkeys(asked['datasets'], seconds), 'versions': {'flwr': '1'}}))\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(simulated, "PROGRAM", program)
    monkeypatch.setattr(simulated, "_round", lambda recipe, data: 0.5)
    recipe = training.timed_recipe("mnist", "side")
    cases = {"mnist": (recipe, training.noise(recipe, 3))}
    (row,), ratios, note = simulated.against_flower(tmp_path / "bin" / "python", cases)
    assert (row.value, row.anchor_value, ratios) == (500, 2_000, {"mnist": 4})
    assert "flwr 1" in note
    program.write_text("raise SystemExit('no processors')", encoding="utf-8")
    with pytest.raises(DataError, match=r"expected the times of 4 rounds, the program ended; it said: no processors"):
        simulated.against_flower(tmp_path / "bin" / "python", cases)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    assert simulated.missing(python) == f"Flower for Python 3.{sys.version_info.minor} at {python}"
    (simulated.packages(python) / "flwr").mkdir(parents=True)
    monkeypatch.setattr(simulated, "find_spec", lambda name: None)
    assert simulated.missing(python) == "the package ray (extra ray)"
    monkeypatch.setattr(simulated, "find_spec", lambda name: name)
    assert simulated.missing(python) == ""
