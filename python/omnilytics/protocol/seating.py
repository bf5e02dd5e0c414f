"""Who sits where: the draw, recomputed from what the contract emitted (PROTOCOL.md section 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omnilytics import codec
from omnilytics.types import Address, Assignment, SessionParams


@dataclass(frozen=True, slots=True)
class Seating:
    """`groups[g][place]` is that seat's member; `unseated` registered but weren't drawn."""

    groups: tuple[tuple[Address, ...], ...]
    unseated: tuple[Address, ...]

    def seat_of(self, member: Address) -> tuple[int, int] | None:
        """(group, place), or None for a member without a seat."""
        for group, members in enumerate(self.groups):
            if member in members:
                return group, members.index(member)
        return None


def seating(params: SessionParams, registered: Sequence[Address], seed: bytes) -> Seating:
    """The seats of `registered` (in order of index) under the draw's `seed` (unused with `greedy`)."""
    count = len(registered)
    groups = min(params.rounds, count // params.members)
    at_place: list[Address] = list(registered)
    if params.assignment is Assignment.SHUFFLED:
        for index, member in enumerate(registered):
            at_place[codec.permutation(seed, count, index)] = member
    seated = groups * params.members
    return Seating(
        groups=tuple(tuple(at_place[g * params.members : (g + 1) * params.members]) for g in range(groups)),
        unseated=tuple(at_place[seated:]),
    )
