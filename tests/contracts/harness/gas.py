"""The gas table of a test run: calls, least, mean and most gas of each function; printed by `pytest --gas`."""

from __future__ import annotations

from collections import defaultdict


class GasTable:
    """Gas of every transaction that succeeded, by contract and function."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, contract: str, function: str, used: int) -> None:
        self._used[contract, function].append(used)

    def rows(self) -> list[tuple[str, str, int, int, int, int]]:
        """(contract, function, calls, min, mean, max), sorted by name."""
        return [(*key, len(g), min(g), sum(g) // len(g), max(g)) for key, g in sorted(self._used.items())]

    def lines(self) -> list[str]:
        """The table as text, right-aligned numbers with thousands separators."""
        lines = [f"{'contract':<20}{'function':<20}{'calls':>8}{'min':>14}{'mean':>14}{'max':>14}"]
        for contract, function, calls, *gas in self.rows():
            lines.append(f"{contract:<20}{function:<20}{calls:>8,}" + "".join(f"{g:>14,}" for g in gas))
        return lines


TABLE = GasTable()
"""Of this process."""
