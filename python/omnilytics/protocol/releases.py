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
            self._database = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
            weakref.finalize(self, self._database.close)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(_TABLE)
        except sqlite3.Error as error:
            raise DataError(f"release log {self._name}: expected a database of releases, got: {error}") from None

    def release(self, part: Part, delivered: int) -> None:
        """Writes down that secrets of this part are released under this U; again and again for the same one.

        Args:
            part: whose.
            delivered: U, bitmap over places.

        Raises:
            ProtocolError: some were released under another U.
            DataError: it can't be written.
        """
        chain_id, *rest = astuple(part)
        key = (str(chain_id), *rest)
        try:
            self._database.execute("INSERT OR IGNORE INTO released VALUES (?, ?, ?, ?, ?)", (*key, delivered))
            found = self._database.execute(
                "SELECT delivered FROM released WHERE chain_id = ? AND session = ? AND group_id = ? AND account = ?",
                key,
            )
            (first,) = found.fetchone()
        except sqlite3.Error as error:
            refused = DataError(f"release log {self._name}: expected room and leave to write, got: {error}")
            refused.add_note("nothing was released. Make room there, then run the same again")
            raise refused from None
        if first != delivered:
            raise ProtocolError(
                f"group {part.group}: expected the members that had delivered when secrets were first released, "
                f"{first:#b}, got {delivered:#b}: the chain has gone back behind the end of the uploads"
            )
