"""What least squares makes of group sums: all of it where steps repeat and groups mix, never more than a cohort's."""

from __future__ import annotations

import numpy as np
import pytest

from omnilytics.errors import InputError
from omnilytics.experiments.observer import GroupSum, session_means
from omnilytics.experiments.reconstruction import likeness, own_parts, reconstruct, solve
from omnilytics.types import FloatVec

MEMBERS, SIZE, LENGTH = 16, 4, 50
Steps = dict[tuple[int, int], FloatVec]


def observed(sessions: int, mixed: bool, noise: float, seed: int = 1) -> tuple[list[GroupSum], Steps]:
    """Sums of members with a step of their own, the same in each session but for noise, and one of all."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(MEMBERS, LENGTH))
    own -= own.mean(axis=0)
    sums: list[GroupSum] = []
    steps: Steps = {}
    for session in range(1, sessions + 1):
        common = rng.normal(size=LENGTH)
        all_steps = (own + common + noise * rng.normal(size=own.shape)).astype(np.float32)
        steps.update({(member, session): step for member, step in enumerate(all_steps)})
        order = rng.permutation(MEMBERS) if mixed else np.arange(MEMBERS)
        for group in order.reshape(-1, SIZE):
            sums.append(GroupSum(session, tuple(int(m) for m in group), all_steps[group].mean(axis=0)))
    return sums, steps


def test_steps_that_repeat_are_given_away() -> None:
    found = reconstruct(*observed(12, mixed=True, noise=0.0))
    assert found.rank == MEMBERS
    assert found.solved.error < 1e-3
    assert found.solved.identified == 1
    assert found.group.error > 0.5


def test_few_sessions_leave_most_open() -> None:
    found = reconstruct(*observed(2, mixed=True, noise=0.0))
    assert found.rank < MEMBERS
    assert found.solved.error > 0.3


def test_cohorts_give_away_their_mean_alone() -> None:
    found = reconstruct(*observed(12, mixed=False, noise=0.0))
    assert found.rank == MEMBERS // SIZE
    assert found.solved.cosine == pytest.approx(found.group.cosine, abs=1e-3)
    assert found.solved.identified <= 1 / SIZE
    assert found.solved.error > 0.7


def test_noise_is_damped() -> None:
    found = reconstruct(*observed(6, mixed=True, noise=2.0))
    assert found.damped.cosine > found.solved.cosine
    assert found.damped.error < found.solved.error


def test_the_truth_is_what_is_beyond_the_mean_of_all() -> None:
    sums, steps = observed(3, mixed=True, noise=0.5)
    parts, means = own_parts(steps, sums), session_means(sums)
    for session, mean in means.items():
        np.testing.assert_allclose(mean, np.mean([steps[m, session] for m in range(MEMBERS)], axis=0), atol=1e-5)
    np.testing.assert_allclose(sum(parts.values()), np.zeros(LENGTH), atol=1e-4)


def test_groups_of_other_sizes_count_by_their_members() -> None:
    one = GroupSum(1, (0,), np.float32([8, 0]))
    three = GroupSum(1, (1, 2, 3), np.float32([0, 4]))
    np.testing.assert_allclose(session_means([one, three])[1], [2, 3])


def test_what_cannot_be_solved_or_compared() -> None:
    sums, steps = observed(2, mixed=True, noise=0.0)
    with pytest.raises(InputError, match="expected sums and a damping of at least 0, got 0 and 0"):
        solve([])
    with pytest.raises(InputError, match="got 8 and -1"):
        solve(sums, -1.0)
    truth = own_parts(steps, sums)
    with pytest.raises(InputError, match="expected estimates of"):
        likeness({0: truth[0]}, truth)
