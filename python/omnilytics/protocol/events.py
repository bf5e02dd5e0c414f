"""The typed event stream: what happened in a session, in order.

It feeds the log, the dashboard, the result files and replay. Every event is a frozen dataclass of plain values (int,
float, str, bool, lists of these), so that it goes through JSON unchanged: `to_json` and `from_json` are inverses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from omnilytics.errors import DataError
from omnilytics.types import Receipt


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `session` counts from 1 within a run; 0 is the run itself."""

    session: int


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run's setting. `members` are all data owners in order; addresses as 0x strings.

    On a chain that others are on nobody knows `dataset`, `split` and `attackers`, which are empty; `seed` is None.

    `policy` is abort | recover; `threshold` is T, `dropouts` how many members are gone in each session; `mode` is
    calldata | blob.
    """

    dataset: str
    split: str
    encoding: str
    rule: str
    sessions: int
    rounds: int
    group_size: int
    parameter_count: int
    members: list[str]
    attackers: list[str]
    attack: str
    seed: int | None
    owner: str
    policy: str
    threshold: int
    dropouts: int
    mode: str = "calldata"
    packed: bool = False


@dataclass(frozen=True, slots=True)
class AccuracyMeasured(Event):
    """Test accuracy in per cent. `what`: alone | start | public | final."""

    what: str
    value: float


@dataclass(frozen=True, slots=True)
class SessionCreated(Event):
    """A session contract exists. `reserve_wei` is set aside for fees; `bond_wei` is each member's."""

    address: str
    reward_wei: int
    reserve_wei: int
    bond_wei: int
    clip: float


@dataclass(frozen=True, slots=True)
class StageChanged(Event):
    """The contract entered a stage (`types.Stage` by name, lower case).

    `deadline` is unix time, 0 = none; `now` the chain's time.
    """

    stage: str
    deadline: int
    now: int


@dataclass(frozen=True, slots=True)
class TimePassed(Event):
    """The chain has a new block: `now` is its unix time."""

    now: int


@dataclass(frozen=True, slots=True)
class MemberChanged(Event):
    """A data owner moved on.

    `status`: registered | unseated | seated | trained | committed | uploaded | missed | declined | paid | refunded |
    withdrawn; with rule `norm+vote` also voted; with `recover` also shared | objected | accused | revealed | lent |
    rebuilt | blamed.
    `credit_wei` is what it takes out, without its fees.
    """

    member: str
    status: str
    group: int
    place: int
    credit_wei: int
    clipped: int


@dataclass(frozen=True, slots=True)
class GroupChanged(Event):
    """A group moved on.

    `status`: `types.GroupStatus` by name, lower case, or refuted (it has failed), or settled; in blobs with `recover`
    also uncorrected (its sum waits for a correction) | corrected.
    """

    group: int
    status: str
    members: list[str]


@dataclass(frozen=True, slots=True)
class Declined(Event):
    """A member left its group before it committed, which dissolves the group. `reason` is the member's, in words.

    `paid_wei` goes to the others of the group.
    """

    member: str
    group: int
    place: int
    paid_wei: int
    reason: str


@dataclass(frozen=True, slots=True)
class Objected(Event):
    """A member refuses the shares that it got from another one, which dissolves their group. `reason` is in words."""

    member: str
    accused: str
    group: int
    reason: str


@dataclass(frozen=True, slots=True)
class StepMissed(Event):
    """Members of a group missed a step (share | upload | reveal) that `left` of it took."""

    group: int
    step: str
    members: list[str]
    left: int


@dataclass(frozen=True, slots=True)
class Redrawn(Event):
    """Members of failed groups were drawn again, into `groups` from id `first_group` on; `unseated` of them weren't."""

    first_group: int
    groups: int
    unseated: int


@dataclass(frozen=True, slots=True)
class RecordChanged(Event):
    """What the market remembers of a data owner with this model owner: `suspicion`, 0..2^16.

    `suspect`: it is at or above the session's threshold.
    """

    member: str
    suspicion: int
    suspect: bool


@dataclass(frozen=True, slots=True)
class FeesCredited(Event):
    """A call's gas is paid back to whoever sent it. `reserve_wei` is what is left for the fees of later calls."""

    account: str
    amount_wei: int
    reserve_wei: int


@dataclass(frozen=True, slots=True)
class VoteCast(Event):
    """A member has opened its vote on the groups: the ids of those that it is `against`. It is for all others."""

    member: str
    group: int
    place: int
    against: list[int]


@dataclass(frozen=True, slots=True)
class BlobsPosted(Event):
    """A member has posted so many blobs of its upload in one transaction."""

    member: str
    group: int
    place: int
    blobs: int


