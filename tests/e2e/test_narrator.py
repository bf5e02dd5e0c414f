"""What anybody reads off the logs of a session, against what its driver told of the same one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from omnilytics.blobs.blob import GAS_PER_BLOB
from omnilytics.chain.abi import decode_log
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.dashboard.blobs import Accusation
from omnilytics.dashboard.reducing import reduce_all
from omnilytics.dashboard.state import DashboardState, Session
from omnilytics.errors import VerificationError
from omnilytics.experiments.arena.attacks import Lanes
from omnilytics.experiments.arena.ring import Lone
from omnilytics.protocol import events
from omnilytics.protocol.company import Dropouts, Step
from omnilytics.protocol.member import Policy
from omnilytics.protocol.narrator import Narrator, narrate
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.replay import Replay
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.watch import places_on
from omnilytics.types import Assignment, KrumPicks, Log, Mode, Receipt, Rule, Stage
from tests.e2e import test_recover_blame
from tests.e2e.market import SEEDS, Fair
from tests.e2e.test_blob_recover import DROPOUTS, Wrong
from tests.e2e.test_blob_session import TERMS as BLOBS
from tests.e2e.test_blob_session import Beyond
from tests.e2e.test_membership import MANY, cohort_of
from tests.e2e.test_recover import TERMS, gone, spoil
from tests.e2e.test_second_round import Absent

SHUFFLED = Terms(reward_wei=10**18, rounds=4, min_rounds=1, group_size=3, rule=Rule.NORM)
GREEDY = replace(SHUFFLED, assignment=Assignment.GREEDY)
VOTE = {"rule": Rule.NORM_VOTE}
KRUM = replace(SHUFFLED, rule=Rule.KRUM, krum_m=1, krum_m_rule=KrumPicks.PAPER)


def plain(terms: Terms) -> Callable[[], Fair]:
    def run() -> Fair:
        fair = Fair(12)
        fair.run(terms)
        return fair

    return run


def spoilt() -> Fair:
    fair = Fair(12, behaviours={1: Lone(Lanes(), SEEDS.numpy("garbage", 1))})
    for _ in range(2):
        fair.run(SHUFFLED)
    return fair


def absent() -> Fair:
    fair = Fair(12, behaviours={0: Absent(), 4: Absent()})
    fair.run(GREEDY)
    return fair


def declined() -> Fair:
    m = Fair(12).members
    fair = Fair(12, policy=Policy(known_accounts=frozenset({*m[:2], *m[3:5], *m[6:12]}), min_known_peers=2))
    fair.run(GREEDY)
    return fair


def dropped() -> Fair:
    fair = Fair(12)
    fair.run(TERMS, dropouts=gone(m0=Step.SHARE, m4=Step.UPLOAD, m8=Step.REVEAL))
    return fair


def lost() -> Fair:
    """A group that fails in the upload, one that fails in the reveal."""
    fair = Fair(12)
    fair.run(TERMS, dropouts=gone(m0=Step.UPLOAD, m1=Step.UPLOAD, m4=Step.REVEAL, m5=Step.LEND))
    return fair


def objected() -> Fair:
    fair = Fair(12)
    with pytest.MonkeyPatch.context() as patch:
        spoil(patch, {fair.members[1]: 1, fair.members[4]: 0})
        fair.run(TERMS, dropouts=gone(m8=Step.SHARE))
    return fair


def blamed() -> Fair:
    with pytest.MonkeyPatch.context() as patch:
        return test_recover_blame.run(patch, test_recover_blame.all_wrong(1), gone(m1=Step.UPLOAD, m3=Step.REVEAL)).fair


def returned() -> Fair:
    fair = Fair(12)
    first = fair.run(SHUFFLED)
    fair.run(SHUFFLED, cohorts={member: cohort_of(fair, 0, 2) for member in first.groups[2]})
    return fair


def rooted() -> Fair:
    fair = Fair(12)
    fair.run(SHUFFLED, listed=[*fair.members, *MANY])
    return fair


def few() -> Fair:
    fair = Fair(12)
    fair.run(replace(SHUFFLED, min_rounds=2), who=range(3))
    return fair


def refuted() -> Fair:
    fair = Fair(9, behaviours={4: Beyond(17)})
    fair.run(replace(BLOBS, mode=Mode.BLOB, rule=Rule.NORM))
    return fair


def corrected(fair: Fair, dropouts: Dropouts = DROPOUTS) -> Fair:
    fair.run(replace(TERMS, mode=Mode.BLOB, fee_cap_wei=0), dropouts=dropouts)
    return fair


NOBODY_CORRECTS = gone(m4=Step.LEND, m5=Step.LEND, m6=Step.LEND, m7=Step.LEND)


RUNS = {
    "greedy": plain(GREEDY),
    "recover": plain(TERMS),
    "krum": plain(KRUM),
    "vote": plain(replace(GREEDY, **VOTE)),  # type: ignore[arg-type]
    "vote-recover": plain(replace(TERMS, **VOTE)),  # type: ignore[arg-type]
    "spoilt": spoilt,
    "absent": absent,
    "declined": declined,
    "dropped": dropped,
    "lost": lost,
    "objected": objected,
    "blamed": blamed,
    "returned": returned,
    "rooted": rooted,
    "few": few,
    "refuted": refuted,
    "dropped in blobs": lambda: corrected(Fair(12)),
    "corrected wrongly": lambda: corrected(Wrong(12)),
    "not corrected": lambda: corrected(Fair(12), NOBODY_CORRECTS),
}


def narrated(record: SessionRecord, portions: int, fair: Fair) -> Narrator:
    """As somebody tells it who reads a few logs at a time."""
    narrator = Narrator(replace(record, logs=()), place_of=places_on(fair.world.chain))
    logs = record.logs
    for start in range(0, len(logs), portions):
        narrator.take(logs[start : start + portions])
    return narrator


def pictures(fair: Fair, told: Sequence[events.Event], number: int) -> list[DashboardState]:
    """The states that what was read and what the driver told of a session add up to."""
    ours = [event for event in fair.events if event.session == number]
    read = reduce_all(told)
    started = replace(told[0], members=[member.address for member in read.members])  # type: ignore[call-arg]
    return [read, reduce_all([started, created(told), *ours])]


def created(told: Sequence[events.Event]) -> events.Event:
    return next(event for event in told if isinstance(event, events.SessionCreated))


def test_products_of_sums_in_blobs_give_the_distances() -> None:
    fair, receipts = Fair(9), list[Receipt]()
    assert isinstance(fair.world.chain, EmbeddedChain)
    fair.world.chain.on_receipt.append(receipts.append)
    fair.run(replace(BLOBS, mode=Mode.BLOB, rule=Rule.KRUM))
    (read, driven) = pictures(fair, narrated(fair.records[0], 5, fair).events, 1)
    assert read.sessions[0].distances == driven.sessions[0].distances is not None
    assert shown(read.sessions[0]) == shown(driven.sessions[0])
    for state in (read, driven):
        assert [group.blobs for group in state.sessions[0].groups] == [3, 3, 3]
        assert (state.sessions[0].blobs.added, state.sessions[0].blobs.products) == ((0, 1, 2), 6)
    paid = driven.sessions[0].blobs
    assert (paid.gas, read.sessions[0].blobs.gas) == (9 * GAS_PER_BLOB, 0)
    assert (
        0
        < paid.wei
        == sum(
            receipt.blob_gas_used * (receipt.blob_gas_price_wei or 0) for receipt in receipts if receipt.call == "post"
        )
    )


def test_a_refuted_sum_is_told() -> None:
    fair = refuted()
    for state in pictures(fair, narrated(fair.records[0], 5, fair).events, 1):
        session = state.sessions[0]
        assert session.blobs.accusations == (Accusation(fair.members[0], 1, 17),)
        assert (session.blobs.refuting, session.blobs.added, session.blobs.products) == (True, (0, 2), 2)
        assert [group.refuted for group in session.groups] == [False, True, False]
        assert session.failed == 1


def test_corrections_are_told() -> None:
    fair = corrected(Wrong(12))
    for state in pictures(fair, narrated(fair.records[0], 5, fair).events, 1):
        session = state.sessions[0]
        told = session.blobs.corrections
        assert [(one.group, one.blobs, one.whole, one.index) for one in told] == [
            (0, 1, True, None),
            (1, 1, True, 7),
            (2, 1, True, None),
        ]
        assert all(one.account in session.groups[one.group].members for one in told)
        assert [(group.refuted, group.uncorrected) for group in session.groups] == [
            (False, False),
            (True, False),
            (False, False),
        ]
        assert session.blobs.corrected == (0, 2)
    fair = corrected(Fair(12), NOBODY_CORRECTS)
    for state in pictures(fair, narrated(fair.records[0], 5, fair).events, 1):
        session = state.sessions[0]
        assert [group.uncorrected for group in session.groups] == [False, True, False]
        assert [group.failed for group in session.groups] == [False, True, False]
        assert session.blobs.corrected == (0, 2)


def shown(session: Session) -> Session:
    """Without what only a driver knows: gas, the time, of sums in blobs their distances where only norms are proven."""
    blobs = replace(session.blobs, gas=0, wei=0)
    return replace(session, gas={}, now=0, blobs=blobs, distances=None if session.posted else session.distances)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_it_is_the_drivers_story(run: Callable[[], Fair]) -> None:
    fair = run()
    for record in fair.records:
        narrator = narrated(record, 5, fair)
        read, driven = pictures(fair, narrator.events, record.number)
        assert shown(read.sessions[0]) == shown(driven.sessions[0])
        for member, other in zip(read.members, driven.members, strict=True):
            found = replace(member, status="", group=0, place=0, suspicion=None)
            assert found == replace(other, status="", group=0, place=0, clipped=0, suspicion=None)
            if other.suspicion is not None:
                assert member.suspicion == other.suspicion
        assert narrator.finished
        there = fair.world.chain.session(record.address)
        assert (there.stage(), there.deadline()) == (narrator.stage, narrator.deadline) == (Stage.FINISHED, 0)
        money = [event for event in narrator.events if isinstance(event, events.MoneyMoved)][-1]
        assert (money.deposited, money.credits, money.locked, money.withdrawn) == astuple(there.money())


def astuple(money: object) -> tuple[int, ...]:
    return tuple(getattr(money, name) for name in ("deposited", "credits", "locked", "withdrawn"))


def steps_of(told: Sequence[events.Event]) -> list[tuple[object, ...]]:
    """What is said of members, but for who gets its bond back without a seat, which a driver says when it takes it."""
    found = [event for event in told if isinstance(event, events.MemberChanged) and event.status != "withdrawn"]
    kept = [event for event in found if (event.status, event.group) != ("refunded", -1)]
    return sorted((event.member, event.status, event.group, event.place, event.credit_wei) for event in kept)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_members_take_the_same_steps(run: Callable[[], Fair]) -> None:
    fair = run()
    for record in fair.records:
        ours = [event for event in fair.events if event.session == record.number]
        assert steps_of(narrate([record])) == steps_of(ours)


def test_the_portions_dont_matter() -> None:
    fair = dropped()
    (record,) = fair.records
    whole = narrated(record, len(record.logs), fair).events
    assert whole == narrated(record, 1, fair).events
    assert [*whole, events.RunFinished(0, None, None)] == narrate([record])


def test_several_sessions_are_one_run() -> None:
    fair = returned()
    told = narrate(fair.records)
    started = [event for event in told if isinstance(event, events.RunStarted)]
    assert [event.sessions for event in started] == [2]
    state = reduce_all(told)
    assert ([s.number for s in state.sessions], state.finished) == ([1, 2], True)


@pytest.mark.parametrize("name", ["declined", "lost", "few"])
def test_every_member_ends_somewhere(name: str) -> None:
    fair = RUNS[name]()
    state = reduce_all(narrate(fair.records))
    registered = {event.member for event in fair.of(events.MemberChanged) if event.status == "registered"}  # type: ignore[attr-defined]
    for member in state.members:
        assert member.status == ("withdrawn" if member.address in registered else "waiting")


def test_the_books_are_closed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = plain(GREEDY)().records

    def unbalanced(replay: Replay) -> None:
        raise VerificationError("deposits equal to all that is owed or burnt: expected 1, found 2")

    monkeypatch.setattr(Replay, "at_end", unbalanced)
    narrator = Narrator(replace(record, logs=()))
    with pytest.raises(VerificationError, match="deposits"):
        narrator.take(record.logs)
    assert not any(isinstance(event, events.SessionFinished) for event in narrator.events)


def test_logs_from_the_middle_on_are_refused() -> None:
    (record,) = plain(GREEDY)().records
    start = next(i for i, (_, log) in enumerate(record.logs) if (decode_log(log) or ("",))[0] == "Registered")
    narrator = Narrator(replace(record, logs=()))
    with pytest.raises(VerificationError, match="expected Started first, found Registered"):
        narrator.take(record.logs[start:])


def test_a_log_that_is_wrong_is_not_told() -> None:
    fair = plain(GREEDY)()
    (record,) = fair.records
    index = next(i for i, (_, log) in enumerate(record.logs) if (decode_log(log) or ("",))[0] == "Aggregated")
    block, log = record.logs[index]
    bad = Log(log.address, log.topics, log.data[:-40] + bytes(40))
    narrator = Narrator(replace(record, logs=()), place_of=places_on(fair.world.chain))
    narrator.take(record.logs[:index])
    before = list(narrator.events)
    with pytest.raises(VerificationError, match="aggregates equal to the sum of the uploads"):
        narrator.take([(block, bad), *record.logs[index + 1 :]])
    assert narrator.events == before
