"""The golden vectors of tests/vectors, which Rust, Vyper and Python read."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).resolve().parent / "vectors"


@cache
def vectors(name: str) -> dict[str, Any]:
    """tests/vectors/NAME.json."""
    found: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def cases(name: str, key: str = "cases") -> list[Any]:
    """Those of one key, as parameters of a test."""
    return [pytest.param(case, id=case.get("name", f"{key} {i}")) for i, case in enumerate(vectors(name)[key])]


def unhex(text: str) -> bytes:
    """Bytes as the vectors spell them."""
    return bytes.fromhex(text.removeprefix("0x"))
