"""A payee is a contract that refuses, burns all gas, or calls back into the session when it is paid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.till import Till
from tests.attacks.wealth import Wealth, conserved
from tests.contracts.harness import Accounts, Contract, SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory

REFUSE, BURN, REENTER, BOMB = 1, 2, 3, 4


@pytest.fixture(scope="module")
def puppet(accounts: Accounts, till: Till) -> Contract:
    """A member or an owner that is a contract."""
    return till.new_puppet(accounts.other_owner)


def comes_back(puppet: Contract, session: SessionDriver, call: str, *args: Any) -> None:
    """From now on the puppet makes this call whenever it is paid."""
    data = session.contract.abi.calldata(call, args)
    puppet.behave(REENTER, session.address, data, sender=session.stranger)


@pytest.fixture(scope="module")
def settled(new_session: Factory, accounts: Accounts, puppet: Contract) -> SessionDriver:
    """All groups settled, nobody paid yet; the puppet is one of the members."""
    session = new_session([puppet.address, *accounts[:5]]).to(Stage.PAYMENT)
    session.finish_payment()
    assert session.stage() == Stage.FINISHED
    return session


def judged(wealth: Wealth, name: str, puppet: Contract, till: Till) -> None:
    """The puppet and its keeper have at most what an honest member of the session has; nobody honest has lost."""
    peer = wealth.profit(wealth.session.listed[1])
    told = wealth.tell(name, puppet.address, till.keepers[puppet.address], honest=[peer])
    assert told.over_honest < 0, "contracts are paid no fees"
    assert told.honest_loss == 0


def watch(session: SessionDriver, puppet: Contract, till: Till) -> Wealth:
    return Wealth(session, puppet.address, till.keepers[puppet.address])


@pytest.mark.parametrize("mode", [REFUSE, BOMB])
def test_a_payee_that_refuses_keeps_its_credit(settled: SessionDriver, puppet: Contract, till: Till, mode: int) -> None:
    session, credit = settled.copy(), settled.credit_of(puppet.address)
    wealth = watch(session, puppet, till)
    puppet.behave(mode, session.address, b"", sender=session.stranger)
    with reverts("escrow: payee refused"):
        session.withdraw(sender=puppet.address)
    with reverts("escrow: payee refused"):
        session.withdraw_for(puppet.address, sender=session.stranger)
    assert session.credit_of(puppet.address) == credit > 0
    session.withdraw_all([puppet.address])
    assert session.money().credits == credit
    assert conserved(session)
    judged(wealth, f"a payee that refuses{' with a long reason' if mode == BOMB else ''}", puppet, till)
    puppet.behave(0, session.address, b"", sender=session.stranger)
    session.withdraw_for(puppet.address, sender=session.stranger)
    assert session.chain.balance(session.contract.address) == 0


def test_a_payee_that_burns_its_gas_keeps_its_credit(settled: SessionDriver, puppet: Contract, till: Till) -> None:
    session, credit = settled.copy(), settled.credit_of(puppet.address)
    wealth = watch(session, puppet, till)
    puppet.behave(BURN, session.address, b"", sender=session.stranger)
    with reverts("escrow: payee refused"):
        session.withdraw(sender=puppet.address)
    assert session.credit_of(puppet.address) == credit
    session.withdraw_all([puppet.address])
    judged(wealth, "a payee that burns all gas", puppet, till)


@pytest.mark.parametrize("call", ["withdraw", "withdraw_for", "settle", "advance", "exit"])
def test_a_payee_that_comes_back_in_is_paid_once(
    settled: SessionDriver, puppet: Contract, till: Till, call: str
) -> None:
    session, wealth = settled.copy(), watch(settled, puppet, till)
    args = {"withdraw_for": (puppet.address,), "settle": (0, session.members_of(0))}.get(call, ())
    comes_back(puppet, session, call, *args)
    credit = session.credit_of(puppet.address)
    before = session.chain.balance(puppet.address)
    session.withdraw(sender=puppet.address)
    assert session.chain.balance(puppet.address) == before + credit
    assert (puppet.tries(), puppet.entered()) == (1, 0)
    session.withdraw_all([puppet.address])
    assert session.chain.balance(session.contract.address) == 0
    assert wealth.of(puppet.address) == session.params.reward_wei // 6, "its share, and nothing on top"
    judged(wealth, f"a payee that calls {call} while it is paid", puppet, till)


@pytest.mark.parametrize("call", ["settle", "withdraw_for"])
def test_what_would_be_legal_a_moment_later_is_refused_inside(
    new_session: Factory, accounts: Accounts, puppet: Contract, call: str
) -> None:
    """The puppet is settled and another group isn't: its fallback could settle that one, but for the lock."""
    session = new_session([puppet.address, *accounts[:5]]).to(Stage.PAYMENT)
    session.settle(0)
    members = session.members_of(1)
    args = {"settle": (1, members), "withdraw_for": (accounts[0],)}[call]
    comes_back(puppet, session, call, *args)
    session.withdraw(sender=puppet.address)
    assert (puppet.tries(), puppet.entered()) == (1, 0)
    if call == "settle":
        session.contract.settle(1, members, sender=session.stranger)
    assert conserved(session)


def test_a_fallback_cannot_advance(new_session: Factory, accounts: Accounts, puppet: Contract) -> None:
    """The puppet has no seat; when its bond comes back the commitment window is over, and `advance` would be due."""
    session = new_session([*accounts[:4], puppet.address, accounts[4]]).to(Stage.REGISTER)
    session.register_all([*accounts[:4], puppet.address])
    session.pass_deadline()
    assert session.credit_of(puppet.address) == session.params.bond_wei
    comes_back(puppet, session, "advance")
    session.chain.next_at(session.deadline() + 1)
    session.withdraw(sender=puppet.address)
    assert (puppet.tries(), puppet.entered()) == (1, 0)
    assert session.stage() == Stage.COMMIT
    session.advance(sender=session.stranger)
    assert session.stage() > Stage.COMMIT


def test_an_owner_that_refuses_stops_nobody(new_session: Factory, puppet: Contract) -> None:
    session = new_session(owner=puppet.address).to(Stage.PAYMENT)
    wealth = Wealth(session)
    puppet.behave(REFUSE, session.address, b"", sender=session.stranger)
    session.finish_payment()
    session.withdraw_all([puppet.address])
    with reverts("escrow: payee refused"):
        session.withdraw(sender=puppet.address)
    assert session.money().credits == session.credit_of(puppet.address)
    assert session.chain.balance(session.contract.address) == session.credit_of(puppet.address)
    told = wealth.tell("an owner that refuses its change", puppet.address)
    assert told.profit < -(session.params.reward_wei - 6), "it has paid the reward, and its change stays where it is"
    assert told.honest_loss == 0
