"""A round of FedAvg in this process against one of Flower's simulation engine, for the suite `training`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from omnilytics.bench.report import Row
from omnilytics.errors import DataError
from omnilytics.experiments.recipes import Recipe, build_split
from omnilytics.seeds import Seeds
from omnilytics.train.batched import train_batched
from omnilytics.train.data import Dataset

PROGRAM = Path(__file__).with_name("flower_simulation.py")

ROUNDS = 4
"""The first of which, where Ray's processes are started, doesn't count."""

EPOCHS = 2
"""The paper's E."""

LIMIT_SECS = 300


def missing(flower: Path) -> str:
    """What isn't there of what the comparison takes; nothing if all is.

    Args:
        flower: a Python that has flwr, of this one's version: its packages are put before ours.
    """
    if not packages(flower).joinpath("flwr").exists():
        return f"Flower for Python {sys.version_info.major}.{sys.version_info.minor} at {flower}"
    return "" if find_spec("ray") else "the package ray (extra ray)"


def packages(flower: Path) -> Path:
    """Where that Python has its packages."""
    return flower.parent.parent / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def against_flower(
    flower: Path, cases: Mapping[str, tuple[Recipe, list[Dataset]]]
) -> tuple[list[Row], dict[str, float], str]:
    """A round of all data owners of each case, undistorted.

    Args:
        flower: a Python as `missing` wants it.
        cases: by data set, with as many data owners each.

    Returns:
        What was timed, how many times faster than Flower by data set, and a note.

    Raises:
        DataError: Flower's program failed.
    """
    fixed = {name: (_fixed(recipe), data) for name, (recipe, data) in cases.items()}
    ours = {name: min(_round(recipe, data) for _ in range(ROUNDS)) for name, (recipe, data) in fixed.items()}
    recipe, data = next(iter(fixed.values()))
    answer = _simulation(flower, list(cases), recipe, len(data))
    theirs = {name: min(seconds[1:]) for name, seconds in answer["seconds"].items()}
    rows = [
        Row(
            f"{name}: a round of FedAvg, {len(data)} data owners",
            1_000 * ours[name],
            "ms",
            "Flower's simulation",
            1_000 * theirs[name],
        )
        for name in cases
    ]
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
    note = (
        f"Flower's simulation ({versions}): by the clock, on {os.cpu_count()} processors, ours too, the best of "
        f"{ROUNDS - 1} rounds after the first; {EPOCHS} epochs, undistorted"
    )
    return rows, {name: theirs[name] / ours[name] for name in cases}, note


def _fixed(recipe: Recipe) -> Recipe:
    return replace(recipe, train=replace(recipe.train, epochs=EPOCHS, augment=False))


def _round(recipe: Recipe, data: list[Dataset]) -> float:
    seeds = Seeds(0)
    split = build_split(recipe, seeds)
    begin = perf_counter()
    trained = train_batched(split, range(len(data)), data, split.public_vector(), recipe.train, seeds, 4)
    split.load_public(np.stack(trained).mean(axis=0))
    return perf_counter() - begin


def _simulation(flower: Path, datasets: list[str], recipe: Recipe, members: int) -> dict[str, Any]:
    asked = {
        "datasets": datasets,
        "members": members,
        "samples": recipe.samples_per_member,
        "epochs": recipe.train.epochs,
        "batch": recipe.train.batch_size,
        "rounds": ROUNDS,
    }
    places = os.pathsep.join([str(packages(flower)), str(Path(__file__).parents[2])])
    environment = os.environ | {
        "PYTHONPATH": places,
        "FLWR_TELEMETRY_ENABLED": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }
    try:
        ended = subprocess.run(
            [sys.executable, str(PROGRAM)],
            input=json.dumps(asked),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECS,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"Flower: expected {ROUNDS} rounds within {LIMIT_SECS} s, got none") from None
    lines = ended.stdout.strip().splitlines()
    if ended.returncode or not lines:
        said = ended.stderr.strip().splitlines() or ["nothing"]
        raise DataError(f"Flower: expected the times of {ROUNDS} rounds, the program ended; it said: {said[-1]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer
