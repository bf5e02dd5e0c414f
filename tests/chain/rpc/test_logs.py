"""Logs in ranges that a node takes, fetched once, and again from where the chain has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from omnilytics.chain.abi import signature_hash
from omnilytics.chain.rpc import RpcChain
from omnilytics.cli import connection
from omnilytics.errors import ChainError, InputError
from omnilytics.types import Address
from tests.chain.rpc.fake import FakeNode, Refusal
from tests.chain.rpc.test_nodes import QUICK

HERE = Address("0x" + "11" * 20)


class Library:
    """A log in every block, whose data are the block's hash; the node answers for `span` blocks at most."""

    def __init__(self, fake: FakeNode, span: int = 1_000) -> None:
        self.fake = fake
        self.span = span
        self.ranges: list[tuple[int, int]] = []
        fake.answers["eth_getLogs"] = self.answer

    def answer(self, question: dict[str, str]) -> list[dict[str, Any]]:
        start, end = int(question["fromBlock"], 16), int(question["toBlock"], 16)
        if end - start >= self.span:
            raise Refusal(-32005, f"query returned more than {self.span} results")
        self.ranges.append((start, end))
        logs = [(number, index) for number in range(start, end + 1) for index in range(2)]
        return [self.log(number, index) for number, index in reversed(logs)]

    def log(self, number: int, index: int) -> dict[str, Any]:
        block = self.fake.block(number)
        place = {"blockNumber": hex(number), "logIndex": hex(index)}
        return {"address": HERE, "topics": [f"0x{index:064x}"], "data": block["hash"], **place}


def test_they_come_in_order(fake: FakeNode) -> None:
    Library(fake)
    logs = RpcChain([fake.url], settings=QUICK).logs(HERE, 3)
    assert [(block, int(log.topics[0].hex(), 16)) for block, log in logs] == [
        (b, i) for b in range(3, 11) for i in (0, 1)
    ]


@pytest.mark.parametrize(("lag", "again"), [(0, 11), (3, 8)])
def test_they_are_fetched_once_but_for_the_newest(fake: FakeNode, lag: int, again: int) -> None:
    library = Library(fake)
    chain = RpcChain([fake.url], settings=replace(QUICK, first_block=4, lag_blocks=lag))
    chain.logs(HERE)
    fake.head = 12
    assert len(chain.logs(HERE)) == len(chain.logs(HERE, 4)) == 18
    fake.head = 13
    assert len(chain.logs(HERE)) == 20
    assert library.ranges == [(4, 10), (again, 12), (13 if lag == 0 else again + 3, 13)]


@pytest.mark.parametrize("known", [8, 9, 10])
def test_a_node_that_has_not_heard_of_the_newest_blocks(fake: FakeNode, known: int) -> None:
    """Another one behind the same address has said what the newest block is."""
    library = Library(fake)
    chain = RpcChain([fake.url], settings=QUICK)
    fake.answers["eth_getLogs"] = lambda question: library.answer(question | {"toBlock": hex(known)})
    assert len(chain.logs(HERE)) == 2 * (known + 1)
    fake.answers["eth_getLogs"] = library.answer
    fake.head += 1
    assert [block for block, _ in chain.logs(HERE)] == [block for block in range(12) for _ in (0, 1)]
    fake.head += 20
    assert [block for block, _ in chain.logs(HERE)] == [block for block in range(32) for _ in (0, 1)]


def test_one_question_where_nothing_is_new(fake: FakeNode) -> None:
    Library(fake)
    chain = RpcChain([fake.url], settings=QUICK)
    first = chain.logs(HERE)
    fake.asked.clear()
    assert chain.logs(HERE) == first
    assert fake.asked == ["eth_getBlockByNumber"]
    fake.head += 1
    fake.asked.clear()
    assert len(chain.logs(HERE)) == len(first) + 2
    assert len(fake.asked) == 4


def test_a_block_of_the_same_height_is_another_one(fake: FakeNode) -> None:
    Library(fake)
    chain = RpcChain([fake.url], settings=QUICK)
    before = chain.logs(HERE)
    fake.salt, fake.forked_from = 1, 10
    after = chain.logs(HERE)
    assert before[:-2] == after[:-2]
    assert before[-2:] != after[-2:]


