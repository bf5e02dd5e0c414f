"""secp256k1 in affine coordinates, ECDSA with RFC 6979 nonces, Ethereum addresses of points."""

import hashlib
import hmac
from collections.abc import Iterator
from functools import cache

from .keccak import keccak256

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)

Point = tuple[int, int] | None


def add(a: Point, b: Point) -> Point:
    """The sum; None is the point at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


@cache
def doubled(point: Point) -> Point:
    """Kept: most products are of the same few points."""
    return add(point, point)


@cache
def multiply(scalar: int, point: Point) -> Point:
    result: Point = None
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = doubled(point), scalar >> 1
    return result


def lift(x: int, parity: int) -> Point:
    """The point with that x and parity of y, or None when there is none."""
    square = (x**3 + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square or not 0 < x < N:
        return None
    return x, y if y % 2 == parity else P - y


def address(point: tuple[int, int]) -> bytes:
    return keccak256(point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big"))[12:]


def _nonces(secret: int, digest: bytes) -> Iterator[int]:
    """RFC 6979 section 3.2 with HMAC-SHA256."""

    def mac(key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, hashlib.sha256).digest()

    seed = secret.to_bytes(32, "big") + (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    value, key = b"\x01" * 32, bytes(32)
    for separator in (b"\x00", b"\x01"):
        key = mac(key, value + separator + seed)
        value = mac(key, value)
    while True:
        value = mac(key, value)
        if 0 < int.from_bytes(value, "big") < N:
            yield int.from_bytes(value, "big")
        key = mac(key, value + b"\x00")
        value = mac(key, value)


def sign(secret: int, digest: bytes) -> tuple[int, int, int]:
    """(v, r, s), v 27 or 28, s not above N / 2."""
    z = int.from_bytes(digest, "big")
    for nonce in _nonces(secret, digest):
        x, y = multiply(nonce, G) or (0, 0)
        r = x % N
        s = pow(nonce, -1, N) * (z + r * secret) % N
        if r == 0 or s == 0 or x >= N:
            continue
        odd = y % 2
        return (27 + odd, r, s) if s <= N // 2 else (28 - odd, r, N - s)
    raise AssertionError("nonces never end")
