"""What the events of a run add up to: one pure function, `reduce`, over frozen dataclasses.

Live view, replay and report are all pictures of a `DashboardState`; they never look at events themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce as fold
from types import MappingProxyType
from typing import Any, Literal, cast

from omnilytics.dashboard.words import describe
from omnilytics.protocol import events as ev

FEED_LINES = 200
"""Sentences that are kept; older ones are dropped."""

Curve = tuple[tuple[int, float], ...]
"""(session, per cent), in order."""

_EMPTY: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Member:
    """A data owner. `name` is DO and its number, counted from 1 in the run's order.

    Status, seat and clipped parameters are those of the current session; `earned_wei` (rewards without returned
    bonds), `fees_wei` (paid back for gas), `paid`, `missed` and `declined` (sessions) are those of the whole run.
    `suspicion` is what the market remembers, 0..2^16, None: nothing yet; `suspect`: it is at or above the threshold.
    """

    address: str
    name: str
    attacker: bool
    status: str = "waiting"
    group: int = -1
    place: int = -1
    clipped: int = 0
    earned_wei: int = 0
    fees_wei: int = 0
    paid: int = 0
    missed: int = 0
    declined: int = 0
    suspicion: int | None = None
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Members that missed a step (share | upload | reveal) which `left` others of their group took."""

    step: str
    members: tuple[str, ...]
    left: int


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one session. `score` and `limit` are None until selection; `failed`: it didn't deliver.

    `votes` and `against`: how many data owners have opened a vote, and of those against it, with rule `norm+vote`.
    `gaps`: who was missing, with policy `recover`, in order of the steps.
    """

    number: int
    status: str = "forming"
    members: tuple[str, ...] = ()
    score: int | None = None
    limit: int | None = None
    accepted: bool | None = None
    paid: bool = False
    reason: str = ""
    failed: bool = False
    votes: int = 0
    against: int = 0
    gaps: tuple[Gap, ...] = ()

    @property
    def missed(self) -> dict[str, str]:
        """By member that missed a step: which one."""
        return {member: gap.step for gap in self.gaps for member in gap.members}

    @property
    def share(self) -> float | None:
        """Score over limit: at most 1 passes. None where there is no limit."""
        if self.score is None or not self.limit:
            return None
        return self.score / self.limit


@dataclass(frozen=True, slots=True)
class Distances:
    """Squared distances between aggregates; rows and columns are `groups`."""

    groups: tuple[int, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Books:
    """A session's money in wei; `reserve` is what of `locked` is left for fees."""

    deposited: int = 0
    credits: int = 0
    locked: int = 0
    withdrawn: int = 0
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """One model update. `public` and `owner`: accuracy after it of W^p alone and of the owner's model, per cent.

    `reserve_wei` was set aside for fees, of which `fees_wei` are credited so far; `burnt_wei` is the price of refused
    groups.
    """

    number: int
    address: str = ""
    reward_wei: int = 0
    reserve_wei: int = 0
    fees_wei: int = 0
    burnt_wei: int = 0
    bond_wei: int = 0
    clip: float = 0.0
    stage: str = "setup"
    deadline: int = 0
    now: int = 0
    groups: tuple[Group, ...] = ()
    distances: Distances | None = None
    books: Books = Books()
    gas: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    public: float | None = None
    owner: float | None = None
    finished: bool = False
    unselected: bool = False

    @property
    def accepted(self) -> int:
        """Groups that selection accepted."""
        return sum(1 for g in self.groups if g.accepted)

    @property
    def refused(self) -> int:
        """Groups that selection refused."""
        return sum(1 for g in self.groups if g.accepted is False)

    @property
    def failed(self) -> int:
        """Groups that didn't deliver."""
        return sum(1 for g in self.groups if g.failed)

    def missing(self, step: str) -> int:
        """Members that missed a step and none before it."""
        return sum(len(gap.members) for group in self.groups for gap in group.gaps if gap.step == step)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the run is: `events.RunStarted` without its members. `seed` is None on a chain that others are on."""

    dataset: str
    split: str
    encoding: str
    rule: str
    sessions: int
    rounds: int
    group_size: int
    parameter_count: int
    attackers: int
    attack: str
    seed: int | None
    owner: str
    policy: str
    threshold: int
    dropouts: int

    @property
    def how(self) -> str:
        """Data set, split, encoding and rule, as far as they are known."""
        return ", ".join(filter(None, (self.dataset, self.split, self.encoding, self.rule)))


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the feed."""

    session: int
    text: str


