"""What accounts send on a chain, written down before it is sent: after a crash it is known, and nothing is sent twice.

A file for each account and chain, `FOLDER/CHAIN_ID/ADDRESS.sqlite`, with a lock beside it, because two senders for one
account would give one nonce to two transactions. Calldata, signed bytes and secrets are sealed (`sealing`), the first
two erased once they are mined. The rest, who calls what and for how much, is on the chain for everybody to see.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from omnilytics.chain.intents import Attempt, Intent, Pending
from omnilytics.chain.lock import SoleSender
from omnilytics.chain.sealing import Sealer
from omnilytics.errors import DataError, InputError, JournalError
from omnilytics.private import check_mode, make_folder, sync_folder
from omnilytics.types import Address, Receipt

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

Connect = Callable[[Path], sqlite3.Connection]

APPLICATION_ID = 0x4F4D4A31
"""Of SQLite's header: "OMJ1"."""

SECRET_BYTES = 32
HASH_BYTES = 32

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE intents (
            entry INTEGER PRIMARY KEY AUTOINCREMENT, call TEXT NOT NULL, nonce INTEGER NOT NULL, recipient TEXT,
            value_wei TEXT NOT NULL, gas INTEGER NOT NULL, data BLOB, tx_hash BLOB, block INTEGER, block_hash BLOB,
            outcome TEXT, gas_used INTEGER, CHECK ((outcome IS NULL) = (data IS NOT NULL))
        ) STRICT
        """,
        "CREATE UNIQUE INDEX open_nonces ON intents (nonce) WHERE outcome IS NULL",
        """
        CREATE TABLE attempts (
            number INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL REFERENCES intents, tx_hash BLOB NOT NULL,
            raw BLOB, max_fee_wei TEXT NOT NULL, tip_wei TEXT NOT NULL, UNIQUE (entry, tx_hash)
        ) STRICT
        """,
    ),
    ("CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT",),
    (
        "ALTER TABLE intents ADD COLUMN blob_hashes BLOB NOT NULL DEFAULT x''",
        "ALTER TABLE attempts ADD COLUMN max_blob_fee_wei TEXT NOT NULL DEFAULT '0'",
    ),
)
"""What takes a journal from each version to the next; its version is `user_version` of SQLite's header."""

DONE = "done"
"""The outcome of an entry whose transaction succeeded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of an intent, or where it stands.

    Attributes:
        call: the contract function's name.
        nonce: of the sender.
        tx_hash: of the attempt that was mined, 32 bytes; None: none was seen in a block.
        block: its block; None as above.
        outcome: `done`, in words why nothing came of it, or None while it is open.
        gas_used: of its receipt; None without one.
    """

    call: str
    nonce: int
    tx_hash: bytes | None
    block: int | None
    outcome: str | None
    gas_used: int | None


