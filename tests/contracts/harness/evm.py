"""Real transactions on titanoboa's in-process EVM: boundaries, blocks, receipts, Osaka's limits.

titanoboa runs one endless transaction: slots stay warm, transient storage survives, refunds compare with the first
value ever.
`boundary` ends that; it leaves the journal alone, so that `boa.env.anchor()` keeps working.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boa
import boa.vm.py_evm as titanoboa
import eth.precompiles.point_evaluation as point_evaluation
import eth_keys.backends.native.main as native_keys
from eth.db.account import AccountDB
from eth.exceptions import OutOfGas
from eth.precompiles.modexp import extract_lengths, modexp
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.forks.prague.computation import PragueComputation
from eth_utils import keccak, to_canonical_address

TX_GAS_CAP = 1 << 24
"""EIP-7825: the most gas that one transaction may ask for."""

TX_SIZE_CAP = 128 * 1024
"""What a node's pool takes as one transaction, bytes."""

ENVELOPE_BYTES = 134
"""Upper bound of a signed EIP-1559 transaction around its calldata, bytes: the fields at their usual longest."""

BLOCK_HASHES = 256
MAX_RPC_GAS = 1 << 40


class Reverted(Exception):
    """A contract refused. `reason` is its error string, None when it gave none."""

    def __init__(self, call: str, reason: str | None) -> None:
        super().__init__(f"{call} reverted: {reason!r}")
        self.call = call
        self.reason = reason


class LimitExceeded(Exception):
    """A transaction that no Osaka node would take: too large, or out of the 2^24 gas it may ask for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one transaction did: return data, raw logs as (address, topics, data), gas as a receipt has it."""

    output: bytes
    logs: tuple[tuple[str, tuple[int, ...], bytes], ...]
    gas_used: int
    created: str | None = None


class _Boundary:
    """The state of the running transaction that py-evm keeps beyond its end."""

    number = 0
    originals: dict[tuple[bytes, int], int]
    blob_hashes: Sequence[bytes] = ()

    def __init__(self) -> None:
        self.originals = {}

    def prefix(self, key: bytes) -> bytes:
        return self.number.to_bytes(8, "big") + key


_transaction = _Boundary()
_journaled_storage = AccountDB.get_storage


def _get_storage(self: Any, address: bytes, slot: int, from_journal: bool = True) -> int:
    if from_journal:
        return int(_journaled_storage(self, address, slot))
    return _transaction.originals.setdefault((address, slot), _journaled_storage(self, address, slot))


def _slot_key(self: Any, address: bytes, slot: int) -> bytes:
    return _transaction.prefix(address + slot.to_bytes(32, "big"))


def _is_warm(self: Any, address: bytes) -> bool:
    return _transaction.prefix(address) in self._journal_accessed_state


def _mark_warm(self: Any, address: bytes) -> None:
    self._journal_accessed_state[_transaction.prefix(address)] = b"1"


CHANGES = ("set_storage", "delete_storage", "set_balance", "set_nonce", "set_code", "delete_code", "delete_account")
CHANGES += ("touch_account", "discard")
"""What py-evm changes accounts by."""


class _Reads:
    """What reads have returned in the state as it is: most are asked several times between two transactions."""

    changes = 0
    state: tuple[Any, ...] = ()
    found: dict[tuple[str, str, bytes], bytes]

    def __init__(self) -> None:
        self.found = {}

    def now(self) -> dict[tuple[str, str, bytes], bytes]:
        """Those of this state; what came before it is forgotten."""
        patch, hashes = boa.env.evm.patch, tuple(_transaction.blob_hashes)
        state = (self.changes, patch.block_number, patch.timestamp, patch.chain_id, hashes)
        if state != self.state:
            self.state, self.found = state, {}
        return self.found

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """What happens inside is undone."""
        before = self.changes
        yield
        self.changes = before


_reads = _Reads()


