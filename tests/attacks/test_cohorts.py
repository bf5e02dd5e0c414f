"""Somebody names a cohort that it isn't of, that was never accepted, or that isn't a session's of this owner."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.attacks.conftest import paying
from tests.attacks.till import Till
from tests.attacks.wealth import Wealth
from tests.contracts.harness import Accounts, Contract, SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory, deploy_market, factory

COHORT = 2


def cohort_of(session: SessionDriver, group: int) -> int:
    return int(session.contract.address, 16) << 8 | group


def first(new_session: Factory, accounts: Accounts, **given: Any) -> SessionDriver:
    """A session with one group that is refused, the first, and one that is accepted."""
    session = new_session(list(accounts[:6]), parameter_count=126, **given)
    draw = random.Random(7)
    session.payloads[accounts[0]] = [draw.getrandbits(256) for _ in range(session.word_count)]
    return session.to(Stage.FINISHED)


@pytest.fixture(scope="module")
def earlier(new_session: Factory, accounts: Accounts) -> SessionDriver:
    session = first(new_session, accounts)
    assert session.accepted() == 0b10
    return session


@pytest.fixture(scope="module")
def open_one(new_session: Factory, earlier: SessionDriver, accounts: Accounts) -> SessionDriver:
    """A second session of the same owner, for everybody."""
    return new_session(list(accounts[:12]), assignment=1).to(Stage.REGISTER)


def names(session: SessionDriver, account: str, cohort: int, reason: str | None) -> None:
    """The registration reverts; without the cohort the account gets in."""
    wei = session.chain.balance(account)
    session.cohorts[account] = (cohort, 0)
    with reverts(reason):
        session.register(account)
    del session.cohorts[account]
    assert session.chain.balance(account) == wei


def test_an_impostor(open_one: SessionDriver, earlier: SessionDriver) -> None:
    """Neither who was in another group nor who wasn't there comes in with a cohort, and nobody comes twice."""
    session, members = open_one.copy(), earlier.members_of(1)
    wealth = Wealth(session)
    cohort = cohort_of(earlier, 1)
    impostors = [earlier.members_of(0)[1], session.listed[8]]
    for account in impostors:
        names(session, account, cohort, "session: not of the cohort")
    for account in members:
        session.cohorts[account] = (cohort, earlier.member(account).place)
        session.register(account)
    with reverts("session: already registered"):
        session.register(members[0])
    for account in impostors:
        session.register(account)
    session.register_all(session.listed[9:12])
    session.close_registration()
    assert all(session.member(a).pool == COHORT for a in members)
    assert all(session.member(a).pool != COHORT for a in impostors)
    session.to(Stage.FINISHED)
    told = wealth.tell("two impostors of a cohort", *impostors)
    assert told.honest_loss == 0


def test_a_refused_group_is_no_cohort(open_one: SessionDriver, earlier: SessionDriver) -> None:
    session = open_one.copy()
    for account in earlier.members_of(0):
        names(session, account, cohort_of(earlier, 0), "session: not of the cohort")


def test_an_unselected_session_makes_no_cohorts(new_session: Factory, accounts: Accounts) -> None:
    """Paid without a selection is not accepted."""
    unselected = new_session(list(accounts[:6])).to(Stage.AGGREGATE)
    unselected.pass_deadline()
    unselected.to(Stage.FINISHED)
    assert unselected.unselected()
    session = new_session(list(accounts[:12]), assignment=1).to(Stage.REGISTER)
    for group in (0, 1):
        names(session, unselected.members_of(group)[0], cohort_of(unselected, group), "session: not of the cohort")


def test_a_session_of_another_owner_makes_none_here(
    new_session: Factory, open_one: SessionDriver, accounts: Accounts
) -> None:
    """A friend's session accepts whom it likes."""
    theirs = first(new_session, accounts, owner=accounts.other_owner)
    names(open_one.copy(), theirs.members_of(1)[0], cohort_of(theirs, 1), "session: unknown cohort")


def test_a_session_of_another_market_makes_none_here(
    chain: Any, open_one: SessionDriver, accounts: Accounts, till: Till
) -> None:
    make = paying(factory(chain, deploy_market(accounts, 0, till), accounts))
    theirs = first(make, accounts)
    assert theirs.owner == open_one.owner
    names(open_one.copy(), theirs.members_of(1)[0], cohort_of(theirs, 1), "session: unknown cohort")


def test_a_contract_that_says_it_is_one(open_one: SessionDriver, accounts: Accounts, till: Till) -> None:
    """It answers whatever is asked; the market never made it, so it isn't asked."""
    session, liar = open_one.copy(), till.new_puppet(accounts.stranger)
    for cohort in (int(liar.address, 16) << 8, int(accounts.stranger, 16) << 8, 1 << 168, (1 << 256) - 1, 255):
        names(session, accounts[9], cohort, "session: unknown cohort")


