"""Corrections: vectors in blobs that take the masks off a group's sum, with policy `recover` (docs/BLOBS.md B11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from omnilytics.blobs import scheme
from omnilytics.blobs.blob import Blob, WrongElement, element
from omnilytics.codec import keccak256
from omnilytics.types import BLOB_ELEMENTS, BLOB_LANE_BITS, SessionParams

MASK = b"omnilytics/blob-mask/1".ljust(32, b"\0")


def correction(params: SessionParams, delivered: int, minus: Iterable[bytes], plus: Iterable[bytes]) -> list[Blob]:
    """The blobs that take the masks off a group's sum, and put in Q for each member that hasn't delivered.

    Args:
        params: the session's terms.
        delivered: how many members have.
        minus: seeds of the group's `Disclosed`, 32 bytes each.
        plus: likewise.
    """
    return [Blob(data, scheme.commit(data)) for data in _datas(params, delivered, minus, plus)]


def wrong_element(
    params: SessionParams, delivered: int, minus: Iterable[bytes], plus: Iterable[bytes], posted: Sequence[Blob]
) -> WrongElement | None:
    """The first element of a posted correction that isn't what `correction` has; None: there is none."""
    for chunk, (data, blob) in enumerate(zip(_datas(params, delivered, minus, plus), posted, strict=True)):
        if data == blob.data:
            continue
        place = next(at for at in range(BLOB_ELEMENTS) if element(data, at) != element(blob.data, at))
        opening = scheme.open_at(blob.data, place)
        hashes = tuple(one.versioned_hash for one in posted)
        return WrongElement(chunk * BLOB_ELEMENTS + place, *opening, blob.commitment, hashes)
    return None


def element_at(params: SessionParams, delivered: int, minus: Iterable[bytes], plus: Iterable[bytes], index: int) -> int:
    """Element `index` of what `correction` gives, counted through all its blobs, by itself."""
    lanes = range(params.lanes_of(index // BLOB_ELEMENTS))
    missing = (params.members - delivered) * params.bound * sum(1 << BLOB_LANE_BITS * lane for lane in lanes)
    taken = sum(scheme.mask_at(_in_blobs(seed), index) for seed in minus)
    given = sum(scheme.mask_at(_in_blobs(seed), index) for seed in plus)
    return (missing - taken + given) % scheme.ORDER


def _datas(params: SessionParams, delivered: int, minus: Iterable[bytes], plus: Iterable[bytes]) -> list[bytes]:
    seeds = [(_in_blobs(seed), -1) for seed in minus] + [(_in_blobs(seed), 1) for seed in plus]
    # of values that are all -1 with a bound of one more than what is missing, padding included
    bound = (params.members - delivered) * params.bound + 1
    return [
        scheme.masked_blob(
            np.full(BLOB_ELEMENTS * params.lanes_of(chunk), -1, np.int32),
            bound,
            BLOB_ELEMENTS * chunk,
            seeds,
            packed=params.packed,
        )
        for chunk in range(params.chunks)
    ]


def _in_blobs(seed: bytes) -> bytes:
    """A seed of E10 or E34 as blob mode has it (B1)."""
    return keccak256(MASK + seed)
