"""Suite `training`: the data owners of one process trained as one batch, against a loop over them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from omnilytics.bench import simulated
from omnilytics.bench.report import Report, Row, Say
from omnilytics.errors import VerificationError
from omnilytics.experiments.recipes import Recipe, build_split, recipe_for
from omnilytics.model.fitting import fit_many, one_thread, passes, training_device
from omnilytics.model.stacked import State
from omnilytics.seeds import Seeds
from omnilytics.train.batched import train_batched
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset

MEMBERS = {"cpu": 32, "cuda": 1024}
"""Data owners, by device."""

REPETITIONS = {"cpu": 5, "cuda": 2}
"""By device, after one that doesn't count."""

SESSION = 4
"""Past every recipe's warm-up."""

TOLERANCE = 1e-6
"""Largest difference of a trained parameter in float64."""

BATCH = 10
"""Samples a step, whatever the recipe's."""

BOUNDS = {
    "cpu": {
        "batched_vs_loop": 5.0,
        "batched_vs_loop_digits": 5.0,
        "simulation_vs_flower": 10.0,
        "simulation_vs_flower_digits": 10.0,
    },
    "cuda": {"batched_vs_loop": 50.0, "simulation_vs_flower": 10.0, "simulation_vs_flower_digits": 10.0},
}
"""By device."""

SHAPES = {"mnist": (1, 28, 28), "digits": (1, 8, 8)}
CASES = {
    "batched_vs_loop": ("mnist", "side"),
    "batched_vs_loop_digits": ("digits", "side"),
    "batched_vs_loop_layers": ("mnist", "layers"),
}
"""By ratio: the default split on the paper's data, the demo's, and the paper's split."""

SIMULATED = {"simulation_vs_flower": "mnist", "simulation_vs_flower_digits": "digits"}
"""By ratio: the data set of what Flower's simulation does too."""


def run(say: Say, flower: Path) -> Report:
    """Times one session's training, by recipe, and a round of Flower's simulation where there is one.

    Images are noise, which takes as long as digits.

    Args:
        say: where it is, in words.
        flower: a Python that has flwr.

    Raises:
        DataError: Flower's program failed.
        VerificationError: batch and loop differ by more than 1e-6 in float64.
    """
    device = training_device().type
    members, repetitions = MEMBERS[device], REPETITIONS[device]
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    clock = "processor time in one thread" if device == "cpu" else f"the clock, on {torch.cuda.get_device_name()}"
    notes = [f"{clock}, the best of {repetitions}; the loop is nn.Module, autograd and torch.optim.SGD, owner by owner"]
    for ratio, (dataset, split) in CASES.items():
        name = f"{dataset}, {split}"
        say(f"training: {members} data owners, {name}")
        recipe = timed_recipe(dataset, split)
        loop, batch = seconds(recipe, members, repetitions)
        samples = members * recipe.samples_per_member * recipe.train.epochs
        rows.append(Row(f"{name}: {members} data owners", 1_000 * batch, "ms", "one after the other", 1_000 * loop))
        ratios[ratio] = loop / batch
        difference = largest_difference(recipe, min(members, 32))
        if difference > TOLERANCE:
            raise VerificationError(
                f"training, {name}: expected batch and loop within {TOLERANCE:g} in float64, got {difference:g}"
            )
        notes.append(
            f"{name}: {recipe.samples_per_member} samples, {recipe.train.epochs} epochs, batches of {BATCH}; "
            f"{samples / batch:,.0f} samples/s; batch and loop differ by at most {difference:.1e} in float64"
        )
    if lacks := simulated.missing(flower):
        notes.append(f"not held against Flower's simulation: expected {lacks}, found none")
    else:
        say("training: a round of Flower's simulation")
        recipes = {dataset: timed_recipe(dataset, "side") for dataset in SIMULATED.values()}
        compared = {dataset: (recipe, noise(recipe, members)) for dataset, recipe in recipes.items()}
        more, found, note = simulated.against_flower(flower, compared)
        rows += more
        ratios |= {ratio: found[dataset] for ratio, dataset in SIMULATED.items()}
        notes.append(note)
    return Report("training", tuple(rows), ratios, BOUNDS[device], tuple(notes))


