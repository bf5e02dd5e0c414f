"""Showing a run while it happens, or again: the dashboard on a terminal, log lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, ConsoleDimensions, RenderableType
from rich.live import Live
from rich.segment import SegmentLines

from omnilytics.dashboard.reducing import reduce
from omnilytics.dashboard.state import DashboardState
from omnilytics.dashboard.view import Dashboard
from omnilytics.dashboard.words import describe
from omnilytics.protocol import events as ev

FRAMES_PER_SECOND = 5
"""Redraws: enough to look alive, too few to slow a run down."""

PAUSES: dict[type[ev.Event], float] = {
    ev.AccuracyMeasured: 0.6,
    ev.SessionCreated: 0.5,
    ev.StageChanged: 0.5,
    ev.DistancesMeasured: 0.8,
    ev.GroupScored: 0.15,
    ev.SessionFinished: 0.5,
    ev.MemberChanged: 0.01,
    ev.GroupChanged: 0.02,
    ev.Note: 0.3,
}
"""Seconds that a replay at speed 1 rests after an event of a class; others none."""


class Screen(Protocol):
    """Where events are shown. Used as a context manager; `state` is what they have added up to."""

    @property
    def state(self) -> DashboardState: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def __call__(self, event: ev.Event) -> None: ...


class Silent:
    """Adds events up and shows nothing."""

    def __init__(self) -> None:
        self.state = DashboardState()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: ev.Event) -> None:
        self.state = reduce(self.state, event)


class LogLines(Silent):
    """One plain line for each event that is worth a sentence: `[session] text`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def __call__(self, event: ev.Event) -> None:
        super().__call__(event)
        text = describe(event, self.state.member_name)
        if text is not None:
            place = f"session {event.session}" if event.session else "run"
            self._write(f"[{place}] {text}")


class LiveDashboard(Silent):
    """The dashboard on its own screen of the terminal; the last frame stays behind when it closes."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._drawn: tuple[DashboardState, ConsoleDimensions, SegmentLines] | None = None
        self._live = Live(
            console=console,
            screen=True,
            refresh_per_second=FRAMES_PER_SECOND,
            get_renderable=self._frame,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self.state.setting is not None:
            self._console.print(Dashboard(self.state), height=max(1, self._console.height - 1))

    def _frame(self) -> RenderableType:
        """The current picture, drawn anew only when the state or the terminal's size has changed."""
        size = self._console.size
        if self._drawn is None or self._drawn[0] is not self.state or self._drawn[1] != size:
            options = self._console.options.update(width=size.width, height=size.height)
            lines = self._console.render_lines(Dashboard(self.state), options, new_lines=False)
            self._drawn = (self.state, size, SegmentLines(lines, new_lines=True))
        return self._drawn[2]


def screen_for(console: Console, *, dashboard: bool, quiet: bool, write: Callable[[str], None]) -> Screen:
    """The dashboard where it is wanted and `console` is a terminal that can show it; else log lines, or nothing."""
    if quiet:
        return Silent()
    able = console.is_terminal and not console.is_dumb_terminal and console.encoding.lower().startswith("utf")
    return LiveDashboard(console) if dashboard and able else LogLines(write)


def replay(
    events: Iterable[ev.Event], screen: Screen, *, speed: float, sleep: Callable[[float], None] = time.sleep
) -> DashboardState:
    """Plays `events` into `screen`.

    Args:
        events: a finished run's, in order.
        screen: open.
        speed: 1 takes about 20 s a session; 2 half of it; 0 takes no time at all.
        sleep: waits so many seconds.

    Returns:
        What they add up to.
    """
    for event in events:
        screen(event)
        pause = PAUSES.get(type(event), 0.0)
        if speed > 0 and pause > 0:
            sleep(pause / speed)
    return screen.state