@dataclass(frozen=True, slots=True)
class DashboardState:
    """Everything that a picture of a run needs. Accuracies are per cent, None until measured."""

    setting: Setting | None = None
    members: tuple[Member, ...] = ()
    sessions: tuple[Session, ...] = ()
    alone: float | None = None
    start: float | None = None
    public: float | None = None
    final: float | None = None
    weight: float | None = None
    transactions: int = 0
    calldata_bytes: int = 0
    gas: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    feed: tuple[Line, ...] = ()
    finished: bool = False

    @property
    def session(self) -> Session | None:
        """The session that runs, or ran last."""
        return self.sessions[-1] if self.sessions else None

    @property
    def books(self) -> Books:
        """The money of all sessions together."""
        return Books(
            deposited=sum(s.books.deposited for s in self.sessions),
            credits=sum(s.books.credits for s in self.sessions),
            locked=sum(s.books.locked for s in self.sessions),
            withdrawn=sum(s.books.withdrawn for s in self.sessions),
            reserve=sum(s.books.reserve for s in self.sessions),
        )

    @property
    def measured(self) -> bool:
        """Whether any accuracy is known: nobody measures for all to see on a chain that others are on."""
        return any(value is not None for value in (self.alone, self.start, self.public, self.final))

    @property
    def simulated(self) -> bool:
        """Whether whoever tells the run knows all of it; on a chain that others are on nobody does."""
        return self.setting is None or self.setting.seed is not None

    def curve(self, whose: Literal["owner", "public"]) -> Curve:
        """Accuracy after each session; the owner's begins with the start, as session 0."""
        begin = [(0, self.start)] if whose == "owner" and self.start is not None else []
        values = [(s.number, s.owner if whose == "owner" else s.public) for s in self.sessions]
        return (*begin, *((number, value) for number, value in values if value is not None))

    def member_name(self, address: str) -> str:
        """`DO 07` for a data owner, MO for the owner, a shortened address for a stranger."""
        for member in self.members:
            if member.address == address:
                return member.name
        if self.setting is not None and self.setting.owner == address:
            return "MO"
        return f"{address[:6]}..{address[-4:]}" if len(address) > 12 else address

    def latest_scored(self) -> Session | None:
        """The newest session that has scores, or the newest one."""
        for session in reversed(self.sessions):
            if any(g.score is not None for g in session.groups):
                return session
        return self.session


def reduce(state: DashboardState, event: ev.Event) -> DashboardState:
    """The state after `event`. Pure; an event of an unknown class only passes through."""
    step = _STEPS.get(type(event))
    after = step(state, event) if step is not None else state
    text = describe(event, after.member_name)
    if text is None:
        return after
    return replace(after, feed=(*after.feed[-(FEED_LINES - 1) :], Line(event.session, text)))


def reduce_all(events: Any) -> DashboardState:
    """The state after all `events`, in order."""
    return fold(reduce, events, DashboardState())


def _run_started(state: DashboardState, event: ev.RunStarted) -> DashboardState:
    width = max(2, len(str(len(event.members))))
    attackers = frozenset(event.attackers)
    members = tuple(
        Member(address=a, name=f"DO {i:0{width}d}", attacker=a in attackers) for i, a in enumerate(event.members, 1)
    )
    setting = Setting(
        dataset=event.dataset,
        split=event.split,
        encoding=event.encoding,
        rule=event.rule,
        sessions=event.sessions,
        rounds=event.rounds,
        group_size=event.group_size,
        parameter_count=event.parameter_count,
        attackers=len(attackers),
        attack=event.attack,
        seed=event.seed,
        owner=event.owner,
        policy=event.policy,
        threshold=event.threshold,
        dropouts=event.dropouts,
    )
    return DashboardState(setting=setting, members=members)


