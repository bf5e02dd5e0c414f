"""One sender for an account at a time: two would give the same nonce to different transactions."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from omnilytics.errors import JournalError


class SoleSender:
    """A lock that ends with its process, however that ends.

    Args:
        path: of its file, made if it isn't there; it stays.
        what: is locked, for the error.

    Raises:
        JournalError: another process has it, or the file can't be written.
    """

    def __init__(self, path: Path, what: str) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{path}: expected leave to lock it, got: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace") or "that doesn't say its number"
            os.close(self._file)
            refused = JournalError(f"{what}: expected to be the only one that sends for it, got process {holder} too")
            refused.add_note(f"wait until process {holder} has ended, or end it; it loses nothing by that")
            raise refused from None
        except OSError as error:
            os.close(self._file)
            raise JournalError(f"{path}: expected room and leave to lock it, got: {error.strerror}") from None

    def release(self) -> None:
        """Lets the next one have it."""
        os.close(self._file)
