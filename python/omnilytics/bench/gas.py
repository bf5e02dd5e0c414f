"""Suite `gas`: whole sessions against the paper's way, by phase, on the same chain under today's and coming rules.

Gas depends on nothing but bytes and rules: two runs of one version give the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from omnilytics.bench import baseline
from omnilytics.bench.baseline import Shape
from omnilytics.bench.report import Report, Row, Say
from omnilytics.bench.session import WEI, Played, Sent, play
from omnilytics.chain.embedded import TX_GAS_CAP
from omnilytics.errors import VerificationError
from omnilytics.protocol.terms import FEE_CAP_WEI, MAX_TRANSACTION_BYTES, Terms
from omnilytics.types import Encoding, RecordConstants, Rule

PARAMETERS = 5_705
FORKS = ("osaka", "amsterdam")
SHAPES = tuple(Shape(PARAMETERS, r, n) for r, n in ((8, 4), (2, 4), (4, 4), (6, 4), (6, 2), (6, 6), (6, 8)))
PAPERS = "the paper's way"
PAPER = SHAPES[0]
"""Of the ratios."""

BARE = Terms(reward_wei=10**18, fee_cap_wei=0, records=None, rule=Rule.NORM)
"""What the paper's way has too: nobody's gas is paid back, nothing is remembered."""

VARIANTS: Mapping[str, Terms] = {
    "norm": replace(BARE, bound=127),
    "krum": replace(BARE, bound=127, rule=Rule.KRUM),
    "4bit": replace(BARE, bound=7),
    "weights_krum": replace(BARE, encoding=Encoding.WEIGHTS, rule=Rule.KRUM),
}
"""Ours, by the name of the ratio: differences in 8 bits with either rule, in 4 bits, and the paper's own encoding."""

BOUNDS = {"gas_norm": 180.0, "gas_krum": 165.0, "gas_4bit": 240.0, "gas_weights_krum": 65.0}

PHASES = {
    "set up": ("create_session", "whitelist", "deploy", "publish", "start"),
    "register": ("register",),
    "draw, commit": ("draw", "commit"),
    "upload": ("upload", "post"),
    "aggregate": ("aggregate", "add_sums"),
    "select": (
        "gram",
        "vote",
        "open_vote",
        "select",
        "select_proven",
        "select_packed",
        "continue_proof",
        "continue_packed",
        "finish_proof",
        "finish_packed",
    ),
    "pay": ("settle", "withdraw"),
}

NOTES = (
    "a ratio counts every transaction of a session on both sides, from set-up to the last payment; of ours also the "
    "list of members, bonds, commitments and W^p as float32",
    "gas_*_full counts fees paid back and the market's records of members too, as sessions have them unless told",
    "not counted: the market and its libraries, deployed once for all sessions",
    "the paper's way registers, uploads and pays in each of its 23 contracts of at most 250 parameters",
    "krum isn't defined for 2 groups: left out there",
)


def run(say: Say) -> Report:
    """Plays all sessions.

    Raises:
        VerificationError: a session went wrong, or a transaction of ours is larger than nodes take.
    """
    comparison = Comparison()
    for fork in FORKS:
        for shape in SHAPES:
            say(f"gas: {fork}, R={shape.rounds}, N={shape.members}")
            comparison.add(fork, shape)
    notes = (*NOTES, *comparison.notes, comparison.largest.note())
    return Report("gas", tuple(comparison.rows), comparison.ratios, BOUNDS, notes)


@dataclass(slots=True)
class Largest:
    """The dearest and the longest transaction of all that passed by."""

    gas: int = 0
    size: int = 0

    def check(self, sent: Iterable[Sent]) -> None:
        """Looks at a session's transactions.

        Raises:
            VerificationError: one is dearer than 2^24 gas or longer than 128 KiB.
        """
        for one in sent:
            if one.gas > TX_GAS_CAP or one.size > MAX_TRANSACTION_BYTES:
                raise VerificationError(
                    f"{one.call}: expected at most {TX_GAS_CAP} gas and {MAX_TRANSACTION_BYTES} bytes, "
                    f"got {one.gas} and {one.size}"
                )
            self.gas, self.size = max(self.gas, one.gas), max(self.size, one.size)

    def note(self) -> str:
        """Both, beside their limits."""
        return (
            f"our largest transactions: {self.gas:,} gas of {TX_GAS_CAP:,} allowed, "
            f"{self.size:,} bytes of {MAX_TRANSACTION_BYTES:,}"
        )


