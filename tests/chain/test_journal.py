"""The journal on the disk: what it was told is there again, sealed, and nobody else sends for its accounts."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from omnilytics.chain import journal as module
from omnilytics.chain.intents import Intent, Journal, MemoryJournal, free_nonce
from omnilytics.chain.journal import APPLICATION_ID, MIGRATIONS, Entry, FileJournal
from omnilytics.chain.sealing import Sealer
from omnilytics.errors import DataError, InputError, JournalError
from omnilytics.types import Address
from tests.chain.entries import CHAIN_ID, SENDER, attempt, hash_of, intent, receipt, signed

ACCOUNT = Account.from_key(b"\1" * 32)
OTHER = Account.from_key(b"\2" * 32)
OTHER_SENDER = Address(OTHER.address.lower())
DATA = b"the calldata of a reveal, with all its secrets in it"
BLOCK_HASH = b"\7" * 32


def file_of(folder: Path, sender: Address = SENDER) -> Path:
    return folder / str(CHAIN_ID) / f"{sender}.sqlite"


def open_journal(folder: Path) -> FileJournal:
    return FileJournal(folder, CHAIN_ID, [ACCOUNT])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[FileJournal]:
    with open_journal(tmp_path) as opened:
        yield opened


def test_everything_is_there_again(tmp_path: Path) -> None:
    first, second = signed(5, 100), signed(5, 120)
    deploy = Intent(CHAIN_ID, "deploy", SENDER, 6, None, DATA, 2**255, 2**24)
    post = replace(intent(7, "post"), blob_hashes=(b"\1" + b"\2" * 31, b"\1" + b"\3" * 31))
    dear = replace(attempt(signed(7)), max_blob_fee_wei=2**70)
    with open_journal(tmp_path) as journal:
        entry = journal.intend(intent(5), attempt(first))
        journal.replace(entry, attempt(second))
        journal.mined(entry, hash_of(first), 3, BLOCK_HASH)
        journal.intend(deploy, attempt(signed(6)))
        journal.intend(post, dear)
        before = journal.pending(CHAIN_ID, SENDER)
    with open_journal(tmp_path) as journal:
        assert journal.pending(CHAIN_ID, SENDER) == before
    assert [(p.intent, p.attempts) for p in before] == [
        (intent(5), (attempt(first), attempt(second))),
        (deploy, (attempt(signed(6)),)),
        (post, (dear,)),
    ]


def test_what_is_done_is_erased_but_for_what_came_of_it(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        entries = [journal.intend(intent(n, f"call {n}"), attempt(signed(n))) for n in range(3)]
        journal.close(entries[0], receipt(intent(0), hash_of(signed(0)), 4))
        journal.mined(entries[1], hash_of(signed(1)), 5, BLOCK_HASH)
        journal.close(entries[1], "reverted: odd")
        journal.close(entries[2], "refused: no money")
    with open_journal(tmp_path) as journal:
        assert journal.pending(CHAIN_ID, SENDER) == []
        assert journal.of(SENDER).entries() == [
            Entry("call 0", 0, hash_of(signed(0)), 4, "done", 20_000),
            Entry("call 1", 1, hash_of(signed(1)), 5, "reverted: odd", None),
            Entry("call 2", 2, None, None, "refused: no money", None),
        ]
    with sqlite3.connect(file_of(tmp_path)) as database:
        assert database.execute("SELECT count(data) FROM intents").fetchone() == (0,)
        assert database.execute("SELECT count(raw) FROM attempts").fetchone() == (0,)
    database.close()


def refusals(journal: FileJournal, entry: int) -> dict[str, Callable[[], object]]:
    stranger = receipt(intent(0), b"\5" * 32)
    return {
        "an open entry has it": lambda: journal.intend(intent(0), attempt(signed(0, 200))),
        "expected a new attempt": lambda: journal.replace(entry, attempt(signed(0))),
        "expected an open one, got none": lambda: journal.replace(entry + 1, attempt(signed(0, 200))),
        "the hash of one of its attempts, got 0x0909": lambda: journal.mined(entry, b"\x09" * 32, 1, BLOCK_HASH),
        "the hash of one of its attempts, got 0x0505": lambda: journal.close(entry, stranger),
        "expected an account of this journal": lambda: journal.pending(CHAIN_ID, OTHER_SENDER),
        f"chain {CHAIN_ID}, got {SENDER} on 1$": lambda: journal.pending(1, SENDER),
    }


@pytest.mark.parametrize("message", refusals(None, 0))  # type: ignore[arg-type]
def test_what_contradicts_it_is_refused(journal: FileJournal, message: str) -> None:
    entry = journal.intend(intent(0), attempt(signed(0)))
    before = journal.pending(CHAIN_ID, SENDER)
    with pytest.raises(InputError, match=message):
        refusals(journal, entry)[message]()
    assert journal.pending(CHAIN_ID, SENDER) == before


@pytest.mark.parametrize("act", ["replace", "mined", "close"])
def test_what_is_done_stays_done(journal: FileJournal, act: str) -> None:
    entry = journal.intend(intent(0), attempt(signed(0)))
    journal.close(entry, "refused: no money")
    again: dict[str, Callable[[], object]] = {
        "replace": lambda: journal.replace(entry, attempt(signed(0, 200))),
        "mined": lambda: journal.mined(entry, hash_of(signed(0)), 1, BLOCK_HASH),
        "close": lambda: journal.close(entry, "twice"),
    }
    with pytest.raises(InputError, match="expected an open one, got refused: no money"):
        again[act]()


def test_a_nonce_is_free_again_once_its_entry_is_done(journal: FileJournal) -> None:
    first = journal.intend(intent(0), attempt(signed(0)))
    journal.close(first, "refused: no money")
    assert journal.intend(intent(0), attempt(signed(0))) != first


def test_several_accounts(tmp_path: Path) -> None:
    with FileJournal(tmp_path, CHAIN_ID, [ACCOUNT, OTHER]) as journal:
        theirs = Intent(CHAIN_ID, "upload", OTHER_SENDER, 0, None, DATA, 0, 21_000)
        own, other = journal.intend(intent(0), attempt(signed(0))), journal.intend(theirs, attempt(signed(0)))
        assert own != other
        journal.close(other, "refused")
        assert [p.entry for p in journal.pending(CHAIN_ID, SENDER)] == [own]
        assert journal.pending(CHAIN_ID, OTHER_SENDER) == []
        assert journal.of(SENDER).secret("key") != journal.of(OTHER_SENDER).secret("key")


@pytest.mark.parametrize("accounts", [[], [ACCOUNT, ACCOUNT]])
def test_no_account_or_one_twice_is_refused(tmp_path: Path, accounts: list[object]) -> None:
    with pytest.raises(InputError, match="expected different ones, at least 1"):
        FileJournal(tmp_path, CHAIN_ID, accounts)  # type: ignore[arg-type]


class Told(RuleBasedStateMachine):
    """Whatever it is told, closed and opened in between: a journal on the disk answers as one in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(os.environ["PYTEST_JOURNALS"]) / str(id(self))
        self.model = MemoryJournal()
        self.entries: dict[int, tuple[int, int, set[bytes]]] = {}

    @initialize()
    def begin(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.file = open_journal(self.folder)

    @rule(nonce=st.integers(0, 3), fee=st.integers(1, 10**30))
    def intend(self, nonce: int, fee: int) -> None:
        answers = [self._intended(journal, nonce, fee) for journal in (self.file, self.model)]
        assert (answers[0] is None) == (answers[1] is None)
        if answers[0] is not None and answers[1] is not None:
            self.entries[answers[0]] = (answers[1], nonce, {hash_of(signed(nonce, fee))})

    def _intended(self, journal: Journal, nonce: int, fee: int) -> int | None:
        try:
            return journal.intend(intent(nonce), attempt(signed(nonce, fee)))
        except InputError:
            return None

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), fee=st.integers(1, 10**30))
    def replace(self, data: st.DataObject, fee: int) -> None:
        entry = data.draw(st.sampled_from(sorted(self.entries)))
        model, nonce, hashes = self.entries[entry]
        if (tx_hash := hash_of(signed(nonce, fee))) not in hashes:
            hashes.add(tx_hash)
            self.file.replace(entry, attempt(signed(nonce, fee)))
            self.model.replace(model, attempt(signed(nonce, fee)))

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), block=st.integers(0, 2**40))
    def mined(self, data: st.DataObject, block: int) -> None:
        entry = data.draw(st.sampled_from(sorted(self.entries)))
        self.file.mined(entry, sorted(self.entries[entry][2])[0], block, BLOCK_HASH)

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), succeeds=st.booleans())
    def close(self, data: st.DataObject, succeeds: bool) -> None:
        entry = data.draw(st.sampled_from(sorted(self.entries)))
        model, nonce, hashes = self.entries.pop(entry)
        outcome = receipt(intent(nonce), sorted(hashes)[0]) if succeeds else "refused"
        self.file.close(entry, outcome)
        self.model.close(model, outcome)

    @rule()
    def reopen(self) -> None:
        self.file.shut()
        self.file = open_journal(self.folder)

    @invariant()
    def same(self) -> None:
        ours, theirs = (j.pending(CHAIN_ID, SENDER) for j in (self.file, self.model))
        assert [(p.intent, p.attempts) for p in ours] == [(p.intent, p.attempts) for p in theirs]
        assert {p.entry: self.entries[p.entry][0] for p in ours} == {
            p.entry: q.entry for p, q in zip(ours, theirs, strict=True)
        }

    def teardown(self) -> None:
        self.file.shut()
        shutil.rmtree(self.folder)


