"""Before money moves: what will be deposited, what it will cost, whether the account has it, and whether to go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from omnilytics.errors import ChainError, InputError

if TYPE_CHECKING:
    from omnilytics.chain.base import MarketPort
    from omnilytics.chain.rpc import RpcChain
    from omnilytics.protocol.fees import Quote
    from omnilytics.types import Address, SessionParams


def owner_lines(made: Quote) -> list[str]:
    """What a model owner puts in, and what it gets for it."""
    from omnilytics.dashboard.words import ether

    params = made.params
    return [
        *_shape(params),
        f"deposits   {ether(made.deposit_wei)}: reward {ether(made.reward_wei)}, reserve {ether(made.reserve_wei)}",
        f"gas        {ether(made.owner_gas_wei)} at {ether(made.gas_price_wei)} a gas, not paid back",
        *_blobs(made, "each data owner pays"),
        f"comes back {ether(made.returned_reward_wei + made.returned_wei)}, if {made.registered:,} register",
    ]


def member_lines(made: Quote, blob_ceiling_wei: int) -> list[str]:
    """What a data owner puts in, and what it gets for it; a blob gas may cost it so much."""
    from omnilytics.dashboard.words import ether

    params = made.params
    return [
        *_shape(params),
        f"deposits   a bond of {ether(params.bond_wei)}, which comes back if it does its part",
        f"gas        {ether(made.member_gas_wei)} at {ether(made.gas_price_wei)} a gas, "
        f"of which {ether(made.member_fees_wei)} are paid back",
        *_blobs(made, f"not paid back, at most {ether(made.blobs_wei(blob_ceiling_wei))}:"),
        f"reward     {ether(params.reward_wei // (params.rounds * params.members))} if its group is accepted",
    ]


def _blobs(made: Quote, what: str) -> list[str]:
    """What a data owner's blobs cost as things are; nothing in calldata."""
    from omnilytics.dashboard.words import count, ether

    if not made.member_blobs:
        return []
    blobs = f"{count(made.member_blobs, 'blob')} at {ether(made.blob_gas_price_wei)} a blob gas"
    return [f"blobs      {what} {ether(made.member_blobs_wei)} for {blobs}"]


def check_balance(account: Address, balance_wei: int, deposit_wei: int, gas_wei: int, blobs_wei: int = 0) -> None:
    """Refuses what the account can't pay.

    Raises:
        ChainError: it has less than deposit, gas and blobs.
    """
    need, blobs = deposit_wei + gas_wei + blobs_wei, f" and {blobs_wei} for blobs" if blobs_wei else ""
    if balance_wei < need:
        raise ChainError(
            f"{account}: expected at least {need} wei, {deposit_wei} to deposit and {gas_wei} for gas{blobs}, "
            f"got {balance_wei}; send it money"
        )


def blob_fee(chain: RpcChain, params: SessionParams) -> int:
    """What a blob gas costs now, wei; 0 where vectors are in calldata."""
    from omnilytics.types import Mode

    return chain.blob_fee_wei() if params.mode is Mode.BLOB else 0


def check_blob_fee(made: Quote, ceiling_wei: int) -> None:
    """Refuses a session whose blobs the account wouldn't pay for as things are: who doesn't post loses its bond.

    Raises:
        ChainError: a blob gas costs more than the ceiling.
    """
    if made.member_blobs and made.blob_gas_price_wei > ceiling_wei:
        raise ChainError(
            f"blob fees: expected at most the ceiling, {ceiling_wei} wei a blob gas, got {made.blob_gas_price_wei}; "
            "wait until they have fallen, or raise blob_ceiling_gwei in [fees]"
        )


def check_market(chain: RpcChain, market: MarketPort) -> None:
    """Refuses a market that isn't made of this package's contracts: who knows what it does with money.

    Raises:
        ChainError: one of them is another.
    """
    from omnilytics.chain.rpc.deployment import recognized

    try:
        recognized(chain, market.address)
    except ChainError as error:
        error.add_note("ask whoever named the market for its address, and for the version of omnilytics that it is of")
        raise


def agree(lines: Sequence[str], question: str, say: Callable[[str], None], *, yes: bool) -> None:
    """Shows the lines, and asks on a terminal unless `yes`.

    Raises:
        InputError: there is no terminal, and no `--yes`.
        typer.Abort: no.
    """
    for line in lines:
        say(line)
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("--yes: expected it where there is no terminal to ask on, got none")
    typer.confirm(question, abort=True, err=True)


def _shape(params: SessionParams) -> list[str]:
    from omnilytics.dashboard.words import span
    from omnilytics.types import Mode

    blobs = params.mode is Mode.BLOB
    windows = (
        ("register", params.register_secs),
        ("commit", params.commit_secs),
        ("upload", params.upload_secs),
        ("reveal and accuse" if params.has_corrections else "accuse" if blobs else "reveal", params.reveal_secs),
        ("aggregate", params.aggregate_secs),
        ("vote", params.vote_secs),
        ("select", params.select_secs),
    )
    return [
        f"session    {params.rounds} groups of {params.members}, of which {params.threshold} must do their part; "
        f"{params.parameter_count:,} parameters, {params.samples} samples, {params.epochs} epochs",
        "windows    " + ", ".join(f"{name} {span(secs)}" for name, secs in windows if secs),
    ]