def _accuracy(state: DashboardState, event: ev.AccuracyMeasured) -> DashboardState:
    if event.what not in ("alone", "start", "public", "final"):
        return state
    of_run: dict[str, Any] = {event.what: event.value}
    after = replace(state, **of_run)
    if event.session > 0 and event.what in ("public", "final"):
        of_session: dict[str, Any] = {"owner" if event.what == "final" else "public": event.value}
        return _with_session(after, event.session, **of_session)
    return after


def _session_created(state: DashboardState, event: ev.SessionCreated) -> DashboardState:
    members = tuple(replace(m, status="waiting", group=-1, place=-1, clipped=0) for m in state.members)
    return _with_session(
        replace(state, members=members),
        event.session,
        address=event.address,
        reward_wei=event.reward_wei,
        reserve_wei=event.reserve_wei,
        bond_wei=event.bond_wei,
        clip=event.clip,
    )


def _stage_changed(state: DashboardState, event: ev.StageChanged) -> DashboardState:
    return _with_session(state, event.session, stage=event.stage, deadline=event.deadline, now=event.now)


def _time_passed(state: DashboardState, event: ev.TimePassed) -> DashboardState:
    return _with_session(state, event.session, now=event.now)


def _member_changed(state: DashboardState, event: ev.MemberChanged) -> DashboardState:
    bond = _session(state, event.session).bond_wei

    def after(member: Member) -> Member:
        earned = max(0, event.credit_wei - bond) if event.status == "paid" else 0
        return replace(
            member,
            status=event.status,
            group=event.group,
            place=event.place,
            clipped=max(member.clipped, event.clipped),
            earned_wei=member.earned_wei + earned,
            paid=member.paid + (event.status == "paid"),
            missed=member.missed + (event.status == "missed"),
            declined=member.declined + (event.status == "declined"),
        )

    return _with_member(_joined(state, event), event.member, after)


def _joined(state: DashboardState, event: ev.MemberChanged) -> DashboardState:
    """With who has registered, whom the run's beginning may not have named: a Merkle root lists nobody."""
    if event.status != "registered" or any(m.address == event.member for m in state.members):
        return state
    number = len(state.members) + 1
    member = Member(address=event.member, name=f"DO {number:02d}", attacker=False)
    return replace(state, members=(*state.members, member))


def _group_changed(state: DashboardState, event: ev.GroupChanged) -> DashboardState:
    changes: dict[str, Any] = {"status": event.status, "members": tuple(event.members)}
    if event.status == "failed":
        changes["failed"] = True
    return _with_group(state, event.session, event.group, **changes)


def _step_missed(state: DashboardState, event: ev.StepMissed) -> DashboardState:
    known = next((g.gaps for g in _session(state, event.session).groups if g.number == event.group), ())
    gap = Gap(event.step, tuple(event.members), event.left)
    return _with_group(state, event.session, event.group, gaps=(*known, gap))


def _vote_cast(state: DashboardState, event: ev.VoteCast) -> DashboardState:
    """One vote is on all groups that have a sum."""
    groups = tuple(
        replace(g, votes=g.votes + 1, against=g.against + (g.number in event.against))
        if g.status == "aggregated"
        else g
        for g in _session(state, event.session).groups
    )
    return _with_session(state, event.session, groups=groups)


def _group_scored(state: DashboardState, event: ev.GroupScored) -> DashboardState:
    limit = int(event.limit) if event.limit else 0
    return _with_group(
        state,
        event.session,
        event.group,
        score=int(event.score) if event.score else None,
        limit=limit or None,
        accepted=event.accepted,
        paid=event.paid,
        reason=event.reason,
    )


def _distances(state: DashboardState, event: ev.DistancesMeasured) -> DashboardState:
    rows = tuple(tuple(float(v) for v in row) for row in event.distances)
    return _with_session(state, event.session, distances=Distances(tuple(event.groups), rows))