def phases(sent: Iterable[Sent]) -> Counter[str]:
    """Gas by phase.

    Raises:
        VerificationError: a function that belongs to none.
    """
    of = {name: phase for phase, names in PHASES.items() for name in names}
    found: Counter[str] = Counter()
    for one in sent:
        if one.call not in of:
            raise VerificationError(f"gas: expected a function of {', '.join(of)}; got {one.call}")
        found[of[one.call]] += one.gas
    return found


def terms_of(variant: str, shape: Shape) -> Terms | None:
    """The offer of a variant in that shape; None where its rule isn't defined."""
    terms = replace(VARIANTS[variant], rounds=shape.rounds, group_size=shape.members, unsafe_small=shape.members < 3)
    if terms.rule is not Rule.KRUM:
        return terms
    return replace(terms, krum_m=shape.picks) if shape.rounds > shape.bad + 2 else None


@dataclass(slots=True)
class Comparison:
    """What the sessions so far have cost, ours beside the paper's way."""

    rows: list[Row] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    largest: Largest = field(default_factory=Largest)

    def add(self, fork: str, shape: Shape) -> None:
        """Plays one shape under one fork's rules in all variants."""
        played = baseline.play(shape, fork)
        paper = phases(played)
        for variant in VARIANTS:
            terms = terms_of(variant, shape)
            if terms is not None:
                self._variant(fork, shape, variant, terms, paper)
        if fork == FORKS[0] and shape == PAPER:
            off = 100 * (paper.total() / baseline.expected_gas(shape) - 1)
            self.notes.append(f"{fork}: the paper's way takes {paper.total():,} gas, {off:+.1f} % off its formula")
            once = paper.total() - sum(one.gas for one in baseline.repeated(shape, played))
            self.notes.append(f"{fork}: with registration and payment in one of its contracts only, {once:,} gas")

    def _variant(self, fork: str, shape: Shape, variant: str, terms: Terms, paper: Counter[str]) -> None:
        name = f"{fork}, R={shape.rounds}, N={shape.members}, {variant}"
        played = self._play(terms, shape, fork)
        ours = phases(played.sent)
        self.rows.append(Row(f"{name}: total", ours.total(), "gas", PAPERS, paper.total()))
        self.rows += _by_phase(name, ours, paper, detail=shape != PAPER or fork != FORKS[0])
        if shape == PAPER:
            self.rows += _floors(name, played)
            full = replace(terms, fee_cap_wei=FEE_CAP_WEI, records=RecordConstants())
            total = phases(self._play(full, shape, fork).sent).total()
            self.rows.append(Row(f"{name}: total with fees and records", total, "gas", PAPERS, paper.total()))
            suffix = "" if fork == FORKS[0] else f"_{fork}"
            self.ratios[f"gas_{variant}{suffix}"] = paper.total() / ours.total()
            self.ratios[f"gas_{variant}_full{suffix}"] = paper.total() / total

    def _play(self, terms: Terms, shape: Shape, fork: str) -> Played:
        played = play(terms, shape.parameters, fork)
        self.largest.check(played.sent)
        return played


def _by_phase(name: str, ours: Counter[str], paper: Counter[str], *, detail: bool) -> Iterator[Row]:
    for phase in PHASES:
        anchor = PAPERS if paper[phase] else None
        yield Row(f"{name}: {phase}", ours[phase], "gas", anchor, paper[phase] or None, detail)


def _floors(name: str, played: Played) -> Iterator[Row]:
    """Uploads and aggregates beside what their calldata cost alone, sent to an account without code."""
    chain = played.chain
    sender, idle = (chain.create_account(label, WEI) for label in ("sender", "idle"))
    for phase in ("upload", "aggregate"):
        of = [one for one in played.sent if one.call == phase]
        floor = sum(chain.send(phase, sender, idle, one.calldata).gas_used for one in of)
        gas = sum(one.gas for one in of)
        yield Row(f"{name}: {phase}, {len(of)} calls", gas, "gas", "its calldata alone", floor)
