"""The recipes hang together: models fit the data, data sets are disjoint, the published sizes hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omnilytics.errors import DataError, InputError
from omnilytics.experiments import recipes, shapes
from omnilytics.experiments.recipes import (
    DIGITS_LAYERS,
    DIGITS_SIDE,
    RECIPES,
    Recipe,
    build_data,
    build_split,
    recipe_for,
)
from omnilytics.model.split import StandIn
from omnilytics.seeds import Seeds
from omnilytics.train.data import Dataset


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random images in place of MNIST, and a frozen network that has seen 30 pictures."""
    rng = np.random.default_rng(1)
    halves = [
        Dataset(rng.random((n, 1, 28, 28), dtype=np.float32), np.arange(n) % 10, 10, name)
        for n, name in ((1500, "train"), (50, "test"))
    ]
    monkeypatch.setattr(recipes, "load_mnist", lambda directory: tuple(halves))
    recipes._kept_mnist.cache_clear()
    monkeypatch.setattr(shapes, "FOUNDATION", replace(shapes.FOUNDATION, samples=30))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda r: f"{r.dataset}-{r.split}")
def test_models_fit_the_data(recipe: Recipe) -> None:
    seeds = Seeds(1)
    data = build_data(recipe, seeds, Path())
    split = build_split(recipe, seeds)
    assert split.name == recipe.split
    assert split.logits(data.test.x[:3]).shape == (3, 10)
    assert recipe.rounds * recipe.group_size <= recipe.members == len(data.members)
    assert {len(member) for member in data.members} == {recipe.samples_per_member}
    assert len(data.owner) == recipe.owner_samples


def test_the_owner_s_samples_say_how_all_are_standardised() -> None:
    raw = build_data(DIGITS_SIDE, Seeds(1))
    data = raw.standardised()
    assert float(data.owner.x.mean()) == pytest.approx(0, abs=1e-5)
    assert float(data.owner.x.std()) == pytest.approx(1, abs=1e-5)
    mean, spread = raw.owner.x.mean(), raw.owner.x.std()
    for before, after in zip((*raw.members, raw.test), (*data.members, data.test), strict=True):
        np.testing.assert_allclose(after.x, (before.x - mean) / spread, rtol=1e-5, atol=1e-6)
        assert after.x.dtype == np.float32
        np.testing.assert_array_equal(after.y, before.y)


def test_public_sizes() -> None:
    sizes = {key: build_split(recipe, Seeds(1)).parameter_count for key, recipe in RECIPES.items()}
    assert sizes == {
        ("mnist", "side"): 5_386,
        ("mnist", "layers"): 5_705,
        ("digits", "side"): 1_370,
        ("digits", "layers"): 2_594,
        ("shapes", "side"): 3_690,
    }


def test_everybody_has_samples_of_its_own() -> None:
    data = build_data(DIGITS_SIDE, Seeds(1))
    seen = [image.tobytes() for part in (data.owner, *data.members) for image in part.x]
    assert len(set(seen)) == len(seen) == 40 + 32 * 20
    assert not set(seen) & {image.tobytes() for image in data.test.x}


def test_data_and_models_repeat_by_the_seed() -> None:
    first, again, other = (build_data(DIGITS_SIDE, Seeds(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.owner.x, again.owner.x)
    assert not np.array_equal(first.owner.x, other.owner.x)
    assert np.array_equal(first.test.x, other.test.x)
    vectors = [build_split(DIGITS_SIDE, Seeds(seed)).public_vector() for seed in (1, 1, 2)]
    assert np.array_equal(vectors[0], vectors[1])
    assert not np.array_equal(vectors[0], vectors[2])


def test_mnist_is_read_once_a_process_and_not_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    load = recipes.load_mnist
    monkeypatch.setattr(recipes, "load_mnist", lambda directory: asked.append(directory) or load(directory))
    recipe = recipe_for("mnist", "side")
    first, again = (build_data(recipe, Seeds(seed), Path("here")) for seed in (1, 2))
    assert asked == [Path("here")]
    assert first.test is again.test
    with pytest.raises(ValueError, match="read-only"):
        first.test.x[:] = 0
    first.members[0].x[:] = 0
    assert np.array_equal(build_data(recipe, Seeds(1), Path("here")).members[1].x, first.members[1].x)


def test_only_own_common_starts_from_the_public_stream() -> None:
    vectors = [build_split(DIGITS_LAYERS, Seeds(1), stand_in).public_vector() for stand_in in StandIn]
    shared, own, common = vectors
    assert np.array_equal(shared, own)
    assert not np.array_equal(own, common)


def test_skewed_data() -> None:
    data = build_data(DIGITS_SIDE, Seeds(1), partition="dirichlet", alpha=0.1)
    largest = [np.bincount(member.y).max() for member in data.members]
    assert np.mean(largest) > 8


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected one of mnist with side, .*; got faces with side"):
        recipe_for("faces", "side")
    with pytest.raises(DataError, match=r"mnist: expected the folder of its files \(--data-dir\), got none"):
        build_data(recipe_for("mnist", "side"), Seeds(1))
    with pytest.raises(InputError, match="expected iid or dirichlet, got 'even'"):
        build_data(DIGITS_SIDE, Seeds(1), partition="even")
    with pytest.raises(InputError, match="digits: expected 1280 samples for 64 parts of 20, got 1160"):
        build_data(replace(DIGITS_SIDE, members=64), Seeds(1))
    with pytest.raises(InputError, match="expected 2000 samples for the owner, got 1200"):
        build_data(replace(DIGITS_SIDE, owner_samples=2000), Seeds(1))
