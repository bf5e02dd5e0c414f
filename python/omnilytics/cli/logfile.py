"""A log file of a role: one JSON object a line (log-1 of the schemas), for its owner alone, begun anew when full."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from omnilytics.errors import DataError, OmniLyticsError

if TYPE_CHECKING:
    from omnilytics.cli.sections import LogSettings

ROOT = logging.getLogger("omnilytics")
LOG = logging.getLogger(__name__)
MEGABYTE = 10**6
_OWN: ContextVar[logging.Handler | None] = ContextVar("own log file", default=None)
"""Where several roles share a process, in threads, the file of this one's."""


class Lines(logging.Formatter):
    """A record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        value = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "module": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(value, ensure_ascii=False)


class PrivateFile(RotatingFileHandler):
    """A file of mode 0600, and older ones."""

    def _open(self) -> io.TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


@contextmanager
def logged(settings: LogSettings) -> Iterator[None]:
    """Writes what happens meanwhile, an error that ends it too, if settings have a file.

    Raises:
        DataError: it can't be written.
    """
    if settings.file is None:
        yield
        return
    try:
        file = PrivateFile(settings.file, maxBytes=settings.megabytes * MEGABYTE, backupCount=settings.keep)
    except OSError as error:
        raise DataError(f"{settings.file}: expected room and leave to write it, got: {error.strerror}") from None
    file.setFormatter(Lines())
    file.addFilter(lambda _: _OWN.get() in (None, file))
    own = _OWN.set(file)
    file.setLevel(settings.level.upper())
    ROOT.addHandler(file)
    _listen()
    try:
        yield
    except OmniLyticsError as error:
        LOG.error("%s", error)
        raise
    finally:
        _OWN.reset(own)
        ROOT.removeHandler(file)
        _listen()
        file.close()


def _listen() -> None:
    """Lets through what the most curious file wants."""
    ROOT.setLevel(min((one.level for one in ROOT.handlers if isinstance(one, PrivateFile)), default=logging.NOTSET))
