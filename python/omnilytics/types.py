"""The words that all layers share: addresses, enumerations, session parameters, and what those come to in gas and wei.

No behaviour beyond validation and the arithmetic of PROTOCOL.md sections 2, 9 and 10 that reads parameters alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields
from enum import IntEnum
from typing import Any, NewType

import numpy as np
from numpy.typing import NDArray

from omnilytics.stages import GroupStatus as GroupStatus
from omnilytics.stages import Stage as Stage
from omnilytics.stages import State as State
from omnilytics.tables import FeeTable as FeeTable
from omnilytics.tables import RecordConstants as RecordConstants

Address = NewType("Address", str)
"""An account or contract: 0x and 40 lower-case hexadecimal digits."""

FloatVec = NDArray[np.float32]
"""The public parameters W^p as one vector, shape (d,)."""

IntVec = NDArray[np.int64]
"""A decoded sum of members' integers, shape (d,)."""

BLOB_ELEMENTS = 4_096
"""Values that a blob holds (EIP-4844)."""

BLOB_LANES = 21
"""L, lanes of a packed blob, each of `BLOB_ELEMENTS` values (docs/BLOBS.md B12)."""

BLOB_LANE_BITS = 12
"""Of a value in a packed blob."""

MAX_PACKED_SUM = 2_047
"""N Q of a session with packed values, whose sums are digits of 12 bits."""

ZERO_ADDRESS = Address("0x" + "00" * 20)


class Encoding(IntEnum):
    """How weights become integers (PROTOCOL.md section 3)."""

    DELTA = 0
    WEIGHTS = 1


class Suite(IntEnum):
    """The pseudo-random generator that expands masks (E11)."""

    AES = 0
    KECCAK = 1


class Assignment(IntEnum):
    """How members get their seats (PROTOCOL.md section 6)."""

    GREEDY = 0
    SHUFFLED = 1


class Rule(IntEnum):
    """How the contract selects groups (PROTOCOL.md section 7)."""

    NORM = 0
    KRUM = 1
    NORM_VOTE = 2

    @property
    def spelling(self) -> str:
        """As people type and read it: `norm`, `krum`, `norm+vote`."""
        return self.name.lower().replace("_", "+")

    @classmethod
    def spelled(cls, word: str) -> Rule:
        """The rule that is spelled so."""
        return cls[word.upper().replace("+", "_")]


class KrumPicks(IntEnum):
    """What bounds the number of Krum's picks (PROTOCOL.md section 7)."""

    STRICT = 0
    PAPER = 1


class DropoutPolicy(IntEnum):
    """What happens when a member drops out (design section 5)."""

    ABORT = 0
    RECOVER = 1


class Mode(IntEnum):
    """How vectors travel (docs/BLOBS.md)."""

    CALLDATA = 0
    BLOB = 1


class Pool(IntEnum):
    """Where a registered member waits for the draw (PROTOCOL.md section 6.1)."""

    CLEAR = 0
    SUSPECT = 1
    COHORT = 2


