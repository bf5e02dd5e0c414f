"""The logs of contracts, fetched once: what has been read stays as long as the chain's block hashes do."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from omnilytics.chain.rpc.answers import Block, block_of, logs_of
from omnilytics.chain.rpc.node import NodeError
from omnilytics.chain.rpc.nodes import Nodes
from omnilytics.chain.rpc.settings import Settings
from omnilytics.errors import ChainError
from omnilytics.types import Address, Log

MOST_MARKS = 64
MOST_REORGS = 10  # of the newest blocks while one answer is put together


@dataclass
class _Shelf:
    """The logs of one contract. A mark is a block up to which they are complete, and how many they were then."""

    logs: list[tuple[int, Log]] = field(default_factory=list)
    marks: list[tuple[Block, int]] = field(default_factory=list)


class LogBook:
    """Reads logs in ranges that the node takes, and again from where the chain has changed."""

    def __init__(self, nodes: Nodes, settings: Settings) -> None:
        self._nodes = nodes
        self._settings = settings
        self._span = settings.log_blocks
        self._shelves: dict[Address, _Shelf] = {}
        self._lock = threading.Lock()

    def read(self, address: Address, from_block: int) -> list[tuple[int, Log]]:
        """(block number, log) of that contract from a block on, oldest first.

        Raises:
            ChainError: no answer, or the newest blocks change all the time.
        """
        with self._lock:
            shelf = self._shelves.setdefault(address, _Shelf())
            for _ in range(MOST_REORGS):
                head = block_of(self._nodes.request("eth_getBlockByNumber", "latest", False))
                known = bool(shelf.marks) and shelf.marks[-1][0] == head
                if not known:
                    self._forget(shelf)
                    self._extend(shelf, address, head)
                if known or self._stands(head):
                    return [entry for entry in shelf.logs if entry[0] >= from_block]
        raise ChainError(f"logs of {address}: the newest blocks changed {MOST_REORGS} times meanwhile; try again later")

    def _forget(self, shelf: _Shelf) -> None:
        """Drops what was read from blocks that the chain has no longer."""
        while shelf.marks and not self._stands(shelf.marks[-1][0]):
            shelf.marks.pop()
        del shelf.logs[shelf.marks[-1][1] if shelf.marks else 0 :]

    def _stands(self, block: Block) -> bool:
        found = self._nodes.request("eth_getBlockByNumber", hex(block.number), False)
        return found is not None and block_of(found).hash == block.hash

    def _extend(self, shelf: _Shelf, address: Address, head: Block) -> None:
        start = shelf.marks[-1][0].number + 1 if shelf.marks else self._settings.first_block
        while start <= head.number:
            end = min(start + self._span - 1, head.number)
            try:
                answer = self._nodes.request(
                    "eth_getLogs", {"address": address, "fromBlock": hex(start), "toBlock": hex(end)}
                )
            except NodeError as error:
                if not error.too_much or start == end:
                    raise ChainError(f"logs of {address}: the node refused them: {error.message}") from None
                self._span = max(1, (end - start + 1) // 2)
                continue
            shelf.logs += logs_of(answer)
            start = end + 1
        if not shelf.marks or shelf.marks[-1][0] != head:
            shelf.marks.append((head, len(shelf.logs)))
            del shelf.marks[1:-MOST_MARKS]
