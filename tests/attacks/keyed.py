"""Accounts whose keys the tests have: they sign transactions with access lists, and delegations (EIP-7702)."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_utils import keccak

from tests.attacks.till import GWEI, PUPPET, Embedded
from tests.contracts.harness import ETHER, Contract, Receipt, compiled
from tests.contracts.harness.contract import decode_logs

GAS = 5_000_000


def keyed(chain: Any, name: str) -> Any:
    """A funded account of that name, with its key."""
    account = Account.from_key(keccak(text=f"omnilytics keyed account: {name}"))
    chain.set_balance(account.address.lower(), 100 * ETHER)
    return account


def delegate(chain: Any, account: Any, puppet: Contract) -> None:
    """From now on the account has the puppet's code; where the chain takes signed transactions, by one of its own."""
    if not isinstance(chain, Embedded):
        chain.set_code(account.address.lower(), compiled(PUPPET).runtime)
        return
    nonce = chain.nonce(account.address)
    signed = account.sign_authorization({"chainId": chain.id, "address": puppet.address, "nonce": nonce + 1})
    chain.send_raw(_signed(chain, account, account.address, b"", {"type": 4, "authorizationList": [signed]}))


def send_with_access_list(
    chain: Embedded, account: Any, contract: Contract, call: str, args: tuple[Any, ...], listed: list[dict[str, Any]]
) -> Receipt:
    """A call that has paid for warm addresses and slots in advance (EIP-2930)."""
    data = contract.abi.calldata(call, args)
    outcome = chain.send_raw(_signed(chain, account, contract.address, data, {"type": 2, "accessList": listed}))
    return Receipt(call, outcome.gas_used, data, None, decode_logs(outcome))


def _signed(chain: Embedded, account: Any, to: str, data: bytes, extra: dict[str, Any]) -> bytes:
    fields = {
        "chainId": chain.id,
        "nonce": chain.nonce(account.address),
        "gas": GAS,
        "maxFeePerGas": GWEI,
        "maxPriorityFeePerGas": GWEI,
        "to": bytes.fromhex(to[2:]),
        "value": 0,
        "data": data,
    }
    return bytes(account.sign_transaction(fields | extra).raw_transaction)
