"""What the tests of blobs share: the vectors as a contract takes them, points that aren't what they should be."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, NamedTuple

from eth_utils import keccak

from tests.contracts.harness import reference as ref
from tests.golden import unhex, vectors

Q = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
INFINITY = bytes(128)
NORMS, GRAM = 1, 2


def fold(items: list[bytes], start: bytes = bytes(32)) -> bytes:
    """A list hashed item by item."""
    return functools.reduce(lambda folded, item: keccak(folded + item), items, start)


def versioned(commitment: bytes) -> bytes:
    """EIP-4844's hash of a commitment of 48 bytes."""
    return b"\1" + sha256(commitment).digest()[1:]


def bound(account: str, hashes: list[bytes]) -> bytes:
    """What an account commits to."""
    return ref.commitment(account, fold(hashes))


def split(points: bytes) -> list[bytes]:
    """Of 128 bytes each."""
    return [points[at : at + 128] for at in range(0, len(points), 128)]


def negative(point: bytes) -> bytes:
    return point[:64] + (P - int.from_bytes(point[64:], "big")).to_bytes(64, "big")


def beyond_the_field(point: bytes) -> bytes:
    """The same coordinates modulo 2^384, a bit above them set."""
    return b"\0" * 15 + b"\1" + point[16:]


def off_the_curve(point: bytes) -> bytes:
    return point[:127] + bytes([point[127] ^ 1])


def off_the_subgroup() -> bytes:
    """A point of the curve that isn't a multiple of the generator: (4, 2 sqrt(17))."""
    y = pow(4**3 + 4, (P + 1) // 4, P)
    assert y * y % P == 4**3 + 4
    return (4).to_bytes(64, "big") + y.to_bytes(64, "big")


class Sums(NamedTuple):
    """A group's uploads as `check_sum` takes them."""

    chunks: int
    uploads: list[bytes]
    group: bytes
    points: bytes


def group_sums(session: int, group: int) -> Sums:
    """Of a group of the vectors."""
    fields = vectors("blobs")["sessions"][session]
    found = fields["groups"][group]
    hashes = [unhex(h) for h in found["upload_hashes"]]
    return Sums(fields["chunks"], hashes, unhex(found["hash"]), unhex(found["points"]))


class Begun(NamedTuple):
    """A proof as far as it is in."""

    seeds: list[bytes]
    sums: int = 0
    root: bytes = bytes(32)
    group: bytes = bytes(32)
    openings: bytes = bytes(32)
    alpha: int = 0
    beta: int = 0
    power: int = 0
    evaluation: int = 0
    factors: int = 0
    point: tuple[int, ...] = (0, 0, 0, 0)
    spent_wei: int = 0


@dataclass(frozen=True)
class Case:
    """A proof as `check` takes it, in parts."""

    context: bytes
    root: bytes
    kind: int
    groups: int
    members: int
    chunks: int
    bound: int
    products: list[int]
    sums: bytes
    S: bytes
    h: bytes
    openings: list[int]
    pi: bytes
    pi0: bytes

    def claim(self) -> tuple[Any, ...]:
        return self.context, self.root, self.kind, self.groups, self.members, self.chunks, self.bound

    def evidence(self) -> bytes:
        openings = b"".join(a.to_bytes(32, "big") for a in self.openings)
        return self.sums + self.S + self.h + openings + self.pi + self.pi0

    def arguments(self) -> tuple[Any, ...]:
        return self.claim(), [g % Q for g in self.products], self.evidence()

    def seeds(self) -> list[bytes]:
        """t0, t1, t2 of the transcript (docs/BLOBS.md B4)."""
        words = b"".join((g % Q).to_bytes(32, "big") for g in self.products)
        t0 = keccak(self.context + self.kind.to_bytes(32, "big") + self.root + keccak(words))
        t1 = keccak(t0 + self.S + self.h)
        return [t0, t1, functools.reduce(lambda t, a: keccak(t + a.to_bytes(32, "big")), self.openings, t1)]

    def beginning(self, **changes: Any) -> Begun:
        """What the first of several calls takes."""
        return Begun(seeds=self.seeds())._replace(**changes)

    def part(self, first: int, last: int) -> bytes:
        """The evidence of a call with these sums, from `first` to before `last`."""
        return self.sums[128 * first : 128 * last] + self._openings(first, last)

    def rest(self, first: int) -> bytes:
        """The evidence of the last call, all sums before `first` being in."""
        openings = self._openings(first, self.groups * self.chunks)
        return self.sums[128 * first :] + self.S + self.h + openings + self.pi + self.pi0

    def _openings(self, first: int, last: int) -> bytes:
        openings = self.openings if self.kind == GRAM else self.openings[first:last]
        return b"".join(a.to_bytes(32, "big") for a in openings)

    def but(self, **changes: Any) -> Case:
        return replace(self, **changes)

    def with_sums(self, points: list[bytes]) -> Case:
        """And their root."""
        groups = [points[at : at + self.chunks] for at in range(0, len(points), self.chunks)]
        return self.but(sums=b"".join(points), root=fold([fold(group) for group in groups]))


def proof_case(found: dict[str, Any]) -> Case:
    """Of one of the vectors' proofs."""
    session = vectors("blobs")["sessions"][found["session"]]
    proof = unhex(found["proof"])
    openings = proof[256:-256]
    return Case(
        context=unhex(found["context"]),
        root=unhex(found["root"]),
        kind=found["kind"],
        groups=len(session["groups"]),
        members=session["members"],
        chunks=session["chunks"],
        bound=session["bound"],
        products=[int(g) for g in found["products"]],
        sums=b"".join(unhex(group["sums"]) for group in session["groups"]),
        S=proof[:128],
        h=proof[128:256],
        openings=[int.from_bytes(openings[at : at + 32], "big") for at in range(0, len(openings), 32)],
        pi=proof[-256:-128],
        pi0=proof[-128:],
    )
