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
)
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
    assert all(market.is_session(e.session) for e in events)
    assert market.sessions(before + 2) == NOBODY


@pytest.mark.parametrize("account", ["owner", "stranger"])
def test_an_account_is_no_session(market: Contract, accounts: Accounts, account: str) -> None:
    assert not market.is_session(getattr(accounts, account))
    assert not market.is_session(market.IMPLEMENTATION())


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
    implementation = compiled(CONTRACTS / "SecModelUpdate.vy").at(market.IMPLEMENTATION())
    with reverts("session: already initialised"):
        implementation.initialize(accounts.stranger, sender=accounts.stranger)
    assert implementation.owner() == NOBODY
    with reverts("session: only the owner"):
        implementation.whitelist([accounts.alice], sender=accounts.stranger)


def test_an_implementation_has_code(accounts: Accounts) -> None:
    with reverts("market: implementation has no code"):
        compiled(CONTRACTS / "Market.vy").deploy(accounts.stranger, 0, sender=accounts.deployer)


@pytest.mark.parametrize("which", [0, 1])
def test_a_library_has_code(market: Contract, accounts: Accounts, which: int) -> None:
    libraries = [market.address, market.address]
    libraries[which] = accounts.stranger
    with reverts("libraries: no code"):
        compiled(CONTRACTS / "SecModelUpdate.vy").deploy(*libraries, sender=accounts.deployer)


def test_min_window_binds_every_window(chain: Chain, accounts: Accounts) -> None:
    market = deploy_market(accounts, 1_800)
    assert market.MIN_WINDOW() == 1_800
    implementation = compiled(CONTRACTS / "SecModelUpdate.vy")
    for name in ("register_secs", "commit_secs", "upload_secs", "aggregate_secs", "select_secs"):
        short = SessionDriver(chain, market, implementation, accounts, make_params(**{name: 1_799}))
        short.whitelist()
        short.publish()
        with reverts("start: window below MIN_WINDOW"):
            short.start()
        exact = SessionDriver(chain, market, implementation, accounts, make_params(**{name: 1_800}))
        assert exact.to(Stage.REGISTER).params == exact.contract.params()


def test_ether_is_not_taken(market: Contract, accounts: Accounts) -> None:
    with reverts():
        market.create_session(sender=accounts.owner, value=1)
    with reverts():
        market.send(b"", sender=accounts.owner, value=1)
