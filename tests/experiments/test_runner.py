"""Trials are run once, whoever runs them, and what was found says of what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omnilytics.errors import DataError, InputError
from omnilytics.experiments.engine import Local
from omnilytics.experiments.findings import Findings
from omnilytics.experiments.runner import Request, Shelf, digest, run_one, run_spec
from omnilytics.experiments.spec import load_spec, parse_spec
from omnilytics.experiments.trial import Trial
from tests.experiments.asked import QUESTION, RAN, run_trial

SPEC = parse_spec("noise", QUESTION)


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


def ask(folder: Path, request: Request | None = None, jobs: int = 1) -> Findings:
    return run_spec(SPEC, request or Request(), Local(jobs), folder)


def test_what_was_found(tmp_path: Path) -> None:
    none, some = ask(tmp_path).rows
    assert none.values == {"Accuracy, %": (90.0, 91.0), "Dirty groups paid, %": (None, None)}
    assert some.values == {"Accuracy, %": (90.0, 91.0), "Dirty groups paid, %": (25.0, 25.0)}
    assert (some.mean("Accuracy, %"), none.mean("Dirty groups paid, %")) == (90.5, None)


def test_nothing_is_run_twice(tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    first = ask(tmp_path)
    assert len(RAN) == 4
    told: list[str] = []
    again = run_spec(
        SPEC,
        Request(),
        Local(1),
        tmp_path,
        progress=lambda done, of: said.append((done, of)),
        tell=lambda name, trial, result: told.append(name),
    )
    assert (len(RAN), again, said) == (4, first, [(4, 4)])
    assert told == [digest(trial) for trial in RAN]
    next(tmp_path.glob("*.json")).unlink()
    assert ask(tmp_path) == first
    assert len(RAN) == 5


@pytest.mark.slow
def test_processes_find_what_one_finds(tmp_path: Path) -> None:
    assert ask(tmp_path / "two", jobs=2) == ask(tmp_path / "one")
    assert len(RAN) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("keys", "alone"), [('["call_seconds.upload"]', True), ('["final"]', False)])
def test_where_time_is_measured_no_trial_takes_another_ones(tmp_path: Path, keys: str, alone: bool) -> None:
    """Those of other processes aren't seen in this one."""
    run_spec(parse_spec("noise", QUESTION.replace('["final"]', keys)), Request(), Local(2), tmp_path)
    assert len(RAN) == (4 if alone else 0)


def test_small_tuning_and_other_seeds(tmp_path: Path) -> None:
    small = ask(tmp_path, Request(small=True))
    assert [(trial.seed, trial.sessions, trial.final_test) for trial in RAN] == [(3, 2, True)]
    assert small.rows[0].curves == ((80.0, 81.0),)
    assert not small.comparable
    RAN.clear()
    assert ask(tmp_path, Request(tune=True)).tuned
    assert {(trial.seed, trial.final_test) for trial in RAN} == {(1, False)}
    assert ask(tmp_path, Request(seeds=(5,))).seeds == (5,)


def test_another_attack_stands_where_one_was(tmp_path: Path) -> None:
    assert not ask(tmp_path, Request(attack="mine:Attack")).comparable
    assert {(trial.attack, trial.attackers) for trial in RAN} == {(None, 0.0), ("mine:Attack", 0.02)}
    calm = parse_spec("noise", QUESTION.replace("attackers = 0.02, ", ""))
    with pytest.raises(InputError, match="--attack: expected an experiment with attackers, got noise"):
        run_spec(calm, Request(attack="mine:Attack"), Local(1), tmp_path)


def test_what_differs_in_its_attack_alone_is_one() -> None:
    """And has its name; tables would call one result by those of others."""
    places = {
        "attacks": ["mine:Attack"],
        "targets": [f"mine:Attack, attackers {share}" for share in (0.16, 0.25, 0.4)],
    }
    for name, expected in places.items():
        asked, cells = Request(attack="mine:Attack").cells(load_spec(name))
        labels = [point.label for point in asked.axes[0].points]
        assert [label for label in labels if label.startswith("mine")] == expected
        assert {cell.labels[0] for cell in cells} == set(labels)
        assert {cell.trial.attack for cell in cells if cell.trial.attackers} == {"mine:Attack"}
    small, _ = Request(attack="mine:Attack", small=True).cells(load_spec("attacks"))
    assert [point.label for point in small.axes[0].points] == ["mine:Attack"]


def test_a_trial_is_known_by_all_that_decides_it() -> None:
    trial = Trial(dataset="digits")
    names = {digest(replace(trial, **change)) for change in ({}, {"seed": 1}, {"attack_options": {"z": 1}})}  # type: ignore[arg-type]
    assert len(names) == 3
    assert digest(trial) == digest(Trial(dataset="digits"))


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    shelf, trial = Shelf(tmp_path), Trial()
    assert shelf.get(trial) is None
    shelf.put(trial, run_trial(trial, None))
    assert shelf.get(trial) == run_trial(trial, None)
    (tmp_path / f"{digest(trial)}.json").write_text("{}")
    with pytest.raises(DataError, match="expected the result of a trial"):
        shelf.get(trial)


@pytest.mark.parametrize("name", ["nothing", "tests.experiments.asked:walk", "no.such.module:run"])
def test_what_runs_nothing_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="run: expected module:function that runs a trial"):
        run_one(Trial(run=name))
