"""Arguments of members' calls with policy `recover`, bent: the keys of each table are the ways of doing it.

Who bends them knows what a member may know, so that nothing is refused for want of knowledge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.contracts.harness.recovering import Disclosure, Opening


class Reveal(NamedTuple):
    """The arguments of `reveal`."""

    secret: int
    addresses: bytes
    openings: list[Opening]


class Rebuild(NamedTuple):
    """The arguments of `rebuild`."""

    dealer: str
    addresses: bytes
    holders: int
    shares: list[int]


class Mates(NamedTuple):
    """What somebody who cheats could use of itself and of another member of its group.

    Args:
        key: its own mask key.
        other: the other member's self mask secret.
        addresses: what that one has committed to.
        own_shares: its own shares of that one: of the mask key and of the self mask.
        place: of that one.
    """

    key: int
    other: int
    addresses: bytes
    own_shares: Sequence[Opening]
    place: int


def first_changed(openings: list[Opening], **to: object) -> list[Opening]:
    return [openings[0]._replace(**to), *openings[1:]] if openings else []


RIGHT = "as it should"

REVEALS: dict[str, Callable[[Reveal, Mates], Reveal]] = {
    RIGHT: lambda r, _: r,
    "its key instead": lambda r, m: r._replace(secret=m.key),
    "another's secret": lambda r, m: r._replace(secret=m.other),
    "another's secret and addresses": lambda r, m: r._replace(secret=m.other, addresses=m.addresses),
    "zero": lambda r, _: r._replace(secret=0),
    "an opening less": lambda r, _: r._replace(openings=r.openings[:-1]),
    "a share of a key that nobody needs": lambda r, m: r._replace(openings=[*r.openings, m.own_shares[0]]),
    "a share of a self mask, too": lambda r, m: r._replace(openings=[*r.openings, m.own_shares[1]]),
    "turned": lambda r, _: r._replace(openings=r.openings[::-1]),
    "a wrong share": lambda r, _: r._replace(openings=first_changed(r.openings, share=7)),
    "a share under another's root": lambda r, m: r._replace(openings=first_changed(r.openings, addresses=m.addresses)),
}

LOANS: dict[str, Callable[[list[Opening], Mates], list[Opening]]] = {
    RIGHT: lambda o, _: o,
    "none": lambda o, _: [],
    "an opening less": lambda o, _: o[:-1],
    "a share of a mask key": lambda o, m: [m.own_shares[0]],
    "a share of whoever": lambda o, m: [*o, m.own_shares[1]],
    "turned": lambda o, _: o[::-1],
    "a wrong share": lambda o, _: first_changed(o, share=7),
}

REBUILDS: dict[str, Callable[[Rebuild, Mates], Rebuild]] = {
    RIGHT: lambda r, _: r,
    "a wrong share": lambda r, _: r._replace(shares=[7, *r.shares[1:]]),
    "a share less": lambda r, _: r._replace(shares=r.shares[:-1]),
    "a holder less": lambda r, _: r._replace(holders=r.holders & (r.holders - 1), shares=r.shares[1:]),
    "turned": lambda r, _: r._replace(shares=r.shares[::-1]),
    "with the dealer": lambda r, m: r._replace(holders=r.holders & (r.holders - 1) | 1 << m.place),
    "with nobody's place": lambda r, _: r._replace(holders=r.holders & (r.holders - 1) | 1 << 15),
    "under another's root": lambda r, m: r._replace(addresses=m.addresses),
}

DISCLOSURES: dict[str, Callable[[list[Disclosure], Mates], list[Disclosure]]] = {
    RIGHT: lambda d, _: d,
    "one less": lambda d, _: d[:-1],
    "one twice": lambda d, _: [*d, *d[-1:]],
    "turned": lambda d, _: d[::-1],
    "another key": lambda d, _: [d[0]._replace(parity=1 - d[0].parity), *d[1:]] if d else d,
    "a key off the curve": lambda d, _: [d[0]._replace(x=5), *d[1:]] if d else d,
    "the mask key, too": lambda d, m: [d[0]._replace(secret=m.key), *d[1:]] if d else d,
    "a wrong secret": lambda d, _: [*d[:-1], d[-1]._replace(secret=7)] if d else d,
    "addresses of all": lambda d, m: [one._replace(addresses=one.addresses or m.addresses) for one in d],
}


class Unmask(NamedTuple):
    """The arguments of `unmask` behind group and chunk."""

    words: bytes
    minus: list[bytes]
    plus: list[bytes]


UNMASKS: dict[str, Callable[[Unmask], Unmask]] = {
    RIGHT: lambda u: u,
    "a row less": lambda u: u._replace(words=u.words[: len(u.words) // 2]),
    "other words": lambda u: u._replace(words=u.words[1:] + u.words[:1]),
    "a seed less": lambda u: u._replace(minus=u.minus[1:]),
    "seeds exchanged": lambda u: u._replace(minus=u.plus, plus=u.minus),
    "no seeds": lambda u: u._replace(minus=[], plus=[]),
}
