"""withdraw() and withdraw_for(account): credits are paid once, to the one entitled. tests/attacks has the payees."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Given up while five had registered: nobody has been paid by a settlement."""
    session = new_session(min_rounds=2).to(Stage.REGISTER)
    session.register_all(session.listed[:5])
    session.contract.exit(sender=session.owner)
    return session


def test_it_pays_the_caller(base: SessionDriver) -> None:
    for account in (*base.listed[:5], base.owner):
        credit, before = base.credit_of(account), base.chain.balance(account)
        event = base.contract.withdraw(sender=account).only("Withdrawn")
        assert (event.account, event.caller, event.amount_wei) == (account, account, credit)
        assert base.chain.balance(account) == before + credit
        assert base.credit_of(account) == 0
    money = base.money()
    assert (money.credits, money.locked, money.withdrawn) == (0, 0, money.deposited)
    assert base.chain.balance(base.contract.address) == 0
    assert all(base.member(a).withdrawn for a in base.listed[:5])


def test_anybody_pays_the_one_entitled(base: SessionDriver) -> None:
    for account in (base.listed[0], base.owner):
        credit, before = base.credit_of(account), base.chain.balance(account)
        caller = base.chain.balance(base.stranger)
        event = base.contract.withdraw_for(account, sender=base.stranger).only("Withdrawn")
        assert (event.account, event.caller, event.amount_wei) == (account, base.stranger, credit)
        assert base.chain.balance(account) == before + credit
        assert base.chain.balance(base.stranger) == caller


def test_only_once(base: SessionDriver) -> None:
    for account in (base.listed[0], base.owner):
        base.contract.withdraw(sender=account)
        with reverts("session: nothing to withdraw"):
            base.contract.withdraw(sender=account)
        with reverts("session: nothing to withdraw"):
            base.contract.withdraw_for(account, sender=base.stranger)


def test_strangers_have_nothing(base: SessionDriver) -> None:
    for account in (base.stranger, base.listed[5], base.contract.address, "0x" + "00" * 20):
        assert base.credit_of(account) == 0
        with reverts("session: nothing to withdraw"):
            base.contract.withdraw_for(account, sender=base.stranger)


@pytest.mark.parametrize("stage", [Stage.SETUP, Stage.REGISTER, Stage.COMMIT, Stage.SELECT])
def test_nothing_before_anything_is_settled(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    for account in (session.listed[0], session.owner):
        with reverts("session: nothing to withdraw"):
            session.contract.withdraw(sender=account)


def test_the_owner_as_a_member_is_paid_as_one_and_has_its_credit(new_session: Factory, base: SessionDriver) -> None:
    session = new_session([base.owner, *base.listed[:5]])
    before = session.chain.balance(session.owner)
    session.to(Stage.PAYMENT)
    share, rest = divmod(session.params.reward_wei, 6)
    session.settle(0)
    assert session.due(session.owner) == session.params.bond_wei + share
    session.settle(1)
    assert session.credit_of(session.owner) == rest
    session.contract.withdraw(sender=session.owner)
    assert session.chain.balance(session.owner) == before - session.params.reward_wei + share + rest


def test_ether_is_not_taken(base: SessionDriver) -> None:
    with reverts():
        base.contract.withdraw(sender=base.owner, value=1)
