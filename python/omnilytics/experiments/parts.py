"""What data owners on a network train: the public part of a recipe's model, on samples that are theirs alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from omnilytics.errors import InputError
from omnilytics.experiments.recipes import OWN, Recipe, build_split, load_pool, own_recipe, recipe_for
from omnilytics.model.packing import pack, unpack
from omnilytics.model.split import Split
from omnilytics.seeds import Seeds
from omnilytics.train.data import Dataset, load_samples
from omnilytics.train.local import train_local
from omnilytics.types import FloatVec, SessionParams

ASIDE = 5
"""One in so many samples of an owner's own file is there to judge by."""

SPLITS = ("side", "layers")
"""What members need nothing for but W^p: with `layers` they stand in for the private part by layers of their own."""

COMMON = Seeds(0)
"""Deals the parts, and makes the first W^p and the start of stand-ins: the same for everybody."""


def part_of(dataset: str, place: Path | None, part: int, parts: int, classes: int = 0) -> Dataset:
    """A part of the data that no other part has a sample of.

    Args:
        dataset: digits | mnist | file.
        place: the folder of the MNIST files, or a file of one's own.
        part: which, from 0.
        parts: how many there are.
        classes: of a file's samples.

    Raises:
        DataError: files missing or corrupt.
        InputError: more parts than samples.
    """
    if dataset == OWN:
        assert place is not None
        pool = load_samples(place, classes)
    else:
        pool, _ = load_pool(recipe_for(dataset, SPLITS[0]), place)
    if parts > len(pool):
        raise InputError(f"parts: expected at most the {len(pool)} samples of {dataset}, got {parts}")
    order = COMMON.numpy("parts").permutation(len(pool))
    return pool.take(np.sort(np.array_split(order, parts)[part]))


def owner_part(dataset: str, place: Path | None, part: int, parts: int, classes: int = 0) -> tuple[Dataset, Dataset]:
    """A model owner's samples, and those that its model is judged by, which nobody trains on.

    Of a file of its own the owner sets a fifth of its part aside, the same whenever it is asked.

    Raises:
        DataError, InputError: as `part_of`; fewer than 2 samples in a file.
    """
    own = part_of(dataset, place, part, parts, classes)
    if dataset != OWN:
        return own, unseen(dataset, place)
    if len(own) < 2:
        raise InputError(f"{place}: expected at least 2 samples of the owner's, one to judge by, got {len(own)}")
    order, aside = COMMON.numpy("aside").permutation(len(own)), max(1, len(own) // ASIDE)
    return own.take(np.sort(order[aside:])), own.take(np.sort(order[:aside]))


def unseen(dataset: str, folder: Path | None) -> Dataset:
    """The samples that are in no part: nobody trains on them.

    Raises:
        DataError: files missing or corrupt.
    """
    _, test = load_pool(recipe_for(dataset, SPLITS[0]), folder)
    return test


def training(
    dataset: str, data: Dataset, params: SessionParams, seeds: Seeds, number: int
) -> Callable[[FloatVec, bytes], tuple[FloatVec, bytes]]:
    """How a data owner trains in session `number` of a model owner: as the terms ask, on as many of its samples.

    The number of parameters says what the model is split by. With `layers`, a data owner has private layers of its own,
    from a start that is everybody's.

    Returns:
        (W^p, its private layers as the session before has left them, or nothing) -> (the trained vector, these layers
        now, nothing with `side`).

    Raises:
        InputError: a model that isn't the data set's, or fewer samples than the terms ask for.
    """
    recipe, split = _model(dataset, data, params.parameter_count)
    if len(data) < params.samples:
        raise InputError(f"data: expected the {params.samples} samples that the terms ask for, got {len(data)}")
    config = replace(recipe.train, epochs=params.epochs, batch_size=params.batch_size)
    own = data.take(np.arange(params.samples))

    def train(published: FloatVec, before: bytes) -> tuple[FloatVec, bytes]:
        if before:
            split.keep(0, {name: torch.from_numpy(array) for name, array in unpack(before).items()})
        else:
            split.keep(0, split.private_state(0, COMMON))
        trained = train_local(split, 0, own, published, config, seeds, number)
        after = split.private_state(0, seeds)
        return trained, pack({name: values.numpy() for name, values in after.items()}) if after else b""

    return train


def _model(dataset: str, data: Dataset, parameter_count: int) -> tuple[Recipe, Split]:
    """The recipe of a data set whose public part has so many parameters, and its model.

    Raises:
        InputError: none has.
    """
    sizes = []
    for recipe in _recipes(dataset, data, parameter_count):
        split = build_split(recipe, COMMON)
        if split.parameter_count == parameter_count:
            return recipe, split
        sizes.append(split.parameter_count)
    expected = " or ".join(map(str, sizes))
    raise InputError(f"model: expected one of {expected} parameters for {data.name}, got {parameter_count}")


def _recipes(dataset: str, data: Dataset, parameter_count: int) -> list[Recipe]:
    """Those that it can be; for samples of one's own the width follows from the size, which it is a line in."""
    if dataset != OWN:
        return [recipe_for(dataset, split) for split in SPLITS]
    shape = data.x.shape[1:]
    first, second = (build_split(own_recipe(shape, data.classes, width), COMMON).parameter_count for width in (1, 2))
    width = max(1, 1 + (parameter_count - first) // (second - first))
    return [own_recipe(shape, data.classes, width)]
