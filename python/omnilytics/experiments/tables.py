"""Findings as tables: cells of text, and Markdown of them."""

from __future__ import annotations

from omnilytics.experiments.findings import Column, Findings, Row

NOTHING = "-"
"""Where there is no number."""


def table(findings: Findings) -> tuple[list[str], list[list[str]]]:
    """Head and rows; one number over two axes stands in a grid, as in the paper."""
    if len(findings.axes) == 2 and len(findings.columns) == 1:
        return _grid(findings)
    head = list(findings.axes)
    for column in findings.columns:
        head += [column.title, *_heads(findings, column)]
    rows = []
    for row in findings.rows:
        cells = list(row.labels)
        for column in findings.columns:
            cells += [number(row, column), *_beside(findings, row, column)]
        rows.append(cells)
    return head, rows


def number(row: Row, column: Column) -> str:
    """Mean, and standard deviation where there are two or more."""
    mean, spread = row.mean(column.title), row.spread(column.title)
    if mean is None:
        return NOTHING
    text = f"{mean:,.{column.digits}f}"
    return text if spread is None else f"{text} ± {spread:,.{column.digits}f}"


def met(row: Row, column: Column) -> bool | None:
    """Whether a row keeps to what is asked of it; None: nothing is, or it has no number."""
    mean, least, most = row.mean(column.title), column.least.get(row.label), column.most.get(row.label)
    if mean is None or (least is None and most is None):
        return None
    return (least is None or mean >= least) and (most is None or mean <= most)


def markdown(findings: Findings) -> str:
    """The table with what it is made of below it."""
    head, rows = table(findings)
    left = len(findings.axes) if len(findings.columns) > 1 or len(findings.axes) == 1 else 1
    lines = [
        _line(head),
        "|" + " --- |" * left + " ---: |" * (len(head) - left),
        *(_line(cells) for cells in rows),
        "",
        source(findings),
        "",
    ]
    return "\n".join(lines)


def source(findings: Findings) -> str:
    """What made it, as a sentence."""
    options = " --small" * findings.small + " --tune" * findings.tuned
    options += f" --attack {findings.attack}" if findings.attack else ""
    seeds = len(findings.seeds)
    runs = f"mean ± standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    beside = f"; in brackets: the paper's {findings.paper}" if findings.paper and _brackets(findings) else ""
    return f"From `omnilytics experiment run {findings.name}{options}`, {runs}{beside}."


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _brackets(findings: Findings) -> bool:
    return findings.comparable and len(findings.axes) == 2 and len(findings.columns) == 1


def _grid(findings: Findings) -> tuple[list[str], list[list[str]]]:
    (column,) = findings.columns
    across = list(dict.fromkeys(row.labels[1] for row in findings.rows))
    found = {row.labels: row for row in findings.rows}
    rows = []
    for label in dict.fromkeys(row.labels[0] for row in findings.rows):
        cells = [label]
        for other in across:
            row = found[label, other]
            paper = column.paper.get(row.label) if findings.comparable else None
            cells.append(number(row, column) + ("" if paper is None else f" ({paper:,.{column.digits}f})"))
        rows.append(cells)
    first, second = findings.axes
    return [first, *(f"{second} {label}" for label in across)], rows


def _heads(findings: Findings, column: Column) -> list[str]:
    if not findings.comparable:
        return []
    return ["paper"] * bool(column.paper) + ["asked"] * bool(column.least or column.most)


def _beside(findings: Findings, row: Row, column: Column) -> list[str]:
    cells = []
    for head in _heads(findings, column):
        if head == "paper":
            paper = column.paper.get(row.label)
            cells.append(NOTHING if paper is None else f"{paper:,.{column.digits}f}")
        else:
            cells.append(_asked(row, column))
    return cells


def _asked(row: Row, column: Column) -> str:
    verdict = met(row, column)
    if verdict is None:
        return NOTHING
    limits = [f"≥ {column.least[row.label]:g}"] if row.label in column.least else []
    limits += [f"≤ {column.most[row.label]:g}"] if row.label in column.most else []
    return f"{', '.join(limits)}: {'met' if verdict else 'missed'}"
