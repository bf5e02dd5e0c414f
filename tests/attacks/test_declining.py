"""A member declines its seat: to grief, at the last moment, in both rounds, to be paid for it, to pay nobody."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness.fixtures import Factory

WORST = 1 << 16


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Four groups of three, drawn."""
    return new_session(rounds=4, assignment=1).to(Stage.COMMIT)


def suspicion(session: SessionDriver, account: str) -> int:
    return int(session.market.suspicion(session.owner, account)[1])


def test_its_peers_are_paid_and_drawn_again(base: SessionDriver) -> None:
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    decliners = [session.members_of(g)[0] for g in (0, 1)]
    peers = [a for g in (0, 1) for a in session.members_of(g)[1:]]
    for account in decliners:
        session.decline(account)
    session.to(Stage.FINISHED)
    assert all(wealth.of(a) == -session.fees for a in decliners)
    assert all(wealth.of(a) >= session.fees // 2 for a in peers)
    assert session.accepted() == 0b11100, "three of the four peers had another chance"
    assert all(suspicion(session, a) == ((1 << 14) * 3 + WORST) // 4 for a in decliners)
    told = wealth.tell("two decline, in groups of their own", *decliners, honest=[honest[a] for a in decliners])
    assert told.loses
    assert told.honest_loss == 0


def test_in_the_last_second(base: SessionDriver) -> None:
    """It lets the window pass before it declines: the others lose time, and nothing else."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    griefer = session.members_of(0)[1]
    for account in session.seated():
        if account != griefer:
            session.commit(account)
    session.chain.next_at(session.deadline())
    session.decline(griefer)
    assert session.stage() == Stage.UPLOAD, "two survivors are no group"
    session.to(Stage.FINISHED)
    told = wealth.tell("one declines in the last second", griefer, honest=[honest[griefer]])
    assert told.loses
    assert told.honest_loss == 0


def test_in_both_rounds(base: SessionDriver) -> None:
    """Three accounts of one attacker: the group that is drawn again is dissolved too, for good."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    attackers = [session.members_of(g)[0] for g in (0, 1)]
    for account in attackers:
        session.decline(account)
    for group in (2, 3):
        for account in session.members_of(group):
            session.commit(account)
    session.draw()
    third, *victims = session.members_of(4)
    session.decline(third)
    attackers.append(third)
    session.to(Stage.FINISHED)
    assert session.group(4).status == Status.FAILED
    assert all(wealth.of(a) >= session.fees // 2 * 2 for a in victims), "two prices of leaving, one after the other"
    told = wealth.tell("three decline, in both rounds", *attackers, honest=[honest[a] for a in attackers])
    assert told.loses
    assert told.honest_loss == 0


def test_an_accomplice_that_did_nothing_keeps_its_bond(base: SessionDriver) -> None:
    """Two of a group stay away, and one declines at the end so that the other isn't blamed. The honest one is paid."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    decliner, idler, victim = session.members_of(0)
    for account in session.seated():
        if account not in (decliner, idler):
            session.commit(account)
    session.chain.next_at(session.deadline())
    session.decline(decliner)
    session.to(Stage.FINISHED)
    assert wealth.of(idler) in (session.fees // 2, session.fees // 2 + 1)
    assert wealth.of(victim) >= session.fees // 2
    told = wealth.tell(
        "one declines to cover one that is late", decliner, idler, honest=[honest[decliner], honest[idler]]
    )
    assert told.loses
    assert told.honest_loss == 0


def test_a_group_of_ones_own_pays_itself(base: SessionDriver) -> None:
    """All of a group are one's own: the price stays in the family, and what the group would have earned is lost."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    family = session.members_of(3)
    session.decline(family[0])
    session.to(Stage.FINISHED)
    assert sum(wealth.of(a) for a in family) == 0
    told = wealth.tell("one declines among its own", *family, honest=[honest[a] for a in family])
    assert told.loses
    assert told.honest_loss == 0


def test_who_registers_only_to_decline_is_paid_less_than_it_pays(base: SessionDriver) -> None:
    """The fee of `register` is below its gas, and F, which it pays then, is more than the fee."""
    session, wealth = base.copy(), Wealth(base)
    account = session.members_of(0)[0]
    session.decline(account)
    session.to(Stage.FINISHED)
    assert 0 < wealth.fees(account) < session.fees
    assert wealth.tell("registers and declines, for the fee", account, honest=[0]).profit < -session.fees


def test_without_fees_leaving_costs_gas_alone(new_session: Factory) -> None:
    """What remains: F is 0 in a session that pays no fees. Nobody loses anything but gas and time, and records tell."""
    session = new_session(rounds=4, assignment=1, fee_cap_wei=0, fee_table=0).to(Stage.COMMIT)
    wealth, honest = Wealth(session), honest_profits(session)
    griefer = session.members_of(0)[0]
    session.decline(griefer)
    session.to(Stage.FINISHED)
    assert wealth.of(griefer) == 0
    assert suspicion(session, griefer) > 1 << 14
    told = wealth.tell("one declines where no fees are paid", griefer, honest=[honest[griefer]])
    assert told.loses
    assert told.honest_loss == 0


def test_when_it_is_refused(base: SessionDriver, new_session: Factory) -> None:
    session = base.copy()
    committed, other, *_ = session.members_of(0)
    session.commit(committed)
    with reverts("session: already committed"):
        session.decline(committed)
    session.decline(other)
    for account in (committed, other):
        with reverts("session: the group has failed"):
            session.decline(account)
    with reverts("session: no seat"):
        session.decline(session.stranger)
    late = session.members_of(1)[0]
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        session.decline(late)
