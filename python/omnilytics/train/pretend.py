"""The bound C that the model owner announces, from steps of pretend data owners on its own samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omnilytics.errors import InputError
from omnilytics.model.split import Split
from omnilytics.seeds import Seeds
from omnilytics.train.batched import train_batched
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset
from omnilytics.types import FloatVec

SMALLEST_CLIP = 2.0**-20
"""C when no pretend owner moved at all."""


def pretend_steps(
    split: Split, data: Dataset, members: int, samples: int, config: TrainConfig, seeds: Seeds, session: int
) -> list[FloatVec]:
    """The steps v_i of pretend owners, shape (d,) each, before encoding.

    Where the owner itself trains W^p, its samples have little left to teach: distorted images stand in for strangers'.

    Args:
        split: at the W^p that is going to be published.
        data: the model owner's own samples.
        members: N, the size of a group.
        samples: M0; each pretend owner has so many of the owner's samples, or all when it has fewer.
        config: how data owners train.
        seeds: the run's.
        session: 1, 2, ... within the run.

    Raises:
        InputError: no members or no samples.
        EncodingError: training diverged.
    """
    if members < 1 or samples < 1 or not len(data):
        raise InputError(
            f"clip: expected members, samples and data, got {members}, {samples} and {len(data)} of the owner's"
        )
    if split.owner_trains_public and data.x.ndim == 4:
        config = replace(config, augment=True)
    published = split.public_vector()
    indices = [-1 - i for i in range(members)]
    rng = seeds.numpy("pretend", session)
    own = [data.take(np.sort(rng.permutation(len(data))[:samples])) for _ in indices]
    trained = train_batched(split, indices, own, published, config, seeds, session)
    return [w - published for w in trained]


def announced_clip(
    split: Split, data: Dataset, members: int, samples: int, config: TrainConfig, seeds: Seeds, session: int
) -> float:
    """C = 2 N max_i rms(v_i) of `pretend_steps`, whose arguments it has: what an honest group stays within (design 6).

    Returns:
        C as a float32 value, > 0.

    Raises:
        InputError: no members or no samples.
        EncodingError: training diverged.
    """
    steps = pretend_steps(split, data, members, samples, config, seeds, session)
    largest = max(float(np.sqrt(np.mean(step.astype(np.float64) ** 2))) for step in steps)
    return float(np.float32(max(2 * members * largest, SMALLEST_CLIP)))
