"""The compiled contracts that the package carries; `make contracts` makes them, users need no compiler."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from omnilytics.errors import DataError


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract. `libraries` are the contracts whose addresses its constructor takes first, in order.

    `compiler` is the version of the Vyper compiler that made it.
    """

    contract: str
    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    libraries: tuple[str, ...]
    compiler: str


@cache
def load(contract: str) -> Artifact:
    """The artifact of a contract, by its name, e.g. `Market`.

    Raises:
        DataError: the package carries no such artifact, or a broken one.
    """
    home = files("omnilytics.chain") / "artifacts" / f"{contract}.json"
    try:
        content = json.loads(home.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"no compiled {contract} in this installation: run `make contracts`") from None
    except ValueError as error:
        raise DataError(f"compiled {contract} is not JSON: {error}; run `make contracts`") from None
    return parse(contract, content)


def parse(contract: str, content: Any) -> Artifact:
    """Checks what an artifact file holds.

    Raises:
        DataError: not an object, a field is missing, or the bytecode is not hexadecimal.
    """
    try:
        return Artifact(
            contract=str(content["contract"]),
            abi=tuple(content["abi"]),
            bytecode=bytes.fromhex(content["bytecode"].removeprefix("0x")),
            libraries=tuple(content.get("libraries", ())),
            compiler=str(content["compiler"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"compiled {contract} is broken ({error!r}): run `make contracts`") from None
