"""What a node's refusal means: of the contract, of the machine, or of the chain."""

from __future__ import annotations

from omnilytics.chain.reverts import reverted
from omnilytics.chain.rpc.node import NodeError
from omnilytics.errors import ChainError

REVERT_CODE = 3
HALTS = (
    "out of gas",
    "outofgas",
    "gas required exceeds",
    "invalid opcode",
    "invalid jump",
    "stack overflow",
    "stack underflow",
)
ON_ITS_WAY = (
    "already known",
    "known transaction",
    "already imported",
    "nonce too low",
    "replacement transaction underpriced",
    "already reserved",
)
"""What a node says where this very transaction or a rival for its nonce is there: only the chain can tell which."""


def refusal(call: str, error: NodeError) -> ChainError:
    """The error of a refused simulation, call or transaction.

    Args:
        call: the contract function's name.
        error: what the node answered.
    """
    lower = error.message.lower()
    if error.code == REVERT_CODE or "revert" in lower:
        return reverted(call, error.data)
    if any(words in lower for words in HALTS):
        return reverted(call, b"", halt=error.message)
    return ChainError(f"{call}: the node refused it: {error.message}")


def on_its_way(error: NodeError) -> bool:
    """Whether the refusal of signed bytes leaves open what becomes of their nonce."""
    return any(words in error.message.lower() for words in ON_ITS_WAY)
