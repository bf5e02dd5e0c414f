"""A chain with a pool that takes transactions of one account as a node does, forgets them, and goes back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from omnilytics.chain.intents import Attempt, Intent
from omnilytics.chain.resume import Found
from omnilytics.types import Address, Receipt

CHAIN_ID = 31337
SENDER = Address("0x1a642f0e3c3af545e7acbd38b07251b3990914f1")
BUMP_PERCENT = 10
"""By so much a replacement must raise the fee."""


def signed(nonce: int, fee: int = 100, what: str = "upload", *, reverts: bool = False) -> bytes:
    """Stands for signed bytes."""
    return json.dumps({"nonce": nonce, "fee": fee, "what": what, "reverts": reverts}).encode()


def hash_of(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def attempt(raw: bytes) -> Attempt:
    fee = json.loads(raw)["fee"]
    return Attempt(hash_of(raw), raw, fee, fee // 10)


def intent(nonce: int, call: str = "upload", sender: Address = SENDER) -> Intent:
    return Intent(CHAIN_ID, call, sender, nonce, Address("0x" + "ab" * 20), b"calldata of " + call.encode(), 7, 21_000)


@dataclass
class Chain:
    """`blocks[n]` are the transactions of block n; block 0 has none. `sent` are all bytes it was ever handed."""

    blocks: list[list[bytes]] = field(default_factory=lambda: [[]])
    pool: dict[int, bytes] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)
    branch: int = 0
    blind: int = 0
    """So many questions for a receipt are answered as by a node that is behind."""

    def head(self) -> int:
        return len(self.blocks) - 1

    def nonce(self, account: Address, block: int) -> int:
        assert account == SENDER
        assert 0 <= block <= self.head()
        return sum(len(transactions) for transactions in self.blocks[: block + 1])

    def taker(self, account: Address, nonce: int) -> bytes | None:
        assert account == SENDER
        return next((hash_of(raw) for raw in self.executed() if json.loads(raw)["nonce"] == nonce), None)

    def found(self, intent: Intent, tx_hash: bytes) -> Found | None:
        if self.blind:
            self.blind -= 1
            return None
        for number, transactions in enumerate(self.blocks):
            for raw in transactions:
                if hash_of(raw) == tx_hash:
                    return Found(tx_hash, number, self._block_hash(number), self._outcome(intent, raw, number))
        return None

    def send(self, raw: bytes) -> str | None:
        self.sent.append(raw)
        fields = json.loads(raw)
        rival = self.pool.get(fields["nonce"])
        if fields["nonce"] < self.nonce(SENDER, self.head()):
            return "nonce too low"
        if rival is not None and rival != raw and 100 * fields["fee"] < (100 + BUMP_PERCENT) * json.loads(rival)["fee"]:
            return "replacement transaction underpriced"
        self.pool[fields["nonce"]] = raw
        return None

    def mine(self) -> None:
        """A block of all that the pool has without a gap."""
        block: list[bytes] = []
        nonce = self.nonce(SENDER, self.head())
        while nonce in self.pool:
            block.append(self.pool.pop(nonce))
            nonce += 1
        self.blocks.append(block)

    def go_back(self, blocks: int, *, keep: bool) -> None:
        """Drops the newest blocks; their transactions go back to the pool, or are forgotten."""
        dropped = [raw for block in self.blocks[-blocks:] for raw in block]
        del self.blocks[-blocks:]
        self.branch += 1
        if keep:
            self.pool.update({json.loads(raw)["nonce"]: raw for raw in dropped})

    def executed(self) -> list[bytes]:
        """Everything that is in a block."""
        return [raw for block in self.blocks for raw in block]

    def _block_hash(self, number: int) -> bytes:
        return hashlib.sha256(f"{self.branch}/{number}".encode()).digest()

    def _outcome(self, intent: Intent, raw: bytes, number: int) -> Receipt | str:
        if json.loads(raw)["reverts"]:
            return f"{intent.call} reverted: odd"
        return receipt(intent, hash_of(raw), number)


def receipt(intent: Intent, tx_hash: bytes, block: int = 1) -> Receipt:
    return Receipt(intent.call, intent.sender, tx_hash, block, 12 * block, 20_000, len(intent.data), ())
