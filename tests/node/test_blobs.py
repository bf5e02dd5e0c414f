"""Blob transactions on real nodes: sidecars of both kinds, higher bids, crashes, and an account of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from omnilytics.chain.intents import Journal
from omnilytics.chain.journal import FileJournal
from omnilytics.chain.rpc import RpcChain, Settings
from omnilytics.errors import ChainError, InputError
from omnilytics.types import Address, Receipt
from tests.chain.conftest import Box
from tests.chain.test_blobs import blob, deploy_slot
from tests.node.conftest import Start, until
from tests.node.journals import Diary
from tests.node.launch import Anvil, NodeProcess
from tests.node.test_wallet import ACCOUNTS, HASTY, IMPATIENT, another, background, funded

pytestmark = pytest.mark.node

__all__ = ["background"]

GWEI = 10**9


@dataclass(kw_only=True)
class Prague(Anvil):
    """A node before Osaka, which takes blob proofs; without the contracts of later forks."""

    def command(self) -> list[str]:
        words = super().command()
        words[words.index("osaka")] = "prague"
        return [word for word in words if word != "--enable-tx-gas-limit"]


def post(chain: RpcChain, slot: Box, sender: Address, number: int, value_wei: int = 0) -> Receipt:
    return chain.send_blobs("post", sender, slot.address, slot.interface.calldata("post"), [blob(number)], value_wei)


def name(slot: Box) -> bytes:
    return bytes(slot.ask("name"))


def client(node: NodeProcess, sender: Address, settings: Settings = HASTY, journal: Journal | None = None) -> RpcChain:
    return RpcChain([node.url], [ACCOUNTS[sender]], settings=settings, journal=journal)


def unmined(anvil: Anvil, settings: Settings) -> tuple[RpcChain, Box, Address, Diary]:
    """A client of an account, and a contract for its blobs on a node that mines no more until it is told."""
    sender, diary = funded(anvil), Diary()
    slot = deploy_slot(another(anvil, sender), sender)
    anvil.ask("evm_setAutomine", False)
    return another(anvil, sender, settings, diary), slot, sender, diary


def test_a_sidecar_of_blob_proofs_before_osaka(start: Start) -> None:
    node = start(Prague)
    sender = funded(node)
    chain = another(node, sender)
    slot = deploy_slot(chain, sender)
    assert post(chain, slot, sender, 1).blob_gas_used == 131_072
    assert name(slot) == blob(1).versioned_hash


def test_a_blob_transaction_that_is_stuck_bids_twice_as_much(
    anvil: Anvil, background: Callable[..., Future[Receipt]]
) -> None:
    chain, slot, sender, diary = unmined(anvil, HASTY)
    sent = background(post, chain, slot, sender, 1)
    until(lambda: ("replace", 1) in diary.steps)
    (pending,) = diary.pending(chain.chain_id, sender)
    first, second = pending.attempts[:2]
    assert second.max_blob_fee_wei >= 2 * first.max_blob_fee_wei >= 2
    assert second.max_fee_wei >= 2 * first.max_fee_wei
    assert second.tip_wei >= 2 * first.tip_wei
    anvil.ask("evm_setAutomine", True)
    anvil.ask("evm_mine")
    assert sent.result().blob_gas_used == 131_072
    assert name(slot) == blob(1).versioned_hash


def test_after_a_crash_the_journal_has_the_blobs(anvil: Anvil, tmp_path: Path) -> None:
    """The heir knows nothing but the file: it sends the same bytes, and bids more with the blobs from them."""
    sender = funded(anvil)
    slot = deploy_slot(another(anvil, sender), sender)
    anvil.ask("evm_setAutomine", False)
    account = ACCOUNTS[sender]
    with FileJournal(tmp_path, 31337, [account]) as journal, pytest.raises(ChainError, match="is in no block"):
        post(client(anvil, sender, replace(HASTY, receipt_secs=0.4), journal), slot, sender, 1, 5)
    anvil.ask("anvil_dropAllTransactions")
    with FileJournal(tmp_path, 31337, [account]) as journal:
        (pending,) = journal.pending(31337, sender)
        assert pending.intent.blob_hashes == (blob(1).versioned_hash,)
        with pytest.raises(ChainError, match="is in no block"):
            client(anvil, sender, replace(HASTY, receipt_secs=1.5), journal).resume(sender)
        (pending,) = journal.pending(31337, sender)
        assert len(pending.attempts) > 1
        anvil.ask("evm_setAutomine", True)
        heir = client(anvil, sender, HASTY, journal)
        receipt = post(heir, slot, sender, 1, 5)
        assert (name(slot), slot.ask("sent_wei")) == (blob(1).versioned_hash, 5)
        assert heir.resume(sender) == []
        assert journal.of(sender).entries()[-1].tx_hash == receipt.tx_hash
        assert heir._nodes.request("eth_getTransactionCount", sender, "latest") == "0x2"  # the deployment, and this


def test_blobs_go_by_an_account_of_their_own(anvil: Anvil, background: Callable[..., Future[Receipt]]) -> None:
    chain, slot, sender, diary = unmined(anvil, IMPATIENT)
    sent = background(post, chain, slot, sender, 1)
    until(lambda: ("intend", 1) in diary.steps)
    with pytest.raises(InputError, match=f"of its own for blobs, {sender} has a transaction with blobs open"):
        chain.send("transfer", sender, sender, b"")
    anvil.ask("evm_mine")
    assert sent.result().blob_gas_used == 131_072
    other = background(chain.send, "transfer", sender, sender, b"")
    until(lambda: ("intend", 2) in diary.steps)
    with pytest.raises(InputError, match=f"of its own for blobs, {sender} has a transaction without blobs open"):
        post(chain, slot, sender, 2)
    anvil.ask("evm_mine")
    assert other.result().blob_gas_used == 0


def test_above_the_ceiling_of_blob_fees_nothing_is_sent(anvil: Anvil) -> None:
    sender, diary = funded(anvil), Diary()
    slot = deploy_slot(another(anvil, sender), sender)
    chain = another(anvil, sender, replace(HASTY, blob_fee_ceiling_wei=1), diary)
    real = chain._nodes.request
    chain._nodes.request = lambda method, *params: (  # type: ignore[method-assign]
        hex(2) if method == "eth_blobBaseFee" else real(method, *params)
    )
    with pytest.raises(ChainError, match="blob fees: expected at most the ceiling, 1 wei a blob gas, got 2"):
        post(chain, slot, sender, 1)
    assert diary.steps == []


def test_an_account_without_money_for_blobs(anvil: Anvil) -> None:
    rich, poor = funded(anvil), funded(anvil, 10**15)
    slot = deploy_slot(another(anvil, rich), rich)
    chain = another(anvil, poor, replace(HASTY, tip_wei=0))
    real = chain._nodes.request
    chain._nodes.request = lambda method, *params: (  # type: ignore[method-assign]
        hex(40 * GWEI) if method == "eth_blobBaseFee" else real(method, *params)
    )
    with pytest.raises(ChainError, match=r"expected at least \d+: .* and 131072 blob gas at 80000000000 wei; send it"):
        post(chain, slot, poor, 1)
