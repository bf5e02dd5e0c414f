"""Payees that are contracts: refusing, burning gas, coming back in. They hurt nobody but themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.wealth import Wealth, conserved
from tests.contracts.harness import ETHER, Accounts, Chain, Contract, SessionDriver, Stage, compiled, reverts
from tests.contracts.harness.fixtures import Factory

REFUSE, BURN, REENTER, BOMB = 1, 2, 3, 4


@pytest.fixture(scope="module")
def agent(accounts: Accounts, chain: Chain) -> Contract:
    agent = compiled(Path(__file__).parent / "mocks" / "Agent.vy").deploy(sender=accounts.stranger)
    chain.set_balance(agent.address, ETHER)
    return agent


@pytest.fixture(scope="module")
def settled(new_session: Factory, accounts: Accounts, agent: Contract) -> SessionDriver:
    """All groups settled, nobody paid yet; the agent is one of the members."""
    session = new_session([agent.address, *accounts[:5]]).to(Stage.PAYMENT)
    session.finish_payment()
    assert session.stage() == Stage.FINISHED
    return session


@pytest.mark.parametrize("mode", [REFUSE, BOMB])
def test_a_payee_that_refuses_keeps_its_credit(settled: SessionDriver, agent: Contract, mode: int) -> None:
    session, credit = settled.copy(), settled.credit_of(agent.address)
    agent.behave(mode, session.address, b"", sender=session.stranger)
    with reverts("escrow: payee refused"):
        session.withdraw(sender=agent.address)
    with reverts("escrow: payee refused"):
        session.withdraw_for(agent.address, sender=session.stranger)
    assert session.credit_of(agent.address) == credit > 0
    session.withdraw_all([agent.address])
    assert session.money().credits == credit
    assert conserved(session)
    agent.behave(0, session.address, b"", sender=session.stranger)
    session.withdraw_for(agent.address, sender=session.stranger)
    assert session.chain.balance(session.contract.address) == 0


def test_a_payee_that_burns_its_gas_keeps_its_credit(settled: SessionDriver, agent: Contract) -> None:
    session, credit = settled.copy(), settled.credit_of(agent.address)
    agent.behave(BURN, session.address, b"", sender=session.stranger)
    with reverts("escrow: payee refused"):
        session.withdraw(sender=agent.address)
    assert session.credit_of(agent.address) == credit
    session.withdraw_all([agent.address])
    assert conserved(session)


@pytest.mark.parametrize("call", ["withdraw", "withdraw_for", "settle", "advance", "exit"])
def test_a_payee_that_comes_back_in_is_paid_once(settled: SessionDriver, agent: Contract, call: str) -> None:
    session, wealth = settled.copy(), Wealth(settled)
    args = {"withdraw_for": (agent.address,), "settle": (0,)}.get(call, ())
    agent.behave(REENTER, session.address, session.contract.abi.calldata(call, args), sender=session.stranger)
    credit = session.credit_of(agent.address)
    before = session.chain.balance(agent.address)
    session.withdraw(sender=agent.address)
    assert session.chain.balance(agent.address) == before + credit
    assert (agent.tries(), agent.entered()) == (1, 0)
    session.withdraw_all([agent.address])
    assert session.chain.balance(session.contract.address) == 0
    assert wealth.of(agent.address) == session.params.reward_wei // 6, "its share, and nothing on top"
    assert wealth.nobody_lost()


def test_an_owner_that_refuses_stops_nobody(
    new_session: Factory, accounts: Accounts, agent: Contract, chain: Chain
) -> None:
    session = new_session(owner=agent.address).to(Stage.PAYMENT)
    agent.behave(REFUSE, session.address, b"", sender=session.stranger)
    session.finish_payment()
    session.withdraw_all([agent.address])
    with reverts("escrow: payee refused"):
        session.withdraw(sender=agent.address)
    assert session.money().credits == session.credit_of(agent.address) == chain.balance(session.contract.address)
