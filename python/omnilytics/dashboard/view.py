"""The whole dashboard as one rich renderable: the panels laid out for the size of the terminal, 80x24 and up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, ConsoleRenderable
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from omnilytics.dashboard import panels, words
from omnilytics.dashboard.charts import GREY, SKY
from omnilytics.dashboard.panels import QUIET
from omnilytics.dashboard.state import DashboardState

WIDE, TALL = 110, 34
"""From this size on every panel is shown; below it the ones that tell most."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A picture of `state` that fills the space it is given."""

    state: DashboardState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Layout]:
        width, height = options.max_width, options.height or console.height
        yield _wide(self.state, width, height) if width >= WIDE and height >= TALL else _compact(self.state, height)


def header(state: DashboardState) -> Text:
    """One line: what runs, and how far it is."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("OmniLytics", style=f"bold {SKY}")
    setting = state.setting
    if setting is None:
        line.append("  starting", style=QUIET)
        return line
    number = state.session.number if state.session else 0
    line.append(f"  session {number}/{setting.sessions}", style="bold")
    line.append(f"  {setting.how}", style="")
    if setting.policy == "recover":
        gone = f", {setting.dropouts} gone" if setting.dropouts else ""
        line.append(f"  recover, {setting.threshold} of {setting.group_size}{gone}")
    if setting.attackers:
        line.append(f"  {setting.attackers} attack ({setting.attack})", style=panels.FAIL)
    line.append("" if setting.seed is None else f"  seed {setting.seed}", style=QUIET)
    line.append(f"  {setting.rounds} groups of {setting.group_size}", style=QUIET)
    return line


def _panel(title: str, body: ConsoleRenderable) -> Panel:
    return Panel(
        body, title=Text(title, style="bold"), title_align="left", box=box.ROUNDED, border_style=GREY, padding=(0, 1)
    )


def _compact(state: DashboardState, height: int) -> Layout:
    """80x24: header, strip, groups beside accuracy and money, data owners, feed."""
    rounds = state.setting.rounds if state.setting else 8
    middle = max(6, min(rounds + 3, height - 11))
    owners = 6 if height >= 23 else 5
    root = Layout()
    root.split_column(
        Layout(header(state), size=1),
        Layout(panels.Strip(state), size=2),
        Layout(name="middle", size=middle),
        Layout(_panel("Data owners", panels.Members(state)), size=owners),
        Layout(panels.Feed(state), name="feed", minimum_size=1),
    )
    right = Layout(size=34)
    right.split_column(
        Layout(_panel("Accuracy", panels.Accuracy(state)), size=5),
        Layout(_compact_corner(state)),
    )
    root["middle"].split_row(Layout(_panel("Groups", panels.Groups(state))), right)
    return root


def _wide(state: DashboardState, width: int, height: int) -> Layout:
    """120x40 and more: everything."""
    rounds = state.setting.rounds if state.setting else 8
    top = max(9, min(rounds + 3, (height - 5) // 2))
    middle = max(9, min(rounds + 4, (height - 5 - top) * 3 // 5))
    root = Layout()
    root.split_column(
        Layout(header(state), size=1),
        Layout(_panel("Session", panels.Strip(state)), size=4),
        Layout(name="top", size=top),
        Layout(name="middle", size=middle),
        Layout(name="bottom"),
    )
    root["top"].split_row(
        Layout(_panel("Groups", panels.Groups(state)), ratio=13),
        Layout(_panel("Accuracy on the test data", panels.Accuracy(state)), ratio=8),
    )
    heat = max(28, min(width // 2, 8 + 6 * rounds))
    root["middle"].split_row(
        Layout(_panel("Distances between groups", panels.HeatMap(state)), size=heat),
        Layout(_panel("Data owners", panels.Members(state))),
    )
    root["bottom"].split_row(
        Layout(_panel(_escrow_title(state), panels.Money(state)), size=30),
        Layout(_panel("Gas by call", panels.Gas(state)), size=35),
        Layout(_panel("What happens", panels.Feed(state))),
    )
    return root


def _compact_corner(state: DashboardState) -> Panel:
    """The distances while groups are compared, else the escrow and what all calls have cost."""
    session = state.session
    if session is not None and session.stage == "select" and session.distances is not None:
        return _panel("Distances between groups", panels.HeatMap(state))
    return _panel(f"Escrow, gas {words.gas(sum(state.gas.values()))}", panels.Money(state))


def _escrow_title(state: DashboardState) -> str:
    return f"Escrow of session {state.session.number}" if state.session else "Escrow"
