"""What a session owes each member, and what it remembers of it: the contract's rules, computed from its logs.

PROTOCOL.md sections 8 to 10. Nothing here knows events; `verify` holds the contract against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from omnilytics.protocol.seating import NOBODY, Seating
from omnilytics.types import FeeTable, Mode, Rule, SessionParams, member_fees_wei

MOVES = frozenset(
    {
        "RegistrationClosed",
        "Drawn",
        "SharingClosed",
        "RoundClosed",
        "Redrawn",
        "BarrierPassed",
        "UploadClosed",
        "RevealClosed",
        "CorrectingClosed",
        "AccusingClosed",
        "RefutingClosed",
        "AggregationClosed",
        "VotingClosed",
        "VoteClosed",
        "Selected",
        "Cancelled",
    }
)
"""Events of a change of stage, for which its caller is paid on top."""

PAID_AS_COMMITMENTS = frozenset(
    {"Committed", "Shared", "Revealed", "ShareRevealed", "Rebuilt", "Disclosed", "VoteCommitted", "VoteOpened"}
)
"""Events of calls whose limit is that of a commitment."""


@dataclass(slots=True)
class Fates:
    """What became of a session's groups, as far as money and records depend on it.

    Attributes:
        params: the session's.
        seats: who sits where.
        failed: by group, the bitmap over places of who did its part.
        dissolved: groups that a member declined.
        objected: by group that failed by an objection, who had shared: these keep their bonds, whoever was right.
        delivered: by group that hasn't failed, who delivered; everybody, where it isn't said.
        loyal: likewise, who did its part to the end.
        paid: bitmap over groups.
        accepted: bitmap over groups.
        unselected: whether no rule chose among the delivered groups.
        share_wei: of the reward, to each member of a paid group.
        burnt_wei: what refused groups would have had.
    """

    params: SessionParams
    seats: Seating = NOBODY
    failed: dict[int, int] = field(default_factory=dict)
    dissolved: set[int] = field(default_factory=set)
    objected: dict[int, int] = field(default_factory=dict)
    delivered: dict[int, int] = field(default_factory=dict)
    loyal: dict[int, int] = field(default_factory=dict)
    paid: int = 0
    accepted: int = 0
    unselected: bool = False
    share_wei: int = 0
    burnt_wei: int = 0

    def due(self, group: int, place: int) -> int:
        """What that seat's member is credited when its group is settled, wei; nothing if it has a later seat."""
        if self.seats.drawn_again(group, place):
            return 0
        due = self._of_group(group, place)
        before = self.seats.seat_before(self.seats.groups[group][place])
        return due if before is None else due + self._of_group(*before) - self.params.bond_wei

    def price_of_leaving(self) -> int:
        """What who declines pays to the others of its group, wei: min(bond, F)."""
        return min(self.params.bond_wei, member_fees_wei(self.params))

    def records(self, group: int) -> tuple[int, int]:
        """Bitmaps over places when a group is settled: whose record changes, and who is blamed (E27)."""
        if self.params.records is None:
            return 0, 0
        missing = self._everybody & ~self._did(group)
        if self.accepted >> group & 1:
            return self._everybody, missing
        if group not in self.failed and self.params.rule is not Rule.KRUM and not self.unselected:
            return self._everybody, self._everybody
        return missing, missing

    @property
    def _everybody(self) -> int:
        return (1 << self.params.members) - 1

    def _did(self, group: int) -> int:
        """Who did its part in a group, bitmap over places."""
        return self.failed[group] if group in self.failed else self.loyal.get(group, self._everybody)

    def _of_group(self, group: int, place: int) -> int:
        """The same of one seat by itself: bond, share of the reward, share of what others of the group lose."""
        delivered = 0 if group in self.failed else self.delivered.get(group, self._everybody)
        share = self.share_wei if self.paid >> group & delivered >> place & 1 else 0
        return share + self._bond_back(group, place)

    def _bond_back(self, group: int, place: int) -> int:
        bond = lost = self.params.bond_wei
        if group in self.dissolved:
            lost = self.price_of_leaving()
        did = self.objected.get(group, self._did(group))
        count = did.bit_count()
        if not count:
            return bond
        if not did >> place & 1:
            return bond - lost
        each, rest = divmod(lost * (self.params.members - count), count)
        rank = (did & ((1 << place) - 1)).bit_count()
        return bond + each + (1 if rank < rest else 0)


@dataclass(slots=True)
class FeeLimits:
    """The most that the call whose events are seen may be paid (section 9): events of one block belong to it in turn.

    Logs don't say where a transaction ends: two unlike calls of one block may be taken for one, whose limit is the
    larger.
    """

    params: SessionParams
    _block: int = -1
    _gas: int = 0
    _moved: bool = False

    def saw(self, block: int, event: str, words: int) -> None:
        """An event of a call, in that block; `words` are those of vectors in the call."""
        fees = self.params.fees
        if fees is None:
            return
        limit = _limit(fees, event, words)
        if event == "Selected" and self.params.mode is Mode.BLOB:
            # of the call that has proven the sums
            limit = None
        if block != self._block or limit is not None:
            # who adds sums ends stage Accuse before
            moved = self._moved and block == self._block and event == "SumsAdded"
            self._block, self._gas, self._moved = block, limit or 0, moved
        self._moved = self._moved or event in MOVES

    def take(self) -> int:
        """The limit of the call that ends here, gas."""
        fees = self.params.fees
        gas = self._gas + (fees.move if fees is not None and self._moved else 0)
        self._block, self._gas, self._moved = -1, 0, False
        return gas


def _limit(fees: FeeTable, event: str, words: int) -> int | None:
    """A call's entry in the table, by the event that only it leaves; None for events of a change of stage."""
    match event:
        case "Registered":
            return fees.register
        case _ if event in PAID_AS_COMMITMENTS:
            return fees.commit
        case "Uploaded" | "Posted" | "Corrected":
            return fees.upload + fees.upload_word * words
        case "Aggregated" | "SumsAdded":
            return fees.aggregate + fees.aggregate_word * words
        case "GramAdded" | "SumsProven":
            return fees.gram + fees.gram_word * words
        case "Selected":
            return fees.select
        case "Settled":
            return fees.settle
        case _:
            return None
