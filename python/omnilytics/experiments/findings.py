"""What was found: a small JSON file per question, from which all tables, figures and pages are made."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from omnilytics.errors import DataError
from omnilytics.experiments.machine import describe
from omnilytics.experiments.spec import BETWEEN, Spec
from omnilytics.experiments.trial import TrialResult

SCHEMA = "omnilytics/experiment/1"

SIGNIFICANT = 6
"""Digits that are kept of a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A reported number: its title, digits, and what the paper says and what is asked, by label."""

    title: str
    digits: int
    paper: Mapping[str, float]
    least: Mapping[str, float]
    most: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was found for a combination.

    Attributes:
        labels: one an axis.
        values: by column, one a seed; None: there was nothing to divide by.
        curves: accuracy in the end of each session, one list a seed; empty unless the trials measured it.
    """

    labels: tuple[str, ...]
    values: Mapping[str, tuple[float | None, ...]]
    curves: tuple[tuple[float, ...], ...] = ()

    @property
    def label(self) -> str:
        return BETWEEN.join(self.labels)

    def mean(self, column: str) -> float | None:
        """Over the seeds that have one; None: none has."""
        there = [value for value in self.values[column] if value is not None]
        return statistics.fmean(there) if there else None

    def spread(self, column: str) -> float | None:
        """Standard deviation over the seeds; None: fewer than two have a value."""
        there = [value for value in self.values[column] if value is not None]
        return statistics.stdev(there) if len(there) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The answer to a question; equal for equal seeds but for times and `machine`.

    Attributes:
        name, question, paper, reading, figure, across: as in `spec.Spec`.
        small: whether it is the tiny version.
        tuned: whether it was made with tuning seeds and images.
        attack: what stood in place of the spec's attacks; None: nothing.
        seeds: of all rows.
        axes: their titles.
        columns: what is reported.
        rows: what was found.
        versions: of what it was made with.
        machine: processor and cores.
    """

    name: str
    question: str
    paper: str | None
    reading: str
    figure: str
    across: str
    small: bool
    tuned: bool
    attack: str | None
    seeds: tuple[int, ...]
    axes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    versions: Mapping[str, str] = field(default_factory=lambda: _versions())
    machine: Mapping[str, str | int] = field(default_factory=lambda: _machine())

    @classmethod
    def of(
        cls,
        spec: Spec,
        found: Mapping[tuple[str, ...], Sequence[TrialResult]],
        *,
        small: bool,
        tuned: bool,
        attack: str | None,
    ) -> Findings:
        """From the results of a spec's trials, by combination, in the order of its seeds."""
        names = ("title", "digits", "paper", "least", "most")
        return cls(
            **{name: getattr(spec, name) for name in ("name", "question", "paper", "reading", "figure", "across")},
            small=small,
            tuned=tuned,
            attack=attack,
            seeds=spec.seeds,
            axes=tuple(axis.title for axis in spec.axes),
            columns=tuple(Column(**{name: getattr(column, name) for name in names}) for column in spec.columns),
            rows=tuple(
                Row(
                    labels=labels,
                    values={c.title: tuple(_short(c.value(result)) for result in results) for c in spec.columns},
                    curves=_curves(results),
                )
                for labels, results in found.items()
            ),
        )

    @property
    def comparable(self) -> bool:
        """Whether the paper's figures and the targets are of the same trials."""
        return not self.small and self.attack is None

    def to_json(self) -> dict[str, Any]:
        """What is written."""
        return {"schema": SCHEMA, **asdict(self)}


def read_findings(path: Path) -> Findings:
    """From a file that `to_json` was written to.

    Raises:
        DataError: it isn't one.
    """
    try:
        value = json.loads(path.read_bytes())
        if value.pop("schema") != SCHEMA:
            raise DataError(f"{path}: expected schema {SCHEMA}, got another")
        return TypeAdapter(Findings).validate_python(value)
    except OSError as error:
        raise DataError(f"{path}: expected a result file, got: {error.strerror}") from None
    except (ValidationError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise DataError(f"{path}: expected a result of `omnilytics experiment`, got: {error}") from None


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{SIGNIFICANT}g}")


def _curves(results: Sequence[TrialResult]) -> tuple[tuple[float, ...], ...]:
    """Accuracy by session, where it was measured after more than one."""
    if any(len(result.by_session) < 2 for result in results):
        return ()
    return tuple(tuple(round(final, 2) for _, final in result.by_session) for result in results)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in ("omnilytics", "torch", "numpy")}}


def _machine() -> dict[str, str | int]:
    """What of it decides how long trials take."""
    machine = describe()
    return {"cpu": machine.cpu, "cores": machine.cores, "system": machine.system}
