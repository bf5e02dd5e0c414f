"""A trial that is interrupted between two sessions goes on as if nothing had happened."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from omnilytics.errors import DataError
from omnilytics.experiments.arena.run import run_trial
from omnilytics.experiments.trial import Trial
from omnilytics.protocol.pipeline import Pipeline, RunState

TRIALS = [
    Trial(on_chain=False, dataset="digits", members=12, rounds=3, group_size=4, sessions=3),
    Trial(
        on_chain=False,
        dataset="digits",
        split="layers",
        members=12,
        rounds=3,
        group_size=4,
        sessions=3,
        attack="inner-product",
        attackers=0.25,
    ),
]


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int) -> list[int]:
    """Each call of the pipeline's sessions ends it from then on; who was run is told."""
    began: list[int] = []
    real = Pipeline._next

    def next_session(pipeline: Pipeline, state: RunState) -> None:
        if len(began) == after:
            raise KeyboardInterrupt
        began.append(len(state.outcomes) + 1)
        real(pipeline, state)

    monkeypatch.setattr(Pipeline, "_next", next_session)
    return began


@pytest.mark.parametrize("trial", TRIALS, ids=["side", "layers, attacked"])
def test_it_goes_on_where_it_was(trial: Trial, tmp_path: Path) -> None:
    whole, path = run_trial(trial), tmp_path / "trials" / "one"
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            run_trial(trial, checkpoint=path)
    assert 0 < path.stat().st_size < 20_000_000
    with pytest.MonkeyPatch.context() as patch:
        began = interrupt(patch, 9)
        resumed = run_trial(trial, checkpoint=path)
    assert began == [3]
    assert replace(resumed, seconds={}) == replace(whole, seconds={})
    assert not path.exists()


def test_another_trial_s_checkpoint_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "one"
    interrupt(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        run_trial(TRIALS[0], checkpoint=path)
    with pytest.raises(DataError, match="expected a checkpoint of this trial, got another one's"):
        run_trial(replace(TRIALS[0], seed=1), checkpoint=path)


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps(3), pickle.dumps((1, 2))[:-1]])
def test_what_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected a checkpoint of this"):
        run_trial(TRIALS[0], checkpoint=path)


def test_a_checkpoint_holds_no_samples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "one"
    interrupt(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        run_trial(TRIALS[0], checkpoint=path)
    assert path.stat().st_size < 300_000
