"""Proofs of packed sums as `check_packed` takes them, from the vectors or from our prover."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from eth_utils import keccak

from omnilytics.blobs import scheme
from tests.contracts.harness.blobs import Q, fold, split
from tests.golden import unhex, vectors

NORMS, GRAM = 3, 4
LANES = scheme.LANES
NAMES = ("first helper", "last helper", "m", "g", "S", "q0", "q1", "pi", "pi0")
"""Of the points that can be replaced one by one."""


class Begun(NamedTuple):
    """A proof of packed sums as far as it is in."""

    seeds: list[bytes]
    lanes: int = 0
    root: bytes = bytes(32)
    groups: list[bytes] = [bytes(32)] * 64
    helpers: bytes = bytes(32)
    openings: bytes = bytes(32)
    power: int = 0
    weight: int = 0
    evaluation: int = 0
    point: tuple[int, ...] = (0, 0, 0, 0)
    spent_wei: int = 0


@dataclass(frozen=True)
class Case:
    """A proof in parts."""

    context: bytes
    root: bytes
    kind: int
    groups: int
    members: int
    lanes: int
    bound: int
    products: list[int]
    sums: list[bytes]
    """R M points: of each 21 lanes the sums of all groups, then their lanes."""
    points: list[bytes]
    """Helpers, [m], [g], [S], [q0], [q1], pi, pi0."""
    openings: list[int]
    """Of all lanes, and of the identity."""

    def claim(self) -> tuple[Any, ...]:
        return self.context, self.root, self.kind, self.groups, self.members, self.lanes, self.bound

    def evidence(self) -> bytes:
        return self.rest(0)

    def seeds(self) -> list[bytes]:
        """t0 to t4 of the transcript (docs/BLOBS.md B14)."""
        *helpers, m, g, S, q0, q1 = self.points[:-2]
        listed = keccak(b"".join((product % Q).to_bytes(32, "big") for product in self.products))
        t0 = keccak(self.context + self.kind.to_bytes(32, "big") + fold(self.sums) + listed + m)
        t1 = fold([*helpers, g], t0)
        t2 = keccak(t1 + S)
        t3 = keccak(t2 + q0 + q1)
        return [t0, t1, t2, t3, fold(self._openings(0), t3)]

    def beginning(self, **changes: Any) -> Begun:
        """What the first of several calls takes."""
        return Begun(seeds=self.seeds())._replace(**changes)

    def part(self, first: int, last: int) -> bytes:
        """The evidence of a call with these lanes, from `first`, which is even, to before `last`."""
        helpers = self.points[:-7][first // 2 : (last + 1) // 2]
        return b"".join([*self.sums[first:last], *helpers, *self._openings(first)[: last - first]])

    def rest(self, first: int) -> bytes:
        """The evidence of the last call, all lanes before `first` being in."""
        helpers = self.points[:-7][(first + 1) // 2 :]
        closing, witnesses = self.points[-7:-2], self.points[-2:]
        return b"".join([*self.sums[first:], *helpers, *closing, *self._openings(first), *witnesses])

    def _openings(self, first: int) -> list[bytes]:
        return [a.to_bytes(32, "big") for a in self.openings[first:]]

    def arguments(self) -> tuple[Any, ...]:
        return self.claim(), [g % Q for g in self.products], self.evidence()

    def but(self, **changes: Any) -> Case:
        return replace(self, **changes)

    def place(self, name: str) -> int:
        """Of one of NAMES among the points."""
        return 0 if name == "first helper" else NAMES.index(name) - len(NAMES)

    def with_point(self, name: str, point: bytes) -> Case:
        points = list(self.points)
        points[self.place(name)] = point
        return self.but(points=points)

    def with_sum(self, place: int, point: bytes) -> Case:
        """Under the same root."""
        return self.but(sums=[*self.sums[:place], point, *self.sums[place + 1 :]])

    def rooted(self) -> Case:
        """Under the root that its sums have."""
        groups = [self.sums[r :: self.groups] for r in range(self.groups)]
        return self.but(root=fold([fold(group[::LANES]) for group in groups]))


def case_of(claim: tuple[Any, ...], root: bytes, products: list[int], evidence: bytes) -> Case:
    """What `claim` and the bytes of the evidence are."""
    context, kind, groups, members, lanes, bound = claim
    count = groups * lanes
    first = 128 * (count + (count + 1) // 2 + 5)
    words = evidence[first:-256]
    return Case(
        context=context,
        root=root,
        kind=kind,
        groups=groups,
        members=members,
        lanes=lanes,
        bound=bound,
        products=products,
        sums=split(evidence[: 128 * count]),
        points=[*split(evidence[128 * count : first]), *split(evidence[-256:])],
        openings=[int.from_bytes(words[at : at + 32], "big") for at in range(0, len(words), 32)],
    )


def proof_case(found: dict[str, Any]) -> Case:
    """Of one of the vectors' proofs."""
    session = vectors("packed")["sessions"][found["session"]]
    fields = [session[name] for name in ("members", "lanes", "bound")]
    claim = (unhex(found["context"]), found["kind"], len(session["groups"]), *fields)
    return case_of(claim, unhex(found["root"]), list(map(int, found["products"])), unhex(found["evidence"]))


def proven(kind: int, groups: int, lanes: int) -> Case:
    """Of random sums of two members each, by our prover."""
    rng = np.random.default_rng(groups + lanes)
    values = rng.integers(-2_000, 2_001, size=(groups, 4_096 * lanes)).astype(np.int32)
    starts = range(0, 4_096 * lanes, 4_096 * LANES)
    sums = [
        scheme.masked_blob(row[at : at + 4_096 * LANES], 2_000, 0, [], packed=True) for row in values for at in starts
    ]
    points = [scheme.uncompressed(scheme.commit(blob)) for blob in sums]
    claim = scheme.Claim(scheme.Kind(kind), b"\7" * 32, groups, 2, lanes, 1_000)
    products, evidence = scheme.prove_packed(claim, b"".join(points), sums)
    fields = (claim.context, kind, groups, 2, lanes, 1_000)
    return case_of(fields, bytes(32), products, evidence).rooted()
