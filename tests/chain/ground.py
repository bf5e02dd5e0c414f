"""The embedded chain as something that a market can be put on by its code: what the rpc backend asks nodes for."""

from __future__ import annotations

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import ChainError
from omnilytics.types import Address

GWEI = 10**9
NOBODY = b"\x77" * 20


class Ground(EmbeddedChain):
    """A chain without the deployment proxy. `unprotected`: takes transactions that name no chain."""

    unprotected = True
    fee_wei = GWEI

    def base_fee_wei(self) -> int:
        return self.fee_wei

    def endow(self, account: str, wei: int) -> None:
        self._evm.set_balance(bytes.fromhex(account[2:]), wei)

    def code(self, address: Address) -> bytes:
        return self._evm.code(bytes.fromhex(address[2:]))

    def created(self, code: bytes) -> bytes:
        before = self.snapshot()
        try:
            self._evm.set_balance(NOBODY, 10**20)
            made = self._evm.send(NOBODY, None, code)
            assert made.contract_address is not None
            return self._evm.code(made.contract_address)
        finally:
            self.revert(before)

    def send_signed(self, call: str, transaction: bytes) -> None:
        if not self.unprotected:
            raise ChainError(f"{call}: the node refused it: only replay-protected (EIP-155) transactions allowed")
        self._evm.send_raw(transaction)
