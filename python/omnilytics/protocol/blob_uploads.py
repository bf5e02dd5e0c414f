"""An upload in blobs: a member's encoded values, masked in the field, and what it commits to (docs/BLOBS.md B1, B2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from omnilytics.blobs import scheme
from omnilytics.blobs.blob import MOST_BLOBS, Blob
from omnilytics.codec import keccak256
from omnilytics.types import BLOB_ELEMENTS, IntVec, SessionParams


@dataclass(frozen=True, slots=True, repr=False)
class BlobInput:
    """What a member commits to and posts.

    Attributes:
        blobs: in order of chunk.
        root: the upload hash, the fold of their versioned hashes (B2).
        clipped: values outside the clip, before any shrinking; 0 for values made by hand.
        scale: the factor by which rule `norm` made the update smaller (E4), in (0, 1].
    """

    blobs: tuple[Blob, ...]
    root: bytes
    clipped: int = 0
    scale: float = 1.0

    @classmethod
    def of(cls, blobs: Iterable[Blob], clipped: int = 0, scale: float = 1.0) -> BlobInput:
        """Of blobs, as they are."""
        kept = tuple(blobs)
        return cls(kept, fold(blob.versioned_hash for blob in kept), clipped, scale)

    @classmethod
    def masked(
        cls,
        values: IntVec,
        params: SessionParams,
        seeds: Sequence[tuple[bytes, int]],
        clipped: int = 0,
        scale: float = 1.0,
    ) -> BlobInput:
        """Of encoded values, shape (d,); `seeds` as `MaskKey.blob_seeds` says.

        Each is -Q to Q. A member that doesn't keep to that may put in others, by which its group's sum can be refuted.
        """
        parts = np.split(values, range(BLOB_ELEMENTS, params.parameter_count, BLOB_ELEMENTS))
        datas = (_masked(part, params.bound, chunk * BLOB_ELEMENTS, seeds) for chunk, part in enumerate(parts))
        return cls.of((Blob(data, scheme.commit(data)) for data in datas), clipped, scale)

    def post(self, chunk: int) -> tuple[Blob, ...]:
        """The blobs of the transaction whose first one is that chunk."""
        return self.blobs[chunk : chunk + MOST_BLOBS]


def _masked(values: IntVec, bound: int, first: int, seeds: Sequence[tuple[bytes, int]]) -> bytes:
    """One chunk's blob, whose first value is that one of the vector."""
    within = values.clip(-bound, bound)
    data = bytearray(scheme.masked_blob(np.ascontiguousarray(within, np.int32), bound, first, seeds))
    for place in np.flatnonzero(values != within):
        part = slice(32 * int(place), 32 * int(place) + 32)
        element = int.from_bytes(data[part], "big") + int(values[place]) - int(within[place])
        data[part] = (element % scheme.ORDER).to_bytes(32, "big")
    return bytes(data)


def fold(hashes: Iterable[bytes], first: bytes = bytes(32)) -> bytes:
    """A list hashed item by item, 32 bytes, behind what is hashed already (docs/BLOBS.md section 1)."""
    folded = first
    for one in hashes:
        folded = keccak256(folded + one)
    return folded
