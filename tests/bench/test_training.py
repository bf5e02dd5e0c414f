"""Suite `training`: batch and loop are compared on the same work, and in float64 they are one."""

from __future__ import annotations

import pytest

from omnilytics.bench import training
from omnilytics.errors import VerificationError


@pytest.mark.parametrize(("dataset", "split"), training.CASES.values())
def test_batch_and_loop_are_equal_in_float64(dataset: str, split: str) -> None:
    assert training.largest_difference(training.timed_recipe(dataset, split), members=2) < training.TOLERANCE


def test_a_report_of_what_was_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "seconds", lambda recipe, members, repetitions: (0.5, 0.2))
    monkeypatch.setattr(training, "largest_difference", lambda recipe, members: 1e-9)
    said: list[str] = []
    report = training.run(said.append)
    assert report.ratios == dict.fromkeys(training.CASES, 2.5)
    assert [row.ratio for row in report.rows] == [2.5] * len(training.CASES)
    assert len(said) == len(training.CASES)


def test_a_difference_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "seconds", lambda recipe, members, repetitions: (0.5, 0.2))
    monkeypatch.setattr(training, "largest_difference", lambda recipe, members: 1e-5)
    with pytest.raises(VerificationError, match="1e-05"):
        training.run(lambda line: None)
