"""An upload in blobs: a member's encoded values, masked in the field, and what it commits to (docs/BLOBS.md B1, B2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from omnilytics.blobs import scheme
from omnilytics.blobs.blob import MOST_BLOBS, Blob
from omnilytics.codec import keccak256
from omnilytics.types import BLOB_ELEMENTS, BLOB_LANE_BITS, IntVec, SessionParams


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
        size = params.chunk_values
        parts = np.split(values, range(size, params.parameter_count, size))
        datas = (_masked(part, params, chunk * BLOB_ELEMENTS, seeds) for chunk, part in enumerate(parts))
        return cls.of((Blob(data, scheme.commit(data)) for data in datas), clipped, scale)

    def post(self, chunk: int) -> tuple[Blob, ...]:
        """The blobs of the transaction whose first one is that chunk."""
        return self.blobs[chunk : chunk + MOST_BLOBS]


def _masked(values: IntVec, params: SessionParams, first: int, seeds: Sequence[tuple[bytes, int]]) -> bytes:
    """One chunk's blob, whose first element is that one of all chunks'."""
    within = np.ascontiguousarray(values.clip(-params.bound, params.bound), np.int32)
    data = bytearray(scheme.masked_blob(within, params.bound, first, seeds, packed=params.packed))
    for at in np.flatnonzero(values != within):
        lane, place = divmod(int(at), BLOB_ELEMENTS)
        part = slice(32 * place, 32 * place + 32)
        more = (int(values[at]) - int(within[at])) << BLOB_LANE_BITS * lane
        element = int.from_bytes(data[part], "big") + more
        data[part] = (element % scheme.ORDER).to_bytes(32, "big")
    return bytes(data)


def fold(hashes: Iterable[bytes], first: bytes = bytes(32)) -> bytes:
    """A list hashed item by item, 32 bytes, behind what is hashed already (docs/BLOBS.md section 1)."""
    folded = first
    for one in hashes:
        folded = keccak256(folded + one)
    return folded
