"""settle(group): the members' credits of one group (docs/PROTOCOL.md section 8)."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Group 0 accepted, group 1 refused."""
    session = new_session(parameter_count=4)
    for account in session.listed[3:]:
        session.vectors[account] = [7, 7, 7, 7]
    session.to(Stage.PAYMENT)
    assert session.accepted() == 0b01
    return session


def test_accepted_and_refused(base: SessionDriver) -> None:
    bond, share = base.params.bond_wei, base.params.reward_wei // 3
    for group, each in ((0, bond + share), (1, bond)):
        event = base.settle(group).only("Settled")
        assert (event.group, event.paid, event.credited_wei) == (group, group == 0, 3 * each)
        assert [base.credit_of(a) for a in base.members_of(group)] == [each] * 3
        assert base.group(group).settled


def test_the_last_group_finishes_it(base: SessionDriver) -> None:
    assert base.settle(1).named("Finished") == []
    assert base.stage() == Stage.PAYMENT
    event = base.settle(0).only("Finished")
    assert event.owner_credit_wei == base.credit_of(base.owner) == base.params.reward_wei % 3
    assert (base.stage(), base.state()) == (Stage.FINISHED, 5)
    money = base.money()
    assert (money.locked, money.credits) == (0, money.deposited)


def test_no_credit_before(base: SessionDriver) -> None:
    assert [base.credit_of(a) for a in base.listed] == [0] * 6
    with reverts("session: nothing to withdraw"):
        base.contract.withdraw(sender=base.listed[0])


def test_only_once(base: SessionDriver) -> None:
    base.settle(0)
    with reverts("session: the group is settled"):
        base.settle(0)
    base.settle(1)
    with reverts("session: the group is settled"):
        base.settle(1)


@pytest.mark.parametrize("group", [2, 63, 64, 256, 2**256 - 1])
def test_no_such_group(base: SessionDriver, group: int) -> None:
    with reverts("session: no such group"):
        base.settle(group)


@pytest.mark.parametrize("stage", [Stage.COMMIT, Stage.UPLOAD, Stage.AGGREGATE, Stage.SELECT])
def test_a_group_that_lives_waits_for_the_selection(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: group isn't decided"):
        session.settle(0)


def test_no_group_before_the_seats(new_session: Factory) -> None:
    session = new_session().to(Stage.REGISTER)
    with reverts("session: no such group"):
        session.settle(0)


def test_a_failed_group_is_settled_at_once(new_session: Factory) -> None:
    """Those who committed share the bond of the one who didn't; the odd wei goes to the lower place."""
    session = new_session(reward_wei=60_003).to(Stage.COMMIT)
    bond = session.params.bond_wei
    assert bond % 2 == 1
    seats = session.seated()
    for account in (*seats[:3], *seats[4:]):
        session.commit(account)
    session.pass_deadline()
    event = session.settle(1).only("Settled")
    assert (event.paid, event.credited_wei) == (False, 3 * bond)
    assert [session.credit_of(a) for a in seats[3:]] == [0, bond + bond // 2 + 1, bond + bond // 2]
    assert session.stage() == Stage.UPLOAD
    session.contract.withdraw(sender=seats[4])
    session.to(Stage.FINISHED)
    assert session.money().withdrawn == session.money().deposited


def test_a_group_that_failed_at_the_upload(new_session: Factory) -> None:
    session = new_session(reward_wei=60_002).to(Stage.UPLOAD)
    bond = session.params.bond_wei
    session.finish_upload_of(0)
    session.upload_all(session.members_of(1)[2])
    session.pass_deadline()
    session.settle(1)
    assert [session.credit_of(a) for a in session.members_of(1)] == [0, 0, 3 * bond]


def test_nobody_did_its_part_and_all_have_their_bond(new_session: Factory) -> None:
    session = new_session().to(Stage.UPLOAD)
    session.finish_upload_of(0)
    session.pass_deadline()
    session.settle(1)
    assert [session.credit_of(a) for a in session.members_of(1)] == [session.params.bond_wei] * 3
