"""Processes that are killed at a step of theirs, as by kill -9."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

KILLED = 9


class Fate:
    """Ends the process, as kill -9 does, before the step that follows `steps` others; None: never."""

    def __init__(self, steps: int | None) -> None:
        self._left = steps

    def step(self) -> None:
        if self._left is None:
            return
        if self._left == 0:
            os._exit(KILLED)
        self._left -= 1


class DyingConnection(sqlite3.Connection):
    """A connection each of whose statements is a step."""

    fate = Fate(None)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self.fate.step()
        return super().execute(*arguments)


def connect(fate: Fate, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=DyingConnection)
    connection.fate = fate
    return connection
