"""What a run without a chain needs to go on after any of its sessions, in a file.

A checkpoint is a pickle, as attacks and rules may be anybody's classes: opening one runs what it says. Open only what
you have written.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnilytics.errors import DataError
from omnilytics.experiments.recipes import Material
from omnilytics.private import replace_private
from omnilytics.train.data import Dataset


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file that holds the state of one trial, without its data, which are made again from the seed.

    Attributes:
        path: of the file; a folder that isn't there is made.
        material: the data.
        key: what the state belongs to; another one's is no use.
    """

    path: Path
    material: Material
    key: object

    def save(self, state: object) -> None:
        """Replaces what is kept, all at once.

        Raises:
            DataError: it can't be written.
        """
        content = io.BytesIO()
        _Pickler(content, self._names()).dump((self.key, state))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_private(self.path, content.getvalue())
        except OSError as error:
            raise DataError(f"{self.path}: expected room and leave to write it, got: {error.strerror}") from None

    def load(self) -> Any:
        """What was saved last; None where there is nothing.

        Raises:
            DataError: it can't be read, or belongs to another trial or version.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{self.path}: expected a checkpoint, got: {error.strerror}") from None
        try:
            key, state = _Unpickler(io.BytesIO(content), {n: d for d, n in self._named()}).load()
        except (pickle.UnpicklingError, EOFError, LookupError, AttributeError, ImportError, TypeError, ValueError):
            raise DataError(f"{self.path}: expected a checkpoint of this version, got something else") from None
        if key != self.key:
            raise DataError(f"{self.path}: expected a checkpoint of this trial, got another one's")
        return state

    def remove(self) -> None:
        """The trial is over."""
        self.path.unlink(missing_ok=True)

    def _named(self) -> list[tuple[Dataset, str]]:
        members = [(data, f"member {index}") for index, data in enumerate(self.material.members)]
        return [(self.material.owner, "owner"), (self.material.test, "test"), *members]

    def _names(self) -> dict[int, str]:
        return {id(data): name for data, name in self._named()}


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, names: dict[int, str]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._names = names

    def persistent_id(self, obj: object) -> str | None:
        return self._names.get(id(obj)) if isinstance(obj, Dataset) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, datasets: dict[str, Dataset]) -> None:
        super().__init__(file)
        self._datasets = datasets

    def persistent_load(self, pid: str) -> Dataset:
        return self._datasets[pid]
