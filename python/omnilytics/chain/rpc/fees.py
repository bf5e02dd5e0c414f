"""What a transaction bids (EIP-1559, for blobs EIP-4844), and how much more its replacement."""

from __future__ import annotations

from dataclasses import dataclass

from omnilytics.chain.rpc.nodes import Nodes, quantity
from omnilytics.chain.rpc.settings import Settings
from omnilytics.errors import ChainError

HEADROOM = 2  # base fees: the base fee may double before the bid is too low, which takes six full blocks
RAISE_NUMERATOR, RAISE_DENOMINATOR = 9, 8  # nodes take a replacement that pays 10 % more, tip and maximum
BLOB_RAISE = 2  # and one with blobs that pays twice as much, tip, maximum and blob fee


@dataclass(frozen=True, slots=True)
class Bid:
    """Wei a gas: at most `max_fee_wei` in all, of it `tip_wei` for who builds the block.

    And at most `blob_fee_wei` a blob gas: 0 without blobs, 1 at least with them.
    """

    max_fee_wei: int
    tip_wei: int
    blob_fee_wei: int = 0


def current(nodes: Nodes, settings: Settings, *, blobs: bool = False) -> Bid:
    """What gets a transaction into the next blocks, as far as the ceilings allow.

    Args:
        nodes: of the chain.
        settings: the ceilings.
        blobs: whether it carries any.

    Raises:
        ChainError: no answer, a chain without base fees, or one whose base fee, or blob fee, is above its ceiling now.
    """
    base = base_fee(nodes)
    if base > settings.fee_ceiling_wei:
        ceiling = settings.fee_ceiling_wei
        raise ChainError(f"fees: expected a base fee of at most the ceiling, {ceiling} wei a gas, and it is above")
    tip = quantity(nodes.request("eth_maxPriorityFeePerGas")) if settings.tip_wei is None else settings.tip_wei
    most = min(HEADROOM * base + tip, settings.fee_ceiling_wei)
    return Bid(most, min(tip, most), _blob_fee(nodes, settings.blob_fee_ceiling_wei) if blobs else 0)


def _blob_fee(nodes: Nodes, ceiling: int) -> int:
    base = blob_base_fee(nodes)
    if base > ceiling:
        raise ChainError(f"blob fees: expected at most the ceiling, {ceiling} wei a blob gas, got {base}")
    return min(max(HEADROOM * base, 1), ceiling)


def blob_base_fee(nodes: Nodes) -> int:
    """Of the next block, wei a blob gas.

    Raises:
        ChainError: no answer, or a chain without blobs.
    """
    return quantity(nodes.request("eth_blobBaseFee"))


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
    """The bid of a replacement; None: a ceiling is below it.

    Args:
        last: of the attempt that is stuck.
        now: what would get a new transaction in.
        settings: the ceilings.
    """
    more = _twice if last.blob_fee_wei else _more
    tip = max(more(last.tip_wei), now.tip_wei)
    most = max(more(last.max_fee_wei), now.max_fee_wei, tip)
    blob = max(more(last.blob_fee_wei), now.blob_fee_wei)
    allowed = most <= settings.fee_ceiling_wei and blob <= settings.blob_fee_ceiling_wei
    return Bid(most, tip, blob) if allowed else None


def _more(fee_wei: int) -> int:
    return -(-fee_wei * RAISE_NUMERATOR // RAISE_DENOMINATOR)


def _twice(fee_wei: int) -> int:
    return fee_wei * BLOB_RAISE
