"""Before money moves: what a role shows its user, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.cli import preflight
from omnilytics.errors import ChainError
from omnilytics.protocol.fees import Quote, quote
from omnilytics.protocol.terms import Terms
from omnilytics.types import Address, Mode, Rule

GWEI = 10**9
TERMS = Terms(reward_wei=10**18, rule=Rule.NORM)
ACCOUNT = Address("0x" + "11" * 20)


def made(mode: Mode, blob_gas_price_wei: int = 3 * GWEI) -> Quote:
    """Of a session whose uploads have two blobs."""
    return quote(replace(TERMS, mode=mode).params(5_705, 0.1), 32, GWEI, blob_gas_price_wei=blob_gas_price_wei)


def test_a_data_owner_is_told_what_its_blobs_cost() -> None:
    lines = preflight.member_lines(made(Mode.BLOB), 100 * GWEI)
    told = "blobs      not paid back, at most 0.02621 ether: 0.0007864 ether for 2 blobs at 3 gwei a blob gas"
    assert told in lines
    assert any(line.startswith("windows") and "accuse 1 h" in line and "reveal" not in line for line in lines)
    assert not any("blob" in line for line in preflight.member_lines(made(Mode.CALLDATA), 100 * GWEI))


def test_a_model_owner_is_told_what_each_pays() -> None:
    told = "blobs      each data owner pays 0.0007864 ether for 2 blobs at 3 gwei a blob gas"
    assert told in preflight.owner_lines(made(Mode.BLOB))
    assert not any("blob" in line for line in preflight.owner_lines(made(Mode.CALLDATA)))


def test_money_for_blobs_has_to_be_there() -> None:
    preflight.check_balance(ACCOUNT, 60, 10, 20, 30)
    with pytest.raises(
        ChainError, match="expected at least 60 wei, 10 to deposit and 20 for gas and 30 for blobs, got 59"
    ):
        preflight.check_balance(ACCOUNT, 59, 10, 20, 30)
    with pytest.raises(
        ChainError, match="expected at least 30 wei, 10 to deposit and 20 for gas, got 29; send it money"
    ):
        preflight.check_balance(ACCOUNT, 29, 10, 20)


def test_above_the_ceiling_nobody_takes_part() -> None:
    preflight.check_blob_fee(made(Mode.BLOB), 3 * GWEI)
    preflight.check_blob_fee(made(Mode.CALLDATA), 1)
    with pytest.raises(
        ChainError, match="expected at most the ceiling, 2999999999 wei a blob gas, got 3000000000; wait"
    ):
        preflight.check_blob_fee(made(Mode.BLOB), 3 * GWEI - 1)
