"""Suite `secagg`: a data owner's part in a group that survives dropouts, against Flower's SecAgg+ and numpy.

Flower runs in a Python of its own (`make flower`), one step at a time, in turns with ours (bench/flower.py). On both
sides everybody masks with everybody, T = floor(2N / 3) + 1, and a value is one of 2^22 + 1 in a lane of 32 bits, as
Flower has it unless told; sessions have lanes of 8 bits, which are measured too.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import randbelow
from statistics import median
from time import process_time
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from omnilytics.bench import plain, recovery_gas
from omnilytics.bench.kernels import STEP, vectors
from omnilytics.bench.report import Report, Row, Say
from omnilytics.codec import (
    Dealing,
    Delta,
    GroupContext,
    MemberSecrets,
    PairSeeds,
    Recovery,
    encode_words,
    rebuild_many,
)
from omnilytics.errors import DataError, VerificationError
from omnilytics.types import Address, FloatVec, Suite

FLOWER_VERSION = "1.41.0"
HOW = "in a source tree `make flower` makes it, elsewhere name one with --flower"
PROGRAM = Path(__file__).with_name("flower.py")

BOUNDS = {"round_vs_flower": 10.0}
LIMITS = {"shamir64_ms": 1.0, "setup64_ms": 20.0, **recovery_gas.LIMITS}

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""n of secp256k1."""

NONE: Mapping[str, float] = MappingProxyType({})

PRECISE = 1 << 21
"""Q in lanes of 32 bits: 2^22 + 1 values, as many as Flower's quantisation has."""

NARROW = {4: 31, 16: 7, 64: 1}
"""By N, the largest Q whose sums fit lanes of 8 bits, as sessions have them."""

