"""Data owners that don't do as the protocol says. Each is a `protocol.member.Behaviour`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omnilytics.codec import MaskedInput
from omnilytics.protocol.member import Behaviour, Honest, Upload

__all__ = ["SCALE", "Garbage", "Honest", "Scaled"]

SCALE = 100.0
"""What `Scaled` multiplies its step by."""


@dataclass(frozen=True, slots=True)
class Garbage(Behaviour):
    """Uploads uniform 256-bit words: in every lane of its group's sum the noise is as loud as a lane allows.

    Attributes:
        rng: where the words come from.
    """

    rng: np.random.Generator

    def masked_input(self, upload: Upload) -> MaskedInput:
        words = self.rng.bytes(32 * upload.codec.words)
        return upload.codec.split(words) if upload.recovery is None else upload.recovery.mask(words)


@dataclass(frozen=True, slots=True)
class Scaled(Behaviour):
    """Uploads its own step times `factor`, clipped to the bound and masked, without the shrinking that `norm` asks for.

    Attributes:
        factor: finite.
    """

    factor: float = SCALE

    def masked_input(self, upload: Upload) -> MaskedInput:
        step = (upload.weights - upload.published) * np.float32(self.factor)
        plain = upload.codec.encode_plain(upload.published + step, upload.published, upload.rounding_seed, shrink=False)
        return upload.mask(plain.words)
