"""What a market remembers, in plain Python, from docs/PROTOCOL.md sections 10 and 11: sessions and suspicions."""

from __future__ import annotations

from typing import Protocol

from tests.contracts.harness import economy


class Earlier(Protocol):
    """A session whose accepted groups may come back."""

    owner: str

    def alumnus(self, account: str) -> tuple[bool, int, int, int]:
        """Accepted, group, place, N."""


class Ledger:
    """One market. `sessions` are those that it made, by address as a number."""

    def __init__(self) -> None:
        self.sessions: dict[int, Earlier] = {}
        self.suspicions: dict[tuple[str, str], int] = {}

    def decay(self, owner: str, account: str, constants: economy.RecordConstants) -> int:
        """The suspicion of somebody who registers (E26); a newcomer has no record after it either."""
        known = self.suspicions.get((owner, account))
        if known is None:
            return constants.newcomer
        self.suspicions[owner, account] = economy.decayed(known, constants.decay)
        return self.suspicions[owner, account]

    def record(self, owner: str, account: str, blamed: bool, constants: economy.RecordConstants) -> None:
        """(E27)"""
        known = self.suspicions.get((owner, account), constants.newcomer)
        self.suspicions[owner, account] = economy.recorded(known, constants.weight, blamed)

    def known(self, owner: str, account: str) -> tuple[bool, int]:
        """As the market's `suspicion`."""
        found = self.suspicions.get((owner, account))
        return (False, 0) if found is None else (True, found)

    def place_in(self, cohort: int, owner: str, account: str, members: int) -> int | None:
        """The caller's place in a cohort that it may name (E29); None: it may not."""
        earlier = self.sessions.get(cohort >> 8)
        if earlier is None or earlier.owner != owner:
            return None
        accepted, group, place, size = earlier.alumnus(account)
        return place if accepted and group == cohort & 255 and size == members else None
