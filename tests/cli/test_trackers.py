"""What trials come to, read again by what it was written for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omnilytics.cli.tensorboard import events
from omnilytics.cli.trackers import MLflow, TensorBoard, points
from omnilytics.errors import DataError
from omnilytics.experiments.trial import Groups, Trial, TrialResult

GROUPS = Groups(dirty_paid=1, dirty=2, clean_refused=3, clean=4, failed=5)
RESULT = TrialResult(
    start=10.0,
    alone=50.0,
    public=80.0,
    final=81.5,
    by_session=((70.0, 71.0), (80.0, 81.5)),
    weight=0.25,
    parameter_count=7,
    groups=GROUPS,
    groups_all=GROUPS,
    attacker_share=0.125,
    gas={"start": 3, "upload": 4},
    extra={"backdoor": 12.5},
)
TRIAL = Trial(seed=3, attack="scaled", attackers=0.25)


def test_points_are_sessions_and_the_last_has_the_rest() -> None:
    first, last = points(RESULT)
    assert first == {"accuracy/public": 70.0, "accuracy/final": 71.0}
    assert last["accuracy/final"] == 81.5
    assert last["groups/clean_refused"] == 3
    assert (last["gas"], last["attacker_share"], last["extra/backdoor"]) == (7, 0.125, 12.5)


def test_tensorboard_has_a_file_for_each_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1.0)
    tracker = TensorBoard(tmp_path / "curves")
    for _ in range(2):
        tracker.tell("table5", "abc", TRIAL, RESULT)
    files = sorted((tmp_path / "curves" / "table5" / "abc").iterdir())
    assert [file.read_bytes() for file in files] == [events(n, 1.0, p) for n, p in enumerate(points(RESULT), 1)]


def test_tensorboard_without_room(tmp_path: Path) -> None:
    (tmp_path / "curves").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match="expected room and leave to write it"):
        TensorBoard(tmp_path / "curves").tell("table5", "abc", TRIAL, RESULT)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_a_run_for_each_trial(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    tracker = MLflow(str(tmp_path / "runs"))
    for name in ("abc", "def", "abc"):
        tracker.tell("table5", name, TRIAL, replace(RESULT, final=60.0))
    client = MlflowClient(tracking_uri=(tmp_path / "runs").as_uri())
    place = client.get_experiment_by_name("table5")
    runs = {run.info.run_name: run for run in client.search_runs([place.experiment_id])}
    assert sorted(runs) == ["abc", "def"]
    run = runs["abc"]
    assert run.info.status == "FINISHED"
    assert (run.data.params["attack"], run.data.params["seed"]) == ("scaled", "3")
    assert "members" not in run.data.params
    assert run.data.metrics["attacker_share"] == 0.125
    history = client.get_metric_history(run.info.run_id, "accuracy/public")
    assert [(one.step, one.value) for one in history] == [(1, 70.0), (2, 80.0)]


@pytest.mark.filterwarnings("ignore")
def test_mlflow_that_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match="--mlflow: expected a folder or a tracking server"):
        MLflow(str(tmp_path / "runs")).tell("table5", "abc", TRIAL, RESULT)
