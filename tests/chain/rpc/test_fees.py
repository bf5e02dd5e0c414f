"""What is bid first, and what after that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.chain.rpc.fees import Bid, current, raised
from omnilytics.chain.rpc.nodes import Nodes
from omnilytics.chain.rpc.settings import Settings
from omnilytics.errors import ChainError
from tests.chain.rpc.fake import FakeNode
from tests.chain.rpc.test_nodes import QUICK

CEILING = Settings(fee_ceiling_wei=1_000, blob_fee_ceiling_wei=100)


def asked(fake: FakeNode, base_fee_wei: int, tip_wei: int, settings: Settings, *, blobs: bool = False) -> Bid:
    fake.answers["eth_getBlockByNumber"] = lambda *params: {"baseFeePerGas": hex(base_fee_wei)}
    fake.answers["eth_maxPriorityFeePerGas"] = lambda: hex(tip_wei)
    return current(Nodes([fake.url], 7, QUICK), settings, blobs=blobs)


@pytest.mark.parametrize(
    ("base", "tip", "bid"),
    [
        (100, 7, Bid(207, 7)),
        (0, 0, Bid(0, 0)),
        (499, 2, Bid(1_000, 2)),
        (900, 2, Bid(1_000, 2)),
        (5, 2_000, Bid(1_000, 1_000)),
    ],
)
def test_twice_the_base_fee_and_the_tip_up_to_the_ceiling(fake: FakeNode, base: int, tip: int, bid: Bid) -> None:
    assert asked(fake, base, tip, CEILING) == bid


def test_above_the_ceiling_nothing_is_bid(fake: FakeNode) -> None:
    assert asked(fake, 1_000, 2, CEILING) == Bid(1_000, 2)
    with pytest.raises(ChainError, match="fees: expected a base fee of at most the ceiling, 1000 wei a gas, and it is"):
        asked(fake, 1_001, 2, CEILING)


def test_a_tip_of_the_users_own(fake: FakeNode) -> None:
    assert asked(fake, 100, 7, replace(CEILING, tip_wei=9)) == Bid(209, 9)


def test_a_chain_without_base_fees(fake: FakeNode) -> None:
    fake.answers["eth_getBlockByNumber"] = lambda *params: {}
    fake.answers["eth_maxPriorityFeePerGas"] = lambda: "0x0"
    with pytest.raises(ChainError, match="the chain has no base fees: expected EIP-1559"):
        current(Nodes([fake.url], 7, QUICK), CEILING)


@pytest.mark.parametrize(
    ("last", "now", "bid"),
    [
        (Bid(100, 10), Bid(50, 5), Bid(113, 12)),
        (Bid(100, 10), Bid(300, 20), Bid(300, 20)),
        (Bid(8, 8), Bid(1, 1), Bid(9, 9)),
        (Bid(888, 1), Bid(1_000, 1), Bid(1_000, 2)),
        (Bid(889, 1), Bid(1_000, 1), None),
        (Bid(100, 10, 3), Bid(50, 5, 2), Bid(200, 20, 6)),
        (Bid(100, 10, 3), Bid(300, 20, 9), Bid(300, 20, 9)),
        (Bid(100, 10, 50), Bid(100, 10, 1), Bid(200, 20, 100)),
        (Bid(100, 10, 51), Bid(100, 10, 1), None),
        (Bid(501, 10, 1), Bid(100, 10, 1), None),
    ],
)
def test_a_replacement_pays_an_eighth_more_with_blobs_twice_as_much_or_what_a_new_one_would(
    last: Bid, now: Bid, bid: Bid | None
) -> None:
    assert raised(last, now, CEILING) == bid


@pytest.mark.parametrize(("fee", "bid"), [(0, 1), (1, 2), (49, 98), (51, 100), (100, 100)])
def test_twice_the_blob_fee_up_to_its_ceiling(fake: FakeNode, fee: int, bid: int) -> None:
    fake.answers["eth_blobBaseFee"] = lambda: hex(fee)
    assert asked(fake, 100, 7, CEILING, blobs=True) == Bid(207, 7, bid)


def test_above_the_ceiling_of_blob_fees_nothing_is_bid(fake: FakeNode) -> None:
    fake.answers["eth_blobBaseFee"] = lambda: hex(101)
    with pytest.raises(ChainError, match="blob fees: expected at most the ceiling, 100 wei a blob gas, got 101"):
        asked(fake, 100, 7, CEILING, blobs=True)


def test_without_blobs_nobody_asks_for_their_fee(fake: FakeNode) -> None:
    asked(fake, 100, 7, CEILING)
    assert "eth_blobBaseFee" not in fake.asked
