"""What `omnilytics market bundle` writes is compiled again, by Vyper's own standard JSON front end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vyper.cli.vyper_json import compile_json

from omnilytics.chain.artifacts import load
from omnilytics.chain.contract import ContractMarket
from omnilytics.chain.rpc import deployment
from omnilytics.chain.rpc.sources import bundle
from omnilytics.types import Address
from tests.chain.ground import Ground

PLAN = deployment.pieces(60)
ENTRIES = {entry["contract"]: entry for entry in json.loads(json.dumps(bundle(PLAN)))["contracts"]}
SMALL = ("Market", "Meter")
"""The market has arguments and immutables; a few seconds for both."""


@pytest.fixture(scope="module")
def chain() -> Ground:
    """With the market."""
    chain = Ground()
    for _ in deployment.deploy(chain, chain.create_account("deployer", 10**20), PLAN):
        pass
    assert ContractMarket(chain, PLAN[-1].address).min_window_secs() == 60
    return chain


@pytest.mark.parametrize(
    "contract", [pytest.param(name, marks=() if name in SMALL else pytest.mark.slow) for name in ENTRIES]
)
def test_the_bundle_compiles_to_what_is_deployed(chain: Ground, contract: str) -> None:
    check(ENTRIES[contract], chain.code(Address(ENTRIES[contract]["address"])))


def check(entry: dict[str, Any], found: bytes) -> None:
    """Compiles a contract of a bundle: its address follows, and `found` is its code, then its arguments, immutables."""
    made = compile_json(entry["input"])
    assert made["compiler"] == entry["compiler"].replace(" ", "-")
    evm = made["contracts"][f"{entry['contract']}.vy"][entry["contract"]]["evm"]
    code, runtime = (bytes.fromhex(evm[kind]["object"][2:]) for kind in ("bytecode", "deployedBytecode"))
    arguments = bytes.fromhex(entry["constructor_arguments"][2:])
    assert deployment.create2(bytes.fromhex(entry["salt"][2:]), code + arguments) == entry["address"]
    assert found[: len(runtime)] == runtime
    assert sorted(words(found[len(runtime) :])) == sorted(words(arguments))
    assert len(found) == load(entry["contract"]).runtime_bytes


def words(data: bytes) -> list[bytes]:
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def test_a_changed_source_compiles_to_something_else() -> None:
    entry = ENTRIES["Market"]
    changed = json.loads(json.dumps(entry["input"]))
    text = changed["sources"]["Market.vy"]["content"]
    changed["sources"]["Market.vy"]["content"] = text.replace(
        "self.session_count = index + 1", "self.session_count = index + 2"
    )
    assert changed["sources"]["Market.vy"]["content"] != text
    code = compile_json(changed)["contracts"]["Market.vy"]["Market"]["evm"]["bytecode"]["object"]
    assert bytes.fromhex(code[2:]) != load("Market").bytecode
