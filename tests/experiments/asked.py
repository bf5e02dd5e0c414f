"""A question of tests, what runs its trials in no time, and what was found."""

from __future__ import annotations

from pathlib import Path

from omnilytics.experiments.findings import Column, Findings, Row
from omnilytics.experiments.trial import Groups, Trial, TrialResult

QUESTION = """
question = "How loud may noise be?"
paper = "Table 5"
seeds = [7, 8]
tuning_seeds = [1]
trial = {run = "tests.experiments.asked:run_trial", rule = "mean"}

[[axes]]
title = "Attackers"
points = [{label = "none"}, {label = "2 %", set = {attackers = 0.02, attack = "random"}}]

[[columns]]
title = "Accuracy, %"
keys = ["final"]
paper = {"2 %" = 83.12}
least = {"2 %" = 90.0}

[[columns]]
title = "Dirty groups paid, %"
keys = ["groups.dirty_paid"]
over = ["groups.dirty"]
scale = 100.0

[small]
trial = {sessions = 2}
keep = ["2 %"]
seeds = [3]
"""

RAN: list[Trial] = []
"""By `run_trial`, in this process."""


def run_trial(trial: Trial, data_dir: Path | None) -> TrialResult:
    """As accurate as its seed says, and what was asked about the folder, in `extra`."""
    RAN.append(trial)
    fared = Groups(dirty_paid=1, dirty=4 if trial.attackers else 0, clean_refused=0, clean=4, failed=0)
    return TrialResult(
        start=10.0,
        alone=20.0,
        public=80.0,
        final=90.0 + trial.seed % 7,
        by_session=tuple((80.0, 80.0 + session) for session in range(trial.sessions or 1)),
        weight=0.0,
        parameter_count=5,
        groups=fared,
        groups_all=fared,
        attacker_share=0.25,
        gas={"upload": 3, "select": 4},
        extra={"folder": float(data_dir is not None)},
    )


def found(*, name: str = "noise", figure: str = "lines", attack: str | None = None) -> Findings:
    """One number over one axis, with two seeds, and curves."""
    limits = {"2 %": 90.0}
    return Findings(
        name=name,
        question="How loud may noise be?",
        paper="Table 5",
        reading="",
        figure=figure,
        across="",
        small=False,
        tuned=False,
        attack=attack,
        seeds=(7, 8),
        axes=("Attackers",),
        columns=(Column(title="Accuracy, %", digits=1, paper={"2 %": 83.12}, least=limits, most={}),),
        rows=(
            Row(labels=("none",), values={"Accuracy, %": (95.0, None)}, curves=((80.0, 95.0), (81.0, 94.0))),
            Row(labels=("2 %",), values={"Accuracy, %": (90.0, 92.0)}, curves=((70.0, 90.0), (71.0, 92.0))),
        ),
        versions={"omnilytics": "0"},
        machine={"cpu": "Chip", "cores": 2, "system": "Linux"},
    )
