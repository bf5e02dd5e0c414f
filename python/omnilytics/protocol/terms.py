"""What a model owner offers, in its own words, the session parameters that follow from it, and what `start` refuses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from omnilytics import codec
from omnilytics.blobs.scheme import POINT_BYTES
from omnilytics.errors import InputError
from omnilytics.protocol.fees import default_table
from omnilytics.protocol.gas import MAX_CALL_BYTES
from omnilytics.tables import GWEI_WEI
from omnilytics.types import (
    BLOB_LANE_BITS,
    MAX_PACKED_SUM,
    Assignment,
    DropoutPolicy,
    Encoding,
    FeeTable,
    KrumPicks,
    Mode,
    RecordConstants,
    Rule,
    SessionParams,
    Suite,
    member_fees_wei,
    reserve_wei,
)

if TYPE_CHECKING:
    from omnilytics.config import ShapeOptions

REWARD_WEI = 10**18
"""What a session pays, unless told."""

MIN_CHUNK_WORDS = 8
MAX_CHUNK_WORDS = 720
"""Words a chunk may have (PROTOCOL.md section 2)."""

MAX_CHUNKS = 64
"""Chunks a vector may have (PROTOCOL.md section 2)."""

MAX_CAPACITY = 4_096
"""How many may register in a session (PROTOCOL.md section 2)."""

MAX_RESERVE_WEI = 2**41 * 10**9
"""The largest reserve (E18), wei."""

FEE_CAP_WEI = 2 * 10**9
"""Most wei a gas that is paid back, unless told."""

MAX_WINDOW_SECS = 31_536_000
"""One year."""

MAX_BLOB_WINDOWS_SECS = 864_000
"""Ten days: nodes keep blobs for 18."""

MAX_BOUND = 2**31 - 1
MAX_COUNT = 2**32 - 1
LARGEST_FLOAT = 0x7F7F_FFFF
"""The largest finite float32, as a bit pattern."""

_RANGES = (
    ("parameter_count", 1, 2**20),
    ("samples", 1, MAX_COUNT),
    ("epochs", 1, MAX_COUNT),
    ("batch_size", 1, MAX_COUNT),
    ("rounds", 1, 64),
    ("members", 2, 16),
    ("bound", 1, MAX_BOUND),
    ("unsafe_small", 0, 1),
)
"""Fields whose range depends on nothing else (PROTOCOL.md section 2)."""

MAX_SEEDS = 72
"""Seeds that lift the masks of a group: u (1 + N - u) for u uploads, 72 at most for N = 16."""

MAX_KRUM_ROUNDS = 16
"""Groups that Krum's Gram matrix may have (PROTOCOL.md section 2)."""