def _counted(change: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(change)
    def counting(*args: Any) -> Any:
        _reads.changes += 1
        return change(*args)

    return counting


class _Context(CancunTransactionContext):
    """What titanoboa takes for the transaction, with its blobs."""

    @property
    def blob_versioned_hashes(self) -> Any:
        return _transaction.blob_hashes


def _modexp_gas(data: bytes) -> int:
    """EIP-7883, Osaka's price of modular exponentiation."""
    base, exponent, modulus = extract_lengths(data)
    longest, head = max(base, modulus), min(exponent, 32)
    complexity = 16 if longest <= 32 else 2 * ((longest + 7) // 8) ** 2
    bits = int.from_bytes(data[96 + base : 96 + base + head].ljust(head, b"\0"), "big").bit_length()
    return max(500, complexity * max(1, 16 * (exponent - head) + max(0, bits - 1)))


def install() -> None:
    """Patches py-evm once.

    Transaction boundaries; blobs of transactions; Osaka's price of the precompile at 5; a count of changes; a memory
    for signature recovery, which takes 20 ms, and for the setup of the precompile at 10, which takes a second.
    """
    for name in CHANGES:
        setattr(AccountDB, name, _counted(getattr(AccountDB, name)))
    titanoboa.BaseTransactionContext = _Context
    AccountDB.get_storage = _get_storage
    AccountDB._get_storage_tracker_key = _slot_key
    AccountDB.is_address_warm = _is_warm
    AccountDB.mark_address_warm = _mark_warm
    PragueComputation._precompiles[to_canonical_address(f"0x{5:040x}")] = modexp(gas_calculator=_modexp_gas)
    point_evaluation.load_trusted_setup = functools.cache(point_evaluation.load_trusted_setup)
    native_keys.ecdsa_raw_recover = functools.lru_cache(maxsize=4096)(native_keys.ecdsa_raw_recover)


install()


def boundary(*warm: str) -> None:
    """Begins a transaction: all is cold but `warm`, the precompiles and the coinbase; transient storage is empty."""
    _transaction.number += 1
    _transaction.originals.clear()
    state = boa.env.evm.vm.state
    state.clear_transient_storage()
    for address in warm:
        state._account_db.mark_address_warm(to_canonical_address(address))
    state._account_db.mark_address_warm(state.coinbase)


def next_block(seconds: int = 1) -> None:
    """Mines: height + 1, time + `seconds`; hashes of the last 256 blocks are those of `block_hash`."""
    patch = boa.env.evm.patch
    patch.block_number = patch.block_number + 1
    patch.timestamp = patch.timestamp + seconds
    patch.prev_hashes = _Ancestors(patch.block_number)


@functools.lru_cache(maxsize=1024)
def block_hash(number: int) -> bytes:
    """The hash of block `number` on this chain."""
    return keccak(b"omnilytics test block" + number.to_bytes(32, "big"))


class _Ancestors:
    """The hashes before a block, newest first, made when asked for."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __iter__(self) -> Any:
        return (block_hash(n) for n in range(self.number - 1, max(-1, self.number - 1 - BLOCK_HASHES), -1))


def tokens(data: bytes) -> int:
    """EIP-7623's tokens: a zero byte counts 1, any other 4."""
    zeros = data.count(0)
    return zeros + 4 * (len(data) - zeros)


def intrinsic_gas(data: bytes, create: bool = False) -> int:
    """Gas before the first opcode. A creation's words of init code are charged by titanoboa itself."""
    return 21_000 + 4 * tokens(data) + (32_000 if create else 0)


def receipt_gas(computation: Any, data: bytes, create: bool = False) -> int:
    """Gas as the receipt has it: refunds capped at a fifth (EIP-3529), never below the floor (EIP-7623)."""
    used = intrinsic_gas(data, create) + computation.get_gas_used()
    used -= min(computation.get_gas_refund(), used // 5)
    return max(used, 21_000 + 10 * tokens(data))


def check_limits(call: str, data: bytes) -> int:
    """Gas left for execution under the cap. The floor of the largest transaction is a third of it: size binds first.

    Raises:
        LimitExceeded: the transaction is larger than `TX_SIZE_CAP`.
    """
    size = len(data) + ENVELOPE_BYTES
    if size > TX_SIZE_CAP:
        raise LimitExceeded(f"{call}: expected at most {TX_SIZE_CAP} bytes a transaction, got {size}")
    return TX_GAS_CAP - intrinsic_gas(data)


def reason_of(output: bytes) -> str | None:
    """The string in the data of a revert, None when it has none."""
    if output[:4] != keccak(text="Error(string)")[:4]:
        return None
    length = int.from_bytes(output[36:68], "big")
    return output[68 : 68 + length].decode()


def _out_of_gas(computation: Any) -> bool:
    """Whether the call or one that it made ran out of gas."""
    return isinstance(computation._error, OutOfGas) or any(map(_out_of_gas, computation.children))


def _raise_if_failed(call: str, computation: Any) -> None:
    if not computation.is_error:
        return
    reason = reason_of(bytes(computation.output))
    if reason is None and _out_of_gas(computation):
        raise LimitExceeded(f"{call}: expected at most {TX_GAS_CAP} gas a transaction, ran out of it")
    raise Reverted(call, reason)


def _outcome(computation: Any, gas_used: int, created: str | None = None) -> Outcome:
    logs = tuple(("0x" + address.hex(), tuple(topics), data) for address, topics, data in computation.get_log_entries())
    return Outcome(bytes(computation.output), logs, gas_used, created)


@contextlib.contextmanager
def carrying(hashes: Sequence[bytes]) -> Iterator[None]:
    """Transactions inside carry the blobs of these versioned hashes."""
    _transaction.blob_hashes = hashes
    try:
        yield
    finally:
        _transaction.blob_hashes = ()


@contextlib.contextmanager
def _gas_price(wei: int, tip: int) -> Iterator[None]:
    """What GASPRICE and, without the tip, BASEFEE give inside, wei. Nobody is charged."""
    context = boa.env.evm.vm.state.execution_context
    before = boa.env._gas_price, context._base_fee_per_gas
    boa.env._gas_price, context._base_fee_per_gas = wei, wei - tip
    try:
        yield
    finally:
        boa.env._gas_price, context._base_fee_per_gas = before


def transact(call: str, sender: str, to: str, data: bytes, value: int = 0, gas_price: int = 0, tip: int = 0) -> Outcome:
    """Mines one block with one transaction in it; its origin is its sender, its base fee the gas price without the tip.

    Raises:
        Reverted: the contract refused.
        LimitExceeded: no Osaka node would take it.
    """
    gas = check_limits(call, data)
    next_block()
    boundary(sender, to)
    with _gas_price(gas_price, tip):
        computation = boa.env.execute_code(to_address=to, sender=sender, gas=gas, value=value, data=data)
    _raise_if_failed(call, computation)
    return _outcome(computation, receipt_gas(computation, data))


def deploy(name: str, sender: str, init_code: bytes, value: int = 0) -> Outcome:
    """Mines one block with one contract creation in it; raises as `transact` does."""
    gas = check_limits(name, init_code) - 32_000
    next_block()
    boundary(sender)
    address, computation = boa.env.deploy(sender=sender, gas=gas, value=value, bytecode=init_code)
    _raise_if_failed(name, computation)
    return _outcome(computation, receipt_gas(computation, init_code, create=True), str(address).lower())


def call(name: str, sender: str, to: str, data: bytes) -> bytes:
    """The return data of a read; changes nothing.

    Raises:
        Reverted: the contract refused.
    """
    found, asked = _reads.now(), (sender, to, data)
    if asked not in found:
        boundary(sender, to)
        with _reads.unchanged():
            computation = boa.env.execute_code(
                to_address=to, sender=sender, gas=MAX_RPC_GAS, data=data, is_modifying=False, simulate=True
            )
        _raise_if_failed(name, computation)
        found[asked] = bytes(computation.output)
    return found[asked]
