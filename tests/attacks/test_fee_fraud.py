"""A caller makes its call look dearer than it was: by a contract, code, padding, its price, an access list."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks import tally
from tests.attacks.keyed import delegate, keyed, send_with_access_list
from tests.attacks.till import GWEI, Embedded, Till
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import Accounts, Contract, Receipt, SessionDriver, Stage, economy, session_type
from tests.contracts.harness.fixtures import Factory

JUNK = {"zero bytes": b"\0", "other bytes": b"\xa5"}
TABLE = economy.FeeTable()


@pytest.fixture(scope="module")
def puppet(accounts: Accounts, till: Till) -> Contract:
    return till.new_puppet(accounts.other_owner)


def paid(receipt: Receipt) -> int:
    return sum(int(e.amount_wei) for e in receipt.named("FeeCredited"))


def test_a_contract_is_paid_for_nothing(new_session: Factory, accounts: Accounts, till: Till, puppet: Contract) -> None:
    """It could make calldata that nobody pays for, inside. So what it sends isn't paid, nor is who called it."""
    session = new_session([puppet.address, *accounts[:5]])
    keeper = till.keepers[puppet.address]
    wealth = Wealth(session, puppet.address, keeper)
    session.to(Stage.FINISHED)
    assert wealth.fees(puppet.address) == wealth.fees(keeper) == 0
    assert wealth.of(puppet.address) == session.params.reward_wei // 6
    peer = wealth.profit(accounts[0])
    told = wealth.tell("a member that is a contract", puppet.address, keeper, honest=[peer])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_a_step_for_all_made_by_a_contract_is_unpaid(
    new_session: Factory, accounts: Accounts, till: Till, puppet: Contract
) -> None:
    session = new_session().to(Stage.AGGREGATE)
    keeper = till.keepers[puppet.address]
    wealth = Wealth(session, puppet.address, keeper)
    session.chain.sleep(session.params.aggregate_secs // 2)
    session.caller = puppet.address
    session.to(Stage.PAYMENT)
    session.chain.sleep(session.params.select_secs // 2)
    session.finish_payment()
    told = wealth.tell("aggregate, select, settle through a contract", puppet.address, keeper)
    assert wealth.fees(puppet.address) == wealth.fees(keeper) == 0
    assert told.loses
    assert told.honest_loss == 0


def test_an_account_with_code_is_paid_for_nothing(
    new_session: Factory, accounts: Accounts, chain: Any, puppet: Contract
) -> None:
    """EIP-7702: the sender is the origin, and yet its code makes the call. Whatever it sends, it isn't paid."""
    mallory = keyed(chain, "mallory")
    account = mallory.address.lower()
    session = new_session([account, *accounts[:5]])
    wealth = Wealth(session, account)
    delegate(chain, mallory, puppet)
    with_code = Contract("Puppet", puppet.abi, account, puppet.backend)
    session.to(Stage.COMMIT)
    assert wealth.fees(account) == 0, "sent by itself"
    root = session.root(account)
    commit = session.contract.abi.calldata("commit", (root,))
    inside = with_code.send(puppet.abi.calldata("act", (session.address, commit, 0)), sender=account)
    assert inside.only("Committed").member == account, "it was its own code that committed"
    assert not inside.named("FeeCredited")
    session.to(Stage.FINISHED)
    assert wealth.fees(account) == 0
    told = wealth.tell("an account with code (EIP-7702)", account, honest=[wealth.profit(accounts[0])])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_without_code_it_is_paid_again(new_session: Factory, accounts: Accounts, chain: Any) -> None:
    """The same account before its delegation: nothing else about it is different."""
    account = keyed(chain, "mallory").address.lower()
    session = new_session([account, *accounts[:5]])
    wealth = Wealth(session, account)
    session.to(Stage.COMMIT)
    assert wealth.fees(account) > 0


@pytest.mark.parametrize("kind", JUNK)
@pytest.mark.parametrize("size", [100, 1_000, 7_000, 30_000, 90_000])
def test_padding_is_paid_up_to_the_table_and_never_above_its_cost(
    new_session: Factory, till: Till, kind: str, size: int
) -> None:
    """The table's limit is what the owner agreed to. Padding costs as much as it brings: nobody does it for gain."""
    session = new_session()
    attacker = session.listed[1]
    wealth, honest = Wealth(session), honest_profits(session)
    fair = fair_fees(session, attacker)
    till.junk[attacker] = JUNK[kind] * size
    session.to(Stage.FINISHED)
    assert wealth.fees(attacker) <= session.fees
    drained = wealth.fees(attacker) - fair
    told = wealth.tell(
        f"{size} {kind} behind every call (the owner pays {drained:,} more)", attacker, honest=[honest[attacker]]
    )
    assert drained <= session.fees - fair
    assert told.over_honest <= 0
    assert told.honest_loss == 0


def fair_fees(session: SessionDriver, account: str) -> int:
    """What its calls are credited when it pads nothing, wei."""
    till = session.contract.backend
    kept = len(till.calls)
    with session.chain.anchor():
        twin = session.copy()
        wealth = Wealth(twin)
        twin.to(Stage.FINISHED)
        fees = wealth.fees(account)
    del till.calls[kept:]
    return fees


@pytest.mark.parametrize("rule", [{}, {"rule": 1, "rounds": 5, "krum_m_rule": 1}], ids=["norm", "krum"])
def test_everybody_pads_every_call_and_the_reserve_holds(
    new_session: Factory, till: Till, rule: dict[str, int]
) -> None:
    """The dearest session that there is: two rounds, every call at its limit. What is left is the owner's."""
    session = new_session(assignment=1, **{"rounds": 4} | rule).to(Stage.SETUP)
    wealth = Wealth(session)
    for account in session.listed:
        till.junk[account] = b"\xa5" * 60_000
    session.caller = session.listed[0]
    till.junk[session.owner] = b""
    session.to(Stage.COMMIT)
    for group in (0, 1):
        for account in session.members_of(group)[1:]:
            session.commit(account)
    for group in range(2, session.params.rounds):
        for account in session.members_of(group):
            session.commit(account)
    session.pass_deadline()
    missing = [session.members_of(g)[0] for g in (0, 1)]
    session.to(Stage.FINISHED)
    spent = wealth.fees()
    assert 0 < spent <= session.reserve_wei
    assert session.contract.reserve() == 0
    name = f"everybody pads everything, {'krum' if rule else 'norm'} ({spent:,} of {session.reserve_wei:,} spent)"
    told = wealth.tell(name, *session.listed)
    honest_gas = -sum(wealth.gas(a) - wealth.fees(a) for a in session.listed)
    assert honest_gas < 0
    assert told.honest_loss == 0
    assert all(wealth.of(a) < 0 for a in missing)


@pytest.mark.parametrize("gwei", [2, 10, 100])
def test_a_price_above_the_cap_is_ones_own(new_session: Factory, gwei: int) -> None:
    """The fee is counted at min(base fee, cap): whoever pays more pays it alone."""
    session = new_session()
    wealth, honest = Wealth(session), honest_profits(session)
    attacker = session.listed[2]
    session.to(Stage.REGISTER)
    for account in session.listed:
        session.gas_price = gwei * GWEI if account == attacker else GWEI
        session.register(account)
    session.gas_price = GWEI
    session.to(Stage.FINISHED)
    told = wealth.tell(f"gas price {gwei} times the cap", attacker, honest=[honest[attacker]])
    assert told.over_honest < -(gwei - 1) * 100_000 * GWEI
    assert told.honest_loss == 0


@pytest.mark.parametrize("tip", [GWEI // 10, GWEI, 100 * GWEI])
def test_a_proposer_that_tips_itself(new_session: Factory, tip: int) -> None:
    """Who proposes a block has its own tip back. It is paid for the base fee alone, which is burnt."""
    session = new_session()
    wealth, honest = Wealth(session), honest_profits(session)
    proposer = session.listed[0]
    till = session.contract.backend
    till.tips[proposer] = tip
    session.to(Stage.FINISHED)
    tips_back = tip * sum(c.gas_used for c in till.calls if c.sender == proposer and c.to == session.address)
    assert tips_back > 0
    profit = wealth.profit(proposer) + tips_back
    told = tally.tell(
        f"a proposer tips itself {tip / GWEI} of the cap",
        profit,
        profit - honest[proposer],
        wealth.honest_loss(proposer),
    )
    assert told.over_honest == 0
    assert told.honest_loss == 0


def test_warm_slots_paid_in_advance(new_session: Factory, accounts: Accounts, chain: Any, market: Contract) -> None:
    """An access list makes dearer what the contract sees cheaper: it can't lift a fee above the receipt."""
    if not isinstance(chain, Embedded):
        pytest.skip("titanoboa signs no transactions")
    trudy = keyed(chain, "trudy")
    account = trudy.address.lower()
    session = new_session([account, *accounts[:5]]).to(Stage.COMMIT)
    layout = session_type().layout["storage_layout"]
    slots = [layout["escrow"]["_fees"]["slot"], layout["progress"]["_progress_slot"]["slot"]]
    listed = [
        {"address": market.IMPLEMENTATION(), "storageKeys": []},
        {"address": session.address, "storageKeys": [f"0x{slot:064x}" for slot in slots]},
    ]
    args = (session.root(account),)
    with chain.anchor():
        plain = session.commit(account)
    warm = send_with_access_list(chain, trudy, session.contract, "commit", args, listed)
    assert paid(warm) <= warm.gas_used * GWEI - 1_000 * GWEI
    assert paid(warm) - warm.gas_used * GWEI <= paid(plain) - plain.gas_used * GWEI + 1_000 * GWEI
