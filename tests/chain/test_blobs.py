"""Blob transactions on every backend, on a contract that stores BLOBHASH(0)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from vyper.compiler import compile_code

from omnilytics.blobs import BLOB_BYTES, Blob
from omnilytics.chain.abi import Interface
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import ChainError, InputError, Reverted
from omnilytics.types import Address
from tests.chain.conftest import ETHER, AnyChain, Box, worth

SLOT = Path(__file__).parent / "mocks" / "Slot.vy"
BLOB_GAS = 131_072


@cache
def compiled() -> tuple[Interface, bytes]:
    output = compile_code(SLOT.read_text(encoding="utf-8"), output_formats=["abi", "bytecode"])
    return Interface(output["abi"]), bytes.fromhex(output["bytecode"][2:])


@cache
def blob(number: int) -> Blob:
    """A blob of small values, one of which is the number."""
    return Blob.of(number.to_bytes(32, "big") + bytes(BLOB_BYTES - 32))


def deploy_slot(chain: AnyChain, sender: Address) -> Box:
    interface, code = compiled()
    receipt = chain.deploy("deploy", sender, code)
    assert receipt.contract_address is not None
    return Box(chain, receipt.contract_address, interface)


@pytest.fixture
def slot(chain: AnyChain, alice: Address) -> Box:
    return deploy_slot(chain, alice)


def test_a_contract_sees_the_hash_of_a_blob(chain: AnyChain, slot: Box, bob: Address) -> None:
    before = worth(chain, bob)
    data = slot.interface.calldata("post")
    receipt = chain.send_blobs("post", bob, slot.address, data, [blob(1), blob(2)], 7)
    assert bytes(slot.ask("name")) == blob(1).versioned_hash
    assert slot.ask("sent_wei") == 7
    assert receipt.blob_gas_used == 2 * BLOB_GAS
    assert receipt.blob_gas_price_wei is not None
    assert receipt.blob_gas_price_wei >= 1
    free = isinstance(chain, EmbeddedChain)  # gas is, blobs aren't
    assert before - worth(chain, bob) == 7 + free * 2 * BLOB_GAS * receipt.blob_gas_price_wei


def test_a_transaction_without_blobs_has_no_hash(chain: AnyChain, slot: Box, bob: Address) -> None:
    with pytest.raises(Reverted, match="slot: no blob"):
        slot.send(bob, "post")


def test_a_contract_refuses_blobs_as_anything_else(chain: AnyChain, slot: Box, bob: Address) -> None:
    with pytest.raises(Reverted):
        chain.send_blobs("name", bob, slot.address, slot.interface.calldata("name"), [blob(1)], 1)
    receipt = chain.send_blobs("post", bob, slot.address, slot.interface.calldata("post"), [blob(2)])
    assert receipt.blob_gas_used == BLOB_GAS


@pytest.mark.parametrize("count", [0, 7])
def test_a_transaction_carries_one_to_six(chain: AnyChain, slot: Box, bob: Address, count: int) -> None:
    with pytest.raises(InputError, match=rf"post: expected 1..6 blobs, got {count}"):
        chain.send_blobs("post", bob, slot.address, slot.interface.calldata("post"), [blob(1)] * count)


def test_the_blob_fee_is_what_the_next_block_takes(chain: AnyChain, slot: Box, bob: Address) -> None:
    fee = chain.blob_fee_wei()
    receipt = chain.send_blobs("post", bob, slot.address, slot.interface.calldata("post"), [blob(1)])
    assert receipt.blob_gas_price_wei == fee


class TestEmbedded:
    def test_blobs_cost_the_reserve_price_where_gas_costs(self) -> None:
        """EIP-7918: a sixteenth of the base fee a blob gas, or a block's step below."""
        chain = EmbeddedChain(charge_gas=True)
        alice = chain.create_account("alice", ETHER)
        slot = deploy_slot(chain, alice)
        assert 53_000_000 <= chain.blob_fee_wei() <= 62_500_000
        before = chain.balance(alice)
        receipt = chain.send_blobs("post", alice, slot.address, slot.interface.calldata("post"), [blob(1)] * 6)
        assert receipt.blob_gas_price_wei is not None
        assert before - chain.balance(alice) == (6 * BLOB_GAS * receipt.blob_gas_price_wei + receipt.gas_used * 10**9)

    def test_blobs_cost_a_wei_where_gas_is_free(self) -> None:
        chain = EmbeddedChain()
        alice = chain.create_account("alice", BLOB_GAS)
        slot = deploy_slot(chain, alice)
        data = slot.interface.calldata("post")
        chain.send_blobs("post", alice, slot.address, data, [blob(1)])
        assert chain.balance(alice) == 0
        with pytest.raises(ChainError, match="lack"):
            chain.send_blobs("post", alice, slot.address, data, [blob(1)])

    def test_the_name_alone_is_what_counts(self) -> None:
        """The chain doesn't look at proofs: whoever builds a `Blob` by hand is believed."""
        chain = EmbeddedChain()
        alice = chain.create_account("alice", ETHER)
        slot = deploy_slot(chain, alice)
        other = replace(blob(1), commitment=b"\xc0" + bytes(47))
        chain.send_blobs("post", alice, slot.address, slot.interface.calldata("post"), [other])
        assert bytes(slot.ask("name")) == other.versioned_hash != blob(1).versioned_hash
