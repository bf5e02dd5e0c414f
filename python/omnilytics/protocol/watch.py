"""What one client reads of one session: its parameters, its events up to now, who sits where."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Protocol, TypeVar

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.codec import Codec
from omnilytics.protocol.blob_sums import BlobSums
from omnilytics.protocol.judging import Sums
from omnilytics.protocol.ledger import Ledger, PlaceOf
from omnilytics.protocol.seating import Seating
from omnilytics.types import Address, GroupStatus, Log, SessionParams


class Watching(Protocol):
    """Who decides by what it reads of a session."""

    @property
    def watch(self) -> Watch: ...


Watcher = TypeVar("Watcher", bound=Watching)
Found = TypeVar("Found")


def at_a_glance(decide: Callable[[Watcher], Found]) -> Callable[[Watcher], Found]:
    """Has a decision ask the chain for each thing once."""

    @wraps(decide)
    def decided(self: Watcher) -> Found:
        with self.watch.chain.steady():
            return decide(self)

    return decided


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
        if logs is before:
            return False, []
        again = logs[: len(before)] != before
        self._read = logs
        return again, logs if again else logs[len(before) :]


def places_on(chain: ChainPort) -> PlaceOf:
    """Asks the chain for a member's place in the group of an earlier session that it came back with."""
    return lambda cohort, account: chain.session(Address(f"0x{cohort >> 8:040x}")).alumnus(account).place


class Watch:
    """Reads a session again and again. Parameters are asked for once: they don't change after `start`.

    `history` counts how often the chain has gone back behind what was read: what followed from that is void then.
    """

    def __init__(self, chain: ChainPort, session: SessionPort) -> None:
        self.chain = chain
        self.session = session
        self._known = Ledger()
        self._feed = Feed(chain, session.address)
        self._drawn: tuple[Ledger, bytes | None, bytes | None, Seating] | None = None
        self.history = 0

    @cached_property
    def params(self) -> SessionParams:
        """The session's terms, once it is started."""
        return self.session.params()

    @cached_property
    def codec(self) -> Codec:
        """That of the session's terms."""
        return Codec(self.params)

    @cached_property
    def blob_sums(self) -> BlobSums:
        """The sums of a session whose vectors are in blobs."""
        return BlobSums(self.params, self.codec, self.chain.chain_id, self.session.address, self.chain.blobs)

    def ledger(self) -> Ledger:
        """The session's ledger up to the newest block; made anew where the chain has gone back."""
        again, fresh = self._feed.fresh()
        if again:
            self._turn_back()
        self._known.extend(log for _, log in fresh)
        if fresh and self._known.posted:
            self.blob_sums.fill(self._known)
        return self._known

    def _turn_back(self) -> None:
        self._known = Ledger()
        self.history += 1
        for name in ("params", "codec", "blob_sums"):
            vars(self).pop(name, None)

    def seats(self) -> Seating:
        """Who sits where by now; worked out once for each draw."""
        ledger = self.ledger()
        if self._drawn is None or self._drawn[0] is not ledger or self._drawn[1:3] != (ledger.seed, ledger.second_seed):
            seats = ledger.seats(self.params, places_on(self.chain))
            self._drawn = ledger, ledger.seed, ledger.second_seed, seats
        return self._drawn[3]

    def sums(self) -> Sums:
        """The sums of all groups that have one, to judge them by."""
        ledger, codec = self.ledger(), self.codec
        groups = sorted({group for group, _ in ledger.aggregates})
        aggregates = {group: ledger.aggregate(group, codec.chunks) for group in groups}
        return Sums.of(codec, aggregates, {group: self.session.group(group).delivered.bit_count() for group in groups})

    def groups(self, status: GroupStatus) -> list[int]:
        """The groups that stand there, by id."""
        return [g for g in range(self.session.group_count()) if self.session.group(g).status is status]

    def next_block(self) -> int:
        """The block that the next transaction is expected in."""
        return self.chain.block_number() + 1
