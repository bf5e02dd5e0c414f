"""A bigger model in the market, tiny."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from omnilytics.experiments import shapes
from omnilytics.experiments.arena.run import run_trial
from omnilytics.experiments.recipes import build_split, recipe_for
from omnilytics.experiments.shapes import Foundation, trained
from omnilytics.experiments.trial import Trial
from omnilytics.model.vector import to_vector
from omnilytics.seeds import Seeds


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tiny = Foundation(width=2, samples=60, train=replace(shapes.TRAIN, epochs=1))
    monkeypatch.setattr(shapes, "FOUNDATION", tiny)
    monkeypatch.setattr(shapes, "POOL", 300)
    monkeypatch.setattr(shapes, "TEST", 50)
    yield
    trained.cache_clear()


def test_all_parties_make_the_same() -> None:
    first = shapes.adapters()
    trained.cache_clear()
    again = shapes.adapters()
    for one, other in zip(first.buffers(), again.buffers(), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert trained(shapes.FOUNDATION) is trained(shapes.FOUNDATION)


def test_its_shapes_are_not_the_markets() -> None:
    assert not set(shapes.CLASSES) & set(Foundation().classes)
    dealt, test = shapes.pool()
    assert len(dealt) == 300
    assert not np.array_equal(dealt.x[:50], test.x)


def test_it_goes_through_the_contract() -> None:
    result = run_trial(
        Trial(dataset="shapes", members=12, rounds=3, sessions=1, samples=10, epochs=1, owner_epochs=1, seed=3)
    )
    assert result.parameter_count == to_vector(shapes.adapters()).size
    assert result.gas["upload"] > 0
    assert result.groups_all.clean == 3


def test_the_market_starts_from_the_frozen_network() -> None:
    """The owner's draw decides the head; adapters start from nothing."""
    split = build_split(recipe_for("shapes", "side"), Seeds(1))
    arrays = split.outgoing()
    assert all(not values.any() for name, values in arrays.items() if name.endswith("up"))
    assert arrays["head.weight"].any()
