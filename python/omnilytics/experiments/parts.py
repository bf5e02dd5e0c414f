"""What data owners on a network train: the recipe's public model, on a part of the data that is theirs alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from omnilytics.errors import InputError
from omnilytics.experiments.recipes import build_split, load_pool, recipe_for
from omnilytics.seeds import Seeds
from omnilytics.train.data import Dataset
from omnilytics.train.local import train_local
from omnilytics.types import FloatVec, SessionParams

SPLIT = "side"
"""The split whose members need nothing of the model but W^p."""

COMMON = Seeds(0)
"""Deals the parts, and makes the first W^p: the same for everybody."""


def part_of(dataset: str, folder: Path | None, part: int, parts: int) -> Dataset:
    """A part of the data that no other part has a sample of.

    Args:
        dataset: digits | mnist.
        folder: of the MNIST files.
        part: which, from 0.
        parts: how many there are.

    Raises:
        DataError: files missing or corrupt.
        InputError: more parts than samples.
    """
    pool, _ = load_pool(recipe_for(dataset, SPLIT), folder)
    if parts > len(pool):
        raise InputError(f"parts: expected at most the {len(pool)} samples of {dataset}, got {parts}")
    order = COMMON.numpy("parts").permutation(len(pool))
    return pool.take(np.sort(np.array_split(order, parts)[part]))


def unseen(dataset: str, folder: Path | None) -> Dataset:
    """The samples that are in no part: nobody trains on them.

    Raises:
        DataError: files missing or corrupt.
    """
    _, test = load_pool(recipe_for(dataset, SPLIT), folder)
    return test


def training(
    dataset: str, data: Dataset, params: SessionParams, seeds: Seeds, number: int
) -> Callable[[FloatVec], FloatVec]:
    """How a data owner trains in session `number` of a model owner: as the terms ask, on as many of its samples.

    Raises:
        InputError: a model that isn't the data set's, or fewer samples than the terms ask for.
    """
    recipe = recipe_for(dataset, SPLIT)
    split = build_split(recipe, COMMON)
    if split.parameter_count != params.parameter_count:
        raise InputError(
            f"model: expected one of {split.parameter_count} parameters for {dataset}, got {params.parameter_count}"
        )
    if len(data) < params.samples:
        raise InputError(f"data: expected the {params.samples} samples that the terms ask for, got {len(data)}")
    config = replace(recipe.train, epochs=params.epochs, batch_size=params.batch_size)
    own = data.take(np.arange(params.samples))
    return lambda published: train_local(split, 0, own, published, config, seeds, number)
