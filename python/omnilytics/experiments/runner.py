"""Answers a question: runs its trials, none of them twice, and adds up what came of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from omnilytics.errors import DataError, InputError
from omnilytics.experiments.engine import Engine
from omnilytics.experiments.findings import Findings
from omnilytics.experiments.spec import Cell, Spec
from omnilytics.experiments.trial import Trial, TrialResult

Progress = Callable[[int, int], None]
"""Is told how many trials are done, and of how many."""

Tell = Callable[[str, Trial, TrialResult], None]
"""Is told of each trial by the name that `digest` gives it."""

MARKET = "omnilytics.experiments.arena.run:run_trial"
"""What runs a trial that names nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a question is asked.

    Attributes:
        small: its tiny version.
        tune: with the tuning seeds, judged by images that no final figure is made with.
        seeds: instead of the spec's; None: the spec's.
        attack: in place of every attack there is, and with no options; None: the spec's.
    """

    small: bool = False
    tune: bool = False
    seeds: tuple[int, ...] | None = None
    attack: str | None = None

    def cells(self, spec: Spec) -> tuple[Spec, list[Cell]]:
        """What is run: the spec as it is asked, and its combinations.

        Raises:
            InputError: no seeds to tune with, or no attack to replace.
        """
        asked = spec.made_small() if self.small else spec
        seeds = self.seeds or (spec.tuning_seeds if self.tune else asked.seeds)
        if not seeds:
            raise InputError(f"{spec.name}: expected tuning seeds, got none")
        asked = asked.model_copy(update={"seeds": seeds})
        if self.attack is None:
            return asked, list(asked.cells())
        asked = asked.with_attack(self.attack)
        cells = list(asked.cells())
        if not any(cell.trial.attackers for cell in cells):
            raise InputError(f"--attack: expected an experiment with attackers, got {spec.name}")
        return asked, [self._attacked(cell, self.attack) if cell.trial.attackers else cell for cell in cells]

    @staticmethod
    def _attacked(cell: Cell, attack: str) -> Cell:
        return replace(cell, trial=replace(cell.trial, attack=attack, attack_options={}))


def run_spec(
    spec: Spec,
    request: Request,
    engine: Engine,
    folder: Path,
    *,
    data_dir: Path | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Findings:
    """Runs what isn't in `folder` yet and gives what was found.

    Args:
        spec: the question.
        request: how it is asked.
        engine: where trials run; one at a time where the question is of time.
        folder: keeps the result of each trial, and of each that runs its last session, so that a run that was stopped
            goes on; made where it isn't there.
        data_dir: the folder of the MNIST files.
        progress: is told how far it is.
        tell: is told of every trial, in no order; of those that had been run before, too.

    Raises:
        InputError, DataError, ProtocolError, ChainError: of a trial, or `folder` can't be written to.
    """
    asked, cells = request.cells(spec)
    trials = {cell.labels: cell.seeded(asked.seeds, final_test=not request.tune) for cell in cells}
    wanted = list({digest(trial): trial for own in trials.values() for trial in own}.values())
    shelf = Shelf(folder)
    missing = [trial for trial in wanted if shelf.get(trial) is None]
    there = len(wanted) - len(missing)
    say = progress or (lambda done, of: None)
    say(there, len(wanted))
    job = partial(run_one, data_dir=data_dir, folder=folder)
    used = engine.one_at_a_time() if asked.timed else engine
    for done, (place, result) in enumerate(used.map(job, missing), there + 1):
        shelf.put(missing[place], result)
        say(done, len(wanted))
    if tell is not None:
        for trial in wanted:
            tell(digest(trial), trial, _there(shelf.get(trial)))
    found = {labels: [_there(shelf.get(trial)) for trial in own] for labels, own in trials.items()}
    return Findings.of(asked, found, small=request.small, tuned=request.tune, attack=request.attack)


def run_one(trial: Trial, data_dir: Path | None = None, folder: Path | None = None) -> TrialResult:
    """Runs a trial in this process, by what it names in `run` or by the market.

    Args:
        trial: what is run.
        data_dir: the folder of the MNIST files.
        folder: where a trial of the market is kept after each session until it is over; None: nowhere.

    Raises:
        InputError: `run` names nothing.
        InputError, DataError, ProtocolError, ChainError: as `arena.run.run_trial`.
    """
    kept = {} if trial.run or folder is None else {"checkpoint": folder / f"{digest(trial)}.checkpoint"}
    result: TrialResult = _runner(trial.run or MARKET)(trial, data_dir, **kept)
    return result


def _runner(name: str) -> Callable[..., TrialResult]:
    module, _, function = name.partition(":")
    try:
        found: Callable[..., TrialResult] = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"run: expected module:function that runs a trial, got {name!r}: {error}") from None
    return found


def digest(trial: Trial) -> str:
    """Names a trial and the version of the package that runs it: 64 hexadecimal digits."""
    named = json.dumps([version("omnilytics"), asdict(trial)], sort_keys=True)
    return hashlib.sha256(named.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Results of trials in a folder, a file each.

    Attributes:
        folder: made with the first result.
    """

    folder: Path

    def get(self, trial: Trial) -> TrialResult | None:
        """What came of a trial; None: it hasn't been run.

        Raises:
            DataError: the file isn't what `put` has written.
        """
        path = self._path(trial)
        try:
            return TypeAdapter(TrialResult).validate_python(json.loads(path.read_bytes())["result"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: expected the result of a trial, got: {error}") from None

    def put(self, trial: Trial, result: TrialResult) -> None:
        """Keeps it, all of it or nothing.

        Raises:
            InputError: it can't be written.
        """
        path = self._path(trial)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        value: Mapping[str, Any] = {"trial": asdict(trial), "result": asdict(result)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            raise InputError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None

    def _path(self, trial: Trial) -> Path:
        return self.folder / f"{digest(trial)}.json"


def _there(result: TrialResult | None) -> TrialResult:
    if result is None:
        raise DataError("trial: expected its result in the folder, and somebody has taken it away")
    return result
