"""Rule `norm+vote`: what a data owner says of the groups, by its own step alone, and what the votes come to.

A vote is committed to before any is opened, so that nobody follows another's. Whoever knows its seed and its bits has
salt and commitment again: after a crash a member opens what it has committed to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from omnilytics import codec
from omnilytics.protocol.judging import Judge, Sums
from omnilytics.protocol.seating import Seating
from omnilytics.types import Address

JUDGE = Judge()
"""How members vote unless told."""

FLIP_BYTES = 32
"""Of 256: a bit is flipped, where the client asks for it, with probability 1/8."""


@dataclass(frozen=True, slots=True, repr=False)
class Ballot:
    """What one member votes on. It has the member's own step, so it has no repr.

    Attributes:
        step: the integers that it has uploaded, as words without a mask.
        group: its own.
        sums: of all groups that have one.
        seats: who sits where.
    """

    step: bytes
    group: int
    sums: Sums
    seats: Seating

    def honest(self, judge: Judge = JUDGE) -> frozenset[int]:
        """The groups that a member votes against which judges them by its own step."""
        return judge.against(self.sums, self.group, self.step)


def flipped(against: Collection[int], groups: Collection[int], seed: bytes) -> frozenset[int]:
    """The vote with each group's bit flipped with probability 1/8, the same for the same `seed` of 32 bytes."""
    return frozenset(group for group in groups if (group in against) != _flips(seed, group))


def _flips(seed: bytes, group: int) -> bool:
    return codec.keccak256(b"omnilytics/flip" + seed + group.to_bytes(32, "big"))[0] < FLIP_BYTES


@dataclass(frozen=True, slots=True, repr=False)
class Vote:
    """What a member commits to, then opens. The salt is bound to the bits: opened, it tells nothing of another vote.

    Attributes:
        bits: by group id, whether it is against the group.
        salt: 32 bytes.
        commitment: E38, 32 bytes.
    """

    bits: int
    salt: bytes
    commitment: bytes

    @classmethod
    def of(
        cls, against: Collection[int], groups: Collection[int], seed: bytes, scope: tuple[int, Address, Address]
    ) -> Vote:
        """The vote against these of `groups`.

        Args:
            against: the groups, by id.
            groups: those that can be voted on.
            seed: 32 bytes, the member's own.
            scope: the chain's id, the session, the member.
        """
        bits = sum(1 << group for group in groups if group in against)
        salt = codec.keccak256(seed + bits.to_bytes(32, "big"))
        return cls(bits, salt, codec.vote_commitment(*scope, bits, salt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The opened votes of a session.

    Attributes:
        electors: |U|, data owners that might have voted.
        cast: how many have.
        against: by group, how many of them were against it.
    """

    electors: int
    cast: int
    against: Mapping[int, int]

    def refuses(self, group: int) -> bool:
        """Whether the group is voted out: half of U has voted, and more than half of the votes are against it (E37)."""
        return 2 * self.cast >= self.electors and 2 * self.against[group] > self.cast

    def words(self, group: int) -> str:
        """What is said of a group's votes, to follow on what is said of its length."""
        against = self.against[group]
        if 2 * self.cast < self.electors:
            return f"; {self.cast} of {self.electors} have voted, too few to count"
        return f"; {'voted out, ' if self.refuses(group) else ''}{against} of {self.cast} votes against"

    @classmethod
    def of(cls, groups: Collection[int], electors: int, ballots: Collection[int]) -> Tally:
        """What opened votes, bitmaps over group ids, come to for these groups."""
        against = {group: sum(ballot >> group & 1 for ballot in ballots) for group in groups}
        return cls(electors=electors, cast=len(ballots), against=against)
