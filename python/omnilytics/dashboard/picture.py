"""The dashboard as an SVG picture that fetches nothing: `python -m omnilytics.dashboard.picture RECORD OUT.svg`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from omnilytics.dashboard.reducing import reduce
from omnilytics.dashboard.state import DashboardState
from omnilytics.dashboard.view import Dashboard
from omnilytics.errors import InputError, OmniLyticsError
from omnilytics.protocol import events as ev
from omnilytics.protocol.record import read_events

_TEMPLATE = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
font-size: {char_height}px;
line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's frame of a terminal, with fonts that are already there."""


def picture(state: DashboardState, *, width: int = 120, height: int = 40, title: str = "omnilytics demo") -> str:
    """The dashboard of `state` as an SVG document of `width` x `height` cells."""
    console = Console(
        width=width, height=height, file=io.StringIO(), record=True, force_terminal=True, color_system="truecolor"
    )
    console.print(Dashboard(state), height=height)
    return console.export_svg(title=title, code_format=_TEMPLATE, unique_id="omnilytics")


def at_selection(path: Path) -> DashboardState:
    """The state of the last finished session of the record at `path`, right after it ended."""
    state = chosen = DashboardState()
    for event in read_events(path):
        state = reduce(state, event)
        if isinstance(event, ev.AccuracyMeasured | ev.SessionFinished | ev.RunFinished):
            chosen = state
    return chosen


def main(arguments: list[str]) -> int:
    """Writes the picture; returns the exit code."""
    try:
        if len(arguments) != 2:
            raise InputError(f"expected a record and the name of the SVG to write, got {len(arguments)} arguments")
        svg = picture(at_selection(Path(arguments[0])))
        Path(arguments[1]).write_text(svg, encoding="utf-8")
    except OmniLyticsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
