"""What one client reads of one session: its parameters, its events up to now, who sits where."""

from __future__ import annotations

from functools import cached_property

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.codec import Codec
from omnilytics.protocol.ledger import Ledger, PlaceOf
from omnilytics.protocol.seating import Seating
from omnilytics.types import Address, GroupStatus, Log, SessionParams


class Feed:
    """The logs of a contract as they come, from where they were read to last."""

    def __init__(self, chain: ChainPort, address: Address) -> None:
        self._chain = chain
        self._address = address
        self._read: list[tuple[int, Log]] = []
        self._next_block = 0

    def fresh(self) -> tuple[bool, list[tuple[int, Log]]]:
        """Whether the chain has gone back behind what was read; then all logs again, else those since."""
        if self._chain.simulated:
            fresh = self._chain.logs(self._address, self._next_block)
            self._next_block = self._chain.block_number() + 1
            return False, fresh
        logs, before = self._chain.logs(self._address), self._read
        again = logs[: len(before)] != before
        self._read = logs
        return again, logs if again else logs[len(before) :]


def places_on(chain: ChainPort) -> PlaceOf:
    """Asks the chain for a member's place in the group of an earlier session that it came back with."""
    return lambda cohort, account: chain.session(Address(f"0x{cohort >> 8:040x}")).alumnus(account).place


class Watch:
    """Reads a session again and again. Parameters are asked for once: they don't change after `start`."""

    def __init__(self, chain: ChainPort, session: SessionPort) -> None:
        self.chain = chain
        self.session = session
        self._known = Ledger()
        self._feed = Feed(chain, session.address)

    @cached_property
    def params(self) -> SessionParams:
        """The session's terms, once it is started."""
        return self.session.params()

    @cached_property
    def codec(self) -> Codec:
        """That of the session's terms."""
        return Codec(self.params)

    def ledger(self) -> Ledger:
        """The session's ledger up to the newest block; made anew where the chain has gone back."""
        again, fresh = self._feed.fresh()
        if again:
            self._known = Ledger()
        self._known.extend(log for _, log in fresh)
        return self._known

    def seats(self) -> Seating:
        """Who sits where by now."""
        return self.ledger().seats(self.params, places_on(self.chain))

    def groups(self, status: GroupStatus) -> list[int]:
        """The groups that stand there, by id."""
        return [g for g in range(self.session.group_count()) if self.session.group(g).status is status]

    def next_block(self) -> int:
        """The block that the next transaction is expected in."""
        return self.chain.block_number() + 1
