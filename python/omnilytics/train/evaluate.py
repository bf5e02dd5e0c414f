"""How good a model is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import InputError


def accuracy(logits: NDArray[np.float32], y: NDArray[np.int64]) -> float:
    """Share of the samples whose largest logit is their class, in per cent.

    Args:
        logits: (n, classes).
        y: (n,).

    Raises:
        InputError: the shapes don't fit, or there are no samples.
    """
    if logits.ndim != 2 or y.shape != logits.shape[:1] or not len(y):
        raise InputError(
            f"accuracy: expected logits (n, classes) and labels (n,), n >= 1, got {logits.shape} and {y.shape}"
        )
    return float(100 * np.mean(logits.argmax(axis=1) == y))
