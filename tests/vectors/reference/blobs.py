"""Vectors in blobs, their KZG commitments and the proof of their Gram matrix: slow, from docs/BLOBS.md alone.

Polynomials are lists of coefficients, lowest first, over the integers modulo Q. ckzg commits; the rest is arithmetic.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Any

import ckzg
import numpy as np
from eth_utils import keccak

Q = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""The order of BLS12-381's groups."""

P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
"""The field of its coordinates."""

N = 4096
NORMS, GRAM = 1, 2
INFINITY = bytes(128)

Polynomial = list[int]


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def fold(start: bytes, items: list[bytes]) -> bytes:
    """A list hashed item by item."""
    return functools.reduce(lambda folded, item: keccak(folded + item), items, start)


# ---- polynomials ----


def root_of_unity(size: int) -> int:
    return pow(7, (Q - 1) // size, Q)


def reversed_bits(index: int) -> int:
    return int(f"{index:012b}"[::-1], 2)


def domain_point(index: int) -> int:
    """Where a blob's polynomial has its element of that index (EIP-4844)."""
    return pow(root_of_unity(N), reversed_bits(index), Q)


def powers(base: int, count: int) -> list[int]:
    found = [1]
    for _ in range(count - 1):
        found.append(found[-1] * base % Q)
    return found


def transformed(values: list[int], root: int) -> list[int]:
    """Values at root^0, root^1, ... of the polynomial with these coefficients."""
    return [int(value) for value in _columns(np.array(values, dtype=object)[:, None], root)[:, 0]]


def _columns(columns: Any, root: int) -> Any:
    """`transformed`, column by column: coefficients of even and of odd powers stand side by side one level below."""
    rows, count = columns.shape
    if rows == 1:
        return columns
    halves = _columns(columns.reshape(rows // 2, 2 * count), root * root % Q)
    even, odd = halves[:, :count], halves[:, count:] * np.array(powers(root, rows // 2), dtype=object)[:, None]
    return np.concatenate([even + odd, even - odd]) % Q


def interpolated(blob: list[int]) -> Polynomial:
    """The polynomial of a blob's elements."""
    values = [blob[reversed_bits(i)] for i in range(N)]
    share = pow(N, -1, Q)
    return [c * share % Q for c in transformed(values, pow(root_of_unity(N), -1, Q))]


def elements(polynomial: Polynomial) -> list[int]:
    """The blob of a polynomial."""
    values = transformed([*polynomial, *[0] * (N - len(polynomial))], root_of_unity(N))
    return [values[reversed_bits(i)] for i in range(N)]


def product(a: Polynomial, b: Polynomial) -> Polynomial:
    """2 N coefficients."""
    root = root_of_unity(2 * N)
    first, second = (transformed([*f, *[0] * (2 * N - len(f))], root) for f in (a, b))
    values = [x * y % Q for x, y in zip(first, second, strict=True)]
    return [c * pow(2 * N, -1, Q) % Q for c in transformed(values, pow(root, -1, Q))]


def combined(terms: list[tuple[int, Polynomial]]) -> Polynomial:
    length = max(len(f) for _, f in terms)
    return [sum(k * f[i] for k, f in terms if i < len(f)) % Q for i in range(length)]


def value_at(f: Polynomial, z: int) -> int:
    return functools.reduce(lambda value, c: (value * z + c) % Q, reversed(f), 0)


def quotient(f: Polynomial, z: int) -> Polynomial:
    """(f - f(z)) / (X - z)."""
    found, rest = [], 0
    for c in reversed(f[1:]):
        rest = (rest * z + c) % Q
        found.append(rest)
    return found[::-1]


# ---- commitments ----


@functools.cache
def setup() -> object:
    """Ethereum's, as py-evm has it."""
    with resources.as_file(resources.files("eth._utils") / "kzg_trusted_setup.txt") as path:
        return ckzg.load_trusted_setup(str(path), 0)


def blob_bytes(blob: list[int]) -> bytes:
    return b"".join(map(word, blob))


def commitment(f: Polynomial) -> bytes:
    """48 bytes."""
    return bytes(ckzg.blob_to_kzg_commitment(blob_bytes(elements(f)), setup()))


def uncompressed(point: bytes) -> bytes:
    """128 bytes (EIP-2537) of 48."""
    if point[0] & 0x40:
        return INFINITY
    x = int.from_bytes(bytes([point[0] & 0x1F]) + point[1:], "big")
    y = pow(x**3 + 4, (P + 1) // 4, P)
    if (y > (P - 1) // 2) != bool(point[0] & 0x20):
        y = P - y
    return x.to_bytes(64, "big") + y.to_bytes(64, "big")


def point(f: Polynomial) -> bytes:
    """128 bytes."""
    return _point(tuple(f))


@functools.lru_cache(maxsize=64)
def _point(f: tuple[int, ...]) -> bytes:
    return uncompressed(commitment(list(f)))


def versioned_hash(compressed: bytes) -> bytes:
    return b"\1" + sha256(compressed).digest()[1:]


def opening(f: Polynomial, index: int) -> tuple[int, bytes]:
    """The element of a blob at an index, and its witness, 48 bytes."""
    z = domain_point(index)
    return value_at(f, z), commitment(quotient(f, z))


# ---- masks ----


def mask_at(seed: bytes, index: int) -> int:
    place = seed + index.to_bytes(8, "big")
    return int.from_bytes(keccak(place + b"\0") + keccak(place + b"\1"), "big") % Q


# ---- the proof ----


@dataclass(frozen=True)
class Proof:
    """What the aggregator publishes, and what it was made with."""

    products: list[int]
    root: bytes
    challenges: dict[str, int]
    S: bytes
    h: bytes
    openings: list[int]
    pi: bytes
    pi0: bytes

    def encoded(self) -> bytes:
        return self.S + self.h + b"".join(map(word, self.openings)) + self.pi + self.pi0


def true_products(kind: int, centred: list[list[Polynomial]]) -> list[int]:
    """Modulo Q, over the elements of all chunks."""
    rows = [[x for f in group for x in elements(f)] for group in centred]
    groups = range(len(rows))
    pairs = [(r, r) for r in groups] if kind == NORMS else [(r, s) for r in groups for s in groups if r <= s]
    return [sum(x * y for x, y in zip(rows[r], rows[s], strict=True)) % Q for r, s in pairs]


def root_of(sums: list[list[bytes]]) -> bytes:
    """Of points of 128 bytes, by group."""
    return fold(bytes(32), [fold(bytes(32), group) for group in sums])


def prove(
    kind: int, context: bytes, sums: list[list[Polynomial]], offset: int, error: int = 0, cheat: str | None = None
) -> Proof:
    """The proof for the sums by group and chunk, whose elements are `offset` too large.

    Args:
        error: added to the second product: a false claim, with a transcript of its own.
        cheat: None: S and h are what they are; "constant": S gets the constant term that the false claim needs;
            "degree": that, and h gets what X^n = Z + 1 makes of X^(n-1) in a quotient of S by X.
    """
    root = root_of([[point(f) for f in group] for group in sums])
    centred = [[[(f[0] - offset) % Q, *f[1:]] for f in group] for group in sums]
    products = true_products(kind, centred)
    products[1] = (products[1] + error) % Q
    groups, chunks = len(sums), len(sums[0])
    t0 = keccak(context + word(kind) + root + keccak(b"".join(map(word, products))))
    alpha, beta = int.from_bytes(t0, "big") % Q, int.from_bytes(keccak(t0), "big") % Q
    a_powers, b_powers = powers(alpha, groups), powers(beta, groups)
    if kind == GRAM:
        opened = [combined([(a_powers[r], centred[r][j]) for r in range(groups)]) for j in range(chunks)]
        factors = [combined([(b_powers[r], centred[r][j]) for r in range(groups)]) for j in range(chunks)]
        pairs = [(r, s) for r in range(groups) for s in range(r, groups)]
        weights = [a_powers[r] * b_powers[s] + (r != s) * a_powers[s] * b_powers[r] for r, s in pairs]
    else:
        opened = [f for group in centred for f in group]
        factors = [combined([(a_powers[r], f)]) for r, group in enumerate(centred) for f in group]
        weights = a_powers
    constant = sum(k * g for k, g in zip(weights, products, strict=True)) * pow(N, -1, Q) % Q
    whole = combined([(1, product(f, g)) for f, g in zip(opened, factors, strict=True)])
    s, h = [(a + b) % Q for a, b in zip(whole[:N], whole[N:], strict=True)], whole[N:]
    assert error or s[0] == constant
    if cheat is not None:
        excess, s[0] = s[0] - constant, constant
        h[0] = (h[0] - excess * (cheat == "degree")) % Q
    points = point(s), point(h)
    t1 = keccak(t0 + b"".join(points))
    z = int.from_bytes(t1, "big") % Q
    openings = [value_at(f, z) for f in opened]
    t2 = fold(t1, list(map(word, openings)))
    delta = int.from_bytes(t2, "big") % Q
    *steps, last = powers(delta, len(opened) + 1)
    vanishing = pow(z, N, Q) - 1
    w = combined(
        [
            *zip(steps, opened, strict=True),
            *((last * a % Q, g) for a, g in zip(openings, factors, strict=True)),
            (-last, s),
            (-last * vanishing, h),
        ]
    )
    witnesses = point(quotient(w, z)), point(s[1:])
    gamma = int.from_bytes(keccak(t2 + b"".join(witnesses)), "big") % Q
    challenges = {"alpha": alpha, "beta": beta, "z": z, "delta": delta, "gamma": gamma}
    return Proof(products, root, challenges, *points, openings, *witnesses)
