"""A member objects to honest shares: to grief, to frame, to have another draw, to save somebody that is late.

Defence: both sides of an objection keep their bonds, have a miss on their records, and aren't drawn again; the others
are. Who hadn't shared loses its bond as in any group that fails then. It is heard before anybody has uploaded.

What remains: the contract can't open what is sealed, so it can't tell who is right, and an honest accused mustn't lose
money. An objection costs its gas and a seat: less than declining, which costs F. One seat fails a group in either
round, takes one honest member of its choice out of the second draw and puts a miss on its record: a new member is a
suspect after two. Owners see who objects again and again; honest clients never do to honest dealers.
"""

from __future__ import annotations

import pytest

from tests.attacks import tally
from tests.attacks.till import GWEI
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status, economy, reverts
from tests.contracts.harness.fixtures import RecoverFactory

NEWCOMER, SUSPECT = 1 << 14, 1 << 15


@pytest.fixture(scope="module")
def base(new_recover: RecoverFactory) -> RecoverDriver:
    """Four groups of four, drawn; everybody has shared."""
    session = new_recover(rounds=4, assignment=1).to(Stage.SHARE)
    session.share_all()
    return session


def suspicion(session: RecoverDriver, account: str) -> int:
    return int(session.market.suspicion(session.owner, account)[1])


