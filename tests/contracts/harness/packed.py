"""Proofs of packed sums as `check_packed` takes them, from the vectors or from our prover."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from omnilytics.blobs import scheme
from tests.contracts.harness.blobs import Q, fold, split
from tests.golden import unhex, vectors

NORMS, GRAM = 3, 4
LANES = scheme.LANES
NAMES = ("m", "first helper", "last helper", "g", "S", "q0", "q1", "pi", "pi0")
"""Of the points that can be replaced one by one."""


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
    """R M points: of each 21 lanes the sum, then lanes."""
    points: list[bytes]
    """[m], helpers, [g], [S], [q0], [q1], pi, pi0."""
    openings: list[int]

    def claim(self) -> tuple[Any, ...]:
        return self.context, self.root, self.kind, self.groups, self.members, self.lanes, self.bound

    def evidence(self) -> bytes:
        openings = [a.to_bytes(32, "big") for a in self.openings]
        return b"".join([*self.sums, *self.points[:-2], *openings, *self.points[-2:]])

    def arguments(self) -> tuple[Any, ...]:
        return self.claim(), [g % Q for g in self.products], self.evidence()

    def but(self, **changes: Any) -> Case:
        return replace(self, **changes)

    def place(self, name: str) -> int:
        """Of one of NAMES among the points."""
        return {"m": 0, "first helper": 1}.get(name, NAMES.index(name) - len(NAMES))

    def with_point(self, name: str, point: bytes) -> Case:
        points = list(self.points)
        points[self.place(name)] = point
        return self.but(points=points)

    def with_sum(self, place: int, point: bytes) -> Case:
        """Under the same root."""
        return self.but(sums=[*self.sums[:place], point, *self.sums[place + 1 :]])

    def rooted(self) -> Case:
        """Under the root that its sums have."""
        groups = [self.sums[self.lanes * r : self.lanes * (r + 1)] for r in range(self.groups)]
        return self.but(root=fold([fold(group[::LANES]) for group in groups]))


def _case(claim: tuple[Any, ...], root: bytes, products: list[int], evidence: bytes) -> Case:
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
    return _case(claim, unhex(found["root"]), list(map(int, found["products"])), unhex(found["evidence"]))


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
    return _case(fields, bytes(32), products, evidence).rooted()
