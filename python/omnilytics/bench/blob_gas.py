"""Suite `gas` with `--mode blob`: whole sessions in blobs against the paper's way, and the way of the data against d.

Gas includes that of blobs at the reserve price. It depends on nothing but bytes and rules, as in calldata.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from omnilytics.bench import baseline
from omnilytics.bench.gas import BARE, FORKS, PAPER, PAPERS, PHASES, Largest, phases
from omnilytics.bench.report import Report, Row, Say
from omnilytics.bench.session import CLIP, Sent, play
from omnilytics.blobs.blob import BLOB_GAS_A_GAS, MOST_BLOBS
from omnilytics.chain.embedded import GAS_PRICE_WEI
from omnilytics.errors import InputError, VerificationError
from omnilytics.protocol.blob_sums import groups_in_call
from omnilytics.protocol.terms import FEE_CAP_WEI, Terms, check_params
from omnilytics.types import Assignment, Mode, RecordConstants, Rule

PRICES = (0.85, 1.06)
"""Of a blob gas over the reserve price, as receipts may have it: within one step of the blob fee, up with six blobs."""

NORM = replace(BARE, bound=127, mode=Mode.BLOB, assignment=Assignment.GREEDY)
PACKED = replace(NORM, packed=True)
KRUM = replace(NORM, rule=Rule.KRUM, krum_m=PAPER.picks)

VARIANTS: Mapping[str, Terms] = {
    "norm": NORM,
    "norm, packed": PACKED,
    "norm, shuffled": replace(NORM, assignment=Assignment.SHUFFLED),
    "krum": KRUM,
    "norm+vote": replace(NORM, rule=Rule.NORM_VOTE),
    "norm with fees and records": replace(NORM, fee_cap_wei=FEE_CAP_WEI, records=RecordConstants()),
    "norm, shuffled, with fees and records": replace(
        NORM, assignment=Assignment.SHUFFLED, fee_cap_wei=FEE_CAP_WEI, records=RecordConstants()
    ),
}
"""Sessions of the paper's shape; the first is that of the ratios."""

BOUNDS = {"gas_blob": 600.0, "gas_blob_data": 1_500.0}

PROVING = ("select_proven", "select_packed", "continue_proof", "continue_packed", "finish_proof", "finish_packed")
"""The calls of a proof, which the formula takes for one: each further one adds about 1 % to the sums that it brings."""

SET_UP = "set up"
DATA = ("upload", "aggregate", "select")
"""The phases that the vectors go through."""

SIZES = (40, 4_096, 5_705, 28_672, 65_536, 131_072)
"""d of the sessions that are played in both modes, and packed: 1, 2, 7, 16 and 32 blobs a member, packed 1 and 2."""

PACKED_SIZES = (2**18,)
"""d of more that are packed: 4 blobs a member, and nearly as many lanes as a call may have."""

LARGER = (2**18, 2**20, 2_500_000)
"""d that the formula alone is asked for."""

CALLDATA = "calldata mode"

NOTES = (
    "a blob gas counts as 1/16 gas, the reserve price of EIP-7918; receipts paid {least:.3f} to {most:.3f} of it",
    "gas_blob counts every transaction from registration to the last payment on both sides, gas_blob_data those of "
    "upload, aggregate and select; set-up (members, W^p, terms) is in the rows `total with set-up`",
    "assignment greedy unless a row says shuffled: the paper's data owners are seated in order of registration, "
    "without a draw",
    "the end of stage Accuse, which nobody uses, is part of aggregate; votes are part of select",
    "against d: both modes, and packed blobs, with norm, 8 bits, R = 8, N = 4, fees and records off; formulas by least "
    "squares over the sessions played, everything beyond them extrapolated",
)


def run(
    say: Say,
    variants: Mapping[str, Terms] = VARIANTS,
    sizes: Sequence[int] = SIZES,
    further: Sequence[int] = PACKED_SIZES,
) -> Report:
    """Plays the paper's way, sessions of its shape in blobs, and both modes at growing d.

    Args:
        say: gets a line for each session.
        variants: of the paper's shape; the first is that of the ratios.
        sizes: d, of two different numbers of blobs or more.
        further: d of more sessions in packed blobs.

    Raises:
        VerificationError: a session went wrong, a transaction is larger than nodes take, or blobs had another price
            than the reserve price.
    """
    comparison = _Comparison(say)
    for fork in FORKS:
        comparison.shape(fork, variants if fork == FORKS[0] else dict(list(variants.items())[:1]))
    comparison.growth(sizes)
    comparison.packed((*sizes, *further))
    least, most = min(comparison.prices), max(comparison.prices)
    notes = (*(note.format(least=least, most=most) for note in NOTES), *comparison.notes, comparison.largest.note())
    return Report("blob_gas", tuple(comparison.rows), comparison.ratios, BOUNDS, notes)


