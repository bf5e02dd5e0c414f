"""Backends of the chain port, and a small contract on each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from vyper.compiler import compile_code

from omnilytics.chain.abi import Interface
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.types import Address, Receipt
from tests.node.chains import CHAINS, NodeChain
from tests.node.launch import NodeProcess, require

AnyChain = EmbeddedChain | NodeChain

ETHER = 10**18
BOX = Path(__file__).parent / "mocks" / "Box.vy"


@cache
def compiled_box() -> tuple[Interface, bytes]:
    output = compile_code(BOX.read_text(encoding="utf-8"), output_formats=["abi", "bytecode"])
    return Interface(output["abi"]), bytes.fromhex(output["bytecode"][2:])


@dataclass
class Box:
    """A deployed Box.vy over a transport."""

    chain: AnyChain
    address: Address
    interface: Interface

    def send(self, sender: Address, call: str, *arguments: Any, value_wei: int = 0) -> Receipt:
        data = self.interface.calldata(call, *arguments)
        return self.chain.send(call, sender, self.address, data, value_wei)

    def ask(self, call: str, *arguments: Any) -> Any:
        data = self.interface.calldata(call, *arguments)
        result = self.interface.result(call, self.chain.call(call, self.address, data))
        return result if len(result) > 1 else result[0]


def deploy_box(chain: AnyChain, sender: Address, number: int = 1) -> Box:
    interface, code = compiled_box()
    receipt = chain.deploy("deploy", sender, code + interface.constructor(number))
    assert receipt.contract_address is not None
    return Box(chain, receipt.contract_address, interface)


def worth(chain: AnyChain, account: Address) -> int:
    """What an account would have if gas were free, wei."""
    return chain.balance(account) if isinstance(chain, EmbeddedChain) else chain.worth(account)


BACKENDS = ["embedded", *(pytest.param(name, marks=pytest.mark.node) for name in CHAINS)]


@pytest.fixture(scope="session", params=BACKENDS)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess | None]:
    """A node of every kind, and none for the embedded chain."""
    if request.param == "embedded":
        yield None
        return
    require()
    kind, _ = CHAINS[request.param]
    process = kind(tmp_path_factory.mktemp(request.param))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def chain(node: NodeProcess | None) -> AnyChain:
    """A chain of every backend; the tests that use it hold for each."""
    if node is None:
        return EmbeddedChain(block_secs=1)
    return next(backend for kind, backend in CHAINS.values() if isinstance(node, kind))(node)


@pytest.fixture
def alice(chain: AnyChain) -> Address:
    return chain.create_account("alice", ETHER)


@pytest.fixture
def bob(chain: AnyChain) -> Address:
    return chain.create_account("bob", ETHER)


@pytest.fixture
def box(chain: AnyChain, alice: Address) -> Box:
    return deploy_box(chain, alice)
