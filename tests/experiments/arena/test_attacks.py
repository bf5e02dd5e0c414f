"""What each attack uploads; byzfl's attacks give the same vectors."""

from __future__ import annotations

from dataclasses import replace

import byzfl
import numpy as np
import pytest

from omnilytics.errors import InputError
from omnilytics.experiments.arena import attacks
from omnilytics.experiments.arena.attacks import Attack, Steered
from omnilytics.experiments.arena.knowledge import Knowledge
from omnilytics.experiments.arena.registry import ATTACKS
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.voting import JUDGE
from omnilytics.train.data import Dataset
from omnilytics.types import FloatVec

D, N = 300, 4
BAD = frozenset({3, 6, 7})
"""One attacker in group 0, two in group 1, none in groups 2 and 3."""


def knowledge(rule: str = "norm") -> Knowledge:
    rng = np.random.default_rng(4)
    common = rng.normal(scale=0.01, size=D)
    steps = {m: (common + rng.normal(scale=0.02, size=D)).astype(np.float32) for m in range(16)}
    return Knowledge(
        number=3,
        params=Terms(reward_wei=10**6, rounds=4).params(D, 0.25),
        rule=rule,
        published=rng.normal(size=D).astype(np.float32),
        groups=[range(start, start + N) for start in range(0, 16, N)],
        attackers=BAD,
        steps=steps,
        last=(common * 2).astype(np.float32),
        rng=np.random.default_rng(1),
        lasting=np.random.default_rng(2),
    )


def sent(attack: Attack, known: Knowledge, member: int) -> FloatVec:
    """What an attacker's upload says, in units of a weight."""
    return known.codec.decode_sum(attack.words(known, member), 1)


def group_mean(attack: Attack, known: Knowledge, group: int) -> FloatVec:
    seats = known.groups[group]
    honest = [known.encode(m, known.steps[m]) for m in seats if m not in BAD]
    return known.codec.decode_sum(known.codec.sum(honest + [attack.words(known, m) for m in seats if m in BAD]), N)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_attack_makes_words_that_a_session_takes(name: str) -> None:
    known = knowledge()
    for member in BAD:
        assert len(ATTACKS[name]().words(known, member)) == 32 * known.codec.words


def test_honest_means_are_those_of_clean_groups() -> None:
    known = knowledge()
    assert known.honest.shape == (2, D)
    np.testing.assert_allclose(known.honest[0], np.mean([known.steps[m] for m in range(8, 12)], axis=0), rtol=1e-5)
    crowded = replace(known, attackers=frozenset({3, 6, 9, 12}))
    assert crowded.honest.shape == (12, D)
    with pytest.raises(InputError, match="member 77"):
        known.group_of(77)


@pytest.mark.parametrize("attack", [attacks.InnerProduct(0.5), attacks.NormMatched(), attacks.ALittle(1.5)])
def test_a_directed_attack_moves_its_groups_mean_where_it_wants(attack: Steered) -> None:
    known = knowledge()
    target = attack.target(known.honest, known)
    unit = known.params.clip_value / known.params.bound
    for group in (0, 1):
        assert np.abs(group_mean(attack, known, group) - target).max() <= unit


def test_a_norm_matched_mean_is_as_long_as_an_honest_one_and_opposed() -> None:
    known = knowledge()
    target = attacks.NormMatched().target(known.honest, known)
    assert np.linalg.norm(target) == pytest.approx(np.linalg.norm(known.honest, axis=1).mean(), rel=1e-5)
    cosine = target @ known.honest.mean(axis=0) / np.linalg.norm(target) / np.linalg.norm(known.honest.mean(axis=0))
    assert cosine == pytest.approx(-1, abs=1e-5)


def test_a_cluster_is_one_vector_for_all() -> None:
    known, attack = knowledge(), attacks.Cluster()
    unit = known.params.clip_value / known.params.bound
    assert np.abs(group_mean(attack, known, 0) - group_mean(attack, known, 1)).max() <= 2 * unit


