"""Gas and size of every transaction of a run, by function."""

from __future__ import annotations

from collections import defaultdict

from tests.contracts.harness.contract import Backend
from tests.contracts.harness.evm import ENVELOPE_BYTES, Outcome


class Recorder:
    """A backend that writes down what passes through it.

    Args:
        inner: the backend that does the work.
    """

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.transactions: list[tuple[str, int, int]] = []
        """(function, gas, bytes of the transaction), in order."""

    def transact(
        self, call: str, sender: str, to: str, data: bytes, value: int = 0, gas_price: int = 0, tip: int = 0
    ) -> Outcome:
        outcome = self._inner.transact(call, sender, to, data, value, gas_price, tip)
        self.transactions.append((call, outcome.gas_used, len(data) + ENVELOPE_BYTES))
        return outcome

    def deploy(self, name: str, sender: str, init_code: bytes, value: int = 0) -> Outcome:
        outcome = self._inner.deploy(name, sender, init_code, value)
        self.transactions.append((f"deploy {name}", outcome.gas_used, len(init_code) + ENVELOPE_BYTES))
        return outcome

    def call(self, name: str, sender: str, to: str, data: bytes) -> bytes:
        return self._inner.call(name, sender, to, data)

    def table(self) -> dict[str, dict[str, int]]:
        """Calls, least, mean and most gas and the longest transaction of each function, by its first use."""
        rows: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for call, gas, size in self.transactions:
            rows[call].append((gas, size))
        return {
            call: {
                "calls": len(used),
                "min": min(g for g, _ in used),
                "mean": sum(g for g, _ in used) // len(used),
                "max": max(g for g, _ in used),
                "bytes": max(s for _, s in used),
            }
            for call, used in rows.items()
        }
