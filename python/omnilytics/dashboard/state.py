"""What the events of a run add up to (`reducing`), as frozen dataclasses.

Live view, replay and report are all pictures of a `DashboardState`; they never look at events themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from omnilytics.dashboard.blobs import NO_BLOBS, Blobs
from omnilytics.types import BLOB_ELEMENTS, BLOB_LANES

Curve = tuple[tuple[int, float], ...]
"""(session, per cent), in order."""

_EMPTY: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Member:
    """A data owner. `name` is DO and its number, counted from 1 in the run's order.

    Status, seat and clipped parameters are those of the current session; `earned_wei` (rewards without returned
    bonds), `fees_wei` (paid back for gas), `paid`, `missed` and `declined` (sessions) are those of the whole run.
    `suspicion` is what the market remembers, 0..2^16, None: nothing yet; `suspect`: it is at or above the threshold.
    """

    address: str
    name: str
    attacker: bool
    status: str = "waiting"
    group: int = -1
    place: int = -1
    clipped: int = 0
    earned_wei: int = 0
    fees_wei: int = 0
    paid: int = 0
    missed: int = 0
    declined: int = 0
    suspicion: int | None = None
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Members that missed a step (share | upload | reveal) which `left` others of their group took."""

    step: str
    members: tuple[str, ...]
    left: int


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one session. `score` and `limit` are None until selection; `failed`: it didn't deliver.

    `votes` and `against`: how many data owners have opened a vote, and of those against it, with rule `norm+vote`.
    `gaps`: who was missing, with policy `recover`, in order of the steps. `blobs`: how many are posted; `uncorrected`:
    its sum waits for a correction, or has waited in vain; `refuted`: that is how it failed.
    """

    number: int
    status: str = "forming"
    members: tuple[str, ...] = ()
    score: int | None = None
    limit: int | None = None
    accepted: bool | None = None
    paid: bool = False
    reason: str = ""
    failed: bool = False
    votes: int = 0
    against: int = 0
    gaps: tuple[Gap, ...] = ()
    blobs: int = 0
    uncorrected: bool = False
    refuted: bool = False

    @property
    def missed(self) -> dict[str, str]:
        """By member that missed a step: which one."""
        return {member: gap.step for gap in self.gaps for member in gap.members}

    @property
    def uploads(self) -> int:
        """Of all its members but those who are known to have missed theirs."""
        return len(self.members) - sum(len(gap.members) for gap in self.gaps if gap.step in ("share", "upload"))

    @property
    def share(self) -> float | None:
        """Score over limit: at most 1 passes. None where there is no limit."""
        if self.score is None or not self.limit:
            return None
        return self.score / self.limit


@dataclass(frozen=True, slots=True)
class Distances:
    """Squared distances between aggregates; rows and columns are `groups`."""

    groups: tuple[int, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Books:
    """A session's money in wei; `reserve` is what of `locked` is left for fees."""

    deposited: int = 0
    credits: int = 0
    locked: int = 0
    withdrawn: int = 0
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """One model update. `public` and `owner`: accuracy after it of W^p alone and of the owner's model, per cent.

    `reserve_wei` was set aside for fees, of which `fees_wei` are credited so far; `burnt_wei` is the price of refused
    groups.
    """

    number: int
    address: str = ""
    reward_wei: int = 0
    reserve_wei: int = 0
    fees_wei: int = 0
    burnt_wei: int = 0
    bond_wei: int = 0
    clip: float = 0.0
    stage: str = "setup"
    deadline: int = 0
    now: int = 0
    groups: tuple[Group, ...] = ()
    distances: Distances | None = None
    books: Books = Books()
    blobs: Blobs = NO_BLOBS
    gas: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    public: float | None = None
    owner: float | None = None
    finished: bool = False
    unselected: bool = False

    @property
    def posted(self) -> int:
        """Blobs of all groups."""
        return sum(g.blobs for g in self.groups)

    @property
    def accepted(self) -> int:
        """Groups that selection accepted."""
        return sum(1 for g in self.groups if g.accepted)

    @property
    def refused(self) -> int:
        """Groups that selection refused."""
        return sum(1 for g in self.groups if g.accepted is False)

    @property
    def failed(self) -> int:
        """Groups that didn't deliver."""
        return sum(1 for g in self.groups if g.failed)

    def missing(self, step: str) -> int:
        """Members that missed a step and none before it."""
        return sum(len(gap.members) for group in self.groups for gap in group.gaps if gap.step == step)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the run is: `events.RunStarted` without its members. `seed` is None on a chain that others are on."""

    dataset: str
    split: str
    encoding: str
    rule: str
    sessions: int
    rounds: int
    group_size: int
    parameter_count: int
    attackers: int
    attack: str
    seed: int | None
    owner: str
    policy: str
    threshold: int
    dropouts: int
    mode: str = "calldata"
    packed: bool = False

    @property
    def how(self) -> str:
        """Data set, split, encoding and rule, as far as they are known, and whether vectors are in blobs."""
        blobs = ("packed blobs" if self.packed else "blobs") if self.in_blobs else ""
        return ", ".join(filter(None, (self.dataset, self.split, self.encoding, self.rule, blobs)))

    @property
    def in_blobs(self) -> bool:
        """Whether vectors are in blobs."""
        return self.mode == "blob"

    @property
    def chunks(self) -> int:
        """Blobs of one upload."""
        lanes = -(-self.parameter_count // BLOB_ELEMENTS) if self.in_blobs else 0
        return -(-lanes // BLOB_LANES) if self.packed else lanes


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the feed."""

    session: int
    text: str


