"""Engines: the same results whichever runs them, and errors that come through."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from omnilytics.errors import DataError, InputError
from omnilytics.experiments.arena.run import run_trial
from omnilytics.experiments.engine import Engine, Local, Ray, engine
from omnilytics.experiments.trial import Trial, TrialResult

TINY = Trial(on_chain=False, dataset="digits", members=12, rounds=3, group_size=4, sessions=2)
TRIALS = [replace(TINY, seed=1), replace(TINY, seed=2, attack="sign-flip", attackers=0.25)]


def squared(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def seen(number: int) -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def refusing(number: int) -> int:
    if number == 2:
        raise DataError("number: expected another one, got 2")
    return number


def results(of: Engine) -> list[TrialResult]:
    found = dict(of.map(run_trial, TRIALS))
    return [replace(found[place], seconds={}) for place in range(len(TRIALS))]


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_is_done_once_in_processes_if_there_are_jobs(jobs: int) -> None:
    found = dict(Local(jobs).map(squared, range(5)))
    assert {place: square for place, (square, _) in found.items()} == {n: n * n for n in range(5)}
    assert (os.getpid() in {pid for _, pid in found.values()}) == (jobs == 1)
    assert dict(Local(jobs).map(squared, [])) == {}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_comes_through(jobs: int) -> None:
    with pytest.raises(DataError, match="expected another one, got 2"):
        dict(Local(jobs).map(refusing, range(20)))


def test_trials_do_not_depend_on_the_number_of_processes() -> None:
    assert results(Local(1)) == results(Local(2))


@pytest.mark.nightly
def test_ray_gives_the_same_and_errors_come_through() -> None:
    pytest.importorskip("ray")
    alone = results(Local(1))
    assert results(Ray(2, 0.0, None)) == alone
    with pytest.raises(DataError, match="expected another one, got 2"):
        dict(Ray(2, 0.0, None).map(refusing, range(5)))
    assert dict(Ray(1, 0.0, None).map(seen, range(1))) == {0: ""}


def test_one_at_a_time() -> None:
    assert Local(4).one_at_a_time() == Local(1)
    assert Ray(0, 0.25, "auto").one_at_a_time() == Ray(1, 0.25, "auto")


def test_engines_by_name() -> None:
    assert engine() == Local(1)
    assert engine("local", 0) == Local(os.cpu_count() or 1)
    assert engine("ray", 3, 0.25, "auto") == Ray(3, 0.25, "auto")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "slurm"}, "engine: expected one of local, ray, got 'slurm'"),
        ({"jobs": -1}, "jobs: expected at least 0, got -1"),
        ({"gpus": 0.5}, "engine: expected ray with a share of a GPU"),
        ({"address": "auto"}, "engine: expected ray with a share of a GPU"),
        ({"name": "ray", "gpus": -0.5}, "gpus: expected 0 to 64 for a trial, got -0.5"),
    ],
)
def test_what_no_engine_can_do(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        engine(**options)  # type: ignore[arg-type]
