"""What a transaction bids (EIP-1559), and how much more its replacement."""

from __future__ import annotations

from dataclasses import dataclass

from omnilytics.chain.rpc.nodes import Nodes, quantity
from omnilytics.chain.rpc.settings import Settings
from omnilytics.errors import ChainError

HEADROOM = 2  # base fees: the base fee may double before the bid is too low, which takes six full blocks
RAISE_NUMERATOR, RAISE_DENOMINATOR = 9, 8  # nodes take a replacement that pays 10 % more, tip and maximum


@dataclass(frozen=True, slots=True)
class Bid:
    """Wei a gas: at most `max_fee_wei` in all, of it `tip_wei` for who builds the block."""

    max_fee_wei: int
    tip_wei: int


def current(nodes: Nodes, settings: Settings) -> Bid:
    """What gets a transaction into the next blocks, as far as the ceiling allows.

    Raises:
        ChainError: no answer, a chain without base fees, or one whose base fee is above the ceiling now.
    """
    base = base_fee(nodes)
    if base > settings.fee_ceiling_wei:
        ceiling = settings.fee_ceiling_wei
        raise ChainError(f"fees: expected a base fee of at most the ceiling, {ceiling} wei a gas, and it is above")
    tip = quantity(nodes.request("eth_maxPriorityFeePerGas")) if settings.tip_wei is None else settings.tip_wei
    most = min(HEADROOM * base + tip, settings.fee_ceiling_wei)
    return Bid(most, min(tip, most))


def base_fee(nodes: Nodes) -> int:
    """Of the newest block, wei a gas.

    Raises:
        ChainError: no answer, or a chain without base fees.
    """
    block = nodes.request("eth_getBlockByNumber", "latest", False)
    if not isinstance(block, dict) or "baseFeePerGas" not in block:
        raise ChainError("the chain has no base fees: expected EIP-1559")
    return quantity(block["baseFeePerGas"])


def raised(last: Bid, now: Bid, settings: Settings) -> Bid | None:
    """The bid of a replacement; None: the ceiling is below it.

    Args:
        last: of the attempt that is stuck.
        now: what would get a new transaction in.
    """
    tip = max(_more(last.tip_wei), now.tip_wei)
    most = max(_more(last.max_fee_wei), now.max_fee_wei, tip)
    return Bid(most, tip) if most <= settings.fee_ceiling_wei else None


def _more(fee_wei: int) -> int:
    return -(-fee_wei * RAISE_NUMERATOR // RAISE_DENOMINATOR)
