"""Attackers on a real node: whoever copies calls from the pool, and what a session came to for everybody."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eth_account import Account
from eth_utils.address import to_checksum_address

from omnilytics.chain.abi import decode_log
from omnilytics.chain.base import SessionPort
from omnilytics.chain.rpc.settings import TX_GAS_CAP
from omnilytics.types import Address
from tests.node.chains import GAS_MONEY, RICH_ADDRESS, NodeChain

GWEI = 10**9
LOOK_SECS = 0.01


class Fate(NamedTuple):
    """Whether a copy came before what it copies, and which of them succeeded."""

    first: bool
    succeeded: bool
    copied_succeeded: bool


@dataclass
class Copier:
    """Sends what others send to a session, from an account of its own and with a higher tip."""

    chain: NodeChain
    session: SessionPort
    account: Any = field(default_factory=Account.create)
    copies: list[tuple[str, str]] = field(default_factory=list)
    """(hash of the transaction that was copied, hash of the copy)."""
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chain.send("fund", RICH_ADDRESS, self.address, b"", GAS_MONEY)

    @property
    def address(self) -> Address:
        return Address(self.account.address.lower())

    def look(self) -> bool:
        """Copies what is in the pool and new; whether anything is in it."""
        pending = self.chain.node.ask("txpool_content")["pending"]
        others = [tx for sender, txs in pending.items() if sender.lower() != self.address for tx in txs.values()]
        for tx in others:
            if tx["hash"] not in self._seen and tx["to"] is not None and tx["to"].lower() == self.session.address:
                self._seen.add(tx["hash"])
                self.copies.append((tx["hash"], self._copy(tx)))
        return bool(others)

    def _copy(self, tx: dict[str, Any]) -> str:
        tip = 2 * int(tx["maxPriorityFeePerGas"], 16) + GWEI
        signed = self.account.sign_transaction(
            {
                "type": 2,
                "chainId": self.chain.chain_id,
                "nonce": len(self.copies),
                "gas": int(tx["gas"], 16),
                "maxFeePerGas": int(tx["maxFeePerGas"], 16) + tip,
                "maxPriorityFeePerGas": tip,
                "to": to_checksum_address(tx["to"]),
                "value": int(tx["value"], 16),
                "data": tx["input"],
            }
        )
        return str(self.chain.node.ask("eth_sendRawTransaction", signed.raw_transaction.to_0x_hex()))

    def fate(self, pair: tuple[str, str]) -> Fate:
        """Of one of `copies`, once both are in blocks."""
        original, copy = (self.chain.node.ask("eth_getTransactionReceipt", tx_hash) for tx_hash in pair)
        at = [(int(one["blockNumber"], 16), int(one["transactionIndex"], 16)) for one in (copy, original)]
        return Fate(at[0] < at[1], copy["status"] == "0x1", original["status"] == "0x1")

    def profit(self) -> int:
        """What it has more, what the session owes it included, wei."""
        return self.chain.balance(self.address) + self.session.credit_of(self.address) - GAS_MONEY


@dataclass
class Crowd:
    """Fills blocks, at any price, until the base fee is `top_wei`; then lets it fall to an eighth; `peaks` times.

    It lets it fall once that is `felt`, and keeps it there until then.

    Each of its transactions burns all the gas that it may use, by a constructor that is no instruction.
    """

    chain: NodeChain
    top_wei: int
    account: Any = field(default_factory=Account.create)
    felt: Callable[[], bool] = lambda: True
    peaks: int = 2
    highest_wei: int = 0
    _filling: bool = True
    _sent: int = 0
    _block: int = -1

    def __post_init__(self) -> None:
        self.chain.send("fund", RICH_ADDRESS, Address(self.account.address.lower()), b"", 10**30)

    def look(self) -> None:
        """Fills the next block, once for each block that comes."""
        block = self.chain.node.ask("eth_getBlockByNumber", "latest", False)
        number, base = int(block["number"], 16), int(block["baseFeePerGas"], 16)
        self.highest_wei = max(self.highest_wei, base)
        if self._filling and base >= self.top_wei and self.felt():
            self._filling = False
            self.peaks -= 1
        elif self.peaks and base < self.top_wei // 8:
            self._filling = True
        if self._filling and base < self.top_wei and number != self._block:
            self._block, left = number, int(block["gasLimit"], 16)
            while left:
                self._burn(min(left, TX_GAS_CAP))
                left -= min(left, TX_GAS_CAP)

    def _burn(self, gas: int) -> None:
        fees = {"maxFeePerGas": 10**14, "maxPriorityFeePerGas": 2 * GWEI, "chainId": self.chain.chain_id}
        signed = self.account.sign_transaction(fees | {"type": 2, "nonce": self._sent, "gas": gas, "data": "0xfe"})
        self._sent += 1
        self.chain.node.ask("eth_sendRawTransaction", signed.raw_transaction.to_0x_hex())


@contextmanager
def always(work: Callable[[], object]) -> Iterator[None]:
    """Does it again and again meanwhile."""
    ended, failed = threading.Event(), []

    def run() -> None:
        try:
            while not ended.wait(LOOK_SECS):
                work()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not failed, failed


def taken_out(chain: NodeChain, session: SessionPort) -> Counter[Address]:
    """What everybody has taken out of a session, wei."""
    found: Counter[Address] = Counter()
    for _, log in chain.logs(session.address):
        name, values = decode_log(log) or ("", {})
        if name == "Withdrawn":
            found[Address(str(values["account"]))] += int(str(values["amount_wei"]))
    return found
