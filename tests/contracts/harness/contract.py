"""Contracts as tests use them: `session.commit(root, sender=alice)` mines a transaction, `session.stage()` reads.

Return values and events are named tuples with the ABI's field names: `e.group`, `member.place`.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import boa
import vyper
import vyper.warnings
from boa.interpret import set_cache_dir, set_search_paths
from eth_abi import decode, encode
from eth_utils import keccak
from vyper.compiler.output import build_abi_output, build_layout_output

from . import evm, gas
from .evm import Outcome, Reverted

ROOT = Path(__file__).parents[3]
CONTRACTS = Path(os.environ.get("OMNILYTICS_CONTRACTS", ROOT / "contracts"))
CACHE = ROOT / ".pytest_cache" / "contracts"

set_search_paths([str(CONTRACTS)])
set_cache_dir(None)


@functools.cache
def _tuple_class(name: str, fields: tuple[str, ...]) -> Any:
    return NamedTuple(name, [(field or f"field_{i}", Any) for i, field in enumerate(fields)])


def _type(entry: dict[str, Any]) -> str:
    """The canonical type of an ABI entry: structs as tuples."""
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])
    inner = ",".join(_type(c) for c in entry["components"])
    return f"({inner}){entry['type'].removeprefix('tuple')}"


def _named(entry: dict[str, Any], value: Any) -> Any:
    """A decoded value with its structs as named tuples."""
    if entry["type"] == "tuple":
        parts = [_named(c, v) for c, v in zip(entry["components"], value, strict=True)]
        return _tuple_class("Struct", tuple(c["name"] for c in entry["components"]))(*parts)
    return list(value) if isinstance(value, tuple) else value


def _decode(entries: list[dict[str, Any]], data: bytes) -> list[Any]:
    values = decode([_type(e) for e in entries], data)
    return [_named(e, v) for e, v in zip(entries, values, strict=True)]


class Abi:
    """A contract's ABI: functions by name, events by their first topic."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.entries = entries
        self.functions = {e["name"]: e for e in entries if e["type"] == "function"}
        self.events = {
            int.from_bytes(keccak(text=self.signature(e)), "big"): e for e in entries if e["type"] == "event"
        }
        self.constructor = next((e["inputs"] for e in entries if e["type"] == "constructor"), [])

    @staticmethod
    def signature(entry: dict[str, Any]) -> str:
        return f"{entry['name']}({','.join(_type(i) for i in entry['inputs'])})"

    def calldata(self, name: str, args: tuple[Any, ...]) -> bytes:
        """Selector and arguments of a call."""
        entry = self.functions[name]
        types = [_type(i) for i in entry["inputs"]]
        if len(types) != len(args):
            raise TypeError(f"{name}: expected {len(types)} arguments, got {len(args)}")
        return keccak(text=self.signature(entry))[:4] + encode(types, args)

    def result(self, name: str, output: bytes) -> Any:
        """What a function returned: None, one value, or a list of them."""
        values = _decode(self.functions[name]["outputs"], output)
        return values[0] if len(values) == 1 else (values or None)

    def event(self, address: str, topics: tuple[int, ...], data: bytes) -> Any:
        """A log as a named tuple of the event's name, its fields and `address`; None when the ABI hasn't got it."""
        entry = self.events.get(topics[0])
        if entry is None:
            return None
        indexed = iter(topics[1:])
        rest = iter(_decode([i for i in entry["inputs"] if not i["indexed"]], data))
        values = [
            _decode([i], next(indexed).to_bytes(32, "big"))[0] if i["indexed"] else next(rest) for i in entry["inputs"]
        ]
        fields = tuple(i["name"] for i in entry["inputs"])
        return _tuple_class(entry["name"], (*fields, "address"))(*values, address)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One transaction that succeeded."""

    call: str
    gas_used: int
    calldata: bytes
    value: Any
    events: tuple[Any, ...]

    def named(self, name: str) -> list[Any]:
        """The events of that name, in order."""
        return [e for e in self.events if type(e).__name__ == name]

    def only(self, name: str) -> Any:
        """The one event of that name.

        Raises:
            AssertionError: there is none, or more than one.
        """
        found = self.named(name)
        assert len(found) == 1, f"expected one {name}, got {[type(e).__name__ for e in self.events]}"
        return found[0]


class Backend(Protocol):
    """What contracts run on; the module `evm` is one."""

    def transact(
        self, call: str, sender: str, to: str, data: bytes, value: int = 0, gas_price: int = 0, tip: int = 0
    ) -> Outcome: ...
    def deploy(self, name: str, sender: str, init_code: bytes, value: int = 0) -> Outcome: ...
    def call(self, name: str, sender: str, to: str, data: bytes) -> bytes: ...


class Contract:
    """A deployed contract. Functions of its ABI are methods: writes take `sender` (and in wei `value`, `gas_price`)."""

    _known: ClassVar[list[Abi]] = []

    def __init__(self, name: str, abi: Abi, address: str, backend: Backend) -> None:
        self.name = name
        self.abi = abi
        self.address = address.lower()
        self.backend = backend
        if abi not in self._known:
            self._known.append(abi)

    def __repr__(self) -> str:
        return f"<{self.name} {self.address}>"

    def __getattr__(self, name: str) -> Any:
        entry = self.abi.functions.get(name)
        if entry is None:
            raise AttributeError(f"{self.name} has no function {name}")
        if entry["stateMutability"] in ("view", "pure"):
            return functools.partial(self._read, name)
        return functools.partial(self._write, name)

    def _read(self, name: str, *args: Any, sender: str = "0x" + "00" * 20) -> Any:
        output = self.backend.call(name, sender, self.address, self.abi.calldata(name, args))
        return self.abi.result(name, output)

    def _write(self, name: str, *args: Any, sender: str, value: int = 0, gas_price: int = 0) -> Receipt:
        data = self.abi.calldata(name, args)
        outcome = self.backend.transact(name, sender, self.address, data, value, gas_price)
        gas.TABLE.add(self.name, name, outcome.gas_used, data)
        return Receipt(name, outcome.gas_used, data, self.abi.result(name, outcome.output), decode_logs(outcome))

    def send(self, data: bytes, *, sender: str, value: int = 0, gas_price: int = 0) -> Receipt:
        """A transaction with bytes of one's own."""
        outcome = self.backend.transact("send", sender, self.address, data, value, gas_price)
        return Receipt("send", outcome.gas_used, data, None, decode_logs(outcome))


