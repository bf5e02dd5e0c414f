"""Artifacts and interfaces: what is missing or broken is said, what is foreign is passed over."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from eth_abi.abi import encode

from omnilytics._omnicore import signature_hash
from omnilytics.chain.abi import Interface, canonical, decode_log, interface
from omnilytics.chain.artifacts import load, parse
from omnilytics.errors import DataError
from omnilytics.types import Address, Log

HOME = Address("0x" + "11" * 20)
GOOD = {
    "contract": "Box",
    "abi": [],
    "bytecode": "0x6000",
    "compiler": "vyper 0.4.3",
    "runtime_bytes": 1,
    "optimize": "gas",
    "evm_version": "prague",
    "sources": ["Box.vy"],
}


def entry(name: str, *inputs: tuple[str, bool]) -> dict[str, Any]:
    fields = [{"name": f"f{n}", "type": kind, "indexed": indexed} for n, (kind, indexed) in enumerate(inputs)]
    return {"type": "event", "name": name, "inputs": fields}


def topic(signature: str) -> bytes:
    return signature_hash(signature)


class TestArtifacts:
    @pytest.mark.parametrize("contract", ["Market", "SecModelUpdate", "SessionDesk", "SessionRules"])
    def test_the_package_carries_them(self, contract: str) -> None:
        artifact = load(contract)
        assert artifact.contract == contract
        assert len(artifact.bytecode) > 1_000 or contract == "Market"

    def test_the_market_deploys_all_it_needs(self) -> None:
        assert load("Market").libraries == ("SecModelUpdate",)
        parts = ("SecModelUpdate", "SessionDesk", "SessionRecovery", "SessionSetup", "SessionViews", "SessionBlobs")
        parts += ("SessionProofs", "SessionPacked")
        for part, following in pairwise(parts):
            *stateless, last = load(part).libraries
            assert last == following
            assert all(load(library).libraries == () for library in stateless)

    def test_a_missing_one(self) -> None:
        with pytest.raises(DataError, match="no compiled Nothing in this installation: run `make contracts`"):
            load("Nothing")

    @pytest.mark.parametrize(
        "content",
        [
            [],
            None,
            {},
            {**GOOD, "bytecode": "0xzz"},
            {**GOOD, "bytecode": 7},
            {**GOOD, "runtime_bytes": "much"},
            {**GOOD, "abi": None},
        ],
    )
    def test_a_broken_one(self, content: Any) -> None:
        with pytest.raises(DataError, match="compiled Box is broken"):
            parse("Box", content)

    def test_libraries_are_optional(self) -> None:
        assert parse("Box", GOOD).libraries == ()
        assert parse("Box", {**GOOD, "libraries": ["A", "B"]}).libraries == ("A", "B")


class TestTypes:
    def test_structs_are_spelled_out(self) -> None:
        components = [{"name": "a", "type": "uint256"}, {"name": "b", "type": "address[2]"}]
        assert canonical({"type": "tuple", "components": components}) == "(uint256,address[2])"
        assert canonical({"type": "tuple[3]", "components": components}) == "(uint256,address[2])[3]"

    def test_selectors_are_those_of_the_ethereum_world(self) -> None:
        transfer = {"type": "function", "name": "transfer", "outputs": []}
        inputs = [{"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}]
        calldata = Interface([{**transfer, "inputs": inputs}]).calldata("transfer", HOME, 1)
        assert calldata.hex() == "a9059cbb" + "00" * 12 + "11" * 20 + "00" * 31 + "01"


class TestLogs:
    def test_of_another_contract(self) -> None:
        assert decode_log(Log(HOME, (topic("Transfer(address,address,uint256)"),), b"")) is None
        assert decode_log(Log(HOME, (), b"")) is None

    def test_of_a_market_and_of_a_session(self) -> None:
        words = (bytes(12) + b"\x22" * 20, bytes(12) + b"\x33" * 20)
        created = Log(HOME, (topic("SessionCreated(address,address,uint256)"), *words), encode(["uint256"], [4]))
        assert decode_log(created) == (
            "SessionCreated",
            {"session": "0x" + "22" * 20, "owner": "0x" + "33" * 20, "index": 4},
        )
        finished = Log(HOME, (topic("Finished(uint256)"),), encode(["uint256"], [9]))
        assert decode_log(finished) == ("Finished", {"owner_credit_wei": 9})

    @pytest.mark.parametrize("data", [b"", bytes(31)])
    def test_data_that_contradict_the_topic(self, data: bytes) -> None:
        with pytest.raises(DataError, match=f"event Finished: {len(data)} bytes of data don't fit it"):
            decode_log(Log(HOME, (topic("Finished(uint256)"),), data))

    def test_a_missing_topic(self) -> None:
        with pytest.raises(DataError, match="event SessionCreated: expected 3 topics, got 1"):
            decode_log(Log(HOME, (topic("SessionCreated(address,address,uint256)"),), bytes(32)))

    def test_a_dirty_address(self) -> None:
        words = (b"\xff" * 32, bytes(32))
        with pytest.raises(DataError, match="event SessionCreated"):
            decode_log(Log(HOME, (topic("SessionCreated(address,address,uint256)"), *words), bytes(32)))

    def test_what_is_longer_than_a_topic_stands_there_as_a_hash(self) -> None:
        named = Interface([entry("Named", ("string", True), ("uint256[]", False), ("bool", True))])
        digest = b"\x44" * 32
        log = Log(
            HOME, (topic("Named(string,uint256[],bool)"), digest, bytes(31) + b"\x01"), encode(["uint256[]"], [[5]])
        )
        assert named.decode_log(log) == ("Named", {"f0": digest, "f1": [5], "f2": True})

    def test_a_decoded_log_is_the_callers_own(self) -> None:
        log = Log(HOME, (topic("Whitelisted(address[])"),), encode(["address[]"], [[HOME]]))
        for _ in range(2):
            decoded = decode_log(log)
            assert decoded == ("Whitelisted", {"members": [HOME]})
            decoded[1]["members"].append(HOME)

    def test_an_interface_is_prepared_once(self) -> None:
        assert interface("Market") is interface("Market")
