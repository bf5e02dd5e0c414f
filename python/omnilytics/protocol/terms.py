"""What a model owner offers, in its own words, and the session parameters that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from omnilytics import codec
from omnilytics.errors import InputError
from omnilytics.types import Assignment, Encoding, KrumPicks, Policy, Rule, SessionParams, Suite

MAX_CHUNK_WORDS = 720
"""Words a chunk may have (PROTOCOL.md section 2)."""

ENVELOPE_BYTES = 1_024
"""What a transaction needs beside its words: signature, fees, ABI heads."""

MAX_KRUM_ROUNDS = 16
"""Groups that Krum's Gram matrix may have (PROTOCOL.md section 2)."""

MAX_TRANSACTION_BYTES = 131_072
"""Nodes refuse larger plain transactions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An offer: how many groups of how many, how vectors are encoded, how groups are selected, how long steps take.

    `reward_wei` is shared by the members of the accepted groups of one session. `samples`, `epochs` and `batch_size`
    are what a member has to train (the paper's M0, E, B); a contract can't check them. Windows are in seconds.
    """

    reward_wei: int
    rounds: int = 8
    min_rounds: int | None = None
    group_size: int = 4
    colluders: int | None = None
    samples: int = 20
    epochs: int = 2
    batch_size: int = 5
    encoding: Encoding = Encoding.DELTA
    bound: int = 7
    suite: Suite = Suite.AES
    assignment: Assignment = Assignment.SHUFFLED
    rule: Rule = Rule.NORM
    krum_mu_bps: int = 2_500
    krum_m: int = 1
    krum_m_rule: KrumPicks = KrumPicks.PAPER
    chunk_words: int | None = None
    register_secs: int = 3_600
    commit_secs: int = 3_600
    upload_secs: int = 3_600
    aggregate_secs: int = 3_600
    select_secs: int = 3_600
    unsafe_small: bool = False

    @property
    def least_rounds(self) -> int:
        """r_min: with fewer groups than this everybody is refunded before any word is public."""
        return min(3, self.rounds) if self.min_rounds is None else self.min_rounds

    def params(self, parameter_count: int, clip: float) -> SessionParams:
        """The argument of `start` for d = `parameter_count` public parameters and C = `clip` (ignored with `weights`).

        Raises:
            InputError: a number that can't work, with what was expected.
            EncodingError: no lane holds the sum of a group.
        """
        seats = self.rounds * self.group_size
        if self.reward_wei < seats:
            raise InputError(f"reward: expected at least 1 wei for each of {seats} seats, got {self.reward_wei}")
        weights = self.encoding is Encoding.WEIGHTS
        if self.rule is Rule.KRUM:
            self._check_krum()
        elif weights:
            raise InputError("rule: expected krum with encoding weights, whose limit norm doesn't know, got norm")
        bound = codec.weights_bound(self.group_size) if weights else self.bound
        lane_bits = 32 if weights else codec.smallest_lane_bits(self.group_size, bound)
        krum = self.rule is Rule.KRUM
        return SessionParams(
            parameter_count=parameter_count,
            samples=self.samples,
            epochs=self.epochs,
            batch_size=self.batch_size,
            rounds=self.rounds,
            min_rounds=self.least_rounds,
            members=self.group_size,
            threshold=self.group_size,
            colluders=max(1, self.group_size - 2) if self.colluders is None else self.colluders,
            encoding=self.encoding,
            clip=0 if weights else clip_bits(clip),
            bound=bound,
            lane_bits=lane_bits,
            chunk_words=self._chunk_words(parameter_count, lane_bits),
            suite=self.suite,
            assignment=self.assignment,
            rule=self.rule,
            krum_mu_bps=self.krum_mu_bps if krum else 0,
            krum_m=self.krum_m if krum else 0,
            krum_m_rule=self.krum_m_rule if krum else KrumPicks.STRICT,
            policy=Policy.ABORT,
            register_secs=self.register_secs,
            commit_secs=self.commit_secs,
            upload_secs=self.upload_secs,
            aggregate_secs=self.aggregate_secs,
            select_secs=self.select_secs,
            reward_wei=self.reward_wei,
            bond_wei=-(-(self.group_size - 1) * self.reward_wei // seats),
            unsafe_small=int(self.unsafe_small),
        )

    def _check_krum(self) -> None:
        """Refuses numbers with which Krum would be undefined for R groups (E16)."""
        rounds, mu = self.rounds, Fraction(self.krum_mu_bps, 10_000)
        if not 3 <= rounds <= MAX_KRUM_ROUNDS:
            raise InputError(f"rounds: expected 3 to {MAX_KRUM_ROUNDS} with krum, got {rounds}")
        if self.krum_m < 1:
            raise InputError(f"krum_m: expected at least 1 pick, got {self.krum_m}")
        limit = (1 - 2 * mu) * rounds - 2
        if self.krum_m_rule is KrumPicks.STRICT and self.krum_m >= limit:
            raise InputError(
                f"krum_m: expected fewer than (1 - 2 mu) R - 2 = {float(limit):g} picks for {rounds} groups, "
                f"got {self.krum_m}"
            )
        neighbours = rounds - math.ceil(mu * rounds) - 2
        if neighbours < 1:
            raise InputError(
                f"krum_mu: expected R - ceil(mu R) - 2 of at least 1 neighbour for {rounds} groups, "
                f"got {neighbours} with mu = {float(mu):g}"
            )

    def _chunk_words(self, parameter_count: int, lane_bits: int) -> int:
        """The given chunk, or the largest with which the widest call fits one transaction."""
        if self.chunk_words is not None:
            return self.chunk_words
        words = -(-parameter_count // (256 // lane_bits))
        groups = self.rounds if self.rule is Rule.KRUM else 0
        products = 32 * (groups * (groups - 1) // 2)
        fits = (MAX_TRANSACTION_BYTES - ENVELOPE_BYTES - products) // (32 * max(self.group_size, groups))
        largest = min(MAX_CHUNK_WORDS, fits)
        chunks = -(-words // largest)
        return max(8, -(-words // chunks))


def clip_bits(clip: float) -> int:
    """C as a float32 bit pattern.

    Raises:
        InputError: not finite, or not above zero.
    """
    value = np.float32(clip)
    if not np.isfinite(value) or value <= 0:
        raise InputError(f"clip: expected a finite number above 0, got {clip}")
    return int(value.view(np.uint32))
