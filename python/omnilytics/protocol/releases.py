"""What a client has let out of its hands, written down before it is sent.

Secrets are released for one set U of members that delivered. Released once more for another one, as a chain that went
back behind the end of the uploads would ask for, they could lift the mask of a single upload: both secrets of somebody
in one U and not in the other. So the first U counts, whatever the chain says later.
"""

from __future__ import annotations

import sqlite3
import weakref
from dataclasses import astuple, dataclass
from pathlib import Path

from omnilytics.errors import DataError, ProtocolError
from omnilytics.types import Address

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""SQLite's codes for a file that no room would mend."""

_TABLE = """
CREATE TABLE IF NOT EXISTS released (
    chain_id TEXT, session TEXT, group_id INTEGER, account TEXT, delivered INTEGER NOT NULL,
    PRIMARY KEY (chain_id, session, group_id, account)
)
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One account's part in one group of one session."""

    chain_id: int
    session: Address
    group: int
    account: Address


class ReleaseLog:
    """For each part the U under which its secrets were first released, in an SQLite database.

    A file is synced to the disk before `release` returns, and may be shared by several processes.

    Args:
        path: of the file, made if it isn't there; None: in memory, for simulations alone.

    Raises:
        DataError: the file can't be opened, or is none of these.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.durable = path is not None
        self._name = "in memory" if path is None else str(path)
        try:
            name = ":memory:" if path is None else path
            # Whichever thread collects this closes it.
            self._database = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
            weakref.finalize(self, self._database.close)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(_TABLE)
        except sqlite3.Error as error:
            raise self._failed("a database of releases", error) from None

    def other(self, part: Part, delivered: int) -> bool:
        """Whether secrets of this part have been released under another U than this one, a bitmap over places.

        Raises:
            DataError: it can't be read.
        """
        return self._first(part) not in (None, delivered)

    def release(self, part: Part, delivered: int) -> None:
        """Writes down that secrets of this part are released under this U; again and again for the same one.

        Args:
            part: whose.
            delivered: U, bitmap over places.

        Raises:
            ProtocolError: some were released under another U.
            DataError: it can't be written.
        """
        try:
            self._database.execute("INSERT OR IGNORE INTO released VALUES (?, ?, ?, ?, ?)", (*_key(part), delivered))
        except sqlite3.Error as error:
            raise self._failed("room and leave to write", error) from None
        first = self._first(part)
        assert first is not None
        if first != delivered:
            raise ProtocolError(
                f"group {part.group}: expected the members that had delivered when secrets were first released, "
                f"{first:#b}, got {delivered:#b}: the chain has gone back behind the end of the uploads"
            )

    def _first(self, part: Part) -> int | None:
        """The U under which secrets of this part were first released; None: none were."""
        try:
            found = self._database.execute(
                "SELECT delivered FROM released WHERE chain_id = ? AND session = ? AND group_id = ? AND account = ?",
                _key(part),
            ).fetchone()
        except sqlite3.Error as error:
            raise self._failed("a database to read", error) from None
        return None if found is None else int(found[0])

    def _failed(self, expected: str, error: sqlite3.Error) -> DataError:
        """What SQLite's error means: a file that isn't whole, or a disk without room, for a look needs some too."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in DAMAGE:
            return DataError(f"release log {self._name}: expected {expected}, got: {error}")
        failed = DataError(f"release log {self._name}: expected room and leave to write, got: {error}")
        failed.add_note("nothing was released. Make room there, then run the same again")
        return failed


def _key(part: Part) -> tuple[object, ...]:
    chain_id, *rest = astuple(part)
    return (str(chain_id), *rest)
