"""Fetching the MNIST files: resumed where an earlier try stopped, checked, and put in place only when whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from omnilytics.errors import DataError, InputError
from omnilytics.train.data import MNIST_FILES

MIRROR_VARIABLE = "OMNILYTICS_MNIST_MIRROR"
"""The environment variable that names a mirror when the caller doesn't."""

Progress = Callable[[str, int, int | None], None]
"""Told (file, bytes so far, bytes in all or None)."""

_BLOCK = 1 << 16
_TIMEOUT_SECS = 30
_RANGE_REFUSED = 416
_PARTIAL = 206


def fetch_mnist(directory: Path, mirror: str | None = None, progress: Progress | None = None) -> list[Path]:
    """Fetch the four files that are missing in `directory`; whole files that are there are left alone.

    Args:
        directory: created when missing.
        mirror: http(s) address of a folder with the four gzip files; by default `OMNILYTICS_MNIST_MIRROR` names it.
        progress: told about every block.

    Returns:
        The four paths.

    Raises:
        InputError: no mirror, or not an http(s) address.
        DataError: the mirror doesn't answer, breaks off (what came is kept for the next try), or has other files.
    """
    base = _mirror(mirror)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (expected, _) in MNIST_FILES.items():
        path = directory / f"{name}.gz"
        if not (path.is_file() and _md5(path) == expected):
            _fetch(f"{base}/{path.name}", path, expected, progress or _silent)
        paths.append(path)
    return paths


def _mirror(mirror: str | None) -> str:
    given = mirror or os.environ.get(MIRROR_VARIABLE, "")
    if not given:
        raise InputError(
            f"mirror: expected the address of a folder with the MNIST files (or {MIRROR_VARIABLE}), got none"
        )
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(f"mirror: expected an http or https address, got {given!r}")
    return given.rstrip("/")


def _fetch(address: str, path: Path, expected: str, progress: Progress) -> None:
    partial = path.with_name(f"{path.name}.part")
    if not (partial.is_file() and _md5(partial) == expected):
        _download(address, partial, progress)
    given = _md5(partial)
    if given != expected:
        size = partial.stat().st_size
        partial.unlink()
        raise DataError(f"{address}: expected md5 {expected}, got {given} ({size} bytes); nothing was kept")
    os.replace(partial, path)


def _download(address: str, partial: Path, progress: Progress) -> None:
    """Append to `partial` what it lacks; start over where the server can't resume."""
    have = partial.stat().st_size if partial.is_file() else 0
    request = Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urlopen(request, timeout=_TIMEOUT_SECS) as answer:
            resumed = answer.status == _PARTIAL
            have = have if resumed else 0
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length is not None else None
            with partial.open("ab" if resumed else "wb") as file:
                while block := answer.read(_BLOCK):
                    file.write(block)
                    have += len(block)
                    progress(partial.name.removesuffix(".part"), have, total)
    except HTTPError as error:
        error.close()
        if error.code != _RANGE_REFUSED or not have:
            raise DataError(f"{address}: expected the file, got HTTP {error.code} {error.reason}") from None
        partial.unlink()
        _download(address, partial, progress)
        return
    except (URLError, HTTPException, OSError) as error:
        raise DataError(f"{address}: expected an answer, got {error}; what came is kept, try again") from None
    if total is not None and have != total:
        raise DataError(f"{address}: expected {total} bytes, got {have}; what came is kept, try again")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _silent(name: str, done: int, total: int | None) -> None:
    """Nobody wants to know."""
