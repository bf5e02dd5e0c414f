"""The embedded revm chain behind the harness: the same drivers and contracts, 500 times faster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from omnilytics._omnicore import EmbeddedEvm, EvmReceipt
from tests.contracts.harness.chain import GENESIS_TIME
from tests.contracts.harness.evm import TX_GAS_CAP, LimitExceeded, Outcome, Reverted, reason_of


def _key(address: str) -> bytes:
    return bytes.fromhex(address[2:])


class RevmChain:
    """`Chain` and `Backend` of the harness in one: Osaka rules, a block a second."""

    id = 1

    def __init__(self) -> None:
        self._evm = EmbeddedEvm(self.id, "osaka", genesis_timestamp=GENESIS_TIME, block_secs=1)
        self._hashes: Sequence[bytes] = ()

    @property
    def height(self) -> int:
        return self._evm.head()[0]

    @property
    def time(self) -> int:
        return self._evm.head()[1]

    def block_hash(self, number: int) -> bytes:
        """The hash of a block that is mined; zeros for a later one."""
        return self._evm.block(number)[3] if number <= self.height else bytes(32)

    def sleep(self, seconds: int) -> None:
        """Mines one empty block, `seconds` after the last one."""
        self._evm.set_next_timestamp(self.time + seconds)
        self._evm.mine(1)

    def mine(self, blocks: int = 1) -> None:
        self._evm.mine(blocks)

    def next_at(self, timestamp: int) -> None:
        self._evm.set_next_timestamp(timestamp)

    def balance(self, account: str) -> int:
        return self._evm.balance(_key(account))

    def set_balance(self, account: str, wei: int) -> None:
        self._evm.set_balance(_key(account), wei)

    def snapshot(self) -> Snapshot:
        """A point to come back to; the newest must be reverted first."""
        return Snapshot(self._evm)

    def transact(
        self, call: str, sender: str, to: str, data: bytes, value: int = 0, gas_price: int = 0, tip: int = 0
    ) -> Outcome:
        """Mines one block with one transaction in it. The sender has its gas back: nobody is charged."""
        account, advance = _key(sender), TX_GAS_CAP * gas_price
        if advance:
            self._evm.set_balance(account, self._evm.balance(account) + advance)
        self._evm.set_next_base_fee(gas_price - tip)
        blobs = {"blob_hashes": self._hashes, "max_blob_fee": self._evm.blob_base_fee()} if self._hashes else {}
        mined = self._evm.send(account, _key(to), data, value, gas=TX_GAS_CAP, max_fee=gas_price, tip=tip, **blobs)
        if advance:
            left = advance - mined.gas_used * gas_price
            self._evm.set_balance(account, self._evm.balance(account) - left)
        return self._outcome(call, mined)

    @contextlib.contextmanager
    def carrying(self, hashes: Sequence[bytes]) -> Iterator[None]:
        """Transactions inside carry the blobs of these versioned hashes."""
        self._hashes = hashes
        try:
            yield
        finally:
            self._hashes = ()

    def deploy(self, name: str, sender: str, init_code: bytes, value: int = 0) -> Outcome:
        return self._outcome(name, self._evm.send(_key(sender), None, init_code, value, gas=TX_GAS_CAP))

    def call(self, name: str, sender: str, to: str, data: bytes) -> bytes:
        success, output, _, halt = self._evm.call(_key(sender), _key(to), data)
        if not success:
            raise Reverted(name, reason_of(output) or halt)
        return output

    @staticmethod
    def _outcome(call: str, mined: EvmReceipt) -> Outcome:
        if mined.halt is not None:
            raise LimitExceeded(f"{call}: {mined.halt}")
        if not mined.success:
            raise Reverted(call, reason_of(mined.output))
        logs = tuple(
            ("0x" + address.hex(), tuple(int.from_bytes(t, "big") for t in topics), data)
            for address, topics, data in mined.logs
        )
        created = "0x" + mined.contract_address.hex() if mined.contract_address else None
        return Outcome(mined.output, logs, mined.gas_used, created)


class Snapshot:
    """A point in the chain's history."""

    def __init__(self, evm: EmbeddedEvm) -> None:
        self._evm = evm
        self._id = evm.snapshot()

    def revert(self) -> None:
        """Goes back to it, once."""
        self._evm.revert(self._id)
