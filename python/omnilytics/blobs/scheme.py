"""Blob mode's cryptography (docs/BLOBS.md, B1-B8, B12-B15), by the Rust core: alone imports that part of `_omnicore`.

A blob is 131,072 bytes, 4,096 elements of BLS12-381's scalar field, each 32 bytes big-endian and below its order q. A
commitment is 48 bytes (EIP-4844), a point 128 (EIP-2537). N are the members of a group, Q bounds a member's values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from omnilytics import _omnicore
from omnilytics.types import BLOB_ELEMENTS, BLOB_LANE_BITS, BLOB_LANES

__all__ = [
    "ELEMENTS",
    "LANES",
    "LANE_BITS",
    "ORDER",
    "POINT_BYTES",
    "Claim",
    "Kind",
    "add_blobs",
    "add_points",
    "commit",
    "compressed",
    "decode",
    "mask_at",
    "masked_blob",
    "open_at",
    "opens",
    "point_of",
    "prove",
    "prove_packed",
    "uncompressed",
    "verify",
    "verify_packed",
]

ELEMENTS = BLOB_ELEMENTS
"""n, the elements of a blob."""

LANES = BLOB_LANES
"""L, values in an element of a packed blob (B12)."""

LANE_BITS = BLOB_LANE_BITS
"""Of a packed value."""

ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""q of BLS12-381's scalar field (EIP-4844, BLS_MODULUS)."""

POINT_BYTES = 128
"""Of a point as EIP-2537 has it; infinity is all zero."""


class Kind(IntEnum):
    """Which products of the groups' sums are proven."""

    NORMS = 1
    """The squared length of each."""

    GRAM = 2
    """Those of each two too: the rows of the upper triangle."""

    PACKED_NORMS = 3
    """The squared length of each sum of packed blobs."""

    PACKED_GRAM = 4
    """Those of each two packed sums too."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a proof is about, but for commitments and products.

    Attributes:
        kind: which products.
        context: 32 bytes by which the contract binds the proof to chain, session and parameters.
        groups: R, 1 to 256.
        members: N, 2 to 255.
        chunks: c, the blobs of a member, 1 to 65,536; of packed blobs M, its lanes of 4,096 values, R M 16,384 at most.
        bound: Q, 1 to 2^31 - 1; of packed blobs N Q is 2,047 at most.
    """

    kind: Kind
    context: bytes
    groups: int
    members: int
    chunks: int
    bound: int


# ---- members ----


def masked_blob(
    values: NDArray[np.int32],
    bound: int,
    index: int,
    seeds: Sequence[tuple[bytes, int]],
    *,
    packed: bool = False,
) -> bytes:
    """The blob of one chunk: each value plus Q, and the masks of all pairs; what it lacks of 4,096 values is 0 (B1).

    Args:
        values: int32, shape (up to 4096,), -Q to Q; packed (1 to 86016,), and Q at most 2,047.
        bound: Q.
        index: of the first element in all blobs, 4,096 times the chunk.
        seeds: what `MaskKey.blob_seeds` says.
        packed: 21 lanes of 4,096 values, as many as `values` begins, instead of one (B12).

    Raises:
        EncodingError: another array, or a value beyond the bound.
        InputError: a seed, a sign or a number that is none.
    """
    return _omnicore.masked_blob(values, bound, index, seeds, packed)


def mask_at(seed: bytes, index: int) -> int:
    """Element `index` of the mask of a seed of 32 bytes, below q; with its sign it is added to the value of that index.

    Raises:
        InputError: not 32 bytes, or not a number of 64 bits.
    """
    return int.from_bytes(_omnicore.blob_mask_at(seed, index), "big")


def commit(blob: bytes) -> bytes:
    """The KZG commitment to a blob, 48 bytes: `blob_to_kzg_commitment` of EIP-4844 (B2).

    Raises:
        EncodingError: an element of q or above.
        InputError: not a blob's length.
    """
    return _omnicore.commit_blob(blob)


# ---- anybody: sums ----


def uncompressed(commitment: bytes) -> bytes:
    """A point of 48 bytes in 128.

    Raises:
        InputError: no point of the subgroup of order q.
    """
    return _omnicore.uncompress_point(commitment)


