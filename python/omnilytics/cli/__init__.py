"""The command line. `omnilytics --help` must be quick: nothing here imports torch before a command needs it."""

from __future__ import annotations

from omnilytics.cli.app import app


def main() -> None:
    """The entry point of `omnilytics`."""
    app(prog_name="omnilytics")


__all__ = ["app", "main"]