def test_nobody_loses_a_bond_and_both_are_recorded(base: RecoverDriver) -> None:
    """Two groups: an objection in each. The four others are drawn again, and paid."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    sides = [session.members_of(group)[:2] for group in (0, 1)]
    peers = [a for group in (0, 1) for a in session.members_of(group)[2:]]
    for objector, accused in sides:
        session.object_to(objector, accused)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b11100
    assert session.members_of(4) == sorted(peers, key=session.members_of(4).index), "all four"
    seat = session.params.reward_wei // 16
    assert [wealth.of(a) for a in peers] == [seat] * 4
    assert [wealth.of(a) for pair in sides for a in pair] == [0] * 4
    recorded = {a: suspicion(session, a) for a in session.listed}
    blamed = economy.recorded(NEWCOMER, 4, True)
    assert all((recorded[a] == blamed) == (a in sides[0] + sides[1]) for a in session.listed)
    attackers = [objector for objector, _ in sides]
    told = wealth.tell("two object falsely, in groups of their own", *attackers, honest=[honest[a] for a in attackers])
    assert told.loses
    assert told.honest_loss == 0


def test_what_it_costs_beside_declining(base: RecoverDriver, new_recover: RecoverFactory) -> None:
    """One objects, one declines, each in a session of its own: it costs F more to decline."""
    costs = {}
    declining = new_recover(rounds=4, assignment=1).to(Stage.SHARE)
    for name, session in (("objects", base.copy()), ("declines", declining)):
        with session.chain.anchor():
            wealth = Wealth(session)
            attacker, victim, *_ = session.members_of(0)
            if name == "objects":
                session.object_to(attacker, victim)
            else:
                session.decline(attacker)
            session.to(Stage.FINISHED)
            costs[name] = wealth.profit(attacker)
            assert wealth.of(attacker) == (0 if name == "objects" else -session.fees)
            assert wealth.loss(victim) == 0
    tally.note(f"failing a group: {costs['objects']:,} wei by objecting, {costs['declines']:,} wei by declining")
    assert costs["declines"] < costs["objects"] < 0


def test_one_seat_in_each_group_fails_a_session(base: RecoverDriver) -> None:
    """What remains: four accounts of sixteen, one in each group, and all groups have failed, for eight seats' worth.

    The eight that are left are drawn again, into two groups without any attacker; four honest ones aren't, and earn
    nothing in this session.
    """
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    attackers = [session.members_of(group)[0] for group in range(4)]
    for group, account in enumerate(attackers):
        session.object_to(account, session.members_of(group)[1])
    session.pass_deadline()
    session.draw()
    assert session.group_count() == 6, "eight survivors"
    assert not {a for group in (4, 5) for a in session.members_of(group)} & set(attackers)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b110000
    told = wealth.tell("one objects falsely in each group", *attackers, honest=[honest[a] for a in attackers])
    assert told.loses
    assert told.honest_loss == 0


def test_the_second_round_fails_for_good(base: RecoverDriver) -> None:
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    first = [session.members_of(group)[0] for group in (0, 1)]
    for group, account in enumerate(first):
        session.object_to(account, session.members_of(group)[1])
    session.pass_deadline()
    session.draw()
    session.share_all()
    again, victim, *_ = session.members_of(4)
    session.object_to(again, victim)
    session.pass_deadline()
    assert (session.stage(), session.group(4).status) == (Stage.UPLOAD, Status.FAILED)
    session.to(Stage.FINISHED)
    attackers = [*first, again]
    assert [wealth.of(a) for a in session.members_of(4)] == [0] * 4
    told = wealth.tell("three object falsely, in both rounds", *attackers, honest=[honest[a] for a in attackers])
    assert told.loses
    assert told.honest_loss == 0


def test_it_saves_no_bond_of_who_was_late(new_recover: RecoverFactory) -> None:
    """An accomplice misses sharing, and another objects so that the group fails: the bond is lost all the same."""
    session = new_recover().to(Stage.SHARE)
    wealth, honest = Wealth(session), honest_profits(session)
    objector, victim, late, peer = session.members_of(0)
    session.share_all([a for a in session.seated() if a != late])
    session.pass_deadline()
    session.object_to(objector, victim)
    session.to(Stage.FINISHED)
    bond = session.params.bond_wei
    assert wealth.of(late) == -bond
    assert {wealth.of(a) - bond // 3 for a in (objector, victim, peer)} <= {0, 1}
    side = [objector, late]
    told = wealth.tell("one objects to cover one that is late", *side, honest=[honest[a] for a in side])
    assert told.loses
    assert told.honest_loss == 0


def test_a_member_is_framed(new_recover: RecoverFactory) -> None:
    """What remains: the same victim twice, by two accounts. It is a suspect then, as they are."""
    records: list[tuple[int, int]] = []
    for _ in range(2):
        session = new_recover().to(Stage.SHARE)
        session.share_all()
        objector, victim = session.members_of(0)[len(records)], session.members_of(0)[3]
        session.object_to(objector, victim)
        session.to(Stage.FINISHED)
        records.append((suspicion(session, objector), suspicion(session, victim)))
    tally.note(f"suspicion of objector and accused: {records[0]} after one false objection, {records[1]} after another")
    assert records[0][0] == records[0][1] < SUSPECT
    assert records[1][0] < SUSPECT <= records[1][1]


def test_when_it_is_refused(base: RecoverDriver, new_recover: RecoverFactory) -> None:
    """Before sharing is closed; to oneself, to nobody, to another group; from outside; after the group has failed."""
    early = new_recover().to(Stage.SHARE)
    first, second, *_ = early.members_of(0)
    early.share(first)
    early.share(second)
    with reverts("recover: sharing is open"):
        early.object_to(first, second)
    session = base.copy()
    member, peer, *_ = session.members_of(0)
    place = session.seat(member)[1]
    for accused in (place, 4, 2**255):
        with reverts("recover: nobody to object to"):
            session.contract.object(accused, sender=member)
    with reverts("recover: no shares"):
        session.contract.object(1, sender=session.stranger)
    session.object_to(member, peer)
    for account in session.members_of(0):
        with reverts("session: the group has failed"):
            session.contract.object(place ^ 1, sender=account)
    with reverts("recover: sharing is closed"):
        dealing = session.dealing(member)
        session.contract.share(dealing.root, dealing.points, dealing.sealed, sender=member)


def test_who_hasnt_shared_is_nobody_to_object_to(new_recover: RecoverFactory) -> None:
    """It loses its bond anyway, and can't be used to fail the group."""
    session = new_recover().to(Stage.SHARE)
    late, first, *_ = session.members_of(0)
    session.share_all([a for a in session.seated() if a != late])
    session.pass_deadline()
    with reverts("recover: nobody to object to"):
        session.object_to(first, late)
    with reverts("recover: no shares"):
        session.object_to(late, first)
    session.pass_deadline()
    assert session.group(0).status == Status.UPLOAD


def test_the_gas_of_an_objection(base: RecoverDriver) -> None:
    """It isn't paid back: all that a false one costs beside the seat. The owner has paid for the group's shares."""
    session, till = base.copy(), base.contract.backend
    members = session.members_of(0)
    before = session.contract.member(members[0]).fees_wei
    used = session.object_to(members[0], members[1]).gas_used
    assert session.contract.member(members[0]).fees_wei == before
    assert used * GWEI < session.fees, "declining costs F"
    shares_wei = sum(
        c.fee_wei for c in till.calls if c.name == "share" and c.sender in members and c.to == session.address
    )
    assert used * GWEI < shares_wei
    tally.note(
        f"a false objection: {used:,} gas, {used * GWEI:,} wei at a gwei; declining: F = {session.fees:,} wei; "
        f"the owner has paid {shares_wei:,} wei for the shares of a group of four"
    )