def compressed(point: bytes) -> bytes:
    """A point of 128 bytes in 48.

    Raises:
        InputError: no point of the subgroup of order q.
    """
    return _omnicore.compress_point(point)


def add_points(points: Sequence[bytes]) -> bytes:
    """The sum of points of 128 bytes: the commitment to the sum of their blobs.

    Raises:
        InputError: no point of the subgroup of order q.
    """
    return _omnicore.add_points(points)


def add_blobs(blobs: Sequence[bytes]) -> bytes:
    """The sum of blobs, element by element modulo q.

    Raises:
        EncodingError: an element of q or above.
        InputError: not a blob's length.
    """
    return _omnicore.add_blobs(blobs)


def decode(blob: bytes, count: int, members: int, bound: int, *, packed: bool = False) -> NDArray[np.int64]:
    """The first `count` values of the sum of N masked blobs, int64, shape (count,), -N Q to N Q; the rest must be 0.

    With `packed` they are in lanes, as `masked_blob` puts them.

    Raises:
        EncodingError: an element that no values in their range add up to, or padding that isn't 0.
        InputError: not a blob's length, or a number out of range.
    """
    return _omnicore.decode_blob(blob, count, members, bound, packed)


# ---- proofs ----


def prove(claim: Claim, points: bytes, sums: Sequence[bytes]) -> tuple[list[int], bytes]:
    """The products of the sums, and the proof of them, in the bytes that the contract takes (B3-B6).

    Args:
        claim: what is proven.
        points: the sums of the commitments, 128 bytes each, group after group, in each chunk after chunk.
        sums: the sums of the blobs in the same order.

    Raises:
        EncodingError: a sum that is out of range: such a group has to be excluded first (B8).
        InputError: wrong lengths, points that are none, points that aren't the commitments to these sums.
    """
    return _omnicore.BlobStatement(*astuple(claim)).prove(points, sums)


def verify(claim: Claim, points: bytes, products: Sequence[int], proof: bytes) -> bool:
    """Whether the contract takes this proof (B7); products are signed.

    Raises:
        InputError: wrong lengths of points or products, points that are none, a claim out of range.
    """
    return _omnicore.BlobStatement(*astuple(claim)).verify(points, products, proof)


def prove_packed(claim: Claim, points: bytes, sums: Sequence[bytes]) -> tuple[list[int], bytes]:
    """The products of packed sums, and the evidence that the contract takes: all lanes, then the proof (B13, B14).

    Args:
        claim: what is proven, of M lanes.
        points: the sums of the commitments, 128 bytes each, group after group, in each ceil(M / 21) chunks.
        sums: the sums of the packed blobs in the same order.

    Raises:
        EncodingError: a sum that is out of range: such a group has to be excluded first (B12).
        InputError: wrong lengths, points that are none, points that aren't the commitments to these sums.
    """
    return _omnicore.PackedStatement(*astuple(claim)).prove(points, sums)


def verify_packed(claim: Claim, points: bytes, products: Sequence[int], evidence: bytes) -> bool:
    """Whether the contract takes this evidence about the sums with these commitments (B15); products are signed.

    Raises:
        InputError: wrong lengths of points or products, points that are none, a claim out of range.
    """
    return _omnicore.PackedStatement(*astuple(claim)).verify(points, products, evidence)


# ---- openings ----


def open_at(blob: bytes, place: int) -> tuple[int, bytes]:
    """Element `place` of a blob, and the proof that its commitment has it there, 48 bytes (B8).

    Raises:
        EncodingError: an element of q or above.
        InputError: not a blob's length, or not a place from 0 to 4095.
    """
    value, proof = _omnicore.open_blob(blob, place)
    return int.from_bytes(value, "big"), proof


def opens(commitment: bytes, place: int, value: int, proof: bytes) -> bool:
    """Whether the blob of a commitment of 48 bytes has `value` at `place`.

    Raises:
        EncodingError: a value of q or above.
        InputError: points that are none, or not a place from 0 to 4095.
    """
    return _omnicore.check_opening(commitment, place, value, proof)


def point_of(place: int) -> int:
    """The root of unity where a blob's polynomial has element `place`: z of the precompile 0x0a.

    Raises:
        InputError: not a place from 0 to 4095.
    """
    return int.from_bytes(_omnicore.blob_point_of(place), "big")
