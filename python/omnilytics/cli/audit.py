"""Whether every wei of a chain of one's own is accounted for, by its receipts and balances alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from omnilytics.blobs.blob import GAS_PER_BLOB
from omnilytics.chain.base import ChainPort
from omnilytics.errors import VerificationError
from omnilytics.experiments.nodes import NodeProcess
from omnilytics.types import Address


@dataclass(frozen=True, slots=True)
class Bill:
    """What happened on a chain from its first block on.

    Attributes:
        blocks: how many there are.
        busy_blocks: how many of them have a transaction.
        fullest_gas: of the fullest one.
        hashes: of all transactions, as the node spells them.
        gas: they used.
        gas_wei: they paid for it.
        blob_gas: they used, for blobs.
        blob_gas_wei: they paid for that.
    """

    blocks: int
    busy_blocks: int
    fullest_gas: int
    hashes: frozenset[str]
    gas: int
    gas_wei: int
    blob_gas: int = 0
    blob_gas_wei: int = 0

    @property
    def blobs(self) -> int:
        """How many blobs they carried."""
        return self.blob_gas // GAS_PER_BLOB


def bill_of(node: NodeProcess) -> Bill:
    """Reads all blocks."""
    head = int(node.ask("eth_blockNumber"), 16)
    hashes: set[str] = set()
    gas, gas_wei, busy, fullest, blob_gas, blob_gas_wei = 0, 0, 0, 0, 0, 0
    for number in range(1, head + 1):
        receipts = node.ask("eth_getBlockReceipts", hex(number))
        used = [int(one["gasUsed"], 16) for one in receipts]
        hashes |= {one["transactionHash"] for one in receipts}
        gas += sum(used)
        gas_wei += sum(n * int(one["effectiveGasPrice"], 16) for n, one in zip(used, receipts, strict=True))
        for one in receipts:
            own = int(one.get("blobGasUsed", "0x0"), 16)
            blob_gas += own
            blob_gas_wei += own * int(one.get("blobGasPrice", "0x0"), 16)
        busy += bool(receipts)
        fullest = max(fullest, sum(used))
    return Bill(head, busy, fullest, frozenset(hashes), gas, gas_wei, blob_gas, blob_gas_wei)


def check_money(chain: ChainPort, accounts: Collection[Address], session: Address, each_wei: int, bill: Bill) -> int:
    """What is left in the session, wei, once all that the accounts had is found again.

    Raises:
        VerificationError: it isn't: what they have now, what the session has and what gas has cost don't add up to it,
            or the session's own books are wrong.
    """
    before = len(accounts) * each_wei
    left = chain.balance(session)
    after = sum(map(chain.balance, accounts)) + left + bill.gas_wei + bill.blob_gas_wei
    if before != after:
        raise VerificationError(f"money: expected {before} wei in accounts, session and gas together, found {after}")
    money = chain.session(session).money()
    if money.deposited - money.withdrawn != left:
        raise VerificationError(
            f"session {session}: expected {money.deposited - money.withdrawn} wei in it by its books, found {left}"
        )
    return left
