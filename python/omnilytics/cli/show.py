"""What commands print with: the dashboard or log lines, on the standard output unless JSON goes there."""

from __future__ import annotations

from collections.abc import Callable

import typer
from rich.console import Console

from omnilytics.dashboard.live import Screen, screen_for


def printer(*, quiet: bool, stderr: bool) -> Callable[[str], None]:
    """Prints lines, or swallows them when `quiet`."""

    def say(line: str) -> None:
        if not quiet:
            typer.echo(line, err=stderr)

    return say


def beside(dashboard: bool, quiet: bool, stderr: bool) -> Screen | None:
    """Where a role shows its session, if that is wanted."""
    return screen(dashboard=True, quiet=quiet, stderr=stderr) if dashboard else None


def screen(*, dashboard: bool, quiet: bool, stderr: bool) -> Screen:
    """Where a command shows events."""
    console = Console(stderr=stderr)
    return screen_for(console, dashboard=dashboard, quiet=quiet, write=printer(quiet=quiet, stderr=stderr))
