"""Who has used a nonce: found in the blocks, wherever it is and whatever the node knows of receipts."""

from __future__ import annotations

from typing import Any

import pytest

from omnilytics.chain.rpc.nodes import Nodes
from omnilytics.chain.rpc.nonces import SEARCHED_BLOCKS, taken
from omnilytics.errors import ChainError
from omnilytics.types import Address
from tests.chain.rpc.fake import FakeNode
from tests.chain.rpc.test_nodes import QUICK

SENDER = Address("0x" + "ab" * 20)
OWN, OTHER = bytes([1]) * 32, bytes([2]) * 32


def transaction(sender: str, nonce: int, tx_hash: bytes) -> dict[str, str]:
    return {"from": sender, "nonce": hex(nonce), "hash": "0x" + tx_hash.hex()}


def using(fake: FakeNode, used_in: int, tx_hash: bytes, head: int) -> Nodes:
    """A chain in which nonce 3 of the sender is used in a block, among other transactions."""
    fake.head = head

    def block(number: str, full: bool) -> dict[str, Any]:
        there = [transaction("0x" + "11" * 20, 3, OTHER), transaction(SENDER.upper().replace("X", "x"), 2, OTHER)]
        if int(number, 16) == used_in:
            there.append(transaction(SENDER.upper().replace("X", "x"), 3, tx_hash))
        return {"transactions": there}

    fake.answers["eth_getTransactionCount"] = lambda sender, block: hex(3 + (int(block, 16) >= used_in))
    fake.answers["eth_getBlockByNumber"] = block
    return Nodes([fake.url], 7, QUICK)


@pytest.mark.parametrize("used_in", [101, 102, 150, 199, 200])
def test_the_block_says_who(fake: FakeNode, used_in: int) -> None:
    assert not taken(using(fake, used_in, OWN, 200), SENDER, 3, {OWN}, 200)
    assert taken(using(fake, used_in, OTHER, 200), SENDER, 3, {OWN}, 200)


def test_nobody_has_used_it(fake: FakeNode) -> None:
    assert not taken(using(fake, 201, OTHER, 200), SENDER, 3, {OWN}, 200)


@pytest.mark.parametrize("tx_hash", [OWN, OTHER])
def test_long_ago(fake: FakeNode, tx_hash: bytes) -> None:
    """A receipt of one's own would be there by now."""
    assert taken(using(fake, 200 - SEARCHED_BLOCKS, tx_hash, 200), SENDER, 3, {OWN}, 200)


def test_a_block_that_has_changed_meanwhile(fake: FakeNode) -> None:
    nodes = using(fake, 150, OTHER, 200)
    for answer in (None, {"transactions": []}):
        fake.answers["eth_getBlockByNumber"] = lambda *params, answer=answer: answer
        assert not taken(nodes, SENDER, 3, {OWN}, 200)


def test_a_broken_block(fake: FakeNode) -> None:
    nodes = using(fake, 150, OTHER, 200)
    for answer in ({}, [], {"transactions": ["0x"]}, {"transactions": [{"from": SENDER}]}):
        fake.answers["eth_getBlockByNumber"] = lambda *params, answer=answer: answer
        with pytest.raises(ChainError, match="block is broken"):
            taken(nodes, SENDER, 3, {OWN}, 200)
