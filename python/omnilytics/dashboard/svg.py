"""Small inline SVG pictures for the report. Colours are CSS classes, for light and dark pages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from omnilytics.dashboard import charts
from omnilytics.dashboard.words import figures, gas, short


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing area with margins; maps x of `x0..x1` and y of `y0..y1` to pixels."""

    width: int
    height: int
    x0: float
    x1: float
    y0: float
    y1: float
    left: int = 44
    right: int = 16
    top: int = 12
    bottom: int = 34

    def x(self, value: float) -> float:
        """Pixels from the left."""
        reach = (self.x1 - self.x0) or 1.0
        return self.left + (value - self.x0) / reach * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        reach = (self.y1 - self.y0) or 1.0
        return self.height - self.bottom - (value - self.y0) / reach * (self.height - self.top - self.bottom)


def document(width: int, height: int, title: str, body: Sequence[str]) -> str:
    """An inline SVG that scales with its column and says to screen readers what it shows."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )


def text(x: float, y: float, content: str, *, css: str = "label", anchor: str = "start") -> str:
    """A label; `content` is escaped."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def rectangle(x: float, y: float, width: float, height: float, css: str, *, fill: str = "", tip: str = "") -> str:
    """A box; `tip` shows when the pointer rests on it."""
    paint = f' fill="{fill}"' if fill else ""
    box = f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height:.1f}" class="{css}"{paint}'
    return f"{box}><title>{escape(tip)}</title></rect>" if tip else f"{box}/>"


def mark(x: float, y: float, shape: str, css: str, tip: str) -> str:
    """A circle, cross or triangle (up) of about 9 pixels: shapes differ, so that colour isn't needed."""
    title = f"<title>{escape(tip)}</title>"
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" class="{css}">{title}</circle>'
    path = {
        "cross": "M-4,-4 L4,4 M-4,4 L4,-4",
        "up": "M0,-5 L4.5,4 L-4.5,4 Z",
    }[shape]
    return f'<path transform="translate({x:.1f} {y:.1f})" d="{path}" class="{css}">{title}</path>'


def accuracy_chart(
    owner: Sequence[tuple[int, float]], public: Sequence[tuple[int, float]], *, alone: float | None
) -> str:
    """Per cent over sessions: the owner's model with dots, the public model without, the owner alone as a level."""
    levels = [v for _, v in (*owner, *public)] + ([alone] if alone is not None else [])
    low, high = charts.nice_range(levels)
    last = max([s for s, _ in (*owner, *public)] + [1])
    frame = Frame(720, 300, 0, last, low, high, right=92)
    body = _y_grid(frame, round((high - low) / 10), lambda v: f"{v:.0f}") + _x_ticks(frame, last)
    labels: list[tuple[float, str, str]] = []
    if alone is not None:
        body.append(line(frame.x(0), frame.y(alone), frame.x(last), frame.y(alone), "alone"))
        labels.append((frame.y(alone), f"alone {alone:.1f}", "label ink-alone"))
    for curve, css, word in ((public, "public", "public"), (owner, "owner", "owner")):
        if not curve:
            continue
        path = " ".join(f"{frame.x(s):.1f},{frame.y(v):.1f}" for s, v in curve)
        body.append(f'<polyline points="{path}" class="curve {css}"/>')
        labels.append((frame.y(curve[-1][1]), f"{word} {curve[-1][1]:.1f}", f"label ink-{css}"))
    for session, value in owner:
        tip = f"{f'session {session}' if session else 'start'}: {value:.1f} %"
        body.append(mark(frame.x(session), frame.y(value), "circle", "dot", tip))
    body += [text(frame.width - frame.right + 12, y + 4, words, css=css) for y, words, css in _apart(labels)]
    return document(720, 300, "Test accuracy in per cent over sessions", body)


