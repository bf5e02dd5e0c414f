"""What was before a session, read off the chain, as a process remembers nothing: past groups, past sessions."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from omnilytics.chain.abi import decode_log
from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
from omnilytics.errors import InputError, ProtocolError
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, DropoutPolicy, Log, Stage


class PastGroups:
    """The groups in which one data owner has uploaded, and those of them who delivered, by model owner.

    In memory; hand it from session to session.
    """

    def __init__(self) -> None:
        self._groups: dict[Address, set[frozenset[Address]]] = {}

    def add(self, owner: Address, group: Collection[Address]) -> None:
        """Remembers a group."""
        self._groups.setdefault(owner, set()).add(frozenset(group))

    def near_repeat(self, owner: Address, group: Collection[Address]) -> bool:
        """Whether a past group of the same owner differs from `group` in exactly one member."""
        members = frozenset(group)
        return any(
            past != members and len(past - members) <= 1 and len(members - past) <= 1
            for past in self._groups.get(owner, ())
        )


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


def records_until(chain: ChainPort, market: MarketPort, session: SessionPort) -> list[SessionRecord]:
    """The records of a finished session and of those of its owner that were finished and opened before, in order.

    What the market remembered of its data owners follows from these.

    Raises:
        InputError: it isn't one of the market.
        ProtocolError: it isn't finished.
        ChainError: no answer.
    """
    opened = market.opened()
    owner = dict(opened).get(session.address)
    if owner is None:
        raise InputError(f"session: expected one of market {market.address}, got {session.address}")
    records = []
    for number, address in enumerate((one for one, other in opened if other == owner), 1):
        logs = tuple(chain.logs(address))
        if _finished(logs):
            records.append(SessionRecord(number, chain.chain_id, address, owner, logs))
        elif address == session.address:
            raise ProtocolError(
                f"session {address}: expected it to be finished, got stage {session.stage().name.lower()}"
            )
        if address == session.address:
            break
    return records


def _finished(logs: Iterable[tuple[int, Log]]) -> bool:
    decoded = (decode_log(log) for _, log in logs)
    return any(event is not None and event[0] == "Finished" for event in decoded)
