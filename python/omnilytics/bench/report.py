"""What a suite found: measurements, each beside its anchor, and the ratios and values that the project is held to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from omnilytics.experiments.machine import Machine, describe

SCHEMA = "omnilytics/bench/1"

Say = Callable[[str], None]
"""Gets a line about how far a suite is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement, and that of its competitor or limit.

    Attributes:
        name: what was measured, once in a report.
        value: ours.
        unit: of both; one that ends in `/s` is better the larger, any other the smaller.
        anchor: what ours is compared with; None: nothing.
        anchor_value: its measurement, from the same run or, where `anchor` says so, from elsewhere.
        detail: whether it is left to the file, since the screen has no room for it.

    Raises:
        ValueError: an anchor without a value or the other way round, or a number that isn't finite and above 0.
    """

    name: str
    value: float
    unit: str
    anchor: str | None = None
    anchor_value: float | None = None
    detail: bool = False

    def __post_init__(self) -> None:
        if (self.anchor is None) != (self.anchor_value is None):
            raise ValueError(f"{self.name}: expected an anchor and its value, got {self.anchor}, {self.anchor_value}")
        for number in (self.value, self.anchor_value):
            if number is not None and not (math.isfinite(number) and number > 0):
                raise ValueError(f"{self.name}: expected a finite number above 0, got {number}")

    @property
    def ratio(self) -> float | None:
        """Above 1: ours is better; None without an anchor."""
        if self.anchor_value is None:
            return None
        return self.value / self.anchor_value if self.unit.endswith("/s") else self.anchor_value / self.value


@dataclass(frozen=True, slots=True)
class Report:
    """What one suite, or all of them, found.

    Attributes:
        suite: its name.
        rows: the measurements, in the order in which they are shown.
        ratios: by name, above 1 = ours is better. A competitor that is missing leaves its ratio out.
        bounds: what the ratio of that name should be at least; also of ratios that were left out.
        notes: what a reader must know: what was left out and why, what a ratio counts.
        values: what is held to a limit of its own, the smaller the better; a name ends with its unit, if it has one.
        limits: what the value of that name should be at most; also of values that were left out.
        machine: where it ran.
    """

    suite: str
    rows: tuple[Row, ...]
    ratios: Mapping[str, float]
    bounds: Mapping[str, float]
    notes: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    machine: Machine = field(default_factory=describe)

    def to_json(self) -> dict[str, Any]:
        """The object that `omnilytics bench --json` writes."""
        return {
            "schema": SCHEMA,
            "suite": self.suite,
            "machine": asdict(self.machine),
            "rows": [asdict(row) | {"ratio": row.ratio} for row in self.rows],
            "ratios": dict(self.ratios),
            "bounds": dict(self.bounds),
            "values": dict(self.values),
            "limits": dict(self.limits),
            "notes": list(self.notes),
        }


def joined(reports: Sequence[Report]) -> Report:
    """All of them in one, `all`: rows and notes under the names of their suites, ratios and values side by side.

    Raises:
        ValueError: two suites have a ratio or a value of the same name.
    """
    return Report(
        suite="all",
        rows=tuple(replace(row, name=f"{report.suite}: {row.name}") for report in reports for row in report.rows),
        ratios=_side_by_side("ratios", [(report.suite, report.ratios) for report in reports]),
        bounds={name: bound for report in reports for name, bound in report.bounds.items()},
        notes=tuple(f"{report.suite}: {note}" for report in reports for note in report.notes),
        values=_side_by_side("values", [(report.suite, report.values) for report in reports]),
        limits={name: limit for report in reports for name, limit in report.limits.items()},
    )


def _side_by_side(what: str, of: Sequence[tuple[str, Mapping[str, float]]]) -> dict[str, float]:
    together: dict[str, float] = {}
    for suite, numbers in of:
        if twice := together.keys() & numbers.keys():
            raise ValueError(f"{what}: expected each name once, got {sorted(twice)} again from {suite}")
        together |= numbers
    return together
