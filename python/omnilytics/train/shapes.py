"""Pictures of shapes, generated: any number of classes and samples, no file.

A class is a closed curve around a centre, r(t) = 1 + sum of a_k cos(k t + p_k), k = 1..4 (Fourier descriptors: Zahn and
Roskies, IEEE Transactions on Computers C-21, 1972), drawn from the class's number. A sample is that curve filled,
turned, shifted and scaled at random, in a random light colour on a dark one, with noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import InputError
from omnilytics.seeds import Seeds
from omnilytics.train.data import Dataset

_TURN = 0.8  # radians
_SHIFT = 0.2  # of half the picture
_SCALE = (0.5, 0.65)  # of half the picture
_EDGE = 10.0  # how fast the curve's inside becomes its outside
_NOISE = 0.25  # standard deviation; colours are 0 to 1
_DARK, _LIGHT = (0.0, 0.35), (0.65, 1.0)  # channels of paper and ink


def shapes(samples: int, classes: range, rng: np.random.Generator, size: int = 16) -> Dataset:
    """Pictures (n, 3, size, size) of the shapes with these numbers, equally often, labelled from 0.

    Args:
        samples: n.
        classes: numbers of the shapes.
        rng: all but the shapes themselves.
        size: pixels.

    Raises:
        InputError: fewer than 2 classes, no samples, or pictures of fewer than 2x2 pixels.
    """
    if len(classes) < 2 or samples < 1 or size < 2:
        raise InputError(
            f"shapes: expected 2 classes, 1 sample, 2 pixels at least, got {len(classes)}, {samples}, {size}"
        )
    y = np.arange(samples, dtype=np.int64) % len(classes)
    height, phase = np.stack([_curve(number) for number in classes])[y].transpose(2, 1, 0)[..., None, None]
    angle = rng.uniform(-_TURN, _TURN, (samples, 1, 1))
    centre = rng.uniform(-_SHIFT, _SHIFT, (2, samples, 1, 1))
    scale = rng.uniform(*_SCALE, (samples, 1, 1))
    axis = (2 * np.arange(size) + 1) / size - 1
    down, right = axis[:, None] - centre[0], axis[None, :] - centre[1]
    turn = np.arctan2(down, right) + angle
    waves = np.arange(1, 5)[:, None, None, None]
    radius = 1 + (height * np.cos(waves * turn + phase)).sum(axis=0)
    inside = 1 / (1 + np.exp(-_EDGE * (radius - np.hypot(down, right) / scale)))
    paper, ink = rng.uniform(*_DARK, (samples, 3, 1, 1)), rng.uniform(*_LIGHT, (samples, 3, 1, 1))
    x = paper + (ink - paper) * inside[:, None] + rng.normal(0, _NOISE, (samples, 3, size, size))
    return Dataset(np.clip(x, 0, 1).astype(np.float32), y, len(classes), "shapes")


def _curve(number: int) -> NDArray[np.float64]:
    """(a_k, p_k) of a shape, (4, 2)."""
    rng = Seeds(0).numpy("shape", number)
    return np.stack([rng.uniform(0, 0.4, 4), rng.uniform(0, 2 * np.pi, 4)], axis=1)
