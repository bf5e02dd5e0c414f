"""The embedded chain, taken for one that others are on and that may go back; members with durable secrets."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import Reverted
from omnilytics.experiments.simulate import Simulation
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.randomness import DurableRandomness, Randomness
from omnilytics.protocol.releases import ReleaseLog
from omnilytics.types import Address, Receipt
from tests.e2e.market import Fair, World

MOST_MARKS = 40


class Sent(NamedTuple):
    """A transaction of a history that may be left."""

    call: str
    sender: Address
    to: Address
    data: bytes
    value_wei: int


class Shared(EmbeddedChain):
    """No seed may drive a client here, and what was read may change.

    `marks`: before each of the newest blocks its height, a snapshot, and what was sent in it; `MOST_MARKS` at most.
    """

    simulated = False  # type: ignore[assignment]
    marks: list[tuple[int, int, Sent | None]]

    def send(self, call: str, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> Receipt:
        self._mark(Sent(call, sender, to, data, value_wei))
        return super().send(call, sender, to, data, value_wei)

    def wait_until(self, timestamp: int) -> None:
        self._mark(None)
        super().wait_until(timestamp)

    def wait_blocks(self, count: int) -> None:
        super().wait_blocks(max(0, count - MOST_MARKS))
        for _ in range(min(count, MOST_MARKS)):
            self._mark(None)
            super().wait_blocks(1)

    def turn_back(self, depth: int, again: Callable[[list[Sent]], list[Sent]]) -> None:
        """Leaves the newest blocks, if they are marked; then mines of what was in them what `again` makes of it.

        Nobody hears of those: it isn't their senders who have sent them.
        """
        target = self.block_number() - depth
        left = [mark for mark in self.marks if mark[0] >= target]
        if not left or left[0][0] != target:
            return
        self.revert(left[0][1])
        del self.marks[-len(left) :]
        listeners, self.on_receipt = self.on_receipt, []
        for sent in again([sent for _, _, sent in left if sent is not None]):
            with suppress(Reverted):
                self.send(*sent)
        self.on_receipt = listeners

    def _mark(self, sent: Sent | None) -> None:
        marks = vars(self).setdefault("marks", [])
        while marks and marks[-1][0] >= self.block_number():
            marks.pop()
        marks.append((self.block_number(), self.snapshot(), sent))
        del marks[:-MOST_MARKS]


@dataclass
class Drawer:
    """A vault, which lasts as long as the test."""

    things: dict[str, bytes] = field(default_factory=dict)

    def secret(self, name: str) -> bytes:
        return self.keep(name, secrets.token_bytes(32))

    def keep(self, name: str, content: bytes) -> bytes:
        return self.things.setdefault(name, content)

    def kept(self, name: str) -> bytes | None:
        return self.things.get(name)


class Kept(ReleaseLog):
    """As if it were in a file."""

    def __init__(self) -> None:
        super().__init__()
        self.durable = True


@dataclass
class Open(Fair):
    """A fair on such a chain; what a member keeps outlives its process."""

    drawers: dict[Address, Drawer] = field(default_factory=dict)
    releases: dict[Address, ReleaseLog] = field(default_factory=dict)

    def settle(self) -> World:
        world = Simulation(self.count)
        world.chain.__class__ = Shared
        return world

    @property
    def chain(self) -> Shared:
        assert isinstance(self.world.chain, Shared)
        return self.world.chain

    def role(self, index: int, account: Address) -> DataOwner:
        log = self.releases.setdefault(account, Kept())
        return DataOwner(self.world.chain, account, self.behaviours.get(index), self.policy, releases=log)

    def randomness(self, index: int, session: int) -> Randomness:
        account, there = self.members[index], self.sessions[session - 1]
        return DurableRandomness(self.drawers.setdefault(account, Drawer()), there.address)
