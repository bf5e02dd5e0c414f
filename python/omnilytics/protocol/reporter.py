"""What a session's driver says in the event stream: its own steps, and what receipts tell."""

from __future__ import annotations

from dataclasses import dataclass

from omnilytics.chain.abi import decode_log
from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.protocol import events
from omnilytics.protocol.teller import Teller
from omnilytics.types import Receipt, Stage


@dataclass(slots=True, kw_only=True)
class Reporter(Teller):
    """Asks the contract where it stands. `seats` is kept current by the driver."""

    chain: ChainPort
    session: SessionPort
    _stage: tuple[Stage, int] | None = None

    def did(self, receipt: Receipt, reason: str = "") -> None:
        """A transaction: its gas, and what its logs say; `reason` is why a member declines or objects."""
        self.sink(events.GasUsed.of(self.number, receipt))
        for log in receipt.logs:
            decoded = decode_log(log)
            if decoded is not None:
                self.logged(*decoded, reason)

    def staged(self) -> None:
        """The session's stage, if it or its deadline has changed: the second commitment round has one of its own."""
        stage, deadline = self.session.stage(), self.session.deadline()
        if (stage, deadline) != self._stage:
            self._stage = stage, deadline
            self.stage(stage, deadline, self.chain.timestamp())

    def moved(self, group: int) -> None:
        """A group has moved on to where the contract says it stands."""
        self.group(group, self.session.group(group).status.name.lower())

    def books(self) -> None:
        """The session's money now."""
        self.reserve_wei = self.session.reserve()
        self.money(self.session.money())
