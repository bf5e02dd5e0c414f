"""Which transaction has used a nonce, told by the blocks themselves: receipts may come later than counts."""

from __future__ import annotations

from typing import Any

from omnilytics.chain.rpc.answers import data_of
from omnilytics.chain.rpc.nodes import Nodes, quantity
from omnilytics.errors import ChainError
from omnilytics.types import Address

SEARCHED_BLOCKS = 100  # back from the newest; nodes keep the state of 128, and receipts of older blocks aren't late


def taken(nodes: Nodes, sender: Address, nonce: int, own: set[bytes], newest: int) -> bool:
    """Whether a transaction other than one's own has used a nonce.

    Args:
        nodes: of the chain.
        sender: whose nonce.
        nonce: of a transaction without a receipt.
        own: hashes of the transactions that were sent with it.
        newest: the last block that counts.

    Raises:
        ChainError: no answer, or a broken one.
    """
    if _count(nodes, sender, newest) <= nonce:
        return False
    oldest = max(0, newest - SEARCHED_BLOCKS)
    if _count(nodes, sender, oldest) > nonce:
        return True
    unused, used = oldest, newest
    while used - unused > 1:
        middle = (unused + used) // 2
        if _count(nodes, sender, middle) > nonce:
            used = middle
        else:
            unused = middle
    user = _user(nodes.request("eth_getBlockByNumber", hex(used), True), sender, nonce)
    return user is not None and user not in own


def _count(nodes: Nodes, sender: Address, block: int) -> int:
    return quantity(nodes.request("eth_getTransactionCount", sender, hex(block)))


def _user(block: Any, sender: Address, nonce: int) -> bytes | None:
    """The hash of a sender's transaction; None: it isn't in the block, which may have changed meanwhile."""
    try:
        for transaction in () if block is None else block["transactions"]:
            if transaction["from"].lower() == sender and quantity(transaction["nonce"]) == nonce:
                return data_of(transaction["hash"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ChainError(f"the node's block is broken: {error!r}") from None
    return None
