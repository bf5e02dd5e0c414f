"""Findings as figures, by matplotlib (extra `figures`): the same findings give the same bytes of SVG."""

from __future__ import annotations

import io
import itertools
import re
from typing import Any, cast

from omnilytics.experiments.findings import Column, Findings, Row

SIZE = (6.4, 4.0)
"""Inches."""

STYLE: dict[str, Any] = {
    "svg.hashsalt": "omnilytics",
    "svg.fonttype": "path",
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.autolayout": True,
    "font.size": 9,
    "legend.fontsize": 8,
}


def draw(findings: Findings) -> dict[str, bytes]:
    """The figure as SVG and PNG, by file name suffix.

    Raises:
        ModuleNotFoundError: matplotlib isn't installed.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(cast(Any, STYLE)):
        figure = Figure(figsize=SIZE)
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        {"lines": _lines, "bars": _bars, "dots": _dots, "curves": _curves}[findings.figure](axes, findings)
        title = findings.question if findings.paper is None else f"{findings.question} ({findings.paper})"
        axes.set_title(title, loc="left", fontsize=9, wrap=True)
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
        drawn = {}
        for suffix, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
            out = io.BytesIO()
            figure.savefig(out, format=suffix, metadata=metadata, dpi=120)
            drawn[suffix] = out.getvalue()
    return drawn


def _lines(axes: Any, findings: Findings) -> None:
    """The first axis across; a line for each point of the second, or for each reported number."""
    places, labels = _places(findings)
    column = findings.columns[0]
    if len(findings.axes) == 2:
        for series in dict.fromkeys(row.labels[1] for row in findings.rows):
            rows = [row for row in findings.rows if row.labels[1] == series]
            _line(axes, places, rows, column, f"{findings.axes[1]} {series}", findings.comparable)
        axes.set_ylabel(column.title)
    else:
        alike = [c for c in findings.columns if _unit(c) == _unit(column)]
        for one in alike:
            _line(axes, places, list(findings.rows), one, one.title, findings.comparable)
        axes.set_ylabel(_unit(column) or column.title)
    _ticks(axes, places, labels, findings)


def _line(axes: Any, places: dict[str, float], rows: list[Row], column: Column, name: str, comparable: bool) -> None:
    there = [(places[row.labels[0]], row) for row in rows if row.mean(column.title) is not None]
    if not there:
        return
    x = [place for place, _ in there]
    y = [row.mean(column.title) for _, row in there]
    bars = [row.spread(column.title) or 0.0 for _, row in there]
    container = axes.errorbar(x, y, yerr=bars, marker="o", markersize=4, capsize=2, label=name)
    paper = [(places[row.labels[0]], column.paper[row.label]) for row in rows if row.label in column.paper]
    if comparable and paper:
        colour = container.lines[0].get_color()
        axes.plot(*zip(*paper, strict=True), linestyle="--", marker="x", color=colour, label=f"{name}, paper")


def _bars(axes: Any, findings: Findings) -> None:
    """A pile for each combination, of all reported numbers with the first one's unit."""
    labels = [row.label for row in findings.rows]
    below = [0.0] * len(labels)
    for column in findings.columns:
        if _unit(column) != _unit(findings.columns[0]):
            continue
        heights = [row.mean(column.title) or 0.0 for row in findings.rows]
        axes.bar(labels, heights, bottom=below, width=0.6, label=column.title)
        below = [a + b for a, b in zip(below, heights, strict=True)]
    axes.set_xlabel(" / ".join(findings.axes))
    axes.set_ylabel(_unit(findings.columns[0]))


def _dots(axes: Any, findings: Findings) -> None:
    """A line for each combination, with the first reported number on it, what is asked of it and what the paper has."""
    column, rows = (
        findings.columns[0],
        [row for row in findings.rows if row.mean(findings.columns[0].title) is not None],
    )
    places = range(len(rows), 0, -1)
    means = [row.mean(column.title) for row in rows]
    spreads = [row.spread(column.title) or 0.0 for row in rows]
    axes.errorbar(means, places, xerr=spreads, fmt="o", markersize=4, capsize=2, label="found")
    for name, marker, limits in (
        ("at least", "|", column.least),
        ("at most", "|", column.most),
        ("paper", "x", column.paper),
    ):
        there = [(limits[row.label], place) for place, row in zip(places, rows, strict=True) if row.label in limits]
        if there and findings.comparable:
            axes.plot(*zip(*there, strict=True), marker, markersize=8, label=name)
    axes.set_yticks(list(places), [row.label for row in rows])
    axes.set_xlabel(column.title)


def _curves(axes: Any, findings: Findings) -> None:
    """Accuracy from session to session, mean over the seeds; across: sessions, or what one takes times their number."""
    for row in findings.rows:
        means = [sum(at) / len(at) for at in itertools.zip_longest(*row.curves, fillvalue=float("nan"))]
        step = (row.mean(findings.across) or 0.0) if findings.across else 1.0
        axes.plot([step * (number + 1) for number in range(len(means))], means, marker=".", label=row.label)
    axes.set_xlabel(f"{findings.across}, added up" if findings.across else "sessions")
    axes.set_ylabel("accuracy, %")


def _unit(column: Column) -> str:
    """What stands behind the last comma of a title."""
    return column.title.rpartition(", ")[2] if ", " in column.title else ""


def _places(findings: Findings) -> tuple[dict[str, float], list[str]]:
    """Where each label of the first axis stands: at its number, or evenly if not all have one of their own."""
    labels = list(dict.fromkeys(row.labels[0] for row in findings.rows))
    numbers = [re.match(r"[0-9]+(\.[0-9]+)?", label) for label in labels]
    values = [float(found[0]) for found in numbers if found]
    if len(set(values)) < len(labels):
        values = [float(place) for place in range(len(labels))]
    return dict(zip(labels, values, strict=True)), labels


def _ticks(axes: Any, places: dict[str, float], labels: list[str], findings: Findings) -> None:
    long = max(map(len, labels)) > 8
    axes.set_xticks(
        [places[label] for label in labels], labels, rotation=30 if long else 0, ha="right" if long else "center"
    )
    axes.set_xlabel(findings.axes[0])
