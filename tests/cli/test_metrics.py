"""What Prometheus is told of a role: counted as it happens, sampled from the chain, served on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client import generate_latest

from omnilytics.chain.rpc import Health, RpcChain
from omnilytics.cli.metrics import Metrics, served
from omnilytics.errors import ChainError, InputError, ProtocolError, Reverted
from omnilytics.protocol.steps import Acted, Done, Lost, Waiting
from omnilytics.types import Address, Receipt, Stage
from tests.chain.rpc.fake import serving

ACCOUNT = Address("0x" + "ab" * 20)
RECEIPT = Receipt("upload", ACCOUNT, b"\1" * 32, 7, 84, 50_000, 100, (), gas_price_wei=3)


class Chain:
    """What metrics ask of one."""

    def __init__(self) -> None:
        self.on_receipt: list[Callable[[Receipt], None]] = []
        self.on_raised: list[Callable[[str], None]] = []
        self.away = False

    def health(self) -> list[Health]:
        return [
            Health("http://one", 100, ""),
            Health("http://two", 97, "3 behind"),
            Health("http://gone", None, "gone"),
        ]

    def balance(self, account: Address) -> int:
        if self.away:
            raise ChainError("no answer")
        assert account == ACCOUNT
        return 10**18


class Session:
    address = Address("0x" + "cd" * 20)

    def stage(self) -> Stage:
        return Stage.UPLOAD


def metrics() -> tuple[Metrics, Any]:
    chain: Any = Chain()
    return Metrics(chain, ACCOUNT), chain


def page(one: Metrics) -> set[str]:
    """The lines of the page but for comments and what the client adds."""
    lines = generate_latest(one.registry).decode().splitlines()
    return {line for line in lines if not line.startswith("#") and "_created" not in line}


def test_what_is_sent_is_counted_with_its_gas_and_its_price() -> None:
    one, chain = metrics()
    for listener in chain.on_receipt * 2:
        listener(RECEIPT)
    for listener in chain.on_raised:
        listener("upload")
    assert {
        'omnilytics_calls_total{call="upload"} 2.0',
        'omnilytics_gas_total{call="upload"} 100000.0',
        "omnilytics_fees_wei_total 300000.0",
        'omnilytics_replacements_total{call="upload"} 1.0',
    } <= page(one)


def test_what_comes_of_steps_is_told() -> None:
    one, _ = metrics()
    one.hears(Waiting("the others", until=1_700_000_000))
    assert {"omnilytics_waiting 1.0", "omnilytics_waiting_until_seconds 1.7e+09"} <= page(one)
    one.hears(ChainError("send it money"))
    assert {"omnilytics_waiting 1.0", "omnilytics_trouble 1.0"} <= page(one)
    one.hears(Acted("uploads", RECEIPT))
    one.hears(ProtocolError("the set has changed"))
    assert "omnilytics_trouble 1.0" in page(one)
    one.hears(Acted("uploads", RECEIPT))
    assert {"omnilytics_waiting 0.0", "omnilytics_trouble 0.0", "omnilytics_waiting_until_seconds 0.0"} <= page(one)
    one.hears(Lost("settle", "settled"))
    one.hears(Reverted("settle", "settled"))
    one.hears(Done("all is over"))
    assert {'omnilytics_refusals_total{call="settle"} 2.0', "omnilytics_trouble 0.0"} <= page(one)


def test_the_chain_is_asked_for_the_rest() -> None:
    one, _ = metrics()
    one.sample()
    assert not any("omnilytics_stage{" in line for line in page(one))
    one.session = Session()  # type: ignore[assignment]
    one.sample()
    session = Session.address
    assert {
        f'omnilytics_balance_wei{{account="{ACCOUNT}"}} 1e+18',
        'omnilytics_node_block{node="http://one"} 100.0',
        'omnilytics_node_lag_blocks{node="http://two"} 3.0',
        'omnilytics_node_up{node="http://gone"} 0.0',
        f'omnilytics_stage{{omnilytics_stage="upload",session="{session}"}} 1.0',
        f'omnilytics_stage{{omnilytics_stage="reveal",session="{session}"}} 0.0',
    } <= page(one)


def test_no_secret_of_a_node_s_url_is_told() -> None:
    with serving() as node:
        node.answers["eth_getBalance"] = lambda *_: "0x7"
        one = Metrics(RpcChain([node.url]), ACCOUNT)
        one.sample()
        text = "\n".join(page(one))
    assert 'omnilytics_node_block{node="http://127.0.0.1:' in text
    assert "secret" in node.url
    for secret in ("secret", "password", "user"):
        assert secret not in text


def test_it_is_served_while_it_runs_and_no_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    chain: Any = Chain()
    chain.away = True  # a sample that fails takes nothing else with it
    with served("127.0.0.1", port, chain, ACCOUNT):
        chain.on_receipt[0](RECEIPT)
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert 'omnilytics_calls_total{call="upload"} 1.0' in answer.read().decode()
        words = f"metrics: expected 127.0.0.1:{port} to be free, got: "
        with pytest.raises(InputError, match=words), served("127.0.0.1", port, chain, ACCOUNT):
            pass
    with pytest.raises(OSError, match="refused"), urlopen(f"http://127.0.0.1:{port}/metrics"):
        pass
