"""What a backend with real transactions tells its journal, and a journal in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from omnilytics.errors import InputError
from omnilytics.types import Address, Receipt


@dataclass(frozen=True, slots=True)
class Intent:
    """A transaction that is to be mined once, whatever its fee.

    Attributes:
        chain_id: EIP-155.
        call: the contract function's name.
        sender: whose key signs.
        nonce: of the sender, fixed for all attempts.
        to: the contract; None creates one.
        data: calldata or init code. It may hold secrets which the call publishes: not shown by `repr`.
        value_wei: what it pays, wei.
        gas: limit, 21,000..2^24.
        blob_hashes: versioned hashes of the blobs that it carries, 32 bytes each; none: it isn't a blob transaction.
    """

    chain_id: int
    call: str
    sender: Address
    nonce: int
    to: Address | None
    data: bytes = field(repr=False)
    value_wei: int
    gas: int
    blob_hashes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed transaction of an intent. Each next one has the same nonce and pays more a gas.

    `raw` are the bytes that a node takes, blobs and their proofs included, `tx_hash` is the transaction's hash, 32
    bytes; fees in wei a gas, and a blob gas.
    """

    tx_hash: bytes
    raw: bytes = field(repr=False)
    max_fee_wei: int
    tip_wei: int
    max_blob_fee_wei: int = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """An intent that isn't done, under its number in the journal; its attempts, oldest first, are one at least."""

    entry: int
    intent: Intent
    attempts: tuple[Attempt, ...]


class Journal(Protocol):
    """What survives the process. Each method is durable before it returns; several threads call it."""

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        """Before any node sees the attempt. Gives the entry's number.

        Raises:
            InputError: an entry that isn't done has that chain, sender and nonce.
        """

    def replace(self, entry: int, attempt: Attempt) -> None:
        """Before any node sees the next attempt."""

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        """An attempt is in a block, not yet deep enough. Comes again, with another block, after a reorganisation."""

    def close(self, entry: int, outcome: Receipt | str) -> None:
        """Done: the receipt, or in words why there is none. Nothing of this entry is sent again."""

    def pending(self, chain_id: int, sender: Address) -> Sequence[Pending]:
        """The entries of a sender that aren't done, in order of nonce."""


class MemoryJournal:
    """A journal that ends with the process; implements `Journal`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, Pending] = {}
        self._entries = 0

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        with self._lock:
            key = (intent.chain_id, intent.sender, intent.nonce)
            if any(key == (p.intent.chain_id, p.intent.sender, p.intent.nonce) for p in self._open.values()):
                raise InputError(f"nonce {intent.nonce} of {intent.sender} has an entry that isn't done")
            self._entries += 1
            self._open[self._entries] = Pending(self._entries, intent, (attempt,))
            return self._entries

    def replace(self, entry: int, attempt: Attempt) -> None:
        with self._lock:
            pending = self._open[entry]
            self._open[entry] = replace(pending, attempts=(*pending.attempts, attempt))

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        """Nothing: what was mined is asked of the chain again."""

    def close(self, entry: int, outcome: Receipt | str) -> None:
        with self._lock:
            del self._open[entry]

    def pending(self, chain_id: int, sender: Address) -> list[Pending]:
        with self._lock:
            own = [p for p in self._open.values() if (p.intent.chain_id, p.intent.sender) == (chain_id, sender)]
        return sorted(own, key=lambda p: p.intent.nonce)


def free_nonce(pending: Sequence[Pending], used: int) -> int:
    """The nonce of the next transaction: the least that neither the chain nor an open entry has.

    Args:
        pending: the sender's open entries.
        used: transactions of the sender that a node has in blocks or its pool.
    """
    taken = {one.intent.nonce for one in pending}
    return next(nonce for nonce in range(used, used + len(taken) + 1) if nonce not in taken)
