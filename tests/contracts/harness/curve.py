"""BLS12-381 and openings of blobs on titanoboa's chain, by the embedded one's precompiles, hundreds of times faster.

py-evm's curve is pure Python, and it reads the trusted setup anew for every opening.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from eth.exceptions import VMError
from eth.precompiles.bls12_381 import constants as prices
from eth.vm.forks.cancun.constants import POINT_EVALUATION_PRECOMPILE_GAS
from eth.vm.forks.prague.computation import PragueComputation
from eth_utils import to_canonical_address

from omnilytics._omnicore import EmbeddedEvm

TERM_BYTES = 160


def _combination_gas(data: bytes) -> int:
    """EIP-2537."""
    terms = len(data) // TERM_BYTES
    table = prices.G1_MSM_DISCOUNTS
    discount = table[terms - 1] if 0 < terms <= len(table) else prices.G1_MSM_MAX_DISCOUNT
    return int(terms * prices.BLS12_G1_MSM_GAS * discount // prices.MSM_MULTIPLIER)


GAS: dict[int, Callable[[bytes], int]] = {
    0x0A: lambda _: POINT_EVALUATION_PRECOMPILE_GAS,
    0x0B: lambda _: prices.BLS12_G1_ADD_GAS,
    0x0C: _combination_gas,
}
"""By address."""


def _address(number: int) -> bytes:
    return to_canonical_address(f"0x{number:040x}")


def _native(evm: EmbeddedEvm, number: int) -> Callable[[Any], Any]:
    """A precompile of py-evm's that asks the embedded chain."""
    address = _address(number)

    def answer(computation: Any) -> Any:
        data = computation.msg.data_as_bytes
        computation.consume_gas(GAS[number](data), reason=f"precompile {number:#x}")
        success, computation.output, _, _ = evm.call(bytes(20), address, data)
        if not success:
            raise VMError(f"precompile {number:#x} refuses")
        return computation

    return answer


@contextlib.contextmanager
def native_curve() -> Iterator[None]:
    """Inside, titanoboa's chain has these precompiles; what they cost and answer is the same."""
    evm = EmbeddedEvm(1, "osaka", genesis_timestamp=1, block_secs=1)
    native = {_address(number): _native(evm, number) for number in GAS}
    known = PragueComputation._precompiles
    own = {address: known[address] for address in native}
    known.update(native)
    try:
        yield
    finally:
        known.update(own)
