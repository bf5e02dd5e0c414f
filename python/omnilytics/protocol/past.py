"""The groups in which an account has uploaded before, read off the chain: a process remembers none."""

from __future__ import annotations

from collections.abc import Iterable

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.protocol.member import PastGroups
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, DropoutPolicy, Stage


def past_groups(chain: ChainPort, sessions: Iterable[SessionPort], account: Address) -> PastGroups:
    """What `DataOwner` would have remembered of these sessions.

    With policy `recover` a group are those of it who delivered: the sum that became known is theirs.
    """
    past = PastGroups()
    for session in sessions:
        if session.stage() is not Stage.SETUP and session.member(account).chunks_delivered:
            watch = Watch(chain, session)
            seats = watch.seats()
            seat = seats.seat_of(account)
            if seat is None:
                continue
            group = seats.groups[seat[0]]
            if watch.params.policy is DropoutPolicy.RECOVER:
                delivered = session.group(seat[0]).delivered
                group = tuple(one for place, one in enumerate(group) if delivered >> place & 1)
            past.add(session.owner(), group)
    return past
