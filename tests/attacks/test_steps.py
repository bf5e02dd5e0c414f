"""A member sends another step than its own: scaled, backwards, ALIE, of wrong labels, none, its accomplice's."""

from __future__ import annotations

import pytest

from tests.attacks import steps
from tests.attacks.wealth import GAS_NOISE_WEI, Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

RULES = {
    "norm": {"rounds": 4},
    "krum": {"rounds": 5, "rule": 1, "krum_mu_bps": 2_000, "krum_m": 2, "krum_m_rule": 1},
}
REFUSED_BY_NORM = {"step times 100"}


@pytest.fixture(scope="module", params=RULES)
def base(request: pytest.FixtureRequest, new_session: Factory) -> SessionDriver:
    """Everybody is seated and has trained."""
    session = new_session(parameter_count=126, **RULES[request.param])
    for account in session.listed:
        session.vectors[account] = steps.honest_step(session.params, account)
    session.to(Stage.COMMIT)
    return session


@pytest.fixture(scope="module")
def honest(base: SessionDriver) -> dict[str, int]:
    return honest_profits(base)


@pytest.fixture
def rule(base: SessionDriver) -> str:
    return "krum" if base.params.rule else "norm"


def sends(session: SessionDriver, account: str, kind: str) -> None:
    own = list(session.vector(account))
    session.vectors[account] = steps.STEPS[kind](session.params, own)


def drift(session: SessionDriver) -> int:
    """How far the accepted groups go along the common direction; negative: backwards."""
    ahead, p = steps.direction(session.params), session.params
    groups = [g for g in range(session.group_count()) if session.accepted() >> g & 1]
    return sum(ref.dot(ref.unpack(session.sum_of(g), p.lane_bits, p.parameter_count), ahead) for g in groups)


@pytest.mark.parametrize("kind", steps.STEPS)
def test_one_member_of_a_group(base: SessionDriver, honest: dict[str, int], rule: str, kind: str) -> None:
    session, wealth = base.copy(), Wealth(base)
    attacker = session.members_of(1)[1]
    sends(session, attacker, kind)
    session.to(Stage.FINISHED)
    share = session.params.reward_wei // (session.accepted().bit_count() * session.params.members)
    paid = session.accepted() >> 1 & 1
    assert wealth.of(attacker) == share * paid
    assert paid == (kind not in REFUSED_BY_NORM) or rule == "krum"
    told = wealth.tell(f"{kind}, {rule} ({'paid' if paid else 'refused'})", attacker, honest=[honest[attacker]])
    assert told.profit <= max(honest.values()) + GAS_NOISE_WEI, "never more than an honest member of an accepted group"
    assert rule == "krum" or told.over_honest <= GAS_NOISE_WEI
    assert told.honest_loss == 0
    assert drift(session) > 0, "one of many: the model still learns"


def test_an_identical_cluster(base: SessionDriver, honest: dict[str, int], rule: str) -> None:
    """One colluder in each of two groups sends the same long step backwards: close to each other, far from all else."""
    session, wealth = base.copy(), Wealth(base)
    colluders = [session.members_of(g)[0] for g in (0, 1)]
    same = steps.inner_product(session.params, list(session.vector(colluders[0])))
    for account in colluders:
        session.vectors[account] = same
    session.to(Stage.FINISHED)
    paid = sum(session.accepted() >> g & 1 for g in (0, 1))
    each = session.params.reward_wei // (session.accepted().bit_count() * session.params.members)
    assert sum(wealth.of(a) for a in colluders) == each * paid
    told = wealth.tell(
        f"identical cluster of two groups, {rule} ({paid} of 2 paid)", *colluders, honest=[honest[a] for a in colluders]
    )
    assert told.profit <= 2 * max(honest.values()) + GAS_NOISE_WEI
    assert rule == "krum" or told.over_honest <= GAS_NOISE_WEI
    assert told.honest_loss == 0


def test_a_whole_group_of_free_riders(base: SessionDriver, honest: dict[str, int], rule: str) -> None:
    """Nobody of a group trains. `norm` can't tell; it is paid once, like everybody."""
    session, wealth = base.copy(), Wealth(base)
    riders = session.members_of(2)
    for account in riders:
        sends(session, account, "free rider")
    session.to(Stage.FINISHED)
    paid = session.accepted() >> 2 & 1
    told = wealth.tell(
        f"a whole group of free riders, {rule} ({'paid' if paid else 'refused'})",
        *riders,
        honest=[honest[a] for a in riders],
    )
    assert told.profit <= 3 * max(honest.values()) + GAS_NOISE_WEI
    assert rule == "krum" or told.over_honest <= GAS_NOISE_WEI
    assert told.honest_loss == 0
    assert drift(session) > 0
