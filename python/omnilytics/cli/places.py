"""Where a user's keys and journals are."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "OMNILYTICS_HOME"


def home() -> Path:
    """`$OMNILYTICS_HOME`, else `~/.omnilytics`."""
    given = os.environ.get(HOME_VARIABLE)
    return Path(given) if given else Path.home() / ".omnilytics"


def keys_folder() -> Path:
    """Where keys are unless a command or a configuration says otherwise."""
    return home() / "keys"


def blobs_folder() -> Path:
    """Where blobs are kept unless a configuration says otherwise."""
    return home() / "blobs"


def state_folder() -> Path:
    """Where journals are unless a configuration says otherwise."""
    return home() / "state"
