"""Backends of the chain port, and a small contract on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from vyper.compiler import compile_code

from omnilytics.chain.abi import Interface
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.types import Address, Receipt

ETHER = 10**18
BOX = Path(__file__).parent / "mocks" / "Box.vy"


@cache
def compiled_box() -> tuple[Interface, bytes]:
    output = compile_code(BOX.read_text(encoding="utf-8"), output_formats=["abi", "bytecode"])
    return Interface(output["abi"]), bytes.fromhex(output["bytecode"][2:])


@dataclass
class Box:
    """A deployed Box.vy over a transport."""

    chain: EmbeddedChain
    address: Address
    interface: Interface

    def send(self, sender: Address, call: str, *arguments: Any, value_wei: int = 0) -> Receipt:
        data = self.interface.calldata(call, *arguments)
        return self.chain.send(call, sender, self.address, data, value_wei)

    def ask(self, call: str, *arguments: Any) -> Any:
        data = self.interface.calldata(call, *arguments)
        result = self.interface.result(call, self.chain.call(call, self.address, data))
        return result if len(result) > 1 else result[0]


def deploy_box(chain: EmbeddedChain, sender: Address, number: int = 1) -> Box:
    interface, code = compiled_box()
    receipt = chain.deploy("deploy", sender, code + interface.constructor(number))
    assert receipt.contract_address is not None
    return Box(chain, receipt.contract_address, interface)


BACKENDS: dict[str, Callable[[], Iterator[EmbeddedChain]]] = {"embedded": lambda: iter([EmbeddedChain()])}


@pytest.fixture(params=BACKENDS)
def chain(request: pytest.FixtureRequest) -> EmbeddedChain:
    """A fresh chain of every backend; the tests that use it hold for each."""
    return next(BACKENDS[request.param]())


@pytest.fixture
def alice(chain: EmbeddedChain) -> Address:
    return chain.create_account("alice", ETHER)


@pytest.fixture
def bob(chain: EmbeddedChain) -> Address:
    return chain.create_account("bob", ETHER)


@pytest.fixture
def box(chain: EmbeddedChain, alice: Address) -> Box:
    return deploy_box(chain, alice)
