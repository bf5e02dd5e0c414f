"""Nodes that are cut off, slow, killed, turned back, or of another chain, while a client works with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from omnilytics.chain.rpc import RpcChain
from omnilytics.errors import ChainError, ProtocolError
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.seeds import Seeds
from omnilytics.types import Assignment, Rule
from tests.chain.conftest import Box, deploy_box
from tests.chain.test_port import story, terms
from tests.node.chains import IMPATIENT, RICH_ADDRESS, AnvilChain, GethChain
from tests.node.conftest import Start
from tests.node.launch import RICH, Anvil, Geth, NodeProcess
from tests.node.relay import relay

pytestmark = pytest.mark.node

Run = Callable[..., Future[Any]]


@pytest.fixture
def background() -> Iterator[Run]:
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit


def client(*urls: str, **changes: Any) -> RpcChain:
    """A client with the key of the rich account."""
    return RpcChain(urls, [RICH], settings=replace(IMPATIENT, **changes))


def put(box: Box, numbers: range) -> None:
    for number in numbers:
        box.send(RICH_ADDRESS, "put", number)


def numbers(box: Box) -> list[int]:
    decoded = [box.interface.decode_log(log) for _, log in box.chain.logs(box.address)]
    return [event[1]["entry"]["number"] for event in decoded if event is not None]


class TestOutages:
    def test_a_node_that_stops_and_starts_again(self, start: Start, background: Run) -> None:
        """Geth may forget a block that it makes while it shuts down, after its receipt was seen; confirmations help."""
        node = start(Geth)
        box = deploy_box(client(node.url, stuck_secs=1), RICH_ADDRESS)
        work = background(put, box, range(60))
        for _ in range(2):
            time.sleep(0.5)
            node.stop()
            time.sleep(0.5)
            node.start()
        work.result()
        found = numbers(box)
        assert found == sorted(set(found))
        assert (found[0], found[-1]) == (0, 59)

    @pytest.mark.parametrize("way", ["ws", "ipc"])
    def test_a_connection_that_ends(self, start: Start, way: str) -> None:
        node = start(Geth)
        chain = client(getattr(node, way))
        box = deploy_box(chain, RICH_ADDRESS)
        node.stop()
        node.start()
        put(box, range(2))
        assert numbers(box) == [0, 1]
        chain.close()

    def test_a_node_that_loses_its_newest_blocks(self, start: Start) -> None:
        node = start(Geth)
        chain = client(node.url)
        box = deploy_box(chain, RICH_ADDRESS)
        node.stop()
        node.start()
        put(box, range(5))
        node.kill()
        node.start()
        lost = chain.block_number() < 6
        assert numbers(box) == ([] if lost else list(range(5)))
        put(box, range(7, 9))
        assert numbers(box)[-2:] == [7, 8]

    def test_one_of_two_ways_is_cut_and_comes_back(self, start: Start, background: Run) -> None:
        node = start(Geth)
        with relay(node.port) as one, relay(node.port) as other:
            box = deploy_box(client(one.url, other.url), RICH_ADDRESS)
            work = background(put, box, range(60))
            for way in (one, other, one):
                time.sleep(0.4)
                way.cut = True
                time.sleep(0.4)
                way.cut = False
            work.result()
        assert numbers(replace(box, chain=client(node.url))) == list(range(60))

    def test_one_of_two_ways_is_too_slow(self, start: Start) -> None:
        node = start(Geth)
        with relay(node.port) as slow:
            chain = client(slow.url, node.url, answer_secs=0.5)
            slow.delay_secs = 1
            box = deploy_box(chain, RICH_ADDRESS)
            put(box, range(3))
            assert [one.trouble for one in chain.health()] == ["no answer in 0.5 s", ""]
        assert numbers(box) == [0, 1, 2]

    def test_a_node_that_is_gone_for_good(self, start: Start) -> None:
        node = start(Anvil)
        chain = client(node.url, patience_secs=0.5)
        node.stop()
        with pytest.raises(ChainError, match=r"eth_\w+: no answer in 1 s and \d+ tries; .*: no connection"):
            chain.send("transfer", RICH_ADDRESS, RICH_ADDRESS, b"", 1)


class TestOtherChains:
    def test_a_node_of_another_chain_is_never_told_anything(self, start: Start) -> None:
        ours, foreign = start(Anvil), start(Anvil, chain_id=1)
        chain = client(foreign.url, ours.url)
        assert chain.chain_id == 1
        chain = RpcChain([foreign.url, ours.url], [RICH], chain_id=31337, settings=IMPATIENT)
        chain.send("transfer", RICH_ADDRESS, RICH_ADDRESS, b"", 1)
        assert (foreign.ask("eth_blockNumber"), ours.ask("eth_blockNumber")) == ("0x0", "0x1")
        assert chain.health()[0].trouble == "chain 1, expected 31337"

    def test_two_chains_of_one_number(self, start: Start) -> None:
        one, other = start(Anvil), start(Anvil, base_fee_wei=7)
        with pytest.raises(ChainError, match="nodes contradict each other on block 0: 0x"):
            client(one.url, other.url).head()


class TestTurnedBack:
    def test_geth_is_set_to_an_older_head(self, start: Start) -> None:
        node = start(Geth)
        chain = client(node.url)
        box = deploy_box(chain, RICH_ADDRESS)
        put(box, range(6))
        assert numbers(box) == list(range(6))
        node.ask("debug_setHead", hex(chain.block_number() - 3))
        put(box, range(10, 13))
        assert numbers(box) == numbers(replace(box, chain=client(node.url)))
        assert numbers(box)[:3] == [0, 1, 2]
        assert numbers(box)[-3:] == [10, 11, 12]


@pytest.fixture(params=[(Geth, GethChain), (Anvil, AnvilChain)], ids=["geth", "anvil"])
def real(request: pytest.FixtureRequest, start: Start) -> GethChain | AnvilChain:
    kind, backend = request.param
    node: NodeProcess = start(kind)
    chain: GethChain | AnvilChain = backend(node)
    return chain


def test_a_member_with_a_seed_is_refused(real: GethChain | AnvilChain) -> None:
    s = story(real, terms(3, Assignment.GREEDY, Rule.NORM))
    s.open()
    member = DataOwner(real, s.members[0])
    with pytest.raises(ProtocolError, match="keys from a seed: expected the operating system's randomness"):
        member.register(s.session, SeededRandomness(Seeds(1), 0, 0))
    assert not s.session.member(s.members[0]).registered


def test_accounts_of_a_seed_arent_taken() -> None:
    """Keys come as signers, never as seeds: there's no argument for one."""
    with pytest.raises(TypeError, match="seed"):
        RpcChain(["http://127.0.0.1:9"], [Account.create()], seed=1)  # type: ignore[call-arg]
