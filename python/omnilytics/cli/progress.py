"""What a model owner's sessions have come to, in a file beside its journal, for `mo status`, which opens no key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omnilytics.errors import DataError
from omnilytics.private import replace_private
from omnilytics.protocol.progress import Progress
from omnilytics.types import Address


def read(path: Path) -> list[Progress]:
    """Of all sessions, oldest first; none where there is no file.

    Raises:
        DataError: it isn't what `write` has written.
    """
    try:
        return [Progress.from_json(one) for one in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected what `omnilytics mo run` has written, got: {error}") from None


def write(path: Path, sessions: Sequence[Progress]) -> None:
    """All of it or nothing.

    Raises:
        DataError: it can't be written.
    """
    try:
        replace_private(path, json.dumps([one.to_json() for one in sessions]).encode())
    except OSError as error:
        raise DataError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None


def of(session: Address, sessions: Sequence[Progress]) -> Progress | None:
    """What that session came to; None: it isn't among them."""
    return next((one for one in sessions if one.session == session), None)


def words(reached: Progress) -> str:
    """What a session came to."""
    before, after = reached.before, reached.after
    return (
        f"accuracy {after.whole:.1f} % of {reached.samples:,} test samples, {before.whole:.1f} before; "
        f"of the public model alone {after.public:.1f}, {before.public:.1f} before"
    )


def to_json(reached: Progress | None) -> dict[str, Any] | None:
    """The field `accuracy` of what every command of a role writes."""
    if reached is None:
        return None
    return {key: value for key, value in reached.to_json().items() if key != "session"}
