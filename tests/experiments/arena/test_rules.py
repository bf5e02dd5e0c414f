"""What each rule accepts; byzfl's Krum and geometric median agree."""

from __future__ import annotations

from collections.abc import Sequence

import byzfl
import numpy as np
import pytest
from numpy.typing import NDArray

from omnilytics.codec import Codec
from omnilytics.errors import InputError
from omnilytics.experiments.arena import rules
from omnilytics.experiments.arena.registry import RULES
from omnilytics.experiments.arena.rules import GroupRule, Judged, Krum, NormVote, geometric_median
from omnilytics.protocol.judging import Judge, Sums
from omnilytics.protocol.terms import Terms
from omnilytics.types import FloatVec

D, R, N = 600, 8, 4
CLIP = 0.25


def steps(seed: int = 1, members: int = R * N) -> NDArray[np.float32]:
    """Honest ones: a common direction and noise."""
    rng = np.random.default_rng(seed)
    return (rng.normal(scale=0.01, size=D) + rng.normal(scale=0.02, size=(members, D))).astype(np.float32)


def judged(all_steps: NDArray[np.float32], rule: GroupRule, bad: Sequence[int] = ()) -> Judged:
    codec = Codec(rule.terms(Terms(reward_wei=10**6, rounds=R, bound=31)).params(D, CLIP))
    zero = np.zeros(D, dtype=np.float32)
    words = [codec.encode_plain(s, zero, bytes([i]) * 32, shrink=False).words for i, s in enumerate(all_steps)]
    groups = [range(g * N, g * N + N) for g in range(R)]
    dirty = [g for g, members in enumerate(groups) if set(bad) & set(members)]
    return Judged(
        codec=codec,
        groups=groups,
        aggregates=[codec.sum([words[m] for m in group]) for group in groups],
        words={m: w for m, w in enumerate(words) if m not in bad},
        against={m: [g for g in range(R) if g not in dirty] for m in bad},
        owner_steps=lambda: list(steps(9)[:N] - steps(9).mean(axis=0) + all_steps.mean(axis=0)),
        rng=np.random.default_rng(0),
    )


def sums_of(seen: Judged) -> Sums:
    return Sums.of(seen.codec, dict(enumerate(seen.aggregates)), dict(enumerate(seen.counts)))


def steered(target: FloatVec, group: int = 0) -> NDArray[np.float32]:
    """Honest steps but for the first of a group, which makes the group's mean the target."""
    changed = steps()
    first = group * N
    changed[first] = N * target - changed[first + 1 : first + N].sum(axis=0)
    return changed


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_says_something_of_every_group(name: str) -> None:
    rule = RULES[name]()
    verdict = rule.accept(judged(steps(), rule))
    assert verdict is not None
    assert len(verdict) == R
    assert any(verdict)


def test_honest_groups_are_all_accepted() -> None:
    for rule in (GroupRule(), rules.Norm(), NormVote(), rules.Greedy()):
        assert rule.accept(judged(steps(), rule)) == [True] * R


@pytest.mark.parametrize("rule", [NormVote(), rules.Greedy()], ids=["norm+vote", "greedy"])
def test_a_mean_of_honest_length_against_the_others_is_refused(rule: GroupRule) -> None:
    honest = steps()
    attacked = steered(-honest[N:].mean(axis=0) * 1.2)
    verdict = [False] + [True] * (R - 1)
    assert rule.accept(judged(attacked, rule, [0])) == verdict
    assert rules.Norm().accept(judged(attacked, rules.Norm(), [0])) == [True] * R


def test_votes_see_noise_that_the_norm_lets_through_and_groups_too_much_alike() -> None:
    rng = np.random.default_rng(5)
    loud = steps()
    loud[0] = rng.uniform(-0.75 * CLIP, 0.75 * CLIP, D)
    assert rules.Norm().accept(judged(loud, rules.Norm(), [0])) == [True] * R
    assert NormVote().accept(judged(loud, NormVote(), [0])) == [False] + [True] * (R - 1)

    little = steps()
    shifted = little.mean(axis=0) - 0.012
    for first in (0, N):
        little[first] = N * shifted - little[first + 1 : first + N].sum(axis=0)
    assert NormVote(likeness=1.0).accept(judged(little, NormVote(), [0, N])) == [True] * R
    assert NormVote().accept(judged(little, NormVote(), [0, N])) == [False] * 2 + [True] * (R - 2)


