"""A proof that takes several calls, as far as it is in (docs/BLOBS.md 7.4, 7.5)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

__all__ = ["Partial", "PartialPacked", "PartialProof"]

MAX_GROUPS = 64
"""Of a session."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a contract takes back as it has emitted it."""

    def words(self) -> tuple[Any, ...]:
        """As a call takes it."""
        return tuple(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class PartialProof(_State):
    """What `ProofContinued` emits and the account's next call takes; the contract keeps its hash alone.

    Attributes:
        seeds: t0, t1, t2 (B4), 32 bytes each.
        sums: that are in.
        root: 32 bytes: the fold of whole groups' hashes.
        group: 32 bytes: the fold of the next group's sums.
        openings: 32 bytes: of norms, the fold from t1 of the openings so far.
        alpha: alpha^r.
        beta: beta^r.
        power: the weight of the next sum in W.
        evaluation: of y, so far.
        factors: of all sums so far, added up.
        point: the combination so far, four words.
        spent_wei: what these calls have cost, of what calls are paid.
    """

    seeds: tuple[bytes, ...]
    sums: int
    root: bytes
    group: bytes
    openings: bytes
    alpha: int
    beta: int
    power: int
    evaluation: int
    factors: int
    point: tuple[int, ...]
    spent_wei: int

    @classmethod
    def beginning(cls, seeds: tuple[bytes, ...]) -> Self:
        """What the first call takes: the seeds alone count."""
        return cls(seeds, 0, bytes(32), bytes(32), bytes(32), 0, 0, 0, 0, 0, (0, 0, 0, 0), 0)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """A struct as an event has it, by field."""
        return cls(**values | {name: tuple(values[name]) for name in ("seeds", "point")})

    @property
    def done(self) -> int:
        """How many sums are in."""
        return self.sums


@dataclass(frozen=True, slots=True)
class PartialPacked(_State):
    """The same of packed sums: what `PackedContinued` emits.

    Attributes:
        seeds: t0 to t4 (B14), 32 bytes each.
        lanes: that are in.
        root: 32 bytes: the fold of their points.
        groups: 64 of 32 bytes each: of each group the fold of its sums.
        helpers: 32 bytes: the fold from t0 of the helpers so far.
        openings: 32 bytes: the fold from t3 of the openings so far.
        power: delta^k of the next lane.
        weight: eta^i of the last helper.
        evaluation: of y, so far.
        point: the combination so far, four words.
        spent_wei: what these calls have cost, of what calls are paid.
    """

    seeds: tuple[bytes, ...]
    lanes: int
    root: bytes
    groups: tuple[bytes, ...]
    helpers: bytes
    openings: bytes
    power: int
    weight: int
    evaluation: int
    point: tuple[int, ...]
    spent_wei: int

    @classmethod
    def beginning(cls, seeds: tuple[bytes, ...]) -> Self:
        """What the first call takes: the seeds alone count."""
        return cls(seeds, 0, bytes(32), (bytes(32),) * MAX_GROUPS, bytes(32), bytes(32), 0, 0, 0, (0, 0, 0, 0), 0)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """A struct as an event has it, by field."""
        return cls(**values | {name: tuple(values[name]) for name in ("seeds", "groups", "point")})

    @property
    def done(self) -> int:
        """How many lanes are in."""
        return self.lanes


Partial = PartialProof | PartialPacked
