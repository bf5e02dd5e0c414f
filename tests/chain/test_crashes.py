"""Killed at every step, enumerated: what was sent is known, and nothing is sent twice.

`crashing` does the killing, in processes of its own; here is looked at what it has left.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnilytics.chain.journal import FileJournal
from tests.chain.crashing import ACCOUNT, CALLS, DiskChain, Fate
from tests.chain.pool import CHAIN_ID, SENDER, hash_of
from tests.project.checkout import ROOT

FEWEST_STEPS = 60
"""Statements and words to the chain of the two calls, at the least: fewer, and the counting is broken."""


def kill(folder: Path, *words: str) -> int:
    command = [sys.executable, "-m", "tests.chain.crashing", str(folder), *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: a process that is killed loses nothing that isn't synced."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def left(memory: Path) -> Path:
    assert kill(memory / "once") >= FEWEST_STEPS
    return memory / "once"


def places(folder: Path, suffix: str) -> Iterator[Path]:
    """Where the role was killed, in order."""
    found = [p for p in folder.iterdir() if p.is_dir() and p.suffix == suffix]
    yield from sorted(found, key=lambda path: int(path.stem))


def hashes(folder: Path) -> set[bytes]:
    """Of all attempts that the journal knows, done or not."""
    file = folder / "journal" / str(CHAIN_ID) / f"{SENDER}.sqlite"
    if not file.exists() or not file.stat().st_size:
        return set()
    with sqlite3.connect(file) as database:
        if not database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'attempts'").fetchone()[0]:
            return set()
        found = {tx_hash for (tx_hash,) in database.execute("SELECT tx_hash FROM attempts")}
    database.close()
    return found


def check_the_end(folder: Path) -> None:
    """Each call is in a block, once, in order, with the secret of the first run; and the journal says so."""
    chain = DiskChain.at(folder / "chain", Fate(None))
    executed = [json.loads(raw)["what"].split() for raw in chain.executed()]
    assert [call for call, _ in executed] == list(CALLS), folder
    assert len({secret for _, secret in executed}) == 1, folder
    assert {hash_of(raw) for raw in chain.sent} <= hashes(folder), folder
    with FileJournal(folder / "journal", CHAIN_ID, [ACCOUNT]) as journal:
        assert journal.pending(CHAIN_ID, SENDER) == []
        entries = journal.of(SENDER).entries()
        assert [(entry.call, entry.outcome) for entry in entries] == [(call, "done") for call in CALLS], folder
        assert {entry.tx_hash for entry in entries} == {hash_of(raw) for raw in chain.executed()}, folder


def test_what_was_sent_is_known_at_once(left: Path) -> None:
    seen = set()
    for place in places(left, ".left"):
        known = hashes(place)
        chain = DiskChain.at(place / "chain", Fate(None))
        assert {hash_of(raw) for raw in chain.sent} <= known, place
        seen.add((len(known), len(set(chain.sent)), len(chain.executed())))
    # written down and not sent; sent; written down again and not sent; sent again; mined; and so for each call
    for call in range(len(CALLS)):
        for known, sent, mined in [(1, 0, 0), (1, 1, 0), (2, 1, 0), (2, 2, 0), (2, 2, 1)]:
            assert (2 * call + known, 2 * call + sent, call + mined) in seen


def test_a_second_run_brings_all_to_the_end_and_sends_nothing_twice(left: Path) -> None:
    for place in places(left, ""):
        check_the_end(place)


@pytest.mark.nightly
def test_killed_twice(memory: Path) -> None:
    """At every step of the first run, and then at every step of the second."""
    total = kill(memory / "twice", "twice")
    assert total >= FEWEST_STEPS**2 // 2
    for first in places(memory / "twice", ""):
        *_, last = places(first, "")
        check_the_end(last)
