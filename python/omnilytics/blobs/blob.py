"""One blob with its commitment, and the 32 bytes by which a chain names it (EIP-4844)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from omnilytics.blobs import scheme
from omnilytics.blobs.scheme import ELEMENTS, ORDER
from omnilytics.errors import DataError, InputError

ELEMENT_BYTES = 32

BLOB_BYTES = ELEMENTS * ELEMENT_BYTES

COMMITMENT_BYTES = 48

HASH_BYTES = 32

HASH_VERSION = b"\x01"
"""The first byte of a versioned hash of a KZG commitment."""

GAS_PER_BLOB = BLOB_BYTES
"""Blob gas of one blob."""

BLOB_GAS_A_GAS = 16
"""A blob gas costs at least the base fee over that: the reserve price (EIP-7918, BLOB_BASE_COST and GAS_PER_BLOB)."""

MOST_BLOBS = 6
"""Of one transaction (EIP-7594)."""

_ORDER = ORDER.to_bytes(ELEMENT_BYTES, "big")


@dataclass(frozen=True, slots=True)
class Blob:
    """4,096 field elements, 32 bytes each, big-endian, and the KZG commitment to them, 48 bytes compressed.

    `of` and `named` make one whose commitment is the blob's; the constructor believes its caller.
    """

    data: bytes = field(repr=False)
    commitment: bytes

    @classmethod
    def of(cls, data: bytes) -> Blob:
        """Commits to a blob, in 0.05 s.

        Raises:
            InputError: not 131,072 bytes, or an element that isn't below the order.
        """
        if len(data) != BLOB_BYTES:
            raise InputError(f"blob: expected {BLOB_BYTES} bytes, got {len(data)}")
        for place in range(ELEMENTS):
            if data[place * ELEMENT_BYTES : (place + 1) * ELEMENT_BYTES] >= _ORDER:
                raise InputError(f"blob: expected elements below the order of the scalars, element {place} isn't")
        return cls(data, scheme.commit(data))

    @classmethod
    def named(cls, data: bytes, name: bytes, source: str) -> Blob:
        """The blob that a chain names so, from somebody who may lie.

        Args:
            data: what came.
            name: its versioned hash.
            source: where it came from, for errors.

        Raises:
            DataError: it isn't that blob.
        """
        try:
            blob = cls.of(data)
        except InputError as error:
            raise DataError(f"{source}: {error}") from None
        if blob.versioned_hash != name:
            raise DataError(f"{source}: expected blob 0x{name.hex()}, got 0x{blob.versioned_hash.hex()}")
        return blob

    @property
    def versioned_hash(self) -> bytes:
        """What the chain names it by, 32 bytes."""
        return versioned_hash(self.commitment)


@dataclass(frozen=True, slots=True)
class WrongElement:
    """An element of a correction that isn't what the seeds give, with what shows it (docs/BLOBS.md B11).

    Attributes:
        index: in all chunks.
        element: what the correction has there, below q.
        witness: that its blob has it there, 48 bytes.
        commitment: of that blob, 48 bytes.
        hashes: the versioned hashes of the correction's blobs.
    """

    index: int
    element: int
    witness: bytes
    commitment: bytes
    hashes: tuple[bytes, ...]


class Blobs(Protocol):
    """A place where blobs are kept by name."""

    def keep(self, blob: Blob) -> bool:
        """Takes a blob in; False: it was there already.

        Raises:
            DataError: no room.
        """

    def find(self, name: bytes) -> Blob | None:
        """The blob of that versioned hash, checked; None: it isn't here.

        Raises:
            DataError: it is damaged.
        """


class BlobsInMemory:
    """Blobs of this process."""

    def __init__(self) -> None:
        self._blobs: dict[bytes, Blob] = {}

    def keep(self, blob: Blob) -> bool:
        """As `Blobs.keep`."""
        return self._blobs.setdefault(blob.versioned_hash, blob) is blob

    def find(self, name: bytes) -> Blob | None:
        """As `Blobs.find`."""
        return self._blobs.get(name)


def element(data: bytes, place: int) -> int:
    """Element `place` of a blob, 0 to 4095."""
    return int.from_bytes(data[ELEMENT_BYTES * place : ELEMENT_BYTES * (place + 1)], "big")


def versioned_hash(commitment: bytes) -> bytes:
    """The name of the blob with that commitment, 32 bytes (EIP-4844, `kzg_to_versioned_hash`).

    Args:
        commitment: 48 bytes.
    """
    return HASH_VERSION + hashlib.sha256(commitment).digest()[1:]


def check_count(call: str, blobs: Sequence[Blob]) -> None:
    """Refuses blobs that no transaction carries.

    Args:
        call: the contract function's name, for the error.
        blobs: of one transaction.

    Raises:
        InputError: none, or too many.
    """
    if not 1 <= len(blobs) <= MOST_BLOBS:
        raise InputError(f"{call}: expected 1..{MOST_BLOBS} blobs, got {len(blobs)}")


def hash_of(text: str) -> bytes:
    """A versioned hash as people and programs spell it.

    Raises:
        InputError: not `0x01` and 62 hexadecimal digits more.
    """
    digits = text.removeprefix("0x")
    plain = text.isascii() and digits.isalnum()
    try:
        name = bytes.fromhex(digits) if plain else b""
    except ValueError:
        name = b""
    if len(name) != HASH_BYTES or name[:1] != HASH_VERSION or digits == text:
        raise InputError(f"versioned hash: expected 0x01 and 62 hexadecimal digits more, got {text[:80]!r}")
    return name
