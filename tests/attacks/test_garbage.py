"""A member uploads noise, or its step times 100, instead of a step."""

from __future__ import annotations

import random

import pytest

from tests.attacks.wealth import Wealth, conserved, honest_profits
from tests.contracts.harness import SessionDriver, Stage
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory


def random_words(session: SessionDriver, seed: int) -> list[int]:
    """Uniform 256-bit words."""
    draw = random.Random(seed)
    return [draw.getrandbits(256) for _ in range(session.word_count)]


def run(session: SessionDriver) -> Wealth:
    """The whole session; the driver's payloads and vectors are what its attackers send."""
    wealth = Wealth(session)
    session.to(Stage.FINISHED)
    assert conserved(session)
    return wealth


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rules", [{"rule": 0}, {"rule": 0, "bound": 127}, {"rule": 0, "members": 4}])
def test_random_words_are_refused_by_norm(new_session: Factory, rules: dict[str, int], seed: int) -> None:
    session = new_session(parameter_count=200, **rules)
    attacker = session.listed[0]
    honest = honest_profits(session)[attacker]
    session.payloads[attacker] = random_words(session, seed)
    wealth = run(session)
    assert session.accepted() == 0b10
    assert wealth.of(attacker) == 0
    assert all(wealth.of(a) > 0 for a in session.members_of(1))
    extras = " ".join(f"{k} {v}" for k, v in rules.items() if k != "rule")
    told = wealth.tell(f"uniform words {seed}, norm {extras}", attacker, honest=[honest])
    assert told.loses
    assert told.honest_loss == 0


def test_a_scaled_step_is_refused_by_norm(new_session: Factory) -> None:
    session = new_session(parameter_count=200)
    attacker = session.listed[0]
    honest = honest_profits(session)[attacker]
    scaled = [max(-7, min(7, 100 * v)) for v in session.vector(attacker)]
    session.vectors[attacker] = scaled
    wealth = run(session)
    assert session.accepted() == 0b10
    told = wealth.tell("step times 100, norm", attacker, honest=[honest])
    assert told.loses
    assert told.honest_loss == 0


def test_quiet_noise_passes_and_is_paid(new_session: Factory) -> None:
    """What remains: noise within half of the box is as long as a sum of honest steps may be. It is paid, not more."""
    session = new_session(parameter_count=200)
    attacker = session.listed[0]
    honest = honest_profits(session)[attacker]
    draw = random.Random(5)
    session.vectors[attacker] = [draw.randint(-5, 5) for _ in range(200)]
    wealth = run(session)
    assert session.accepted() == 0b11
    told = wealth.tell("noise at three quarters of the box, norm (paid)", attacker, honest=[honest])
    assert told.profit > 0
    assert wealth.of(attacker) == session.params.reward_wei // 6, "what every member of an accepted group gets"
    assert told.honest_loss == 0


def test_random_words_are_refused_by_krum(new_session: Factory) -> None:
    session = new_session(rounds=5, rule=1, krum_mu_bps=2_000, krum_m=2, krum_m_rule=1, parameter_count=60)
    attacker = session.listed[4]
    honest = honest_profits(session)[attacker]
    session.payloads[attacker] = random_words(session, 1)
    wealth = run(session)
    assert session.accepted() & 0b10 == 0
    assert session.accepted().bit_count() == 2
    told = wealth.tell("uniform words, krum", attacker, honest=[honest])
    assert told.loses
    assert told.honest_loss == 0


def test_garbage_in_every_group_pays_everybody_and_changes_nothing(new_session: Factory) -> None:
    """Nothing is accepted, so the session is unselected: the reward may not go back to the owner (no evasion)."""
    session = new_session(parameter_count=200)
    honest = honest_profits(session)
    attackers = [session.listed[0], session.listed[3]]
    for attacker in attackers:
        session.payloads[attacker] = random_words(session, int(attacker[-4:], 16))
    wealth = run(session)
    assert (session.accepted(), session.unselected()) == (0, True)
    assert all(wealth.of(a) == session.params.reward_wei // 6 for a in session.listed)
    told = wealth.tell("uniform words in every group, norm (paid)", *attackers, honest=[honest[a] for a in attackers])
    assert told.honest_loss == 0


def test_lanes_beyond_the_last_parameter_dont_count(new_session: Factory) -> None:
    """Noise where no parameter is can't lift a sum's norm, nor hide in it."""
    session = new_session(parameter_count=5)
    attacker = session.listed[0]
    honest = session.vector(attacker)
    session.vectors[attacker] = [*honest, *([31] * 37)]
    run(session)
    assert session.accepted() == 0b11
    decoded = ref.unpack(session.sum_of(0), 6, 5)
    assert session.group(0).squared_norm == ref.dot(decoded, decoded)
