"""Telling samples that were trained on from others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from omnilytics.errors import InputError
from omnilytics.experiments.membership import CHANCE, auc, infer
from omnilytics.experiments.observer import GroupSum
from omnilytics.train.data import Dataset
from omnilytics.types import FloatVec


def test_the_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    inside, outside = rng.integers(0, 9, 40).astype(np.float64), rng.integers(2, 11, 70).astype(np.float64)
    expected = roc_auc_score(np.repeat([1, 0], [40, 70]), np.concatenate([inside, outside]))
    assert auc(inside, outside) == pytest.approx(expected)


def test_no_scores() -> None:
    with pytest.raises(InputError, match="expected some on both sides, got 0 and 2"):
        auc(np.empty(0), np.ones(2))


MEMBERS = 8


def hot(rows: NDArray[np.int64]) -> Dataset:
    """Samples with one feature each, all of class 1."""
    return Dataset(np.eye(64, dtype=np.float32)[rows], np.ones(len(rows), np.int64), 2, "hot")


def logits(weights: FloatVec, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A model that remembers features: class 1 as far as W^p has them."""
    said = x @ weights
    return np.stack([np.zeros_like(said), said], axis=1)


@pytest.mark.parametrize("steps_tell", [True, False])
def test_steps_that_remember_are_seen_and_others_are_not(steps_tell: bool) -> None:
    """Each member has four features of its own; its step raises them, or those of nobody."""
    rng = np.random.default_rng(2)
    own = rng.permutation(64)[: 4 * MEMBERS].reshape(MEMBERS, 4)
    data, strangers = [hot(rows) for rows in own], hot(np.setdiff1d(np.arange(64), own))
    steps = np.zeros((MEMBERS, 64), np.float32)
    for member, rows in enumerate(own):
        steps[member, rows if steps_tell else strangers.x.argmax(1)[:4]] = 1
    sums = [
        GroupSum(session, tuple(int(m) for m in group), steps[group].mean(axis=0))
        for session in (1, 2)
        for group in rng.permutation(MEMBERS).reshape(2, 4)
    ]
    start = {1: np.zeros(64, np.float32), 2: steps.mean(axis=0)}
    solved = {member: steps[member] - steps.mean(axis=0) for member in range(MEMBERS)}
    found = infer(logits, start, 2 * steps.mean(axis=0), sums, solved, data, strangers)
    if steps_tell:
        assert min(found.model, found.group, found.followed, found.solved) > 0.9
    else:
        assert max(found.model, found.group, found.followed, found.solved) <= CHANCE
