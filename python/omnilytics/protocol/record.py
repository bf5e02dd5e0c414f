"""The record of a run: one gzipped file of JSON lines with the event stream and every session's raw logs.

`observe --replay` plays its events; `verify` recomputes its sessions from the logs alone. Each line is an object with
`kind`: `header` (first), `event`, `session` (a finished session's logs), `end` (last). Bytes are hexadecimal.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from omnilytics.errors import DataError
from omnilytics.protocol.events import Event, from_json, to_json
from omnilytics.types import Address, Log

VERSION = 3
"""Of the file; other versions are refused: their logs are those of other contracts."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One finished session as the chain has it: `logs` are (block number, log), oldest first."""

    number: int
    chain_id: int
    address: Address
    owner: Address
    logs: tuple[tuple[int, Log], ...]


class RecordWriter:
    """Writes a record. The file appears under its name only when the block ends without an exception."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(path.name + ".partial")

    def __enter__(self) -> Self:
        try:
            self._raw = self._partial.open("wb")
        except OSError as error:
            raise DataError(f"record {self.path}: can't be written: {error.strerror}") from None
        self._file = gzip.GzipFile(filename="", fileobj=self._raw, mode="wb", compresslevel=4, mtime=0)
        self._line({"kind": "header", "version": VERSION})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._line({"kind": "end"})
        self._file.close()
        self._raw.close()
        if kind is None:
            os.replace(self._partial, self.path)
        else:
            self._partial.unlink(missing_ok=True)

    def event(self, event: Event) -> None:
        """Appends one event; this is a `Sink`."""
        self._line({"kind": "event", **to_json(event)})

    def session(self, session: SessionRecord) -> None:
        """Appends one finished session."""
        logs = [
            [block, log.address, [topic.hex() for topic in log.topics], log.data.hex()] for block, log in session.logs
        ]
        self._line(
            {
                "kind": "session",
                "number": session.number,
                "chain_id": session.chain_id,
                "address": session.address,
                "owner": session.owner,
                "logs": logs,
            }
        )

    def _line(self, value: dict[str, Any]) -> None:
        self._file.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")


def read_events(path: Path) -> Iterator[Event]:
    """The events of a finished run, in order. `path` is a record, or a result file that names one.

    Raises:
        DataError: missing, cut off, or not a record.
    """
    for line in _lines(path):
        if line.pop("kind") == "event":
            yield from_json(line)


def read_sessions(path: Path) -> Iterator[SessionRecord]:
    """The sessions of a finished run, in order; raises like `read_events`."""
    for line in _lines(path):
        if line["kind"] == "session":
            yield _session(line)


def _session(line: dict[str, Any]) -> SessionRecord:
    try:
        logs = tuple(
            (int(block), Log(Address(address), tuple(bytes.fromhex(t) for t in topics), bytes.fromhex(data)))
            for block, address, topics, data in line["logs"]
        )
        return SessionRecord(
            int(line["number"]), int(line["chain_id"]), Address(line["address"]), Address(line["owner"]), logs
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"record: a session line is malformed: {error}") from None


def resolve(path: Path) -> Path:
    """The record that `path` is, or that the result file at `path` names under `record`.

    Raises:
        DataError: neither.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                return path
        named = json.loads(path.read_text())["record"]
    except OSError as error:
        raise DataError(f"record {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(
            f"record {path}: expected a record (.jsonl.gz) or a result file that names one under `record`"
        ) from None
    if not isinstance(named, str) or Path(named).name != named:
        raise DataError(f"record {path}: expected the name of a file in the same folder under `record`, got {named!r}")
    return path.with_name(named)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    path = resolve(path)
    first, last = True, ""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for text in file:
                line = json.loads(text)
                last = line["kind"]
                if first and (last != "header" or line["version"] != VERSION):
                    raise DataError(f"record {path}: expected version {VERSION}, got {line.get('version')!r}")
                first = False
                yield line
    except DataError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"record {path}: not readable: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"record {path}: a line is malformed: {error}") from None
    if last != "end":
        raise DataError(f"record {path}: cut off: expected an end line, got {last or 'nothing'!r} last")