@dataclass(frozen=True, slots=True)
class Corrected(Event):
    """A member has posted so many blobs of what lifts the masks of its group's sum; `whole`: the last ones of it.

    Several may begin; the first one that is whole is the group's.
    """

    member: str
    group: int
    place: int
    blobs: int
    whole: bool


@dataclass(frozen=True, slots=True)
class CorrectionRefuted(Event):
    """`account` has shown that element `index` of a group's correction is wrong; `member` posted it, and is blamed."""

    account: str
    member: str
    group: int
    index: int


@dataclass(frozen=True, slots=True)
class Accused(Event):
    """Somebody accuses a group's sum; of which one it says nothing before nobody can accuse any more."""

    account: str


@dataclass(frozen=True, slots=True)
class Refuted(Event):
    """An accusation is opened, and true: element `index` of the group's sum isn't in range."""

    account: str
    group: int
    index: int


@dataclass(frozen=True, slots=True)
class SumsAdded(Event):
    """The contract has added the commitments of these groups' uploads."""

    groups: list[int]


@dataclass(frozen=True, slots=True)
class SumsProven(Event):
    """So many norms, or products of two sums, are proven to the contract."""

    products: int


@dataclass(frozen=True, slots=True)
class GroupScored(Event):
    """What selection made of one group.

    `score` and `limit` are integers in squared units of the encoding, as strings: they pass 2^53.
    """

    group: int
    accepted: bool
    paid: bool
    score: str
    limit: str
    reason: str


@dataclass(frozen=True, slots=True)
class DistancesMeasured(Event):
    """Squared distances between the groups' means, in units of weights squared; `groups` names rows and columns."""

    groups: list[int]
    distances: list[list[float]]


@dataclass(frozen=True, slots=True)
class MoneyMoved(Event):
    """The session's books, wei. `reserve` is what of `locked` is left for fees."""

    deposited: int
    credits: int
    locked: int
    withdrawn: int
    reserve: int


@dataclass(frozen=True, slots=True)
class GasUsed(Event):
    """One transaction. `phase` is the contract function's name, or deploy; `blob_gas_wei` is what a blob gas cost."""

    phase: str
    gas: int
    calldata_bytes: int
    blob_gas: int = 0
    blob_gas_wei: int = 0

    @classmethod
    def of(cls, session: int, receipt: Receipt) -> GasUsed:
        """What a receipt says."""
        used, blobs = receipt.gas_used, receipt.blob_gas_used
        return cls(session, receipt.call, used, receipt.calldata_bytes, blobs, receipt.blob_gas_price_wei or 0)


@dataclass(frozen=True, slots=True)
class SessionFinished(Event):
    """A session is over. Group ids; `fees_wei` were paid back for gas, `burnt_wei` refused groups would have had."""

    accepted: list[int]
    rejected: list[int]
    failed: list[int]
    unselected: bool
    fees_wei: int
    burnt_wei: int


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run is over. `weight` is the MO's combination weight for its private model (`side`).

    None: on a chain that others are on nobody measured.
    """

    accuracy_final: float | None
    weight: float | None


@dataclass(frozen=True, slots=True)
class Note(Event):
    """A sentence in plain words for the feed."""

    text: str


Sink = Callable[[Event], None]
"""Whoever wants the stream."""


def all_of(*sinks: Sink) -> Sink:
    """One sink that passes events on to all, in order."""

    def tell(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return tell


CLASSES: dict[str, type[Event]] = {
    c.__name__: c
    for c in (
        RunStarted,
        AccuracyMeasured,
        SessionCreated,
        StageChanged,
        TimePassed,
        MemberChanged,
        GroupChanged,
        Declined,
        Objected,
        StepMissed,
        Redrawn,
        RecordChanged,
        FeesCredited,
        VoteCast,
        BlobsPosted,
        Corrected,
        CorrectionRefuted,
        Accused,
        Refuted,
        SumsAdded,
        SumsProven,
        GroupScored,
        DistancesMeasured,
        MoneyMoved,
        GasUsed,
        SessionFinished,
        RunFinished,
        Note,
    )
}
"""Every event, by name."""


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object, its class under `event`."""
    return {"event": type(event).__name__, **asdict(event)}


def from_json(value: dict[str, Any]) -> Event:
    """The event that `to_json` was given.

    Raises:
        DataError: an unknown class, or fields that aren't its own.
    """
    fields = dict(value)
    name = fields.pop("event", None)
    if name not in CLASSES:
        raise DataError(f"unknown event {name!r}: expected one of {', '.join(sorted(CLASSES))}")
    try:
        return CLASSES[name](**fields)
    except TypeError as error:
        raise DataError(f"event {name}: {error}") from None
