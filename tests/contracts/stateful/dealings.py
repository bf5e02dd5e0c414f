"""What members deal with policy `recover`, honestly or not (docs/PROTOCOL.md section 5.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from eth_utils import keccak

from tests.contracts.harness import RecoverDriver
from tests.contracts.harness.dealing import Dealing, coefficients, deal, others, shares

UNREADABLE = (1, 1)
"""What a holder has whose ciphertext doesn't open: a guess."""


class Deal(Enum):
    """How somebody deals."""

    RIGHT = "as it should"
    UNEVEN = "one holder's shares are of other polynomials"
    FOREIGN = "all shares are of other secrets"
    UNREADABLE = "one holder can't open its ciphertext"
    COPIED = "the points of somebody else"
    ROOTLESS = "a root that nothing gives"
    CUT = "a root of B alone"
    ZERO = "a root of B's address as zeros"
    EMPTY = "no root"
    SHORT = "points of too few members"
    LONG = "ciphertexts of too many members"


class Dealt(NamedTuple):
    """What somebody shares: `secret` is what its self mask comes from, `shares` what the holders have in the end."""

    secret: int
    shares: Mapping[int, tuple[int, int]]
    addresses: bytes
    root: bytes
    points: bytes
    sealed: bytes
    own: bool = True
    """Whether the dealer knows its secret."""


NOTHING = Dealt(1, {}, b"", bytes(32), b"", b"")


def _rooted(made: Dealt, addresses: bytes) -> Dealt:
    """With the root of other addresses than its points have."""
    return made._replace(addresses=addresses, root=keccak(addresses))


BENT: dict[Deal, Callable[[Dealt, int], Dealt]] = {
    Deal.UNREADABLE: lambda d, first: d._replace(shares={**d.shares, first: UNREADABLE}),
    Deal.ROOTLESS: lambda d, _: d._replace(root=keccak(d.root)),
    Deal.CUT: lambda d, _: _rooted(d, d.addresses[:20]),
    Deal.ZERO: lambda d, _: _rooted(d, bytes(20) + d.addresses[20:]),
    Deal.EMPTY: lambda d, _: d._replace(root=bytes(32)),
    Deal.SHORT: lambda d, _: d._replace(points=d.points[128:]),
    Deal.LONG: lambda d, _: d._replace(sealed=d.sealed + bytes(112)),
}
"""What is done to an honest dealing; the number is the place of its first holder."""


def _honest(real: RecoverDriver, account: str, group: int, place: int, off: int) -> Dealing:
    """`off`: what is added to both secrets before they are shared, but not to B."""
    label, params = f"{account} {group}", real.params
    f, g = (
        coefficients(secret + off, params.threshold, f"{name} {label}")
        for name, secret in (("f", real.secret(account)), ("g", real.self_secret(account)))
    )
    return deal(real.self_secret(account), shares(f, g, place, params.members))


def dealt(real: RecoverDriver, account: str, group: int, place: int, how: Deal, seen: Mapping[str, Dealt]) -> Dealt:
    """What somebody shares at that place.

    Args:
        seen: what others of its group have shared so far; `COPIED` takes the first of them.
    """
    holders = others(place, real.params.members)
    theirs = [one for other, one in seen.items() if other != account and one.own]
    if how == Deal.COPIED and theirs:
        return theirs[0]._replace(shares=dict.fromkeys(holders, UNREADABLE), own=False)
    secret = real.self_secret(account)
    given = _honest(real, account, group, place, off=int(how == Deal.FOREIGN))
    if how == Deal.UNEVEN:
        f, g = given.shares[holders[0]]
        given = deal(secret, {**given.shares, holders[0]: (f + 1, g + 1)})
    made = Dealt(secret, given.shares, given.addresses, given.root, given.points, given.sealed)
    return BENT[how](made, holders[0]) if how in BENT else made