@dataclass(frozen=True, slots=True)
class DashboardState:
    """Everything that a picture of a run needs. Accuracies are per cent, None until measured."""

    setting: Setting | None = None
    members: tuple[Member, ...] = ()
    sessions: tuple[Session, ...] = ()
    alone: float | None = None
    start: float | None = None
    public: float | None = None
    final: float | None = None
    weight: float | None = None
    transactions: int = 0
    calldata_bytes: int = 0
    gas: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    feed: tuple[Line, ...] = ()
    finished: bool = False

    @property
    def session(self) -> Session | None:
        """The session that runs, or ran last."""
        return self.sessions[-1] if self.sessions else None

    @property
    def books(self) -> Books:
        """The money of all sessions together."""
        return Books(
            deposited=sum(s.books.deposited for s in self.sessions),
            credits=sum(s.books.credits for s in self.sessions),
            locked=sum(s.books.locked for s in self.sessions),
            withdrawn=sum(s.books.withdrawn for s in self.sessions),
            reserve=sum(s.books.reserve for s in self.sessions),
        )

    @property
    def measured(self) -> bool:
        """Whether any accuracy is known: nobody measures for all to see on a chain that others are on."""
        return any(value is not None for value in (self.alone, self.start, self.public, self.final))

    @property
    def simulated(self) -> bool:
        """Whether whoever tells the run knows all of it; on a chain that others are on nobody does."""
        return self.setting is None or self.setting.seed is not None

    def due(self, session: Session) -> int:
        """Blobs of the uploads of a session's groups: not of those that failed before, nor of who is missing."""
        chunks = self.setting.chunks if self.setting else 0
        return chunks * sum(g.uploads for g in session.groups if g.blobs or not g.failed)

    def curve(self, whose: Literal["owner", "public"]) -> Curve:
        """Accuracy after each session; the owner's begins with the start, as session 0."""
        begin = [(0, self.start)] if whose == "owner" and self.start is not None else []
        values = [(s.number, s.owner if whose == "owner" else s.public) for s in self.sessions]
        return (*begin, *((number, value) for number, value in values if value is not None))

    def member_name(self, address: str) -> str:
        """`DO 07` for a data owner, MO for the owner, a shortened address for a stranger."""
        for member in self.members:
            if member.address == address:
                return member.name
        if self.setting is not None and self.setting.owner == address:
            return "MO"
        return f"{address[:6]}..{address[-4:]}" if len(address) > 12 else address

    def latest_scored(self) -> Session | None:
        """The newest session that has scores, or the newest one."""
        for session in reversed(self.sessions):
            if any(g.score is not None for g in session.groups):
                return session
        return self.session
