"""Nodes that are gone, slow, busy, behind, on another chain, or that talk nonsense; and what is said about them."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from omnilytics.chain.rpc import RpcChain, Settings
from omnilytics.chain.rpc.nodes import Nodes
from omnilytics.errors import ChainError, InputError
from omnilytics.types import Address
from tests.chain.rpc.fake import FakeNode, Refusal

QUICK = Settings(answer_secs=10, patience_secs=0.3, back_off_secs=0.02, poll_secs=0.01, check_secs=1_000)
NOBODY = Address("0x" + "11" * 20)
DEAD = "http://127.0.0.1:9/secret"


def times(count: int, refusal: Exception, then: Any) -> Any:
    """An answer that is refused so many times first."""
    left = iter(range(count))

    def answer(*params: Any) -> Any:
        if next(left, None) is not None:
            raise refusal
        return then

    return answer


class TestUrls:
    @pytest.mark.parametrize("url", ["", "ftp://host", "http://", "host:8545", "/some/file", "file:///node.ipc"])
    def test_of_another_kind(self, url: str) -> None:
        with pytest.raises(InputError, match="expected http, https, ws or wss with a host"):
            RpcChain([url], settings=QUICK)

    def test_none(self) -> None:
        with pytest.raises(InputError, match="expected at least one URL, got none"):
            RpcChain([], settings=QUICK)

    @pytest.mark.parametrize("url", [DEAD, "ws://127.0.0.1:9/secret", "/nowhere/node.ipc", "ipc:/nowhere/node.ipc"])
    def test_nobody_there(self, url: str) -> None:
        with pytest.raises(
            ChainError, match=r"eth_chainId: no answer in \d s and \d+ tries; .*: no connection"
        ) as caught:
            RpcChain([url], settings=QUICK)
        assert "secret" not in str(caught.value)

    def test_secrets_of_a_url_are_never_shown(self, fake: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        chain = RpcChain([DEAD, fake.url], settings=QUICK)
        fake.status = 503
        with pytest.raises(ChainError, match=rf"http://127\.0\.0\.1:{fake.port}: HTTP 503") as caught:
            chain.head()
        said = f"{chain!r} {chain.health()} {caught.value!r} {caplog.text}"
        assert "secret" not in said
        assert "password" not in said


class TestInTurn:
    def test_the_next_one_where_one_is_gone(self, fake: FakeNode) -> None:
        chain = RpcChain([DEAD, fake.url], settings=QUICK)
        assert chain.head() == (10, 1_010)
        assert [(one.node, one.block, one.trouble) for one in chain.health()] == [
            ("http://127.0.0.1:9", None, "no connection"),
            (f"http://127.0.0.1:{fake.port}", 10, ""),
        ]

    def test_the_one_that_works_is_asked_on(self, fake: FakeNode, other: FakeNode) -> None:
        chain = RpcChain([fake.url, other.url], settings=QUICK)
        fake.status = 500
        assert chain.head() == (10, 1_010)
        fake.status, asked = 200, len(fake.asked)
        assert chain.head() == (10, 1_010)
        assert len(fake.asked) == asked

    def test_a_node_of_another_chain_is_never_asked_again(self, fake: FakeNode, other: FakeNode) -> None:
        fake.answers["eth_chainId"] = lambda: "0x8"
        chain = RpcChain([fake.url, other.url], chain_id=7, settings=QUICK)
        for _ in range(3):
            chain.head()
        assert set(fake.asked) == {"eth_chainId"}
        assert chain.health()[0].trouble == "chain 8, expected 7"

    def test_all_of_another_chain(self, fake: FakeNode) -> None:
        with pytest.raises(ChainError, match=r"no node of chain 8: .*: chain 7, expected 8"):
            RpcChain([fake.url], chain_id=8, settings=QUICK)

    def test_the_first_that_answers_says_which_chain(self, fake: FakeNode, other: FakeNode) -> None:
        other.answers["eth_chainId"] = lambda: "0x8"
        chain = RpcChain([fake.url, other.url], settings=QUICK)
        assert (chain.chain_id, chain.simulated) == (7, False)
        fake.status = 500
        with pytest.raises(ChainError, match=r"HTTP 500; .*: chain 8, expected 7"):
            chain.head()

    def test_one_that_hasnt_the_block_relied_on(self, fake: FakeNode, other: FakeNode) -> None:
        other.head = 9
        chain = RpcChain([fake.url, other.url], settings=replace(QUICK, lag_blocks=100))
        chain.head()
        fake.status = 500
        with pytest.raises(ChainError, match=r"HTTP 500; .*: block 9, expected at least 10"):
            chain.balance(NOBODY)
        other.head = 10
        assert chain.head()[0] == 10

    def test_one_that_stays_behind_is_left(self, fake: FakeNode, other: FakeNode) -> None:
        other.head = 14
        chain = RpcChain([fake.url, other.url], settings=replace(QUICK, check_secs=0))
        assert chain.head()[0] == 14
        assert chain.health()[0].trouble == "block 10, 4 behind"

    def test_one_that_gives_no_answer_isnt_compared_with_all_the_time(self, fake: FakeNode, other: FakeNode) -> None:
        chain = RpcChain([fake.url, other.url], settings=replace(QUICK, check_secs=0.05))
        other.status = 500
        chain.head()
        assert len(other.asked) == 1
        for _ in range(3):
            time.sleep(0.06)
            chain.head()
        assert len(other.asked) == 1
        time.sleep(0.5)
        chain.head()
        assert len(other.asked) == 2

    def test_two_that_contradict_each_other(self, fake: FakeNode, other: FakeNode) -> None:
        other.salt, other.forked_from = 1, 5
        chain = RpcChain([fake.url, other.url], settings=replace(QUICK, confirmations=6, check_secs=0))
        assert chain.head()[0] == 10
        other.forked_from = 4
        with pytest.raises(ChainError, match=r"nodes contradict each other on block 4: 0x0.* of .* and 0x0.* of"):
            chain.head()

    def test_nothing_is_answered_before_they_agree(self, fake: FakeNode, other: FakeNode) -> None:
        other.salt, other.forked_from = 1, 0
        chain = RpcChain([fake.url, other.url], settings=QUICK)
        for _ in range(3):
            with pytest.raises(ChainError, match="nodes contradict each other on block 10"):
                chain.head()
        other.salt = 0
        assert chain.head()[0] == 10

    def test_what_is_sent_again_is_told_to_all(self, fake: FakeNode, other: FakeNode) -> None:
        nodes = Nodes([DEAD, fake.url, other.url], None, QUICK)
        nodes.request("eth_blockNumber")
        other.answers["eth_sendRawTransaction"] = times(1, Refusal(-32000, "already known"), None)
        nodes.tell_others("eth_sendRawTransaction", "0x00")
        assert other.asked[-1] == "eth_sendRawTransaction"
        assert "eth_sendRawTransaction" not in fake.asked


class TestPatience:
    @pytest.mark.parametrize(
        "refusal",
        [
            Refusal(-32005, "daily request count exceeded"),
            Refusal(-32000, "Too Many Requests"),
            Refusal(-32000, "transaction indexing is in progress"),
            Refusal(-32000, "unexpected EOF"),
        ],
    )
    def test_what_passes_is_waited_for(self, fake: FakeNode, refusal: Refusal) -> None:
        chain = RpcChain([fake.url], settings=replace(QUICK, patience_secs=5))
        fake.answers["eth_getBalance"] = times(3, refusal, "0x5")
        assert chain.balance(NOBODY) == 5

    def test_too_many_requests(self, fake: FakeNode) -> None:
        chain = RpcChain([fake.url], settings=QUICK)
        fake.status = 429
        with pytest.raises(ChainError, match=r"no answer in \d s and \d+ tries; .*: too busy: HTTP 429"):
            chain.head()

    def test_no_answer_in_time(self, fake: FakeNode) -> None:
        chain = RpcChain([fake.url], settings=replace(QUICK, answer_secs=0.1))
        fake.pause_secs = 0.4
        with pytest.raises(ChainError, match=r": no answer in 0\.1 s"):
            chain.head()

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"hello", "is no JSON"),
            (b"\xff", "is no JSON"),
            (b"[]", "is no JSON-RPC"),
            (b'{"id": 1}', "is no JSON-RPC"),
        ],
    )
    def test_nonsense(self, fake: FakeNode, body: bytes, why: str) -> None:
        chain = RpcChain([fake.url], settings=QUICK)
        fake.body = body
        with pytest.raises(ChainError, match=why):
            chain.head()

    @pytest.mark.parametrize("answer", [None, "five", 5, {}, "0x"])
    def test_an_answer_that_is_no_number(self, fake: FakeNode, answer: Any) -> None:
        chain = RpcChain([fake.url], settings=QUICK)
        fake.answers["eth_getBalance"] = lambda *params: answer
        with pytest.raises(ChainError, match="expected a hexadecimal number"):
            chain.balance(NOBODY)

    @pytest.mark.parametrize("answer", [None, {}, {"number": "0x1"}, {"number": 1, "hash": "", "timestamp": "0x1"}, []])
    def test_an_answer_that_is_no_block(self, fake: FakeNode, answer: Any) -> None:
        chain = RpcChain([fake.url], settings=QUICK)
        fake.answers["eth_getBlockByNumber"] = lambda *params: answer
        with pytest.raises(ChainError, match=r"the node's block is broken|expected a hexadecimal number"):
            chain.head()

    def test_an_answer_that_is_no_bytes(self, fake: FakeNode) -> None:
        chain = RpcChain([fake.url], settings=QUICK)
        fake.answers["eth_call"] = lambda *params: "0xabc"
        with pytest.raises(ChainError, match="stage: the node's answer is broken"):
            chain.call("stage", NOBODY, b"")

    def test_a_refusal_is_an_error_of_the_chain(self, fake: FakeNode) -> None:
        chain = RpcChain([fake.url], settings=QUICK)
        with pytest.raises(ChainError, match="the node refused eth_getBalance: no such method"):
            chain.balance(NOBODY)


class TestSettings:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"answer_secs": 0}, "answer_secs: expected more than 0, got 0"),
            ({"confirmations": -1}, "confirmations: expected at least 0, got -1"),
            ({"confirmations": 101}, "confirmations: expected at most 100, got 101"),
            ({"tip_wei": -1}, "tip_wei: expected at least 0, got -1"),
            ({"tip_wei": 6, "fee_ceiling_wei": 5}, "tip_wei: expected at most fee_ceiling_wei = 5, got 6"),
        ],
    )
    def test_out_of_range(self, values: dict[str, int], message: str) -> None:
        with pytest.raises(InputError, match=message):
            Settings(**values)  # type: ignore[arg-type]
