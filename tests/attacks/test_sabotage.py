"""Colluders spoil a group in which they have few seats: the reward is shared by those in which they have more."""

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


def gained(session: SessionDriver, spoilt: int, seats: int) -> int:
    """What `seats` elsewhere get more when `spoilt` of four groups, one colluder in each, aren't paid, wei."""
    reward = session.params.reward_wei
    return seats * (reward // (3 * (4 - spoilt)) - reward // 12) - spoilt * (reward // 12)


@pytest.mark.parametrize("elsewhere", [1, 2, 3])
def test_up_to_three_seats_in_three_other_groups_gain_nothing(base: SessionDriver, elsewhere: int) -> None:
    """One seat's share is given up; the other seats' shares grow by a third each."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    colluders = [session.members_of(g)[0] for g in range(elsewhere + 1)]
    spoil(session, colluders[0])
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b1110
    told = wealth.tell(
        f"1 of 4 groups spoilt, {elsewhere} of 9 seats elsewhere", *colluders, honest=[honest[a] for a in colluders]
    )
    assert told.over_honest <= GAS_NOISE_WEI
    assert told.honest_loss == 0


@pytest.mark.parametrize(("spoilt", "elsewhere"), [(1, 5), (1, 9), (3, 3)])
def test_more_seats_elsewhere_gain_what_the_spoilt_group_would_have_had(
    base: SessionDriver, spoilt: int, elsewhere: int
) -> None:
    """What remains: g groups, a seats of the colluders in those that they spoil, b elsewhere: they gain if b > a (g-1)
    for one group. The members of a spoilt group have their bonds and fees back, and nothing for their work.

    Records tell: everybody in a group that `norm` refused is blamed, the colluder each time that it does it.
    """
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    spoilers = [session.members_of(g)[0] for g in range(spoilt)]
    rest = [a for g in range(spoilt, 4) for a in session.members_of(g)][:elsewhere]
    for account in spoilers:
        spoil(session, account)
    session.to(Stage.FINISHED)
    colluders = [*spoilers, *rest]
    name = f"{spoilt} of 4 groups spoilt, {elsewhere} of {12 - 3 * spoilt} seats elsewhere (gains)"
    told = wealth.tell(name, *colluders, honest=[honest[a] for a in colluders])
    assert abs(told.over_honest - gained(session, spoilt, elsewhere)) < session.params.reward_wei // 1000
    assert told.over_honest > 0
    assert told.honest_loss == 0
    assert session.market.suspicion(session.owner, spoilers[0])[1] > 1 << 14


def test_declining_to_the_same_end_costs_what_the_victims_are_paid(base: SessionDriver) -> None:
    """Before anybody has worked: the price is F, the victims have it, and two of three are too few for another draw."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    spoiler, *victims = session.members_of(0)
    rest = [a for g in (1, 2) for a in session.members_of(g)]
    session.decline(spoiler)
    session.to(Stage.FINISHED)
    colluders = [spoiler, *rest]
    told = wealth.tell("1 declines, 6 of 9 elsewhere (gains)", *colluders, honest=[honest[a] for a in colluders])
    expected = gained(session, 1, 6) - session.fees
    assert abs(told.over_honest - expected) < session.params.reward_wei // 1000
    assert told.over_honest > 0
    assert all(wealth.of(a) >= session.fees // 2 for a in victims)
    assert told.honest_loss == 0


def test_dropping_out_to_the_same_end_costs_the_bond(base: SessionDriver) -> None:
    """After the barrier: the bond is worth the victims' shares, so that even all the other seats gain nothing."""
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
