"""The proof of a session's packed sums as the contract takes it: in one call, or in several (docs/BLOBS.md 7.5)."""

from __future__ import annotations

from dataclasses import dataclass

from omnilytics.blobs.partial import Partial, PartialPacked
from omnilytics.blobs.scheme import POINT_BYTES
from omnilytics.chain.base import SessionPort
from omnilytics.codec import WORD_BYTES, keccak256
from omnilytics.protocol.blob_proofs import PACKED_POINTS, Part, Shape, claimed, split
from omnilytics.protocol.blob_uploads import fold
from omnilytics.types import Address, Receipt

CLOSING_POINTS = PACKED_POINTS - 2
"""[m], [g], [S], [q0], [q1]."""


@dataclass(frozen=True, slots=True)
class PackedProof:
    """A proof of packed sums, and what it is of.

    Attributes:
        shape: how long it is.
        context: 32 bytes (BLOBS.md 7.5).
        products: norms, or with `krum` the matrix, modulo q.
        evidence: lanes, helpers and all, as `select_packed` takes it (B14).
    """

    shape: Shape
    context: bytes
    products: tuple[int, ...]
    evidence: bytes

    @property
    def seeds(self) -> tuple[bytes, ...]:
        """t0 to t4 (B14)."""
        lanes, helpers = (split(points, POINT_BYTES) for points in (self._lanes, self._helpers))
        multiplicities, table, remainder, *quotients = split(self._closing, POINT_BYTES)
        t0 = keccak256(claimed(self.context, self.shape.kind, fold(lanes), self.products) + multiplicities)
        t1 = fold([*helpers, table], t0)
        t2 = keccak256(t1 + remainder)
        t3 = keccak256(t2 + b"".join(quotients))
        return t0, t1, t2, t3, fold(split(self._openings, WORD_BYTES), t3)

    def part_of(self, begun: int, part: Part) -> bytes:
        """The evidence of a call, behind so many lanes that are in."""
        last = begun + part.sums
        lanes = self._lanes[POINT_BYTES * begun : POINT_BYTES * last]
        helpers = self._helpers[POINT_BYTES * _helpers(begun) : POINT_BYTES * _helpers(last)]
        if not part.last:
            return lanes + helpers + self._openings[WORD_BYTES * begun : WORD_BYTES * last]
        return (
            lanes + helpers + self._closing + self._openings[WORD_BYTES * begun :] + self.evidence[-2 * POINT_BYTES :]
        )

    def send(self, session: SessionPort, sender: Address, state: Partial | None = None) -> Receipt:
        """Sends the next call.

        Args:
            session: to which.
            sender: anybody; whose state it is.
            state: what the sender's last call has left, of whichever proof; None: none.
        """
        begun = state if isinstance(state, PartialPacked) and state.seeds == self.seeds else None
        done = begun.lanes if begun is not None else 0
        part = self.shape.part(done)
        evidence = self.part_of(done, part)
        if not part.last:
            return session.continue_packed(sender, begun or PartialPacked.beginning(self.seeds), evidence)
        if begun is None:
            return session.select_packed(sender, self.products, evidence)
        return session.finish_packed(sender, begun, self.products, evidence)

    @property
    def _lanes(self) -> bytes:
        return self.evidence[: POINT_BYTES * self.shape.sums]

    @property
    def _helpers(self) -> bytes:
        first = self.shape.sums
        return self.evidence[POINT_BYTES * first : POINT_BYTES * (first + _helpers(first))]

    @property
    def _closing(self) -> bytes:
        first = self.shape.sums + _helpers(self.shape.sums)
        return self.evidence[POINT_BYTES * first : POINT_BYTES * (first + CLOSING_POINTS)]

    @property
    def _openings(self) -> bytes:
        """Of all lanes, and of the identity."""
        points = self.shape.sums + _helpers(self.shape.sums) + CLOSING_POINTS
        return self.evidence[POINT_BYTES * points : -2 * POINT_BYTES]


def _helpers(lanes: int) -> int:
    """Of so many lanes."""
    return -(-lanes // 2)
