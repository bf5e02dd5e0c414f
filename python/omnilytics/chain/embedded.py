"""The in-process chain: revm inside the extension, with the limits of real nodes and a clock that is moved by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from omnilytics._omnicore import EmbeddedEvm, EvmReceipt
from omnilytics.blobs.blob import Blob, Blobs, BlobsInMemory, check_count
from omnilytics.chain.contract import ContractMarket, ContractSession, deploy_market
from omnilytics.chain.reverts import reverted
from omnilytics.errors import InputError
from omnilytics.types import ZERO_ADDRESS, Address, Log, Receipt

TX_GAS_CAP = 1 << 24
"""Gas limit of every transaction; no node takes more (EIP-7825)."""

AMSTERDAM_GAS = 60_000_000
"""The same under Amsterdam rules: gas for state growth comes on top of the cap (EIP-8037)."""

GAS_PRICE_WEI = 10**9
"""Wei per gas where gas is charged."""


class Transaction(NamedTuple):
    """A mined transaction, whether it succeeded or not; `to` is None if it created a contract, `gas` what it used."""

    sender: Address
    to: Address | None
    calldata: bytes
    value: int
    gas: int


class Spent(NamedTuple):
    """What an instruction took in one transaction: the address of its code, its place there, how often, its own gas."""

    code: Address
    counter: int
    times: int
    gas: int


class EmbeddedChain:
    """An Ethereum chain in this process; implements `ChainPort` and `Transport`.

    Every transaction mines its own block, `block_secs` after the one before it. Waiting moves the clock and takes no
    time. Same calls, same addresses, hashes and block hashes.

    Args:
        chain_id: EIP-155, >= 1.
        fork: `prague`, `osaka` or `amsterdam` (not final).
        genesis_timestamp: unix time of block 0, seconds.
        block_secs: seconds from block to block, >= 1.
        charge_gas: whether senders pay for gas, at `GAS_PRICE_WEI`; else it is free. To send, an account then needs
            the price of the whole gas limit beside the value; what isn't used comes back.

    Raises:
        InputError: a value out of range.
    """

    def __init__(
        self,
        chain_id: int = 31337,
        fork: str = "osaka",
        genesis_timestamp: int = 1_767_225_600,
        block_secs: int = 12,
        *,
        charge_gas: bool = False,
    ) -> None:
        self._evm = EmbeddedEvm(
            _u64("chain_id", chain_id),
            fork,
            genesis_timestamp=_u64("genesis_timestamp", genesis_timestamp),
            block_secs=_u64("block_secs", block_secs),
            base_fee=GAS_PRICE_WEI if charge_gas else 0,
        )
        self._chain_id = chain_id
        self._fork = fork
        self._gas = AMSTERDAM_GAS if fork == "amsterdam" else TX_GAS_CAP
        self.blobs: Blobs = BlobsInMemory()
        self.on_receipt: list[Callable[[Receipt], None]] = []
        """Called with the receipt of every transaction that succeeds, deployments too, in the order of the list."""

    def __repr__(self) -> str:
        return f"<EmbeddedChain {self._chain_id} ({self._fork}) at block {self.block_number()}>"

    @property
    def chain_id(self) -> int:
        return self._chain_id

    @property
    def simulated(self) -> bool:
        """True: nobody but this process is on it."""
        return True

    def create_account(self, label: str, balance_wei: int) -> Address:
        """A new account that may send transactions; its address follows from the label.

        Raises:
            InputError: the label's account has been created before, or `balance_wei` isn't within 0..2^256.
        """
        key = hashlib.sha256(f"omnilytics/account/1/{label}".encode()).digest()[12:]
        if self._evm.balance(key) or self._evm.nonce(key):
            raise InputError(f"account {label!r} exists already: expected a label not used before")
        self._evm.set_balance(key, balance_wei)
        return _address(key)

    def steady(self) -> AbstractContextManager[None]:
        """Nothing is asked twice for nothing here."""
        return nullcontext()

    def block_number(self) -> int:
        return self._evm.head()[0]

    def timestamp(self) -> int:
        """Unix time of the newest block, in seconds."""
        return self._evm.head()[1]

    def head(self) -> tuple[int, int]:
        """Number and timestamp of the newest block."""
        number, timestamp, _, _ = self._evm.head()
        return number, timestamp

    def block_hash(self, number: int) -> bytes:
        """Hash of a mined block, 32 bytes.

        Raises:
            InputError: it isn't mined.
        """
        return self._evm.block(_u64("block", number))[3]

    def wait_until(self, timestamp: int) -> None:
        """Mines one empty block of that time, unless the newest has it or a later one.

        Raises:
            InputError: 2^64 or above.
        """
        self._evm.wait_until(_u64("timestamp", max(0, timestamp)))

    def wait_blocks(self, count: int) -> None:
        """Mines empty blocks.

        Raises:
            InputError: outside 0..2^64.
            ChainError: more than 2^20.
        """
        self._evm.mine(_u64("count", count))

    def balance(self, account: Address) -> int:
        """Wei."""
        return self._evm.balance(_key(account))

    def deploy_market(self, sender: Address, min_window_secs: int) -> ContractMarket:
        """Deploys the contracts and a market over them."""
        return deploy_market(self, sender, min_window_secs)

    def market(self, address: Address) -> ContractMarket:
        return ContractMarket(self, address)

    def session(self, address: Address) -> ContractSession:
        return ContractSession(self, address)

    def logs(self, address: Address, from_block: int = 0) -> list[tuple[int, Log]]:
        """(block number, log) of that contract, oldest first."""
        return [(block, _log(log)) for block, log in self._evm.logs(_key(address), _u64("from_block", from_block))]

    def transactions(self) -> list[Transaction]:
        """Every mined transaction, oldest first; also those that the contract refused."""
        return [
            Transaction(_address(r.sender), _address(r.to) if r.to else None, r.data, r.value, r.gas_used)
            for r in self._evm.receipts()
        ]

    def snapshot(self) -> int:
        """Marks the present; the id is good for one `revert`."""
        return self._evm.snapshot()

    def revert(self, snapshot: int) -> None:
        """Goes back to a snapshot; it and all later ones are used up.

        Raises:
            ChainError: unknown or used up.
        """
        self._evm.revert(_u64("snapshot", snapshot))

    def send(self, call: str, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> Receipt:
        """Mines a transaction.

        Raises:
            Reverted: the contract refused it; it is mined all the same.
            ChainError: the chain refused it: balance, gas, size. Nothing is mined.
        """
        return self._mined(call, self._evm.send(_key(sender), _key(to), data, value_wei, gas=self._gas))

    def send_blobs(
        self, call: str, sender: Address, to: Address, data: bytes, blobs: Sequence[Blob], value_wei: int = 0
    ) -> Receipt:
        """As `Transport.send_blobs`. Blob gas is never free: a wei each where gas is."""
        check_count(call, blobs)
        hashes = [blob.versioned_hash for blob in blobs]
        fee = self.blob_fee_wei()
        mined = self._evm.send(
            _key(sender), _key(to), data, value_wei, gas=self._gas, blob_hashes=hashes, max_blob_fee=fee
        )
        receipt = self._mined(call, mined)
        for blob in blobs:
            self.blobs.keep(blob)
        return receipt

    def blob_fee_wei(self) -> int:
        """What a blob gas costs in the next block, wei."""
        return self._evm.blob_base_fee()

    def send_profiled(
        self, call: str, sender: Address, to: Address, data: bytes, value_wei: int = 0
    ) -> tuple[Receipt, list[Spent]]:
        """As `send`, ten times slower, and says which instructions took the gas.

        Gas before the first instruction and refunds after the last belong to none.

        Raises:
            Reverted, ChainError: as `send`.
        """
        mined, spent = self._evm.send_profiled(_key(sender), _key(to), data, value_wei, gas=self._gas)
        return self._mined(call, mined), [Spent(_address(code), *rest) for code, *rest in spent]

    def deploy(self, call: str, sender: Address, code: bytes) -> Receipt:
        """Mines a transaction that creates a contract from init code.

        Raises:
            Reverted: the constructor refused.
            ChainError: the chain refused the transaction.
        """
        return self._mined(call, self._evm.send(_key(sender), None, code, gas=self._gas))

    def call(self, call: str, to: Address, data: bytes) -> bytes:
        """Asks on top of the newest block; nothing changes.

        Raises:
            Reverted: the contract refused to answer.
        """
        success, output, _, halt = self._evm.call(_key(ZERO_ADDRESS), _key(to), data)
        if not success:
            raise reverted(call, output, halt)
        return output

    def _mined(self, call: str, mined: EvmReceipt) -> Receipt:
        if not mined.success:
            raise reverted(call, mined.output, mined.halt)
        created = mined.contract_address
        receipt = Receipt(
            call=call,
            sender=_address(mined.sender),
            tx_hash=mined.tx_hash,
            block=mined.block,
            timestamp=mined.timestamp,
            gas_used=mined.gas_used,
            calldata_bytes=len(mined.data),
            logs=tuple(_log(log) for log in mined.logs),
            contract_address=_address(created) if created else None,
            blob_gas_used=mined.blob_gas,
            blob_gas_price_wei=mined.blob_gas_price if mined.blob_gas else None,
        )
        for listener in self.on_receipt:
            listener(receipt)
        return receipt


def _u64(name: str, value: int) -> int:
    if not 0 <= value < 2**64:
        raise InputError(f"{name}: expected 0..2^64 - 1, got {value}")
    return value


def _address(key: bytes) -> Address:
    return Address(f"0x{key.hex()}")


def _key(address: Address) -> bytes:
    try:
        key = bytes.fromhex(address.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 20:
        raise InputError(f"address: expected 0x and 40 hexadecimal digits, got {address!r}")
    return key


def _log(raw: tuple[bytes, tuple[bytes, ...], bytes]) -> Log:
    address, topics, data = raw
    return Log(_address(address), topics, data)
