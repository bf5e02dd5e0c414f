"""A round of FedAvg in this process against one of Flower's simulation engine, for the suite `training`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
"""The first of which starts Ray's processes, and doesn't count."""

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


def against_flower(flower: Path, recipe: Recipe, data: list[Dataset]) -> tuple[Row, float, str]:
    """A round of all these data owners, undistorted: what was timed, how many times faster than Flower, and a note.

    Raises:
        DataError: Flower's program failed.
    """
    recipe = replace(recipe, train=replace(recipe.train, epochs=EPOCHS, augment=False))
    ours = min(_round(recipe, data) for _ in range(ROUNDS))
    answer = _simulation(flower, recipe, len(data))
    theirs = min(answer["seconds"])
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
    row = Row(f"a round of FedAvg, {len(data)} data owners", 1_000 * ours, "ms", "Flower's simulation", 1_000 * theirs)
    note = (
        f"Flower's simulation ({versions}): by the clock, {os.cpu_count()} processors against one thread of ours, the "
        f"best of {ROUNDS - 1} rounds after the first ({answer['first']:.0f} s); {EPOCHS} epochs, undistorted"
    )
    return row, theirs / ours, note


def _round(recipe: Recipe, data: list[Dataset]) -> float:
    seeds = Seeds(0)
    split = build_split(recipe, seeds)
    begin = perf_counter()
    trained = train_batched(split, range(len(data)), data, split.public_vector(), recipe.train, seeds, 4)
    split.load_public(np.stack(trained).mean(axis=0))
    return perf_counter() - begin


def _simulation(flower: Path, recipe: Recipe, members: int) -> dict[str, Any]:
    asked = {
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
