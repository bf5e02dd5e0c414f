"""What is asked once while a thread looks at the chain steadily, and what ends that."""

from __future__ import annotations

import threading

import pytest

from omnilytics.chain.rpc import RpcChain
from omnilytics.errors import ChainError
from tests.chain.rpc.fake import FakeNode, Refusal
from tests.chain.rpc.test_logs import HERE, Library
from tests.chain.rpc.test_nodes import QUICK


@pytest.fixture
def chain(fake: FakeNode) -> RpcChain:
    Library(fake)
    fake.answers["eth_call"] = lambda question, _: question["data"]
    chain = RpcChain([fake.url], settings=QUICK)
    fake.asked.clear()
    return chain


def look(chain: RpcChain) -> tuple[int, int, bytes, int]:
    """The newest block and its time, an answer of a contract, the logs that there are."""
    return *chain.head(), chain.call("ask", HERE, b"1"), len(chain.logs(HERE))


def test_each_thing_is_asked_once(fake: FakeNode, chain: RpcChain) -> None:
    with chain.steady():
        first = look(chain)
        asked = len(fake.asked)
        fake.head += 2
        with chain.steady():
            assert look(chain) == first
        assert look(chain) == first
        assert len(fake.asked) == asked
        assert chain.call("ask", HERE, b"2") == b"2"
    assert first == (10, 1_010, b"1", 22)
    assert look(chain) == (12, 1_012, b"1", 26)


def test_all_is_as_of_one_block(fake: FakeNode, chain: RpcChain) -> None:
    asked: list[str] = []

    def answer(_: object, block: str) -> str:
        asked.append(block)
        fake.head += 1
        return "0x"

    fake.answers["eth_call"] = answer
    with chain.steady():
        chain.call("ask", HERE, b"1")
        chain.call("ask", HERE, b"2")
        assert max(block for block, _ in chain.logs(HERE)) == 10
    chain.call("ask", HERE, b"1")
    assert asked == ["0xa", "0xa", "latest"]


def test_a_steady_look_at_a_chain_that_stands_takes_one_request(fake: FakeNode, chain: RpcChain) -> None:
    chain.logs(HERE)
    fake.asked.clear()
    with chain.steady():
        chain.logs(HERE)
        chain.timestamp()
    assert fake.asked == ["eth_getBlockByNumber"]


def test_waiting_ends_it(fake: FakeNode, chain: RpcChain) -> None:
    with chain.steady():
        assert chain.block_number() == 10
        fake.head = 13
        chain.wait_blocks(0)
        assert chain.block_number() == 13
        fake.head = 14
        chain.wait_until(1_014)
        assert chain.block_number() == 14


def test_other_threads_are_told_anew(fake: FakeNode, chain: RpcChain) -> None:
    seen: list[int] = []
    with chain.steady():
        chain.head()
        fake.head = 11
        thread = threading.Thread(target=lambda: seen.append(chain.block_number()))
        thread.start()
        thread.join()
        assert (chain.block_number(), seen) == (10, [11])


def test_a_refusal_isn_t_kept(fake: FakeNode, chain: RpcChain) -> None:
    def refuse(*_: object) -> None:
        raise Refusal(-32000, "not today")

    with chain.steady():
        answer, fake.answers["eth_call"] = fake.answers["eth_call"], refuse
        with pytest.raises(ChainError, match="not today"):
            chain.call("ask", HERE, b"1")
        fake.answers["eth_call"] = answer
        assert chain.call("ask", HERE, b"1") == b"1"


def test_logs_up_to_a_block_that_the_chain_has_left_are_those_up_to_the_newest(fake: FakeNode, chain: RpcChain) -> None:
    with chain.steady():
        chain.head()
        fake.salt, fake.forked_from, fake.head = 1, 9, 11
        logs = chain.logs(HERE)
    assert [log.data.hex() for _, log in logs] == [fake.block(b)["hash"][2:] for b in range(12) for _ in (0, 1)]
