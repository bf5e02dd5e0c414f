"""Market.vy: makes sessions, initialises them, lists them."""

from __future__ import annotations

import pytest

from tests.contracts.harness import (
    CONTRACTS,
    DAY,
    Accounts,
    Chain,
    Contract,
    SessionDriver,
    Stage,
    compiled,
    make_params,
    reverts,
    session_type,
)
from tests.contracts.harness.decoys import DECOY
from tests.contracts.harness.fixtures import Factory, deploy_market

NOBODY = "0x" + "00" * 20


def test_it_lists_the_sessions_that_it_made(market: Contract, accounts: Accounts) -> None:
    before = market.session_count()
    receipts = [market.create_session(sender=owner) for owner in (accounts.owner, accounts.other_owner)]
    events = [r.only("SessionCreated") for r in receipts]
    assert [(e.owner, e.index) for e in events] == [(accounts.owner, before), (accounts.other_owner, before + 1)]
    assert [r.value for r in receipts] == [e.session for e in events]
    assert market.session_count() == before + 2
    assert [market.sessions(before + i) for i in (0, 1)] == [e.session for e in events]
    assert [market.owner_of(e.session) for e in events] == [accounts.owner, accounts.other_owner]
    assert market.sessions(before + 2) == NOBODY


@pytest.mark.parametrize("account", ["owner", "stranger"])
def test_an_account_is_no_session(market: Contract, accounts: Accounts, account: str) -> None:
    assert market.owner_of(getattr(accounts, account)) == NOBODY
    assert market.owner_of(market.IMPLEMENTATION()) == market.owner_of(market.address) == NOBODY


def test_a_session_starts_with_its_owner_and_30_days(new_session: Factory, market: Contract, chain: Chain) -> None:
    session = new_session()
    assert (session.owner, session.contract.market()) == (session.contract.owner(), market.address)
    assert (session.stage(), session.state(), session.deadline()) == (Stage.SETUP, 0, chain.time + 30 * DAY)


def test_a_session_is_a_minimal_clone(new_session: Factory, market: Contract) -> None:
    import boa

    code = boa.env.get_code(new_session().contract.address)
    assert len(code) < 60
    assert bytes.fromhex(market.IMPLEMENTATION()[2:]) in code


def test_nobody_initialises_a_session_again(new_session: Factory, accounts: Accounts) -> None:
    session = new_session()
    for sender in (accounts.owner, accounts.stranger, session.contract.market()):
        with reverts("session: already initialised"):
            session.initialize(accounts.stranger, sender=sender)


def test_the_implementation_is_locked(market: Contract, accounts: Accounts) -> None:
    implementation = session_type().at(market.IMPLEMENTATION())
    with reverts("session: already initialised"):
        implementation.initialize(accounts.stranger, sender=accounts.stranger)
    assert implementation.owner() == NOBODY
    with reverts("session: only the owner"):
        implementation.whitelist([accounts.alice], sender=accounts.stranger)


def test_an_implementation_has_code(accounts: Accounts) -> None:
    with reverts("market: implementation has no code"):
        compiled(CONTRACTS / "Market.vy").deploy(accounts.stranger, 0, sender=accounts.deployer)


def test_min_window_binds_every_window(chain: Chain, accounts: Accounts) -> None:
    market = deploy_market(accounts, 1_800)
    assert market.MIN_WINDOW() == 1_800
    implementation = session_type()
    for name in ("register_secs", "commit_secs", "upload_secs", "aggregate_secs", "select_secs"):
        short = SessionDriver(chain, market, implementation, accounts, make_params(**{name: 1_799}))
        short.whitelist()
        short.publish()
        with reverts("start: window below MIN_WINDOW: expected 1800, given 1799"):
            short.start()
        exact = SessionDriver(chain, market, implementation, accounts, make_params(**{name: 1_800}))
        assert exact.to(Stage.REGISTER).params == exact.contract.params()


def test_ether_is_not_taken(market: Contract, accounts: Accounts) -> None:
    with reverts():
        market.create_session(sender=accounts.owner, value=1)
    with reverts():
        market.send(b"", sender=accounts.owner, value=1)


def test_a_window_of_one_block_is_refused_where_windows_have_a_least_length(chain: Chain, accounts: Accounts) -> None:
    """Who can't act in time loses its bond: on public chains no window is that short."""
    market = deploy_market(accounts, 1_800)
    params = make_params(**{f"{name}_secs": 1 for name in ("register", "commit", "upload", "aggregate", "select")})
    session = SessionDriver(chain, market, session_type(), accounts, params)
    session.whitelist()
    session.publish()
    with reverts("start: window below MIN_WINDOW: expected 1800, given 1"):
        session.start()


def test_a_clone_of_somebodys_own_is_no_session_of_the_market(
    market: Contract, accounts: Accounts, chain: Chain
) -> None:
    """Its market is whoever initialised it: it can't start without one, and tells this market nothing."""
    decoy = compiled(DECOY).deploy(sender=accounts.stranger)
    clone = session_type().at(decoy.clone(market.IMPLEMENTATION(), sender=accounts.stranger).value)
    clone.initialize(accounts.owner, sender=accounts.stranger)
    assert (clone.market(), clone.owner()) == (accounts.stranger, accounts.owner)
    assert market.owner_of(clone.address) == NOBODY
    with reverts("session: already initialised"):
        clone.initialize(accounts.stranger, sender=accounts.stranger)
    params = make_params()
    clone.whitelist(list(accounts[:6]), sender=accounts.owner)
    with reverts():
        clone.start(params, sender=accounts.owner, value=params.reward_wei)
