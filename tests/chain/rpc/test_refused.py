"""Signed bytes that a node refuses, or whose block it has lost: nothing is given up, or done, before it is certain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from omnilytics.chain.intents import MemoryJournal
from omnilytics.chain.rpc import RpcChain
from omnilytics.errors import ChainError
from omnilytics.types import Address
from tests.chain.rpc.fake import FakeNode, Refusal
from tests.chain.rpc.test_nodes import NOBODY, QUICK

ACCOUNT = Account.from_key(b"\1" * 32)
SENDER = Address(ACCOUNT.address.lower())
IMPATIENT = replace(QUICK, receipt_secs=0.3)


def refuse(raw: str) -> Any:
    raise Refusal(-32000, "txpool is full")


def prepare(fake: FakeNode) -> None:
    """A chain on which the account has money, and nothing is ever mined."""
    fake.answers |= {
        "eth_getBalance": lambda *_: hex(10**18),
        "eth_estimateGas": lambda *_: hex(21_000),
        "eth_getTransactionCount": lambda *_: "0x0",
        "eth_maxPriorityFeePerGas": lambda *_: "0x1",
        "eth_getTransactionReceipt": lambda *_: None,
        "eth_getBlockByNumber": lambda *_: fake.block(fake.head) | {"baseFeePerGas": "0x1"},
        "eth_sendRawTransaction": refuse,
    }


def test_by_the_only_node(fake: FakeNode) -> None:
    prepare(fake)
    journal = MemoryJournal()
    chain = RpcChain([fake.url], [ACCOUNT], journal=journal, settings=IMPATIENT)
    with pytest.raises(ChainError, match="txpool is full"):
        chain.send("put", SENDER, NOBODY, b"")
    assert journal.pending(7, SENDER) == []


def test_by_the_second_of_two_after_the_first_gave_no_answer(fake: FakeNode, other: FakeNode) -> None:
    prepare(fake)
    prepare(other)

    def break_off(raw: str) -> Any:
        fake.status = 503

    fake.answers["eth_sendRawTransaction"] = break_off
    journal = MemoryJournal()
    chain = RpcChain([fake.url, other.url], [ACCOUNT], journal=journal, settings=IMPATIENT)
    with pytest.raises(ChainError, match=r"nonce 0 of 0x\w+ is in no block"):
        chain.send("put", SENDER, NOBODY, b"")
    assert [pending.intent.nonce for pending in journal.pending(7, SENDER)] == [0]


def test_a_receipt_whose_block_is_gone(fake: FakeNode) -> None:
    """A node that was shut down has one and not the other: the transaction isn't done before it is in a block again."""
    prepare(fake)
    blocks = iter([None, None])
    sent: list[str] = []
    receipt = {"blockHash": "0x" + "07" * 32, "blockNumber": "0x5", "status": "0x1", "gasUsed": "0x5208", "logs": []}

    def found(tx_hash: str) -> dict[str, Any]:
        return receipt | {"transactionHash": tx_hash}

    fake.answers["eth_sendRawTransaction"] = sent.append
    fake.answers["eth_getTransactionReceipt"] = found
    fake.answers["eth_getBlockByHash"] = lambda *_: next(blocks, fake.block(5))
    done = RpcChain([fake.url], [ACCOUNT], settings=IMPATIENT).send("put", SENDER, NOBODY, b"")
    assert (done.block, done.timestamp, len(sent)) == (5, 1_005, 1)
    assert next(blocks, "all asked") == "all asked"