def test_it_answers_as_one_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    monkeypatch.setenv("PYTEST_JOURNALS", str(tmp_path))
    run_state_machine_as_test(Told, settings=settings(max_examples=25, stateful_step_count=15, deadline=None))


@given(threads=st.integers(2, 6), each=st.integers(1, 5), refused=st.sets(st.integers(0, 29)), used=st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_threads_never_share_a_nonce(
    tmp_path_factory: pytest.TempPathFactory, threads: int, each: int, refused: set[int], used: int
) -> None:
    """Each takes the least free nonce until the journal lets it; what is refused is free again."""
    given_out: list[int] = []
    start = threading.Barrier(threads)
    with open_journal(tmp_path_factory.mktemp("threads")) as journal:

        def take(thread: int) -> None:
            start.wait()
            for number in range(thread * each, (thread + 1) * each):
                while True:
                    nonce = free_nonce(journal.pending(CHAIN_ID, SENDER), used)
                    try:
                        entry = journal.intend(intent(nonce), attempt(signed(nonce, 100, str(number))))
                        break
                    except InputError:
                        continue
                if number in refused:
                    journal.close(entry, "refused")
                else:
                    given_out.append(nonce)

        workers = [threading.Thread(target=take, args=(thread,)) for thread in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        open_nonces = [p.intent.nonce for p in journal.pending(CHAIN_ID, SENDER)]
    assert sorted(given_out) == open_nonces
    assert len(set(given_out)) == len(given_out) == len(set(range(threads * each)) - refused)
    assert min(given_out, default=used) >= used


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        key, other = journal.of(SENDER).secret("session 1"), journal.of(SENDER).secret("session 2")
        assert len(key) == len(other) == 32
        assert key != other
    with open_journal(tmp_path) as journal:
        assert journal.of(SENDER).secret("session 1") == key


def test_what_was_kept_first_counts_until_it_is_forgotten(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        assert journal.of(SENDER).keep("0xaa/words", b"first") == b"first"
        assert journal.of(SENDER).keep("0xab/words", b"another's") == b"another's"
    with open_journal(tmp_path) as journal:
        own = journal.of(SENDER)
        assert own.kept("0xaa/words") == b"first"
        assert own.kept("0xac/words") is None
        assert own.keep("0xaa/words", b"second") == b"first"
        own.forget("0xaa/")
        assert own.keep("0xaa/words", b"third") == b"third"
        assert own.keep("0xab/words", b"fourth") == b"another's"


def test_what_is_put_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        with open_journal(tmp_path) as journal:
            journal.of(SENDER).put("model", content)
            assert journal.of(SENDER).kept("model") == content
    with open_journal(tmp_path) as journal:
        assert journal.of(SENDER).kept("model") == b"second"
        assert journal.of(SENDER).kept("mode") is None


def test_nothing_secret_is_in_the_files(tmp_path: Path) -> None:
    raw = b"signed bytes that nobody has seen yet"
    with open_journal(tmp_path) as journal:
        secret = journal.of(SENDER).secret("key")
        sent = Intent(CHAIN_ID, "reveal", SENDER, 0, None, DATA, 0, 21_000)
        journal.intend(sent, attempt(signed(0)))
        one = attempt(signed(0, 120))
        journal.replace(1, module.Attempt(one.tx_hash, raw, 1, 1))
        files = sorted(p for p in tmp_path.rglob("*") if p.is_file())
        assert {p.suffix for p in files} >= {".sqlite", ".sqlite-wal", ".lock"}
        content = b"".join(p.read_bytes() for p in files)
        shown = repr(journal) + repr(journal.of(SENDER)) + repr(journal.pending(CHAIN_ID, SENDER))
    assert b"reveal" in content
    for hidden in (DATA, raw, secret, bytes(ACCOUNT.key), secret.hex().encode()):
        assert hidden not in content
        assert repr(hidden)[2:-1] not in shown


def test_another_account_cannot_open_it(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.intend(intent(0), attempt(signed(0)))
    file_of(tmp_path).rename(file_of(tmp_path, OTHER_SENDER))
    with pytest.raises(JournalError, match="expected what this account sealed there"):
        FileJournal(tmp_path, CHAIN_ID, [OTHER])


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "journals"
    with open_journal(folder) as journal:
        journal.of(SENDER).secret("key")
        for path in (folder, *folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    file_of(folder).chmod(0o644)
    with pytest.raises(DataError, match="expected mode 0600"):
        open_journal(folder)


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_every_earlier_version_is_taken_to_this_one(tmp_path: Path, version: int) -> None:
    def schema(folder: Path) -> list[tuple[str, str]]:
        with sqlite3.connect(file_of(folder)) as database:
            found = database.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        database.close()
        return found

    old, new = tmp_path / "old", tmp_path / "new"
    file_of(old).parent.mkdir(parents=True)
    file_of(old).touch(0o600)
    with sqlite3.connect(file_of(old)) as database:
        for statement in (s for migration in MIGRATIONS[:version] for s in migration):
            database.execute(statement)
        if version:
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {version}")
    database.close()
    for folder in (old, new):
        with open_journal(folder) as journal:
            assert len(journal.of(SENDER).secret("key")) == 32
    assert schema(old) == schema(new)


def test_what_was_open_before_there_were_blobs_is_open_still(tmp_path: Path) -> None:
    """Rows as a journal of version 2 has written them, under the seals of then."""
    sealer = Sealer(ACCOUNT, CHAIN_ID)
    one, raw = intent(3), attempt(signed(3))
    with open_journal(tmp_path):
        pass
    with sqlite3.connect(file_of(tmp_path)) as database:
        row = (one.call, one.nonce, one.to, str(one.value_wei), one.gas)
        sealed = sealer.seal(one.data, "intent {} {} {} {} {}".format(*row))
        database.execute(
            "INSERT INTO intents (call, nonce, recipient, value_wei, gas, data) VALUES (?, ?, ?, ?, ?, ?)",
            (*row, sealed),
        )
        place = f"attempt 1 {raw.tx_hash.hex()} {raw.max_fee_wei} {raw.tip_wei}"
        database.execute(
            "INSERT INTO attempts (entry, tx_hash, raw, max_fee_wei, tip_wei) VALUES (1, ?, ?, ?, ?)",
            (raw.tx_hash, sealer.seal(raw.raw, place), str(raw.max_fee_wei), str(raw.tip_wei)),
        )
    database.close()
    with open_journal(tmp_path) as journal:
        assert [(p.intent, p.attempts) for p in journal.pending(CHAIN_ID, SENDER)] == [(one, (raw,))]


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    open_journal(tmp_path).shut()
    with sqlite3.connect(file_of(tmp_path)) as database:
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.close()
    with pytest.raises(JournalError, match=f"version {len(MIGRATIONS)} or below, got {len(MIGRATIONS) + 1}"):
        open_journal(tmp_path)


HOLDER = """
import sys, pathlib, time
from eth_account import Account
from omnilytics.chain.journal import FileJournal
journal = FileJournal(pathlib.Path(sys.argv[1]), int(sys.argv[2]), [Account.from_key(b"\\1" * 32)])
print("open", flush=True)
time.sleep(600)
"""


def test_a_second_process_with_the_key_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path), str(CHAIN_ID)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        with pytest.raises(
            JournalError, match=f"{SENDER} on chain {CHAIN_ID}: .* got process {first.pid} too"
        ) as caught:
            open_journal(tmp_path)
        assert f"wait until process {first.pid} has ended" in caught.value.__notes__[0]
        FileJournal(tmp_path, CHAIN_ID + 1, [ACCOUNT]).shut()
        FileJournal(tmp_path, CHAIN_ID, [OTHER]).shut()
        with pytest.raises(JournalError):
            FileJournal(tmp_path, CHAIN_ID, [OTHER, ACCOUNT])
        FileJournal(tmp_path, CHAIN_ID, [OTHER]).shut()
        first.send_signal(signal.SIGKILL)
    open_journal(tmp_path).shut()


def test_a_second_one_in_this_process_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path), pytest.raises(JournalError, match=f"got process {os.getpid()} too"):
        open_journal(tmp_path)
    open_journal(tmp_path).shut()
