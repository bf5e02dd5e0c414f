"""A journal that is damaged, cut short or on a full disk: refused with what to do, or whole; never a wrong answer."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from omnilytics.chain.intents import Pending
from omnilytics.chain.journal import Entry, FileJournal, connect
from omnilytics.errors import JournalError
from tests.chain.entries import CHAIN_ID, SENDER, attempt, hash_of, intent, receipt, signed
from tests.chain.test_journal import ACCOUNT, BLOCK_HASH, file_of, open_journal

State = tuple[list[Pending], list[Entry]]

FLIPS = 400
"""Random changes of a byte that are tried."""


def state(folder: Path) -> State:
    with open_journal(folder) as journal:
        return journal.pending(CHAIN_ID, SENDER), journal.of(SENDER).entries()


def fill(journal: FileJournal) -> None:
    """Entries of every kind, and secrets."""
    entries = [journal.intend(intent(n, f"call {n}"), attempt(signed(n))) for n in range(4)]
    journal.close(entries[0], receipt(intent(0), hash_of(signed(0)), 4))
    journal.close(entries[1], "refused")
    journal.replace(entries[2], attempt(signed(2, 120)))
    journal.mined(entries[2], hash_of(signed(2)), 5, BLOCK_HASH)
    journal.of(SENDER).secret("key")


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A journal that was closed properly: one file, no WAL."""
    with open_journal(tmp_path / "filled") as journal:
        fill(journal)
    assert not file_of(tmp_path / "filled").with_suffix(".sqlite-wal").exists()
    return tmp_path / "filled"


def damages() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "not a database": lambda whole: b"not a database at all " * 400,
        "zeros": lambda whole: bytes(len(whole)),
        "cut in the middle": lambda whole: whole[: len(whole) // 2],
        "cut in a page": lambda whole: whole[:-1000],
        "one page overwritten": lambda whole: whole[:4096] + b"\xff" * 4096 + whole[8192:],
        "header alone": lambda whole: whole[:100],
    }


@pytest.mark.parametrize("damage", damages())
def test_a_damaged_file_is_refused_with_what_to_do(filled: Path, damage: str) -> None:
    file = file_of(filled)
    file.write_bytes(damages()[damage](file.read_bytes()))
    with pytest.raises(JournalError, match=f"expected the journal of {SENDER}, whole, got: ") as caught:
        open_journal(filled)
    assert caught.value.__notes__[0].startswith("nothing was sent. Put back a copy of the file")


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    file = file_of(tmp_path)
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE diary (day TEXT)")
    database.close()
    with pytest.raises(JournalError, match="another program's database"):
        open_journal(tmp_path)


TAMPERING = {
    "nonce": "UPDATE intents SET nonce = 9 WHERE nonce = 3",
    "recipient": "UPDATE intents SET recipient = NULL WHERE nonce = 3",
    "value": "UPDATE intents SET value_wei = '8' WHERE nonce = 3",
    "fee": "UPDATE attempts SET max_fee_wei = '1'",
    "blobs": "UPDATE intents SET blob_hashes = zeroblob(32) WHERE nonce = 3",
    "blob fee": "UPDATE attempts SET max_blob_fee_wei = '1'",
    "hash": "UPDATE attempts SET tx_hash = zeroblob(32) WHERE entry = 4",
    "another's bytes": "UPDATE attempts SET raw = (SELECT raw FROM attempts WHERE entry = 3) WHERE entry = 4",
    "another's calldata": "UPDATE intents SET data = (SELECT data FROM intents WHERE nonce = 2) WHERE nonce = 3",
    "no attempts": "DELETE FROM attempts WHERE entry = 4",
    "another's secret": "UPDATE secrets SET name = 'other key'",
    "no table": "DROP TABLE secrets",
}


@pytest.mark.parametrize("change", TAMPERING)
def test_what_somebody_changed_is_refused(filled: Path, change: str) -> None:
    with sqlite3.connect(file_of(filled)) as database:
        assert database.execute(TAMPERING[change]).rowcount != 0
    database.close()
    with pytest.raises(JournalError, match="expected the journal of"):
        open_journal(filled)


