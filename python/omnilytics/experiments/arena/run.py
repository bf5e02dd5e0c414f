"""Runs a trial: on the embedded chain, or the same protocol without one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from omnilytics.errors import InputError, NotFiniteError
from omnilytics.experiments.arena.attacks import Attack
from omnilytics.experiments.arena.plain import Plain
from omnilytics.experiments.arena.registry import make_attack, make_rule
from omnilytics.experiments.arena.ring import Attacked, Ring, Seats, behaviours
from omnilytics.experiments.arena.rules import GroupRule
from omnilytics.experiments.checkpoint import Checkpoint
from omnilytics.experiments.recipes import ALPHA, Material, Recipe, build_data, build_split, chosen_recipe, given
from omnilytics.experiments.results import GasMeter
from omnilytics.experiments.simulate import Simulation, ignore
from omnilytics.experiments.trial import Groups, Trial, TrialResult
from omnilytics.model.split import Split, StandIn
from omnilytics.protocol import events
from omnilytics.protocol.clock import Stopwatch
from omnilytics.protocol.member import Policy
from omnilytics.protocol.pipeline import Improvement, Pipeline, Plan
from omnilytics.protocol.session import Outcome
from omnilytics.protocol.terms import REWARD_WEI, Terms
from omnilytics.protocol.venue import Venue
from omnilytics.seeds import Seeds
from omnilytics.train.pretend import pretend_steps
from omnilytics.types import Address, DropoutPolicy, Encoding, FloatVec, RecordConstants

CONTRACT_RULES = ("norm", "norm+vote", "krum")
"""Rules that the contract knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A trial with everything filled in, ready to run.

    Attributes:
        trial: it.
        recipe: with what the trial says otherwise.
        seeds: the run's.
        rule: what judges.
        attack: what attackers do; None: there are none.
        attackers: their indices.
        split: the untrained model.
        data: the owner's, the members', poisoned where they attack, and what accuracy is measured on.
        plan: sessions, terms, training.
    """

    trial: Trial
    recipe: Recipe
    seeds: Seeds
    rule: GroupRule
    attack: Attack | None
    attackers: frozenset[int]
    split: Split
    data: Material
    plan: Plan

    def ring(self) -> Ring | None:
        """The attackers, before the first session; None: there are none."""
        return Ring(self.attack, self.attackers, self.trial.rule, self.seeds) if self.attack else None

    def owner_steps(self, number: int) -> list[FloatVec]:
        """What the announced C of a session comes from (`train.pretend`)."""
        recipe, terms = self.recipe, self.plan.terms
        return pretend_steps(
            self.split, self.data.owner, terms.group_size, terms.samples, recipe.train, self.seeds, number
        )


def run_trial(trial: Trial, data_dir: Path | None = None, checkpoint: Path | None = None) -> TrialResult:
    """Runs a trial, with the contract's own decisions if it is `on_chain`.

    One whose training diverges ends there: what is measured then is the model that it has come to.

    Args:
        trial: what is run.
        data_dir: the folder of the MNIST files.
        checkpoint: a file from which a trial without a chain goes on, and in which it is kept after each session until
            it is over (`experiments.checkpoint`); its `seconds` are then those since it was taken up again.

    Raises:
        InputError: values that can't work, together or each by itself.
        DataError: data files missing or corrupt, or a checkpoint of something else.
        ProtocolError, ChainError: a session went wrong.
    """
    clock = Stopwatch()
    with clock.of("other"):
        setting = prepare(trial, data_dir)
        gas = GasMeter()
        kept = None if checkpoint is None or trial.on_chain else Checkpoint(checkpoint, setting.data, trial)
        setting, pipeline = (kept.load() if kept else None) or (setting, pipeline_of(setting, gas))
        pipeline.clock = clock
        if kept is not None:
            pipeline.after = partial(_keep, kept, setting)
        try:
            run, diverged = pipeline.run(), False
        except NotFiniteError:
            run, diverged = pipeline.ended(), True
        if kept is not None:
            kept.remove()
    return replace(result_of(setting, pipeline.venue, run, gas, clock), diverged=diverged)


def pipeline_of(setting: Setting, gas: GasMeter) -> Pipeline:
    """A trial's sessions where it says; `gas` meters those on a chain."""
    ring = setting.ring()
    venue, sink = _on_chain(setting, ring, gas) if setting.trial.on_chain else (_plain(setting, ring), ignore)
    return pipeline_at(setting, venue, sink)


def pipeline_at(setting: Setting, venue: Venue, sink: events.Sink) -> Pipeline:
    """A trial's sessions, at any venue."""
    return Pipeline(
        venue=venue,
        split=setting.split,
        owner_data=setting.data.owner,
        member_data=setting.data.members,
        test_data=setting.data.test,
        plan=setting.plan,
        seeds=setting.seeds,
        sink=sink,
        measure_every=1 if setting.trial.curve else setting.recipe.sessions,
    )


def _keep(kept: Checkpoint, setting: Setting, pipeline: Pipeline) -> None:
    """After a session; who is told of it isn't part of what is kept."""
    kept.save((setting, replace(pipeline, after=None, clock=Stopwatch())))


def run_plain(trial: Trial, data_dir: Path | None = None) -> TrialResult:
    """`run_trial` without a chain, whatever the trial says."""
    return run_trial(replace(trial, on_chain=False), data_dir)


