"""Roles one of whose two nodes is behind, or tells what isn't so; the other one is honest."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_utils.crypto import keccak

from omnilytics.types import Address
from tests.node.audit import check_once, check_session
from tests.node.conftest import Settle
from tests.node.processes import Village
from tests.node.proxy import Proxy, honest, proxy

pytestmark = pytest.mark.node

LIARS = ("mo", "do0")
"""Who asks the liar first; the others ask the node."""

Lie = Callable[[Proxy], None]


def about(**answers: Callable[[list[Any], Any], Any]) -> Lie:
    """Lies about these methods: what is told instead, by parameters and answer."""

    def lie(liar: Proxy) -> None:
        liar.twist = lambda method, params, answer: answers.get(method, lambda _, true: true)(params, answer)

    return lie


def changed(**fields: str) -> Callable[[list[Any], Any], Any]:
    """The same, where there is one, with other fields."""
    return lambda _, answer: answer and answer | fields


def swallowing(liar: Proxy) -> None:
    """Takes transactions, and passes none on."""

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction":
            return "0x" + "00" * 32
        return Proxy.answer(liar, method, params)

    vars(liar)["answer"] = answer


def boasting(liar: Proxy) -> None:
    """Keeps every other transaction to itself, and says that it has succeeded."""
    head = liar.ask("eth_getBlockByNumber", ["latest", False])
    receipt = {
        "blockHash": head["hash"],
        "blockNumber": head["number"],
        "status": "0x1",
        "gasUsed": "0x5208",
        "logs": [],
    }
    keeps, kept = itertools.cycle([True, False]), set[str]()

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction" and next(keeps):
            tx_hash = f"0x{keccak(hexstr=params[0]).hex()}"
            kept.add(tx_hash)
            return tx_hash
        told = Proxy.answer(liar, method, params)
        if told is None and method == "eth_getTransactionReceipt" and params[0] in kept:
            return receipt | {"transactionHash": params[0]}
        return told

    vars(liar)["answer"] = answer


HARMLESS: dict[str, Lie] = {
    "a little behind": lambda liar: liar.lag(2),
    "far behind": lambda liar: liar.lag(20),
    "another chain": about(eth_chainId=lambda *_: "0x1"),
    "receipts of failure": about(eth_getTransactionReceipt=changed(status="0x0")),
    "receipts of success": boasting,
    "transactions swallowed": swallowing,
    "much money": about(eth_getBalance=lambda *_: hex(10**30)),
}
"""Roles come to their end all the same."""

BY_DAY = ("far behind", "receipts of success")


@pytest.fixture
def liar(settle: Settle) -> Iterator[tuple[Village, Proxy]]:
    village = settle("anvil", "abort")
    with proxy(village.chain.node) as one:
        for name in LIARS:
            village.write(name, rpc=[one.url, village.chain.node.url], stuck_secs=2, check_secs=1)
        yield village, one


@pytest.mark.parametrize(
    "lie", [pytest.param(lie, marks=[] if lie in BY_DAY else [pytest.mark.nightly]) for lie in HARMLESS]
)
def test_lies_that_change_nothing(liar: tuple[Village, Proxy], lie: str) -> None:
    village, one = liar
    session = village.ask("mo", *village.create())["session"]
    village.chain.tick()
    HARMLESS[lie](one)
    village.live(**village.lives(session))
    check_session(village, Address(session))
    for name in LIARS:
        check_once(village, name, forgetful=lie == "receipts of success")


def test_block_hashes_that_arent_those_of_the_other_node(liar: tuple[Village, Proxy]) -> None:
    """Both stop, and go on once the nodes agree again: which of the two is honest they can't know."""
    village, one = liar
    session = village.open()["session"]
    running = village.begin(**village.lives(session))
    village.hear("do0", running).await_words("commits to")
    about(eth_getBlockByNumber=changed(hash="0x" + "11" * 32))(one)
    for name in LIARS:
        village.hear(name, running).await_words("nodes contradict each other on block")
    one.twist = honest
    village.outlive(running)
    check_session(village, Address(session))
    for name in LIARS:
        check_once(village, name)
