"""The beacon block that carries a block, by what the next one says."""

from __future__ import annotations

from typing import Any

import pytest

from omnilytics.chain.rpc import RpcChain
from omnilytics.errors import ChainError
from tests.chain.rpc.fake import FakeNode
from tests.chain.rpc.test_nodes import QUICK

ROOT = "0x" + "ab" * 32


def named(fake: FakeNode, block: Any) -> RpcChain:
    """A chain whose eighth block is that."""
    chain = RpcChain([fake.url], settings=QUICK)
    fake.answers["eth_getBlockByNumber"] = lambda number, _: block if number == "0x8" else {}
    return chain


def test_the_next_block_names_it(fake: FakeNode) -> None:
    assert named(fake, {"parentBeaconBlockRoot": ROOT}).beacon_root(7) == bytes.fromhex(ROOT[2:])


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (None, "block 7: expected another one on top of it, which names its beacon block, got none"),
        ({}, "the node's block is broken"),
        ({"parentBeaconBlockRoot": "0x" + "00" * 32}, "expected the root of a beacon block, got 0x0000"),
        ({"parentBeaconBlockRoot": "0xab"}, "expected the root of a beacon block, got 0xab"),
        ({"parentBeaconBlockRoot": 5}, "expected 0x and digits, got '5'"),
    ],
)
def test_a_block_that_names_none(fake: FakeNode, block: Any, message: str) -> None:
    with pytest.raises(ChainError, match=message):
        named(fake, block).beacon_root(7)
