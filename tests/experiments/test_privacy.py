"""An observer of real sessions: it reads the sums that members made, and no more; cohorts stay together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omnilytics.errors import InputError
from omnilytics.experiments import privacy
from omnilytics.experiments.arena.run import pipeline_at, prepare
from omnilytics.experiments.observer import Confidant, Observer
from omnilytics.experiments.results import GasMeter
from omnilytics.experiments.simulate import Simulation
from omnilytics.experiments.trial import Trial
from omnilytics.protocol.member import Policy

SEATS = 18
SMALL = Trial(dataset="digits", members=SEATS, rounds=3, group_size=3, sessions=4, epochs=1, owner_epochs=2, seed=2)


def observed(cohorts: bool, policy: Policy) -> tuple[Observer, dict[int, Confidant]]:
    setting, world = prepare(SMALL), Simulation(SEATS)
    observer, told = Observer(world.chain, world.members), {index: Confidant() for index in range(SEATS)}
    venue = world.venue(
        setting.seeds, GasMeter(), behaviours=told, policy=policy, record=observer.seen, cohorts=cohorts
    )
    pipeline_at(setting, venue, GasMeter()).run()
    return observer, told


def test_the_sums_are_those_of_the_steps() -> None:
    observer, told = observed(cohorts=False, policy=Policy(accept_near_repeats=True))
    assert len(observer.sums) == SMALL.sessions * SMALL.rounds
    address = {number: session for session, number in observer.numbers.items()}
    for one in observer.sums:
        true = np.mean([told[m].steps[address[one.session]] for m in one.members], axis=0)
        assert np.dot(one.mean, true) > 0.8 * np.linalg.norm(one.mean) * np.linalg.norm(true)
    assert not np.array_equal(observer.published[1], observer.published[2])


def test_members_of_cohorts_sit_with_nobody_else() -> None:
    observer, _ = observed(cohorts=True, policy=Policy())
    groups = {frozenset(one.members) for one in observer.sums}
    assert len(groups) < len(observer.sums)
    assert sum(len(group) for group in groups) == len(frozenset().union(*groups))


def test_cohorts_hide_single_members() -> None:
    """With fresh groups who is who comes out; of a cohort only who is in it."""
    longer = replace(SMALL, sessions=8)
    fresh, together = (study(longer).extra for study in (privacy.fresh, privacy.cohorts))
    assert fresh["rank"] >= SEATS - 1
    assert together["rank"] <= SEATS / 3
    assert fresh["solved.identified"] > 0.7
    assert together["solved.identified"] <= 1 / 3


def test_clients_that_decline_near_repeats_give_fewer_equations() -> None:
    assert privacy.declining(SMALL).extra["equations"] < privacy.fresh(SMALL).extra["equations"]


def test_an_outsider_has_all_of_shared_layers() -> None:
    trial = replace(SMALL, split="layers", stand_in="shared", on_chain=False, sessions=1, pretraining=20)
    shared = privacy.outsider(trial).extra
    assert shared["outsider"] == shared["owner"]
    own = privacy.outsider(replace(trial, stand_in="own-common")).extra
    assert own["outsider"] != own["owner"]


def test_an_outsider_weighs_a_private_model_of_its_own() -> None:
    setting = prepare(replace(SMALL, sessions=1, owner_epochs=1))
    before = setting.split.state()
    privacy.imitate(setting, setting.data.test.take(np.arange(40)))
    after = setting.split.state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("change", [{"on_chain": False}, {"encoding": "weights"}, {"attack": "lanes"}])
def test_an_observer_needs_a_chain_with_honest_differences(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="observer: expected a trial on a chain"):
        privacy.fresh(replace(SMALL, **change))
