"""The owner's weight for its private model."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omnilytics.model.combine import CANDIDATES, choose_weight, combine, folds, log_softmax


def model(rng: np.random.Generator, labels: NDArray[np.int64], skill: float) -> NDArray[np.float32]:
    """Logits that favour the label by `skill`, in noise of size 1."""
    noise = rng.normal(size=(len(labels), 10))
    return (noise + skill * np.eye(10)[labels]).astype(np.float32)


def test_log_softmax_is_normalised_and_does_not_overflow() -> None:
    p = np.exp(log_softmax(np.array([[1e4, 0], [3, 3]], dtype=np.float32)))
    assert p.sum(axis=1) == pytest.approx(1)
    assert p[1, 0] == pytest.approx(0.5)


def test_a_private_model_without_skill_gets_next_to_no_weight() -> None:
    rng = np.random.default_rng(1)
    chosen = []
    for _ in range(40):
        labels = rng.integers(0, 10, 40)
        chosen.append(choose_weight(model(rng, labels, 4), model(rng, labels, 0), labels))
    assert np.mean(np.array(chosen) == 0) > 0.7
    assert np.mean(chosen) < 0.05


def test_sharper_is_not_better() -> None:
    """A private model that is surer of the same answers gets no weight: the temperature gives that for nothing."""
    labels = np.arange(40) % 10
    assert (
        choose_weight(2 * np.eye(10, dtype=np.float32)[labels], 9 * np.eye(10, dtype=np.float32)[labels], labels) == 0
    )


def test_a_skilled_private_model_beside_a_blank_public_one_gets_weight() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 10, 40)
    assert choose_weight(model(rng, labels, 0), model(rng, labels, 4), labels) >= 0.5


def test_one_mended_error_is_no_reason() -> None:
    """Of 40 samples the public model errs in one or two, confidently; the private model is right everywhere."""
    labels = np.arange(40) % 10
    private = 3 * np.eye(10, dtype=np.float32)[labels]
    for errors, reason in ((1, False), (2, True)):
        said = np.where(np.arange(40) < errors, (labels + 1) % 10, labels)
        public = np.eye(10, dtype=np.float32)[said]
        assert (choose_weight(public, private, labels) > 0) is reason


def test_two_equal_and_independent_models_share() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 10, 1000)
    public, private = model(rng, labels, 2), model(rng, labels, 2)
    weight = choose_weight(public, private, labels)
    assert weight in CANDIDATES
    assert 0.3 <= weight <= 0.6
    combined = combine(public, private, weight).argmax(axis=1) == labels
    assert combined.mean() > (public.argmax(axis=1) == labels).mean() + 0.05


def test_one_sample_decides_nothing() -> None:
    logits = np.eye(2, dtype=np.float32)[:1]
    assert choose_weight(-logits, logits, np.array([0])) == 0


def test_folds_partition_the_samples() -> None:
    parts = folds(10, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(10))
    assert [len(p) for p in parts] == [3, 3, 2, 2]
    assert len(folds(2, np.random.default_rng(0))) == 2
