"""The groups of the vectors of policy `recover`, with all their secrets."""

from __future__ import annotations

from typing import NamedTuple

from tests.vectors.notation import CHAIN_ID, SESSION
from tests.vectors.reference import codec, curve, hpke, sharing
from tests.vectors.reference.keccak import keccak256
from tests.vectors.reference.sharing import Coins, Dealing, Scope

LOW_ORDER = bytes([1]) + bytes(31)
"""A public key of X25519 with which everybody shares zero."""


def scalar(label: str) -> int:
    """A scalar of F_n that depends on the label alone."""
    return int.from_bytes(keccak256(label.encode()), "big") % curve.N


class Group(NamedTuple):
    """A group with all its secrets, by place; everything is drawn from `seeds`, as simulations do."""

    name: str
    threshold: int
    seeds: list[bytes]
    keys: list[int]
    selves: list[int]
    transports: list[bytes]
    scope: Scope

    @property
    def members(self) -> int:
        return len(self.keys)

    def seed_of_dealing(self, dealer: int) -> bytes:
        return keccak256(f"dealing {self.name} {dealer}".encode())

    def coins(self, dealer: int) -> Coins:
        own = self.keys[dealer], self.selves[dealer]
        return sharing.coins(self.seed_of_dealing(dealer), dealer, self.members, self.threshold, *own)

    def deal(self, dealer: int) -> Dealing:
        return sharing.deal(self.scope, dealer, self.coins(dealer))

    def tests(self, dealer: int) -> tuple[list[int], list[int]]:
        """The secrets q of a receiver's two degree tests."""
        count = self.members - self.threshold
        f = [scalar(f"q of f {self.name} {dealer} {k}") for k in range(count)]
        return f, [scalar(f"q of g {self.name} {dealer} {k}") for k in range(count)]


def group(members: int, threshold: int) -> Group:
    name = f"N {members}, T {threshold}"
    seeds = [keccak256(f"member {name} {i}".encode()) for i in range(members)]
    keys = [codec.key_from_seed(seed) for seed in seeds]
    transports = [sharing.transport_from_seed(seed) for seed in seeds]
    scope = Scope(
        CHAIN_ID,
        SESSION,
        10 * members + threshold,
        keccak256(b"model of " + name.encode()),
        [codec.public_key(sk) for sk in keys],
        [hpke.public_key(secret) for secret in transports],
    )
    selves = [sharing.self_secret_from_seed(seed) for seed in seeds]
    return Group(name, threshold, seeds, keys, selves, transports, scope)


def with_low_order(one: Group, place: int) -> Group:
    """The same, but nothing can be sealed to the transport key of one member."""
    transports = [LOW_ORDER if i == place else key for i, key in enumerate(one.scope.transports)]
    name = f"{one.name}, place {place} has a transport key of low order"
    return one._replace(name=name, scope=one.scope._replace(transports=transports))
