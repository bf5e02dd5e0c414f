"""Every entry of a journal brought to an end: its receipt taken, its bytes sent again, or its nonce found taken.

Nothing here depends on how far a process came before it ended: where an entry stands is asked of the chain each time,
so that a crash, a node that forgot its pool and a chain that went back are one case. Nothing is signed: what is sent
are the bytes that were written down, and whoever has the nonce decides which of them is mined, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from omnilytics.chain.intents import Intent, Journal, Pending
from omnilytics.types import Address, Receipt


class State(Enum):
    """Where an entry stands. The first three are the end of it."""

    DONE = "done"
    REVERTED = "reverted"
    REPLACED = "replaced"
    SHALLOW = "in a block, not deep enough"
    SENT = "sent again"
    REFUSED = "refused by the node"

    @property
    def ends(self) -> bool:
        """Whether nothing more is to be done."""
        return self in (State.DONE, State.REVERTED, State.REPLACED)


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction in a block: what came of it is its receipt, or in words why the contract refused it."""

    tx_hash: bytes
    block: int
    block_hash: bytes
    outcome: Receipt | str


class Node(Protocol):
    """What has to be asked of a chain."""

    def head(self) -> int:
        """Number of the newest block."""

    def nonce(self, account: Address, block: int) -> int:
        """Transactions of the account up to a block, with it."""

    def found(self, intent: Intent, tx_hash: bytes) -> Found | None:
        """The transaction of that hash, where it is in a block now."""

    def taker(self, account: Address, nonce: int) -> bytes | None:
        """Hash of the transaction in a block that has the account's nonce; None: the node can't tell any more."""

    def send(self, raw: bytes) -> str | None:
        """Hands over signed bytes. None: it has them, now or already; else its refusal, in words."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entry stands, and why, in words."""

    pending: Pending
    state: State
    words: str


def look(journal: Journal, node: Node, pending: Pending, confirmations: int) -> Standing:
    """Takes one entry as far as the chain allows now, without waiting.

    Args:
        journal: is told what is found; closes the entry where that is the end of it.
        node: of the chain.
        pending: the entry.
        confirmations: blocks on top of a transaction's own before it counts as done, >= 0.
    """
    nonce, sender = pending.intent.nonce, pending.intent.sender
    head = node.head()
    deep = max(0, head - confirmations)
    found = _found(node, pending)
    used = node.nonce(sender, deep) > nonce
    if found is None and used:
        found = _found(node, pending)  # it may have come between the two questions
    if found is not None:
        return _mined(journal, pending, found, deep)
    if used:
        return _taken(journal, node, pending)
    if node.nonce(sender, head) > nonce:
        return Standing(pending, State.SHALLOW, f"nonce {nonce} is used in a block less than {confirmations} deep")
    refusal = node.send(pending.attempts[-1].raw)
    if refusal is not None:
        return Standing(pending, State.REFUSED, f"nonce {nonce}: the node says: {refusal}")
    return Standing(pending, State.SENT, f"nonce {nonce} is on its way")


def resume(
    journal: Journal,
    node: Node,
    chain_id: int,
    sender: Address,
    confirmations: int,
    wait: Callable[[Sequence[Standing]], None],
) -> list[Standing]:
    """Brings every open entry of a sender to an end, in order of nonce.

    Args:
        journal: as `look`.
        node: as `look`.
        chain_id: EIP-155.
        sender: whose entries.
        confirmations: as `look`.
        wait: called with what is still open, before the chain is asked again; raises when patience is over.

    Returns:
        What became of each entry.
    """
    ended: list[Standing] = []
    while pending := journal.pending(chain_id, sender):
        standings = [look(journal, node, one, confirmations) for one in pending]
        ended += [one for one in standings if one.state.ends]
        if still_open := [one for one in standings if not one.state.ends]:
            wait(still_open)
    return ended


def free_nonce(pending: Sequence[Pending], used: int) -> int:
    """The nonce of the next transaction: the least that neither the chain nor an open entry has.

    Args:
        pending: the sender's open entries.
        used: transactions of the sender on the chain.
    """
    taken = {one.intent.nonce for one in pending}
    return next(nonce for nonce in range(used, used + len(taken) + 1) if nonce not in taken)


def _found(node: Node, pending: Pending) -> Found | None:
    """Whichever attempt is in a block, the newest first."""
    return next((f for a in reversed(pending.attempts) if (f := node.found(pending.intent, a.tx_hash))), None)


def _taken(journal: Journal, node: Node, pending: Pending) -> Standing:
    """That there is no receipt proves nothing: a node that is behind another one hasn't got it yet."""
    nonce, sender = pending.intent.nonce, pending.intent.sender
    if node.taker(sender, nonce) in {attempt.tx_hash for attempt in pending.attempts}:
        return Standing(pending, State.SHALLOW, f"nonce {nonce} is in a block whose receipts the node hasn't got yet")
    words = f"nonce {nonce} of {sender} was used by another transaction"
    journal.close(pending.entry, words)
    return Standing(pending, State.REPLACED, words)


def _mined(journal: Journal, pending: Pending, found: Found, deep: int) -> Standing:
    journal.mined(pending.entry, found.tx_hash, found.block, found.block_hash)
    if found.block > deep:
        return Standing(pending, State.SHALLOW, f"nonce {pending.intent.nonce} is in block {found.block}")
    journal.close(pending.entry, found.outcome)
    if isinstance(found.outcome, str):
        return Standing(pending, State.REVERTED, found.outcome)
    return Standing(pending, State.DONE, f"nonce {pending.intent.nonce} is done in block {found.block}")