CLIP = 160 * STEP
SESSION = Address("0x" + 20 * "5e")
ROUNDING_SEED = bytes(32)
PRIMITIVES = ("key pair", "shared key", "split", "split key", "open", "combine", "combine key")
VECTORS = ("mask", "add", "quantize")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        members: N of the groups; the last is that of the ratios.
        values: lengths of the vectors; the last is that of the ratios.
        repetitions: of each measurement, whose median counts; Flower and ours take turns.
    """

    members: tuple[int, ...] = (4, 16, 64)
    values: tuple[int, ...] = (5_705, 1_000_000, 10_000_000)
    repetitions: int = 5


def threshold(members: int) -> int:
    """T of a group."""
    return 2 * members // 3 + 1


class Flower:
    """Flower's own code in another interpreter, with a clock there."""

    def __init__(self, program: subprocess.Popen[str], errors: IO[str]) -> None:
        self._program, self._errors = program, errors

    def ask(self, step: str, members: int = 0, size: int = 0) -> dict[str, Any]:
        """One answer of `bench/flower.py`.

        Raises:
            DataError: it ended instead, which a Python without flwr does at once.
        """
        request = {"step": step, "members": members, "threshold": threshold(members), "size": size}
        if self._program.stdin is None or self._program.stdout is None:
            raise DataError("Flower: expected a program with pipes, got one without")
        try:
            self._program.stdin.write(json.dumps(request) + "\n")
            self._program.stdin.flush()
            line = self._program.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines() or ["nothing"]
            raise DataError(f"Flower: expected an answer to {step}, the program ended; it said: {said[-1]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def seconds(self, step: str, members: int = 0, size: int = 0) -> float:
        """Processor time of a step."""
        return float(self.ask(step, members, size)["seconds"])


@contextmanager
def flower(python: Path) -> Iterator[Flower]:
    """Flower by the interpreter `python`.

    Raises:
        DataError: there is none, or it hasn't got flwr.
    """
    if not python.exists():
        raise DataError(f"Flower: expected a Python with flwr {FLOWER_VERSION} at {python}, found none; {HOW}")
    environment = os.environ | {"FLWR_TELEMETRY_ENABLED": "0"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        program = subprocess.Popen(
            [str(python), "-I", str(PROGRAM)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
        )  # fmt: skip
        try:
            yield Flower(program, errors)
        finally:
            program.kill()
            program.communicate()


class Group:
    """One member of a group of N with all that its peers have sent it."""

    def __init__(self, members: int) -> None:
        self.members, self.place = members, members // 2
        self._secrets = [MemberSecrets.from_seed(bytes([place]) * 32) for place in range(members)]
        self._transports = [secrets.transport for secrets in self._secrets]
        self._peers = tuple((secrets.key.x, secrets.key.parity) for secrets in self._secrets)
        others = [place for place in range(members) if place != self.place]
        self._dealings: dict[int, Dealing] = {place: self._member(place).deal() for place in others}

    def _member(self, place: int) -> Recovery:
        context = GroupContext(1, SESSION, 0, place, bytes(32), self._peers)
        return Recovery.of_group(threshold(self.members), self._secrets[place], context, self._transports)

    def checked(self) -> Recovery:
        """The member after dealing, and after opening and checking the others' dealings.

        Raises:
            VerificationError: it objects to one.
        """
        member = self._member(self.place)
        member.deal()
        if objections := member.receive(self._dealings):
            raise VerificationError(f"secagg: expected good dealings, got {objections}")
        return member

    def set_up(self) -> None:
        """Everything before there is a vector: keys, their signature, dealing, opening, checking."""
        secrets = MemberSecrets.generate()
        secrets.key.sign(1, SESSION, SESSION, transport=secrets.transport)
        self.checked()


def run(say: Say, python: Path, sizes: Sizes = Sizes()) -> Report:
    """Measures a data owner's set-up and round, how secrets are rebuilt, and gas; Flower by the interpreter `python`.

    Raises:
        DataError: Flower isn't there.
        VerificationError: a secret that was rebuilt isn't the one that was shared, or numpy's words aren't ours.
    """
    check_same()
    with flower(python) as theirs:
        notes = described(theirs.ask("about"))
        found = Comparison(theirs, sizes)
        for members in sizes.members:
            say(f"secagg: N = {members}, set-up and shares")
            found.set_up(members)
            found.rebuild(members)
            for size in sizes.values:
                say(f"secagg: N = {members}, a round of {size:,} values")
                found.rounds(members, size)
        notes += found.primitives()
    return report(recovery_gas.measure(say), notes, found.rows, found.ratios, found.values)


def without(say: Say, python: Path) -> Report:
    """What `all` has of this suite where Flower isn't there: gas alone."""
    return report(recovery_gas.measure(say), [f"no Flower at {python}, so nothing but gas; {HOW}"])


def report(
    gas: recovery_gas.Costs,
    notes: Sequence[str],
    rows: Sequence[Row] = (),
    ratios: Mapping[str, float] = NONE,
    values: Mapping[str, float] = NONE,
) -> Report:
    """Times, if there are any, and gas."""
    return Report(
        suite="secagg",
        rows=(*rows, *gas.rows),
        ratios=ratios,
        bounds=BOUNDS,
        notes=(*notes, *recovery_gas.NOTES),
        values={**values, **gas.values},
        limits=LIMITS,
    )


def described(about: dict[str, Any]) -> list[str]:
    """Who is compared, and how."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    parameters = ", ".join(f"{name} {value:g}" for name, value in about["parameters"].items())
    return [
        f"Flower: {versions}, Python {about['python']}; {parameters}",
        "processor time of all threads, medians; Flower runs in a process of its own, in turns with ours",
        "Flower's stages are its client's own functions (secaggplus_mod), from message to message, on a full graph",
        "set-up, ours: keys and signature, dealing, opening and checking all dealings; Flower's: keys, shares of both "
        "secrets, key agreement and encryption for each peer; it opens shares, unchecked, in its round",
        "a round, both: key agreement with each peer, rounding, all pair masks, the self mask, the bytes to be sent",
        "Flower's masks are MT19937 seeded with 32 bits; ours AES-128 in counter mode (`aes`), which no chain can "
        "expand, or keccak256 of seed and index (`keccak`), which policy recover asks for",
    ]


@dataclass(slots=True)
class Comparison:
    """What has been measured so far."""

    flower: Flower
    sizes: Sizes
    rows: list[Row] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    setups: tuple[float, float] = (0.0, 0.0)

    def group(self, members: int) -> Group:
        """The one of N members."""
        if members not in self.groups:
            self.groups[members] = Group(members)
        return self.groups[members]

    def set_up(self, members: int) -> None:
        """Set-up of one data owner."""
        group = self.group(members)
        ours, theirs = self._medians(partial(_seconds, group.set_up), partial(self.flower.seconds, "setup", members))
        self._row(f"set-up, N = {members}", ours, "Flower", theirs)
        if members == self.sizes.members[-1]:
            self.setups = ours, theirs
            self.values[f"setup{members}_ms"] = 1_000 * ours
            self.ratios["setup_vs_flower"] = theirs / ours

    def rebuild(self, members: int) -> None:
        """N secrets from the shares of T holders, one survivor set; Flower's time is that of one secret, N times."""
        shares, secrets = shared(members)

        def ours() -> float:
            begin = process_time()
            rebuilt = rebuild_many(shares, threshold(members))
            seconds = process_time() - begin
            if rebuilt != secrets:
                raise VerificationError("secagg: expected the secrets that were shared, got others")
            return seconds

        our, one = self._medians(ours, partial(self.flower.seconds, "combine", members))
        self._row(f"{members} secrets rebuilt, T = {threshold(members)}", our, "Flower", members * one)
        if members == self.sizes.members[-1]:
            self.values[f"shamir{members}_ms"] = 1_000 * our
            self.ratios["shamir_vs_flower"] = members * one / our

    def rounds(self, members: int, size: int) -> None:
        """A data owner's round with either suite, in wide lanes beside Flower's, in narrow ones beside numpy's too."""
        group, (weights, published) = self.group(members), vectors(size)
        wide, narrow = (Delta(CLIP, bound, members, shrink=False) for bound in (PRECISE, NARROW[members]))
        way = plain.Plain(CLIP, narrow.bound, members, shrink=False)
        ours = [
            partial(whole_round, group, suite, coding, weights, published)
            for coding in (wide, narrow)
            for suite in (Suite.AES, Suite.KECCAK)
        ]
        aes, keccak, narrow_aes, narrow_keccak, bare, theirs, numpy = self._medians(
            *ours,
            partial(_seconds, partial(bare_round, narrow, weights, published)),
            partial(self.flower.seconds, "round", members, size),
            partial(_seconds, partial(numpy_round, way, weights, published)),
        )
        name, detail = f"round, N = {members}, d = {size:,}", size != self.sizes.values[-1]
        self._row(f"{name}, 32-bit lanes, aes", aes, "Flower", theirs, detail)
        self._row(f"{name}, 32-bit lanes, keccak", keccak, "Flower", theirs, detail)
        self._row(f"{name}, 8-bit lanes, aes", narrow_aes, "Flower", theirs, detail)
        self._row(f"{name}, 8-bit lanes, keccak", narrow_keccak, "Flower", theirs, detail)
        self._row(f"{name}, 8-bit lanes, aes, seeds given", bare, "numpy and cryptography", numpy, detail)
        if members == self.sizes.members[-1] and not detail:
            self.ratios |= {
                "round_vs_flower": theirs / aes,
                "round_vs_flower_keccak": theirs / keccak,
                "round_vs_flower_8bit": theirs / narrow_aes,
                "round_vs_flower_8bit_keccak": theirs / narrow_keccak,
                "setup_and_round_vs_flower": (theirs + self.setups[1]) / (aes + self.setups[0]),
                "setup_and_round_vs_flower_keccak": (theirs + self.setups[1]) / (keccak + self.setups[0]),
                "round_vs_numpy": numpy / bare,
            }

    def primitives(self) -> list[str]:
        """Flower's own primitives, a note for the largest group and one for the longest vector."""
        members, size = self.sizes.members[-1], self.sizes.values[-1]
        small = self._medians(*(partial(self.flower.seconds, step, members) for step in PRIMITIVES))
        large = self._medians(*(partial(self.flower.seconds, step, size=size) for step in VECTORS))
        return [
            f"Flower's primitives, {of}, ms: "
            + ", ".join(f"{step} {1_000 * seconds:.3g}" for step, seconds in zip(steps, times, strict=True))
            for of, steps, times in ((f"N = {members}", PRIMITIVES, small), (f"d = {size:,}", VECTORS, large))
        ]

    def _medians(self, *timed: Callable[[], float]) -> list[float]:
        """The median of each, in seconds, after one that doesn't count; they take turns."""
        times = [[work() for work in timed] for _ in range(1 + self.sizes.repetitions)]
        return [median(column) for column in zip(*times[1:], strict=True)]

    def _row(self, name: str, ours: float, anchor: str, theirs: float, detail: bool = False) -> None:
        self.rows.append(Row(name, 1_000 * ours, "ms", anchor, 1_000 * theirs, detail))


def _seconds(work: Callable[[], object]) -> float:
    begin = process_time()
    work()
    return process_time() - begin


def shared(members: int) -> tuple[list[dict[int, int]], list[int]]:
    """As many secrets as members, and the shares of each that the last T places hold, by polynomials made here."""
    degree, holders = threshold(members) - 1, range(members - threshold(members), members)
    polynomials = [[1 + randbelow(ORDER - 1) for _ in range(1 + degree)] for _ in range(members)]

    def at(polynomial: Sequence[int], x: int) -> int:
        value = 0
        for coefficient in reversed(polynomial):
            value = (value * x + coefficient) % ORDER
        return value

    shares = [{place: at(polynomial, place + 1) for place in holders} for polynomial in polynomials]
    return shares, [polynomial[0] for polynomial in polynomials]


def whole_round(group: Group, suite: Suite, coding: Delta, weights: FloatVec, published: FloatVec) -> float:
    """Seconds from a trained vector to the bytes to be sent, for a member that has checked its peers' dealings."""
    member, unmasked = group.checked(), PairSeeds(suite, [], 0)
    begin = process_time()
    encoded, _, _ = encode_words(weights, published, coding, unmasked, os.urandom(32))
    words = np.frombuffer(encoded, dtype=np.uint8).reshape(-1, 32).copy()
    member.mask_words(words, suite)
    words.tobytes()
    return process_time() - begin


def seeds(members: int) -> PairSeeds:
    """Of all pairs and of the member itself, its own last."""
    return PairSeeds(Suite.AES, [bytes([place]) * 32 for place in range(members)], members // 2)


def bare_round(coding: Delta, weights: FloatVec, published: FloatVec) -> bytes:
    """Rounding and all masks of suite `aes` from seeds."""
    return encode_words(weights, published, coding, seeds(coding.members), ROUNDING_SEED)[0]


def numpy_round(way: plain.Plain, weights: FloatVec, published: FloatVec) -> bytes:
    """The same by numpy and `cryptography`, with zeros up to whole words."""
    words = way.encode(whole(weights), whole(published), ROUNDING_SEED)[0]
    pairs = seeds(way.members)
    way.mask(words, pairs.seeds, pairs.place)
    return plain.on_the_wire(words)


def whole(vector: FloatVec) -> NDArray[np.float32]:
    """A vector with zeros up to a multiple of 32 values, a word of 8-bit lanes."""
    return np.pad(vector, (0, -len(vector) % 32))


def check_same(size: int = 5_705, members: int = 16) -> None:
    """Makes the same words both ways.

    Raises:
        VerificationError: they differ.
    """
    weights, published = vectors(size)
    coding = Delta(CLIP, NARROW[members], members, shrink=False)
    way = plain.Plain(CLIP, coding.bound, members, plain.counter_blocks, shrink=False)
    if bare_round(coding, weights, published) != numpy_round(way, weights, published):
        raise VerificationError("secagg: expected the words of numpy and cryptography, got others")
