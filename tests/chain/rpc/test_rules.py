"""What a node says of its chain's rules, taken for what it means."""

from __future__ import annotations

from typing import Any

import pytest

from omnilytics.chain.rpc import RpcChain, Settings
from omnilytics.errors import ChainError
from tests.chain.rpc.fake import FakeNode, Refusal

OSAKA_GAS = 21_000 + 40 * 130_048
PATIENCE = Settings(answer_secs=5, patience_secs=0, back_off_secs=0.01)


def osaka(question: dict[str, str], _block: str) -> str:
    return (
        "0x"
        + "00" * (24_576 if question["data"].startswith("0x61") else 31)
        + "ff" * question["data"].startswith("0x6001")
    )


def refused(question: dict[str, str], _block: str) -> Any:
    raise Refusal(-32000, "invalid opcode: opcode 0x1e not defined")


def check(node: FakeNode, **answers: Any) -> None:
    block = {**node.block(10), "baseFeePerGas": "0x7", "gasLimit": hex(1 << 24)}
    node.answers = {
        "eth_call": osaka,
        "eth_estimateGas": lambda *_: hex(OSAKA_GAS),
        "eth_getBlockByNumber": lambda *_: block,
    } | answers
    RpcChain([node.url], settings=PATIENCE).check_rules()


@pytest.mark.parametrize("gas", [OSAKA_GAS, OSAKA_GAS * 21 // 20])
def test_the_rules_of_osaka_will_do(fake: FakeNode, gas: int) -> None:
    check(fake, eth_estimateGas=lambda *_: hex(gas))


@pytest.mark.parametrize("gas", [OSAKA_GAS - 1, OSAKA_GAS * 21 // 20 + 1])
def test_another_price_of_calldata_won_t(fake: FakeNode, gas: int) -> None:
    with pytest.raises(ChainError, match=f"130048 bytes to cost {OSAKA_GAS} gas as on Osaka, got {gas}"):
        check(fake, eth_estimateGas=lambda *_: hex(gas))


def test_all_that_is_missing_is_named_at_once(fake: FakeNode) -> None:
    with pytest.raises(ChainError, match="chain 7 can't carry sessions") as error:
        check(fake, eth_call=refused, eth_estimateGas=refused, eth_getBlockByNumber=lambda *_: fake.block(10))
    for words in ("hard fork: expected Osaka", "code size: expected", "base fee: expected", "calldata: expected"):
        assert words in str(error.value)
    assert "rules of Osaka" in error.value.__notes__[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("0x", "another instruction CLZ; code size: expected 24576 bytes to be kept, got 0"),
        ("0x" + "00" * 31 + "fe", "another instruction CLZ"),
        ("0x0", "the node's code is broken"),
        (None, "the node's code is broken"),
    ],
)
def test_an_answer_that_is_none_isn_t_taken_for_one(fake: FakeNode, answer: str | None, words: str) -> None:
    with pytest.raises(ChainError, match=words):
        check(fake, eth_call=lambda *_: answer)


def test_a_block_must_have_room_for_the_dearest_call(fake: FakeNode) -> None:
    block = {**fake.block(10), "baseFeePerGas": "0x7", "gasLimit": hex((1 << 24) - 1)}
    with pytest.raises(ChainError, match="block gas limit: expected at least 16777216, got 16777215"):
        check(fake, eth_getBlockByNumber=lambda *_: block)
