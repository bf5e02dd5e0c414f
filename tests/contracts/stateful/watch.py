"""What everybody learns from a session's events: secrets, and what enough shares give."""

from __future__ import annotations

import itertools

from tests.contracts.harness import Receipt
from tests.contracts.harness.dealing import rebuilt


class Watcher:
    """Somebody who reads all events.

    Args:
        threshold: T.
    """

    def __init__(self, threshold: int) -> None:
        self.threshold = threshold
        self.known: set[int] = set()
        """Secrets."""
        self.told: set[int] = set()
        """Groups of which something is known."""
        self.shares: dict[tuple[int, int], dict[int, int]] = {}
        """By group and dealer, then by holder: a contract takes those of one polynomial alone."""

    def read(self, receipt: Receipt) -> None:
        for event in receipt.events:
            name = type(event).__name__
            if name in ("Revealed", "Rebuilt"):
                self.known.add(event.secret)
            elif name == "ShareRevealed":
                self._take(event.group, event.dealer, event.place, event.share)
            else:
                continue
            self.told.add(event.group)

    def _take(self, group: int, dealer: int, holder: int, share: int) -> None:
        held = self.shares.setdefault((group, dealer), {})
        others = [place for place in held if place != holder]
        held[holder] = share
        for chosen in itertools.combinations(others, self.threshold - 1):
            inside = sorted((*chosen, holder))
            self.known.add(rebuilt(sum(1 << place for place in inside), [held[place] for place in inside]))
