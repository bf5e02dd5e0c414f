"""Files for their owner's eyes alone: keys, passwords, journals."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnilytics.errors import DataError

MAX_FILE_BYTES = 1 << 16
"""No file of a key or a password is longer."""

_OTHERS = 0o077
"""Permission bits of everybody but the owner."""


def read_private(path: Path) -> bytes:
    """The content of a small file that nobody else may read.

    Raises:
        DataError: it isn't there, isn't a file, is too long, or is open to others.
    """
    try:
        # a pipe would block the opening for as long as nobody writes into it
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path}: expected a file, got something else")
            check_mode(path, status.st_mode)
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: expected a file to read, got: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise DataError(f"{path}: expected at most {MAX_FILE_BYTES:,} bytes, got {status.st_size:,}")
    return content


def check_mode(path: Path, mode: int) -> None:
    """Refuses what others than its owner may open.

    Args:
        path: of a file or folder.
        mode: its `st_mode`.

    Raises:
        DataError: it is open to others.
    """
    bits = stat.S_IMODE(mode)
    if bits & _OTHERS:
        closed = bits & ~_OTHERS
        error = DataError(f"{path}: expected mode {closed:04o}, for nobody but its owner, got {bits:04o}")
        error.add_note(f"if nobody else has read it: chmod {closed:o} {path}")
        raise error


def write_private(path: Path, content: bytes) -> None:
    """Writes a new file of mode 0600, all of it or none; when this returns it is on the disk.

    Raises:
        FileExistsError: there is one.
        OSError: it can't be written.
    """
    with _partial(path, content) as partial:
        os.link(partial, path)
    sync_folder(path.parent)


def replace_private(path: Path, content: bytes) -> None:
    """The same, in place of the file that is there.

    Raises:
        OSError: it can't be written.
    """
    with _partial(path, content) as partial:
        os.replace(partial, path)
    sync_folder(path.parent)


@contextmanager
def _partial(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside that path, on the disk; gone after the block."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it that aren't there, each of mode 0700.

    Raises:
        OSError: one can't be made.
    """
    for place in (*reversed(folder.parents), folder):
        place.mkdir(mode=0o700, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Puts the names of a folder's files on the disk.

    Raises:
        OSError: it can't be read or synced.
    """
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