def test_a_sum_without_anything_of_its_own_is_refused() -> None:
    """Whoever speaks last in its group can make the sum what all have in common, and look better than anybody."""
    rushed = steered(steps()[N:].mean(axis=0))
    assert NormVote(quietest=0.0).accept(judged(rushed, NormVote(), [0])) == [True] * R
    assert NormVote().accept(judged(rushed, NormVote(), [0])) == [False] + [True] * (R - 1)


def test_too_few_votes_count_for_nothing() -> None:
    attacked = steered(-steps()[N:].mean(axis=0) * 1.2)
    assert NormVote(silence=0.9).accept(judged(attacked, NormVote(), [0])) == [True] * R


@pytest.mark.parametrize("field", ["flip", "silence", "tolerance", "quietest", "loudest", "likeness"])
def test_options_of_votes_have_ranges(field: str) -> None:
    with pytest.raises(InputError, match=field):
        NormVote(**{field: -0.5})


def test_a_judge_wants_a_count_for_each_sum() -> None:
    seen = judged(steps(), NormVote())
    with pytest.raises(InputError, match=r"sum of \[0, 1, .*, 7\], got \[0, 1, 2\]"):
        Sums.of(seen.codec, dict(enumerate(seen.aggregates)), dict.fromkeys(range(3), 4))
    with pytest.raises(InputError, match=r"among 0, 1, .*, 7, got 8"):
        Judge().against(sums_of(seen), 8, seen.words[0])


@pytest.mark.parametrize("seed", range(4))
def test_one_loud_sum_doesnt_drown_the_others(seed: int) -> None:
    """Noise as loud as the box, which `norm` refuses, isn't added to what a member compares with."""
    changed, noise = steps(), np.random.default_rng(seed).normal(scale=0.02, size=D)
    changed[3 * N : 4 * N] = CLIP * np.sign(steps().mean(axis=0) + noise)
    seen = judged(changed, NormVote(), bad=range(3 * N, 4 * N))
    for group in (0, 5):
        assert Judge().against(sums_of(seen), group, seen.words[group * N]) == {3}


def test_a_judge_leaves_its_own_part_out_of_its_groups_sum() -> None:
    """Its own step doesn't hide that the others of its group are idle, or against it."""
    alone = steps()
    alone[1:N] = 0
    seen = judged(alone, NormVote())
    assert Judge().against(sums_of(seen), 0, seen.words[0]) == {0}
    assert not Judge(quietest=0).against(sums_of(seen), 0, seen.words[0])
    opposed = steps()
    opposed[1:N] = -opposed[0] / 2
    seen = judged(opposed, NormVote())
    assert 0 in Judge().against(sums_of(seen), 0, seen.words[0])


def test_an_owner_sees_which_way_a_sum_goes_but_not_how_long_it_is() -> None:
    changed = steered(-steps()[N:].mean(axis=0) * 1.2)
    changed[N : 2 * N] = 0
    seen = judged(changed, NormVote())
    assert Judge().along(sums_of(seen), seen.codec.decode(seen.words[2 * N]).astype(np.float64)) == set(range(1, R))


def test_a_judge_sees_its_group_as_it_would_be_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, seat = judged(steps(), NormVote()), 2 * N + 1
    given: list[NDArray[np.float64]] = []
    decide = Judge._refused

    def spied(judge: Judge, products: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.bool_]:
        given.extend([products.copy(), members.copy()])
        return decide(judge, products, members)

    monkeypatch.setattr(Judge, "_refused", spied)
    Judge().against(sums_of(seen), 2, seen.words[seat])
    integers = seen.codec.decode(seen.words[seat])
    rows = np.stack([*(seen.codec.decode(words) for words in seen.aggregates), integers])
    rows[2] -= integers
    np.testing.assert_array_equal(given[0], rows @ rows.T)
    assert given[1].tolist() == [4, 4, 3, 4, 4, 4, 4, 4]


def test_krum_with_one_pick_is_byzfls() -> None:
    """byzfl counts n - f - 1 neighbours, we n - f - 2 (E16): its f is one more than ours."""
    for seed in range(5):
        rule = Krum(mu=0.25, m=1)
        seen = judged(steps(seed), rule)
        f = 2  # ceil(mu R)
        picked = byzfl.Krum(f=f + 1)(seen.sums)
        verdict = rule.accept(seen)
        assert verdict is not None
        np.testing.assert_array_equal(seen.sums[verdict.index(True)], picked)
        assert sum(verdict) == 1


def test_the_geometric_median_is_byzfls() -> None:
    points = np.random.default_rng(3).normal(size=(9, 40))
    np.testing.assert_allclose(geometric_median(points), byzfl.GeometricMedian(T=100)(points), atol=1e-9)
