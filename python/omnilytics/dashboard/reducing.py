"""What each event makes of a run: one pure function, `reduce`, over the dataclasses of `state`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce as fold
from types import MappingProxyType
from typing import Any, cast

from omnilytics.dashboard.blobs import after
from omnilytics.dashboard.state import Books, DashboardState, Distances, Gap, Group, Line, Member, Session, Setting
from omnilytics.dashboard.words import describe
from omnilytics.protocol import events as ev

FEED_LINES = 200
"""Sentences that are kept; older ones are dropped."""


def reduce(state: DashboardState, event: ev.Event) -> DashboardState:
    """The state after `event`. Pure; an event of an unknown class only passes through."""
    step = _STEPS.get(type(event))
    then = step(state, event) if step is not None else state
    text = describe(event, then.member_name)
    if text is None:
        return then
    return replace(then, feed=(*then.feed[-(FEED_LINES - 1) :], Line(event.session, text)))


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
        mode=event.mode,
        packed=event.packed,
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
    before = _session(state, event.session)
    again = before.stage == event.stage == "accuse" and event.deadline != before.deadline
    blobs = replace(before.blobs, refuting=True) if again else before.blobs
    return _with_session(state, event.session, stage=event.stage, deadline=event.deadline, now=event.now, blobs=blobs)


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
    if event.status in ("failed", "refuted"):
        changes["failed"] = True
    if event.status in ("uncorrected", "corrected"):
        changes["uncorrected"] = event.status == "uncorrected"
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


def _blobs(state: DashboardState, event: ev.Event) -> DashboardState:
    return _with_session(state, event.session, blobs=after(_session(state, event.session).blobs, event))


def _blobs_posted(state: DashboardState, event: ev.BlobsPosted) -> DashboardState:
    known = next((g.blobs for g in _session(state, event.session).groups if g.number == event.group), 0)
    return _with_group(state, event.session, event.group, blobs=known + event.blobs)


def _refuted(state: DashboardState, event: ev.Refuted | ev.CorrectionRefuted) -> DashboardState:
    return _with_group(_blobs(state, event), event.session, event.group, refuted=True)


def _correction_refuted(state: DashboardState, event: ev.CorrectionRefuted) -> DashboardState:
    return _with_member(_refuted(state, event), event.member, lambda m: replace(m, status="blamed"))


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
            _blobs(state, event),
            event.session,
            gas=_added(_session(state, event.session).gas, event.phase, event.gas),
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
        ev.BlobsPosted: _blobs_posted,
        ev.Corrected: _blobs,
        ev.CorrectionRefuted: _correction_refuted,
        ev.Accused: _blobs,
        ev.Refuted: _refuted,
        ev.SumsAdded: _blobs,
        ev.SumsProven: _blobs,
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
