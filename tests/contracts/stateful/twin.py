"""A session in plain Python, from docs/PROTOCOL.md sections 6 to 11. Every call changes it or raises `Refused`.

What policy `recover` adds is in `recovery.py`, what rule `norm+vote` does in `voting.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from tests.contracts.harness import DAY, Params, Stage, Status, economy
from tests.contracts.harness import reference as ref
from tests.contracts.stateful.ledger import Ledger
from tests.contracts.stateful.voting import Refused as Refused
from tests.contracts.stateful.voting import Voting, require

DRAW_DELAY = 4
HASHES_KEPT = 256


@dataclass
class Group:
    """Bitmaps are over places; `total` is the decoded sum once it is aggregated."""

    members: list[str]
    second: bool = False
    committed: int = 0
    delivered: int = 0
    failed_at: Stage | None = None
    declined: int = 0
    aggregated: bool = False
    accepted: bool = False
    settled: bool = False
    total: list[int] = field(default_factory=list)

    @property
    def everybody(self) -> int:
        return (1 << len(self.members)) - 1

    @property
    def failed(self) -> bool:
        return self.failed_at is not None

    @property
    def size(self) -> int:
        """u_r: how many have delivered."""
        return self.delivered.bit_count()

    @property
    def done(self) -> bool:
        """Whether its members are certain of its price."""
        return self.delivered == self.everybody

    @property
    def did(self) -> int:
        """Who did its part."""
        if self.declined:
            return self.everybody & ~self.declined
        if self.failed_at in (Stage.COMMIT, Stage.SHARE):
            return self.committed
        if self.failed_at == Stage.ACCUSE:
            return 0  # only the sum is known to be malformed
        return self.delivered if self.failed else self.everybody

    @property
    def blameless(self) -> int:
        """Who has no miss on its record, and is drawn again if the group has failed in time for that."""
        return self.did


@dataclass
class Now:
    """The block that a call runs in; `seed` is what a draw in it would draw from."""

    time: int
    height: int
    seed: bytes = b""


class Twin(Voting):
    """One session of one-chunk vectors.

    Args:
        params: of `start`.
        owner: the model owner.
        listed: who may register.
        capacity: how many of them.
        born: unix time of the creation.
        ledger: of its market.
    """

    group_type: ClassVar[type[Group]] = Group
    round_stage: ClassVar[Stage] = Stage.COMMIT

    def __init__(self, params: Params, owner: str, listed: list[str], capacity: int, born: int, ledger: Ledger) -> None:
        super().__init__()
        self.params, self.owner, self.listed, self.capacity, self.ledger = params, owner, listed, capacity, ledger
        self.stage, self.deadline, self.draw_block = Stage.SETUP, born + 30 * DAY, 0
        self.entered = born
        self.records = economy.RecordConstants.unpacked(params.record_constants) if params.record_constants else None
        self.joined: list[ref.Joined] = []
        self.suspicions: dict[str, int] = {}
        self.seats: ref.Seats = {}
        self.groups: list[Group] = []
        self.first = 0
        self.again: set[str] = set()
        self.survivors: list[str] = []
        self.gram_done = self.unselected = self.objecting = False
        self.seat_share = self.deposited = self.withdrawn = self.reserve = self.rest = self.burnt = 0
        self.credits: dict[str, int] = {}
        self.postponed: dict[str, int] = {}
        self.earned: dict[str, int] = {}
        self.fees_paid = self.owner_total = self.locked_for_fees = 0
        self.decided: list[str] = []
        """Whose credits the call has made certain: it pays them, but for the contracts among them."""
        self.contracts: list[str] = []

    # Money.

    def credit(self, account: str, wei: int) -> None:
        """Anything but a fee."""
        self.credits[account] = self.credits.get(account, 0) + wei
        self.earned[account] = self.earned.get(account, 0) + wei

    def money(self) -> tuple[int, int, int, int]:
        """As the contract's `money()`: deposited, credits, locked, withdrawn."""
        credits = sum(self.credits.values())
        return self.deposited, credits, self.deposited - credits - self.withdrawn, self.withdrawn

    @property
    def kept(self) -> int:
        """What nobody has in the end."""
        return self.burnt

    def withdraw(self, account: str) -> int:
        require(self.credits.get(account, 0) > 0)
        wei = self.credits.pop(account)
        self.withdrawn += wei
        return wei

    def fee(self, account: str, wei: int) -> None:
        """What a call was paid; whoever compares has found that it may be."""
        assert 0 < wei <= self.reserve, "never more than the reserve"
        self.reserve -= wei
        self.fees_paid += wei
        self.credits[account] = self.credits.get(account, 0) + wei

    def close_books(self) -> None:
        """Once the call has been paid: it pays who is due; if it finished the session, the owner has what is left."""
        for account in self.decided:
            if account not in self.contracts and self.credits.get(account):
                self.withdraw(account)
        self.decided = []
        if self.stage == Stage.FINISHED and self.deposited and not self.owner_total:
            self.owner_total = self.rest + self.reserve
            self.reserve = 0
            self.credit(self.owner, self.owner_total)

    # Setup and registration.

    def start(self, now: Now) -> None:
        require(self.stage == Stage.SETUP)
        self.reserve = economy.reserve(self.params, self.capacity) if self.params.fee_table else 0
        self.locked_for_fees = self.reserve
        self.deposited += self.params.reward_wei + self.reserve
        self._enter(Stage.REGISTER, now, self.params.register_secs)

    def register(self, account: str, now: Now, cohort: int = 0) -> None:
        require(self.stage == Stage.REGISTER and now.time <= self.deadline)
        require(account in self.listed and all(j.account != account for j in self.joined))
        p, place = self.params, 0
        if cohort:
            require(p.assignment == 1)
            found = self.ledger.place_in(cohort, self.owner, account, p.members)
            require(found is not None)
            place = found or 0
        suspicion = self.ledger.decay(self.owner, account, self.records) if self.records else 0
        pool = ref.Pool.CLEAR
        if cohort:
            pool = ref.Pool.COHORT
        elif p.assignment and self.records and suspicion >= self.records.threshold:
            pool = ref.Pool.SUSPECT
        self.suspicions[account] = suspicion
        self.joined.append(ref.Joined(account, pool, cohort, place))
        self.deposited += p.bond_wei
        full = p.assignment == 0 and len(self.joined) == p.rounds * p.members
        if full or len(self.joined) == self.capacity:
            self._close_registration(now)

    def exit(self, now: Now) -> None:
        require(self.stage in (Stage.SETUP, Stage.REGISTER))
        if self.stage == Stage.REGISTER and self.params.assignment == 0 and self._full() >= self.params.min_rounds:
            self._close_registration(now)
        else:
            self._cancel(now)

    def _full(self) -> int:
        return ref.Draw(self.joined, self.params.rounds, self.params.members).groups

    def _close_registration(self, now: Now) -> None:
        if self._full() < self.params.min_rounds:
            self._cancel(now)
        elif self.params.assignment == 0:
            accounts = [j.account for j in self.joined]
            self._seat(ref.greedy_seats(accounts, self._full(), self.params.members), now)
        else:
            self._await_draw(now)

    def _await_draw(self, now: Now) -> None:
        self.draw_block = now.height + DRAW_DELAY
        self._enter(Stage.DRAW, now)

    def _cancel(self, now: Now) -> None:
        for one in self.joined:
            self.credit(one.account, self.params.bond_wei)
        self.rest = self.params.reward_wei if self.deposited else 0
        self._enter(Stage.FINISHED, now)

    def _draw(self, now: Now) -> None:
        require(now.height > self.draw_block)
        if now.height - self.draw_block > HASHES_KEPT:
            self.draw_block = now.height + DRAW_DELAY
        elif not self.first:
            self._seat(ref.Draw(self.joined, self.params.rounds, self.params.members).seats(now.seed), now)
        else:
            self._seat_again(now.seed, now)

    def _seat(self, seats: ref.Seats, now: Now) -> None:
        self.seats = seats
        self.groups = [self.group_type(self._sitting(seats, g)) for g in range(self._full())]
        for one in self.joined:
            if one.account not in seats:
                self.credit(one.account, self.params.bond_wei)
        self._enter(self.round_stage, now, self.params.commit_secs)

    @staticmethod
    def _sitting(seats: ref.Seats, group: int) -> list[str]:
        return sorted((a for a, seat in seats.items() if seat[0] == group), key=lambda a: seats[a])

    # Commit: two rounds.

    def commit(self, account: str, now: Now) -> None:
        group, place = self._uncommitted(account, now)
        group.committed |= 1 << place
        self._close_round_if_all_are_in(now)

    def decline(self, account: str, now: Now) -> None:
        group, place = self._uncommitted(account, now)
        group.declined, group.failed_at = 1 << place, self.stage
        self._close_round_if_all_are_in(now)

    def _uncommitted(self, account: str, now: Now) -> tuple[Group, int]:
        require(self.waits_for(account) and now.time <= self.deadline)
        index, place = self.seats[account]
        return self.groups[index], place

    def waits_for(self, account: str) -> bool:
        """Whether the open commitment round waits for that account."""
        if self.stage != self.round_stage or account not in self.seats:
            return False
        index, place = self.seats[account]
        group = self.groups[index]
        return index >= self.first and not group.failed and not group.committed >> place & 1

    def _close_round_if_all_are_in(self, now: Now) -> None:
        if all(g.failed or g.committed == g.everybody for g in self.groups[self.first :]):
            self._close_round(now)

    def _close_round(self, now: Now) -> None:
        for group in self._live():
            if group.committed.bit_count() < self.params.threshold:
                group.failed_at = self.stage
        if self.first:
            self._pass_barrier(now)
            return
        self.first = len(self.groups)
        blameless = {i: g.blameless for i, g in enumerate(self.groups) if g.failed}
        self.survivors = ref.survivors(self.seats, blameless)
        if len(self.survivors) < self.params.members:
            self._pass_barrier(now)
        elif self.params.assignment == 0:
            self._seat_again(None, now)
        else:
            self._await_draw(now)

    def _seat_again(self, seed: bytes | None, now: Now) -> None:
        seats = ref.second_seats(seed, self.survivors, self.first, self.params.members)
        self.again = set(seats)
        self.seats = self.seats | seats
        count = len(self.survivors) // self.params.members
        self.groups += [self.group_type(self._sitting(seats, self.first + g), second=True) for g in range(count)]
        self._enter(self.round_stage, now, self.params.commit_secs)

    # Upload, aggregate.

    def upload(self, account: str, now: Now) -> None:
        require(self.stage == Stage.UPLOAD and now.time <= self.deadline and account in self.seats)
        index, place = self.seats[account]
        group = self.groups[index]
        require(not group.failed and not group.delivered >> place & 1)
        group.delivered |= 1 << place
        self._close_upload_if_all_are_in(now)

    def _close_upload_if_all_are_in(self, now: Now) -> None:
        if all(g.delivered == g.committed for g in self._live()):
            self._close_upload(now)

    def aggregate(self, index: int, total: list[int], now: Now) -> None:
        require(self.stage in (Stage.UPLOAD, Stage.AGGREGATE) and now.time <= self.deadline)
        require(index < len(self.groups))
        group = self.groups[index]
        require(not group.failed and group.delivered == group.everybody and not group.aggregated)
        group.aggregated, group.total = True, total
        if self.stage == Stage.AGGREGATE and all(g.aggregated for g in self._live()):
            self._close_aggregation(now)

    def _live(self) -> list[Group]:
        return [g for g in self.groups if not g.failed]

    def _pass_barrier(self, now: Now) -> None:
        self._enter(Stage.UPLOAD, now, self.params.upload_secs)
        if not self._live():
            self._close_upload(now)

    def _close_upload(self, now: Now) -> None:
        for group in self._live():
            if group.size < self.params.threshold:
                group.failed_at = Stage.UPLOAD
        self._open_aggregation(now)

    def _open_aggregation(self, now: Now) -> None:
        if not self._live():
            self._end_selection([], now)
        elif all(g.aggregated for g in self._live()):
            self._close_aggregation(now)
        else:
            self._enter(Stage.AGGREGATE, now, self.params.aggregate_secs)

    # Selection and payment.

    def gram(self, now: Now) -> None:
        require(self.stage == Stage.SELECT and now.time <= self.deadline)
        require(self.params.rule == 1 and not self.gram_done)
        self.gram_done = True

    def select(self, now: Now) -> None:
        require(self.stage == Stage.SELECT and now.time <= self.deadline)
        require(self.params.rule != 1 or self.gram_done)
        p, live = self.params, self._live()
        if p.rule != 1:
            chosen = [i for i, g in enumerate(live) if self._is_short(g) and (p.rule == 0 or self._is_kept(g))]
        else:
            scale = math.lcm(*range(1, p.members + 1))
            means = [[value * (scale // g.size) for value in g.total] for g in live]
            chosen = ref.krum(ref.gram(means), p.krum_mu_bps, p.krum_m, p.krum_m_rule == 0)
        self._end_selection([live[i] for i in chosen], now)

    def _is_short(self, group: Group) -> bool:
        """(E15)"""
        p = self.params
        return 4 * p.members**2 * ref.dot(group.total, group.total) <= group.size**2 * p.parameter_count * p.bound**2

    def _end_selection(self, accepted: list[Group], now: Now) -> None:
        for group in accepted:
            group.accepted = True
        self.unselected = not accepted and bool(self._live())
        paid = accepted or self._live()
        rewarded = sum(g.size for g in paid)
        self.seat_share, self.burnt, self.rest = economy.rewards(self.params, self.priced(), rewarded)
        self._enter(Stage.PAYMENT, now)
        self._finish_if_settled(now)

    def priced(self) -> int:
        """Seats whose price doesn't go back to the owner."""
        return sum(g.size for g in self._live())

    def settle(self, index: int, members: list[str], now: Now) -> None:
        require(index < len(self.groups) and members == self.groups[index].members)
        group = self.groups[index]
        require(not group.settled)
        require(self.stage == Stage.PAYMENT or (group.failed and bool(self.first) and self.stage != Stage.DRAW))
        require(not group.second or all(g.settled for g in self.groups[: self.first] if g.failed))
        group.settled = True
        for place, account in enumerate(members):
            if self._settle_member(group, place, account):
                self.decided.append(account)
        if self.stage == Stage.PAYMENT:
            self._finish_if_settled(now)

    def _settle_member(self, group: Group, place: int, account: str) -> int:
        """What it is due now, wei."""
        due = self._due(group, place)
        if account in self.again and not group.second:
            self.postponed[account] = due - self.params.bond_wei
            due = 0
        else:
            due += self.postponed.pop(account, 0)
            self.credit(account, due)
        blamed = self.blames(group, place)
        if self.records and blamed is not None:
            self.ledger.record(self.owner, account, blamed, self.records)
        return due

    def _due(self, group: Group, place: int) -> int:
        back = economy.bonds_back(self.params.bond_wei, self.params.members, group.did, self._price(group))[place]
        paid = not group.failed and (group.accepted or self.unselected) and group.delivered >> place & 1
        return back + (self.seat_share if paid else 0)

    def _price(self, group: Group) -> int | None:
        """What those lose who didn't do their part; None: their bonds."""
        fees = economy.member_fees(self.params) if self.params.fee_table else 0
        return min(self.params.bond_wei, fees) if group.declined else None

    def blames(self, group: Group, place: int) -> bool | None:
        """b of E27; None: its record doesn't change."""
        if not group.blameless >> place & 1:
            return True
        if group.failed:
            return None
        if group.accepted:
            return False
        return True if self.params.rule != 1 and not self.unselected else None

    def _finish_if_settled(self, now: Now) -> None:
        if all(g.settled for g in self.groups):
            self._enter(Stage.FINISHED, now)

    def alumnus(self, account: str) -> tuple[bool, int, int, int]:
        """Accepted, group, place, N."""
        if account not in self.seats:
            return False, 0, 0, 0
        index, place = self.seats[account]
        group = self.groups[index]
        return group.accepted and bool(group.delivered >> place & 1), index, place, self.params.members

    # Deadlines.

    def draw(self, now: Now) -> None:
        require(self.stage in (Stage.REGISTER, Stage.DRAW))
        self.advance(now)

    def advance(self, now: Now) -> None:
        if self.stage == Stage.DRAW:
            self._draw(now)
            return
        require(self.stage < Stage.PAYMENT and now.time > self.deadline)
        if self.stage == Stage.SETUP:
            self._cancel(now)
        elif self.stage == Stage.REGISTER:
            self._close_registration(now)
        elif self.stage == self.round_stage:
            self._close_round(now)
        elif self.stage == Stage.UPLOAD:
            self._close_upload(now)
        elif self.stage == Stage.VOTE:
            self._close_vote(now)
        else:
            self._end_selection([], now)

    def _enter(self, stage: Stage, now: Now, window: int | None = None) -> None:
        self.stage, self.entered = stage, now.time
        self.deadline = 0 if window is None else now.time + window

    def status(self, index: int) -> Status:
        """Of a group, docs/PROTOCOL.md section 6."""
        if self.stage == Stage.REGISTER or (self.stage == Stage.DRAW and not self.first):
            return Status.FORMING if index < self.params.rounds else Status.NONE
        if index >= len(self.groups):
            return Status.NONE
        group = self.groups[index]
        if group.failed:
            return Status.FAILED
        if self.stage in (self.round_stage, Stage.DRAW):
            return Status.COMMIT
        if group.aggregated:
            return Status.AGGREGATED
        waits = self.stage == Stage.UPLOAD and group.delivered != group.committed
        return Status.UPLOAD if waits else Status.DELIVERED