def without(say: Say, flower: Path) -> Report:
    """What `all` has of this suite where Flower isn't there: all but what is held against it."""
    return run(say, flower)


def timed_recipe(dataset: str, split: str) -> Recipe:
    """The recipe, in steps of `BATCH` samples."""
    recipe = recipe_for(dataset, split)
    return replace(recipe, train=replace(recipe.train, batch_size=BATCH))


def noise(recipe: Recipe, members: int) -> list[Dataset]:
    """Data of the recipe's shape, drawn from a fixed seed."""
    rng, samples = np.random.default_rng(0), recipe.samples_per_member
    return [
        Dataset(
            x=rng.random((samples, *SHAPES[recipe.dataset]), dtype=np.float32),
            y=rng.integers(10, size=samples),
            classes=10,
            name="noise",
        )
        for _ in range(members)
    ]


def seconds(recipe: Recipe, members: int, repetitions: int) -> tuple[float, float]:
    """The best times of the loop and of the batch, which take turns, so that both meet the same load."""
    seeds, data, indices = Seeds(0), noise(recipe, members), list(range(members))
    split = build_split(recipe, seeds)
    start = split.public_vector()
    model = split.member_model(0, seeds)

    def loop() -> None:
        for index in indices:
            x, y = passes([data[index]], recipe.train, [seeds.numpy("train", index, SESSION)])
            network = copy.deepcopy(model.module).to(x.device)
            values = descended(network, model.trained_names, x[0], y[0], recipe.train)
            torch.cat([values[name].flatten() for name in model.public_names]).cpu()

    def batch() -> None:
        with one_thread():
            train_batched(split, indices, data, start, recipe.train, seeds, SESSION)

    times = [(_timed(loop), _timed(batch)) for _ in range(1 + repetitions)][1:]
    return min(t[0] for t in times), min(t[1] for t in times)


def _timed(work: Callable[[], None]) -> float:
    """Seconds of this process's one thread, or by the clock where a GPU does the work."""
    clock = perf_counter if training_device().type == "cuda" else process_time
    begin = clock()
    work()
    return clock() - begin


def largest_difference(recipe: Recipe, members: int) -> float:
    """The largest difference of a parameter between `fit_many` and `torch.optim.SGD` for each, both in float64."""
    split = build_split(recipe, Seeds(0))
    model = split.member_model(0, Seeds(0))
    network = copy.deepcopy(model.module).double().to(training_device())
    x, y = passes(noise(recipe, members), recipe.train, [np.random.default_rng(i) for i in range(members)])
    start = [_values(network, model.trained_names)] * members
    alone = [
        descended(copy.deepcopy(network), model.trained_names, *part, recipe.train)
        for part in zip(x.double(), y, strict=True)
    ]
    together = fit_many(network, start, x.double(), y, recipe.train, recipe.train.learning_rate)
    return max(
        float((one[name].cpu() - together[name][place]).abs().max())
        for place, one in enumerate(alone)
        for name in model.trained_names
    )


def descended(network: nn.Module, names: Sequence[str], x: torch.Tensor, y: torch.Tensor, config: TrainConfig) -> State:
    """The parameters called `names` after SGD on what each epoch sees: x (epochs, n, ...), y (epochs, n)."""
    chosen = [parameter for name, parameter in network.named_parameters() if name in names]
    optimizer = torch.optim.SGD(chosen, lr=config.learning_rate, momentum=config.momentum)
    with one_thread():
        for images, labels in zip(x, y, strict=True):
            for i in range(0, len(labels), config.batch_size):
                batch = slice(i, i + config.batch_size)
                optimizer.zero_grad()
                torch.autograd.backward(cross_entropy(network(images[batch]), labels[batch]))
                optimizer.step()
    return _values(network, names)


def _values(network: nn.Module, names: Sequence[str]) -> State:
    return {n: p.detach().clone() for n, p in network.named_parameters() if n in names}
