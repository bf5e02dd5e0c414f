"""A role that is killed at every step: `python -m tests.chain.crashing FOLDER [twice]` prints how many there were.

The role is one program, started again and again until it's done, as a user would. `FOLDER/K` is what is left when it
was killed before its K-th step: a statement of SQLite, or a word to the chain. With `twice` it is then killed at every
step of its second run, in `FOLDER/K/J`; else run to the end.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eth_account import Account

from omnilytics.chain.intents import Pending
from omnilytics.chain.journal import DONE, FileJournal
from omnilytics.chain.resume import Standing, free_nonce, resume
from tests.chain.pool import CHAIN_ID, SENDER, Chain, attempt, intent, signed

ACCOUNT = Account.from_key(b"\1" * 32)
CALLS = ("register", "commit")
CONFIRMATIONS = 1
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


class DiskChain(Chain):
    """A chain that goes on when the process ends; each word to it is a step."""

    path: Path
    fate: Fate

    @classmethod
    def at(cls, path: Path, fate: Fate) -> DiskChain:
        chain = cls(*pickle.loads(path.read_bytes())) if path.exists() else cls()
        chain.path, chain.fate = path, fate
        return chain

    def send(self, raw: bytes) -> str | None:
        self.fate.step()
        refusal = super().send(raw)
        self._write()
        return refusal

    def mine(self) -> None:
        self.fate.step()
        super().mine()
        self._write()

    def _write(self) -> None:
        partial_file = self.path.with_suffix(".partial")
        partial_file.write_bytes(pickle.dumps((self.blocks, self.pool, self.sent)))
        partial_file.replace(self.path)


def connect(fate: Fate, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=DyingConnection)
    connection.fate = fate
    return connection


def role(folder: Path, fate: Fate) -> None:
    """Takes up what was left, then makes the calls that haven't been made; each is replaced once on its way."""
    chain = DiskChain.at(folder / "chain", fate)
    with FileJournal(folder / "journal", CHAIN_ID, [ACCOUNT], partial(connect, fate)) as journal:
        secret = journal.of(SENDER).secret("mask key").hex()
        finish(journal, chain)
        done = {entry.call for entry in journal.of(SENDER).entries() if entry.outcome == DONE}
        for call in CALLS:
            if call not in done:
                send(journal, chain, call, f"{call} {secret}")


def send(journal: FileJournal, chain: DiskChain, call: str, what: str) -> None:
    pending: list[Pending] = journal.pending(CHAIN_ID, SENDER)
    nonce = free_nonce(pending, chain.nonce(SENDER, chain.head()))
    first, second = signed(nonce, 100, what), signed(nonce, 120, what)
    entry = journal.intend(intent(nonce, call), attempt(first))
    chain.send(first)
    journal.replace(entry, attempt(second))
    chain.send(second)
    finish(journal, chain)


def finish(journal: FileJournal, chain: DiskChain) -> None:
    def wait(_: Sequence[Standing]) -> None:
        chain.mine()

    resume(journal, chain, CHAIN_ID, SENDER, CONFIRMATIONS, wait)


def killed(folder: Path, steps: int | None) -> bool:
    """Runs the role in a process of its own; whether it was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child == 0:
        role(folder, Fate(steps))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED), status
    return status == KILLED


def every_step(folder: Path, before: Path | None) -> int:
    """Kills at each step of what follows `before`, None: of a fresh start; how many there were."""
    steps = 0
    while True:
        place = folder / str(steps)
        if before is not None:
            shutil.copytree(before, place)
        if not killed(place, steps):
            return steps
        steps += 1


def main(folder: Path, *, twice: bool) -> int:
    total = steps = every_step(folder, None)
    shutil.rmtree(folder / str(steps))
    for place in [folder / str(step) for step in range(steps)]:
        if twice:
            left = place.rename(place.with_suffix(".left"))
            total += every_step(place, left)
            shutil.rmtree(left)
        else:
            shutil.copytree(place, place.with_suffix(".left"))
            assert not killed(place, None)
    return total


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), twice="twice" in sys.argv[2:]))
