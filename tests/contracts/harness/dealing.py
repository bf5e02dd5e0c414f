"""Policy `recover` in plain Python, written from the page: shares, their points, the seeds of masks (E31-E36)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eth_abi import encode
from eth_utils import keccak

from tests.vectors.reference.sharing import evaluate, lagrange, others, places

from .keys import CURVE_ORDER, pair, point
from .reference import WORD, dom

__all__ = ["Dealing", "Scope", "coefficients", "deal", "lifted", "mask", "others", "places", "rebuilt", "seeds"]


class Dealing(NamedTuple):
    """What a member deals: its secrets, and by place of the others the shares of both."""

    shares: dict[int, tuple[int, int]]
    points: bytes
    sealed: bytes

    @property
    def addresses(self) -> bytes:
        """E32: of B, then of both shares of each other place."""
        return b"".join(keccak(self.points[at : at + 64])[12:] for at in range(0, len(self.points), 64))

    @property
    def root(self) -> bytes:
        return keccak(self.addresses)


def coefficients(secret: int, threshold: int, label: str) -> list[int]:
    """A polynomial of degree T - 1 through the secret (E31), lowest coefficient first; the others from a label."""
    drawn = (int.from_bytes(keccak(text=f"{label} {k}"), "big") % CURVE_ORDER for k in range(1, threshold))
    return [secret, *drawn]


def shares(f: Sequence[int], g: Sequence[int], dealer: int, members: int) -> dict[int, tuple[int, int]]:
    """What each other place gets of both polynomials (E31)."""
    return {j: (evaluate(list(f), j + 1), evaluate(list(g), j + 1)) for j in others(dealer, members)}


def deal(self_secret: int, dealt: Mapping[int, tuple[int, int]]) -> Dealing:
    """What a dealer sends; the contract can't read what is sealed, so that bytes of the right length stand for it."""
    points = b"".join(map(point, (self_secret, *(share for both in dealt.values() for share in both))))
    sealed = b"".join(keccak(points + bytes([j])) * 4 for j in dealt)
    return Dealing(dict(dealt), points, b"".join(sealed[128 * k : 128 * k + 112] for k in range(len(dealt))))


def rebuilt(holders: int, given: Sequence[int]) -> int:
    """The value at 0 of the polynomial through the shares of the holders, a bitmap."""
    weights = lagrange([j + 1 for j in places(holders)])
    return sum(w * share for w, share in zip(weights, given, strict=True)) % CURVE_ORDER


class Scope(NamedTuple):
    """What the seeds of a group are bound to: `keys` are x and parity of all N places, `sharers` is S."""

    chain_id: int
    session: str
    group: int
    model_hash: bytes
    keys: tuple[tuple[int, int], ...]
    sharers: int

    @property
    def set_hash(self) -> bytes:
        """E9: (0, 0) for who hasn't shared."""
        inside = [key if self.sharers >> i & 1 else (0, 0) for i, key in enumerate(self.keys)]
        return keccak(b"".join(number.to_bytes(32, "big") for key in inside for number in key))

    def self_seed(self, place: int, self_secret: int) -> bytes:
        """E34."""
        types = ["bytes32", "uint256", "address", "uint256", "bytes32", "bytes32", "uint256", "uint256"]
        return keccak(encode(types, [dom("omnilytics/self/1"), *self._bound(), place, self_secret]))

    def pair_seed(self, i: int, j: int, secret: int, peer: int) -> bytes:
        """E10, of two places and their secret keys."""
        types = ["bytes32", "uint256", "address", "uint256", "bytes32", "bytes32", "uint256", "uint256", "address"]
        return keccak(encode(types, [dom("omnilytics/pair/1"), *self._bound(), *sorted((i, j)), pair(secret, peer)]))

    def _bound(self) -> tuple[object, ...]:
        return self.chain_id, self.session, self.group, self.model_hash, self.set_hash


def seeds(
    scope: Scope, delivered: int, secrets: Mapping[int, int], self_secrets: Mapping[int, int]
) -> tuple[list[bytes], list[bytes]]:
    """Whose streams come off the sum, and whose are added to it (E36), in the order of `Disclosed`."""
    minus, plus = [scope.self_seed(i, self_secrets[i]) for i in places(delivered)], []
    for j in places(scope.sharers & ~delivered):
        for i in places(delivered):
            (minus if j > i else plus).append(scope.pair_seed(i, j, secrets[i], secrets[j]))
    return minus, plus


def _stream(seed: bytes, words: int) -> list[int]:
    """E11, suite `keccak`."""
    return [int.from_bytes(keccak(seed + k.to_bytes(32, "big")), "big") for k in range(words)]


def lifted(words: Sequence[int], minus: Sequence[bytes], plus: Sequence[bytes]) -> list[int]:
    """Words, without the streams of `minus`, with those of `plus` (E36)."""
    total = list(words)
    for sign, given in ((-1, minus), (1, plus)):
        for seed in given:
            total = [(t + sign * s) % WORD for t, s in zip(total, _stream(seed, len(total)), strict=True)]
    return total


def mask(scope: Scope, place: int, secrets: Mapping[int, int], self_secret: int, words: int) -> list[int]:
    """E35: the mask of a place, from the secret keys of S."""
    seed_of = {j: scope.pair_seed(place, j, secrets[place], secrets[j]) for j in places(scope.sharers) if j != place}
    below = [seed for j, seed in seed_of.items() if j < place]
    above = [seed for j, seed in seed_of.items() if j > place]
    return lifted([0] * words, below, [*above, scope.self_seed(place, self_secret)])
