"""Mask keys of test members: what `register` takes, and how an attacker would bend it."""

from __future__ import annotations

import functools
from typing import NamedTuple

from eth_abi import encode
from eth_keys import keys
from eth_keys.backends import NativeECCBackend
from eth_utils import keccak

from .reference import dom

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FIELD = 2**256 - 2**32 - 977
_backend = NativeECCBackend()


class Keys(NamedTuple):
    """The struct of the same name in ISecModelUpdate.vyi."""

    x: int
    parity: int
    v: int
    r: int
    s: int
    transport: bytes = bytes(32)


def key_digest(chain_id: int, session: str, sender: str) -> bytes:
    """What a mask key signs (E8)."""
    types = ["bytes32", "uint256", "address", "address"]
    return keccak(encode(types, [dom("omnilytics/key/1"), chain_id, session, sender]))


@functools.cache
def point(secret: int) -> bytes:
    """x and y of secret * G, 32 bytes each."""
    return keys.PrivateKey(secret.to_bytes(32, "big"), backend=_backend).public_key.to_bytes()


@functools.cache
def public(secret: int) -> tuple[int, int, str]:
    """x, parity and address of secret * G."""
    data = point(secret)
    return int.from_bytes(data[:32], "big"), data[63] & 1, "0x" + keccak(data)[12:].hex()


@functools.cache
def pair(secret: int, peer: int) -> bytes:
    """The address of secret * peer * G, 20 bytes."""
    return keccak(point(secret * peer % CURVE_ORDER))[12:]


@functools.cache
def sign(secret: int, digest: bytes) -> tuple[int, int, int]:
    """v, r, s."""
    signature = keys.PrivateKey(secret.to_bytes(32, "big"), backend=_backend).sign_msg_hash(digest)
    return signature.v + 27, signature.r, signature.s


def make_keys(secret: int, chain_id: int, session: str, sender: str) -> Keys:
    """An honest member's keys."""
    x, parity, _ = public(secret)
    return Keys(x, parity, *sign(secret, key_digest(chain_id, session, sender)))


def off_curve_x(start: int = 1) -> int:
    """The smallest x >= start that no point of the curve has."""
    x = start
    while pow(x**3 + 7, (FIELD - 1) // 2, FIELD) == 1:
        x += 1
    return x
