"""Waiting until the chain won't go back behind what a client acts on."""

from __future__ import annotations

from collections.abc import Callable

from omnilytics.chain.abi import decode_log
from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.errors import ProtocolError
from omnilytics.protocol.steps import Waiting

FINALITY_BLOCKS = 96
"""Three epochs of Ethereum: a checkpoint is final after two, and a block may be one older than its checkpoint."""

BLOCK_SECS = 12
"""Of Ethereum."""


def final_after(blocks: int | None, *, simulated: bool) -> int:
    """How deep a block must be before it can't be taken back.

    Args:
        blocks: what somebody has chosen; None: 96, where the chain is simulated 0.
        simulated: whether it is.
    """
    if blocks is not None:
        return blocks
    return 0 if simulated else FINALITY_BLOCKS


def until_final(chain: ChainPort, blocks: int) -> Waiting:
    """Waits for so many blocks."""
    return Waiting("the chain to be final", block=chain.block_number() + blocks)


def settled(chain: ChainPort, session: SessionPort, event: str, read: Callable[[], int], blocks: int) -> int:
    """What `read` reads of the session, once the newest event of that name is so many blocks deep.

    Args:
        chain: where the session is.
        session: it.
        event: what fixed the value.
        read: asks the session for it.
        blocks: 0: as it is now.

    Raises:
        ProtocolError: there is no such event, or the value has changed while this waited.
    """
    before = read()
    while left := blocks_left(chain, session, event, blocks):
        chain.wait_blocks(left)
    after = read()
    if after != before:
        raise ProtocolError(
            f"{event}: expected {before:#b} as {blocks} blocks ago, got {after:#b}: the chain has gone back behind it"
        )
    return after


def blocks_left(chain: ChainPort, session: SessionPort, event: str, blocks: int) -> int:
    """How many blocks it takes until the newest event of that name is `blocks` deep.

    Raises:
        ProtocolError: there is no such event.
    """
    return max(0, blocks - (chain.block_number() - _newest(chain, session, event))) if blocks else 0


def end_left(chain: ChainPort, session: SessionPort, blocks: int | None) -> int:
    """How many blocks it takes until a finished session's end is final.

    Args:
        chain: where it is.
        session: finished.
        blocks: as `final_after` has it.
    """
    return blocks_left(chain, session, "Finished", final_after(blocks, simulated=chain.simulated))


def _newest(chain: ChainPort, session: SessionPort, event: str) -> int:
    """The block of the newest event of that name."""
    for block, log in reversed(chain.logs(session.address)):
        decoded = decode_log(log)
        if decoded is not None and decoded[0] == event:
            return block
    raise ProtocolError(f"{event}: expected it among the session's events, got none: the chain has gone back behind it")
