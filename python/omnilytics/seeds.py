"""Named random streams of one run seed: the only place where randomness of a simulation begins.

A stream is named by labels ("train", member, session) and depends on nothing else: a new consumer never shifts another.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from omnilytics.errors import InputError

if TYPE_CHECKING:
    import torch

_DOMAIN = b"omnilytics/seeds/1"
_LIMIT = 2**64


class Seeds:
    """All random streams of one run.

    Args:
        seed: the run's seed, 0 <= seed < 2^64.

    Raises:
        InputError: the seed is out of range.
    """

    def __init__(self, seed: int) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _LIMIT:
            raise InputError(f"seed: expected an integer 0 <= seed < 2^64, got {seed!r}")
        self.seed = seed

    def bytes(self, *labels: str | int) -> bytes:
        """32 bytes, SHA-256 over the seed and the labels, each with its kind and length.

        Raises:
            InputError: a label is neither text nor an integer.
        """
        digest = hashlib.sha256(_DOMAIN + self.seed.to_bytes(8, "little"))
        for label in labels:
            digest.update(_encode(label))
        return digest.digest()

    def integer(self, *labels: str | int) -> int:
        """An integer in [0, 2^63)."""
        return int.from_bytes(self.bytes(*labels)[:8], "little") >> 1

    def numpy(self, *labels: str | int) -> np.random.Generator:
        """A numpy generator (PCG64)."""
        return np.random.default_rng(int.from_bytes(self.bytes(*labels), "little"))

    def torch(self, *labels: str | int) -> torch.Generator:
        """A torch generator on the CPU."""
        import torch

        return torch.Generator().manual_seed(self.integer(*labels))


def _encode(label: str | int) -> bytes:
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise InputError(f"label: expected text or an integer, got {label!r}")
    kind, text = ("s", label) if isinstance(label, str) else ("i", str(label))
    raw = text.encode()
    return kind.encode() + len(raw).to_bytes(4, "little") + raw
