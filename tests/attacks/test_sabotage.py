"""Colluders spoil a group in which they have few seats, for the sake of those in which they have more."""

from __future__ import annotations

import random

import pytest

from tests.attacks.wealth import GAS_NOISE_WEI, Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Four groups of three, seated."""
    return new_session(rounds=4, parameter_count=126).to(Stage.COMMIT)


def spoil(session: SessionDriver, account: str) -> None:
    draw = random.Random(account)
    session.payloads[account] = [draw.getrandbits(256) for _ in range(session.word_count)]


@pytest.mark.parametrize(("spoilt", "elsewhere"), [(1, 1), (1, 5), (1, 9), (3, 3)])
def test_however_many_seats_elsewhere_gain_nothing(base: SessionDriver, spoilt: int, elsewhere: int) -> None:
    """The price of a refused group is burnt: the seats in it are given up, and no other seat is paid more.

    Records tell: everybody in a group that `norm` refused is blamed, the colluder each time that it does it.
    """
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    spoilers = [session.members_of(g)[0] for g in range(spoilt)]
    rest = [a for g in range(spoilt, 4) for a in session.members_of(g)][:elsewhere]
    for account in spoilers:
        spoil(session, account)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b1111 >> spoilt << spoilt
    colluders = [*spoilers, *rest]
    name = f"{spoilt} of 4 groups spoilt, {elsewhere} of {12 - 3 * spoilt} seats elsewhere"
    told = wealth.tell(name, *colluders, honest=[honest[a] for a in colluders])
    share = session.params.reward_wei // 12
    assert abs(told.over_honest + spoilt * share) <= spoilt * GAS_NOISE_WEI
    assert told.honest_loss == 0
    assert session.money().locked == spoilt * 3 * share
    assert session.market.suspicion(session.owner, spoilers[0])[1] > 1 << 14


def test_declining_to_the_same_end_costs_what_the_victims_are_paid(base: SessionDriver) -> None:
    """Before anybody has worked: the price is F, the victims have it, and two of three are too few for another draw."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    spoiler, *victims = session.members_of(0)
    rest = [a for g in (1, 2, 3) for a in session.members_of(g)]
    session.decline(spoiler)
    session.to(Stage.FINISHED)
    colluders = [spoiler, *rest]
    told = wealth.tell("1 declines, 9 of 9 elsewhere", *colluders, honest=[honest[a] for a in colluders])
    assert told.over_honest <= -(session.params.reward_wei // 12)
    assert all(wealth.of(a) >= session.fees // 2 for a in victims)
    assert told.honest_loss == 0


def test_krum_is_a_contest(new_session: Factory) -> None:
    """What remains: Krum accepts a fixed number of groups, so one that spoils a winner makes room for another."""
    krum = {"rule": 1, "krum_mu_bps": 2_000, "krum_m": 2, "krum_m_rule": 1}
    base = new_session(rounds=5, parameter_count=126, **krum).to(Stage.COMMIT)
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    winner = next(g for g in range(5) if honest[session.members_of(g)[0]] > 0)
    spoiler, *victims = session.members_of(winner)
    spoil(session, spoiler)
    colluders = [a for a in session.listed if a not in victims]
    session.to(Stage.FINISHED)
    assert session.accepted().bit_count() == 2
    assert not session.accepted() >> winner & 1
    told = wealth.tell(
        "krum: 1 of 5 groups spoilt, 12 of 12 seats elsewhere (gains)",
        *colluders,
        honest=[honest[a] for a in colluders],
    )
    share = session.params.reward_wei // 15 * 5 // 2
    assert abs(told.over_honest - 2 * share) < session.params.reward_wei // 1000, "what its two victims would have had"
    assert told.honest_loss == 0


def test_dropping_out_to_the_same_end_costs_the_bond(base: SessionDriver) -> None:
    """After the barrier: the bond is worth the victims' shares, and no other seat is paid more."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    spoiler, *victims = session.members_of(0)
    rest = [a for g in (1, 2, 3) for a in session.members_of(g)]
    session.to(Stage.UPLOAD)
    for account in (*victims, *rest):
        session.upload_all(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    colluders = [spoiler, *rest]
    told = wealth.tell("1 doesn't upload, 9 of 9 elsewhere", *colluders, honest=[honest[a] for a in colluders])
    assert told.over_honest < 0
    assert told.honest_loss == 0
    assert all(wealth.of(a) >= session.params.reward_wei // 12 for a in victims)
