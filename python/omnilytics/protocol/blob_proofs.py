"""The proof of a session's sums as the contract takes it: in one call, or in several (docs/BLOBS.md 7.4, 7.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from omnilytics.blobs.partial import Partial, PartialProof
from omnilytics.blobs.scheme import POINT_BYTES, Kind
from omnilytics.chain.base import SessionPort
from omnilytics.codec import WORD_BYTES, keccak256
from omnilytics.protocol.blob_uploads import fold
from omnilytics.protocol.gas import MAX_CALL_BYTES
from omnilytics.types import Address, Receipt, Rule, SessionParams

LAST_POINTS = 4
"""[S], [h] and the two witnesses."""

PACKED_POINTS = 7
"""[m], [g], [S], [q0], [q1] and the two witnesses of a packed proof (B14)."""

STATE_BYTES = 17 * WORD_BYTES
"""Of a `PartialProof`."""

PACKED_STATE_BYTES = 81 * WORD_BYTES
"""Of a `PartialPacked`."""

LANE_BYTES = POINT_BYTES + POINT_BYTES // 2 + WORD_BYTES
"""That a lane takes in a call: its point, half a helper, its opening."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one call has of a proof.

    Attributes:
        sums: how many.
        first: it is the first one.
        last: ... and the last: with [S], [h], products and witnesses.
        packed: they are lanes of packed sums.
    """

    sums: int
    first: bool
    last: bool
    packed: bool = False

    @property
    def call(self) -> str:
        """The function that takes it."""
        if not self.last:
            return "continue_packed" if self.packed else "continue_proof"
        if self.packed:
            return "select_packed" if self.first else "finish_packed"
        return "select_proven" if self.first else "finish_proof"


@dataclass(frozen=True, slots=True)
class Shape:
    """How long a proof is.

    Attributes:
        kind: of what.
        groups: R.
        chunks: c; of packed sums M, their lanes.
        room: bytes that a call has for it.
    """

    kind: Kind
    groups: int
    chunks: int
    room: int

    @classmethod
    def of(cls, params: SessionParams, groups: int) -> Shape:
        """That of so many groups' sums, in calls as large as nodes take."""
        return cls(kind_of(params), groups, params.lanes, MAX_CALL_BYTES)

    @property
    def packed(self) -> bool:
        """Whether it is of packed sums."""
        return self.kind in (Kind.PACKED_NORMS, Kind.PACKED_GRAM)

    @property
    def sums(self) -> int:
        """Of all groups and chunks; packed, lanes."""
        return self.groups * self.chunks

    @property
    def products(self) -> int:
        """The norms, or the upper triangle of the matrix."""
        gram = self.kind in (Kind.GRAM, Kind.PACKED_GRAM)
        return self.groups * (self.groups + 1) // 2 if gram else self.groups

    def openings(self, sums: int) -> int:
        """That come with so many sums: a matrix's in every call."""
        return self.chunks if self.kind is Kind.GRAM else sums

    @property
    def state_bytes(self) -> int:
        """Of what is in, as a call carries it."""
        return PACKED_STATE_BYTES if self.packed else STATE_BYTES

    def part(self, begun: int = 0) -> Part:
        """What the next call takes, behind so many sums that are in."""
        left = self.sums - begun
        last = (self.state_bytes if begun else 0) + self._last_bytes(left) + WORD_BYTES * self.products
        if last <= self.room or not left:
            return Part(left, not begun, last=True, packed=self.packed)
        return Part(min(left, self._most()), not begun, last=False, packed=self.packed)

    def _last_bytes(self, left: int) -> int:
        """The evidence of a last call."""
        if self.packed:
            return packed_bytes(left)
        return POINT_BYTES * (left + LAST_POINTS) + WORD_BYTES * self.openings(left)

    def _most(self) -> int:
        """Sums that a call takes which isn't the last one; of lanes whole columns, and an even number."""
        fixed = self.state_bytes + (WORD_BYTES * self.chunks if self.kind is Kind.GRAM else 0)
        each = POINT_BYTES if self.kind is Kind.GRAM else POINT_BYTES + WORD_BYTES
        step = 1
        if self.packed:
            each, step = LANE_BYTES, math.lcm(2, self.groups)
        return max(1, (self.room - fixed) // each // step) * step

    def parts(self) -> list[Part]:
        """All calls of one proof."""
        parts = [self.part()]
        while not parts[-1].last:
            parts.append(self.part(sum(part.sums for part in parts)))
        return parts


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof of sums that aren't packed, and what it is of.

    Attributes:
        shape: how long it is.
        context: 32 bytes (B10).
        products: norms, or with `krum` the matrix, modulo q.
        points: the sums, 128 bytes each.
        proof: B6.
    """

    shape: Shape
    context: bytes
    products: tuple[int, ...]
    points: bytes
    proof: bytes

    @property
    def evidence(self) -> bytes:
        """All of it, as `select_proven` takes it."""
        return self.points + self.proof

    @property
    def seeds(self) -> tuple[bytes, bytes, bytes]:
        """t0, t1, t2 (B4)."""
        groups = [self._sums(r * self.shape.chunks, (r + 1) * self.shape.chunks) for r in range(self.shape.groups)]
        root = fold(fold(split(group, POINT_BYTES)) for group in groups)
        t0 = keccak256(claimed(self.context, self.shape.kind, root, self.products))
        t1 = keccak256(t0 + self.proof[: 2 * POINT_BYTES])
        return t0, t1, fold(split(self._openings, WORD_BYTES), t1)

    def part_of(self, begun: int, part: Part) -> bytes:
        """The evidence of a call, behind so many sums that are in."""
        points = self._sums(begun, begun + part.sums)
        openings = self._openings
        if self.shape.kind is Kind.NORMS:
            openings = openings[WORD_BYTES * begun : WORD_BYTES * (begun + part.sums)]
        if not part.last:
            return points + openings
        return points + self.proof[: 2 * POINT_BYTES] + openings + self.proof[-2 * POINT_BYTES :]

    def send(self, session: SessionPort, sender: Address, state: Partial | None = None) -> Receipt:
        """Sends the next call.

        Args:
            session: to which.
            sender: anybody; whose state it is.
            state: what the sender's last call has left, of whichever proof; None: none.
        """
        begun = state if isinstance(state, PartialProof) and state.seeds == self.seeds else None
        done = begun.sums if begun is not None else 0
        part = self.shape.part(done)
        evidence = self.part_of(done, part)
        if not part.last:
            return session.continue_proof(sender, begun or PartialProof.beginning(self.seeds), evidence)
        if begun is None:
            return session.select_proven(sender, self.products, evidence)
        return session.finish_proof(sender, begun, self.products, evidence)

    def _sums(self, first: int, last: int) -> bytes:
        return self.points[POINT_BYTES * first : POINT_BYTES * last]

    @property
    def _openings(self) -> bytes:
        return self.proof[2 * POINT_BYTES : -2 * POINT_BYTES]


def packed_bytes(lanes: int) -> int:
    """The evidence of a packed proof of so many lanes of all groups (docs/BLOBS.md B14)."""
    return POINT_BYTES * (lanes + -(-lanes // 2) + PACKED_POINTS) + WORD_BYTES * (lanes + 1)


def kind_of(params: SessionParams) -> Kind:
    """Which products the session's rule needs."""
    if params.packed:
        return Kind.PACKED_GRAM if params.rule is Rule.KRUM else Kind.PACKED_NORMS
    return Kind.GRAM if params.rule is Rule.KRUM else Kind.NORMS


def claimed(context: bytes, kind: Kind, root: bytes, products: Sequence[int]) -> bytes:
    """What t0 is the hash of, in packed proofs with [m] behind it (B4, B14)."""
    listed = keccak256(b"".join(product.to_bytes(WORD_BYTES, "big") for product in products))
    return context + kind.to_bytes(WORD_BYTES, "big") + root + listed


def split(data: bytes, size: int) -> list[bytes]:
    """In pieces of so many bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]
