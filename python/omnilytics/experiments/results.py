"""What a run came to, as one JSON object: the schema of `demo --json` (docs/CLI.md)."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from omnilytics.chain.artifacts import load
from omnilytics.protocol.company import Step
from omnilytics.protocol.events import Event, GasUsed, RecordChanged
from omnilytics.protocol.pipeline import Improvement
from omnilytics.protocol.session import Outcome
from omnilytics.types import Address

SCHEMA = "omnilytics/demo/1"


@dataclass(slots=True)
class GasMeter:
    """Adds up gas by phase from the event stream; `seconds` are for a `simulate.ClockedChain` to add to."""

    by_phase: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __call__(self, event: Event) -> None:
        """A `Sink`."""
        if isinstance(event, GasUsed):
            self.by_phase[event.phase] += event.gas
            self.calls[event.phase] += 1


@dataclass(slots=True)
class RecordKeeper:
    """Keeps what the market remembers of each data owner last, from the event stream."""

    latest: dict[str, RecordChanged] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """A `Sink`."""
        if isinstance(event, RecordChanged):
            self.latest[event.member] = event

    def to_json(self) -> list[dict[str, Any]]:
        """One object for each data owner with a record, by account."""
        return [
            {"account": account, "suspicion": record.suspicion, "suspect": record.suspect}
            for account, record in sorted(self.latest.items())
        ]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """A finished run. `record` is the name of the record file beside the result, if one was written."""

    options: dict[str, Any]
    improvement: Improvement
    gas: GasMeter
    records: RecordKeeper
    attackers: Sequence[Address]
    warm_up: int
    seconds: dict[str, float]
    record: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` writes; equal for equal seeds but for `seconds`."""
        run = self.improvement
        return {
            "schema": SCHEMA,
            "options": self.options,
            "record": self.record,
            "accuracy": {
                "alone": run.alone,
                "start": run.start,
                "public": run.public,
                "final": run.final,
                "by_session": [{"public": public, "final": final} for public, final in run.by_session],
                "weight": run.weight,
            },
            "reveals": run.model.reveals,
            "parameter_count": run.model.parameter_count,
            "groups": {
                "accepted": sum(len(o.accepted) for o in run.outcomes),
                "rejected": sum(len(o.rejected) for o in run.outcomes),
                "failed": sum(len(o.failed) for o in run.outcomes),
                "unselected_sessions": sum(o.unselected for o in run.outcomes),
            },
            "attackers": self._attackers(),
            "dropouts": dropouts(run.outcomes),
            "sessions": [
                {
                    "accepted": list(o.accepted),
                    "rejected": list(o.rejected),
                    "failed": list(o.failed),
                    "unselected": o.unselected,
                    "counts": list(o.counts),
                    "attacked": self._attacked(i),
                    "dropped": dropped(o),
                }
                for i, o in enumerate(run.outcomes)
            ],
            "money": self._money(),
            "records": self.records.to_json(),
            "gas": {
                "total": self.gas.by_phase.total(),
                "by_phase": dict(sorted(self.gas.by_phase.items())),
                "calls": dict(sorted(self.gas.calls.items())),
            },
            "seconds": self.seconds,
            "versions": {
                "omnilytics": version("omnilytics"),
                "python": platform.python_version(),
                "torch": version("torch"),
                "numpy": version("numpy"),
                "vyper": load("SecModelUpdate").compiler,
            },
        }

    def _attacked(self, index: int) -> list[int]:
        """The groups of session `index` (from 0) that an attacker sat in."""
        bad = set(self.attackers)
        return [g for g, members in enumerate(self.improvement.outcomes[index].groups) if bad.intersection(members)]

    def _attackers(self) -> dict[str, Any]:
        """`groups`: how attackers' groups fared over all sessions after the warm-up."""
        counts = {"accepted": 0, "rejected": 0, "failed": 0, "paid": 0}
        for index, outcome in enumerate(self.improvement.outcomes):
            if index < self.warm_up:
                continue
            for group in self._attacked(index):
                counts["accepted"] += group in outcome.accepted
                counts["rejected"] += group in outcome.rejected
                counts["failed"] += group in outcome.failed
                counts["paid"] += group in outcome.accepted or (outcome.unselected and group in outcome.rejected)
        return {"members": list(self.attackers), "warm_up_sessions": self.warm_up, "groups": counts}

    def _money(self) -> dict[str, int]:
        """deposited + bonds = paid + fees + refunded + burnt + left, wei over all sessions; reserve is of deposited."""
        outcomes = self.improvement.outcomes
        return {
            "deposited_wei": sum(o.deposited_wei for o in outcomes),
            "reserve_wei": sum(o.reserve_wei for o in outcomes),
            "bonds_wei": sum(o.bonds_wei for o in outcomes),
            "paid_wei": sum(o.paid_wei for o in outcomes),
            "fees_wei": sum(o.fees_wei for o in outcomes),
            "refunded_wei": sum(o.refunded_wei for o in outcomes),
            "burnt_wei": sum(o.burnt_wei for o in outcomes),
            "left_wei": sum(o.left_wei for o in outcomes),
        }


def dropped(outcome: Outcome) -> list[dict[str, Any]]:
    """Who was gone in a session, from which step on, and the groups (by id) that it had a seat in."""
    return [
        {
            "account": account,
            "step": step.name.lower(),
            "groups": [g for g, members in enumerate(outcome.groups) if account in members],
        }
        for account, step in sorted(outcome.dropped.items())
    ]


def dropouts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How often somebody dropped out, at which step, and what became of the groups that somebody dropped out of."""
    steps = Counter(step.name.lower() for outcome in outcomes for step in outcome.dropped.values())
    survived = failed = 0
    for outcome in outcomes:
        left = [g for g, members in enumerate(outcome.groups) if outcome.dropped.keys() & set(members)]
        failed += sum(g in outcome.failed for g in left)
        survived += sum(g not in outcome.failed for g in left)
    by_step = {step.name.lower(): steps[step.name.lower()] for step in Step}
    return {"members": steps.total(), "by_step": by_step, "groups": {"survived": survived, "failed": failed}}
