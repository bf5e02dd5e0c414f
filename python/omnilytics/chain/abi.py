"""Calls, answers and logs as the contract ABI has them. An `Interface` is prepared once and used ever after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from eth_abi.decoding import ContextFramesBytesIO
from eth_abi.exceptions import DecodingError
from eth_abi.exceptions import EncodingError as AbiEncodingError
from eth_abi.registry import registry

from omnilytics._omnicore import signature_hash
from omnilytics.chain.artifacts import load
from omnilytics.errors import ChainError, DataError, InputError
from omnilytics.types import Log

Entry = Mapping[str, Any]

CONTRACTS = ("SecModelUpdate", "Market")
"""The contracts whose events `decode_log` knows."""


def canonical(entry: Entry) -> str:
    """The type of a parameter as signatures spell it, e.g. `(uint256,address)[4]`."""
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return _tuple_of(entry["components"]) + kind.removeprefix("tuple")


def _tuple_of(entries: Iterable[Entry]) -> str:
    return f"({','.join(canonical(entry) for entry in entries)})"


def _encoder(entries: Sequence[Entry]) -> Callable[[Sequence[Any]], bytes]:
    if not entries:
        return lambda values: b""
    encode: Callable[[Sequence[Any]], bytes] = registry.get_encoder(_tuple_of(entries))  # type: ignore[assignment]
    return encode


def _decoder(entries: Sequence[Entry]) -> Callable[[bytes], tuple[Any, ...]]:
    if not entries:
        return lambda data: ()
    decode: Callable[[ContextFramesBytesIO], Any] = registry.get_decoder(_tuple_of(entries))
    return lambda data: tuple(decode(ContextFramesBytesIO(data)))  # type: ignore[no-untyped-call]


def _named(entry: Entry, value: Any) -> Any:
    """A decoded value with structs as dicts by field and arrays as lists."""
    kind = str(entry["type"])
    if kind.endswith("]"):
        item = {**entry, "type": kind[: kind.rindex("[")]}
        return [_named(item, part) for part in value]
    if kind == "tuple":
        return {part["name"]: _named(part, v) for part, v in zip(entry["components"], value, strict=True)}
    return value


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    arity: int
    selector: bytes
    encode: Callable[[Sequence[Any]], bytes]
    decode: Callable[[bytes], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    fields: Sequence[Entry]
    indexed: Sequence[tuple[str, Callable[[bytes], tuple[Any, ...]]]]
    plain: Sequence[Entry]
    decode: Callable[[bytes], tuple[Any, ...]]

    def read(self, log: Log) -> dict[str, Any]:
        if len(log.topics) != 1 + len(self.indexed):
            raise DataError(f"event {self.name}: expected {1 + len(self.indexed)} topics, got {len(log.topics)}")
        try:
            values = {
                name: decode(topic)[0] for (name, decode), topic in zip(self.indexed, log.topics[1:], strict=True)
            }
            for entry, value in zip(self.plain, self.decode(log.data), strict=True):
                values[entry["name"]] = _named(entry, value)
        except DecodingError as error:
            raise DataError(f"event {self.name}: {len(log.data)} bytes of data don't fit it: {error}") from None
        return {entry["name"]: values[entry["name"]] for entry in self.fields}


class Interface:
    """A contract's functions and events, prepared for encoding and decoding.

    Args:
        abi: its JSON ABI. Of functions with one name the last counts: ours have one each.
    """

    def __init__(self, abi: Sequence[Entry]) -> None:
        self._functions = {e["name"]: _function(e) for e in abi if e["type"] == "function"}
        self._events = {signature_hash(_signature(e)): _event(e) for e in abi if e["type"] == "event"}
        constructor = next((e for e in abi if e["type"] == "constructor"), {"inputs": ()})
        self._constructor = _Function(
            "constructor", len(constructor["inputs"]), b"", _encoder(constructor["inputs"]), lambda data: ()
        )

    def calldata(self, call: str, *arguments: Any) -> bytes:
        """Selector and arguments of a call.

        Raises:
            InputError: no such function, or arguments that don't fit it.
        """
        return _encode(self._function(call), arguments)

    def constructor(self, *arguments: Any) -> bytes:
        """Constructor arguments, to follow the bytecode.

        Raises:
            InputError: arguments that don't fit it.
        """
        return _encode(self._constructor, arguments)

    def result(self, call: str, data: bytes) -> tuple[Any, ...]:
        """What a call returned; addresses as lower-case 0x strings, structs and arrays as tuples.

        Raises:
            ChainError: the bytes are no answer of this function: no contract there, or another one.
        """
        try:
            return self._function(call).decode(data)
        except DecodingError as error:
            raise ChainError(f"{call} answered {len(data)} bytes that it can't have returned: {error}") from None

    def decode_log(self, log: Log) -> tuple[str, dict[str, Any]] | None:
        """A log's event and its fields, or None if it is none of this contract's.

        Values are int, bytes, str (lower-case address), bool, list, and dict for a struct.

        Raises:
            DataError: the topics say an event of this contract, the data contradict it.
        """
        event = self._events.get(log.topics[0]) if log.topics else None
        return None if event is None else (event.name, event.read(log))

    def _function(self, call: str) -> _Function:
        try:
            return self._functions[call]
        except KeyError:
            raise InputError(f"the contract has no function {call!r}") from None


def _signature(entry: Entry) -> str:
    return f"{entry['name']}{_tuple_of(entry['inputs'])}"


def _function(entry: Entry) -> _Function:
    inputs, outputs = entry["inputs"], entry["outputs"]
    selector = signature_hash(_signature(entry))[:4]
    return _Function(entry["name"], len(inputs), selector, _encoder(inputs), _decoder(outputs))


def _event(entry: Entry) -> _Event:
    fields = entry["inputs"]
    indexed = [(f["name"], _decoder([_topic(f)])) for f in fields if f["indexed"]]
    plain = [f for f in fields if not f["indexed"]]
    return _Event(entry["name"], fields, indexed, plain, _decoder(plain))


def _topic(field: Entry) -> Entry:
    """How an indexed field stands in its topic: what has no fixed 32 bytes, as its hash."""
    kind = str(field["type"])
    hashed = kind in ("bytes", "string", "tuple") or kind.endswith("]")
    return {"type": "bytes32"} if hashed else field


def _encode(function: _Function, arguments: Sequence[Any]) -> bytes:
    if len(arguments) != function.arity:
        raise InputError(f"{function.name}: expected {function.arity} arguments, got {len(arguments)}")
    try:
        return function.selector + function.encode(arguments)
    except AbiEncodingError as error:
        raise InputError(f"{function.name}: {error}") from None


@cache
def interface(contract: str) -> Interface:
    """The interface of a contract that the package carries, by its name.

    Raises:
        DataError: it carries no such artifact.
    """
    return Interface(load(contract).abi)


def decode_log(log: Log) -> tuple[str, dict[str, Any]] | None:
    """A log's event and its fields, for the events of sessions and markets; None for any other.

    Values are int, bytes, str (lower-case address), bool, list, and dict for a struct.

    Raises:
        DataError: the topics say one of these events, the data contradict it.
    """
    decoded = _decode_log(log)
    return None if decoded is None else (decoded[0], {name: _copy(value) for name, value in decoded[1].items()})


@lru_cache(maxsize=2048)
def _decode_log(log: Log) -> tuple[str, dict[str, Any]] | None:
    """As `decode_log`; whoever follows a session reads its logs over and over."""
    for contract in CONTRACTS:
        decoded = interface(contract).decode_log(log)
        if decoded is not None:
            return decoded
    return None


def _copy(value: Any) -> Any:
    """What a caller may change without changing the cache: our events nest no deeper."""
    return value.copy() if isinstance(value, list | dict) else value