_ENUMERATIONS: dict[str, type[IntEnum]] = {
    "encoding": Encoding,
    "suite": Suite,
    "assignment": Assignment,
    "rule": Rule,
    "krum_m_rule": KrumPicks,
    "policy": DropoutPolicy,
    "mode": Mode,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParams:
    """The argument of `start`, field for field (PROTOCOL.md section 2); `clip` is C as a float32 bit pattern."""

    parameter_count: int
    samples: int
    epochs: int
    batch_size: int
    rounds: int
    min_rounds: int
    members: int
    threshold: int
    colluders: int
    encoding: Encoding
    clip: int
    bound: int
    lane_bits: int
    chunk_words: int
    suite: Suite
    assignment: Assignment
    rule: Rule
    krum_mu_bps: int
    krum_m: int
    krum_m_rule: KrumPicks
    policy: DropoutPolicy
    register_secs: int
    commit_secs: int
    upload_secs: int
    aggregate_secs: int
    select_secs: int
    reveal_secs: int = 0
    vote_secs: int = 0
    reward_wei: int
    bond_wei: int
    fee_cap_wei: int = 0
    fee_table: int = 0
    record_constants: int = 0
    unsafe_small: int = 0
    mode: Mode = Mode.CALLDATA

    def as_tuple(self) -> tuple[int, ...]:
        """The fields in ABI order."""
        return tuple(int(v) for v in astuple(self))

    @classmethod
    def from_tuple(cls, values: Sequence[int]) -> SessionParams:
        """The parameters from their fields in ABI order.

        Raises:
            ValueError: a field isn't in its enumeration, or there are more or fewer fields.
        """
        named: dict[str, Any] = dict(zip((f.name for f in fields(cls)), map(int, values), strict=True))
        for name, kind in _ENUMERATIONS.items():
            named[name] = kind(named[name])
        return cls(**named)

    @property
    def clip_value(self) -> float:
        """C as a number, in units of a weight; 0.0 with `weights`."""
        return float(np.array([self.clip], dtype=np.uint32).view(np.float32)[0])

    @property
    def packed(self) -> bool:
        """Whether an element of a blob has several values."""
        return self.mode is Mode.BLOB and self.lane_bits != 0

    @property
    def lanes(self) -> int:
        """M, how often a blob's elements hold the vector: what a proof is about, packed or not (docs/BLOBS.md B12)."""
        return -(-self.parameter_count // BLOB_ELEMENTS)

    def lanes_of(self, chunk: int) -> int:
        """Lanes of a blob's elements: 1, or with packing 21, in the last one what is left."""
        return min(BLOB_LANES, self.lanes - BLOB_LANES * chunk) if self.packed else 1

    @property
    def proven(self) -> int:
        """Words or commitments of one group that a call like `gram` takes, as it is paid (PROTOCOL.md section 9)."""
        return self.lanes if self.mode is Mode.BLOB else self.words

    @property
    def chunk_values(self) -> int:
        """Values that a blob holds."""
        return BLOB_ELEMENTS * (BLOB_LANES if self.packed else 1)

    @property
    def words(self) -> int:
        """Words of a vector (PROTOCOL.md section 2); in blobs, its commitments."""
        if self.mode is Mode.BLOB:
            return -(-self.lanes // BLOB_LANES) if self.packed else self.lanes
        return -(-self.parameter_count // (256 // self.lane_bits))

    @property
    def chunks(self) -> int:
        """Chunks of a vector (PROTOCOL.md section 2); in blobs, these."""
        if self.mode is Mode.BLOB:
            return self.words
        return -(-self.words // self.chunk_words)

    @property
    def has_corrections(self) -> bool:
        """Whether masks are lifted by corrections, one vector a group: in blobs, with `recover`."""
        return self.mode is Mode.BLOB and self.policy is DropoutPolicy.RECOVER

    @property
    def fees(self) -> FeeTable | None:
        """The limits that `fee_table` packs; None when no call is paid back.

        Raises:
            InputError: not a fee table.
        """
        return FeeTable.unpack(self.fee_table) if self.fee_table else None

    @property
    def records(self) -> RecordConstants | None:
        """The constants that `record_constants` packs; None when the session reads and writes no records.

        Raises:
            InputError: not constants of records.
        """
        return RecordConstants.unpack(self.record_constants) if self.record_constants else None


COMMITS_TO_RECOVER = 3
"""Calls of one member that are paid as a commitment, with `recover`: `share`, `reveal`, `reveal_shares`."""

VOTE_CALLS = 2
"""Calls of one member that are paid as a commitment on top, with `norm+vote`: `vote`, `open_vote`."""


def member_fees_wei(params: SessionParams) -> int:
    """F, the most that one member's own calls are paid, wei (E20).

    Raises:
        InputError: `params.fee_table` isn't a fee table.
    """
    fees = params.fees
    if fees is None:
        return 0
    commits = COMMITS_TO_RECOVER if params.policy is DropoutPolicy.RECOVER else 1
    commits += VOTE_CALLS if params.rule is Rule.NORM_VOTE else 0
    return params.fee_cap_wei * (fees.register + commits * fees.commit + fees.an_upload(params.words, params.chunks))


def most_commits(params: SessionParams) -> int:
    """Most calls of a session that are paid as a commitment.

    Two rounds of them; with `recover` two rounds of shares, for each seat two calls to reveal and one to rebuild, for
    each group one that discloses its seeds. With `norm+vote` each seat votes on top, and opens its vote.
    """
    seats = params.rounds * params.members
    votes = VOTE_CALLS * seats if params.rule is Rule.NORM_VOTE else 0
    return votes + (5 * seats + params.rounds if params.policy is DropoutPolicy.RECOVER else 2 * seats)


def most_moves(params: SessionParams) -> int:
    """Most changes of stage from the end of registration to the payment: two draws and two rounds among them."""
    more = 2 if params.rule is Rule.NORM_VOTE else 0
    more += 2 if params.mode is Mode.BLOB else 0
    return more + params.has_corrections + (11 if params.policy is DropoutPolicy.RECOVER else 8)


def reserve_wei(params: SessionParams, capacity: int) -> int:
    """What `start` takes on top of the reward, so that fees can't run out, wei (E18). `capacity`: who may register.

    Raises:
        InputError: `params.fee_table` isn't a fee table.
    """
    fees = params.fees
    if fees is None:
        return 0
    groups, words, chunks = params.rounds, params.words, params.chunks
    rows = params.members + params.has_corrections
    gas = capacity * fees.register + most_commits(params) * fees.commit
    gas += groups * (rows * fees.an_upload(words, chunks) + fees.an_aggregation(words, chunks, rows) + 2 * fees.settle)
    if params.rule is Rule.KRUM or params.mode is Mode.BLOB:
        gas += fees.the_products(params.proven, chunks, groups)
    return params.fee_cap_wei * (gas + fees.select + most_moves(params) * fees.move)


def divided_wei(params: SessionParams, delivered: int, paid: int) -> tuple[int, int]:
    """What becomes of the reward (E30), wei: (to each member of a paid group, burnt). The rest is the owner's.

    Args:
        params: the session's parameters.
        delivered: members who have delivered all their words, of groups that are aggregated, or were refuted.
        paid: those of them whose groups are paid; none only where no group is left.
    """
    share = params.reward_wei // (params.rounds * params.members)
    if not paid:
        return 0, share * delivered
    if params.rule is Rule.KRUM:
        return share * delivered // paid, 0
    return share, share * (delivered - paid)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a member registers: its mask key and the signature by it (E8).

    `transport` is the X25519 key that shares are sealed to, 32 bytes; zero with `abort`.
    """

    x: int
    parity: int
    v: int
    r: int
    s: int
    transport: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class MemberView:
    """What the contract knows of one data owner.

    `listed` is by `whitelist`: a Merkle root lists nobody. `rank` is the order of registration in the member's pool;
    `group` and `place` are the newest, if it was drawn twice; `fees_wei` is what calls have earned and isn't withdrawn.
    """

    listed: bool
    registered: bool
    pool: Pool
    rank: int
    seated: bool
    group: int
    place: int
    key_address: Address
    committed: bool
    chunks_delivered: int
    declined: bool
    withdrawn: bool
    fees_wei: int


@dataclass(frozen=True, slots=True)
class Alumnus:
    """What a later session asks of this one before it lets a cohort in (E29).

    `accepted`: the account has a seat in a group that the rule accepted; `members` is N.
    """

    accepted: bool
    group: int
    place: int
    members: int


@dataclass(frozen=True, slots=True)
class GroupView:
    """What the contract knows of one group; `committed` to `blamed` are bitmaps over places.

    With `recover` a member commits by its shares. `dissolved`: one of its members declined or objected.

    Attributes:
        objected: somebody objected: nobody loses its bond.
        revealed: who revealed its self mask.
        opened: whose secret is known, its own or rebuilt.
        lent: who revealed its shares of those who stayed away.
        blamed: whose committed shares give another secret than its own.
        seeds_hash: of what `disclose` derived, 32 bytes; zero before.
    """

    status: GroupStatus
    committed: int
    delivered: int
    chunks_aggregated: int
    squared_norm: int
    accepted: bool
    settled: bool
    dissolved: bool
    objected: bool
    revealed: int
    opened: int
    lent: int
    blamed: int
    seeds_hash: bytes


@dataclass(frozen=True, slots=True)
class VoteView:
    """What the contract knows of a member's vote: its commitment (E38), 32 bytes, zero before; whether it is open."""

    commitment: bytes
    opened: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """A member's share of one peer's secret, with all that the contract checks it against.

    Attributes:
        dealer: whose secret it is a share of.
        share: of its mask key or its self mask.
        addresses: E32 of the dealer.
    """

    dealer: Address
    share: int
    addresses: bytes

    def __repr__(self) -> str:
        return f"Opening({self.dealer})"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the contract derives seeds from, of one place that has shared.

    Attributes:
        account: its member.
        x: its mask key, `parity` too.
        secret: as revealed or rebuilt: the self mask of who delivered, the mask key of who didn't.
        addresses: E32 of who delivered; empty of who didn't.
    """

    account: Address
    x: int
    parity: int
    secret: int
    addresses: bytes


@dataclass(frozen=True, slots=True)
class Money:
    """The session's books in wei: deposited = credits + locked + withdrawn, always (I1); locked in the end is burnt."""

    deposited: int
    credits: int
    locked: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class Log:
    """One raw log of a receipt."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of one transaction that succeeded. `call` is the contract function's name.

    `gas_price_wei` is what its sender has paid a gas, tip included, and `blob_gas_price_wei` what it has paid a blob
    gas; None: the chain doesn't tell.
    """

    call: str
    sender: Address
    tx_hash: bytes
    block: int
    timestamp: int
    gas_used: int
    calldata_bytes: int
    logs: tuple[Log, ...]
    contract_address: Address | None = None
    gas_price_wei: int | None = field(default=None, compare=False)
    blob_gas_used: int = 0
    blob_gas_price_wei: int | None = field(default=None, compare=False)

    @property
    def fee_wei(self) -> int | None:
        """What its sender has paid for gas and blobs, wei; None: the chain doesn't tell."""
        if self.gas_price_wei is None or (self.blob_gas_used and self.blob_gas_price_wei is None):
            return None
        return self.gas_used * self.gas_price_wei + self.blob_gas_used * (self.blob_gas_price_wei or 0)
