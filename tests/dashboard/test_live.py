"""Where a run is shown: dashboard on a terminal, log lines elsewhere, nothing when asked; and replay."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from omnilytics.dashboard.live import PAUSES, LiveDashboard, LogLines, Screen, Silent, replay, screen_for
from omnilytics.dashboard.reducing import reduce_all
from tests.dashboard import fake


def console(*, terminal: bool, dumb: bool = False) -> Console:
    """A console of 80x24 that writes into memory."""
    environment = {"TERM": "dumb" if dumb else "xterm-256color"}
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    return Console(file=file, force_terminal=terminal, width=80, height=24, _environ=environment)


def written(target: Console) -> str:
    """What has been written to a console."""
    target.file.seek(0)
    return target.file.read()


@pytest.mark.parametrize(
    ("terminal", "dumb", "dashboard", "quiet", "kind"),
    [
        (True, False, True, False, LiveDashboard),
        (True, False, False, False, LogLines),
        (False, False, True, False, LogLines),
        (True, True, True, False, LogLines),
        (True, False, True, True, Silent),
    ],
)
def test_the_right_screen(terminal: bool, dumb: bool, dashboard: bool, quiet: bool, kind: type[Screen]) -> None:
    target = console(terminal=terminal, dumb=dumb)
    assert type(screen_for(target, dashboard=dashboard, quiet=quiet, write=print)) is kind


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_the_characters_gets_log_lines(encoding: str) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    target = Console(file=file, force_terminal=True, _environ={"TERM": "xterm"})
    assert type(screen_for(target, dashboard=True, quiet=False, write=print)) is LogLines


def test_log_lines() -> None:
    told: list[str] = []
    with LogLines(told.append) as screen:
        for event in fake.run(sessions=1):
            screen(event)
    assert told[0].startswith("[run] 36 data owners")
    assert "[session 1] data owners register, each with a bond" in told
    assert told[-1].startswith("[run] the run is over")
    assert all("\x1b" not in line for line in told)


def test_the_dashboard_uses_its_own_screen_and_leaves_the_last_frame() -> None:
    target = console(terminal=True)
    with LiveDashboard(target) as screen:
        for event in fake.run(sessions=1):
            screen(event)
    text = written(target)
    opened, closed = text.index("\x1b[?1049h"), text.index("\x1b[?1049l")
    assert opened < closed
    assert "session 1/1" in text[closed:]
    assert text.count("\x1b[?25h") >= 1


def test_the_terminal_is_given_back_after_an_error() -> None:
    target = console(terminal=True)

    def fails(screen: LiveDashboard) -> None:
        with screen:
            screen(next(iter(fake.run())))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails(LiveDashboard(target))
    assert "\x1b[?1049l" in written(target)


def test_a_run_that_never_started_leaves_nothing() -> None:
    target = console(terminal=True)
    with LiveDashboard(target):
        pass
    assert written(target).rpartition("\x1b[?1049l")[2].find("OmniLytics") == -1


def test_replay_adds_up_like_the_run() -> None:
    with Silent() as screen:
        state = replay(fake.run(), screen, speed=0, sleep=pytest.fail)
    assert state == reduce_all(fake.run())


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_replay_rests_by_its_speed(speed: float) -> None:
    rests: list[float] = []
    with Silent() as screen:
        replay(fake.run(sessions=1), screen, speed=speed, sleep=rests.append)
    expected = sum(PAUSES.get(type(e), 0.0) for e in fake.run(sessions=1))
    assert sum(rests) == pytest.approx(expected / speed)
