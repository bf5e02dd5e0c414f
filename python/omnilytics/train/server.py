"""What the model owner does with the mean of the accepted updates."""

from __future__ import annotations

import numpy as np

from omnilytics.errors import InputError
from omnilytics.types import FloatVec


class ServerMomentum:
    """Momentum over sessions (FedAvgM): V <- beta V + mean update; W^p <- W^p + V.

    Args:
        beta: 0 <= beta < 1; 0 is plain averaging.
        velocity: V of the sessions before, shape (d,); None: there were none.

    Raises:
        InputError: beta is out of range.
    """

    def __init__(self, beta: float, velocity: FloatVec | None = None) -> None:
        if not 0 <= beta < 1:
            raise InputError(f"server momentum: expected 0 <= beta < 1, got {beta}")
        self.beta = beta
        self.velocity = velocity

    def step(self, published: FloatVec, mean_update: FloatVec) -> FloatVec:
        """The next W^p, shape (d,).

        Args:
            published: W^p that the members started from, shape (d,).
            mean_update: mean difference of the accepted groups, shape (d,).

        Raises:
            InputError: the shapes differ, from each other or from the last step's.
        """
        shapes = {published.shape, mean_update.shape}
        if self.velocity is not None:
            shapes.add(self.velocity.shape)
        if len(shapes) != 1:
            raise InputError(f"server momentum: expected vectors of one shape, got {sorted(shapes)}")
        previous = np.zeros_like(mean_update) if self.velocity is None else self.velocity
        self.velocity = (np.float32(self.beta) * previous + mean_update).astype(np.float32)
        return (published + self.velocity).astype(np.float32)
