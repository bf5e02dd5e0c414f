"""A transaction that somebody else has signed: sent as it is, and waited for."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from omnilytics.chain.rpc import RpcChain
from omnilytics.errors import ChainError
from tests.chain.rpc.fake import FakeNode, Refusal
from tests.chain.rpc.test_refused import IMPATIENT

SIGNED = b"\xf8\x01"
HASH = "0x" + keccak(SIGNED).hex()


def answering(fake: FakeNode, looks: int, refusal: str = "") -> list[str]:
    """The node has its receipt at that look, and says so of its bytes; gives what it was asked for."""
    asked: list[str] = []

    def receipt(tx_hash: str) -> dict[str, str] | None:
        asked.append(tx_hash)
        return {"status": "0x1"} if len(asked) == looks else None

    def send(raw: str) -> Any:
        assert raw == "0x" + SIGNED.hex()
        if refusal:
            raise Refusal(-32000, refusal)
        return HASH

    fake.answers |= {"eth_sendRawTransaction": send, "eth_getTransactionReceipt": receipt}
    return asked


@pytest.mark.parametrize("refusal", ["", "already known", "nonce too low: next nonce 1, tx nonce 0"])
def test_it_is_waited_for_whoever_has_sent_it(fake: FakeNode, refusal: str) -> None:
    asked = answering(fake, 3, refusal)
    RpcChain([fake.url], settings=IMPATIENT).send_signed("proxy", SIGNED)
    assert asked == [HASH] * 3


def test_one_that_comes_into_no_block_is_given_up(fake: FakeNode) -> None:
    answering(fake, 0)
    with pytest.raises(ChainError, match=r"proxy: in no block after 0.3 s"):
        RpcChain([fake.url], settings=IMPATIENT).send_signed("proxy", SIGNED)


def test_a_refusal_is_told(fake: FakeNode) -> None:
    asked = answering(fake, 1, "only replay-protected (EIP-155) transactions allowed over RPC")
    with pytest.raises(ChainError, match="proxy: the node refused it: only replay-protected"):
        RpcChain([fake.url], settings=IMPATIENT).send_signed("proxy", SIGNED)
    assert asked == []
