"""Several nodes of one chain: asked in turn, compared with each other, and never mixed with those of another chain."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omnilytics.chain.rpc.node import Node, NodeError, Unavailable
from omnilytics.chain.rpc.settings import Settings
from omnilytics.errors import ChainError, InputError

LOG = logging.getLogger(__name__)

MOST_DOUBLINGS = 4  # of the pause between two tries
REST_CHECKS = 10  # comparisons without a node that gave no answer, as each would wait for it


@dataclass(frozen=True, slots=True)
class Health:
    """How a node is: its URL without secrets, its newest block (None: no answer), and in words what is wrong, if so."""

    node: str
    block: int | None
    trouble: str


class Nodes:
    """Asks one node, the next one where it fails, and all of them again after a pause.

    Args:
        urls: one at least; the first one that works is asked.
        chain_id: EIP-155; None: that of the first node that answers.
        settings: patience.

    Raises:
        InputError: no URL, or one that is none.
        ChainError: no node answers, or none is on that chain.
    """

    def __init__(self, urls: Sequence[str], chain_id: int | None, settings: Settings) -> None:
        if not urls:
            raise InputError("nodes: expected at least one URL, got none")
        self._given = tuple(Node(url, settings.answer_secs) for url in urls)
        self._order = list(self._given)
        self._settings = settings
        self._lock = threading.RLock()
        self._foreign: dict[Node, int] = {}
        self._trouble: dict[Node, str] = {}
        self._known: set[Node] = set()
        self._next_check = 0.0
        self._rests_until: dict[Node, float] = {}
        self._newest = 0
        self._chain_id = chain_id
        self.chain_id: int = quantity(self._patiently("eth_chainId", ()))
        self._chain_id = self.chain_id

    def request(self, method: str, *params: Any) -> Any:
        """What a node answers.

        Raises:
            NodeError: it refused.
            ChainError: no node gave an answer in `patience_secs`, or they contradict each other.
        """
        if len(self._given) > 1 and time.monotonic() >= self._next_check:
            self.compare()
        return self._patiently(method, params)

    def tell_others(self, method: str, *params: Any) -> None:
        """Tells the same to all nodes but the one that is asked first; what they say of it doesn't count."""
        for node in self._order[1:]:
            if node in self._known:
                with contextlib.suppress(Unavailable, NodeError):
                    node.ask(method, *params)

    def saw(self, block: int) -> None:
        """Tells which block is relied on: a node that hasn't got it isn't turned to."""
        self._newest = block

    def close(self) -> None:
        """Ends all connections; the next request makes another."""
        for node in self._given:
            node.close()

    def health(self) -> list[Health]:
        """Every node, in the order in which they were given, asked now."""
        return [self._look_at(node) for node in self._given]

    def compare(self) -> None:
        """Leaves a node that is too far behind for another one.

        Raises:
            ChainError: two nodes have different blocks where neither can change any more. No request is answered before
                they agree.
        """
        blocks: dict[Node, int] = {}
        for node in self._given:
            if time.monotonic() >= self._rests_until.get(node, 0.0):
                block = self._look_at(node).block
                if block is None:
                    self._rests_until[node] = time.monotonic() + REST_CHECKS * self._settings.check_secs
                else:
                    blocks[node] = block
        if len(blocks) >= 2:
            self._agree(list(blocks), max(0, min(blocks.values()) - self._settings.confirmations))
            self._leave(blocks)
        self._next_check = time.monotonic() + self._settings.check_secs

    def _leave(self, blocks: Mapping[Node, int]) -> None:
        """Puts those that are behind last."""
        best = max(blocks.values())
        with self._lock:
            behind = [node for node, block in blocks.items() if best - block > self._settings.lag_blocks]
            for node in blocks:
                self._trouble.pop(node, None)
            for node in behind:
                self._trouble[node] = f"block {blocks[node]}, {best - blocks[node]} behind"
                LOG.warning("%s is at %s", node.name, self._trouble[node])
            self._order.sort(key=lambda node: node in behind)

    def _agree(self, nodes: Sequence[Node], block: int) -> None:
        hashes: dict[str, str] = {}
        for node in nodes:
            try:
                found = node.ask("eth_getBlockByNumber", hex(block), False)
            except (Unavailable, NodeError):
                continue
            if isinstance(found, dict):
                hashes.setdefault(str(found.get("hash")), node.name)
        if len(hashes) > 1:
            told = " and ".join(f"{value} of {name}" for value, name in hashes.items())
            raise ChainError(f"nodes contradict each other on block {block}: {told}; take the one that is wrong away")

    def _look_at(self, node: Node) -> Health:
        try:
            self._admit(node)
            return Health(node.name, quantity(node.ask("eth_blockNumber")), self._trouble.get(node, ""))
        except (Unavailable, NodeError) as error:
            return Health(node.name, None, str(error))

    def _patiently(self, method: str, params: tuple[Any, ...]) -> Any:
        """All nodes in turn, again and again with longer pauses."""
        start, tries = time.monotonic(), 0
        while True:
            troubles: list[str] = []
            for node in list(self._order):
                try:
                    self._admit(node)
                    if node is not self._order[0]:
                        self._check_newest(node)
                    answer = node.ask(method, *params)
                except Unavailable as error:
                    troubles.append(f"{node.name}: {error}")
                    self._trouble[node] = str(error)
                    self._known.discard(node)
                    continue
                except NodeError as error:
                    error.alone = not (troubles or tries)
                    raise
                self._prefer(node)
                return answer
            tries += 1
            waited = time.monotonic() - start
            if len(self._foreign) == len(self._given):
                raise ChainError(f"no node of chain {self._chain_id}: {'; '.join(troubles)}")
            if waited >= self._settings.patience_secs:
                self._newest = 0  # nobody has that block any more: the next request takes what there is
                raise ChainError(f"{method}: no answer in {waited:.0f} s and {tries} tries; {'; '.join(troubles)}")
            LOG.info("%s: %s; trying again", method, "; ".join(troubles))
            time.sleep(self._settings.back_off_secs * 2 ** min(tries - 1, MOST_DOUBLINGS))

    def _prefer(self, node: Node) -> None:
        with self._lock:
            self._trouble.pop(node, None)
            if self._order[0] is not node:
                LOG.warning("now asking %s", node.name)
                self._order.sort(key=lambda other: other is not node)

    def _admit(self, node: Node) -> None:
        """Asks a node that is new, or was gone, for its chain.

        Raises:
            Unavailable: another chain; such a node is never asked again.
        """
        if node in self._foreign:
            raise Unavailable(f"chain {self._foreign[node]}, expected {self._chain_id}")
        if node in self._known:
            return
        found = quantity(node.ask("eth_chainId"))
        if self._chain_id is not None and found != self._chain_id:
            self._foreign[node] = found
            raise Unavailable(f"chain {found}, expected {self._chain_id}")
        self._known.add(node)

    def _check_newest(self, node: Node) -> None:
        """Before a node is turned to.

        Raises:
            Unavailable: it hasn't got the block that is relied on.
        """
        if self._newest and (block := quantity(node.ask("eth_blockNumber"))) < self._newest:
            raise Unavailable(f"block {block}, expected at least {self._newest}")


def quantity(answer: Any) -> int:
    """A number as nodes spell it.

    Raises:
        Unavailable: not `0x` and hexadecimal digits.
    """
    try:
        return int(answer, 16)
    except (TypeError, ValueError):
        raise Unavailable(f"expected a hexadecimal number, got {str(answer)[:40]!r}") from None
