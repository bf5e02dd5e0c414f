"""Suite `kernels`: encoding and masking on one core, against openssl, hashlib, and numpy with `cryptography`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time

import numpy as np

from omnilytics.bench.report import Report, Row, Say
from omnilytics.codec import Delta, PairSeeds, code_paths, encode_words, mask_words
from omnilytics.errors import VerificationError
from omnilytics.types import FloatVec, Suite

BOUNDS = {"mask_vs_openssl": 0.8, "encode_mask_vs_numpy": 10.0}

PEERS = 15
PLACE = 7
CODING = Delta(clip=0.05, bound=7, members=PEERS + 1)
STEP = CODING.clip / 160
"""Standard deviation of a difference: a step that rule `norm` doesn't shrink."""

OPENSSL_BYTES = 16_384
"""The block that openssl is fastest with."""

ROUNDING_SEED = bytes(32)
WORD_BYTES = 32
CHECKED_VALUES = 32 * 1_000
"""Values on which the competitor must give the same words."""

Timed = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        words: 256-bit words that are masked: 32 MB.
        values: of the vectors that are encoded, float32: 32 MB.
        keccak_words: 256-bit words that suite `keccak` masks.
        repetitions: of each measurement; competitors take turns and the best counts.
        openssl_seconds: of each of openssl's.
    """

    words: int = 1_000_000
    values: int = 8_000_000
    keccak_words: int = 20_000
    repetitions: int = 5
    openssl_seconds: int = 1


def run(say: Say, sizes: Sizes = Sizes()) -> Report:
    """Measures what a data owner does with its vector, in processor time of one thread.

    Raises:
        VerificationError: numpy's words aren't ours.
    """
    aes, vectors = code_paths()
    notes = [
        f"our code paths: AES {aes}; rounding, packing, sums and keccak {vectors}",
        f"processor time of one thread, the best of {sizes.repetitions}, in turns; {PEERS} neighbours",
        "GB/s of masks are bytes of keystream, expanded and added into 256-bit words",
    ]
    parts = [masks(say, sizes), encoding(say, sizes), keccak(say, sizes)]
    rows = tuple(row for part in parts for row in part.rows)
    ratios = {name: value for part in parts for name, value in part.ratios.items()}
    return Report("kernels", rows, ratios, BOUNDS, (*notes, *(note for part in parts for note in part.notes)))


@dataclass(frozen=True, slots=True)
class Part:
    """Rows, ratios and notes of one comparison."""

    rows: tuple[Row, ...]
    ratios: dict[str, float]
    notes: tuple[str, ...]


def pairs(suite: Suite) -> PairSeeds:
    """The seeds of a member with as many neighbours on both sides, nearly."""
    return PairSeeds(suite, [bytes([peer]) * 32 for peer in range(PEERS)], PLACE)


def best(repetitions: int, *timed: Timed) -> list[float]:
    """The least processor time of each, in seconds; they take turns, so that all meet the same load."""
    return [min(times) for times in zip(*([_seconds(work) for work in timed] for _ in range(repetitions)), strict=True)]


def _seconds(work: Timed) -> float:
    begin = process_time()
    work()
    return process_time() - begin


def masks(say: Say, sizes: Sizes) -> Part:
    """Suite `aes` into 32 MB of words, against the bare keystream of openssl."""
    say(f"kernels: masks of {WORD_BYTES * sizes.words / 1e6:g} MB, suite aes")
    words = np.zeros((sizes.words, WORD_BYTES), dtype=np.uint8)
    ours, theirs = 0.0, 0.0
    for _ in range(sizes.repetitions):
        (seconds,) = best(1, lambda: mask_words(words, pairs(Suite.AES)))
        ours = max(ours, PEERS * words.nbytes / seconds / 1e9)
        theirs = max(theirs, openssl_rate(sizes.openssl_seconds) / 1e9)
    name = "mask, suite aes"
    if not theirs:
        return Part((Row(name, ours, "GB/s"),), {}, ("openssl: no `openssl speed` here, so no ratio to it",))
    anchor = f"openssl speed -evp aes-128-ctr, {OPENSSL_BYTES:,} bytes"
    row = Row(name, ours, "GB/s", anchor, theirs)
    return Part((row,), {"mask_vs_openssl": ours / theirs}, ())


def openssl_rate(seconds: int) -> float:
    """Bytes a second of AES-128-CTR by `openssl speed`, in its own processor time; 0.0 where there is none."""
    program = shutil.which("openssl")
    if program is None:
        return 0.0
    command = [program, "speed", "-mr", "-seconds", str(seconds), "-bytes", str(OPENSSL_BYTES), "-evp", "aes-128-ctr"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = [line.rsplit(":", 1)[1] for line in answer.splitlines() if line.startswith("+F:")]
    return float(found[0]) if found else 0.0


def vectors(count: int) -> tuple[FloatVec, FloatVec]:
    """Trained and published weights, shape (`count`,), from a fixed seed."""
    rng = np.random.default_rng(0)
    published = rng.standard_normal(count, dtype=np.float32)
    weights = published + np.float32(STEP) * rng.standard_normal(count, dtype=np.float32)
    return weights, published


def encoding(say: Say, sizes: Sizes) -> Part:
    """Encoding `delta`, alone and with masks of suite `aes`, against numpy with `cryptography`."""
    say(f"kernels: encoding of {4 * sizes.values / 1e6:g} MB")
    weights, published = vectors(sizes.values)
    alone, masked = PairSeeds(Suite.AES, [], 0), pairs(Suite.AES)
    ours: list[Timed] = [
        lambda: encode_words(weights, published, CODING, alone, ROUNDING_SEED),
        lambda: encode_words(weights, published, CODING, masked, ROUNDING_SEED),
    ]
    names = ("encode, delta, 8 bits", "encode and mask, delta, 8 bits, suite aes")
    try:
        from omnilytics.bench import plain
    except ModuleNotFoundError as error:
        rates = [sizes.values / seconds / 1e6 for seconds in best(sizes.repetitions, *ours)]
        rows = tuple(Row(name, rate, "M values/s") for name, rate in zip(names, rates, strict=True))
        return Part(rows, {}, (f"{error.name}: not installed, so no ratio to numpy with it",))
    check_same(CHECKED_VALUES)
    chunked = plain.Plain(CODING.clip, CODING.bound, CODING.members)
    whole = plain.Plain(CODING.clip, CODING.bound, CODING.members, chunk_bytes=8 * sizes.values)

    def encoded(way: plain.Plain, peers: PairSeeds) -> bytes:
        words = way.encode(weights, published, ROUNDING_SEED)[0]
        if peers.seeds:
            way.mask(words, peers.seeds, peers.place)
        return plain.on_the_wire(words)

    times = best(
        sizes.repetitions,
        *ours,
        lambda: encoded(chunked, alone),
        lambda: encoded(chunked, masked),
        lambda: encoded(whole, masked),
    )
    rates = [sizes.values / seconds / 1e6 for seconds in times]
    in_chunks, at_once = "numpy and cryptography, in chunks of 64 KiB", "numpy and cryptography, whole arrays"
    rows = (
        Row(names[0], rates[0], "M values/s", in_chunks, rates[2]),
        Row(names[1], rates[1], "M values/s", in_chunks, rates[3]),
        Row(f"{names[1]}, beside whole arrays", rates[1], "M values/s", at_once, rates[4]),
    )
    return Part(rows, {"encode_mask_vs_numpy": rates[1] / rates[3]}, ())


def check_same(count: int) -> None:
    """Encodes and masks `count` values, a multiple of 32, both ways.

    Raises:
        VerificationError: the words, the clipped values or the scale differ.
    """
    from omnilytics.bench import plain

    weights, published = vectors(count)
    peers = pairs(Suite.AES)
    way = plain.Plain(CODING.clip, CODING.bound, CODING.members, plain.counter_blocks)
    words, clipped, scale = way.encode(weights, published, ROUNDING_SEED)
    way.mask(words, peers.seeds, peers.place)
    ours = encode_words(weights, published, CODING, peers, ROUNDING_SEED)
    if ours != (plain.on_the_wire(words), clipped, scale):
        raise VerificationError(
            f"kernels: expected the words of numpy and cryptography, {clipped} clipped, scale {scale:g}; "
            f"got {'the same' if ours[0] == plain.on_the_wire(words) else 'others'}, {ours[1]}, {ours[2]:g}"
        )


def keccak(say: Say, sizes: Sizes) -> Part:
    """Suite `keccak` against hashlib: the same construction with SHA-3, and its fastest keystream."""
    say("kernels: masks, suite keccak")
    words = np.zeros((sizes.keccak_words, WORD_BYTES), dtype=np.uint8)
    size = PEERS * words.nbytes
    seed = os.urandom(32)

    def sha3() -> None:
        for index in range(sizes.keccak_words):
            hashlib.sha3_256(seed + index.to_bytes(32, "big")).digest()

    seconds, one_by_one, stream = best(
        sizes.repetitions,
        lambda: mask_words(words, pairs(Suite.KECCAK)),
        sha3,
        lambda: hashlib.shake_128(seed).digest(words.nbytes),
    )
    name, rate = "mask, suite keccak", size / seconds / 1e9
    rows = (
        Row(name, rate, "GB/s", "hashlib.sha3_256 of seed and index, word by word", words.nbytes / one_by_one / 1e9),
        Row(
            f"{name}, beside a stream",
            rate,
            "GB/s",
            "hashlib.shake_128, all words of a seed at once",
            words.nbytes / stream / 1e9,
        ),
    )
    return Part(
        rows,
        {},
        (
            "hashlib has no keccak256; sha3_256 differs from it in one byte of padding. shake_128 is its fastest "
            "stream, 168 bytes a permutation; a word of suite keccak is one, so that a contract can make it",
        ),
    )