def connect(path: Path) -> sqlite3.Connection:
    """A connection that begins no transaction by itself and may be used by every thread, one at a time."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


class AccountJournal:
    """What one account sends on one chain. When a method returns, what it was told is on the disk.

    Args:
        path: of the file, made if it isn't there, mode 0600.
        account: the sender; seals what is kept.
        chain_id: EIP-155.
        connect: opens the file.

    Raises:
        JournalError: another process sends for the account; the file is damaged or can't be written.
        DataError: the file is open to others.
    """

    def __init__(self, path: Path, account: LocalAccount, chain_id: int, connect: Connect = connect) -> None:
        self.sender = Address(account.address.lower())
        self.chain_id = chain_id
        self._path = path
        self._sealer = Sealer(account, chain_id)
        self._threads = threading.Lock()
        lock = _locked(path, f"account {self.sender} on chain {chain_id}")
        try:
            # Only now: closing a file of a connection that another one in this process has would drop its locks.
            _make(path)
            with self._named():
                self._database = connect(path)
        except BaseException:
            lock.release()
            raise
        self.shut = weakref.finalize(self, _shut, self._database, lock)
        """Closes the file and lets the next sender have the account; once."""
        try:
            self._open()
        except BaseException:
            self.shut()
            raise

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        """As `Journal.intend`."""
        with self._transaction() as database:
            taken = database.execute("SELECT entry FROM intents WHERE nonce = ? AND outcome IS NULL", (intent.nonce,))
            if taken.fetchone() is not None:
                raise InputError(f"nonce {intent.nonce} of {self.sender}: expected a free one, an open entry has it")
            hashes = b"".join(intent.blob_hashes)
            row = (intent.call, intent.nonce, intent.to, str(intent.value_wei), intent.gas, hashes)
            data = self._sealer.seal(intent.data, _intent_place(*row))
            entry = database.execute(
                "INSERT INTO intents (call, nonce, recipient, value_wei, gas, blob_hashes, data) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, data),
            ).lastrowid
            assert entry is not None
            self._add(database, entry, attempt)
        return entry

    def replace(self, entry: int, attempt: Attempt) -> None:
        """As `Journal.replace`.

        Raises:
            InputError: no open entry, or the attempt is one of its already.
        """
        with self._transaction() as database:
            self._check_open(database, entry)
            if attempt.tx_hash in self._hashes(database, entry):
                raise InputError(f"entry {entry}: expected a new attempt, got 0x{attempt.tx_hash.hex()} again")
            self._add(database, entry, attempt)

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        """As `Journal.mined`.

        Raises:
            InputError: no open entry, or no attempt of its.
        """
        with self._transaction() as database:
            self._check_open(database, entry)
            self._check_attempt(database, entry, tx_hash)
            row = (tx_hash, block, block_hash, entry)
            database.execute("UPDATE intents SET tx_hash = ?, block = ?, block_hash = ? WHERE entry = ?", row)

    def close(self, entry: int, outcome: Receipt | str) -> None:
        """As `Journal.close`; erases calldata and signed bytes.

        Raises:
            InputError: no open entry, or the receipt is of no attempt of its.
        """
        with self._transaction() as database:
            self._check_open(database, entry)
            if isinstance(outcome, str):
                database.execute("UPDATE intents SET outcome = ?, data = NULL WHERE entry = ?", (outcome, entry))
            else:
                self._check_attempt(database, entry, outcome.tx_hash)
                row = (DONE, outcome.tx_hash, outcome.block, outcome.gas_used, entry)
                database.execute(
                    "UPDATE intents SET outcome = ?, tx_hash = ?, block = ?, gas_used = ?, data = NULL WHERE entry = ?",
                    row,
                )
            database.execute("UPDATE attempts SET raw = NULL WHERE entry = ?", (entry,))

    def pending(self) -> list[Pending]:
        """The entries that aren't done, in order of nonce.

        Raises:
            JournalError: one isn't what was written.
        """
        with self._threads, self._named():
            rows = self._database.execute(
                "SELECT entry, call, nonce, recipient, value_wei, gas, blob_hashes, data FROM intents "
                "WHERE outcome IS NULL ORDER BY nonce"
            ).fetchall()
            return [self._pending(*row) for row in rows]

    def entries(self) -> list[Entry]:
        """All there ever were, oldest first."""
        with self._threads, self._named():
            rows = self._database.execute(
                "SELECT call, nonce, tx_hash, block, outcome, gas_used FROM intents ORDER BY entry"
            )
            return [Entry(*row) for row in rows]

    def secret(self, name: str) -> bytes:
        """32 random bytes of that name: the same again and again, after a crash too."""
        return self.keep(name, secrets.token_bytes(SECRET_BYTES))

    def keep(self, name: str, content: bytes) -> bytes:
        """What was first kept under that name, sealed: `content`, or what came before it.

        So a member that has crashed uploads what it masked first, not what it would mask now: two plaintexts under one
        mask would give both away.
        """
        with self._transaction() as database:
            found = database.execute("SELECT sealed FROM secrets WHERE name = ?", (name,)).fetchone()
            if found is not None:
                return self._sealer.open(found[0], _secret_place(name))
            sealed = self._sealer.seal(content, _secret_place(name))
            database.execute("INSERT INTO secrets VALUES (?, ?)", (name, sealed))
        return content

    def put(self, name: str, content: bytes) -> None:
        """Keeps `content` under that name, sealed, in place of what was there: one or the other, whatever happens."""
        sealed = self._sealer.seal(content, _secret_place(name))
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, sealed))

    def kept(self, name: str) -> bytes | None:
        """What is kept under that name; None: nothing."""
        with self._threads, self._named():
            found = self._database.execute("SELECT sealed FROM secrets WHERE name = ?", (name,)).fetchone()
            return None if found is None else self._sealer.open(found[0], _secret_place(name))

    def forget(self, prefix: str) -> None:
        """Erases all that is kept under names that begin so: of a session that is over."""
        with self._transaction() as database:
            database.execute("DELETE FROM secrets WHERE substr(name, 1, length(?)) = ?", (prefix, prefix))

    def _open(self) -> None:
        """Takes the file to the newest version, and refuses one that isn't whole."""
        with self._named():
            self._check_application()
            mode = self._database.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != ("wal",):
                raise JournalError(f"{self._path}: expected a file system that allows mode wal, got {mode}")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA foreign_keys = ON")
            found = self._database.execute("PRAGMA integrity_check(1)").fetchone()
            if found != ("ok",):
                raise self._damaged(str(found[0]))
        self._migrate()
        self.pending()
        with self._named():
            for name, sealed in self._database.execute("SELECT name, sealed FROM secrets"):
                self._sealer.open(sealed, _secret_place(name))

    def _check_application(self) -> None:
        """A fresh file, or a journal of this version or an earlier one."""
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (tables,) = self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if application != APPLICATION_ID and (application or tables):
            raise self._damaged("another program's database")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise JournalError(
                f"{self._path}: expected a journal of version {len(MIGRATIONS)} or below, got {version}: "
                "a later OmniLytics has written it, so take that one"
            )

    def _migrate(self) -> None:
        with self._transaction() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            for statement in (s for migration in MIGRATIONS[version:] for s in migration):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _add(self, database: sqlite3.Connection, entry: int, attempt: Attempt) -> None:
        fee, tip, blob_fee = map(str, (attempt.max_fee_wei, attempt.tip_wei, attempt.max_blob_fee_wei))
        row = (entry, attempt.tx_hash, fee, tip, blob_fee)
        raw = self._sealer.seal(attempt.raw, _attempt_place(*row))
        database.execute(
            "INSERT INTO attempts (entry, tx_hash, max_fee_wei, tip_wei, max_blob_fee_wei, raw) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (*row, raw),
        )

    def _pending(
        self, entry: int, call: str, nonce: int, to: str | None, value_wei: str, gas: int, hashes: bytes, data: bytes
    ) -> Pending:
        """An open entry, once it's certain that every field is what was written."""
        opened = self._sealer.open(data, _intent_place(call, nonce, to, value_wei, gas, hashes))
        blobs = tuple(hashes[place : place + HASH_BYTES] for place in range(0, len(hashes), HASH_BYTES))
        recipient = None if to is None else Address(to)
        rows = self._database.execute(
            "SELECT tx_hash, max_fee_wei, tip_wei, max_blob_fee_wei, raw FROM attempts WHERE entry = ? ORDER BY number",
            (entry,),
        )
        attempts = tuple(self._attempt(entry, *row) for row in rows)
        if not attempts:
            raise self._damaged(f"an entry without an attempt, {entry}")
        intent = Intent(self.chain_id, call, self.sender, nonce, recipient, opened, int(value_wei), gas, blobs)
        return Pending(entry, intent, attempts)

    def _attempt(self, entry: int, tx_hash: bytes, fee: str, tip: str, blob_fee: str, sealed: bytes) -> Attempt:
        raw = self._sealer.open(sealed, _attempt_place(entry, tx_hash, fee, tip, blob_fee))
        return Attempt(tx_hash, raw, int(fee), int(tip), int(blob_fee))

    def _check_open(self, database: sqlite3.Connection, entry: int) -> None:
        found = database.execute("SELECT outcome FROM intents WHERE entry = ?", (entry,)).fetchone()
        if found != (None,):
            raise InputError(f"entry {entry}: expected an open one, got {'none' if found is None else found[0]}")

    def _check_attempt(self, database: sqlite3.Connection, entry: int, tx_hash: bytes) -> None:
        if tx_hash not in self._hashes(database, entry):
            raise InputError(f"entry {entry}: expected the hash of one of its attempts, got 0x{tx_hash.hex()}")

    def _hashes(self, database: sqlite3.Connection, entry: int) -> set[bytes]:
        return {h for (h,) in database.execute("SELECT tx_hash FROM attempts WHERE entry = ?", (entry,))}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing, on the disk when it is left."""
        with self._threads, self._named():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        """SQLite's errors as what they mean for the user."""
        try:
            yield
        except (DataError, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from None
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
                raise self._damaged(str(error)) from None
            refused = JournalError(f"{self._path}: expected room and leave to write to it, got: {error}")
            refused.add_note(
                f"nothing is sent before it is written down. Make room in {self._path.parent}, then run the same again"
            )
            raise refused from None

    def _damaged(self, found: str) -> JournalError:
        error = JournalError(f"{self._path}: expected the journal of {self.sender}, whole, got: {found}")
        error.add_note(
            "nothing was sent. Put back a copy of the file. Without one: wait until the account has no transaction "
            "pending, then move the file away; a seat that it has now is lost with the secrets in it"
        )
        return error


class FileJournal:
    """The journals of several accounts on one chain; implements `intents.Journal`. Leaving its block shuts them.

    Args:
        folder: of all journals, made if it isn't there, mode 0700.
        chain_id: EIP-155.
        accounts: the senders.
        connect: opens a file.

    Raises:
        InputError: the same account twice, or none.
        JournalError, DataError: as `AccountJournal`.
    """

    def __init__(
        self, folder: Path, chain_id: int, accounts: Sequence[LocalAccount], connect: Connect = connect
    ) -> None:
        names = {account.address.lower() for account in accounts}
        if not accounts or len(names) != len(accounts):
            raise InputError(f"accounts: expected different ones, at least 1, got {len(names)} among {len(accounts)}")
        self._chain_id = chain_id
        self._journals: list[AccountJournal] = []
        try:
            for account in accounts:
                path = folder / str(chain_id) / f"{account.address.lower()}.sqlite"
                self._journals.append(AccountJournal(path, account, chain_id, connect))
        except BaseException:
            self.shut()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def shut(self) -> None:
        """Closes all files, and lets other processes send for the accounts."""
        for journal in self._journals:
            journal.shut()

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        index = self._index(intent.chain_id, intent.sender)
        return self._journals[index].intend(intent, attempt) * len(self._journals) + index

    def replace(self, entry: int, attempt: Attempt) -> None:
        journal, own = self._own(entry)
        journal.replace(own, attempt)

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        journal, own = self._own(entry)
        journal.mined(own, tx_hash, block, block_hash)

    def close(self, entry: int, outcome: Receipt | str) -> None:
        journal, own = self._own(entry)
        journal.close(own, outcome)

    def pending(self, chain_id: int, sender: Address) -> list[Pending]:
        index = self._index(chain_id, sender)
        count = len(self._journals)
        return [Pending(p.entry * count + index, p.intent, p.attempts) for p in self._journals[index].pending()]

    def of(self, sender: Address) -> AccountJournal:
        """The journal of one account: its entries and secrets."""
        return self._journals[self._index(self._chain_id, sender)]

    def _own(self, entry: int) -> tuple[AccountJournal, int]:
        """The account's journal, and its own number for the entry: entries of all journals are numbered in turn."""
        own, index = divmod(entry, len(self._journals))
        return self._journals[index], own

    def _index(self, chain_id: int, sender: Address) -> int:
        for index, journal in enumerate(self._journals):
            if (journal.chain_id, journal.sender) == (chain_id, sender):
                return index
        raise InputError(f"expected an account of this journal and chain {self._chain_id}, got {sender} on {chain_id}")


def _intent_place(call: str, nonce: int, to: str | None, value_wei: str, gas: int, hashes: bytes) -> str:
    blobs = f" {hashes.hex()}" if hashes else ""  # as before there were blobs
    return f"intent {call} {nonce} {to} {value_wei} {gas}{blobs}"


def _attempt_place(entry: int, tx_hash: bytes, max_fee_wei: str, tip_wei: str, blob_fee_wei: str) -> str:
    blobs = f" {blob_fee_wei}" if blob_fee_wei != "0" else ""
    return f"attempt {entry} {tx_hash.hex()} {max_fee_wei} {tip_wei}{blobs}"


def _secret_place(name: str) -> str:
    return f"secret {name}"


def _locked(path: Path, what: str) -> SoleSender:
    """The lock beside a journal, in a folder that is made if it isn't there."""
    try:
        make_folder(path.parent)
    except OSError as error:
        raise JournalError(f"{path.parent}: expected leave to make the folder, got: {error.strerror}") from None
    return SoleSender(path.with_suffix(".lock"), what)


def _make(path: Path) -> None:
    """The file, empty where there was none, and for its owner alone."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            check_mode(path, os.fstat(file).st_mode)
            os.fsync(file)
        finally:
            os.close(file)
        sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None


def _shut(database: sqlite3.Connection, lock: SoleSender) -> None:
    database.close()
    lock.release()
