"""A chain behind JSON-RPC: the port and its transport over nodes, with keys that stay here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from omnilytics.blobs.blob import Blob, Blobs, BlobsInMemory, check_count
from omnilytics.chain.contract import ContractMarket, ContractSession, deploy_market
from omnilytics.chain.intents import Journal, MemoryJournal
from omnilytics.chain.rpc import rules
from omnilytics.chain.rpc.answers import Block, beacon_parent_of, block_of, code_of, data_of
from omnilytics.chain.rpc.fees import base_fee, blob_base_fee
from omnilytics.chain.rpc.logs import LogBook
from omnilytics.chain.rpc.node import NodeError
from omnilytics.chain.rpc.nodes import Health, Nodes, quantity
from omnilytics.chain.rpc.refusals import on_its_way, refusal
from omnilytics.chain.rpc.settings import TX_GAS_CAP, Settings
from omnilytics.chain.rpc.wallet import Wallet
from omnilytics.errors import ChainError, InputError
from omnilytics.types import ZERO_ADDRESS, Address, Log, Receipt

Answer = TypeVar("Answer")


class _Told(threading.local):
    """What a thread was told since it looks steadily, by what it asked; None: it doesn't."""

    answers: dict[Any, Any] | None = None


class RpcChain:
    """An Ethereum chain that others are on, too; implements `ChainPort` and `Transport`. Safe for several threads.

    Args:
        urls: of nodes, http, https, ws, wss or ipc; the first one that works is asked.
        accounts: who may send; their keys sign here and go nowhere.
        chain_id: EIP-155; None: that of the first node that answers. A node of another chain is never asked.
        journal: what survives this process; None: nothing does.
        settings: patience, fees, confirmations.
        blobs: where those are kept that are sent, before they are, and looked for; None: in memory.

    Raises:
        InputError: a value that can't work.
        ChainError: no node answers, or none is on that chain.
    """

    def __init__(
        self,
        urls: Sequence[str],
        accounts: Iterable[LocalAccount] = (),
        *,
        chain_id: int | None = None,
        journal: Journal | None = None,
        settings: Settings | None = None,
        blobs: Blobs | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._nodes = Nodes(urls, chain_id, self._settings)
        self._wallet = Wallet(self._nodes, accounts, journal or MemoryJournal(), self._settings)
        self._logs = LogBook(self._nodes, self._settings)
        self._told = _Told()
        self.blobs: Blobs = blobs or BlobsInMemory()
        self.on_receipt: list[Callable[[Receipt], None]] = []
        """Called with the receipt of every transaction that succeeds, deployments too, by the thread that sent it."""
        self.on_raised = self._wallet.on_raised
        """Called with a call's name, each time that it is sent again with a higher fee."""

    def __repr__(self) -> str:
        return f"<RpcChain {self.chain_id} with {len(self._wallet.addresses)} accounts>"

    @property
    def chain_id(self) -> int:
        return self._nodes.chain_id

    @property
    def simulated(self) -> bool:
        """False: no seed may drive keys, masks and rounding here."""
        return False

    @property
    def accounts(self) -> tuple[Address, ...]:
        """Who may send."""
        return self._wallet.addresses

    def add(self, account: LocalAccount) -> Address:
        """Lets another account send.

        Raises:
            InputError: it may already.
        """
        return self._wallet.add(account)

    def close(self) -> None:
        """Ends all connections to nodes; the next request makes another."""
        self._nodes.close()

    def health(self) -> list[Health]:
        """How every node is, in the order in which they were given."""
        return self._nodes.health()

    def resume(self, sender: Address) -> list[Receipt]:
        """Brings what an earlier process has sent for this account to its end; gives the receipts of what succeeded.

        Raises:
            InputError: not one of the accounts.
            ChainError: not done in time; the next call takes it up again.
        """
        return [self._heard(receipt) for receipt in self._wallet.resume(sender)]

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Within it, this thread asks for the newest block, for logs and for answers of contracts once each.

        All are as of that block, and agree with each other, until it sends or waits.
        """
        outermost = self._told.answers is None
        if outermost:
            self._told.answers = {}
        try:
            yield
        finally:
            if outermost:
                self._told.answers = None

    def block_number(self) -> int:
        return self.head()[0]

    def timestamp(self) -> int:
        """Unix time of the newest block, in seconds."""
        return self.head()[1]

    def head(self) -> tuple[int, int]:
        """Number and timestamp of the newest block."""
        block = self._once("head", self._newest)
        return block.number, block.timestamp

    def block_hash(self, number: int) -> bytes:
        """Hash of a mined block, 32 bytes.

        Raises:
            InputError: it isn't mined.
        """
        head = self.block_number()
        if not 0 <= number <= head:
            raise InputError(f"block: expected 0..{head}, got {number}")
        return data_of(self._block(number).hash)

    def beacon_root(self, number: int) -> bytes:
        """Root of the beacon block that carries a block, 32 bytes: the next block names it as its parent (EIP-4788).

        Raises:
            ChainError: there is no next block yet, or the chain has no beacon blocks.
        """
        return beacon_parent_of(self._nodes.request("eth_getBlockByNumber", hex(number + 1), False), number)

    def wait_until(self, timestamp: int) -> None:
        """Returns once a block with at least this timestamp exists; asks no oftener than every `poll_secs`."""
        self._look_up()
        while self.timestamp() < timestamp:
            self._pause()

    def wait_blocks(self, count: int) -> None:
        """Returns once `count` more blocks exist.

        Raises:
            InputError: negative.
        """
        if count < 0:
            raise InputError(f"count: expected at least 0, got {count}")
        self._look_up()
        newest = self.block_number()
        target = newest + count
        while newest < target:
            self._pause()
            newest = self.block_number()

    def base_fee_wei(self) -> int:
        """Of the newest block, wei a gas."""
        return base_fee(self._nodes)

    def balance(self, account: Address) -> int:
        """Wei."""
        return quantity(self._nodes.request("eth_getBalance", account, "latest"))

    def deploy_market(self, sender: Address, min_window_secs: int) -> ContractMarket:
        """Deploys the contracts and a market over them."""
        return deploy_market(self, sender, min_window_secs)

    def check_rules(self) -> None:
        """Refuses a chain that sessions can't live on; asked once, at start.

        Raises:
            ChainError: names all that is missing.
        """
        rules.check(self._nodes)

    def market(self, address: Address) -> ContractMarket:
        return ContractMarket(self, address)

    def session(self, address: Address) -> ContractSession:
        return ContractSession(self, address)

    def logs(self, address: Address, from_block: int = 0) -> list[tuple[int, Log]]:
        """(block number, log) of that contract, oldest first; none older than the setting `first_block`."""
        head = self._once("head", self._newest)
        return self._once(("logs", address, from_block), lambda: self._logs.read(address, from_block, head))

    def send(self, call: str, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> Receipt:
        """Sends a transaction and waits until it is done.

        Raises:
            Reverted: the contract refused it; mostly in the simulation, and then nothing was sent.
            ChainError: too little money, refused by the node, or not done in time.
        """
        return self._heard(self._wallet.send(call, sender, to, data, value_wei))

    def send_blobs(
        self, call: str, sender: Address, to: Address, data: bytes, blobs: Sequence[Blob], value_wei: int = 0
    ) -> Receipt:
        """As `Transport.send_blobs`; the sender sends nothing without blobs at the same time."""
        check_count(call, blobs)
        for blob in blobs:
            self.blobs.keep(blob)
        return self._heard(self._wallet.send(call, sender, to, data, value_wei, blobs))

    def blob_fee_wei(self) -> int:
        """Of the next block, wei a blob gas."""
        return blob_base_fee(self._nodes)

    def deploy(self, call: str, sender: Address, code: bytes) -> Receipt:
        """Creates a contract from init code; the receipt has its address.

        Raises:
            Reverted, ChainError: as `send`.
        """
        return self._heard(self._wallet.send(call, sender, None, code, 0))

    def call(self, call: str, to: Address, data: bytes) -> bytes:
        """Asks on top of the newest block, or within `steady` of that one; nothing changes.

        Raises:
            Reverted: the contract refused to answer.
        """
        return self._once((to, data), lambda: self._call(call, to, data))

    def _call(self, call: str, to: Address, data: bytes) -> bytes:
        question = {"from": ZERO_ADDRESS, "to": to, "data": "0x" + data.hex()}
        try:
            answer = self._nodes.request("eth_call", question, self._present())
        except NodeError as error:
            raise refusal(call, error) from None
        try:
            return data_of(answer)
        except ValueError as error:
            raise ChainError(f"{call}: the node's answer is broken: {error}") from None

    def code(self, address: Address) -> bytes:
        """The code at an address; empty: there is none."""
        return code_of(self._nodes.request("eth_getCode", address, "latest"))

    def created(self, code: bytes) -> bytes:
        """The code that init code would leave behind, if it were sent now.

        Raises:
            Reverted: its constructor refuses.
            ChainError: the chain does.
        """
        question = {"from": ZERO_ADDRESS, "data": "0x" + code.hex(), "gas": hex(TX_GAS_CAP)}
        try:
            return code_of(self._nodes.request("eth_call", question, "latest"))
        except NodeError as error:
            raise refusal("deploy", error) from None

    def send_signed(self, call: str, transaction: bytes) -> None:
        """Sends what somebody else has signed, unless somebody else has sent it, and returns once it's in a block.

        Raises:
            ChainError: refused by the node, or in no block in `receipt_secs`.
        """
        try:
            self._nodes.request("eth_sendRawTransaction", "0x" + transaction.hex())
        except NodeError as error:
            if not on_its_way(error):
                raise refusal(call, error) from None
        deadline = time.monotonic() + self._settings.receipt_secs
        while self._nodes.request("eth_getTransactionReceipt", "0x" + keccak(transaction).hex()) is None:
            if time.monotonic() >= deadline:
                raise ChainError(f"{call}: in no block after {self._settings.receipt_secs:g} s")
            time.sleep(self._settings.poll_secs)

    def _newest(self) -> Block:
        block = block_of(self._nodes.request("eth_getBlockByNumber", "latest", False))
        self._nodes.saw(block.number)
        return block

    def _present(self) -> str:
        """The block that is asked about."""
        return "latest" if self._told.answers is None else hex(self._once("head", self._newest).number)

    def _once(self, what: Any, ask: Callable[[], Answer]) -> Answer:
        """What a node answers, or has answered since this thread looks steadily."""
        told = self._told.answers
        if told is None:
            return ask()
        if what not in told:
            told[what] = ask()
        answer: Answer = told[what]
        return answer

    def _look_up(self) -> None:
        """Forgets what was told: the chain goes on."""
        if self._told.answers is not None:
            self._told.answers.clear()

    def _block(self, number: int) -> Block:
        return block_of(self._nodes.request("eth_getBlockByNumber", hex(number), False))

    def _pause(self) -> None:
        time.sleep(self._settings.poll_secs)
        self._look_up()

    def _heard(self, receipt: Receipt) -> Receipt:
        self._look_up()
        for listener in self.on_receipt:
            listener(receipt)
        return receipt
