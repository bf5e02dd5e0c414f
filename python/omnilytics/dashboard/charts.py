"""Text pictures: bars, sparklines, Braille curves, and colours that everybody can tell apart. No rich here."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

Rgb = tuple[int, int, int]

SKY, ORANGE, VERMILION, GREEN, YELLOW, PURPLE, GREY = (
    "#56b4e9",
    "#e69f00",
    "#d55e00",
    "#009e73",
    "#f0e442",
    "#cc79a7",
    "#8a8f98",
)
"""Okabe and Ito's palette (2008), told apart by all common kinds of colour vision; and a grey."""

_CIVIDIS: tuple[Rgb, ...] = (
    (0, 34, 78),
    (18, 53, 112),
    (59, 73, 108),
    (87, 93, 109),
    (112, 113, 115),
    (138, 134, 120),
    (165, 156, 116),
    (195, 179, 105),
    (225, 204, 85),
    (254, 232, 56),
)
"""The cividis map (Nunez, Anderton, Renslow 2018), at ten even steps."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def shade(value: float) -> Rgb:
    """The cividis colour of `value`, clamped to 0..1: dark blue is low, yellow is high."""
    position = min(1.0, max(0.0, value)) * (len(_CIVIDIS) - 1)
    low = min(int(position), len(_CIVIDIS) - 2)
    part = position - low
    first, second = _CIVIDIS[low], _CIVIDIS[low + 1]
    return (
        round(first[0] + (second[0] - first[0]) * part),
        round(first[1] + (second[1] - first[1]) * part),
        round(first[2] + (second[2] - first[2]) * part),
    )


def ink(background: Rgb) -> str:
    """Black or white, whichever is read better on `background`."""
    light = 0.299 * background[0] + 0.587 * background[1] + 0.114 * background[2]
    return "#000000" if light > 128 else "#ffffff"


def hexadecimal(colour: Rgb) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def bright_at(rows: Sequence[Sequence[float]]) -> float:
    """The distance drawn brightest: 4 times the median of all pairs, so that one outlier can't hide the rest."""
    pairs = [value for i, row in enumerate(rows) for value in row[:i]]
    typical = 4 * median(pairs) if pairs else 0.0
    return min(typical, max(pairs)) if typical > 0 else max([*pairs, 0.0]) or 1.0


def bar(share: float, width: int) -> str:
    """A bar of `width` cells, filled to `share` (clamped to 0..1) in eighths of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def limit_bar(share: float, width: int) -> str:
    """A bar of a score over its limit: the mark two thirds along is the limit, 1.5 times it fills the bar."""
    cells = list(bar(share / 1.5, width))
    mark = min(width - 1, round(width * 2 / 3))
    if share < 1:
        cells[mark] = "┆"
    if share > 1.5:
        cells[-1] = "▶"
    return "".join(cells)


def spark(values: Sequence[float], width: int) -> str:
    """The last `width` values as blocks of eight heights, from the smallest to the largest of them."""
    shown = list(values)[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    reach = (high - low) or 1.0
    return "".join(_LEVELS[min(7, int((v - low) / reach * 8))] for v in shown)


def braille(points: Sequence[tuple[float, float]], width: int, height: int, low: float, high: float) -> list[str]:
    """A curve through `points` on `width` x `height` cells of 2 x 4 dots.

    Args:
        points: (x, y), x from 0 to 1, sorted; y in the units of `low` and `high`.
        width: cells.
        height: cells.
        low: y of the lowest dot.
        high: y of the highest dot, above `low`.

    Returns:
        `height` rows of `width` characters; a blank is a space.
    """
    cells = [[0] * width for _ in range(height)]

    def put(x: int, y: int) -> None:
        if 0 <= x < 2 * width and 0 <= y < 4 * height:
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]

    def dot(point: tuple[float, float]) -> tuple[int, int]:
        share = min(1.0, max(0.0, (point[1] - low) / (high - low)))
        return round(point[0] * (2 * width - 1)), round((1 - share) * (4 * height - 1))

    dots = [dot(p) for p in points]
    for (x0, y0), (x1, y1) in zip(dots, [*dots[1:], *dots[-1:]], strict=True):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            put(round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps))
    return ["".join(chr(0x2800 + c) if c else " " for c in row) for row in cells]


def nice_range(values: Sequence[float]) -> tuple[float, float]:
    """A range of per cents around `values`: whole tens, at least 10 wide, within 0..100."""
    if not values:
        return 0.0, 100.0
    low = max(0.0, min(values) // 10 * 10)
    high = min(100.0, -(-max(values) // 10) * 10)
    if high - low < 10:
        low, high = (low, low + 10) if low <= 90 else (90.0, 100.0)
    return low, high