MAX_TRANSACTION_BYTES = 131_072
"""Nodes refuse larger plain transactions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An offer: how many groups of how many, how vectors are encoded, how groups are selected, how long steps take.

    `reward_wei` is the price of R N seats of one session (E30). `samples`, `epochs` and `batch_size` are what a member
    has to train (the paper's M0, E, B); a contract can't check them. Windows are in seconds; that to vote begins twice,
    to commit to votes and to open them.

    `mode` says how vectors travel: in calldata, or in blobs, whose gas hardly grows with the model (docs/BLOBS.md).
    There sums that aren't in range may be accused for `accuse_secs`, and refuted for as long. `packed` puts 21 values
    in an element of a blob: fewer blobs, and a longer proof, which needs N Q of at most 2,047.

    `policy` says what happens when members drop out. With `recover` a group comes through as long as `threshold` of its
    members do; None: more than two thirds, and two more than `colluders`. With `abort` that is all of them. So many
    `colluders` learn nobody's model; None: as many as the threshold allows. `suite` None: `keccak` with `recover`
    and in blobs, else `aes`.

    Gas is paid back up to `fee_cap_wei` a gas, and for each call up to `fee_table`; None: `fees.default_table`. With a
    cap of 0 it isn't paid back. `records`: how the market's memory of members is read and written; None: not at all.
    """

    reward_wei: int
    rounds: int = 8
    min_rounds: int | None = None
    group_size: int = 4
    policy: DropoutPolicy = DropoutPolicy.ABORT
    threshold: int | None = None
    colluders: int | None = None
    samples: int = 20
    epochs: int = 2
    batch_size: int = 5
    encoding: Encoding = Encoding.DELTA
    bound: int = 7
    mode: Mode = Mode.CALLDATA
    packed: bool = False
    suite: Suite | None = None
    assignment: Assignment = Assignment.SHUFFLED
    rule: Rule = Rule.NORM_VOTE
    krum_mu_bps: int = 2_500
    krum_m: int = 1
    krum_m_rule: KrumPicks = KrumPicks.PAPER
    chunk_words: int | None = None
    register_secs: int = 3_600
    commit_secs: int = 3_600
    upload_secs: int = 3_600
    reveal_secs: int = 7_200
    aggregate_secs: int = 3_600
    select_secs: int = 3_600
    vote_secs: int = 3_600
    accuse_secs: int = 3_600
    fee_cap_wei: int = FEE_CAP_WEI
    fee_table: FeeTable | None = None
    records: RecordConstants | None = field(default_factory=RecordConstants)
    unsafe_small: bool = False

    @property
    def least_rounds(self) -> int:
        """r_min: with fewer groups than this everybody is refunded before any word is public."""
        return min(3, self.rounds) if self.min_rounds is None else self.min_rounds

    @property
    def least_members(self) -> int:
        """T: with fewer members than this a group is lost."""
        if self.threshold is not None:
            return self.threshold
        if self.policy is DropoutPolicy.ABORT:
            return self.group_size
        return max((self.colluders or 0) + 2, 2 * self.group_size // 3 + 1)

    @property
    def most_colluders(self) -> int:
        """t: so many members of a group together learn nobody's model."""
        return max(1, self.least_members - 2) if self.colluders is None else self.colluders

    def with_rounds(self, rounds: int) -> Terms:
        """The offer with fewer groups, `least_rounds` to `rounds`, at the same price of a seat."""
        fewer = min(self.rounds, max(self.least_rounds, rounds))
        reward_wei = self.reward_wei * fewer // self.rounds
        return replace(self, rounds=fewer, min_rounds=self.least_rounds, reward_wei=reward_wei)

    def params(self, parameter_count: int, clip: float) -> SessionParams:
        """The argument of `start` for d = `parameter_count` public parameters and C = `clip` (ignored with `weights`).

        The bond is the least one: what the others of a group would have earned, and F.

        Raises:
            InputError: a number that can't work, with what was expected; `check_params` knows the others.
            EncodingError: no lane holds the sum of a group.
        """
        self._check()
        weights = self.encoding is Encoding.WEIGHTS
        bound = codec.weights_bound(self.group_size) if weights else self.bound
        lane_bits = 32 if weights else codec.smallest_lane_bits(self.group_size, bound)
        krum, recover, blob = self.rule is Rule.KRUM, self.policy is DropoutPolicy.RECOVER, self.mode is Mode.BLOB
        params = SessionParams(
            parameter_count=parameter_count,
            samples=self.samples,
            epochs=self.epochs,
            batch_size=self.batch_size,
            rounds=self.rounds,
            min_rounds=self.least_rounds,
            members=self.group_size,
            threshold=self.least_members,
            colluders=self.most_colluders,
            encoding=self.encoding,
            clip=0 if weights else clip_bits(clip),
            bound=bound,
            lane_bits=(BLOB_LANE_BITS if self.packed else 0) if blob else lane_bits,
            chunk_words=0 if blob else self._chunk_words(parameter_count, lane_bits),
            suite=(Suite.KECCAK if recover or blob else Suite.AES) if self.suite is None else self.suite,
            assignment=self.assignment,
            rule=self.rule,
            krum_mu_bps=self.krum_mu_bps if krum else 0,
            krum_m=self.krum_m if krum else 0,
            krum_m_rule=self.krum_m_rule if krum else KrumPicks.STRICT,
            policy=self.policy,
            register_secs=self.register_secs,
            commit_secs=self.commit_secs,
            upload_secs=self.upload_secs,
            aggregate_secs=self.aggregate_secs,
            select_secs=self.select_secs,
            reveal_secs=self.reveal_secs if recover else self.accuse_secs if blob else 0,
            vote_secs=self.vote_secs if self.rule is Rule.NORM_VOTE else 0,
            reward_wei=self.reward_wei,
            bond_wei=least_bond_wei(self.reward_wei, self.rounds, self.group_size),
            record_constants=0 if self.records is None else self.records.pack(),
            unsafe_small=int(self.unsafe_small),
            mode=self.mode,
        )
        return self._with_fees(params)

    def _check(self) -> None:
        """Refuses what no parameters say.

        Raises:
            InputError: a number that can't work.
        """
        seats = self.rounds * self.group_size
        if self.reward_wei < seats:
            raise InputError(f"reward: expected at least 1 wei for each of {seats} seats, got {self.reward_wei}")
        if self.packed and self.mode is not Mode.BLOB:
            raise InputError("packed: expected mode blob with it, got calldata")
        if self.rule is Rule.KRUM:
            if not 3 <= self.rounds <= MAX_KRUM_ROUNDS:
                raise InputError(f"rounds: expected 3 to {MAX_KRUM_ROUNDS} with krum, got {self.rounds}")
            check_krum(self.rounds, self.krum_mu_bps, self.krum_m, self.krum_m_rule)
        elif self.encoding is Encoding.WEIGHTS:
            raise InputError(
                f"rule: expected krum with encoding weights, whose limit norm doesn't know, got {self.rule.spelling}"
            )

    def _with_fees(self, params: SessionParams) -> SessionParams:
        """The parameters with cap and table, and with F in the bond."""
        if not self.fee_cap_wei:
            if self.fee_table is not None:
                raise InputError("fee_table: expected none with a fee cap of 0, got one")
            return params
        table = default_table(params) if self.fee_table is None else self.fee_table
        paid = replace(params, fee_cap_wei=self.fee_cap_wei, fee_table=table.pack())
        return replace(paid, bond_wei=paid.bond_wei + member_fees_wei(paid))

    def _chunk_words(self, parameter_count: int, lane_bits: int) -> int:
        """The given chunk, or the largest with which the widest call fits one transaction."""
        if self.chunk_words is not None:
            return self.chunk_words
        words = -(-parameter_count // (256 // lane_bits))
        groups = self.rounds if self.rule is Rule.KRUM else 0
        carried = groups * (groups - 1) // 2
        if self.policy is DropoutPolicy.RECOVER:
            carried = max(carried, MAX_SEEDS)
        fits = (MAX_CALL_BYTES - 32 * carried) // (32 * max(self.group_size, groups))
        largest = min(MAX_CHUNK_WORDS, fits)
        chunks = -(-words // largest)
        return max(MIN_CHUNK_WORDS, -(-words // chunks))


def check_krum(rounds: int, mu_bps: int, picks: int, rule: KrumPicks) -> None:
    """Refuses numbers with which Krum is undefined for |P| = R = `rounds` (E16).

    Raises:
        InputError: a number that can't work, with what was expected.
    """
    mu = Fraction(mu_bps, 10_000)
    if picks < 1:
        raise InputError(f"krum_m: expected at least 1 pick, got {picks}")
    limit = (1 - 2 * mu) * rounds - 2
    if rule is KrumPicks.STRICT and picks >= limit:
        raise InputError(
            f"krum_m: expected fewer than (1 - 2 mu) R - 2 = {float(limit):g} picks for {rounds} groups, got {picks}"
        )
    neighbours = rounds - math.ceil(mu * rounds) - 2
    if neighbours < 1:
        raise InputError(
            f"krum_mu: expected R - ceil(mu R) - 2 of at least 1 neighbour for {rounds} groups, "
            f"got {neighbours} with mu = {float(mu):g}"
        )


def offer(shape: ShapeOptions, rounds: int, group_size: int) -> Terms:
    """The offer that options spell; training and windows keep their defaults.

    Args:
        shape: what was typed.
        rounds: R, groups.
        group_size: N.

    Raises:
        InputError: a number that can't work.
    """
    krum: dict[str, Any] = {
        "krum_mu_bps": None if shape.krum_mu is None else round(shape.krum_mu * 10_000),
        "krum_m": shape.krum_m,
    }
    return Terms(
        reward_wei=REWARD_WEI if shape.reward_wei is None else shape.reward_wei,
        rounds=rounds,
        group_size=group_size,
        mode=Mode[shape.mode.upper()],
        packed=shape.packed,
        policy=DropoutPolicy[shape.policy.upper()],
        threshold=shape.threshold,
        encoding=Encoding[shape.encoding.upper()],
        bound=shape.bound,
        assignment=Assignment[shape.assignment.upper()],
        rule=Rule.spelled(shape.select),
        krum_m_rule=KrumPicks[shape.krum_picks.upper()],
        fee_cap_wei=round(shape.fee_cap_gwei * GWEI_WEI),
        records=RecordConstants() if shape.records else None,
        **{name: value for name, value in krum.items() if value is not None},
    )


def clip_bits(clip: float) -> int:
    """C as a float32 bit pattern.

    Raises:
        InputError: not finite, or not above zero.
    """
    value = np.float32(clip)
    if not np.isfinite(value) or value <= 0:
        raise InputError(f"clip: expected a finite number above 0, got {clip}")
    return int(value.view(np.uint32))


def least_bond_wei(reward_wei: int, rounds: int, members: int) -> int:
    """The least bond without F: what the others of a group would have earned if all groups were accepted, wei."""
    return -(-(members - 1) * reward_wei // (rounds * members))


def check_params(params: SessionParams, capacity: int, min_window_secs: int) -> None:
    """Refuses what `start` would refuse (PROTOCOL.md section 2), so that nothing that can't work is ever sent.

    What isn't in the parameters is left to `start`: the published words, and the value sent.

    Args:
        params: the argument of `start`.
        capacity: how many may register: the length of the list, or what came with the Merkle root.
        min_window_secs: the market's shortest window.

    Raises:
        InputError: the first field that can't work: its name, what was expected, what was given.
    """
    for name, least, most in _RANGES:
        _within(name, getattr(params, name), least, most)
    _check_groups(params)
    _check_encoding(params)
    _check_rule(params)
    for name in ("register_secs", "commit_secs", "upload_secs", "aggregate_secs", "select_secs"):
        _within(name, getattr(params, name), max(1, min_window_secs), MAX_WINDOW_SECS)
    if params.mode is Mode.BLOB:
        _check_blob_windows(params, min_window_secs)
    elif params.policy is DropoutPolicy.RECOVER:
        # the window has four quarters
        _within("reveal_secs", params.reveal_secs, max(4, min_window_secs), MAX_WINDOW_SECS)
    if params.rule is Rule.NORM_VOTE:
        _within("vote_secs", params.vote_secs, max(2, min_window_secs), MAX_WINDOW_SECS)
    _within("capacity", capacity, params.min_rounds * params.members, MAX_CAPACITY)
    _check_calls(params)
    _check_money(params, capacity)


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise InputError(f"{name}: expected {expected}, got {value}")


def _check_groups(params: SessionParams) -> None:
    recover = params.policy is DropoutPolicy.RECOVER
    _within("min_rounds", params.min_rounds, 1, params.rounds)
    _within("threshold", params.threshold, 2 if recover else params.members, params.members)
    _within("colluders", params.colluders, 1, params.members)
    if not params.unsafe_small and params.colluders + 2 > params.threshold:
        raise InputError(
            f"{'threshold' if recover else 'members'}: expected at least colluders + 2 = {params.colluders + 2} unless "
            f"unsafe_small, got {params.threshold}"
        )
    if params.mode is Mode.CALLDATA and not recover:
        _within("reveal_secs", params.reveal_secs, 0, 0)
    elif params.suite is not Suite.KECCAK:
        what = "recover" if recover else "blobs"
        raise InputError(f"suite: expected keccak with {what}, got {params.suite.name.lower()}")


def _check_encoding(params: SessionParams) -> None:
    if params.encoding is Encoding.WEIGHTS:
        _within("clip", params.clip, 0, 0)
        bound = MAX_BOUND // params.members
        _within("bound", params.bound, bound, bound)
        bits = 32
    else:
        _within("clip", params.clip, 1, LARGEST_FLOAT)
        bits = codec.smallest_lane_bits(params.members, params.bound)
    if params.packed and params.encoding is Encoding.DELTA:
        _within("members times bound, packed", params.members * params.bound, 1, MAX_PACKED_SUM)
        bits = BLOB_LANE_BITS
    elif params.mode is Mode.BLOB:
        bits = 0
    _within("lane_bits", params.lane_bits, bits, bits)


def _check_blob_windows(params: SessionParams, min_window_secs: int) -> None:
    """All of them together, from the first upload on, are far shorter than nodes keep blobs."""
    # to accuse, to refute; with `recover` before that to reveal, by quarters, and to correct
    reveals, least = (4, 4) if params.has_corrections else (2, 1)
    _within("reveal_secs", params.reveal_secs, max(least, min_window_secs), MAX_BLOB_WINDOWS_SECS)
    windows = params.upload_secs + params.aggregate_secs + params.select_secs + 2 * params.vote_secs
    windows += reveals * params.reveal_secs
    _within("windows from the upload on, with blobs", windows, 1, MAX_BLOB_WINDOWS_SECS)


def _check_rule(params: SessionParams) -> None:
    if params.rule is not Rule.NORM_VOTE:
        _within("vote_secs", params.vote_secs, 0, 0)
    if params.rule is not Rule.KRUM:
        if params.encoding is Encoding.WEIGHTS:
            raise InputError(
                f"rule: expected krum with encoding weights, whose limit norm doesn't know, got {params.rule.spelling}"
            )
        _within("krum_mu_bps", params.krum_mu_bps, 0, 0)
        _within("krum_m", params.krum_m, 0, 0)
        return
    _within("rounds", params.rounds, 1, MAX_KRUM_ROUNDS)
    _within("krum_mu_bps", params.krum_mu_bps, 0, 5_000)
    _within("krum_m", params.krum_m, 1, params.rounds)
    check_krum(params.rounds, params.krum_mu_bps, params.krum_m, params.krum_m_rule)


def _check_calls(params: SessionParams) -> None:
    """Chunks of a vector, and the bytes of the widest calls."""
    if params.mode is Mode.BLOB:
        _check_blob_calls(params)
        return
    _within("chunk_words", params.chunk_words, MIN_CHUNK_WORDS, MAX_CHUNK_WORDS)
    _within("chunks", params.chunks, 1, MAX_CHUNKS)
    chunk = min(params.words, params.chunk_words)
    limit = MAX_CALL_BYTES
    if params.policy is DropoutPolicy.RECOVER:
        _within("bytes of words and seeds in an unmask", 32 * (params.members * chunk + MAX_SEEDS), 32, limit)
    _within("bytes of words in an aggregate", 32 * params.members * chunk, 32, limit)
    if params.rule is Rule.KRUM:
        carried = params.rounds * (params.rounds - 1) // 2 if params.chunks > 1 else 0
        _within("bytes of words and products in a gram", 32 * (params.rounds * chunk + carried), 32, limit)


def _check_blob_calls(params: SessionParams) -> None:
    limit = MAX_CALL_BYTES
    _within("chunk_words", params.chunk_words, 0, 0)
    # sums are read as words, of which no more than a session in calldata has
    _within("chunks of words", codec.in_lanes(params).chunks, 1, MAX_CHUNKS)
    rows = params.members + params.has_corrections
    _within("bytes of a group's commitments", POINT_BYTES * rows * params.chunks, 1, limit)


def _check_money(params: SessionParams, capacity: int) -> None:
    _within("reward_wei", params.reward_wei, params.rounds * params.members, 2**96)
    _within("fee_cap_wei", params.fee_cap_wei, 0, 2**40 - 1)
    if bool(params.fee_cap_wei) != bool(params.fee_table):
        expected = "a table" if params.fee_cap_wei else "0"
        raise InputError(
            f"fee_table: expected {expected} with a fee cap of {params.fee_cap_wei}, got {params.fee_table}"
        )
    # reading them checks them
    _, _ = params.fees, params.records
    fees_wei = member_fees_wei(params)
    least = least_bond_wei(params.reward_wei, params.rounds, params.members) + fees_wei
    _within("bond_wei", params.bond_wei, least, 2 * params.reward_wei // params.rounds + fees_wei)
    _within("reserve", reserve_wei(params, capacity), 0, MAX_RESERVE_WEI)
