"""Blocks, logs and receipts as nodes give them, checked and in the words of the port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from omnilytics.chain.intents import Intent
from omnilytics.chain.rpc.nodes import quantity
from omnilytics.errors import ChainError
from omnilytics.types import Address, Log, Receipt


@dataclass(frozen=True, slots=True)
class Block:
    """Of a block: its number, its hash as the node spells it, its unix time in seconds."""

    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block; `succeeded`: the contract took it; `answer` is all that the node says of it."""

    tx_hash: bytes
    block: int
    block_hash: bytes
    succeeded: bool
    answer: Mapping[str, Any]


@contextmanager
def _read(what: str) -> Iterator[None]:
    """Makes a broken answer an error of the chain."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ChainError(f"the node's {what} is broken: {error!r}") from None


def block_of(answer: Any) -> Block:
    """A block.

    Raises:
        ChainError: it isn't one.
    """
    with _read("block"):
        return Block(quantity(answer["number"]), str(answer["hash"]), quantity(answer["timestamp"]))


def beacon_parent_of(answer: Any, number: int) -> bytes:
    """Root of the beacon block that carries block `number`, from the block after it, 32 bytes.

    Raises:
        ChainError: no block, or one that isn't on a beacon chain.
    """
    if answer is None:
        raise ChainError(f"block {number}: expected another one on top of it, which names its beacon block, got none")
    with _read("block"):
        root = data_of(answer["parentBeaconBlockRoot"])
        if len(root) != 32 or not any(root):
            raise ValueError(f"expected the root of a beacon block, got 0x{root.hex()}")
        return root


def log_of(answer: Mapping[str, Any]) -> Log:
    """A log.

    Raises:
        ChainError: it isn't one.
    """
    with _read("log"):
        topics = tuple(data_of(topic) for topic in answer["topics"])
        return Log(_address(answer["address"]), topics, data_of(answer["data"]))


def logs_of(answer: Any) -> list[tuple[int, Log]]:
    """(block number, log) of an answer, in the order of the chain.

    Raises:
        ChainError: it isn't a list of logs.
    """
    with _read("list of logs"):
        if not isinstance(answer, list):
            raise TypeError(f"expected a list, got {type(answer).__name__}")
        placed = [(quantity(log["blockNumber"]), quantity(log["logIndex"]), log_of(log)) for log in answer]
    return [(block, log) for block, _, log in sorted(placed, key=lambda one: one[:2])]


def mined_of(answer: Any) -> Mined | None:
    """Where a transaction is; None: in no block.

    Raises:
        ChainError: a broken answer.
    """
    with _read("receipt"):
        if answer is None or answer.get("blockHash") is None:
            return None
        tx_hash, block_hash = data_of(answer["transactionHash"]), data_of(answer["blockHash"])
        return Mined(tx_hash, quantity(answer["blockNumber"]), block_hash, bool(quantity(answer["status"])), answer)


def receipt_of(intent: Intent, mined: Mined, timestamp: int) -> Receipt:
    """The receipt of what an intent has become.

    Args:
        timestamp: of its block.

    Raises:
        ChainError: a broken answer.
    """
    answer = mined.answer
    with _read("receipt"):
        created, price = answer.get("contractAddress"), answer.get("effectiveGasPrice")
        return Receipt(
            call=intent.call,
            sender=intent.sender,
            tx_hash=mined.tx_hash,
            block=mined.block,
            timestamp=timestamp,
            gas_used=quantity(answer["gasUsed"]),
            calldata_bytes=len(intent.data),
            logs=tuple(log_of(log) for log in answer["logs"]),
            contract_address=_address(created) if created else None,
            gas_price_wei=quantity(price) if price else None,
            blob_gas_used=quantity(answer["blobGasUsed"]) if intent.blob_hashes else 0,
            blob_gas_price_wei=quantity(answer["blobGasPrice"]) if intent.blob_hashes else None,
        )


def code_of(answer: Any) -> bytes:
    """Code, as it stands at an address or as running it gives.

    Raises:
        ChainError: a broken answer.
    """
    with _read("code"):
        return data_of(answer)


def data_of(answer: Any) -> bytes:
    """Bytes as nodes spell them.

    Raises:
        ValueError: not `0x` and pairs of hexadecimal digits.
    """
    if not isinstance(answer, str) or not answer.startswith("0x"):
        raise ValueError(f"expected 0x and digits, got {str(answer)[:40]!r}")
    return bytes.fromhex(answer[2:])


def _address(answer: Any) -> Address:
    data = data_of(answer)
    if len(data) != 20:
        raise ValueError(f"expected an address of 20 bytes, got {len(data)}")
    return Address("0x" + data.hex())
