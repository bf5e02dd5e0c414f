"""Suite `training`: the data owners of one process trained as one batch, against a loop over them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from omnilytics.bench.report import Report, Row, Say
from omnilytics.errors import VerificationError
from omnilytics.experiments.recipes import Recipe, build_split, recipe_for
from omnilytics.model.fitting import State, fit_many, one_thread, passes, stacked, training_device
from omnilytics.seeds import Seeds
from omnilytics.train.batched import train_batched
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset
from omnilytics.train.local import train_local

MEMBERS = 32
REPETITIONS = 5
SESSION = 4
"""Past every recipe's warm-up."""

TOLERANCE = 1e-6
"""Largest difference of a trained parameter in float64."""

BOUNDS = {"batched_vs_loop": 2.0}

SHAPES = {"mnist": (1, 28, 28), "digits": (1, 8, 8)}
CASES = {
    "batched_vs_loop": ("mnist", "side"),
    "batched_vs_loop_digits": ("digits", "side"),
    "batched_vs_loop_layers": ("mnist", "layers"),
}
"""By ratio: the default split on the paper's data, the demo's, and the paper's split."""


def run(say: Say) -> Report:
    """Times one session's training of 32 data owners, by recipe; images are noise, which takes as long as digits.

    Raises:
        VerificationError: batch and loop differ by more than 1e-6 in float64.
    """
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    notes = [f"processor time in one thread, the best of {REPETITIONS}: on an idle machine, wall time"]
    for ratio, (dataset, split) in CASES.items():
        name = f"{dataset}, {split}"
        say(f"training: {MEMBERS} data owners, {name}")
        recipe = recipe_for(dataset, split)
        loop, batch = seconds(recipe)
        rows.append(Row(f"{name}: {MEMBERS} data owners", 1_000 * batch, "ms", "one after the other", 1_000 * loop))
        ratios[ratio] = loop / batch
        difference = largest_difference(recipe)
        if difference > TOLERANCE:
            raise VerificationError(
                f"training, {name}: expected batch and loop within {TOLERANCE:g} in float64, got {difference:g}"
            )
        config = recipe.train
        notes.append(
            f"{name}: {recipe.samples_per_member} samples, {config.epochs} epochs, batches of {config.batch_size}; "
            f"batch and loop differ by at most {difference:.1e} in float64"
        )
    return Report("training", tuple(rows), ratios, BOUNDS, tuple(notes))


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


def seconds(recipe: Recipe, members: int = MEMBERS, repetitions: int = REPETITIONS) -> tuple[float, float]:
    """The best times of the loop and of the batch, which take turns, so that both meet the same load."""
    seeds, data, indices = Seeds(0), noise(recipe, members), list(range(members))
    split = build_split(recipe, seeds)
    start = split.public_vector()

    def loop() -> None:
        for index in indices:
            train_local(split, index, data[index], start, recipe.train, seeds, SESSION)

    def batch() -> None:
        train_batched(split, indices, data, start, recipe.train, seeds, SESSION)

    loop()
    batch()
    times = [(_timed(loop), _timed(batch)) for _ in range(repetitions)]
    return min(t[0] for t in times), min(t[1] for t in times)


def _timed(work: Callable[[], None]) -> float:
    """Seconds of this process's one thread, or by the clock where a GPU does the work."""
    clock = perf_counter if training_device().type == "cuda" else process_time
    begin = clock()
    work()
    return clock() - begin


class _InDouble(nn.Module):
    """A network in float64 that takes float32 images."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.double()

    def forward(self, x: torch.Tensor) -> Any:
        return self.network(x.double())


def largest_difference(recipe: Recipe, members: int = MEMBERS) -> float:
    """The largest difference of a parameter between `fit_many` and `torch.optim.SGD` for each, both in float64."""
    split = build_split(recipe, Seeds(0))
    model = split.member_model(0, Seeds(0))
    network = _InDouble(copy.deepcopy(model.module))
    names = [f"network.{name}" for name in model.trained_names]
    seen = [passes(d, recipe.train, np.random.default_rng(i)) for i, d in enumerate(noise(recipe, members))]
    x, y = stacked(seen)
    start = [_values(network, names)] * members
    together = fit_many(copy.deepcopy(network), start, x, y, recipe.train, recipe.train.learning_rate)
    alone = (_descended(copy.deepcopy(network), names, *part, recipe.train) for part in seen)
    return max(
        float((one[name] - batched[name]).abs().max())
        for one, batched in zip(alone, together, strict=True)
        for name in names
    )


def _descended(network: nn.Module, names: list[str], x: torch.Tensor, y: torch.Tensor, config: TrainConfig) -> State:
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


def _values(network: nn.Module, names: list[str]) -> State:
    return {n: p.detach().clone() for n, p in network.named_parameters() if n in names}
