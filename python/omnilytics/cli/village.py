"""A model owner and its data owners on one machine: for each a folder with key, settings, state and log, and a process.

Keys are as good as any; their passwords lie beside them. It is for chains on which nothing is at stake.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omnilytics.chain.keystore import Keystore
from omnilytics.errors import ChainError, DataError
from omnilytics.private import make_folder, write_private
from omnilytics.types import Address

OWNER = "mo"
SETTINGS, LOG, RESULT = "role.toml", "role.log", "result.json"
"""Names of files in a role's folder."""

PYTHON = (sys.executable, "-m")
"""Before the name of a module."""

WORK_FACTOR = 2
"""N of scrypt: a guess at a password that lies beside its key needs no price."""

LONGEST_LOG = 2_000  # characters of it that an error shows
COMMAND_SECS = 600.0
END_SECS = 10.0

Section = Mapping[str, Any]


@dataclass
class Process:
    """A command that runs, with its log in a file. It ends with `end`, and all that it has started with it.

    Attributes:
        name: what it is called.
        command: its command line.
        log: the file of what it says.
        running: the process, once it is started.
        folder: where it runs; None: here.
    """

    name: str
    command: Sequence[str]
    log: Path
    running: subprocess.Popen[bytes] | None = None
    folder: Path | None = None

    def start(self) -> None:
        """Starts it, or starts it again; the log goes on."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment(),
                cwd=self.folder,
                start_new_session=True,
            )

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def check(self) -> bool:
        """Whether it has done its work.

        Raises:
            ChainError: it has ended with an error.
        """
        code = None if self.running is None else self.running.poll()
        if code:
            raise ChainError(
                f"{self.name}: expected it to end without an error, got {code}: {self.said()[-LONGEST_LOG:]}"
            )
        return code == 0

    def end(self) -> None:
        """Ends it and whatever it has started; nothing, where it has ended."""
        if self.running is None or self.running.poll() is not None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(self.running.pid, sign)
            try:
                self.running.wait(END_SECS)
                return
            except subprocess.TimeoutExpired:
                continue


@dataclass
class Village:
    """The roles `mo`, `do0`, `do1`, ... in folders of these names.

    Attributes:
        home: the folder of their folders.
        members: data owners.
        addresses: of each role.
        processes: all that were started.
    """

    home: Path
    members: int
    addresses: dict[str, Address] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in (OWNER, *self.data_owners):
            make_folder(self.home / name)
            password = secrets.token_urlsafe()
            write_private(self.home / name / "password.txt", password.encode())
            self.addresses[name] = Keystore(self.home / name / "keys", WORK_FACTOR).new(password).address
        self.listed.write_text("\n".join(self.addresses[name] for name in self.data_owners) + "\n", encoding="utf-8")

    @property
    def data_owners(self) -> list[str]:
        """The names of the data owners."""
        return [f"do{index}" for index in range(self.members)]

    @property
    def listed(self) -> Path:
        """The file of who may register."""
        return self.home / "members.txt"

    @property
    def blobs(self) -> Path:
        """The folder of an archive that all roles may have together."""
        return self.home / "blobs"

    def config(self, name: str, file: str = SETTINGS) -> Path:
        """The file of a role's settings."""
        return self.home / name / file

    def configure(self, name: str, file: str = SETTINGS, **sections: Section) -> None:
        """Writes the settings of a role: those given, and where its key and, unless they say so, its state are."""
        own = {
            "keys": {"account": self.addresses[name], "folder": "keys", "password_file": "password.txt"},
            "state": {"folder": "state"},
        }
        parts = [f"[{title}]\n{_lines(values)}" for title, values in {**own, **sections}.items()]
        self.config(name, file).write_text("\n".join(parts), encoding="utf-8")

    def result_file(self, name: str) -> Path:
        """Where a role that runs writes what became of it."""
        return self.home / name / RESULT

    def result(self, name: str) -> dict[str, Any]:
        """What became of a role that has ended.

        Raises:
            DataError: it hasn't said.
        """
        path = self.result_file(name)
        try:
            value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected what became of {name}, got: {error}") from None
        return value

    def ask(self, name: str, *arguments: str) -> dict[str, Any]:
        """The JSON of a command that ends by itself.

        Raises:
            ChainError: it ends with an error.
        """
        command = [*self.command(name, *arguments), "--json", "-"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECS, stdin=subprocess.DEVNULL, env=environment()
        )
        if done.returncode:
            raise ChainError(f"{' '.join(arguments)} of {name}: {done.stderr[-LONGEST_LOG:].strip()}")
        value: dict[str, Any] = json.loads(done.stdout)
        return value

    def command(self, name: str, *arguments: str) -> list[str]:
        """A command line of a role."""
        return [*PYTHON, "omnilytics.cli", *arguments, "--config", str(self.config(name))]

    def start(self, name: str, command: Sequence[str]) -> Process:
        """A process of that name; the log of a role's is in its folder."""
        log = self.home / name / LOG if name in self.addresses else self.home / f"{name}.log"
        process = Process(name=name, command=command, log=log)
        self.processes.append(process)
        process.start()
        return process

    def done(self) -> bool:
        """Whether every process has done its work.

        Raises:
            ChainError: one has ended with an error.
        """
        return not [process for process in self.processes if not process.check()]

    def end(self) -> None:
        """Ends every process."""
        for process in self.processes:
            process.end()


def environment() -> dict[str, str]:
    """That of a role: one thread computes, and the node on loopback is asked without a proxy."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1", "PYTHONUNBUFFERED": "1"}


def _lines(values: Section) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items()) + "\n"
