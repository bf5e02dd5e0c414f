"""Roles that end wherever they leave a mark: `python -m tests.node.mortal FOLDER` lives the lives of FOLDER/lives.json.

A life is a role's commands, one after the other, each started again until it succeeds. A mortal one is ended by kill -9
at every step that finds it in a place where it hasn't been before, so that each next run comes one place further:

- before its journal is told to keep something, and after it has;
- after a node has taken a transaction of its, and when a receipt is there for the first time;
- before its release log hears of secrets, and after it has.

Between two such places nothing changes that outlives a process, so that an end there is the same as one before it. With
`every` it's ended there all the same: before each different statement of its journal and each different word to a node,
in each state of its journal. All lives are children of one process that has loaded everything, so that none has to.
Prints how often each was killed, by kind of place.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from omnilytics.chain import journal
from omnilytics.chain.rpc import chain as rpc_chain
from omnilytics.chain.rpc.nodes import Nodes
from omnilytics.cli import main as omnilytics
from omnilytics.protocol import releases
from omnilytics.protocol.releases import Part, ReleaseLog
from tests.node.warm import LOADED

ROOMY = 1 << 24
"""Bytes of a disk that has room."""

CONTENTS = (
    "SELECT entry, call, nonce, tx_hash, block, outcome FROM intents ORDER BY entry",
    "SELECT entry, count(*) FROM attempts GROUP BY entry ORDER BY entry",
    "SELECT name, length(sealed) FROM secrets ORDER BY name",
)
"""What a journal keeps, as far as it tells one state from another: what is bid differs from block to block.

The owner's model is kept under one name, and is longer after each session.
"""


class Marks:
    """The places in which a life has been killed, in a file; `every` as above."""

    def __init__(self, path: Path, every: bool) -> None:
        self.every = every
        self._path = path
        self._seen = set(path.read_text(encoding="utf-8").splitlines()) if path.exists() else set()

    def here(self, kind: str, *place: object) -> None:
        """Ends the process, unless it has ended here before."""
        mark = f"{kind} {digest(place)}"
        if mark not in self._seen:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{mark}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def kills(self) -> Counter[str]:
        """How many there were, by kind."""
        return Counter(mark.rsplit(" ", 1)[0] for mark in self._seen)


def digest(what: object) -> str:
    """Of something with a repr that says it all."""
    return hashlib.sha256(repr(what).encode()).hexdigest()


class MortalConnection(sqlite3.Connection):
    """A journal's connection."""

    marks: Marks
    state = ""
    """Of what was last written to the disk."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if self.marks.every:
            self.marks.here("before a statement", type(self).state, sql)
        if sql != "COMMIT":
            return super().execute(sql, *arguments)
        state = digest([super(MortalConnection, self).execute(query).fetchall() for query in CONTENTS])
        self.marks.here("before the journal keeps", state)
        cursor = super().execute(sql)
        type(self).state = state
        self.marks.here("after the journal keeps", state)
        return cursor


class MortalNodes(Nodes):
    """Nodes to which every word is a step."""

    marks: Marks

    def request(self, method: str, *params: Any) -> Any:
        if self.marks.every:
            what = (params[0].get("to"), params[0].get("data")) if method == "eth_call" else None
            self.marks.here("before a word", MortalConnection.state, method, what)
        answer = super().request(method, *params)
        if method == "eth_sendRawTransaction" or (method == "eth_getTransactionReceipt" and answer is not None):
            self.marks.here(f"after {method}", params)
        return answer


class MortalReleases(ReleaseLog):
    """A release log with a step on either side."""

    marks: Marks

    def release(self, part: Part, delivered: int) -> None:
        self.marks.here("before a release", part, delivered)
        super().release(part, delivered)
        self.marks.here("after a release", part, delivered)


@dataclass(frozen=True)
class Life:
    """A role's commands.

    Attributes:
        name: of its log and marks.
        commands: one after the other.
        mortal: None, "places" or "every".
        done: a command that says so is over, however it ends.
        rooms: for each command how many bytes a file of its may have, None: as many as it likes; empty: the same.
        disk: the file system, mounted by itself, that has so many bytes instead.
    """

    name: str
    commands: Sequence[Sequence[str]]
    mortal: str | None = None
    done: str = ""
    rooms: Sequence[int | None] = ()
    disk: str = ""


class Lives:
    """Runs them all.

    Args:
        folder: of their logs and marks.
        lives: what they do.
    """

    def __init__(self, folder: Path, lives: Sequence[Life]) -> None:
        self._folder = folder
        self._running: dict[int, tuple[Life, int, int]] = {}
        self._lives = lives

    def live(self) -> Mapping[str, Mapping[str, int]]:
        """Returns the kills of the mortal ones once all are done.

        Raises:
            RuntimeError: one failed; all others are ended.
        """
        for life in self._lives:
            self._start(life, 0)
        try:
            while self._running:
                self._take_up(*os.wait())
        finally:
            for child in self._running:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        return {life.name: self._marks(life).kills() for life in self._lives if life.mortal}

    def _take_up(self, child: int, status: int) -> None:
        life, number, before = self._running.pop(child)
        code = os.waitstatus_to_exitcode(status)
        said = self._log(life).read_text(encoding="utf-8")[before:]
        if life.mortal and code == -signal.SIGKILL:
            self._start(life, number)
        elif code and not (life.done and life.done in said):
            raise RuntimeError(f"{life.name} has ended with {code}: {said[-2_000:]}")
        elif number + 1 < len(life.commands):
            self._start(life, number + 1)

    def _start(self, life: Life, number: int) -> None:
        log = self._log(life)
        said = log.read_text(encoding="utf-8") if log.exists() else ""
        child = os.fork()
        if child:
            self._running[child] = life, number, len(said)
            return
        code = 1
        try:
            code = self._run(life, number)
        finally:
            os._exit(code)

    def _run(self, life: Life, number: int) -> int:
        log = os.open(self._log(life), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, sys.stdout.fileno())
        os.dup2(log, sys.stderr.fileno())
        if life.mortal:
            kill_at(self._marks(life))
        room = life.rooms[number] if life.rooms else None
        if life.disk:
            subprocess.run(["mount", "-o", f"remount,size={room or ROOMY}", life.disk], check=True)
        elif room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        sys.argv = ["omnilytics", *life.commands[number]]
        try:
            omnilytics()
        except SystemExit as end:
            sys.stdout.flush()
            sys.stderr.flush()
            return int(end.code or 0)
        return 0

    def _log(self, life: Life) -> Path:
        return self._folder / f"{life.name}.log"

    def _marks(self, life: Life) -> Marks:
        return Marks(self._folder / f"{life.name}.marks", life.mortal == "every")


def kill_at(marks: Marks) -> None:
    """Makes this process one that ends at every new mark."""
    for kind in (MortalConnection, MortalNodes, MortalReleases):
        kind.marks = marks
    connect = partial(sqlite3.connect, isolation_level=None, check_same_thread=False, factory=MortalConnection)
    vars(journal)["FileJournal"] = partial(journal.FileJournal, connect=connect)
    vars(rpc_chain)["Nodes"] = MortalNodes
    vars(releases)["ReleaseLog"] = MortalReleases


def main(folder: Path) -> None:
    import_module(LOADED)
    lives = [Life(**one) for one in json.loads((folder / "lives.json").read_text(encoding="utf-8"))]
    print(json.dumps(Lives(folder, lives).live()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
