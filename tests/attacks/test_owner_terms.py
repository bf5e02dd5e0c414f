"""The owner sets terms that accept nobody, a bond above the cap, too small a reserve, one-block windows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.conftest import paying
from tests.attacks.till import Till
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import DAY, Accounts, SessionDriver, Stage, Status, reverts
from tests.contracts.harness.fixtures import Factory, deploy_market, factory

WINDOWS = ("register_secs", "commit_secs", "upload_secs", "aggregate_secs", "select_secs")
MIN_WINDOW = 1_800
LARGEST_FLOAT = 0x7F7FFFFF


def ready(session: SessionDriver) -> SessionDriver:
    session.whitelist()
    session.publish()
    return session


def refused(session: SessionDriver, reason: str, wei: int = 0) -> None:
    """`start` reverts, and the owner has its ether."""
    ready(session)
    before = session.chain.balance(session.owner)
    with reverts(reason):
        session.contract.start(
            session.params, sender=session.owner, value=session.params.reward_wei + session.reserve_wei + wei
        )
    assert session.chain.balance(session.owner) == before
    assert session.stage() == Stage.SETUP


@pytest.mark.parametrize("clip", [1, LARGEST_FLOAT])
def test_no_clip_refuses_an_honest_sum(new_session: Factory, clip: int) -> None:
    """C scales what integers mean, not which sums are too long: (E15) knows d, Q and N alone."""
    session = new_session(clip=clip)
    wealth, honest = Wealth(session), honest_profits(session)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b11
    told = wealth.tell(f"a clip of bits {clip:#x}", session.owner, honest=[honest[session.owner]])
    assert told.over_honest == 0
    assert told.honest_loss == 0


def test_krum_that_can_pick_nobody_is_refused(new_session: Factory) -> None:
    for bad in ({"rounds": 4, "krum_m": 2}, {"rounds": 6}, {"rounds": 3, "krum_m_rule": 1}):
        refused(new_session(rule=1, **bad), "start: krum has no legal m")


def test_krum_that_picks_nobody_of_those_that_are_left_pays_them(new_session: Factory) -> None:
    """The owner's seats fail groups until Krum is undefined on the rest: then all who delivered are paid."""
    session = new_session(rule=1, rounds=5, krum_m_rule=1).to(Stage.UPLOAD)
    wealth, honest = Wealth(session), honest_profits(session)
    stalling = [session.members_of(group)[0] for group in (0, 1)]
    for account in session.seated():
        if account not in stalling:
            session.upload_all(account)
    session.pass_deadline()
    assert session.live_groups(Status.DELIVERED) == [2, 3, 4]
    session.to(Stage.FINISHED)
    assert (session.accepted(), session.unselected()) == (0, True)
    assert wealth.of(session.owner) == -(session.params.reward_wei // 15 * 9)
    side = [session.owner, *stalling]
    told = wealth.tell("krum left without a legal m", *side, honest=[honest[a] for a in side])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_a_bond_out_of_its_bounds(new_session: Factory) -> None:
    """At most 2 reward / R beside F: what a member risks is of the size of what it may earn. At least (N-1) shares."""
    plain = new_session()
    most = 2 * plain.params.reward_wei // plain.params.rounds + plain.fees
    refused(new_session(bond_wei=most + 1), "start: bond above 2 * reward / rounds + fees")
    refused(new_session(bond_wei=plain.params.bond_wei - 1), "start: bond below (members - 1) * reward / seats + fees")
    ready(new_session(bond_wei=most)).start()


def test_a_bond_grows_with_a_fee_table_that_the_owner_locks_a_reserve_for(new_session: Factory) -> None:
    """What remains: F is the owner's to choose, and the bond's cap with it. The reserve that it locks grows faster."""
    dear = new_session(fee_cap_wei=(1 << 40) - 1)
    assert dear.fees > dear.params.reward_wei
    assert dear.reserve_wei > 2 * len(dear.listed) * dear.fees // 2
    ready(dear).start()


@pytest.mark.parametrize("wei", [-1, 1, None])
def test_a_value_other_than_reward_and_reserve(new_session: Factory, wei: int | None) -> None:
    session = new_session()
    refused(session, "start: value other than reward + reserve", -session.reserve_wei if wei is None else wei)


def test_a_reserve_that_is_too_large(new_session: Factory) -> None:
    session = new_session(rounds=16, members=4, fee_cap_wei=(1 << 40) - 1, fee_table=(1 << 216) - 1)
    ready(session)
    with reverts("start: reserve above 2^41 gwei"):
        session.contract.start(session.params, sender=session.owner)


@pytest.fixture(scope="module")
def public(chain: Any, accounts: Accounts, till: Till) -> Factory:
    """Sessions of a market with MIN_WINDOW = 30 minutes, as on a public chain."""
    return paying(factory(chain, deploy_market(accounts, MIN_WINDOW, till), accounts))


@pytest.mark.parametrize("window", WINDOWS)
def test_short_windows_are_refused_on_a_public_chain(public: Factory, window: str) -> None:
    for secs in (1, MIN_WINDOW - 1):
        refused(public(**{window: secs}), "start: window below MIN_WINDOW")
    ready(public(**{window: MIN_WINDOW})).start()


@pytest.mark.parametrize("window", WINDOWS)
def test_no_window_is_no_second_long_anywhere(new_session: Factory, window: str) -> None:
    refused(new_session(**{window: 0}), "start: window below MIN_WINDOW")
    refused(new_session(**{window: 365 * DAY + 1}), "start: window above one year")


def test_bonds_can_be_robbed_where_there_is_no_least_window(new_session: Factory) -> None:
    """What remains with MIN_WINDOW = 0, on test chains: two blocks to commit in, the owner's seats take them both.

    Clients refuse such windows; this is what they refuse.
    """
    session = new_session(commit_secs=2).to(Stage.COMMIT)
    wealth = Wealth(session)
    *robbers, victim = session.members_of(0)
    for account in robbers:
        session.commit(account)
    with reverts("session: the window is over"):
        session.commit(victim)
    session.advance(sender=session.stranger)
    session.to(Stage.FINISHED)
    bond = session.params.bond_wei
    assert [wealth.of(a) for a in (*robbers, victim)] == [bond // 2 + 1, bond // 2, -bond]
    told = wealth.tell("two-second windows, MIN_WINDOW 0 (clients refuse)", *robbers)
    assert told.honest_loss == bond


def test_the_same_with_the_least_window_of_a_public_chain(public: Factory) -> None:
    session = public(commit_secs=MIN_WINDOW).to(Stage.COMMIT)
    wealth, honest = Wealth(session), honest_profits(session)
    *robbers, _victim = session.members_of(0)
    for account in robbers:
        session.commit(account)
    session.to(Stage.FINISHED)
    told = wealth.tell("the same with MIN_WINDOW 30 minutes", *robbers, honest=[honest[a] for a in robbers])
    assert told.over_honest <= 0
    assert told.honest_loss == 0