def test_a_changed_byte_anywhere_is_refused_or_changes_nothing_that_is_open(filled: Path, tmp_path: Path) -> None:
    """What is done stands unsealed: a changed byte of it can go unseen, and nothing is sent because of it."""
    whole, expected = file_of(filled).read_bytes(), state(filled)
    draw = random.Random(7)
    refused = 0
    for _ in range(FLIPS):
        broken = bytearray(whole)
        broken[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        copy = tmp_path / "copy"
        shutil.copytree(filled, copy)
        file_of(copy).write_bytes(broken)
        try:
            pending, _ = state(copy)
            assert pending == expected[0]
        except JournalError:
            refused += 1
        shutil.rmtree(copy)
    assert refused > 0


def test_a_log_that_is_cut_short_gives_a_state_that_once_was(tmp_path: Path) -> None:
    """As after a power cut, had the disk lied about what was synced: the WAL of an open journal, cut everywhere."""
    live, cut = tmp_path / "live", tmp_path / "cut"
    states: list[State] = [([], [])]
    with open_journal(live) as journal:

        def note(_: object) -> None:
            states.append((journal.pending(CHAIN_ID, SENDER), journal.of(SENDER).entries()))

        entries = [journal.intend(intent(n), attempt(signed(n))) for n in range(1)]
        note(entries)
        note(journal.replace(entries[0], attempt(signed(0, 120))))
        note(journal.mined(entries[0], hash_of(signed(0)), 5, BLOCK_HASH))
        note(journal.close(entries[0], receipt(intent(0), hash_of(signed(0)), 5)))
        note(journal.intend(intent(1), attempt(signed(1))))
        file = file_of(live)
        log = file.with_name(file.name + "-wal")
        main, whole = file.read_bytes(), log.read_bytes()
    reached = set()
    for length in (*range(0, len(whole), 512), len(whole)):
        file_of(cut).parent.mkdir(parents=True)
        file_of(cut).write_bytes(main)
        file_of(cut).chmod(0o600)
        file_of(cut).with_name(file.name + "-wal").write_bytes(whole[:length])
        reached.add(states.index(state(cut)))
        shutil.rmtree(cut)
    assert reached == set(range(len(states)))


def full_after(pages: int, path: Path) -> sqlite3.Connection:
    """A connection to a disk on which so many pages more have room."""
    connection = connect(path)
    (now,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {now + pages}")
    return connection


def test_a_full_disk_refuses_before_anything_is_sent_and_loses_nothing(filled: Path) -> None:
    before = state(filled)
    large = intent(9)
    large = type(large)(CHAIN_ID, "upload", SENDER, 9, large.to, bytes(100_000), 0, 2**24)
    with FileJournal(filled, CHAIN_ID, [ACCOUNT], partial(full_after, 1)) as journal:
        with pytest.raises(JournalError, match=r"expected room and leave to write to it, got: .*full") as caught:
            journal.intend(large, attempt(signed(9)))
        assert (
            f"nothing is sent before it is written down. Make room in {file_of(filled).parent}"
            in caught.value.__notes__[0]
        )
        assert (journal.pending(CHAIN_ID, SENDER), journal.of(SENDER).entries()) == before
        journal.close(before[0][0].entry, "given up")
    assert len(state(filled)[0]) == len(before[0]) - 1
    with open_journal(filled) as journal:
        journal.intend(large, attempt(signed(9)))


LIMITED = """
import pathlib, resource, sys
from eth_account import Account
from omnilytics.chain.journal import FileJournal
from omnilytics.errors import JournalError
from tests.chain.entries import CHAIN_ID, attempt, intent, signed
sent = []
try:
    with FileJournal(pathlib.Path(sys.argv[1]), CHAIN_ID, [Account.from_key(b"\\1" * 32)]) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
        for nonce in range(4, 1000):
            journal.intend(intent(nonce), attempt(signed(nonce)))
            sent.append(nonce)
except JournalError as error:
    print(len(sent), error, error.__notes__[0])
"""


def test_the_operating_system_refuses_a_write(filled: Path) -> None:
    """Here through a limit on the size of files: what had returned before is there, the rest isn't."""
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(filled)], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert run.returncode == 0, run.stderr
    written = int(run.stdout.split()[0])
    assert written > 0
    assert "expected room and leave to write to it" in run.stdout
    assert "nothing is sent before it is written down" in run.stdout
    assert [p.intent.nonce for p in state(filled)[0]] == [2, 3, *range(4, 4 + written)]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="file"):
        open_journal(tmp_path / "file" / "journals")
