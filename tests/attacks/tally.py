"""What came out of the scenarios, one line each; `pytest tests/attacks -s` prints them at the end."""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
    """The outcome of a scenario, wei."""

    name: str
    profit: int
    """Of all attackers together, their gas paid; against staying away, which brings nothing."""
    over_honest: int | None
    """The same against what honest behaviour would have brought them; None where that is staying away."""
    honest_loss: int
    """The largest of an honest party, beyond its own gas."""

    @property
    def loses(self) -> bool:
        """Whether the attackers have less than if they had stayed away, and no more than honest work brings."""
        return self.profit < 0 and (self.over_honest is None or self.over_honest <= 0)


_told: list[Told] = []
_notes: list[str] = []


def tell(name: str, profit: int, over_honest: int | None, honest_loss: int) -> Told:
    """Keeps a line for the end of the run."""
    told = Told(name, profit, over_honest, honest_loss)
    _told.append(told)
    return told


def note(line: str) -> None:
    """Keeps what isn't money for the end of the run."""
    _notes.append(line)


def lines() -> list[str]:
    """The table so far, numbers in wei, and the notes."""
    if not _told:
        return _notes
    head = f"{'scenario':<76}{'attacker, wei':>26}{'over honest, wei':>26}{'honest loss, wei':>24}"
    rows = [
        f"{t.name:<76}{t.profit:>26,}{'-' if t.over_honest is None else f'{t.over_honest:,}':>26}{t.honest_loss:>24,}"
        for t in _told
    ]
    return ["", head, *rows, *_notes]
