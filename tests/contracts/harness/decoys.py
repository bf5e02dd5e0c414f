"""Contracts that send: on no chain can a contract begin a transaction, so its calls go through its `act`."""

from __future__ import annotations

from .contract import ROOT, Backend, Compiled, compiled
from .evm import Outcome

DECOY = ROOT / "tests" / "contracts" / "mocks" / "Decoy.vy"


class Relayed:
    """A backend on which the contracts in `keepers` may be senders.

    Args:
        inner: the backend that does the work.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.keepers: dict[str, str] = {}
        """Contract -> the account that sends for it, and pays what it sends along."""

    @property
    def artifact(self) -> Compiled:
        """Decoy.vy on this backend."""
        return compiled(DECOY).on(self)

    def new_decoy(self, keeper: str) -> str:
        """The address of a new contract that can be a sender."""
        address = self.artifact.deploy(sender=keeper).address
        self.keepers[address] = keeper
        return address

    def transact(
        self, call: str, sender: str, to: str, data: bytes, value: int = 0, gas_price: int = 0, tip: int = 0
    ) -> Outcome:
        if sender in self.keepers:
            data = self.artifact.abi.calldata("act", (to, data))
            sender, to = self.keepers[sender], sender
        return self.inner.transact(call, sender, to, data, value, gas_price, tip)

    def deploy(self, name: str, sender: str, init_code: bytes, value: int = 0) -> Outcome:
        return self.inner.deploy(name, sender, init_code, value)

    def call(self, name: str, sender: str, to: str, data: bytes) -> bytes:
        return self.inner.call(name, sender, to, data)