def _money_moved(state: DashboardState, event: ev.MoneyMoved) -> DashboardState:
    books = Books(event.deposited, event.credits, event.locked, event.withdrawn, event.reserve)
    return _with_session(state, event.session, books=books)


def _record_changed(state: DashboardState, event: ev.RecordChanged) -> DashboardState:
    return _with_member(state, event.member, lambda m: replace(m, suspicion=event.suspicion, suspect=event.suspect))


def _fees_credited(state: DashboardState, event: ev.FeesCredited) -> DashboardState:
    session = _session(state, event.session)
    books = replace(session.books, reserve=event.reserve_wei)
    after = _with_session(state, event.session, books=books, fees_wei=session.fees_wei + event.amount_wei)
    return _with_member(after, event.account, lambda m: replace(m, fees_wei=m.fees_wei + event.amount_wei))


def _gas_used(state: DashboardState, event: ev.GasUsed) -> DashboardState:
    after = state
    if event.session > 0:
        after = _with_session(
            state, event.session, gas=_added(_session(state, event.session).gas, event.phase, event.gas)
        )
    return replace(
        after,
        transactions=state.transactions + 1,
        calldata_bytes=state.calldata_bytes + event.calldata_bytes,
        gas=_added(state.gas, event.phase, event.gas),
    )


def _session_finished(state: DashboardState, event: ev.SessionFinished) -> DashboardState:
    over = {"finished": True, "stage": "finished", "deadline": 0}
    return _with_session(state, event.session, **over, unselected=event.unselected, burnt_wei=event.burnt_wei)


def _run_finished(state: DashboardState, event: ev.RunFinished) -> DashboardState:
    final = state.final if event.accuracy_final is None else event.accuracy_final
    return replace(state, final=final, weight=event.weight, finished=True)


def _added(gas: Mapping[str, int], phase: str, amount: int) -> Mapping[str, int]:
    return MappingProxyType({**gas, phase: gas.get(phase, 0) + amount})


def _session(state: DashboardState, number: int) -> Session:
    for session in reversed(state.sessions):
        if session.number == number:
            return session
    return Session(number=number)


def _with_session(state: DashboardState, number: int, **changes: Any) -> DashboardState:
    """The state with session `number` changed, made if it isn't known; sessions stay in order."""
    if state.sessions and state.sessions[-1].number == number:
        return replace(state, sessions=(*state.sessions[:-1], replace(state.sessions[-1], **changes)))
    others = [s for s in state.sessions if s.number != number]
    changed = [*others, replace(_session(state, number), **changes)]
    return replace(state, sessions=tuple(sorted(changed, key=lambda s: s.number)))


def _with_member(state: DashboardState, address: str, after: Callable[[Member], Member]) -> DashboardState:
    """The state with one member changed, if it is one of the run's."""
    return replace(state, members=tuple(after(m) if m.address == address else m for m in state.members))


def _with_group(state: DashboardState, session: int, number: int, **changes: Any) -> DashboardState:
    groups = {g.number: g for g in _session(state, session).groups}
    groups[number] = replace(groups.get(number, Group(number=number)), **changes)
    return _with_session(state, session, groups=tuple(groups[k] for k in sorted(groups)))


_STEPS = cast(
    "dict[type[ev.Event], Callable[[DashboardState, ev.Event], DashboardState]]",
    {
        ev.RunStarted: _run_started,
        ev.AccuracyMeasured: _accuracy,
        ev.SessionCreated: _session_created,
        ev.StageChanged: _stage_changed,
        ev.TimePassed: _time_passed,
        ev.MemberChanged: _member_changed,
        ev.GroupChanged: _group_changed,
        ev.StepMissed: _step_missed,
        ev.VoteCast: _vote_cast,
        ev.GroupScored: _group_scored,
        ev.DistancesMeasured: _distances,
        ev.MoneyMoved: _money_moved,
        ev.RecordChanged: _record_changed,
        ev.FeesCredited: _fees_credited,
        ev.GasUsed: _gas_used,
        ev.SessionFinished: _session_finished,
        ev.RunFinished: _run_finished,
    },
)
