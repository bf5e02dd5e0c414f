"""A session in plain Python, from docs/PROTOCOL.md sections 6 to 8. Every call changes it or raises `Refused`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.contracts.harness import DAY, Params, Stage, Status
from tests.contracts.harness import reference as ref


class Refused(Exception):
    """The protocol doesn't allow this now."""


def require(allowed: bool) -> None:
    if not allowed:
        raise Refused


@dataclass
class Group:
    """Bitmaps are over places; `total` is the decoded sum once it is aggregated."""

    committed: int = 0
    delivered: int = 0
    failed: bool = False
    aggregated: bool = False
    accepted: bool = False
    settled: bool = False
    total: list[int] = field(default_factory=list)


@dataclass
class Now:
    """The block that a call runs in; `seed` is what a draw in it would draw from."""

    time: int
    height: int
    seed: bytes = b""


class Twin:
    """One session of one-chunk vectors.

    Args:
        params: of `start`.
        owner: the model owner.
        listed: the whitelist.
        born: unix time of the creation.
    """

    def __init__(self, params: Params, owner: str, listed: list[str], born: int) -> None:
        self.params, self.owner, self.listed = params, owner, listed
        self.stage, self.deadline, self.draw_block = Stage.SETUP, born + 30 * DAY, 0
        self.registered: list[str] = []
        self.seats: dict[str, tuple[int, int]] = {}
        self.groups: list[Group] = []
        self.gram_done = self.unselected = False
        self.share = self.deposited = self.withdrawn = 0
        self.credits: dict[str, int] = {}
        self.owner_total = 0

    # Money.

    def credit(self, account: str, wei: int) -> None:
        self.credits[account] = self.credits.get(account, 0) + wei
        self.owner_total += wei if account == self.owner else 0

    def money(self) -> tuple[int, int, int, int]:
        """As the contract's `money()`: deposited, credits, locked, withdrawn."""
        credits = sum(self.credits.values())
        return self.deposited, credits, self.deposited - credits - self.withdrawn, self.withdrawn

    def withdraw(self, account: str) -> int:
        require(self.credits.get(account, 0) > 0)
        wei = self.credits.pop(account)
        self.withdrawn += wei
        return wei

    # Setup and registration.

    def start(self, now: Now) -> None:
        require(self.stage == Stage.SETUP)
        self.deposited += self.params.reward_wei
        self._enter(Stage.REGISTER, now.time + self.params.register_secs)

    def register(self, account: str, now: Now) -> None:
        require(self.stage == Stage.REGISTER and now.time <= self.deadline)
        require(account in self.listed and account not in self.registered)
        self.registered.append(account)
        self.deposited += self.params.bond_wei
        seats = self.params.rounds * self.params.members
        full = self.params.assignment == 0 and len(self.registered) == seats
        if full or len(self.registered) == len(self.listed):
            self._close_registration(now)

    def exit(self, now: Now) -> None:
        require(self.stage in (Stage.SETUP, Stage.REGISTER))
        if self.stage == Stage.REGISTER and self.params.assignment == 0 and self._full() >= self.params.min_rounds:
            self._close_registration(now)
        else:
            self._cancel()

    def _full(self) -> int:
        return min(self.params.rounds, len(self.registered) // self.params.members)

    def _close_registration(self, now: Now) -> None:
        if self._full() < self.params.min_rounds:
            self._cancel()
        elif self.params.assignment == 0:
            self._seat(list(range(len(self.registered))), now)
        else:
            self.draw_block = now.height + 4
            self._enter(Stage.DRAW, 0)

    def _cancel(self) -> None:
        for account in self.registered:
            self.credit(account, self.params.bond_wei)
        if self.deposited:
            self.credit(self.owner, self.params.reward_wei)
        self._enter(Stage.FINISHED, 0)

    def _draw(self, now: Now) -> None:
        require(now.height > self.draw_block)
        if now.height - self.draw_block > 256:
            self.draw_block = now.height + 4
        else:
            count = len(self.registered)
            self._seat([ref.permute(now.seed, i, count) for i in range(count)], now)

    def _seat(self, places: list[int], now: Now) -> None:
        size = self.params.members
        self.groups = [Group() for _ in range(self._full())]
        for account, place in zip(self.registered, places, strict=True):
            if place < size * len(self.groups):
                self.seats[account] = divmod(place, size)
            else:
                self.credit(account, self.params.bond_wei)
        self._enter(Stage.COMMIT, now.time + self.params.commit_secs)

    # Commit, upload, aggregate.

    def commit(self, account: str, now: Now) -> None:
        require(self.stage == Stage.COMMIT and now.time <= self.deadline and account in self.seats)
        group, place = self.seats[account]
        require(not self.groups[group].committed >> place & 1)
        self.groups[group].committed |= 1 << place
        if all(g.committed == self._everybody() for g in self.groups):
            self._pass_barrier(now)

    def upload(self, account: str, now: Now) -> None:
        require(self.stage == Stage.UPLOAD and now.time <= self.deadline and account in self.seats)
        group, place = self.seats[account]
        require(not self.groups[group].failed and not self.groups[group].delivered >> place & 1)
        self.groups[group].delivered |= 1 << place
        if all(g.delivered == self._everybody() for g in self._live()):
            self._close_upload(now)

    def aggregate(self, group: int, total: list[int], now: Now) -> None:
        require(self.stage in (Stage.UPLOAD, Stage.AGGREGATE) and now.time <= self.deadline)
        require(group < len(self.groups))
        found = self.groups[group]
        require(not found.failed and found.delivered == self._everybody() and not found.aggregated)
        found.aggregated, found.total = True, total
        if self.stage == Stage.AGGREGATE and all(g.aggregated for g in self._live()):
            self._enter(Stage.SELECT, now.time + self.params.select_secs)

    def _everybody(self) -> int:
        return (1 << self.params.members) - 1

    def _live(self) -> list[Group]:
        return [g for g in self.groups if not g.failed]

    def _pass_barrier(self, now: Now) -> None:
        for group in self.groups:
            group.failed = group.committed != self._everybody()
        self._enter(Stage.UPLOAD, now.time + self.params.upload_secs)
        if not self._live():
            self._close_upload(now)

    def _close_upload(self, now: Now) -> None:
        for group in self._live():
            group.failed = group.delivered != self._everybody()
        if not self._live():
            self._end_selection([])
        elif all(g.aggregated for g in self._live()):
            self._enter(Stage.SELECT, now.time + self.params.select_secs)
        else:
            self._enter(Stage.AGGREGATE, now.time + self.params.aggregate_secs)

    # Selection and payment.

    def gram(self, now: Now) -> None:
        require(self.stage == Stage.SELECT and now.time <= self.deadline)
        require(self.params.rule == 1 and not self.gram_done)
        self.gram_done = True

    def select(self, now: Now) -> None:
        require(self.stage == Stage.SELECT and now.time <= self.deadline)
        require(self.params.rule == 0 or self.gram_done)
        p, live = self.params, self._live()
        matrix = ref.gram([g.total for g in live])
        if p.rule == 0:
            chosen = [
                i for i in range(len(live)) if ref.norm_accepts(matrix[i][i], p.members, p.parameter_count, p.bound)
            ]
        else:
            chosen = ref.krum(matrix, p.krum_mu_bps, p.krum_m, p.krum_m_rule == 0)
        self._end_selection([live[i] for i in chosen])

    def _end_selection(self, accepted: list[Group]) -> None:
        for group in accepted:
            group.accepted = True
        self.unselected = not accepted and bool(self._live())
        paid = accepted or self._live()
        seats = len(paid) * self.params.members
        self.share = self.params.reward_wei // seats if seats else 0
        self.credit(self.owner, self.params.reward_wei - self.share * seats)
        self._enter(Stage.PAYMENT, 0)

    def settle(self, index: int) -> None:
        require(index < len(self.groups))
        group = self.groups[index]
        require(not group.settled and (group.failed or self.stage == Stage.PAYMENT))
        group.settled = True
        members = sorted((place, a) for a, (g, place) in self.seats.items() if g == index)
        for place, account in members:
            self.credit(account, self._due(group, place))
        if self.stage == Stage.PAYMENT and all(g.settled for g in self.groups):
            self._enter(Stage.FINISHED, 0)

    def _due(self, group: Group, place: int) -> int:
        bond = self.params.bond_wei
        if group.failed:
            did = group.delivered if group.committed == self._everybody() else group.committed
            return ref.bonds_back(bond, self.params.members, did)[place]
        return bond + (self.share if group.accepted or self.unselected else 0)

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
            self._cancel()
        elif self.stage == Stage.REGISTER:
            self._close_registration(now)
        elif self.stage == Stage.COMMIT:
            self._pass_barrier(now)
        elif self.stage == Stage.UPLOAD:
            self._close_upload(now)
        else:
            self._end_selection([])

    def _enter(self, stage: Stage, deadline: int) -> None:
        self.stage, self.deadline = stage, deadline

    def status(self, index: int) -> Status:
        """Of a group, docs/PROTOCOL.md section 6."""
        if self.stage in (Stage.REGISTER, Stage.DRAW):
            return Status.FORMING if index < self.params.rounds else Status.NONE
        if index >= len(self.groups):
            return Status.NONE
        group = self.groups[index]
        if group.failed:
            return Status.FAILED
        if self.stage == Stage.COMMIT:
            return Status.COMMIT
        if group.aggregated:
            return Status.AGGREGATED
        return Status.DELIVERED if group.delivered == self._everybody() else Status.UPLOAD
