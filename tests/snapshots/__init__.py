"""Committed results that tests compare exactly; `pytest --update-snapshots` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent


def compare(name: str, found: Any, config: pytest.Config) -> None:
    """Compares with tests/snapshots/NAME.json, or writes it with `--update-snapshots`.

    Raises:
        AssertionError: they differ; the message shows where.
    """
    path = FOLDER / f"{name}.json"
    found = json.loads(json.dumps(found))
    if config.getoption("--update-snapshots"):
        path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert found == kept, (
        f"{path.name} differs; if that is meant: pytest --update-snapshots, and a line in CHANGELOG.md"
    )
