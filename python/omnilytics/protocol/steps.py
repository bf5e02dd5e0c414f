"""What a role that follows a chain does next, one step at a time: it acts, waits for something, or is done.

A role decides anew from what the chain says, every time: it keeps nothing that a crash could take away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from omnilytics.errors import ChainError, ProtocolError, Reverted
from omnilytics.types import Receipt


@dataclass(frozen=True, slots=True)
class Action:
    """A transaction that is to be sent now.

    Attributes:
        call: the contract function's name.
        what: what tells it from other calls of that name: group, place, chunk.
        send: sends it.
        words: what it does.
    """

    call: str
    what: tuple[int, ...]
    send: Callable[[], Receipt] = field(compare=False)
    words: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing to do yet.

    Attributes:
        what: what it waits for.
        until: unix time at which it acts at the latest, seconds; 0: no time is set.
        block: the block that it waits for; 0: none.
    """

    what: str
    until: int = 0
    block: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing will be left to do any more, and why."""

    what: str


@dataclass(frozen=True, slots=True)
class Acted:
    """A transaction succeeded."""

    words: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Lost:
    """What was to be done came too late: somebody else was first, or the chain has gone on or back, as it now shows."""

    call: str
    reason: str


Decision = Action | Waiting | Done
Step = Acted | Lost | Waiting | Done


class Role(Protocol):
    """Somebody who follows one session."""

    def decide(self) -> Decision:
        """What is to be done, by what the chain says now."""


def step(role: Role) -> Step:
    """Does what is to be done now, if anything is.

    Raises:
        Reverted, ProtocolError: refused, and what the chain says doesn't explain it.
        ChainError: as the role, or the node's answers contradict each other.
    """
    decision = _decided(role)
    if not isinstance(decision, Action):
        return decision
    try:
        return Acted(decision.words, decision.send())
    except (Reverted, ProtocolError) as error:
        if _decided(role) == decision:
            raise
        return Lost(decision.call, error.reason if isinstance(error, Reverted) else str(error))


def _decided(role: Role) -> Decision:
    """What would end the role counts at a second look: the first may have begun before the chain went back."""
    try:
        decision = role.decide()
        if not isinstance(decision, Done):
            return decision
    except (ProtocolError, LookupError):
        pass
    try:
        return role.decide()
    except LookupError as error:
        raise ChainError(f"the session's events don't go with its state: there is none of {error}") from None
