"""The main job: an owner with a weak model and a deposit, its data owners, a contract between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omnilytics.blobs.archive import Archive
from omnilytics.config import DemoOptions
from omnilytics.errors import InputError
from omnilytics.experiments.arena.attacks import Lanes, Scale
from omnilytics.experiments.arena.ring import Lone
from omnilytics.experiments.dropouts import drawn
from omnilytics.experiments.recipes import ALPHA, Recipe, build_data, build_split, chosen_recipe
from omnilytics.experiments.results import DemoResult, GasMeter, RecordKeeper
from omnilytics.experiments.simulate import Simulation, simulate
from omnilytics.model.split import StandIn
from omnilytics.protocol import events
from omnilytics.protocol.clock import Stopwatch
from omnilytics.protocol.member import Behaviour, Policy
from omnilytics.protocol.record import RecordWriter
from omnilytics.protocol.terms import Terms, offer
from omnilytics.seeds import Seeds
from omnilytics.types import Address, Suite


def run_demo(options: DemoOptions, sink: events.Sink, record: RecordWriter | None = None) -> DemoResult:
    """Runs the main job as `options` say, on an embedded chain of its own.

    Args:
        options: what was typed; None means the recipe's own value.
        sink: gets the event stream.
        record: gets the events and every session's logs.

    Raises:
        InputError: options that can't work together with the recipe.
        DataError: data files missing or corrupt.
        ProtocolError, ChainError: a session went wrong.
    """
    clock, gas, records, seeds = Stopwatch(), GasMeter(), RecordKeeper(), Seeds(options.seed)
    with clock.of("other"):
        recipe = _recipe(options)
        plan = recipe.plan(_terms(options, recipe), patience=options.patience)
        split = build_split(recipe, seeds, StandIn(options.stand_in))
        alpha = ALPHA if options.alpha is None else options.alpha
        data = build_data(recipe, seeds, options.data_dir, options.partition, alpha)
        world = Simulation(recipe.members)
        if options.blobs is not None:
            world.chain.blobs = Archive(options.blobs)
        behaviours = _attackers(options, recipe, seeds)
        attackers = [world.members[index] for index in sorted(behaviours)]

        watch = events.all_of(gas, records, *([] if record is None else [record.event]), sink)
        watch(_started(options, recipe, plan.terms, world, attackers, split.parameter_count))
        improvement = simulate(
            split,
            plan,
            owner_data=data.owner,
            member_data=data.members,
            test_data=data.test,
            seed=options.seed,
            sink=watch,
            behaviours=behaviours,
            dropouts=lambda number: drawn(seeds, number, options.dropouts),
            policy=Policy(vote_flip=options.vote_flip),
            record=None if record is None else record.session,
            clock=clock,
            simulation=world,
        )
    return DemoResult(
        options=options.model_dump(mode="json", exclude={"data_dir", "blobs"}),
        improvement=improvement,
        gas=gas,
        records=records,
        attackers=attackers,
        warm_up=len(recipe.train.warm_up),
        seconds={**clock.seconds, "total": sum(clock.seconds.values())},
        record=None if record is None else record.path.name,
    )


def _recipe(options: DemoOptions) -> Recipe:
    """The recipe with what the options say otherwise, and members for all seats."""
    recipe = chosen_recipe(options)
    seats = recipe.rounds * recipe.group_size
    return recipe if options.members is not None else replace(recipe, members=max(recipe.members, seats))


def _terms(options: DemoOptions, recipe: Recipe) -> Terms:
    suite = None if options.suite is None else Suite[options.suite.upper()]
    return replace(offer(options, recipe.rounds, recipe.group_size), suite=suite)


def _attackers(options: DemoOptions, recipe: Recipe, seeds: Seeds) -> dict[int, Behaviour]:
    """The persistent attackers, drawn by the seed: member index -> behaviour."""
    if options.attackers > recipe.members:
        raise InputError(
            f"--attackers: expected at most the {recipe.members} data owners there are, got {options.attackers}"
        )
    drawn = seeds.numpy("attackers").choice(recipe.members, size=options.attackers, replace=False)
    attack = Scale() if options.attack == "scaled" else Lanes()
    return {int(index): Lone(attack, seeds.numpy("garbage", int(index))) for index in drawn}


def _started(
    options: DemoOptions,
    recipe: Recipe,
    terms: Terms,
    world: Simulation,
    attackers: Sequence[Address],
    parameter_count: int,
) -> events.RunStarted:
    return events.RunStarted(
        session=0,
        dataset=recipe.dataset,
        split=recipe.split,
        encoding=options.encoding,
        rule=options.select,
        sessions=recipe.sessions,
        rounds=recipe.rounds,
        group_size=recipe.group_size,
        parameter_count=parameter_count,
        members=list(world.members),
        attackers=list(attackers),
        attack=options.attack if attackers else "none",
        seed=options.seed,
        owner=world.owner,
        policy=options.policy,
        threshold=terms.least_members,
        dropouts=options.dropouts,
        mode=options.mode,
        packed=options.packed,
    )
