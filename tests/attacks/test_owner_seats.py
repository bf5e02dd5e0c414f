"""The owner sits in groups with accounts of its own: to read the others' sums, to stall, to have its reward back."""

from __future__ import annotations

import random

import pytest

from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def full(new_session: Factory) -> SessionDriver:
    """As many groups as the owner wanted."""
    return new_session(rounds=4).to(Stage.UPLOAD)


@pytest.fixture(scope="module")
def half(new_session: Factory) -> SessionDriver:
    """Two groups where the owner wanted four."""
    session = new_session(rounds=4, min_rounds=2).to(Stage.REGISTER)
    session.register_all(session.listed[:6])
    session.close_registration()
    return session.to(Stage.UPLOAD)


def stall(session: SessionDriver, groups: list[int]) -> list[str]:
    """One seat in each of these groups is the owner's, and uploads nothing; it can add up what the others did.

    Returns:
        These accounts.
    """
    stalling = [session.members_of(group)[1] for group in groups]
    for account in session.seated():
        if account not in stalling:
            session.upload_all(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    return stalling


def test_it_pays_for_the_sums_that_it_reads(full: SessionDriver) -> None:
    """Its own bonds go to those who uploaded: what the reward would have brought them, and their fees on top."""
    session, wealth, honest = full.copy(), Wealth(full), honest_profits(full)
    stalling = stall(session, [0, 1, 2, 3])
    assert wealth.of(session.owner) == 0, "no group has delivered: the reward is the owner's again"
    assert all(wealth.of(a) == -session.params.bond_wei for a in stalling)
    share = session.params.reward_wei // 12
    assert all(wealth.of(a) >= share + session.fees // 2 for a in session.seated() if a not in stalling)
    side = [session.owner, *stalling]
    told = wealth.tell("the owner stalls a seat in each of R groups", *side, honest=[honest[a] for a in side])
    assert told.over_honest < 0
    assert told.profit <= -(session.params.reward_wei * 2 // 3)
    assert told.honest_loss == 0


def test_a_group_that_delivers_is_paid_its_price(full: SessionDriver) -> None:
    """It stalls all groups but one. That one has what it was promised, the stalled ones have the bonds."""
    session, wealth, honest = full.copy(), Wealth(full), honest_profits(full)
    stalling = stall(session, [0, 1, 2])
    share = session.params.reward_wei // 12
    assert wealth.of(session.owner) == -3 * share
    side = [session.owner, *stalling]
    told = wealth.tell("the owner stalls a seat in each group but one", *side, honest=[honest[a] for a in side])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_a_session_that_isnt_full_has_the_same_price(half: SessionDriver) -> None:
    """Where two of four groups are seated half the reward is at stake, and a bond covers what its group would earn."""
    session, wealth, honest = half.copy(), Wealth(half), honest_profits(half)
    stalling = stall(session, [0, 1])
    side = [session.owner, *stalling]
    told = wealth.tell("the owner stalls its seats, 2 of 4 groups filled", *side, honest=[honest[a] for a in side])
    assert told.over_honest < 0
    assert told.honest_loss == 0
    share = session.params.reward_wei // 12
    assert all(wealth.of(a) >= share for a in session.seated() if a not in stalling)


def test_spoiling_all_groups_but_its_own_costs_what_their_work_would(new_session: Factory) -> None:
    """N accounts of the owner's fill a group, one more sits in each other group and sends noise.

    `norm` refuses these groups, and their price is burnt: the owner has no wei of it. What remains: what its seats have
    sent it can take off the public sums, so it has the others' work for what it would have paid, while they have bonds
    and fees, and no reward. Sums tell nobody whose noise it was, and on chain its accounts can't be told from others.
    """
    session = new_session(rounds=4, parameter_count=126).to(Stage.COMMIT)
    wealth, honest = Wealth(session), honest_profits(session)
    spoilers, family = [session.members_of(group)[1] for group in range(3)], session.members_of(3)
    for account in spoilers:
        draw = random.Random(account)
        session.vectors[account] = [draw.choice((-7, 7)) for _ in range(126)]
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b1000
    side = [session.owner, *spoilers, *family]
    told = wealth.tell("the owner spoils all groups but its own", *side, honest=[honest[a] for a in side])
    share = session.params.reward_wei // 12
    assert wealth.of(session.owner) + sum(wealth.of(a) for a in family) == -9 * share == -session.money().locked
    assert told.over_honest < 0
    assert told.honest_loss == 0
    known = session.vector(spoilers[0])
    read = [v - own for v, own in zip(ref.unpack(session.sum_of(0), 6, 126), known, strict=True)]
    victims = [session.vector(a) for a in session.members_of(0) if a not in spoilers]
    assert read == [sum(lane) for lane in zip(*victims, strict=True)]


def test_declining_all_its_seats_gives_it_the_reward_and_no_sum(new_session: Factory) -> None:
    """A seat in each group, declined: no word was public, nobody worked, and the others are paid F each time."""
    session = new_session(rounds=2).to(Stage.COMMIT)
    wealth = Wealth(session)
    seats = [session.members_of(group)[2] for group in range(2)]
    for account in seats:
        session.decline(account)
    assert (session.stage(), session.group_count()) == (Stage.COMMIT, 3)
    third = session.members_of(2)[0]
    session.decline(third)
    side = [session.owner, *seats, third]
    session.to(Stage.FINISHED)
    assert session.live_groups(Status.FAILED) == [0, 1, 2]
    told = wealth.tell("the owner declines a seat in every group, both rounds", *side, honest=[0])
    assert told.loses, "against staying away"
    assert told.honest_loss == 0


def test_a_victim_among_its_own_is_paid_like_everybody(new_session: Factory) -> None:
    """What remains: N - 1 seats of a group read the last one's model. The money is the same as without them."""
    session = new_session(rounds=2).to(Stage.COMMIT)
    wealth, honest = Wealth(session), honest_profits(session)
    side = [session.owner, *session.members_of(0)[1:]]
    session.to(Stage.FINISHED)
    told = wealth.tell("the owner sits around a victim (reads its model)", *side, honest=[honest[a] for a in side])
    assert told.over_honest == 0
    assert told.honest_loss == 0
    assert wealth.of(session.members_of(0)[0]) == session.params.reward_wei // 6


@pytest.mark.parametrize(("members", "colluders"), [(2, 1), (3, 2), (4, 3)])
def test_a_group_that_its_colluders_fill_is_refused(new_session: Factory, members: int, colluders: int) -> None:
    """N < t + 2 needs `unsafe_small`, which is in the event, and which clients refuse."""
    session = new_session(members=members, colluders=colluders, unsafe_small=0).to(Stage.SETUP)
    session.whitelist()
    session.publish()
    with reverts("start: threshold below colluders + 2"):
        session.start()
    open_to_see = new_session(members=members, colluders=colluders, unsafe_small=1)
    open_to_see.whitelist()
    open_to_see.publish()
    assert open_to_see.start().only("Started").params.unsafe_small == 1
