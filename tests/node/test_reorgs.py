"""A session to its end while the newest blocks are taken back again and again."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.types import Assignment, Rule, Stage
from tests.chain.test_port import story, terms
from tests.node.chains import IMPATIENT, AnvilChain
from tests.node.conftest import until
from tests.node.journals import Diary
from tests.node.launch import Anvil

pytestmark = pytest.mark.node

DEPTH = 2  # blocks that are taken back
BETWEEN = 5  # blocks from one time to the next
BLOCK_SECS = 0.02


@dataclass
class Turns:
    """Of a node that goes back.

    Attributes:
        heights: to which it has gone on again, each time.
        taken: hashes of the transactions that were in blocks which it has left.
    """

    heights: list[int] = field(default_factory=list)
    taken: set[bytes] = field(default_factory=set)

    def turn_back(self, node: Anvil) -> None:
        head = int(node.ask("eth_blockNumber"), 16)
        newest = [hex(number) for number in range(head - DEPTH + 1, head + 1)]
        left = [node.ask("eth_getBlockByNumber", number, False) for number in newest]
        node.ask("anvil_reorg", DEPTH, [])
        for block in left:
            if node.ask("eth_getBlockByHash", block["hash"], False) is None:
                self.taken |= {bytes.fromhex(tx_hash[2:]) for tx_hash in block["transactions"]}
        self.heights.append(int(node.ask("eth_blockNumber"), 16))


@contextmanager
def unsettled(node: Anvil) -> Iterator[Turns]:
    """Mines blocks all the time, and takes some back."""
    ended, turns = threading.Event(), Turns()

    def work() -> None:
        blocks = 0
        while not ended.wait(BLOCK_SECS):
            with node.making:
                node.ask("evm_mine")
                blocks += 1
                if blocks % BETWEEN == 0:
                    turns.turn_back(node)

    node.ask("evm_setAutomine", False)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield turns
    finally:
        ended.set()
        thread.join()
        node.ask("evm_setAutomine", True)


def test_reorganisations_in_every_phase(anvil: Anvil) -> None:
    chain = AnvilChain(anvil, settings=replace(IMPATIENT, confirmations=DEPTH + 1, stuck_secs=0.5), journal=Diary())
    told: list[bytes] = []
    chain.on_receipt.append(lambda receipt: told.append(receipt.tx_hash))
    with unsettled(anvil) as turns:
        s = story(chain, terms(2, Assignment.GREEDY, Rule.NORM))
        for step in (s.open, s.register, s.commit, s.upload, s.aggregate, s.select, s.pay):
            before = len(turns.heights)
            step()
            until(lambda before=before: len(turns.heights) > before)
    assert turns.taken & set(told), "no transaction was taken back"
    assert s.session.stage() is Stage.FINISHED
    assert s.session.money().withdrawn == s.params.reward_wei + 4 * s.params.bond_wei
    names = Counter(event[0] for _, log in chain.logs(s.session.address) if (event := decode_log(log)) is not None)
    assert (names["Registered"], names["Committed"], names["Uploaded"], names["Withdrawn"]) == (4, 4, 8, 4)
    assert all(anvil.ask("eth_getTransactionReceipt", "0x" + tx_hash.hex()) for tx_hash in told)
