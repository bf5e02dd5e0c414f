"""What a blob is, and how a chain names it."""

from __future__ import annotations

import hashlib

import pytest

from omnilytics.blobs.blob import BLOB_BYTES, Blob, hash_of, versioned_hash
from omnilytics.blobs.scheme import ORDER
from omnilytics.errors import DataError, InputError

ZERO = bytes(BLOB_BYTES)
INFINITY = b"\xc0" + bytes(47)
ONE = (1).to_bytes(32, "big") * 4096
GENERATOR = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)
"""Of G1 (EIP-2537): the commitment to the constant polynomial 1."""


def with_element(place: int, value: int) -> bytes:
    return bytes(32 * place) + value.to_bytes(32, "big") + bytes(BLOB_BYTES - 32 * place - 32)


def test_the_commitments_that_are_known() -> None:
    assert Blob.of(ZERO).commitment == INFINITY
    assert Blob.of(ONE).commitment == GENERATOR
    assert Blob.of(ZERO).versioned_hash == b"\x01" + hashlib.sha256(INFINITY).digest()[1:] == versioned_hash(INFINITY)


def test_a_blob_under_its_name() -> None:
    assert Blob.named(ONE, versioned_hash(GENERATOR), "peer") == Blob(ONE, GENERATOR)
    with pytest.raises(DataError, match=f"peer: expected blob 0x{versioned_hash(INFINITY).hex()}, got 0x01"):
        Blob.named(ONE, versioned_hash(INFINITY), "peer")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "blob: expected 131072 bytes, got 0"),
        (ZERO[:-1], "blob: expected 131072 bytes, got 131071"),
        (ZERO + b"\0", "blob: expected 131072 bytes, got 131073"),
        (with_element(0, ORDER), "below the order of the scalars, element 0 isn't"),
        (with_element(4095, 2**256 - 1), "below the order of the scalars, element 4095 isn't"),
    ],
)
def test_what_is_no_blob(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Blob.of(data)
    with pytest.raises(DataError, match=f"peer: .*{message}"):
        Blob.named(data, versioned_hash(INFINITY), "peer")


def test_the_largest_element() -> None:
    assert len(Blob.of(with_element(4095, ORDER - 1)).commitment) == 48


def test_a_repr_shows_no_values() -> None:
    assert repr(Blob(ONE, GENERATOR)) == f"Blob(commitment={GENERATOR!r})"


NAME = "0x01" + "ab" * 31


def test_a_name_as_it_is_spelt() -> None:
    assert hash_of(NAME) == hash_of("0x" + NAME[2:].upper()) == bytes.fromhex(NAME[2:])


@pytest.mark.parametrize(
    "text", ["", NAME[2:], NAME[:-2], NAME + "ab", "0x02" + "ab" * 31, NAME[:-1] + "g", NAME[:-2] + " a", "../" + NAME]
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InputError, match="versioned hash: expected 0x01 and 62 hexadecimal digits more, got"):
        hash_of(text)
