"""Journals that remember everything, or break at a step."""

from __future__ import annotations

from omnilytics.chain.intents import Attempt, Intent, MemoryJournal
from omnilytics.types import Receipt


class Diary(MemoryJournal):
    """Tells afterwards what it was told: (step, entry) in order."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[str, int]] = []
        self.outcomes: list[Receipt | str] = []

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        entry = super().intend(intent, attempt)
        self.steps.append(("intend", entry))
        return entry

    def replace(self, entry: int, attempt: Attempt) -> None:
        super().replace(entry, attempt)
        self.steps.append(("replace", entry))

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        super().mined(entry, tx_hash, block, block_hash)
        self.steps.append(("mined", entry))

    def close(self, entry: int, outcome: Receipt | str) -> None:
        super().close(entry, outcome)
        self.steps.append(("close", entry))
        self.outcomes.append(outcome)


class Crash(BaseException):
    """The process ends here."""


class Breaking(Diary):
    """Crashes once, before or after a step."""

    def __init__(self, step: str, after: bool) -> None:
        super().__init__()
        self._step: str | None = step
        self._after = after

    def _crash(self, step: str, after: bool) -> None:
        if (step, after) == (self._step, self._after):
            self._step = None
            raise Crash

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        self._crash("intend", False)
        entry = super().intend(intent, attempt)
        self._crash("intend", True)
        return entry

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        self._crash("mined", False)
        super().mined(entry, tx_hash, block, block_hash)
        self._crash("mined", True)

    def close(self, entry: int, outcome: Receipt | str) -> None:
        self._crash("close", False)
        super().close(entry, outcome)
        self._crash("close", True)
