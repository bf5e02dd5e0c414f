"""A session's transactions on titanoboa, one after the other, with a real boundary between them.

titanoboa itself runs one endless transaction, in which slots stay warm. py-evm, below it, knows where a transaction
ends (`lock_changes`), which is all that it takes to charge what a node charges.
"""

from __future__ import annotations

from collections.abc import Sequence

import boa
from boa.util.abi import Address as BoaAddress

from omnilytics.bench.session import Sent
from omnilytics.chain.embedded import TX_GAS_CAP
from omnilytics.errors import VerificationError

SENT_GAS = 21_000
CREATED_GAS = 32_000
TOKEN_GAS = 4
FLOOR_TOKEN_GAS = 10
"""EIP-7623; a zero byte is 1 token, any other 4."""

MOST_REFUNDED = 5
"""A fifth of what is used (EIP-3529)."""


class Titanoboa:
    """A chain of its own.

    Args:
        chain_id: EIP-155.
        gas_price_wei: what GASPRICE gives; nobody is charged.
        balances: wei by account.
    """

    def __init__(self, chain_id: int, gas_price_wei: int, balances: dict[str, int]) -> None:
        self._env = boa.Env()
        self._state = self._env.evm.vm.state
        self._env.evm.patch.chain_id = chain_id
        self._env._gas_price = gas_price_wei
        for account, wei in balances.items():
            self._env.set_balance(BoaAddress(account), wei)

    def send(self, sent: Sent, hashes: Sequence[bytes]) -> int:
        """Mines a transaction in its block and returns its gas as a receipt has it; `hashes` are newest first.

        Raises:
            VerificationError: the contract refused it.
        """
        patch = self._env.evm.patch
        patch.block_number, patch.timestamp, patch.prev_hashes = sent.block, sent.timestamp, hashes
        self._begin(sent)
        tokens = len(sent.calldata) * 4 - 3 * sent.calldata.count(0)
        base = SENT_GAS + TOKEN_GAS * tokens + (CREATED_GAS if sent.to is None else 0)
        if sent.to is None:
            _, done = self._env.deploy(
                sender=sent.sender, gas=TX_GAS_CAP - base, value=sent.value, bytecode=sent.calldata,
                override_address=BoaAddress(sent.created),
            )  # fmt: skip
        else:
            done = self._env.execute_code(
                to_address=sent.to, sender=sent.sender, gas=TX_GAS_CAP - base, value=sent.value, data=sent.calldata
            )
        if done.is_error:
            raise VerificationError(f"titanoboa, {sent.call}: expected success, got {done.error}")
        used = base + int(done.get_gas_used())
        used -= min(int(done.get_gas_refund()), used // MOST_REFUNDED)
        return max(used, SENT_GAS + FLOOR_TOKEN_GAS * tokens)

    def _begin(self, sent: Sent) -> None:
        """All is cold but the two ends and the coinbase; transient storage is empty."""
        self._state.lock_changes()
        self._state.clear_transient_storage()
        for account in (sent.sender, sent.to):
            if account is not None:
                self._state.mark_address_warm(BoaAddress(account).canonical_address)
        self._state.mark_address_warm(self._state.coinbase)
