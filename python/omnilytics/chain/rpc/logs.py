"""The logs of contracts: what has been read stays as long as the chain's block hashes do, but for the newest blocks.

Behind one address there may be several nodes, of which one says what the newest block is, and another one, which hasn't
heard of it, that there are no logs in it.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from operator import itemgetter

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
    """The logs of one contract. A mark is a block up to which they have been read; the last one ends them."""

    logs: list[tuple[int, Log]] = field(default_factory=list)
    marks: list[Block] = field(default_factory=list)

    def cut(self, number: int) -> None:
        """Drops the logs of later blocks."""
        del self.logs[bisect_right(self.logs, number, key=itemgetter(0)) :]


class LogBook:
    """Reads logs in ranges that the node takes; again from where the chain has changed, and of the newest blocks."""

    def __init__(self, nodes: Nodes, settings: Settings) -> None:
        self._nodes = nodes
        self._settings = settings
        self._span = settings.log_blocks
        self._shelves: dict[Address, _Shelf] = {}
        self._lock = threading.Lock()

    def read(self, address: Address, from_block: int, head: Block) -> list[tuple[int, Log]]:
        """(block number, log) of that contract from a block on, oldest first.

        Args:
            address: of the contract.
            from_block: no older ones.
            head: the newest block; where the chain has left it meanwhile, the newest one of then.

        Raises:
            ChainError: no answer, or the newest blocks change all the time.
        """
        with self._lock:
            shelf = self._shelves.setdefault(address, _Shelf())
            for _ in range(MOST_REORGS):
                if self._is_complete(shelf, address, head):
                    return [entry for entry in shelf.logs if from_block <= entry[0] <= head.number]
                head = block_of(self._nodes.request("eth_getBlockByNumber", "latest", False))
        raise ChainError(f"logs of {address}: the newest blocks changed {MOST_REORGS} times meanwhile; try again later")

    def _is_complete(self, shelf: _Shelf, address: Address, head: Block) -> bool:
        """Whether it has all logs up to that block; False: the chain has left it."""
        if shelf.marks and shelf.marks[-1] == head:
            return True
        while shelf.marks and not self._stands(shelf.marks[-1]):
            shelf.marks.pop()
        shelf.cut(shelf.marks[-1].number if shelf.marks else -1)
        if not shelf.marks or shelf.marks[-1].number < head.number:
            self._extend(shelf, address, head)
        return self._stands(head)

    def _stands(self, block: Block) -> bool:
        found = self._nodes.request("eth_getBlockByNumber", hex(block.number), False)
        return found is not None and block_of(found).hash == block.hash

    def _extend(self, shelf: _Shelf, address: Address, head: Block) -> None:
        """Reads on from the last mark that every node has heard of."""
        old = head.number - self._settings.lag_blocks
        known = [mark.number for mark in shelf.marks if mark.number <= old]
        start = known[-1] + 1 if known else self._settings.first_block
        found = self._fetched(address, start, head.number)
        shelf.cut(start - 1)
        shelf.logs += found
        if not known and old >= start:
            shelf.marks.insert(0, block_of(self._nodes.request("eth_getBlockByNumber", hex(old), False)))
        shelf.marks.append(head)
        del shelf.marks[1:-MOST_MARKS]

    def _fetched(self, address: Address, first: int, last: int) -> list[tuple[int, Log]]:
        found, start = [], first
        while start <= last:
            end = min(start + self._span - 1, last)
            try:
                answer = self._nodes.request(
                    "eth_getLogs", {"address": address, "fromBlock": hex(start), "toBlock": hex(end)}
                )
            except NodeError as error:
                if not error.too_much or start == end:
                    raise ChainError(f"logs of {address}: the node refused them: {error.message}") from None
                self._span = max(1, (end - start + 1) // 2)
                continue
            found += logs_of(answer)
            start = end + 1
        return found