def _apart(labels: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """The labels from top to bottom, each at least 15 pixels below the one above."""
    placed: list[tuple[float, str, str]] = []
    for y, words, css in sorted(labels):
        placed.append((max(y, placed[-1][0] + 15) if placed else y, words, css))
    return placed


def _y_grid(frame: Frame, steps: int, words: Callable[[float], str]) -> list[str]:
    body = []
    for step in range(steps + 1):
        value = frame.y0 + (frame.y1 - frame.y0) * step / steps
        body.append(line(frame.left, frame.y(value), frame.width - frame.right, frame.y(value), "grid"))
        body.append(text(frame.left - 6, frame.y(value) + 4, words(value), anchor="end"))
    return body


def _x_ticks(frame: Frame, last: int, first: int = 0) -> list[str]:
    every = max(1, -(-(last - first) // 12))
    y = frame.height - frame.bottom + 16
    body = [text(frame.x(s), y, str(s), anchor="middle") for s in range(first, last + 1, every)]
    middle = (frame.left + frame.width - frame.right) / 2
    return [*body, text(middle, frame.height - 4, "session", anchor="middle")]


@dataclass(frozen=True, slots=True)
class Score:
    """One group of one session: `share` is its score over the limit, or over the session's largest score."""

    session: int
    share: float
    accepted: bool
    tip: str


def score_chart(scores: Sequence[Score], *, with_limit: bool) -> str:
    """Every group's score by session: circles accepted, crosses refused, arrows beyond the picture."""
    last, first = max((s.session for s in scores), default=1), min((s.session for s in scores), default=1)
    top = min(3.0, math.ceil(max([1.2, *(s.share for s in scores)]) * 2.1) / 2) if with_limit else 1.0
    frame = Frame(720, 260, first - 0.5, last + 0.5, 0, top)
    body = _y_grid(frame, round(top / (0.5 if with_limit else 0.2)), lambda v: figures(v, 2)) + _x_ticks(
        frame, last, first
    )
    if with_limit:
        body.append(line(frame.left, frame.y(1), frame.width - frame.right, frame.y(1), "limit"))
        body.append(text(frame.left + 6, frame.y(1) - 5, "limit", css="label ink-limit"))
    crowd = Counter(s.session for s in scores)
    seen: Counter[int] = Counter()
    for score in scores:
        place, among = seen[score.session], crowd[score.session]
        seen[score.session] += 1
        x = frame.x(score.session) + (place - (among - 1) / 2) * min(9.0, 480 / (last - first + 1) / among)
        shape = "up" if score.share > top else ("circle" if score.accepted else "cross")
        css = "accept" if score.accepted else ("refuse stroke" if shape == "cross" else "refuse")
        body.append(mark(x, frame.y(min(score.share, top)), shape, css, score.tip))
    title = "Scores over the limit, by session" if with_limit else "Scores over the largest, by session"
    return document(720, 260, title, body)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One cell of the verdict grid. `css` is its class, `letter` says the same without colour."""

    session: int
    group: int
    css: str
    letter: str
    tip: str


def verdict_grid(verdicts: Sequence[Verdict]) -> str:
    """Groups by session: what became of each."""
    first, last = min((v.session for v in verdicts), default=1), max((v.session for v in verdicts), default=1)
    groups = max((v.group for v in verdicts), default=0) + 1
    cell = min(52.0, 670 / (last - first + 1))
    height = groups * 20 + 40
    body = [text(38, 14 + 20 * g + 14, f"{g}", anchor="end") for g in range(groups)]
    for v in verdicts:
        x, y = 44 + (v.session - first) * cell, 14 + 20 * v.group
        body.append(rectangle(x, y, cell - 2, 18, f"cell {v.css}", tip=v.tip))
        body.append(text(x + cell / 2 - 1, y + 13, v.letter, css="letter", anchor="middle"))
    every = max(1, -(-(last - first) // 12))
    for session in range(first, last + 1, every):
        x = 44 + (session - first) * cell + cell / 2 - 1
        body.append(text(x, height - 10, str(session), anchor="middle"))
    return document(720, height, "Accepted and refused groups, by session", body)


def heat_map(groups: Sequence[int], rows: Sequence[Sequence[float]], refused: Sequence[int]) -> str:
    """Squared distances, dark is near; refused groups are marked x."""
    cell = min(64.0, 600 / max(1, len(groups)))
    size = round(cell * len(groups)) + 60
    bright = charts.bright_at(rows)
    body = []
    for i, (group, row) in enumerate(zip(groups, rows, strict=True)):
        name = f"{group} x" if group in refused else str(group)
        body.append(text(40, 34 + cell * (i + 0.5), name, anchor="end"))
        body.append(text(46 + cell * (i + 0.5), 20, name, anchor="middle"))
        for j, value in enumerate(row):
            colour = charts.shade(value / bright)
            x, y = 46 + cell * j, 28 + cell * i
            tip = f"groups {group} and {groups[j]}: {figures(value, 4)}"
            body.append(rectangle(x, y, cell - 1, cell - 1, "heat", fill=charts.hexadecimal(colour), tip=tip))
            if cell >= 36:
                ink = charts.ink(colour)
                body.append(
                    f'<text x="{x + cell / 2:.1f}" y="{y + cell / 2 + 4:.1f}" fill="{ink}" class="number" '
                    f'text-anchor="middle">{escape(short(value))}</text>'
                )
    return document(size, size - 20, "Squared distances between the groups' aggregates", body)


def gas_bars(amounts: Sequence[tuple[str, int]]) -> str:
    """Gas by contract function, one bar each."""
    largest = max((amount for _, amount in amounts), default=0) or 1
    height = 26 * len(amounts) + 8
    body = []
    for i, (name, amount) in enumerate(amounts):
        y = 6 + 26 * i
        body.append(text(104, y + 15, name, anchor="end"))
        body.append(rectangle(112, y, 480 * amount / largest, 20, "gas", tip=f"{name}: {amount:,} gas"))
        body.append(text(118 + 480 * amount / largest, y + 15, gas(amount)))
    return document(720, height, "Gas by contract function", body)
