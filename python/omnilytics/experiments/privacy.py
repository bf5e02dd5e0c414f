"""What an observer learns of data owners and of the owner's model: trials run by `Trial.run`.

Samples to compare with are never anybody's: with `final_test` the test samples, else those held out of the pool.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import InputError
from omnilytics.experiments.arena.run import Setting, pipeline_at, pipeline_of, prepare, result_of
from omnilytics.experiments.membership import infer
from omnilytics.experiments.observer import Confidant, Observer
from omnilytics.experiments.reconstruction import reconstruct, solve
from omnilytics.experiments.results import GasMeter
from omnilytics.experiments.simulate import Simulation
from omnilytics.experiments.trial import Trial, TrialResult
from omnilytics.model.fitting import fit, module_logits
from omnilytics.model.nets import initialise
from omnilytics.model.split import LayersSplit, SideSplit, Split, StandIn
from omnilytics.model.vector import load_vector
from omnilytics.protocol.clock import Stopwatch
from omnilytics.protocol.member import Policy
from omnilytics.train.data import Dataset
from omnilytics.train.evaluate import accuracy
from omnilytics.types import FloatVec

STRANGERS = 500
"""Most samples that nobody trained on that membership is told from."""


def fresh(trial: Trial, data_dir: Path | None = None) -> TrialResult:
    """Groups are drawn anew in each session, and nobody minds near repeats; figures as `watched` has them."""
    return watched(trial, data_dir, Policy(accept_near_repeats=True))


def declining(trial: Trial, data_dir: Path | None = None) -> TrialResult:
    """As `fresh`, but clients decline groups that differ from a past one in a single member, as they do by default."""
    return watched(trial, data_dir, Policy())


def cohorts(trial: Trial, data_dir: Path | None = None) -> TrialResult:
    """Members come back with the group that they were first accepted with (E29)."""
    return watched(trial, data_dir, Policy(), cohorts=True)


def watched(trial: Trial, data_dir: Path | None, policy: Policy, cohorts: bool = False) -> TrialResult:
    """A trial on a chain with an observer; `extra` has what it finds out (`Reconstruction`, `Membership`).

    Raises:
        InputError: the trial isn't on a chain, has attackers, or another encoding than `delta`.
        DataError: data files missing or corrupt.
        ProtocolError, ChainError: a session went wrong.
    """
    if not trial.on_chain or trial.attack is not None or trial.encoding != "delta":
        raise InputError(
            "observer: expected a trial on a chain with encoding delta and no attack, "
            f"got on_chain {trial.on_chain}, {trial.encoding} and {trial.attack}"
        )
    clock, gas = Stopwatch(), GasMeter()
    with clock.of("other"):
        setting = prepare(trial, data_dir)
        world = Simulation(setting.recipe.members)
        observer = Observer(world.chain, world.members)
        told = {index: Confidant() for index in range(len(world.members))}
        venue = world.venue(
            setting.seeds,
            gas,
            behaviours=told,
            policy=replace(policy, accept_unsafe_small=True),
            record=observer.seen,
            cohorts=cohorts,
        )
        pipeline = pipeline_at(setting, venue, gas)
        pipeline.clock = clock
        run = pipeline.run()
        extra = _found(setting, observer, told)
    return replace(result_of(setting, venue, run, gas, clock), extra=extra)


def _found(setting: Setting, observer: Observer, told: dict[int, Confidant]) -> dict[str, float]:
    delivered = {(member, one.session) for one in observer.sums for member in one.members}
    steps = {
        (member, observer.numbers[session]): step
        for member, one in told.items()
        for session, step in one.steps.items()
        if (member, observer.numbers[session]) in delivered
    }
    split, data = setting.split, setting.data
    public = split.member_model(0, setting.seeds)

    def logits(weights: FloatVec, x: NDArray[np.float32]) -> NDArray[np.float32]:
        load_vector(public.module, weights, public.public_names)
        return module_logits(public.module, x)

    found = reconstruct(observer.sums, steps)
    strangers = data.test.take(np.arange(min(STRANGERS, len(data.test))))
    membership = infer(
        logits,
        observer.published,
        split.public_vector(),
        observer.sums,
        solve(observer.sums)[0],
        data.members,
        strangers,
    )
    named = {**asdict(found), "membership": asdict(membership)}
    flat: dict[str, float] = {}
    for name, value in named.items():
        flat.update({f"{name}.{k}": float(v) for k, v in value.items()} if isinstance(value, dict) else {name: value})
    return flat


def outsider(trial: Trial, data_dir: Path | None = None) -> TrialResult:
    """Somebody who knows what left the owner, and has as many samples as it, makes a model of it.

    `extra`: `outsider`, that model's accuracy, and `owner`, that of the owner's on the same samples, in per cent. The
    outsider's samples are the first of the test samples; both are judged by the others.

    Raises:
        InputError: too few test samples.
        DataError, ProtocolError, ChainError: as `arena.run.run_trial`.
    """
    setting = prepare(trial, data_dir)
    count, test = setting.recipe.owner_samples, setting.data.test
    if len(test) <= count:
        raise InputError(f"outsider: expected more than {count} test samples, got {len(test)}")
    gas = GasMeter()
    pipeline = pipeline_of(setting, gas)
    result = result_of(setting, pipeline.venue, pipeline.run(), gas, pipeline.clock)
    own, judges = test.take(np.arange(count)), test.take(np.arange(count, len(test)))
    copied = imitate(setting, own)
    return replace(
        result,
        extra={
            "outsider": accuracy(copied.logits(judges.x), judges.y),
            "owner": accuracy(setting.split.logits(judges.x), judges.y),
        },
    )


def imitate(setting: Setting, own: Dataset) -> Split:
    """The model that an outsider with samples `own` makes of what left the owner.

    With `side` it fits a private model of its own to them and weighs it as the owner does. With `layers` it has all
    (`shared`), or fits layers of its own around the public ones.
    """
    split = copy.deepcopy(setting.split)
    rng, generator = setting.seeds.numpy("outsider"), setting.seeds.torch("outsider")
    if isinstance(split, SideSplit):
        copied = SideSplit(initialise(split.private, generator), split.public)
        copied.adapt(own, setting.recipe.owner_train, rng)
        return copied
    assert isinstance(split, LayersSplit)
    if split.stand_in is not StandIn.SHARED:
        published = split.public_vector()
        initialise(split.model, generator)
        split.load_public(published)
        fit(split.model, own, setting.recipe.owner_train, rng, split.private_names, epochs=split.pretraining)
    return split
