"""Who gets in and who gets a seat: long lists, cohorts that come back, suspects that wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.errors import ProtocolError, Reverted
from omnilytics.protocol import events
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.randomness import SystemRandomness
from omnilytics.protocol.session import SessionDriver
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Address, Assignment, Pool, RecordConstants, Rule, reserve_wei
from tests.e2e.market import CLIP, D, Fair

TERMS = Terms(reward_wei=10**18, rounds=4, min_rounds=1, group_size=3, rule=Rule.NORM)
MANY = [Address(f"0x{i:040x}") for i in range(1, 301)]


def test_more_than_256_are_listed_by_a_merkle_root() -> None:
    fair = Fair(12)
    listed = [*fair.members, *MANY]
    outcome = fair.run(TERMS, listed=listed)
    assert outcome.accepted == (0, 1, 2, 3)
    session = fair.sessions[0]
    assert (session.capacity(), any(session.whitelist_root())) == (312, True)
    assert outcome.reserve_wei == reserve_wei(TERMS.params(D, CLIP), 312)
    assert fair.verify().taken["registrations under a Merkle root"] == 12


def test_256_are_listed_one_by_one() -> None:
    fair = Fair(12)
    fair.run(TERMS, listed=[*fair.members, *MANY[:244]])
    assert (fair.sessions[0].capacity(), any(fair.sessions[0].whitelist_root())) == (256, False)
    assert fair.verify().checks["registrations by listed members"] == 12


def test_proofs_are_of_the_list_that_was_hashed() -> None:
    fair = Fair(12)
    session = fair.open(TERMS, [*fair.members, *MANY])
    driver = SessionDriver(fair.world.chain, session, fair.owner, fair.roles, fair.events.append, 1, MANY)
    with pytest.raises(ProtocolError, match="whitelist: expected the root 0x"):
        driver.register(lambda i: SystemRandomness())


def cohort_of(fair: Fair, session: int, group: int) -> int:
    return int(fair.sessions[session].address, 16) << 8 | group


def test_a_cohort_sits_together_again() -> None:
    fair = Fair(12)
    first = fair.run(TERMS)
    back = {member: cohort_of(fair, 0, 2) for member in first.groups[2]}
    outcome = fair.run(TERMS, cohorts=back)
    assert first.groups[2] in outcome.groups
    assert outcome.failed == ()
    views = [fair.sessions[1].member(member) for member in first.groups[2]]
    assert [view.place for view in views] == [0, 1, 2]
    assert {view.pool for view in views} == {Pool.COHORT}
    assert fair.verify().checks["members of accepted cohorts"] == 3
    alone = verify_session(fair.records[1])
    assert alone.taken["members of cohorts of sessions outside the record"] == 3


def test_a_cohort_that_isnt_whole_stays_out() -> None:
    fair = Fair(12)
    first = fair.run(TERMS)
    missing, *others = first.groups[2]
    outcome = fair.run(
        TERMS,
        cohorts={member: cohort_of(fair, 0, 2) for member in others},
        who=[i for i, member in enumerate(fair.members) if member != missing],
    )
    assert len(outcome.groups) == 3
    unseated = {e.member for e in fair.of(events.MemberChanged) if e.session == 2 and e.status == "unseated"}
    assert unseated == set(others)
    fair.verify()


def test_more_cohorts_than_seats() -> None:
    fair = Fair(12)
    first = fair.run(TERMS)
    back = {member: cohort_of(fair, 0, group) for group in (0, 1, 3) for member in first.groups[group]}
    outcome = fair.run(replace(TERMS, rounds=2), cohorts=back)
    assert len(outcome.groups) == 2
    assert sum(group in first.groups for group in outcome.groups) in (1, 2)
    fair.verify()


@pytest.mark.parametrize("wrong", ["group", "session", "assignment"])
def test_who_isnt_of_the_cohort(wrong: str) -> None:
    fair = Fair(12)
    first = fair.run(TERMS)
    member = first.groups[2][0]
    group, session = (1 if wrong == "group" else 2), (1 if wrong == "session" else 0)
    assignment = Assignment.GREEDY if wrong == "assignment" else Assignment.SHUFFLED
    fair.open(TERMS)
    with pytest.raises(Reverted, match=r"session: (not of the cohort|cohort with greedy)"):
        fair.run(replace(TERMS, assignment=assignment), cohorts={member: cohort_of(fair, session, group)})


def test_suspects_get_the_seats_that_clear_ones_leave() -> None:
    records = RecordConstants(newcomer=2**15)
    terms = replace(TERMS, rounds=3, records=records)
    fair = Fair(15)
    outcome = fair.run(terms)
    seated = {member for group in outcome.groups for member in group}
    ledger = Ledger.read(log for _, log in fair.records[0].logs)
    assert {one.suspicion for one in ledger.registrations} == {2**15}
    again = fair.run(terms)
    assert {member for group in again.groups for member in group} == seated
    more = fair.run(replace(terms, rounds=4))
    assert seated < {member for group in more.groups for member in group}
    pools = {fair.sessions[2].member(member).pool for member in set(fair.members) - seated}
    assert pools == {Pool.SUSPECT}
    assert fair.verify().checks["suspicions that follow from the sessions before"] == 15
    standing = {member: fair.world.market.suspicion(fair.world.owner, member) for member in fair.members}
    assert sum(1 for value in standing.values() if value is None) == 15 - 12


def test_without_records_nothing_is_remembered() -> None:
    fair = Fair(12)
    fair.run(replace(TERMS, records=None))
    assert fair.of(events.RecordChanged) == []
    assert fair.verify().checks["suspicion without records"] == 12


def test_without_fees_nothing_is_set_aside() -> None:
    fair = Fair(12)
    outcome = fair.run(replace(TERMS, fee_cap_wei=0))
    assert (outcome.reserve_wei, outcome.fees_wei) == (0, 0)
    assert fair.of(events.FeesCredited) == []
    assert "fees within the reserve" not in fair.verify().checks