class Register:
    """The events of a market with so many sessions, two of three the first owner's."""

    def __init__(self, fake: FakeNode, sessions: int) -> None:
        self.sessions = sessions
        fake.answers["eth_getLogs"] = lambda question: [self.log(index) for index in range(self.sessions)]

    def log(self, index: int) -> dict[str, Any]:
        topics = [signature_hash("SessionCreated(address,address,uint256)").hex(), self.word(self.session(index))]
        topics.append(self.word(self.owner(index)))
        place = {"blockNumber": hex(index // 2), "logIndex": hex(index % 2)}
        topics = [f"0x{topic}" for topic in topics]
        return {"address": HERE, "topics": topics, "data": f"0x{index:064x}", **place}

    def session(self, index: int) -> Address:
        return Address(f"0x{0xABCD00 + index:040x}")

    def owner(self, index: int) -> Address:
        return Address(f"0x{1 + (index % 3 == 2):040x}")

    def word(self, address: Address) -> str:
        return "00" * 12 + address[2:]


def test_owners_of_sessions_are_asked_for_all_at_once(fake: FakeNode) -> None:
    asked = []
    for sessions in (3, 20):
        register = Register(fake, sessions)
        chain = RpcChain([fake.url], settings=QUICK)
        market = chain.market(HERE)
        fake.asked.clear()
        assert market.opened() == [(register.session(i), register.owner(i)) for i in range(sessions)]
        assert connection.count_of(market, register.owner(0)) == sessions - sessions // 3
        assert connection.number_of(market, chain.session(register.session(1))) == 2
        assert connection.number_of(market, chain.session(register.session(2))) == 1
        with pytest.raises(InputError, match="--session: expected a session of market"):
            connection.number_of(market, chain.session(HERE))
        asked.append(len(fake.asked))
    assert asked[0] == asked[1] <= 8


def test_fewer_blocks_where_the_node_says_so(fake: FakeNode) -> None:
    library = Library(fake, span=3)
    chain = RpcChain([fake.url], settings=replace(QUICK, log_blocks=8))
    assert len(chain.logs(HERE)) == 22
    assert library.ranges == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 10)]


def test_a_node_that_refuses_a_single_block(fake: FakeNode) -> None:
    Library(fake, span=0)
    with pytest.raises(ChainError, match=f"logs of {HERE}: the node refused them: query returned more than 0"):
        RpcChain([fake.url], settings=QUICK).logs(HERE)


def test_what_the_chain_has_no_longer_is_read_again(fake: FakeNode) -> None:
    library = Library(fake)
    chain = RpcChain([fake.url], settings=QUICK)
    for fake.head in (10, 14, 18):
        chain.logs(HERE)
    fake.salt, fake.forked_from, fake.head = 1, 12, 16
    logs = chain.logs(HERE)
    assert library.ranges == [(0, 10), (11, 14), (15, 18), (11, 16)]
    assert [log.data.hex() for _, log in logs] == [fake.block(b)["hash"][2:] for b in range(17) for _ in (0, 1)]


def test_a_chain_that_changes_while_it_is_read(fake: FakeNode) -> None:
    library = Library(fake)
    chain = RpcChain([fake.url], settings=QUICK)
    fake.forked_from = 9

    def change(question: dict[str, str]) -> list[dict[str, Any]]:
        logs = library.answer(question)
        fake.salt += 1
        return logs

    fake.answers["eth_getLogs"] = change
    with pytest.raises(ChainError, match="the newest blocks changed 10 times meanwhile"):
        chain.logs(HERE)
    fake.answers["eth_getLogs"] = library.answer
    assert len(chain.logs(HERE)) == 22


@pytest.mark.parametrize("answer", [None, {}, [{}], [{"blockNumber": "0x1", "logIndex": "0x0"}]])
def test_an_answer_that_is_no_list_of_logs(fake: FakeNode, answer: Any) -> None:
    fake.answers["eth_getLogs"] = lambda question: answer
    with pytest.raises(ChainError, match=r"the node's (list of logs|log) is broken"):
        RpcChain([fake.url], settings=QUICK).logs(HERE)
