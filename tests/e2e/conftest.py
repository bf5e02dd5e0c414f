"""A small whole run, shared by the tests that look at it from different sides."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from omnilytics.experiments.simulate import Simulation, simulate
from omnilytics.model.split import SideSplit, Split
from omnilytics.protocol.events import Event
from omnilytics.protocol.member import Behaviour, Policy
from omnilytics.protocol.pipeline import Improvement, Plan
from omnilytics.protocol.record import RecordWriter, SessionRecord
from omnilytics.protocol.terms import Terms
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset, load_digits
from omnilytics.types import Rule

TERMS = Terms(reward_wei=10**18 + 1, rounds=4, group_size=3, samples=10, epochs=1, batch_size=5, rule=Rule.NORM)
PLAN = Plan(
    sessions=2,
    terms=TERMS,
    training=TrainConfig(epochs=1, batch_size=5, learning_rate=0.1, momentum=0.5, augment=False, warm_up=()),
    owner_training=TrainConfig(epochs=5, batch_size=5, learning_rate=0.05, momentum=0.5, augment=False, warm_up=()),
)


LENIENT = Policy(accept_near_repeats=True)
"""In so few groups of so few, many differ from a past one in a single member."""


@dataclass
class World:
    """Everything that a small run needs and leaves behind."""

    members: int = 12
    plan: Plan = PLAN
    seed: int = 3
    split: Split | None = None
    behaviours: Mapping[int, Behaviour] = field(default_factory=dict)
    policy: Policy = LENIENT
    events: list[Event] = field(default_factory=list)
    sessions: list[SessionRecord] = field(default_factory=list)
    simulation: Simulation | None = None
    improvement: Improvement | None = None

    def run(self) -> Improvement:
        digits = load_digits()
        order = np.random.default_rng(0).permutation(len(digits))
        parts = [digits.take(order[i * 10 : (i + 1) * 10]) for i in range(self.members + 2)]
        self.simulation = Simulation(self.members)
        self.split = self.split or side_split()
        self.improvement = simulate(
            self.split,
            self.plan,
            owner_data=parts[-1],
            member_data=parts[: self.members],
            test_data=digits.take(order[-300:]),
            seed=self.seed,
            sink=self.events.append,
            behaviours=self.behaviours,
            policy=self.policy,
            record=self.sessions.append,
            simulation=self.simulation,
        )
        return self.improvement

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def write_record(self, path: Path, sessions: list[SessionRecord] | None = None) -> Path:
        with RecordWriter(path) as writer:
            for event in self.events:
                writer.event(event)
            for session in sessions or self.sessions:
                writer.session(session)
        return path


def side_split(seed: int = 0) -> SideSplit:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        private = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
        public = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return SideSplit(private=private, public=public)


def krum_plan(**changes: object) -> Plan:
    from omnilytics.types import KrumPicks, Rule

    return replace(PLAN, terms=replace(TERMS, rule=Rule.KRUM, krum_m=2, krum_m_rule=KrumPicks.PAPER, **changes))


@pytest.fixture(scope="session")
def finished() -> World:
    """An honest run of two sessions of 4 groups of 3; don't change it."""
    world = World()
    world.run()
    return world


def fresh(**changes: object) -> World:
    return World(**copy.copy(changes))  # type: ignore[arg-type]


def dataset(n: int) -> Dataset:
    return load_digits().take(np.arange(n))
