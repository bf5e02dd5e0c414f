"""The gas table of a test run: calls, least, mean, most gas and words of each function; printed by `pytest --gas`."""

from __future__ import annotations

from collections import defaultdict

COLUMNS = ("calls", "min gas", "mean gas", "max gas", "max words")


class GasTable:
    """Gas and calldata of every transaction that succeeded, by contract and function."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)

    def add(self, contract: str, function: str, gas: int, data: bytes) -> None:
        """Counts a transaction of so much gas with this calldata."""
        self._used[contract, function].append((gas, len(data) // 32))

    def rows(self) -> list[tuple[str, str, int, int, int, int, int]]:
        """(contract, function, calls, min, mean, max gas, most words of calldata), sorted by name."""
        rows = []
        for key, used in sorted(self._used.items()):
            gas = [g for g, _ in used]
            rows.append((*key, len(gas), min(gas), sum(gas) // len(gas), max(gas), max(w for _, w in used)))
        return rows

    def lines(self) -> list[str]:
        """The table as text, right-aligned numbers with thousands separators."""
        lines = [f"{'contract':<20}{'function':<20}" + "".join(f"{c:>14}" for c in COLUMNS)]
        for contract, function, *numbers in self.rows():
            lines.append(f"{contract:<20}{function:<20}" + "".join(f"{n:>14,}" for n in numbers))
        return lines


TABLE = GasTable()
"""Of this process."""
