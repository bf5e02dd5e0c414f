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

    `compiler` is the version of the Vyper compiler that made it of `sources`, paths among those of `source_texts`, with
    `optimize` and `evm_version`; `runtime_bytes` is the length of what is deployed.
    """

    contract: str
    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    libraries: tuple[str, ...]
    compiler: str
    optimize: str
    evm_version: str
    sources: tuple[str, ...]
    runtime_bytes: int


@cache
def load(contract: str) -> Artifact:
    """The artifact of a contract, by its name, e.g. `Market`.

    Raises:
        DataError: the package carries no such artifact, or a broken one.
    """
    return parse(contract, _read(contract))


@cache
def source_texts() -> dict[str, str]:
    """The text of every source of every contract, by its path.

    Raises:
        DataError: the package doesn't carry them.
    """
    return {str(path): str(text) for path, text in _read("sources").items()}


def _read(name: str) -> Any:
    home = files("omnilytics.chain") / "artifacts" / f"{name}.json"
    try:
        return json.loads(home.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"no compiled {name} in this installation: run `make contracts`") from None
    except ValueError as error:
        raise DataError(f"compiled {name} is not JSON: {error}; run `make contracts`") from None


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
            optimize=str(content["optimize"]),
            evm_version=str(content["evm_version"]),
            sources=tuple(content["sources"]),
            runtime_bytes=int(content["runtime_bytes"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"compiled {contract} is broken ({error!r}): run `make contracts`") from None
