"""One owner of many accounts wants them in one group, around a victim."""

from __future__ import annotations

import math

import pytest

from tests.attacks import tally
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage
from tests.contracts.harness.fixtures import Factory

DRAWS = 150
SIGMAS = 4.5


@pytest.fixture(scope="module")
def crowd(new_session: Factory) -> SessionDriver:
    """24 accounts for 16 seats, all registered but the last."""
    session = new_session(24, rounds=4, members=4, assignment=1).to(Stage.REGISTER)
    session.register_all(session.listed[:-1])
    return session


def pairs_together(session: SessionDriver, sybils: list[str]) -> int:
    """Pairs of them that share a group."""
    groups = [m.group for m in map(session.member, sybils) if m.seated]
    return sum(math.comb(groups.count(g), 2) for g in set(groups))


@pytest.mark.parametrize("chosen", [slice(0, 6), slice(0, 24, 4), slice(18, 24)], ids=["first", "spread", "last"])
def test_sybils_meet_as_often_as_a_uniform_draw_lets_them(crowd: SessionDriver, chosen: slice) -> None:
    """Draws of the real contract, each from the hash of another block; six of 24 accounts, wherever they registered."""
    sybils = crowd.listed[chosen]
    counts = []
    for k in range(DRAWS):
        with crowd.chain.anchor():
            session = crowd.copy()
            session.chain.mine(k)
            session.register(session.listed[-1])
            session.draw()
            counts.append(pairs_together(session, sybils))
    mean = sum(counts) / DRAWS
    spread = math.sqrt(sum((c - mean) ** 2 for c in counts) / (DRAWS - 1))
    expected = math.comb(6, 2) * 16 / 24 * 3 / 23
    tally.note(f"pairs of six sybils of 24 in one group of four: {mean:.2f} a draw, {expected:.2f} by a uniform draw")
    assert abs(mean - expected) < SIGMAS * spread / math.sqrt(DRAWS)


def test_sybils_earn_as_many_shares_as_they_have_seats(crowd: SessionDriver) -> None:
    session = crowd.copy()
    wealth = Wealth(session)
    session.register(session.listed[-1])
    sybils = session.listed[:6]
    session.to(Stage.FINISHED)
    seats = sum(session.member(a).seated for a in sybils)
    assert sum(wealth.of(a) for a in sybils) == seats * (session.params.reward_wei // 16)
    told = wealth.tell(f"six sybils of 24, {seats} of 16 seats", *sybils)
    assert told.honest_loss == 0


def test_greedy_lets_them_sit_around_a_victim(new_session: Factory) -> None:
    """What remains with `greedy`, the paper's assignment: who registers right after the victim is in its group."""
    session = new_session(members=4, rounds=4).to(Stage.REGISTER)
    wealth = Wealth(session)
    honest = honest_profits(session)
    victim, *sybils = session.listed[:4]
    session.to(Stage.COMMIT)
    assert session.members_of(0) == [victim, *sybils]
    session.to(Stage.FINISHED)
    told = wealth.tell(
        "three sybils around a victim, greedy (read its model)", *sybils, honest=[honest[a] for a in sybils]
    )
    assert told.over_honest == 0
    assert told.honest_loss == 0
