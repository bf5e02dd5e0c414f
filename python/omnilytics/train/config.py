"""How one data owner trains, as far as the session announces it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from omnilytics.errors import InputError

WARM_UP = (0.1, 0.4)
"""Factors of the learning rate in a run's first sessions, whose large, aligned steps would drown out garbage."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Local training by FedAvg: SGD with momentum on the mean cross-entropy of each batch.

    Attributes:
        epochs: E >= 1, passes over the data.
        batch_size: B >= 1, samples a step; the last batch of a pass may be smaller.
        learning_rate: > 0.
        momentum: 0 <= momentum < 1, forgotten between sessions.
        augment: distort images at random in each pass (`model.augment`); None: if the data are images.
        distortion: how strongly, times the bounds of `model.augment`; > 0.
        warm_up: factors of the learning rate in sessions 1, 2, ...; each > 0.

    Raises:
        InputError: a value is out of range.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    augment: bool | None = None
    distortion: float = 1.0
    warm_up: tuple[float, ...] = WARM_UP

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if value < 1:
                raise InputError(f"{name}: expected at least 1, got {value}")
        for rate in (self.learning_rate, *self.warm_up):
            if not (math.isfinite(rate) and rate > 0):
                raise InputError(f"learning rate: expected a finite number above 0, got {rate}")
        if not (math.isfinite(self.distortion) and self.distortion > 0):
            raise InputError(f"distortion: expected a finite number above 0, got {self.distortion}")
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum: expected 0 <= momentum < 1, got {self.momentum}")


def session_learning_rate(config: TrainConfig, session: int) -> float:
    """The learning rate in session 1, 2, ... of a run: less than `config.learning_rate` during the warm-up.

    Raises:
        InputError: session < 1.
    """
    if session < 1:
        raise InputError(f"session: expected 1 or more, got {session}")
    factor = config.warm_up[session - 1] if session <= len(config.warm_up) else 1.0
    return config.learning_rate * factor