def test_noise_fills_its_box() -> None:
    known = knowledge()
    quiet = np.abs(sent(attacks.RandomStep(0.5), known, 3))
    assert 0.4 * 0.25 < quiet.max() <= (0.5 + 1 / 7) * 0.25
    with pytest.raises(InputError, match=r"amplitude: .* got 1.5"):
        attacks.RandomStep(1.5)


def test_signs_zeros_and_the_past() -> None:
    known = knowledge()
    own = known.steps[3]
    assert np.mean(np.sign(sent(attacks.SignFlip(), known, 3)) * np.sign(own) <= 0) > 0.95
    assert np.mean(np.sign(sent(attacks.Scale(), known, 3)) == np.sign(own)) > 0.95
    assert not sent(attacks.FreeRider(), known, 3).any()
    unit = known.params.clip_value / known.params.bound
    assert np.abs(sent(attacks.Mimic(), known, 3) - known.last).max() <= unit
    assert np.abs(group_mean(attacks.Rushing(), known, 1) - known.last).max() <= unit


def test_poisoned_samples() -> None:
    x = np.zeros((4, 1, 8, 8), dtype=np.float32)
    data = Dataset(x, np.array([0, 1, 2, 9]), 10, "four")
    assert attacks.LabelFlip().poison(data).y.tolist() == [9, 8, 7, 0]
    backdoored = attacks.Backdoor(goal=5).poison(data)
    assert backdoored.y.tolist() == [5, 5, 2, 9]
    assert backdoored.x.sum(axis=(1, 2, 3)).tolist() == [9, 9, 0, 0]
    assert not data.x.any()
    rate = attacks.Backdoor(goal=5).measure(lambda images: np.where(images.any(axis=(1, 2, 3)), 5, 0), data)
    assert rate == {"backdoor_success": 100.0}
    with pytest.raises(InputError, match="share"):
        attacks.Backdoor(share=0)


@pytest.mark.parametrize("rule", ["norm", "norm+vote"])
def test_the_adaptive_attack_stays_within_the_norm(rule: str) -> None:
    known, attack = knowledge(rule), attacks.Adaptive()
    words = [known.encode(m, known.steps[m]) for m in range(4, 8) if m not in BAD]
    total = known.codec.sum(words + [attack.words(known, m) for m in (6, 7)])
    assert known.codec.select_norm([known.codec.squared_norm(total)], [N]) == [True]
    along = attack.target(known.honest, known) @ known.honest.mean(axis=0)
    assert (along > 0) == (rule == "norm+vote")


def test_with_votes_the_adaptive_attack_gives_each_group_a_mean_of_its_own() -> None:
    """All attacked groups have the honest mean in common, and of the rest less than members take for a likeness."""
    known, attack = knowledge("norm+vote"), attacks.Adaptive()
    mean = known.honest.mean(axis=0)
    first, second = (attack.target(known.honest, known) - mean for _ in range(2))
    likeness = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert 0.2 < likeness < JUDGE.likeness
    assert attack.poison(Dataset(np.zeros((1, 2), dtype=np.float32), np.array([1]), 10, "one")).y.tolist() == [8]


def test_they_vote_against_those_without_an_attacker() -> None:
    assert Attack().against(knowledge(), 3) == [2, 3]


def test_byzfl_has_the_same_vectors() -> None:
    """SignFlipping, InnerProductManipulation and ALittleIsEnough, on the same honest vectors."""
    known = knowledge()
    honest = known.honest.astype(np.float64)
    theirs = byzfl.InnerProductManipulation(tau=0.7)(honest)
    np.testing.assert_allclose(attacks.InnerProduct(0.7).target(known.honest, known), theirs, rtol=1e-4, atol=1e-8)
    theirs = byzfl.ALittleIsEnough(tau=-1.5)(honest)
    np.testing.assert_allclose(attacks.ALittle(1.5).target(known.honest, known), theirs, rtol=1e-4, atol=1e-8)
    theirs = byzfl.SignFlipping()(known.steps[3][None].astype(np.float64))
    np.testing.assert_allclose(attacks.SignFlip(1.0).step(known, 3), theirs, rtol=1e-6)