def test_this_session_is_no_cohort_of_itself(open_one: SessionDriver, accounts: Accounts) -> None:
    """Its views are locked while it registers."""
    names(open_one.copy(), accounts[9], cohort_of(open_one, 0), None)


def test_groups_of_another_size_and_greedy_sessions(
    new_session: Factory, earlier: SessionDriver, accounts: Accounts
) -> None:
    member, cohort = earlier.members_of(1)[0], cohort_of(earlier, 1)
    larger = new_session(list(accounts[:8]), members=4, assignment=1).to(Stage.REGISTER)
    names(larger, member, cohort, "session: not of the cohort")
    greedy = new_session(list(accounts[:6])).to(Stage.REGISTER)
    names(greedy, member, cohort, "session: cohort with greedy")


def test_an_incomplete_cohort_is_refunded(open_one: SessionDriver, earlier: SessionDriver) -> None:
    """One of three stays away, and the other two have neither seats nor losses but gas; their fees are paid."""
    session, (griefer, *victims) = open_one.copy(), earlier.members_of(1)
    wealth = Wealth(session)
    for account in victims:
        session.cohorts[account] = (cohort_of(earlier, 1), earlier.member(account).place)
        session.register(account)
    session.register_all(session.listed[6:12])
    session.close_registration()
    assert [session.credit_of(a) - session.member(a).fees_wei for a in victims] == [session.params.bond_wei] * 2
    assert not any(session.member(a).seated for a in victims)
    session.to(Stage.FINISHED)
    assert all(wealth.of(a) == 0 and wealth.fees(a) > 0 for a in victims)
    told = wealth.tell("one of a cohort stays away", griefer, honest=[wealth.profit(session.listed[6])])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_a_cohort_that_fails_loses_bonds_like_a_group(open_one: SessionDriver, earlier: SessionDriver) -> None:
    session, members = open_one.copy(), earlier.members_of(1)
    wealth = Wealth(session)
    for account in members:
        session.cohorts[account] = (cohort_of(earlier, 1), earlier.member(account).place)
        session.register(account)
    session.register_all(session.listed[6:9])
    session.close_registration()
    assert session.members_of(0) == members
    dropout = members[1]
    for account in session.seated():
        if account != dropout:
            session.commit(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    told = wealth.tell("one of a cohort drops out", dropout, honest=[wealth.profit(session.listed[6])])
    assert told.loses
    assert told.honest_loss == 0


def test_a_suspect_in_a_cohort_is_in_no_class(
    new_session: Factory, accounts: Accounts, earlier: SessionDriver, market: Contract
) -> None:
    """What remains: a cohort is one unit, whatever is known of its members. They come together or not at all."""
    members = earlier.members_of(1)
    for _ in range(3):
        session = new_session(members, rounds=1).to(Stage.COMMIT)
        session.pass_deadline()
        session.to(Stage.FINISHED)
    assert all(market.suspicion(earlier.owner, a)[1] >= 1 << 15 for a in members)
    session = new_session([*members, *accounts[6:18]], assignment=1).to(Stage.REGISTER)
    for account in members:
        session.cohorts[account] = (cohort_of(earlier, 1), earlier.member(account).place)
        session.register(account)
    assert all(session.member(a).pool == COHORT for a in members)


def test_a_cohort_of_the_owners_own_takes_no_more_than_its_share(new_session: Factory, accounts: Accounts) -> None:
    """What remains: the owner can make cohorts of its own accounts in a sham session. They pay themselves.

    Their share of the seats is their share of the groups that could be: two cohorts beside six loose groups have, of
    four seats, one on average, and never both at once for long.
    """
    own, others = list(accounts[20:26]), list(accounts[26:44])
    sham = new_session(own).to(Stage.FINISHED)
    assert sham.accepted() == 0b11
    session = new_session([*own, *others], rounds=4, assignment=1).to(Stage.REGISTER)
    for group in (0, 1):
        for account in sham.members_of(group):
            session.cohorts[account] = (cohort_of(sham, group), sham.member(account).place)
    session.register_all([*own, *others][:-1])
    seated = []
    for k in range(24):
        with session.chain.anchor():
            twin = session.copy()
            twin.chain.mine(k)
            twin.register(others[-1])
            twin.draw()
            seated.append(sum(twin.member(a).seated for a in own) // 3)
    assert set(seated) == {1}, "R K / U = 4 * 2 / 8, exactly one"