def prepare(trial: Trial, data_dir: Path | None = None) -> Setting:
    """Everything that a trial needs, made from its seed.

    Raises:
        InputError: values that can't work.
        DataError: data files missing or corrupt.
    """
    if trial.on_chain and trial.rule not in CONTRACT_RULES:
        raise InputError(f"rule: expected one of {', '.join(CONTRACT_RULES)} on a chain, got {trial.rule!r}")
    if trial.on_chain and trial.rule == "norm+vote" and trial.rule_options:
        raise InputError(f"rule_options: expected none of norm+vote on a chain, got {dict(trial.rule_options)}")
    recipe, seeds = _recipe(trial), Seeds(trial.seed)
    rule = make_rule(trial.rule, trial.rule_options)
    attack = make_attack(trial.attack, trial.attack_options) if trial.attack is not None else None
    count = math.floor(trial.attackers * recipe.members + 0.5) if attack is not None else 0
    drawn = seeds.numpy("attackers").choice(recipe.members, size=count, replace=False)
    attackers = frozenset(int(index) for index in drawn)
    alpha = ALPHA if trial.alpha is None else trial.alpha
    data = build_data(recipe, seeds, data_dir, trial.partition, alpha, final_test=trial.final_test)
    data = data.standardised() if trial.standardised else data
    if attack is not None:
        members = [attack.poison(d) if i in attackers else d for i, d in enumerate(data.members)]
        data = replace(data, members=members)
    return Setting(
        trial=trial,
        recipe=recipe,
        seeds=seeds,
        rule=rule,
        attack=attack,
        attackers=attackers,
        split=build_split(recipe, seeds, StandIn(trial.stand_in)),
        data=data,
        plan=recipe.plan(rule.terms(_terms(trial, recipe)), fit_rounds=trial.fit_rounds),
    )


def _recipe(trial: Trial) -> Recipe:
    """The recipe with what the trial says otherwise."""
    recipe = chosen_recipe(trial)
    changes = given(pretraining=trial.pretraining, public_layers=trial.public_layers)
    owner = given(epochs=trial.owner_epochs)
    return replace(recipe, owner_train=replace(recipe.owner_train, **owner), **changes)


def _terms(trial: Trial, recipe: Recipe) -> Terms:
    return Terms(
        reward_wei=REWARD_WEI,
        rounds=recipe.rounds,
        group_size=recipe.group_size,
        policy=DropoutPolicy[trial.policy.upper()],
        encoding=Encoding[trial.encoding.upper()],
        bound=trial.bound,
        records=RecordConstants(**trial.record_options) if trial.records else None,
        unsafe_small=recipe.group_size < 3,
    )


def _plain(setting: Setting, ring: Ring | None) -> Venue:
    members = [Address(f"0x{index + 1:040x}") for index in range(setting.recipe.members)]
    return Plain(members=members, seeds=setting.seeds, rule=setting.rule, owner_steps=setting.owner_steps, ring=ring)


def _on_chain(setting: Setting, ring: Ring | None, gas: GasMeter) -> tuple[Venue, events.Sink]:
    world = Simulation(setting.recipe.members)
    world.chain.seconds = gas.seconds
    sink = gas if ring is None else events.all_of(gas, Seats(ring, world.members))
    behaving = {} if ring is None else behaviours(ring)
    venue = world.venue(setting.seeds, sink, behaviours=behaving, policy=Policy(accept_unsafe_small=True))
    return venue if ring is None else Attacked(venue, ring), sink


def result_of(setting: Setting, venue: Venue, run: Improvement, gas: GasMeter, clock: Stopwatch) -> TrialResult:
    """What came of a trial's sessions at a venue."""
    bad = {venue.members[index] for index in setting.attackers}
    extra = setting.attack.measure(run.model.predict, setting.data.test) if setting.attack else {}
    warm_up = len(setting.recipe.train.warm_up)
    paid = sum(outcome.paid_wei for outcome in run.outcomes)
    return TrialResult(
        start=run.start,
        alone=run.alone,
        public=run.public,
        final=run.final,
        by_session=run.by_session,
        weight=run.weight,
        parameter_count=run.model.parameter_count,
        groups=_fared(run.outcomes[warm_up:], bad),
        groups_all=_fared(run.outcomes, bad),
        attacker_share=sum(_earned(o, bad) for o in run.outcomes) / paid if paid else 0.0,
        gas=dict(sorted(gas.by_phase.items())),
        calls=dict(sorted(gas.calls.items())),
        call_seconds=dict(sorted(gas.seconds.items())),
        seconds=dict(clock.seconds),
        extra=extra,
    )


def _paid(outcome: Outcome) -> tuple[int, ...]:
    return outcome.rejected if outcome.unselected else outcome.accepted


def _fared(outcomes: tuple[Outcome, ...], bad: set[Address]) -> Groups:
    counts = dict.fromkeys(("dirty_paid", "dirty", "clean_refused", "clean", "failed", "dirty_unselected"), 0)
    for outcome in outcomes:
        paid = _paid(outcome)
        for group, members in enumerate(outcome.groups):
            if group in outcome.failed:
                counts["failed"] += 1
            elif bad.intersection(members):
                counts["dirty"] += 1
                counts["dirty_paid"] += group in paid
                counts["dirty_unselected"] += outcome.unselected
            else:
                counts["clean"] += 1
                counts["clean_refused"] += group not in paid
    return Groups(**counts)


def _earned(outcome: Outcome, bad: set[Address]) -> float:
    """What attackers were paid, wei: all members of paid groups earn the same (E30)."""
    paid = [account for group in _paid(outcome) for account in outcome.groups[group]]
    return outcome.paid_wei * np.mean([account in bad for account in paid]).item() if paid else 0.0
