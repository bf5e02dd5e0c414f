"""What a verifier knows from the sessions before: accepted groups, and what the market may remember of each member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from omnilytics.chain.abi import decode_log
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.seating import Registration, Seating
from omnilytics.types import Address, RecordConstants


@dataclass(frozen=True, slots=True)
class Past:
    """A finished session: its owner, N, who sat where, and in which accepted groups who delivered (bitmaps)."""

    owner: Address
    members: int
    seats: Seating
    accepted: Mapping[int, int]

    def place(self, group: int, member: Address) -> int | None:
        """The member's place in an accepted group; None: it can't come back with that one."""
        seat = self.seats.seat_of(member)
        if seat is None or seat[0] != group or not self.accepted.get(group, 0) >> seat[1] & 1:
            return None
        return seat[1]


@dataclass(slots=True)
class History:
    """Sessions of one record, in order. A member's record may be one of several values, until a session settles it."""

    sessions: dict[Address, Past] = field(default_factory=dict)
    _records: dict[tuple[Address, Address], frozenset[int | None]] = field(default_factory=dict)

    def place_strangers(
        self, record: SessionRecord, registrations: Sequence[Registration], groups: int
    ) -> list[Registration]:
        """Gives members of cohorts of other sessions the places that they say they have when they commit.

        Who never commits or declines gets a place that is left: nobody's money depends on which.

        Args:
            record: of the session.
            registrations: in it.
            groups: of its first round.
        """
        said, placed = places_said(record, groups), list(registrations)
        for cohort in {r.cohort for r in placed if r.cohort}:
            if Address(f"0x{cohort >> 8:040x}") in self.sessions:
                continue
            members = [r.member for r in placed if r.cohort == cohort]
            left = iter(sorted(set(range(len(members))) - {said[m] for m in members if m in said}))
            places = {m: said[m] if m in said else next(left) for m in members}
            placed = [replace(r, place=places[r.member]) if r.cohort == cohort else r for r in placed]
        return placed

    def registered(self, owner: Address, member: Address, suspicion: int, constants: RecordConstants) -> bool:
        """Takes in what a registration says; True if it follows from the sessions before (E26).

        What doesn't follow may come from a session of the same owner that isn't in this record.
        """
        known = self._records.get((owner, member))
        fits = known is not None and any(constants.decayed(value) == suspicion for value in known)
        if known is None or not fits:
            after: frozenset[int | None] = frozenset({suspicion})
            if suspicion == constants.newcomer:
                after |= {None}
        else:
            after = frozenset(
                None if value is None else suspicion for value in known if constants.decayed(value) == suspicion
            )
        self._records[owner, member] = after
        return fits

    def settled(self, owner: Address, member: Address, blamed: bool, constants: RecordConstants) -> None:
        """Takes in that a member's record changes (E27)."""
        known = self._records.get((owner, member))
        if known is not None:
            self._records[owner, member] = frozenset(constants.after(value, blamed) for value in known)


def places_said(record: SessionRecord, groups: int) -> dict[Address, int]:
    """Places that members name when they commit or decline in the first round, whose group ids are below `groups`."""
    said: dict[Address, int] = {}
    for _, log in record.logs:
        decoded = decode_log(log)
        if decoded is not None and decoded[0] in ("Committed", "Shared", "Declined") and decoded[1]["group"] < groups:
            said[Address(decoded[1]["member"])] = int(decoded[1]["place"])
    return said
