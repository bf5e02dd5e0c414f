"""What trials came to, for TensorBoard and for MLflow (extra `mlflow`)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from omnilytics.cli.extras import needing
from omnilytics.cli.tensorboard import write_points
from omnilytics.errors import DataError
from omnilytics.experiments.trial import Trial, TrialResult

TAG = "omnilytics.trial"
"""By which a trial is known that MLflow has already."""


class Tracker(Protocol):
    """Is told of trials, of some maybe twice."""

    def tell(self, experiment: str, name: str, trial: Trial, result: TrialResult) -> None:
        """What came of a trial.

        Args:
            experiment: that it is part of.
            name: its own, of letters and digits: the same trial has the same.
            trial: what was run.
            result: what came of it.

        Raises:
            DataError: it can't be written.
        """


def points(result: TrialResult) -> list[dict[str, float]]:
    """A value for each name and session as far as accuracy was measured; the last has what the whole run came to."""
    found = [{"accuracy/public": public, "accuracy/final": final} for public, final in result.by_session]
    groups, everything = asdict(result.groups), {f"extra/{name}": value for name, value in result.extra.items()}
    found[-1] |= {f"groups/{name}": float(count) for name, count in groups.items() if count is not None} | everything
    found[-1] |= {"accuracy/alone": result.alone, "accuracy/start": result.start, "weight": result.weight}
    found[-1] |= {"attacker_share": result.attacker_share, "gas": float(sum(result.gas.values()))}
    return found


class TensorBoard:
    """A folder with a folder for each experiment, and in it one for each trial; it takes no package.

    Args:
        folder: made where it isn't there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tell(self, experiment: str, name: str, trial: Trial, result: TrialResult) -> None:
        write_points(self._folder / experiment / name, points(result))


class MLflow:
    """A folder, or a server, of MLflow's: an experiment for each of ours, a run for each trial.

    Args:
        place: a folder, or the address of a tracking server (with `://`).

    Raises:
        InputError: MLflow isn't there.
    """

    def __init__(self, place: str) -> None:
        with needing("--mlflow", "mlflow"):
            from mlflow.tracking import MlflowClient
        if "://" not in place:
            # A folder is what a run on one machine asks for; MLflow wants to be told that this is meant.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            place = Path(place).resolve().as_uri()
        self._client: Any = _asked(lambda: MlflowClient(tracking_uri=place))

    def tell(self, experiment: str, name: str, trial: Trial, result: TrialResult) -> None:
        _asked(lambda: self._tell(experiment, name, trial, result))

    def _tell(self, experiment: str, name: str, trial: Trial, result: TrialResult) -> None:
        from mlflow.entities import Metric, Param

        known = self._client.get_experiment_by_name(experiment)
        place = known.experiment_id if known else self._client.create_experiment(experiment)
        if self._client.search_runs([place], f"tags.`{TAG}` = '{name}'"):
            return
        run = self._client.create_run(place, run_name=name).info.run_id
        now = int(1_000 * time.time())
        metrics = [
            Metric(key, value, now, step)
            for step, scalars in enumerate(points(result), 1)
            for key, value in scalars.items()
        ]
        self._client.log_batch(run, metrics, [Param(key, text) for key, text in _told(trial).items()])
        self._client.set_tag(run, TAG, name)  # the last: only what is whole is known
        self._client.set_terminated(run)


def _told(trial: Trial) -> Mapping[str, str]:
    """What a trial says otherwise than the recipe."""
    return {name: str(value) for name, value in asdict(trial).items() if value is not None}


def _asked(ask: Any) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except (MlflowException, OSError) as error:
        raise DataError(f"--mlflow: expected a folder or a tracking server that takes runs, got: {error}") from None
