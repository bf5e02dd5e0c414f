"""The reducer: pure, total, and right about what the events of a run add up to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnilytics.dashboard.reducing import FEED_LINES, reduce, reduce_all
from omnilytics.dashboard.state import DashboardState
from omnilytics.protocol import events as ev
from tests.dashboard import fake

RUN = tuple(fake.run(failing=True))
WHOLE = reduce_all(RUN)


def test_a_run_adds_up() -> None:
    state = reduce_all(RUN)
    assert state.finished
    assert state.setting is not None
    assert state.setting.attackers == 2
    assert [s.number for s in state.sessions] == [1, 2, 3]
    assert all(s.finished and s.stage == "finished" for s in state.sessions)
    assert state.alone == 71.25
    assert state.start == 10.5
    assert state.final == state.sessions[-1].owner
    assert state.public == state.sessions[-1].public
    assert state.weight == 0.25
    assert state.transactions == sum(isinstance(e, ev.GasUsed) for e in RUN)
    assert sum(state.gas.values()) == sum(e.gas for e in RUN if isinstance(e, ev.GasUsed))
    assert sum(state.gas.values()) == state.gas["deploy"] + sum(sum(s.gas.values()) for s in state.sessions)


def test_verdicts_are_the_contracts() -> None:
    state = reduce_all(RUN)
    finished = {e.session: e for e in RUN if isinstance(e, ev.SessionFinished)}
    for session in state.sessions:
        event = finished[session.number]
        assert [g.number for g in session.groups if g.accepted] == event.accepted
        assert [g.number for g in session.groups if g.accepted is False] == event.rejected
        assert [g.number for g in session.groups if g.failed] == event.failed
        assert (session.accepted, session.refused, session.failed) == (
            len(event.accepted),
            len(event.rejected),
            len(event.failed),
        )


def test_votes_are_counted_by_group() -> None:
    run = tuple(fake.run(rule="norm+vote", failing=True))
    state = reduce_all(run)
    bad = {member.address for member in state.members if member.attacker}
    for session in state.sessions:
        voters = sum(len(g.members) for g in session.groups if not g.failed)
        enemies = sum(len(bad & set(g.members)) for g in session.groups if not g.failed)
        for group in session.groups:
            dirty = bool(bad & set(group.members))
            assert group.votes == (0 if group.failed else voters)
            assert group.against == (0 if group.failed else voters - enemies if dirty else enemies)
    assert not any(g.votes for s in WHOLE.sessions for g in s.groups)


def test_a_failed_group_stays_failed_after_it_is_settled() -> None:
    group = reduce_all(RUN).sessions[1].groups[0]
    assert (group.status, group.failed) == ("settled", True)


def test_earnings_are_rewards_without_bonds() -> None:
    state = reduce_all(RUN)
    bonds = {e.session: e.bond_wei for e in RUN if isinstance(e, ev.SessionCreated)}
    expected = sum(
        e.credit_wei - bonds[e.session] for e in RUN if isinstance(e, ev.MemberChanged) if e.status == "paid"
    )
    assert sum(m.earned_wei for m in state.members) == expected
    assert all(m.earned_wei == 0 for m in state.members if m.attacker)
    assert sum(m.missed for m in state.members) == 1


def test_fees_and_what_is_left_for_them() -> None:
    state = reduce_all(RUN)
    paid = [e for e in RUN if isinstance(e, ev.FeesCredited)]
    assert sum(m.fees_wei for m in state.members) == sum(e.amount_wei for e in paid)
    for session in state.sessions:
        mine = [e for e in paid if e.session == session.number]
        assert session.fees_wei == sum(e.amount_wei for e in mine) == session.reserve_wei - mine[-1].reserve_wei
        assert session.books.reserve == 0
    assert reduce_all(RUN[: RUN.index(paid[5]) + 1]).sessions[0].books.reserve == paid[5].reserve_wei


def test_fees_of_a_stranger_are_nobodys() -> None:
    state = reduce_all([*RUN[:1], ev.FeesCredited(1, fake.address(5), 7, 3)])
    assert sum(m.fees_wei for m in state.members) == 0
    assert (state.sessions[0].fees_wei, state.sessions[0].books.reserve) == (7, 3)


def test_records_are_the_newest() -> None:
    state = reduce_all(RUN)
    assert {m.suspicion for m in state.members if not m.attacker} == {2**14}
    assert {(m.suspicion, m.suspect) for m in state.members if m.attacker} == {(2**16, True)}
    assert all(m.suspicion is None for m in reduce_all(RUN[:1]).members)


def test_who_declines_is_counted() -> None:
    state = reduce_all(RUN)
    assert sum(m.declined for m in state.members) == 2
    assert [g.failed for g in state.sessions[1].groups] == [True] * 3 + [False] * 6


def test_who_misses_a_step_of_recover() -> None:
    state = reduce_all(fake.run(recover=True))
    for session in state.sessions:
        gaps = [g.gaps for g in session.groups]
        assert [[(gap.step, gap.left) for gap in of_group] for of_group in gaps[:3]] == [
            [("share", 3)], [("upload", 3)], [("reveal", 3)],
        ]  # fmt: skip
        assert not any(gaps[3:])
        assert [session.missing(step) for step in ("share", "upload", "reveal")] == [1, 1, 1]
        assert session.groups[1].missed == {session.groups[1].members[0]: "upload"}
        assert session.failed == 0
    assert sum(m.missed for m in state.members) == 9


def test_books_are_sums_of_sessions() -> None:
    state = reduce_all(RUN)
    assert state.books.deposited == sum(s.books.deposited for s in state.sessions)
    assert state.books.deposited == state.books.credits + state.books.locked + state.books.withdrawn


def test_the_curves() -> None:
    state = reduce_all(RUN)
    assert state.curve("owner")[0] == (0, 10.5)
    assert [number for number, _ in state.curve("public")] == [1, 2, 3]


def test_scores_over_limits() -> None:
    group = reduce_all(RUN).sessions[0].groups[0]
    assert group.score is not None
    assert group.limit is not None
    assert group.share == group.score / group.limit


def test_a_limit_of_zero_is_no_limit() -> None:
    state = reduce_all(fake.run(rule="krum"))
    assert all(g.share is None and g.score for s in state.sessions for g in s.groups)


def test_unselected_sessions_say_so() -> None:
    session = reduce_all(fake.run(unselected=True)).sessions[1]
    assert session.unselected
    assert all(g.paid and not g.accepted for g in session.groups)


@pytest.mark.parametrize(
    ("address", "name"),
    [(fake.address(0x1000), "DO 01"), (fake.address(1), "MO"), (fake.address(5), "0x0000..0005"), ("short", "short")],
)
def test_names(address: str, name: str) -> None:
    assert reduce_all(RUN[:1]).member_name(address) == name


def test_the_feed_is_bounded_and_keeps_the_newest() -> None:
    state = reduce_all(ev.Note(1, str(i)) for i in range(3 * FEED_LINES))
    assert len(state.feed) == FEED_LINES
    assert state.feed[-1].text == str(3 * FEED_LINES - 1)


def test_reduce_leaves_its_argument_alone() -> None:
    before = reduce_all(RUN[:500])
    copy = reduce_all(RUN[:500])
    for event in RUN[500:]:
        reduce(before, event)
    assert before == copy


@given(cut=st.integers(0, len(RUN)))
@settings(max_examples=10)
def test_folding_in_two_parts_is_folding_once(cut: int) -> None:
    state = reduce_all(RUN[:cut])
    for event in RUN[cut:]:
        state = reduce(state, event)
    assert state == WHOLE


@given(events=st.lists(st.sampled_from(RUN), max_size=60))
@settings(max_examples=50)
def test_any_order_of_events_is_taken(events: Sequence[ev.Event]) -> None:
    state = reduce_all(events)
    assert isinstance(state, DashboardState)
    assert [s.number for s in state.sessions] == sorted({s.number for s in state.sessions})


def test_what_is_not_known_passes_through() -> None:
    state = reduce_all(RUN[:10])
    assert reduce(state, ev.Event(1)) == state
    assert reduce(state, ev.AccuracyMeasured(1, "elsewhere", 1.0)).feed[-1].text.startswith("accuracy of elsewhere")
