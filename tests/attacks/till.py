"""The chains of the attacks, and the accounts' gas on them: who sent what, what it cost, what fee it was credited."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eth_utils import keccak

from tests.contracts.harness import ETHER, Contract, LimitExceeded, Reverted, compiled, evm
from tests.contracts.harness.contract import Backend
from tests.contracts.harness.evm import Outcome
from tests.gas.revm import RevmChain

GWEI = 10**9
FEE_CREDITED = int.from_bytes(keccak(text="FeeCredited(address,uint256,uint256)"), "big")
PUPPET = Path(__file__).parent / "mocks" / "Puppet.vy"


class Embedded(RevmChain):
    """The embedded chain with what the attacks need beside it."""

    @contextlib.contextmanager
    def anchor(self) -> Iterator[None]:
        """Undoes everything that happens inside."""
        snapshot = self.snapshot()
        try:
            yield
        finally:
            snapshot.revert()

    def nonce(self, account: str) -> int:
        return self._evm.nonce(bytes.fromhex(account[2:]))

    def send_raw(self, transaction: bytes) -> Outcome:
        """Mines one block with a signed transaction in it, which must succeed."""
        return self._outcome("signed transaction", self._evm.send_raw(transaction))


class Call(NamedTuple):
    """One transaction; a refused one costs at least what a node takes before the first opcode."""

    sender: str
    to: str
    name: str
    gas_used: int
    gas_price: int
    fee_wei: int

    @property
    def gas_wei(self) -> int:
        """What the sender paid for gas."""
        return self.gas_used * self.gas_price


class Till:
    """A backend on which gas has a price, 1 gwei where the caller names none, and puppets may send.

    Nobody is ever credited a fee above what its transaction cost: every transaction of every test is held to that.

    Args:
        inner: the backend that does the work.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.calls: list[Call] = []
        self.keepers: dict[str, str] = {}
        """Puppet -> who sends for it, and pays its gas."""
        self.junk: dict[str, bytes] = {}
        """Sender -> what it appends to the calldata of every call."""
        self.tips: dict[str, int] = {}
        """Sender -> what it pays a gas on top of the base fee, wei."""

    def new_puppet(self, keeper: str, source: Path = PUPPET) -> Contract:
        """A contract of its own, with ether, that does what its keeper tells it, by an `act` as Puppet.vy has it."""
        puppet = compiled(source).on(self).deploy(sender=keeper, value=10 * ETHER)
        self.keepers[puppet.address] = keeper
        return puppet

    def transact(
        self, call: str, sender: str, to: str, data: bytes, value: int = 0, gas_price: int = 0, tip: int = 0
    ) -> Outcome:
        tip = self.tips.get(sender, tip)
        price, target = (gas_price or GWEI) + tip, to
        if sender in self.keepers:
            data = compiled(PUPPET).abi.calldata("act", (to, data, value))
            sender, target, value = self.keepers[sender], sender, 0
        data += self.junk.get(sender, b"")
        try:
            outcome = self.inner.transact(call, sender, target, data, value, price, tip)
        except (Reverted, LimitExceeded):
            self.calls.append(Call(sender, to, call, evm.intrinsic_gas(data), price, 0))
            raise
        if call == "create_session":
            # titanoboa undoes what a fixture did when it is over, and uses its addresses again
            made = f"0x{outcome.output[-20:].hex()}"
            self.calls[:] = [c for c in self.calls if c.to != made]
        fees = [(topics[1], logged) for _, topics, logged in outcome.logs if topics[0] == FEE_CREDITED]
        fee_wei = sum(int.from_bytes(logged[32:], "big") for _, logged in fees)
        self.calls.append(Call(sender, to, call, outcome.gas_used, price, fee_wei))
        assert fee_wei <= outcome.gas_used * price, f"{call}: paid more than it cost"
        assert all(account == int(sender, 16) for account, _ in fees), f"{call}: paid to somebody else"
        return outcome

    def deploy(self, name: str, sender: str, init_code: bytes, value: int = 0) -> Outcome:
        return self.inner.deploy(name, sender, init_code, value)

    def call(self, name: str, sender: str, to: str, data: bytes) -> bytes:
        return self.inner.call(name, sender, to, data)
