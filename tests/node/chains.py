"""The rpc backend on nodes of ours, with what tests need beside the port: accounts with money, and time that passes."""

from __future__ import annotations

import hashlib
import itertools
import time

from eth_account import Account

from omnilytics.chain.intents import Journal
from omnilytics.chain.rpc import RpcChain, Settings
from omnilytics.types import Address, Receipt
from tests.node.launch import MAKER, RICH, WEALTH, Anvil, Geth, NodeProcess

IMPATIENT = Settings(
    answer_secs=30, patience_secs=120, poll_secs=0.05, receipt_secs=300, stuck_secs=20, back_off_secs=0.1
)
GAS_MONEY = 100 * 10**18  # wei, what an account has on top for its fees
RICH_ADDRESS = Address(RICH.address.lower())
LOOK_SECS = 0.01
"""Between two looks for a block, which takes geth about as long."""
_COUNTER = itertools.count()


class NodeChain(RpcChain):
    """A chain on one node or several; the first one's clock is moved."""

    def __init__(
        self,
        *nodes: NodeProcess,
        settings: Settings = IMPATIENT,
        journal: Journal | None = None,
        seed: str | None = None,
    ) -> None:
        self.node = nodes[0]
        self.seed = str(next(_COUNTER)) if seed is None else seed
        super().__init__([node.url for node in nodes], [RICH], settings=settings, journal=journal)
        self._spent: dict[Address, int] = {}
        self._funded: set[Address] = set()
        self.on_receipt.append(self._count)

    def create_account(self, label: str, balance_wei: int) -> Address:
        """A new account, with that money and more for its fees."""
        account = self.add(Account.from_key(hashlib.sha256(f"{self.seed}/{label}".encode()).digest()))
        self.send("fund", RICH_ADDRESS, account, b"", balance_wei + GAS_MONEY)
        self._funded.add(account)
        return account

    def worth(self, account: Address) -> int:
        """What it would have if gas were free and it had never got money for fees, wei."""
        return self.balance(account) + self._spent.get(account, 0) - GAS_MONEY * (account in self._funded)

    def _count(self, receipt: Receipt) -> None:
        assert receipt.fee_wei is not None
        self._spent[receipt.sender] = self._spent.get(receipt.sender, 0) + receipt.fee_wei


class AnvilChain(NodeChain):
    """Time moves by a word to the node."""

    node: Anvil

    def wait_until(self, timestamp: int) -> None:
        with self.node.making:
            if self.timestamp() < timestamp:
                self.node.ask("evm_setNextBlockTimestamp", timestamp)
                self.node.ask("evm_mine")
        super().wait_until(timestamp)

    def wait_blocks(self, count: int) -> None:
        target = self.block_number() + count
        if count > 0:
            with self.node.making:
                self.node.ask("anvil_mine", hex(count))
        super().wait_blocks(max(count and target - self.block_number(), count if count < 0 else 0))

    def tick(self) -> None:
        """From now on there is a block every second."""
        self.node.ask("evm_setIntervalMining", 1)


class GethChain(NodeChain):
    """Every block is a second after the one before it, so that blocks are time: wait by sending, unless it ticks.

    Attributes:
        ticks: whether somebody else makes blocks.
    """

    ticks = False

    def wait_until(self, timestamp: int) -> None:
        while self.timestamp() < timestamp:
            self._one_block()
        super().wait_until(timestamp)

    def wait_blocks(self, count: int) -> None:
        for _ in range(count):
            self._one_block()
        super().wait_blocks(min(count, 0))

    def tick(self) -> None:
        """From now on there is a block every second."""
        self.node.stop()
        self.node.options = (*self.node.options, "--dev.period", "1")
        self.node.start()
        self.ticks = True

    def _one_block(self) -> None:
        number = self.block_number()
        if not self.ticks:
            self.mine()
        while self.block_number() == number:
            time.sleep(LOOK_SECS)

    def mine(self) -> None:
        """Makes a block, with less ado than `send` makes; not while another thread does."""
        nonce = int(self.node.ask("eth_getTransactionCount", MAKER.address, "latest"), 16)
        fees = {"maxFeePerGas": WEALTH // 2**32, "maxPriorityFeePerGas": 10**9, "gas": 21_000}
        signed = MAKER.sign_transaction(
            {"type": 2, "chainId": self.chain_id, "nonce": nonce, "to": MAKER.address, **fees}
        )
        self.node.ask("eth_sendRawTransaction", signed.raw_transaction.to_0x_hex())


Ticking = AnvilChain | GethChain
"""Whose node can make a block every second."""

CHAINS: dict[str, tuple[type[NodeProcess], type[Ticking]]] = {"geth": (Geth, GethChain), "anvil": (Anvil, AnvilChain)}
