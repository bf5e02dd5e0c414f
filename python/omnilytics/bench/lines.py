"""Where the contracts' gas goes, by line of source: `bench gas --lines`."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from omnilytics.bench.gas import PARAMETERS, VARIANTS
from omnilytics.bench.report import Report, Row, Say
from omnilytics.bench.session import Played, play, reach
from omnilytics.chain.artifacts import load
from omnilytics.errors import DataError, VerificationError
from omnilytics.types import Address

SHOWN = 25
"""Lines of a session that the screen has room for."""

SESSIONS = ("norm", "krum")
PROXY = "the session's address, which forwards to its code"

NOTES = (
    "a line's gas is its own: what it calls in another line or contract counts there; the dispatch of a contract's "
    "functions counts on its first line",
    "outside of all instructions: 21,000 a transaction, calldata at its standard price, and what the floor of EIP-7623 "
    "adds; refunds are taken off",
)


@dataclass(frozen=True, slots=True)
class Lines:
    """Which line each instruction of one contract comes from.

    Attributes:
        counters: the program counters at which another line begins, ascending.
        places: the lines, as `source:line`.
        texts: by line.
    """

    counters: tuple[int, ...]
    places: tuple[str, ...]
    texts: Mapping[str, str]

    @classmethod
    def of(cls, contract: str) -> Lines:
        """Those of a contract of this source tree.

        Raises:
            DataError: this installation hasn't got them.
        """
        home = files("omnilytics.chain") / "artifacts" / "lines" / f"{contract}.json"
        try:
            content = json.loads(home.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(
                f"no lines of {contract} in this installation: expected a source tree, after `make contracts`"
            ) from None
        lines = content["lines"]
        return cls(tuple(pc for pc, _, _ in lines), tuple(f"{s}:{n}" for _, s, n in lines), content["texts"])

    def at(self, counter: int) -> str:
        """The line of the instruction there."""
        return self.places[max(0, bisect_right(self.counters, counter) - 1)]


def run(say: Say) -> Report:
    """Plays the paper's session with each rule, sends its transactions again and asks each instruction what it took.

    Raises:
        DataError: this installation hasn't got the sources' lines.
        VerificationError: a transaction costs another amount of gas the second time.
    """
    rows: list[Row] = []
    for variant in SESSIONS:
        say(f"gas by line: {variant}")
        played = play(VARIANTS[variant], PARAMETERS)
        names = deployed(played)
        lines = {name: Lines.of(name) for name in names.values()}
        spent, floor = profile(played)
        rows.append(Row(f"{variant}: outside of all instructions", floor, "gas"))
        by_line: Counter[str] = Counter()
        for (code, counter), gas in spent.items():
            by_line[_told(names.get(code), lines, counter)] += gas
        for rank, (line, gas) in enumerate(by_line.most_common()):
            if gas:
                rows.append(Row(f"{variant}: {line}", gas, "gas", detail=rank >= SHOWN))
    return Report("lines", tuple(rows), {}, {}, NOTES)


def _told(contract: str | None, lines: Mapping[str, Lines], counter: int) -> str:
    """A line with its contract and text."""
    if contract is None:
        return PROXY
    place = lines[contract].at(counter)
    return f"{contract}, {place}: {lines[contract].texts[place]}"


def deployed(played: Played) -> dict[Address, str]:
    """The contracts that stood before the session, by address."""
    codes = {load(name).bytecode: name for name in _with_libraries("Market")}
    return {
        sent.created: next(name for code, name in codes.items() if sent.calldata.startswith(code))
        for sent in played.deployed
        if sent.created is not None
    }


def _with_libraries(contract: str) -> set[str]:
    return {contract}.union(*(_with_libraries(library) for library in load(contract).libraries))


def profile(played: Played) -> tuple[Counter[tuple[Address, int]], int]:
    """Gas by code and program counter over a whole session, and what its transactions pay beyond that.

    Raises:
        VerificationError: a transaction costs another amount of gas the second time.
    """
    chain = played.chain
    chain.revert(played.before)
    found: Counter[tuple[Address, int]] = Counter()
    paid = 0
    for sent in played.sent:
        to = reach(chain, sent)
        receipt, spent = chain.send_profiled(sent.call, sent.sender, to, sent.calldata, sent.value)
        if receipt.gas_used != sent.gas:
            raise VerificationError(f"{sent.call}: expected {sent.gas} gas, got {receipt.gas_used} when profiled")
        paid += receipt.gas_used
        for one in spent:
            found[one.code, one.counter] += one.gas
    return found, paid - found.total()
