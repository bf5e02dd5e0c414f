"""Payees that are contracts: refusing, burning gas, coming back in. They hurt nobody but themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.wealth import Wealth, conserved
from tests.contracts.harness import ETHER, Accounts, Chain, Contract, SessionDriver, Stage, compiled, reverts
from tests.contracts.harness.fixtures import Factory

REFUSE, BURN, REENTER, BOMB = 1, 2, 3, 4


@pytest.fixture(scope="module")
def puppet(accounts: Accounts, chain: Chain) -> Contract:
    puppet = compiled(Path(__file__).parent / "mocks" / "Puppet.vy").deploy(sender=accounts.stranger)
    chain.set_balance(puppet.address, ETHER)
    return puppet


@pytest.fixture(scope="module")
def settled(new_session: Factory, accounts: Accounts, puppet: Contract) -> SessionDriver:
    """All groups settled, nobody paid yet; the puppet is one of the members."""
    session = new_session([puppet.address, *accounts[:5]]).to(Stage.PAYMENT)
    session.finish_payment()
    assert session.stage() == Stage.FINISHED
    return session


@pytest.mark.parametrize("mode", [REFUSE, BOMB])
def test_a_payee_that_refuses_keeps_its_credit(settled: SessionDriver, puppet: Contract, mode: int) -> None:
    session, credit = settled.copy(), settled.credit_of(puppet.address)
    puppet.behave(mode, session.address, b"", sender=session.stranger)
    with reverts("escrow: payee refused"):
        session.withdraw(sender=puppet.address)
    with reverts("escrow: payee refused"):
        session.withdraw_for(puppet.address, sender=session.stranger)
    assert session.credit_of(puppet.address) == credit > 0
    session.withdraw_all([puppet.address])
    assert session.money().credits == credit
    assert conserved(session)
    puppet.behave(0, session.address, b"", sender=session.stranger)
    session.withdraw_for(puppet.address, sender=session.stranger)
    assert session.chain.balance(session.contract.address) == 0


def test_a_payee_that_burns_its_gas_keeps_its_credit(settled: SessionDriver, puppet: Contract) -> None:
    session, credit = settled.copy(), settled.credit_of(puppet.address)
    puppet.behave(BURN, session.address, b"", sender=session.stranger)
    with reverts("escrow: payee refused"):
        session.withdraw(sender=puppet.address)
    assert session.credit_of(puppet.address) == credit
    session.withdraw_all([puppet.address])
    assert conserved(session)


@pytest.mark.parametrize("call", ["withdraw", "withdraw_for", "settle", "advance", "exit"])
def test_a_payee_that_comes_back_in_is_paid_once(settled: SessionDriver, puppet: Contract, call: str) -> None:
    session, wealth = settled.copy(), Wealth(settled)
    args = {"withdraw_for": (puppet.address,), "settle": (0,)}.get(call, ())
    puppet.behave(REENTER, session.address, session.contract.abi.calldata(call, args), sender=session.stranger)
    credit = session.credit_of(puppet.address)
    before = session.chain.balance(puppet.address)
    session.withdraw(sender=puppet.address)
    assert session.chain.balance(puppet.address) == before + credit
    assert (puppet.tries(), puppet.entered()) == (1, 0)
    session.withdraw_all([puppet.address])
    assert session.chain.balance(session.contract.address) == 0
    assert wealth.of(puppet.address) == session.params.reward_wei // 6, "its share, and nothing on top"
    assert wealth.nobody_lost()


def test_an_owner_that_refuses_stops_nobody(
    new_session: Factory, accounts: Accounts, puppet: Contract, chain: Chain
) -> None:
    session = new_session(owner=puppet.address).to(Stage.PAYMENT)
    puppet.behave(REFUSE, session.address, b"", sender=session.stranger)
    session.finish_payment()
    session.withdraw_all([puppet.address])
    with reverts("escrow: payee refused"):
        session.withdraw(sender=puppet.address)
    assert session.money().credits == session.credit_of(puppet.address) == chain.balance(session.contract.address)