def decode_logs(outcome: Outcome) -> tuple[Any, ...]:
    """The events of a transaction, by the ABIs of all contracts seen so far; unknown ones are left out."""
    events = []
    for address, topics, data in outcome.logs:
        found = (abi.event(address, topics, data) for abi in Contract._known)
        events.append(next((e for e in found if e is not None), None))
    return tuple(e for e in events if e is not None)


class Compiled:
    """A compiled source file: ABI, creation code, runtime code, storage layout. It deploys to `backend`."""

    backend: Backend = evm

    def __init__(self, name: str, artifact: dict[str, Any]) -> None:
        self.name = name
        self.abi = Abi(artifact["abi"])
        self.creation = bytes.fromhex(artifact["creation"])
        self.runtime = bytes.fromhex(artifact["runtime"])
        self.layout: dict[str, Any] = artifact["layout"]

    def deploy(self, *args: Any, sender: str, value: int = 0) -> Contract:
        """A new contract at a new address."""
        init_code = self.creation + encode([_type(i) for i in self.abi.constructor], args)
        outcome = self.backend.deploy(self.name, sender, init_code, value)
        assert outcome.created is not None
        gas.TABLE.add(self.name, "deploy", outcome.gas_used, init_code)
        return self.at(outcome.created)

    def at(self, address: str) -> Contract:
        """The contract that is already there."""
        return Contract(self.name, self.abi, address, self.backend)

    def on(self, backend: Backend) -> Self:
        """The same for another chain."""
        twin = copy.copy(self)
        twin.backend = backend
        return twin


@functools.cache
def _sources_digest() -> bytes:
    """Over everything that a contract may import, and the compiler."""
    files = sorted([*CONTRACTS.rglob("*.vy"), *CONTRACTS.rglob("*.vyi")])
    return keccak(b"".join(keccak(path.read_bytes()) for path in files) + vyper.__version__.encode())


@functools.cache
def compiled(path: Path) -> Compiled:
    """The contract in that file, its imports from contracts/; compiled again only when a source has changed."""
    digest = keccak(_sources_digest() + str(path).encode() + path.read_bytes()).hex()
    kept = CACHE / f"{path.stem}-{digest[:32]}.json"
    if kept.exists():
        return Compiled(path.stem, json.loads(kept.read_text(encoding="utf-8")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vyper.warnings.VyperWarning)
        data = boa.load_partial(str(path)).compiler_data
        artifact = {
            "abi": build_abi_output(data),
            "creation": data.bytecode.hex(),
            "runtime": data.bytecode_runtime.hex(),
            "layout": build_layout_output(data),
        }
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(artifact), encoding="utf-8")
    fresh.replace(kept)
    return Compiled(path.stem, artifact)


FACETS = (
    "SessionDesk",
    "SessionRecovery",
    "SessionSetup",
    "SessionViews",
    "SessionBlobs",
    "SessionProofs",
    "SessionPacked",
)
"""What SecModelUpdate hasn't got itself, it delegates to the first, which delegates to the second, and so on."""


@functools.cache
def session_type() -> Compiled:
    """SecModelUpdate with what its facets add: functions and events by name, as every session has them."""
    main = compiled(CONTRACTS / "SecModelUpdate.vy")
    merged, entries = copy.copy(main), list(main.abi.entries)
    for facet in FACETS:
        known = {(e["type"], e.get("name")) for e in entries}
        added = compiled(CONTRACTS / f"{facet}.vy").abi.entries
        entries += [e for e in added if e["type"] in ("function", "event") and (e["type"], e["name"]) not in known]
    merged.abi = Abi(entries)
    return merged


NUMBERS = re.compile(r"(start: .+): expected \d+, given \d+")


def _is_reason(reason: str | None, expected: str | None) -> bool:
    """Whether a contract gave that reason; `start` ends its own with the two numbers, which may be left out."""
    bare = NUMBERS.fullmatch(reason or "")
    return reason == expected or (bare is not None and bare[1] == expected)


@contextlib.contextmanager
def reverts(reason: str | None = None) -> Iterator[None]:
    """Passes if the block reverts with exactly this reason; without one, if it reverts without a reason.

    `start` says what it expected and what it was given: ": expected E, given G" may be left out.

    Raises:
        AssertionError: nothing reverted, or for another reason.
    """
    try:
        yield
    except Reverted as error:
        if not _is_reason(error.reason, reason):
            raise AssertionError(f"{error.call}: expected {reason!r}, reverted with {error.reason!r}") from error
    else:
        raise AssertionError(f"expected a revert: {reason!r}")
