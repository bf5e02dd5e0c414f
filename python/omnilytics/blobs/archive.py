"""Blobs on the disk, a file each under its versioned hash: nodes forget them after 18 days, and geth gives none."""

from __future__ import annotations

from pathlib import Path

from omnilytics.blobs.blob import BLOB_BYTES, HASH_BYTES, HASH_VERSION, Blob
from omnilytics.errors import DataError, InputError
from omnilytics.private import replace_private

SUFFIX = ".blob"
MOST_BLOBS = 1 << 16
"""Of an archive: 8 GiB."""


class Archive:
    """A folder of blobs. A file is whole or not there; several processes may keep in it and read.

    Args:
        folder: made when the first blob is kept.
        most: blobs that it holds at most.

    Raises:
        InputError: `folder` is something else.
    """

    def __init__(self, folder: Path, most: int = MOST_BLOBS) -> None:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"archive: expected a folder, got the file {folder}")
        self.folder = folder
        self._most = most

    def names(self) -> list[bytes]:
        """Versioned hashes of what is kept, sorted."""
        stems = (path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))
        names = (_name(stem) for stem in stems)
        return sorted(name for name in names if name is not None)

    def keep(self, blob: Blob) -> bool:
        """Puts a blob that its constructors have checked on the disk; False: it was there already.

        Raises:
            DataError: the archive is full, or the disk is.
        """
        path = self._path(blob.versioned_hash)
        if path.exists():
            return False
        if len(self.names()) >= self._most:
            raise DataError(f"{self.folder}: expected at most {self._most} blobs, it is full")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_private(path, blob.data)
        except OSError as error:
            raise DataError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None
        return True

    def find(self, name: bytes) -> Blob | None:
        """A blob, checked against its name again; None: it isn't here.

        Raises:
            DataError: it is damaged.
        """
        data = self.read(name)
        return None if data is None else Blob.named(data, name, str(self._path(name)))

    def get(self, name: bytes) -> Blob:
        """A blob, checked against its name again.

        Raises:
            InputError: it isn't here.
            DataError: it is damaged.
        """
        blob = self.find(name)
        if blob is None:
            raise InputError(f"{self.folder}: expected blob 0x{name.hex()}, it isn't here")
        return blob

    def read(self, name: bytes) -> bytes | None:
        """What stands under that name, unchecked but for its length; None: no blob.

        Raises:
            DataError: it can't be read.
        """
        path = self._path(name)
        try:
            with path.open("rb") as file:
                data = file.read(BLOB_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{path}: expected a blob to read, got: {error.strerror}") from None
        return data if len(data) == BLOB_BYTES else None

    def _path(self, name: bytes) -> Path:
        return self.folder / f"{name.hex()}{SUFFIX}"


def _name(stem: str) -> bytes | None:
    """The name that a file's name spells; None: it is another file."""
    try:
        name = bytes.fromhex(stem)
    except ValueError:
        return None
    return name if len(name) == HASH_BYTES and name[:1] == HASH_VERSION and name.hex() == stem else None
