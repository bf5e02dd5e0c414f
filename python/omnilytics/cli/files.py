"""Files that a command writes: checked before the work, written beside their name, renamed only after success."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import typer

from omnilytics.errors import InputError

STDOUT = Path("-")
"""As the name of a JSON file: print it."""


class Outputs:
    """The files of one command. Leaving the block without an exception renames all of them, else none appears.

    Raises:
        InputError: on entering, when a file can't be written where it is asked for, or two have one name.
    """

    def __init__(self, *paths: Path | None) -> None:
        self._paths = [p for p in paths if p is not None and p != STDOUT]
        self._written: dict[Path, Path] = {}
        self._printed: list[str] = []

    def __enter__(self) -> Self:
        for path in self._paths:
            check_writable(path)
        names = [p.absolute() for p in self._paths]
        if len(set(names)) != len(names):
            raise InputError(f"output files: expected different names, got {', '.join(str(p) for p in self._paths)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path, partial in self._written.items():
            if kind is None:
                os.replace(partial, path)
            else:
                partial.unlink(missing_ok=True)
        if kind is None:
            for text in self._printed:
                typer.echo(text, nl=False)

    def text(self, path: Path | None, text: str) -> None:
        """Sets `text` aside for `path`; None is nowhere, `-` is the standard output."""
        if path is None:
            return
        if path == STDOUT:
            self._printed.append(text)
            return
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._written[path] = partial
        try:
            partial.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None

    def json(self, path: Path | None, value: Mapping[str, Any]) -> None:
        """Sets `value` aside as JSON, indented, keys in their order, never NaN."""
        if path is not None:
            self.text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def check_writable(path: Path) -> None:
    """Refuses a file name that can't be written to, before any work is done.

    Raises:
        InputError: the folder is missing or closed, or the name is a folder's.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise InputError(f"{path}: expected the name of a file to write, got a folder")
    if not folder.is_dir():
        raise InputError(f"{path}: expected an existing folder to write into, got {folder}, which doesn't exist")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path}: expected a folder with leave to write, got {folder}")