def priced(sent: Iterable[Sent]) -> tuple[Sent, ...]:
    """Transactions with the gas of their blobs, at the reserve price, in their gas."""
    return tuple(replace(one, gas=one.gas + one.blob_gas // BLOB_GAS_A_GAS) for one in sent)


def prices(sent: Iterable[Sent]) -> list[float]:
    """What each blob transaction paid a blob gas, over the reserve price.

    Raises:
        VerificationError: beyond `PRICES`.
    """
    found = [one.blob_gas_price_wei * BLOB_GAS_A_GAS / GAS_PRICE_WEI for one in sent if one.blob_gas]
    if wrong := [price for price in found if not PRICES[0] <= price <= PRICES[1]]:
        raise VerificationError(
            f"blob gas: expected {PRICES[0]} to {PRICES[1]} of the reserve price, got {wrong[0]:.3f}"
        )
    return found


class _Comparison:
    """What the sessions so far have cost."""

    def __init__(self, say: Say) -> None:
        self.rows: list[Row] = []
        self.ratios: dict[str, float] = {}
        self.notes: list[str] = []
        self.prices: list[float] = []
        self.largest = Largest()
        self._say = say

    def shape(self, fork: str, variants: Mapping[str, Terms]) -> None:
        """The paper's shape under one fork's rules."""
        self._say(f"gas in blobs: {fork}, the paper's way")
        paper = phases(baseline.play(PAPER, fork))
        suffix = "" if fork == FORKS[0] else f"_{fork}"
        for number, (variant, terms) in enumerate(variants.items()):
            name = f"{fork}, R={PAPER.rounds}, N={PAPER.members}, d={PAPER.parameters}, {variant}"
            self._say(f"gas in blobs: {name}")
            ours = phases(self._play(terms, PAPER.parameters, fork))
            self.rows += _rows(name, ours, paper)
            if number == 0:
                self.ratios[f"gas_blob{suffix}"] = _later(paper) / _later(ours)
                self.ratios[f"gas_blob_data{suffix}"] = _data(paper) / _data(ours)

    def growth(self, sizes: Sequence[int]) -> None:
        """Both modes against d, with formulas."""
        played: dict[int, tuple[Sent, ...]] = {}
        calldata: dict[int, int] = {}
        for d in sizes:
            self._say(f"gas in blobs: d = {d:,}")
            played[d] = self._play(NORM, d)
            calldata[d] = _data(phases(self._play(replace(NORM, mode=Mode.CALLDATA), d)))
        formula = Formula.fitted(_shaped(NORM), played)
        slope, offset = np.polyfit(list(calldata), list(calldata.values()), 1)
        self.rows += formula.rows()
        self.rows += (
            Row(f"formula, {CALLDATA}: a session", offset, "gas"),
            Row(f"formula, {CALLDATA}: a parameter", slope, "gas"),
        )
        for d, sent in played.items():
            gas = _data(phases(sent))
            self.rows.append(Row(f"data, d = {d:,}", gas, "gas", CALLDATA, calldata[d]))
            self.rows.append(Row(f"data, d = {d:,}: by the formula", formula(d), "gas", "measured", gas, detail=True))
            even = 1 + BLOB_GAS_A_GAS * (calldata[d] - gas) / sum(one.blob_gas for one in sent)
            if even > 0:
                name = f"data, d = {d:,}: price of a blob gas at which calldata is as cheap"
                self.rows.append(Row(name, even, "reserve prices"))
        off = max(abs(formula(d) / _data(phases(sent)) - 1) for d, sent in played.items())
        self.notes.append(f"the formula is at most {100 * off:.2f} % off what it was fitted to")
        for d in LARGER:
            row = Row(
                f"data, d = {d:,}, extrapolated", formula(d), "gas", f"{CALLDATA}, extrapolated", offset + slope * d
            )
            self.rows.append(row)
            if (why := refusal(_shaped(NORM), d)) is not None:
                self.notes.append(f"d = {d:,} is the formula alone, no session: {why}")
        self.notes.append(crossing({d: _data(phases(sent)) for d, sent in played.items()}, calldata))

    def packed(self, sizes: Sequence[int]) -> None:
        """Packed blobs against d, with a formula."""
        played: dict[int, tuple[Sent, ...]] = {}
        for d in sizes:
            self._say(f"gas in blobs: d = {d:,}, packed")
            played[d] = self._play(PACKED, d)
        formula = Formula.fitted(_shaped(PACKED), played)
        self.rows += formula.rows()
        for d, sent in played.items():
            gas = _data(phases(sent))
            self.rows.append(Row(f"data, packed, d = {d:,}", gas, "gas"))
            self.rows.append(
                Row(f"data, packed, d = {d:,}: by the formula", formula(d), "gas", "measured", gas, detail=True)
            )
            blobs = sum(one.blob_gas for one in sent) // BLOB_GAS_A_GAS
            self.rows.append(Row(f"data, packed, d = {d:,}: without blob gas", gas - blobs, "gas", detail=True))
        off = max(abs(formula(d) / _data(phases(sent)) - 1) for d, sent in played.items())
        self.notes.append(f"the formula of packed blobs is at most {100 * off:.2f} % off what it was fitted to")

    def _play(self, terms: Terms, parameters: int, fork: str = FORKS[0]) -> tuple[Sent, ...]:
        sent = play(_shaped(terms), parameters, fork).sent
        self.largest.check(sent)
        self.prices += prices(sent)
        return priced(sent)


def _shaped(terms: Terms) -> Terms:
    return replace(terms, rounds=PAPER.rounds, group_size=PAPER.members)


@dataclass(frozen=True, slots=True)
class Formula:
    """Gas of a session's vectors as a function of d: R N owners post, somebody sums and selects.

    Attributes:
        terms: of the session.
        prices: gas of each thing that `things` counts, by call; with its blob gas.
    """

    terms: Terms
    prices: Mapping[str, tuple[float, ...]]

    @classmethod
    def fitted(cls, terms: Terms, played: Mapping[int, Sequence[Sent]]) -> Formula:
        """The least squares over sessions, by d, each call by itself."""
        found: dict[str, tuple[float, ...]] = {}
        for call in things(terms, 1):
            names = PROVING if call in PROVING else (call,)
            counts = np.array([list(things(terms, d)[call].values()) for d in played], dtype=np.float64)
            gas = np.array([sum(one.gas for one in sent if one.call in names) for sent in played.values()], np.float64)
            found[call] = tuple(map(float, np.linalg.lstsq(counts, gas, rcond=None)[0]))
        return cls(terms, found)

    def __call__(self, parameters: int) -> float:
        """Gas of all posts, sums and the selection for d parameters."""
        return sum(
            price * count
            for call, counts in things(self.terms, parameters).items()
            for price, count in zip(self.prices[call], counts.values(), strict=True)
        )

    def rows(self) -> Iterator[Row]:
        """The prices; what no session had has none."""
        for call, counts in things(self.terms, 1).items():
            for thing, price in zip(counts, self.prices[call], strict=True):
                if price:
                    yield Row(f"formula, {call}: {thing}", price, "gas")


def things(terms: Terms, parameters: int) -> dict[str, dict[str, int]]:
    """What a session with d parameters has of all that the formula has a price for, by call."""
    params = terms.params(parameters, CLIP)
    owners, sums = params.rounds * params.members, params.rounds * params.lanes
    further = owners * ((params.chunks - 1) // MOST_BLOBS)
    return {
        "post": {"a data owner": owners, "a further transaction": further, "a blob": owners * params.chunks},
        "add_sums": {
            "a call": -(-params.rounds // groups_in_call(params)),
            "a commitment": owners * params.chunks,
        },
        "select_packed" if params.packed else "select_proven": {
            "the call": 1,
            "a lane" if params.packed else "a sum": sums,
        },
    }


def refusal(terms: Terms, parameters: int) -> str | None:
    """Why no session of that many parameters can be opened; None: it can."""
    try:
        check_params(terms.params(parameters, CLIP), terms.rounds * terms.group_size, 0)
    except InputError as error:
        return str(error)
    return None


def crossing(blobs: Mapping[int, int], calldata: Mapping[int, int]) -> str:
    """A note on the d from which blobs are the cheaper way, by sessions of both."""
    cheaper = [d for d in sorted(blobs) if blobs[d] < calldata[d]]
    dearer = [d for d in sorted(blobs) if blobs[d] >= calldata[d]]
    if not dearer:
        return f"no crossing at the reserve price: blobs are cheaper at every d played, from d = {cheaper[0]:,} on"
    if not cheaper:
        return f"calldata is cheaper at every d played, up to d = {dearer[-1]:,}"
    return f"crossing at the reserve price: between d = {dearer[-1]:,} and d = {cheaper[0]:,} blobs get cheaper"


def _rows(name: str, ours: Counter[str], paper: Counter[str]) -> Iterator[Row]:
    yield Row(f"{name}: total", _later(ours), "gas", PAPERS, _later(paper))
    yield Row(f"{name}: data", _data(ours), "gas", PAPERS, _data(paper))
    yield Row(f"{name}: total with set-up", ours.total(), "gas", PAPERS, paper.total())
    for phase in PHASES:
        if ours[phase]:
            anchor = PAPERS if paper[phase] else None
            yield Row(f"{name}: {phase}", ours[phase], "gas", anchor, paper[phase] or None, detail=True)


def _later(gas: Counter[str]) -> int:
    """From registration to the last payment."""
    return gas.total() - gas[SET_UP]


def _data(gas: Counter[str]) -> int:
    return sum(gas[phase] for phase in DATA)
