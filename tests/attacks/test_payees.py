"""A payee is a contract that refuses, burns all gas, or calls back into the session when it is paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.attacks.till import GWEI, Till
from tests.attacks.wealth import Wealth, conserved
from tests.contracts.harness import Accounts, Contract, SessionDriver, Stage, economy, reverts
from tests.contracts.harness.fixtures import Factory

REFUSE, BURN, REENTER, BOMB = 1, 2, 3, 4
HASTY = Path(__file__).parent / "mocks" / "Hasty.vy"


@pytest.fixture(scope="module")
def puppet(accounts: Accounts, till: Till) -> Contract:
    """A member or an owner that is a contract."""
    return till.new_puppet(accounts.other_owner)


def comes_back(puppet: Contract, session: SessionDriver, call: str, *args: Any) -> None:
    """From now on the puppet makes this call whenever it is paid."""
    data = session.contract.abi.calldata(call, args)
    puppet.behave(REENTER, session.address, data, sender=session.stranger)


@pytest.fixture(scope="module")
def paying(new_session: Factory, accounts: Accounts, puppet: Contract) -> SessionDriver:
    """No group settled yet; the puppet is one of the members."""
    return new_session([puppet.address, *accounts[:5]]).to(Stage.PAYMENT)


@pytest.fixture
def settled(paying: SessionDriver, puppet: Contract, till: Till) -> tuple[SessionDriver, Wealth]:
    """Everybody is paid but the puppet, which asks for more gas than a settlement gives."""
    session, wealth = paying.copy(), watch(paying, puppet, till)
    session.finish_payment()
    assert session.stage() == Stage.FINISHED
    assert session.credit_of(puppet.address) == session.params.bond_wei + session.params.reward_wei // 6
    return session, wealth


def judged(wealth: Wealth, name: str, puppet: Contract, till: Till) -> None:
    """The puppet and its keeper have at most what an honest member of the session has; nobody honest has lost."""
    peer = wealth.profit(wealth.session.listed[1])
    told = wealth.tell(name, puppet.address, till.keepers[puppet.address], honest=[peer])
    assert told.over_honest < 0, "contracts are paid no fees"
    assert told.honest_loss == 0


def watch(session: SessionDriver, puppet: Contract, till: Till) -> Wealth:
    return Wealth(session, puppet.address, till.keepers[puppet.address])


@pytest.mark.parametrize("mode", [REFUSE, BOMB])
def test_a_payee_that_refuses_keeps_its_credit(
    settled: tuple[SessionDriver, Wealth], puppet: Contract, till: Till, mode: int
) -> None:
    session, wealth = settled
    credit = session.credit_of(puppet.address)
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


def test_a_payee_that_burns_its_gas_keeps_its_credit(
    settled: tuple[SessionDriver, Wealth], puppet: Contract, till: Till
) -> None:
    session, wealth = settled
    credit = session.credit_of(puppet.address)
    puppet.behave(BURN, session.address, b"", sender=session.stranger)
    with reverts("escrow: payee refused"):
        session.withdraw(sender=puppet.address)
    assert session.credit_of(puppet.address) == credit
    session.withdraw_all([puppet.address])
    judged(wealth, "a payee that burns all gas", puppet, till)


@pytest.mark.parametrize("call", ["withdraw", "withdraw_for", "settle", "advance", "exit"])
def test_a_payee_that_comes_back_in_is_paid_once(
    settled: tuple[SessionDriver, Wealth], puppet: Contract, till: Till, call: str
) -> None:
    session, wealth = settled
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


@pytest.mark.parametrize("mode", [0, REFUSE, BURN, BOMB, REENTER])
def test_a_settlement_pays_the_others_whatever_a_payee_does(paying: SessionDriver, puppet: Contract, mode: int) -> None:
    """It can take the 2,300 gas of a transfer, and no more: of the call that would be paid for, too."""
    usual, session = paying.copy(), paying.copy()
    with session.chain.anchor():
        most = usual.settle(1).gas_used
    others = [a for a in session.members_of(0) if a != puppet.address]
    before = {a: session.chain.balance(a) for a in session.members_of(0)}
    fees = {a: session.member(a).fees_wei for a in before}
    each = session.params.bond_wei + session.params.reward_wei // 6
    data = session.contract.abi.calldata("withdraw", ())
    puppet.behave(mode, session.address, data, sender=session.stranger)
    receipt = session.settle(0)
    assert [(e.account, e.amount_wei) for e in receipt.named("Withdrawn")] == [(a, each + fees[a]) for a in others]
    assert receipt.only("Settled").credited_wei == 3 * each
    assert [session.chain.balance(a) - before[a] for a in others] == [each + fees[a] for a in others]
    assert session.chain.balance(puppet.address) == before[puppet.address]
    assert (session.credit_of(puppet.address), session.member(puppet.address).withdrawn) == (each, False)
    assert receipt.gas_used <= most + 2_300
    assert session.money().withdrawn == sum(each + fees[a] for a in others)
    assert conserved(session)


@pytest.mark.parametrize("group", [0, 1])
def test_who_takes_a_bare_transfer_is_paid_and_gains_nothing_by_calling_back(
    new_session: Factory, accounts: Accounts, till: Till, group: int
) -> None:
    """A contract that calls `withdraw` of whoever pays it, within the gas of a transfer."""
    hasty = till.new_puppet(accounts.other_owner, HASTY)
    listed = [hasty.address, *accounts[:5]] if group == 0 else [*accounts[:5], hasty.address]
    session = new_session(listed).to(Stage.PAYMENT)
    wealth, before = watch(session, hasty, till), session.chain.balance(hasty.address)
    each = session.params.bond_wei + session.params.reward_wei // 6
    receipt = session.settle(group)
    assert [e.account for e in receipt.named("Withdrawn")] == session.members_of(group)
    assert session.chain.balance(hasty.address) == before + each
    assert (session.credit_of(hasty.address), session.member(hasty.address).withdrawn) == (0, True)
    with reverts("session: nothing to withdraw"):
        session.withdraw_for(hasty.address, sender=session.stranger)
    session.to(Stage.FINISHED)
    assert session.chain.balance(session.contract.address) == 0
    judged(wealth, "a payee that calls withdraw while a settlement pays it", hasty, till)


def test_a_settlement_that_payees_refuse_is_paid_less_than_it_costs(
    new_session: Factory, accounts: Accounts, till: Till
) -> None:
    """Taking their marks back gives gas back, which the caller must not be paid for; the till holds it to that."""
    puppets = [till.new_puppet(accounts.other_owner).address for _ in range(15)]
    fees = {"fee_cap_wei": 20 * GWEI, "fee_table": economy.fee_table()}
    session = new_session([*accounts[:1], *puppets], rounds=1, members=16, **fees)
    session.gas_price = 7 * GWEI
    session.to(Stage.PAYMENT)
    session.chain.sleep(session.params.select_secs)
    session.caller = accounts[0]
    receipt = session.settle(0)
    assert [e.account for e in receipt.named("Withdrawn")] == [accounts[0]]
    metered = receipt.only("FeeCredited").gas_metered
    assert receipt.gas_used - 60_000 < metered < receipt.gas_used
    assert conserved(session)


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
