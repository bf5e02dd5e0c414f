"""Who sits where: both draws, recomputed from what the contract emitted (PROTOCOL.md sections 6.1 and 6.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnilytics import codec
from omnilytics.types import Address, Assignment, Pool, SessionParams


@dataclass(frozen=True, slots=True)
class Registration:
    """One `Registered` event, as far as the draw asks for it.

    `suspicion` is after decay, 0..2^16. `cohort` is 0, or `session << 8 | group` of an earlier session, in which the
    member had `place` (E29).
    """

    member: Address
    suspicion: int = 0
    cohort: int = 0
    place: int = 0


@dataclass(frozen=True, slots=True)
class Seating:
    """`groups[g][place]` is that seat's member; `unseated` registered but weren't drawn.

    Groups `first` and above are those of the second commitment round, whose members sat in failed groups of the first.
    """

    groups: tuple[tuple[Address, ...], ...]
    unseated: tuple[Address, ...]
    first: int

    def seat_of(self, member: Address) -> tuple[int, int] | None:
        """(group, place), the newest if it was drawn twice; None for a member without a seat."""
        for group in range(len(self.groups) - 1, -1, -1):
            if member in self.groups[group]:
                return group, self.groups[group].index(member)
        return None

    def seat_before(self, member: Address) -> tuple[int, int] | None:
        """(group, place) in the first round of a member that was drawn again; None for any other."""
        newest = self.seat_of(member)
        if newest is None or newest[0] < self.first:
            return None
        return Seating(self.groups[: self.first], (), self.first).seat_of(member)

    def drawn_again(self, group: int, place: int) -> bool:
        """Whether that seat's member has another one in the second round, where its share is paid."""
        return self.seat_of(self.groups[group][place]) != (group, place)


NOBODY = Seating((), (), 0)
"""Before the draw."""


def pool_of(params: SessionParams, registration: Registration) -> Pool:
    """The pool that a registration goes into."""
    if registration.cohort:
        return Pool.COHORT
    records = params.records
    if params.assignment is Assignment.SHUFFLED and records and registration.suspicion >= records.threshold:
        return Pool.SUSPECT
    return Pool.CLEAR


def ranks(params: SessionParams, registered: Sequence[Registration]) -> dict[Address, int]:
    """Each member's rank in its pool, counted from 0 in order of registration."""
    counts = dict.fromkeys(Pool, 0)
    found: dict[Address, int] = {}
    for registration in registered:
        pool = pool_of(params, registration)
        found[registration.member] = counts[pool]
        counts[pool] += 1
    return found


def full_groups(params: SessionParams, registered: Sequence[Registration]) -> int:
    """Groups that the first draw seats, whether that is enough or not: min(R, U)."""
    cohorts = len(_complete_cohorts(params, registered))
    loose = sum(1 for registration in registered if not registration.cohort)
    return min(params.rounds, cohorts + loose // params.members)


def first_seats(params: SessionParams, registered: Sequence[Registration], seed: bytes) -> Seating:
    """The first draw's seats (E21-E23).

    Args:
        params: the session's.
        registered: in order of registration.
        seed: the draw's, 32 bytes; unused with `greedy`.
    """
    groups = full_groups(params, registered)
    if params.assignment is Assignment.GREEDY:
        seated = [registration.member for registration in registered[: groups * params.members]]
    else:
        seated = _drawn(params, registered, seed, groups)
    lucky = set(seated)
    return Seating(
        groups=_in_groups(seated, params.members),
        unseated=tuple(r.member for r in registered if r.member not in lucky),
        first=groups,
    )


def second_seats(params: SessionParams, first: Seating, survivors: Sequence[Address], seed: bytes) -> Seating:
    """Both draws' seats: groups of the second one follow those of the first (E24).

    Args:
        params: the session's.
        first: the first draw's.
        survivors: of failed groups, as `survivors_of` has them.
        seed: the second draw's, 32 bytes; unused with `greedy`.
    """
    count = len(survivors) // params.members * params.members
    seated: list[Address | None] = [None] * len(survivors)
    for number, member in enumerate(survivors):
        greedy = params.assignment is Assignment.GREEDY
        seated[number if greedy else codec.permutation(seed, len(survivors), number)] = member
    again = [member for member in seated[:count] if member is not None]
    return Seating(first.groups + _in_groups(again, params.members), first.unseated, len(first.groups))


def survivors_of(seats: Seating, failed: Mapping[int, int]) -> list[Address]:
    """Who did its part in failed groups of the first round, by group, then place.

    Args:
        seats: the first draw's.
        failed: by group id, the bitmap over places of who did its part.
    """
    return [
        member
        for group in sorted(failed)
        for place, member in enumerate(seats.groups[group])
        if failed[group] >> place & 1
    ]


def _complete_cohorts(params: SessionParams, registered: Sequence[Registration]) -> list[list[Registration]]:
    """Cohorts of which all N members registered, in the order in which they became complete."""
    waiting: dict[int, list[Registration]] = {}
    complete = []
    for registration in registered:
        if not registration.cohort:
            continue
        cohort = waiting.setdefault(registration.cohort, [])
        cohort.append(registration)
        if len(cohort) == params.members:
            complete.append(sorted(cohort, key=lambda one: one.place))
    return complete


def _drawn(params: SessionParams, registered: Sequence[Registration], seed: bytes, groups: int) -> list[Address]:
    """The seated in order of their seats, groups of cohorts first."""
    members = params.members
    cohorts = _complete_cohorts(params, registered)
    loose = [registration for registration in registered if not registration.cohort]
    units = len(cohorts) + len(loose) // members
    whole = len(cohorts)
    if units > params.rounds:
        whole = (params.rounds * whole + int.from_bytes(_branch(seed, 3), "big") % units) // units
    drawn: list[Address | None] = [None] * (groups * members)
    for number, cohort in enumerate(cohorts):
        group = codec.permutation(_branch(seed, 2), len(cohorts), number)
        if group < whole:
            drawn[group * members : (group + 1) * members] = [one.member for one in cohort]
    seats = (groups - whole) * members
    for line, member in _lines(params, loose, seed, seats):
        drawn[whole * members + codec.permutation(_branch(seed, 1), seats, line)] = member
    return [member for member in drawn if member is not None]


def _lines(params: SessionParams, loose: Sequence[Registration], seed: bytes, seats: int) -> list[tuple[int, Address]]:
    """Loose members with a line below `seats`: the seated ones, before their seats are mixed (E22)."""
    clear = [r.member for r in loose if pool_of(params, r) is Pool.CLEAR]
    suspect = [r.member for r in loose if pool_of(params, r) is Pool.SUSPECT]
    draw = _branch(seed, 0)
    if min(len(clear), len(suspect)) < 2 * params.members:
        everybody = clear + suspect
        lines = [(codec.permutation(draw, len(everybody), i), member) for i, member in enumerate(everybody)]
    else:
        mixed = len(clear) > seats
        lines = [(codec.permutation(draw, len(clear), i) if mixed else i, m) for i, m in enumerate(clear)]
        lines += [(len(clear) + codec.permutation(draw, len(suspect), i), m) for i, m in enumerate(suspect)]
    return [(line, member) for line, member in lines if line < seats]


def _branch(seed: bytes, number: int) -> bytes:
    """s_k (E14)."""
    return codec.keccak256(seed + number.to_bytes(32, "big"))


def _in_groups(members: Sequence[Address], size: int) -> tuple[tuple[Address, ...], ...]:
    return tuple(tuple(members[start : start + size]) for start in range(0, len(members), size))
