"""Processes that find everything loaded: forked from a server, where one of a user's loads it for seconds.

They are processes as any others, each with a process group of its own.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from multiprocessing import forkserver
from pathlib import Path

import pytest

from omnilytics.cli.village import environment
from tests.project.checkout import ROOT

LOADED = "tests.node.loaded"
"""Loads what roles need."""

_FORKED = multiprocessing.get_context("forkserver")


class Warm:
    """`python -m MODULE ARGUMENT...`, with what is used here of a `subprocess.Popen`."""

    def __init__(self, command: Sequence[str], log: Path, folder: Path) -> None:
        _serve()
        self.args = command
        self._process = _FORKED.Process(target=_run, args=(command[2:], log, folder))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        with contextlib.suppress(ProcessLookupError):
            while os.getpgid(self.pid) != self.pid:
                time.sleep(0.001)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code


@cache
def _serve() -> None:
    """Starts the server, with the environment of roles; it ends with this process."""
    _FORKED.set_forkserver_preload([LOADED, __name__])
    with contextlib.chdir(ROOT), pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        forkserver.ensure_running()


def _run(arguments: Sequence[str], log: Path, folder: Path) -> None:
    """The process itself."""
    os.setsid()
    os.chdir(folder)
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    sys.argv = list(arguments)
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
