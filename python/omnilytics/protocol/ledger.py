"""What the logs of a session say: the contract stores hashes, its events carry the vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from omnilytics.blobs.partial import Partial, PartialPacked, PartialProof
from omnilytics.chain.abi import decode_log
from omnilytics.protocol.seating import NOBODY, Registration, Seating, first_seats, second_seats, survivors_of
from omnilytics.protocol.sharing import Sharing
from omnilytics.protocol.voting import Tally
from omnilytics.types import Address, Log, Rule, SessionParams

PlaceOf = Callable[[int, Address], int]
"""(cohort, member) -> the member's place in that group of the earlier session (E29): its own logs don't say it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What `select` decided: bitmaps over group ids, wei to each member of a paid group, wei burnt."""

    accepted: int
    paid: int
    unselected: bool
    share_wei: int
    burnt_wei: int


@dataclass(slots=True)
class Ledger:
    """A session's vectors, keys and fates, gathered from its logs.

    `keys` and `registrations` are in order of registration, the latter without places in cohorts; `uploads` of a group
    and chunk in order of upload, as `aggregate` wants them; `uploaded` of a group and place in order of chunk; `posted`
    likewise the versioned hashes of blobs, whose `aggregates` no log has: who has the blobs fills them in; `corrected`
    those of corrections, of which a group has one that is complete. `seed` and `second_seed` are None before each draw.
    `committed`, or shared, are (group, place), `roots` what to; `failed` has, by group, the bitmap over places of who
    did its part, `failed_first` what it had at the second draw; `fees` are wei, all that were credited, `withdrawn` all
    that was paid out, fees too. `sharing` is by group; `objecting`: it is over for this round. `products` are of the
    first `gram_chunks`.
    `votes` are commitments by (group, place), `ballots` what was opened of them, bitmaps over group ids; `opening`: no
    commitment follows; `refuting`: no accusation does, of which there are `accusations`; `sums_added` is how many
    groups of blobs the contract has the sums of.
    `deadline` is the last one that was set, unix time: stage Payment has none.
    """

    published: list[bytes] = field(default_factory=list)
    keys: dict[Address, tuple[int, int]] = field(default_factory=dict)
    key_addresses: dict[Address, Address] = field(default_factory=dict)
    transports: dict[Address, bytes] = field(default_factory=dict)
    sharing: dict[int, Sharing] = field(default_factory=dict)
    objecting: bool = False
    uploads: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    uploaded: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    posted: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    corrected: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    aggregates: dict[tuple[int, int], bytes] = field(default_factory=dict)
    products: list[int] = field(default_factory=list)
    gram_chunks: int = 0
    votes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    ballots: dict[tuple[int, int], int] = field(default_factory=dict)
    opening: bool = False
    accusations: int = 0
    sums_added: int = 0
    proofs: dict[Address, Partial] = field(default_factory=dict)
    refuting: bool = False
    selected: Selection | None = None
    registrations: list[Registration] = field(default_factory=list)
    seed: bytes | None = None
    second_seed: bytes | None = None
    committed: set[tuple[int, int]] = field(default_factory=set)
    roots: dict[tuple[int, int], bytes] = field(default_factory=dict)
    failed: dict[int, int] = field(default_factory=dict)
    failed_first: dict[int, int] = field(default_factory=dict)
    fees: Counter[Address] = field(default_factory=Counter)
    withdrawn: Counter[Address] = field(default_factory=Counter)
    deadline: int = 0

    @classmethod
    def read(cls, logs: Iterable[Log]) -> Ledger:
        """Builds the ledger from raw logs, oldest first; logs of other events are passed over."""
        ledger = cls()
        ledger.extend(logs)
        return ledger

    def extend(self, logs: Iterable[Log]) -> None:
        """Takes in later logs."""
        for log in logs:
            decoded = decode_log(log)
            if decoded is not None:
                self._add(*decoded)

    def _add(self, name: str, values: dict[str, object]) -> None:
        self.deadline = max([self.deadline, *(_int(v) for key, v in values.items() if key.endswith("deadline"))])
        match name:
            case "Published":
                self.published.append(_bytes(values["words"]))
            case "Registered":
                member = Address(str(values["member"]))
                self.keys[member] = (_int(values["x"]), _int(values["parity"]))
                self.key_addresses[member] = Address(str(values["key_address"]))
                self.transports[member] = _bytes(values["transport"])
                self.registrations.append(Registration(member, _int(values["suspicion"]), _int(values["cohort"])))
            case "Drawn":
                self.seed = _bytes(values["seed"])
            case "Redrawn":
                self.second_seed = _bytes(values["seed"])
                self.failed_first = dict(self.failed)
                self.objecting = False
            case "SharingClosed":
                self.objecting = True
            case "Committed":
                seat = _int(values["group"]), _int(values["place"])
                self.committed.add(seat)
                self.roots[seat] = _bytes(values["root"])
            case "Shared":
                self.committed.add((_int(values["group"]), _int(values["place"])))
                self._shared(name, values)
            case "Revealed" | "ShareRevealed" | "Rebuilt" | "Disclosed":
                self._shared(name, values)
            case "GroupFailed":
                self.failed[_int(values["group"])] = _int(values["did_their_part"])
            case "Uploaded":
                group, words = _int(values["group"]), _bytes(values["words"])
                self.uploads.setdefault((group, _int(values["chunk"])), []).append(words)
                self.uploaded.setdefault((group, _int(values["place"])), []).append(words)
            case "Posted" | "Corrected" | "Accused" | "AccusingClosed" | "SumsAdded":
                self._in_blobs(name, values)
            case "ProofContinued" | "PackedContinued":
                self.proofs[Address(str(values["account"]))] = _begun(name, values["begun"])
            case "Aggregated":
                self.aggregates[_int(values["group"]), _int(values["chunk"])] = _bytes(values["words"])
            case "GramAdded":
                products = values["products"]
                assert isinstance(products, list | tuple)
                self.products = [_int(p) for p in products]
                self.gram_chunks += 1
            case "VoteCommitted":
                self.votes[_int(values["group"]), _int(values["place"])] = _bytes(values["commitment"])
            case "VotingClosed":
                self.opening = True
            case "VoteOpened":
                self.ballots[_int(values["group"]), _int(values["place"])] = _int(values["bits"])
            case "Selected":
                self.selected = _selection(values)
            case "FeeCredited" | "Withdrawn":
                moved = self.fees if name == "FeeCredited" else self.withdrawn
                moved[Address(str(values["account"]))] += _int(values["amount_wei"])
            case _:
                pass

    def _shared(self, name: str, values: dict[str, object]) -> None:
        self.sharing.setdefault(_int(values["group"]), Sharing()).add(name, values)

    def _in_blobs(self, name: str, values: dict[str, object]) -> None:
        match name:
            case "Posted" | "Corrected":
                hashes = values["hashes"]
                assert isinstance(hashes, list | tuple)
                seat = _int(values["group"]), _int(values["place"])
                into = self.posted if name == "Posted" else self.corrected
                into.setdefault(seat, []).extend(_bytes(one) for one in hashes)
            case "SumsAdded":
                self.sums_added += _int(values["groups"]).bit_count()
            case "Accused":
                self.accusations += 1
            case _:
                self.refuting = True

    def correction(self, group: int, chunks: int) -> list[bytes] | None:
        """The versioned hashes of a group's correction; None: none of so many blobs is there."""
        complete = (hashes for (of, _), hashes in self.corrected.items() if of == group and len(hashes) == chunks)
        return next(complete, None)

    def seats(self, params: SessionParams, place_of: PlaceOf) -> Seating:
        """Who sits where, after one draw or both; nobody before the first.

        Args:
            params: the session's.
            place_of: asked for members of cohorts alone.
        """
        if self.seed is None:
            return NOBODY
        seats = first_seats(params, self.placed(place_of), self.seed)
        if self.second_seed is None:
            return seats
        return second_seats(params, seats, survivors_of(seats, self.failed_first), self.second_seed)

    def placed(self, place_of: PlaceOf) -> list[Registration]:
        """The registrations with the places of those in cohorts."""
        return [
            replace(one, place=place_of(one.cohort, one.member)) if one.cohort else one for one in self.registrations
        ]

    def tally(self, params: SessionParams, counts: Mapping[int, int]) -> Tally | None:
        """The opened votes; None where nobody votes. `counts`: who has delivered, by group that has an aggregate."""
        if params.rule is not Rule.NORM_VOTE:
            return None
        return Tally.of(counts, sum(counts.values()), self.ballots.values())

    def aggregate(self, group: int, chunks: int) -> bytes:
        """The whole aggregate A_r of a group, as words."""
        return b"".join(self.aggregates[group, chunk] for chunk in range(chunks))


def _begun(name: str, values: object) -> Partial:
    assert isinstance(values, dict)
    partial: type[Partial] = PartialProof if name == "ProofContinued" else PartialPacked
    return partial.read(values)


def _selection(values: dict[str, object]) -> Selection:
    return Selection(
        accepted=_int(values["accepted"]),
        paid=_int(values["paid"]),
        unselected=bool(values["unselected"]),
        share_wei=_int(values["share_wei"]),
        burnt_wei=_int(values["burnt_wei"]),
    )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
