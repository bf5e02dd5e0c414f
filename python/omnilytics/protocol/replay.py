"""One session rebuilt from its logs, event by event: each is held against everything before it. `verify` drives it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from omnilytics import codec
from omnilytics.chain.abi import decode_log
from omnilytics.codec import Codec
from omnilytics.codec.keys import key_address
from omnilytics.errors import VerificationError
from omnilytics.protocol.books import Fates, FeeLimits
from omnilytics.protocol.commitment import commitment
from omnilytics.protocol.history import History, Past
from omnilytics.protocol.ledger import PlaceOf
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.seating import NOBODY, Registration, Seating, first_seats, second_seats, survivors_of
from omnilytics.protocol.vote_replay import VoteReplay
from omnilytics.tables import GWEI_WEI, SUSPICION_ONE
from omnilytics.types import (
    Address,
    Assignment,
    DropoutPolicy,
    Log,
    Money,
    Rule,
    SessionParams,
    Stage,
    divided_wei,
    reserve_wei,
)


@dataclass(slots=True)
class Replay:
    """The session's state, rebuilt event by event.

    `place_of` is asked for members of cohorts of sessions that `history` hasn't got; None: the record's own logs are.
    """

    record: SessionRecord
    history: History
    checks: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    listed: set[str] = field(default_factory=set)
    root: bytes = bytes(32)
    capacity: int = 0
    published: list[bytes] = field(default_factory=list)
    params: SessionParams | None = None
    reserve: int = 0
    registered: dict[Address, str] = field(default_factory=dict)
    registrations: list[Registration] = field(default_factory=list)
    roots: dict[tuple[int, int], bytes] = field(default_factory=dict)
    live: int = 0
    barrier: bool = False
    round_closed: bool = False
    stayed: dict[int, int] = field(default_factory=dict)
    uploads: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    aggregates: dict[int, list[bytes]] = field(default_factory=dict)
    norms: dict[int, int] = field(default_factory=dict)
    products: list[int] = field(default_factory=list)
    gram_chunks: int = 0
    settled: set[int] = field(default_factory=set)
    credit: Counter[str] = field(default_factory=Counter)
    credited: int = 0
    fees: int = 0
    cancelled: bool = False
    finished: bool = False
    summed: bool = False
    place_of: PlaceOf | None = None
    votes: VoteReplay = field(init=False)
    _fates: Fates | None = None
    _limits: FeeLimits | None = None
    _codec: Codec | None = None

    def __post_init__(self) -> None:
        self.votes = VoteReplay(self)

    def expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            raise VerificationError(f"{what}: expected {_shown(expected)}, found {_shown(found)}")
        self.checks[what] += 1

    def on(self, block: int, log: Log) -> None:
        """Checks one log against everything before it."""
        decoded = decode_log(log)
        if decoded is None:
            raise VerificationError(f"unknown event with topic 0x{log.topics[0].hex() if log.topics else ''}")
        name, values = decoded
        handler = getattr(self, f"on_{name.lower()}", None) or getattr(self.votes, f"on_{name.lower()}", None)
        if handler is None:
            raise VerificationError(f"event {name} can't be checked by this version")
        if self._limits is not None:
            self._limits.saw(block, name, self._words_in_call(name, values))
        handler(values)

    @property
    def terms(self) -> SessionParams:
        if self.params is None:
            raise VerificationError("an event before Started: expected the session to be started")
        return self.params

    @property
    def fates(self) -> Fates:
        """Of the groups, as far as they are known."""
        if self._fates is None:
            self._fates = Fates(self.terms)
        return self._fates

    @property
    def seats(self) -> Seating:
        return NOBODY if self._fates is None else self._fates.seats

    @property
    def codec(self) -> Codec:
        """Of the session's terms, made once."""
        if self._codec is None:
            self._codec = Codec(self.terms)
        return self._codec

    def on_whitelisted(self, v: dict[str, Any]) -> None:
        self.expect("a list or a Merkle root", any(self.root), False)
        self.listed.update(v["members"])
        self.capacity += len(v["members"])

    def on_whitelistrootset(self, v: dict[str, Any]) -> None:
        self.expect("a list or a Merkle root", self.listed, set())
        self.root, self.capacity = v["root"], v["capacity"]

    def on_published(self, v: dict[str, Any]) -> None:
        self.expect("chunks of W^p in order", v["chunk"], len(self.published))
        self.expect("hashes of W^p", v["words_hash"], codec.keccak256(v["words"]))
        self.published.append(v["words"])

    def on_started(self, v: dict[str, Any]) -> None:
        self.params = SessionParams.from_tuple(list(v["params"].values()))
        hashed = codec.published_hash(self.published)
        self.expect("published_hash", v["published_hash"], hashed)
        self.expect("model_hash", v["model_hash"], codec.model_hash(self.params, hashed))
        codec.from_float_words(b"".join(self.published), self.params.parameter_count)
        self.reserve = reserve_wei(self.params, self.capacity)
        self.expect("reserve", v["reserve_wei"], self.reserve)
        self._limits = FeeLimits(self.params)

    def on_registered(self, v: dict[str, Any]) -> None:
        member = v["member"]
        if any(self.root):
            self.taken["registrations under a Merkle root"] += 1
        else:
            self.expect("registrations by listed members", member in self.listed, True)
        self.expect("registrations within the capacity", len(self.registered) < self.capacity, True)
        self.expect("order of registration", v["index"], len(self.registered))
        if member in self.registered or v["key_address"] in self.registered.values():
            raise VerificationError(f"member {member}: registered twice, or with a key seen before")
        self.expect("mask keys' addresses", v["key_address"], key_address(v["x"], v["parity"]))
        self.expect(
            "transport keys with recover alone", any(v["transport"]), self.terms.policy is DropoutPolicy.RECOVER
        )
        self.registered[member] = v["key_address"]
        self._check_suspicion(member, v["suspicion"])
        place = self._check_cohort(member, v["cohort"]) if v["cohort"] else 0
        self.registrations.append(Registration(member, v["suspicion"], v["cohort"], place))

    def _check_suspicion(self, member: Address, suspicion: int) -> None:
        constants = self.terms.records
        if constants is None:
            self.expect("suspicion without records", suspicion, 0)
            return
        self.expect("suspicions of at most 2^16", suspicion <= SUSPICION_ONE, True)
        if self.history.registered(self.record.owner, member, suspicion, constants):
            self.checks["suspicions that follow from the sessions before"] += 1
        else:
            self.taken["suspicions"] += 1

    def _check_cohort(self, member: Address, cohort: int) -> int:
        """The member's place in the group that it came back with."""
        self.expect("cohorts with a draw", self.terms.assignment, Assignment.SHUFFLED)
        self.expect("cohorts of a session", 0 < cohort >> 8 < 2**160, True)
        past = self.history.sessions.get(Address(f"0x{cohort >> 8:040x}"))
        if past is None:
            self.taken["members of cohorts of sessions outside the record"] += 1
            return 0 if self.place_of is None else self.place_of(cohort, member)
        place = past.place(cohort & 255, member)
        same = (self.record.owner, self.terms.members)
        self.expect("cohorts of the same owner and size", (past.owner, past.members), same)
        self.expect("members of accepted cohorts", place is not None, True)
        return place or 0

    def on_registrationclosed(self, v: dict[str, Any]) -> None:
        self.expect("number registered", v["registered"], len(self.registered))

    def on_drawpostponed(self, v: dict[str, Any]) -> None:
        groups = len(self.seats.groups)
        due = not groups or (self.round_closed and groups == self.seats.first)
        self.expect("draw postponed before a draw", due, True)

    def on_drawn(self, v: dict[str, Any]) -> None:
        if self.place_of is None:
            self.registrations = self.history.place_strangers(self.record, self.registrations, v["groups"])
        self.fates.seats = first_seats(self.terms, self.registrations, v["seed"])
        self.expect("number of groups", v["groups"], len(self.seats.groups))
        self.expect("members without a seat", v["unseated"], len(self.seats.unseated))
        for member in self.seats.unseated:
            self._credit(member, self.terms.bond_wei)

    def on_roundclosed(self, v: dict[str, Any]) -> None:
        self._check_failures()
        self.round_closed = True
        self.expect("survivors of failed groups", v["survivors"], len(self._survivors()))
        self.expect("survivors enough for a group", v["survivors"] >= self.terms.members, True)

    def on_redrawn(self, v: dict[str, Any]) -> None:
        self.expect("second draw after the first round", self.round_closed, True)
        survivors = self._survivors()
        self.fates.seats = second_seats(self.terms, self.seats, survivors, v["seed"])
        fresh = len(self.seats.groups) - self.seats.first
        self.expect("first group of the second round", v["first_group"], self.seats.first)
        self.expect("groups of the second round", v["groups"], fresh)
        self.expect("survivors without a seat", v["unseated"], len(survivors) - fresh * self.terms.members)

    def on_cancelled(self, v: dict[str, Any]) -> None:
        self.cancelled = True
        for member in self.registered:
            self._credit(member, self.terms.bond_wei)

    def on_declined(self, v: dict[str, Any]) -> None:
        seat = (v["group"], v["place"])
        self.expect("seats of those who decline", self.seats.seat_of(v["member"]), seat)
        self.expect("groups declined before they fail", v["group"] in self.fates.failed, False)
        self.expect("nobody declines after its commitment", seat in self.roots, False)
        self.expect("price of leaving", v["paid_wei"], self.fates.price_of_leaving())
        self.expect("one member declines a group", v["group"] in self.fates.dissolved, False)
        self.fates.dissolved.add(v["group"])
        self.stayed[v["group"]] = self.everybody ^ (1 << v["place"])

    def on_committed(self, v: dict[str, Any]) -> None:
        self.expect("no commitment after the barrier", self.barrier, False)
        seat = (v["group"], v["place"])
        self.expect("seats of those who commit", self.seats.seat_of(v["member"]), seat)
        self.expect("one commitment a seat", seat in self.roots, False)
        self.expect("commitments in live groups", v["group"] in self.fates.failed, False)
        self.roots[seat] = v["root"]

    def on_barrierpassed(self, v: dict[str, Any]) -> None:
        self._check_failures()
        due = len(survivors_of(self.seats, self._first_failed())) >= self.terms.members
        self.expect("a second round where it is due", self.round_closed, due)
        self.live = sum(1 << g for g in range(len(self.seats.groups)) if g not in self.fates.failed)
        self.barrier = True
        self.expect("groups that pass the barrier", v["live_groups"], self.live)

    def on_groupfailed(self, v: dict[str, Any]) -> None:
        group = v["group"]
        self.expect("stage of failures", v["stage"], self.stage)
        did = self.stayed[group] if group in self.stayed else self.did(group)
        self.expect("who did their part in failed groups", v["did_their_part"], did)
        self.expect("groups that fail with somebody missing", self.is_lost(group), True)
        self.fates.failed[group] = did

    @property
    def stage(self) -> Stage:
        """In which groups fail by now."""
        return Stage.UPLOAD if self.barrier else Stage.COMMIT

    def did(self, group: int) -> int:
        """Who did its part in a group so far, bitmap over places."""
        return self.delivered(group) if self.barrier else self.committed(group)

    def is_lost(self, group: int) -> bool:
        """Whether a group can't go on."""
        return group in self.stayed or self.did(group).bit_count() < self.terms.threshold

    @property
    def everybody(self) -> int:
        """All places."""
        return (1 << self.terms.members) - 1

    def committed(self, group: int) -> int:
        """Who has committed, bitmap over places."""
        return sum(1 << p for p in range(self.terms.members) if (group, p) in self.roots)

    def uploading(self, v: dict[str, Any]) -> tuple[int, int]:
        """The seat of who uploads, which may do so."""
        self.expect("no upload before the barrier", self.barrier, True)
        seat = (v["group"], v["place"])
        self.expect("uploads by live groups", self.live >> v["group"] & 1, 1)
        self.expect("seats of those who upload", self.seats.seat_of(v["member"]), seat)
        return seat

    def on_uploaded(self, v: dict[str, Any]) -> None:
        seat = self.uploading(v)
        chunks = self.uploads.setdefault(seat, [])
        self.expect("chunks in order", v["chunk"], len(chunks))
        chunks.append(v["words"])
        if len(chunks) == self.terms.chunks:
            self.expect("words in an upload", sum(map(len, chunks)), 32 * self.terms.words)
            self.check_upload(v["member"], seat)

    def check_upload(self, member: Address, seat: tuple[int, int]) -> None:
        """Holds a whole upload against what its member has committed to."""
        root = commitment(member, codec.commitment_root([codec.keccak256(c) for c in self.uploads[seat]]))
        self.expect("uploads equal to their commitment", root, self.roots[seat])

    def on_uploadclosed(self, v: dict[str, Any]) -> None:
        self.expect("delivered groups", v["delivered_groups"], sum(1 << g for g in self._delivered_groups()))

    def on_aggregated(self, v: dict[str, Any]) -> None:
        group = v["group"]
        self.expect("aggregates of delivered groups", group in self._delivered_groups(), True)
        chunks = self.aggregates.setdefault(group, [])
        self.expect("aggregates in order of chunk", v["chunk"], len(chunks))
        chunks.append(v["words"])
        if len(chunks) == self.codec.chunks:
            whole = b"".join(chunks)
            self.expect("aggregates equal to the sum of the uploads", whole, self.sum_of(group))
            self.norms[group] = self.codec.squared_norm(whole)
            self.expect("squared norms", v["squared_norm"], self.norms[group])

    def sum_of(self, group: int) -> bytes:
        """What a group's aggregate should be."""
        places = [p for p in range(self.terms.members) if self.delivered(group) >> p & 1]
        return self.codec.sum([b"".join(self.uploads[group, p]) for p in places])

    def on_aggregationclosed(self, v: dict[str, Any]) -> None:
        self.expect("all delivered groups aggregated", self.with_sums, self._delivered_groups())
        self.summed = True

    @property
    def with_sums(self) -> list[int]:
        """The groups whose sums are there."""
        return sorted(self.norms)

    def on_gramadded(self, v: dict[str, Any]) -> None:
        self.expect("inner products in order of chunk", v["chunk"], self.gram_chunks)
        self.gram_chunks += 1
        self.products = [int(p) for p in v["products"]]

    def on_selected(self, v: dict[str, Any]) -> None:
        delivered = self._delivered_groups()
        chosen = self._rule(delivered) if delivered and sorted(self.norms) == delivered else []
        if v["unselected"] and chosen:
            self.taken["selections missed by their deadline"] += 1
            chosen = []
        if chosen and self.terms.rule is Rule.KRUM:
            self.expect("all inner products added", self.gram_chunks, self.codec.chunks)
        fates, payees = self.fates, chosen or delivered
        fates.accepted = sum(1 << g for g in chosen)
        fates.paid = sum(1 << g for g in payees)
        fates.unselected = bool(delivered) and not chosen
        counts = {g: self.delivered(g).bit_count() for g in delivered}
        fates.share_wei, fates.burnt_wei = divided_wei(
            self.terms, sum(counts.values()) + self.spoilt, sum(counts[g] for g in payees)
        )
        self.expect("accepted groups", v["accepted"], fates.accepted)
        self.expect("paid groups", v["paid"], fates.paid)
        self.expect("unselected flag", v["unselected"], fates.unselected)
        self.expect("share of each member", v["share_wei"], fates.share_wei)
        self.expect("burnt wei", v["burnt_wei"], fates.burnt_wei)

    def on_settled(self, v: dict[str, Any]) -> None:
        group = v["group"]
        members = self.seats.groups[group]
        self.expect("one settlement a group", group in self.settled, False)
        self.expect("payment flags", v["paid"], bool(self.fates.paid >> group & 1))
        if group >= self.seats.first:
            self.expect(
                "failed groups of the first round settled first", set(self._first_failed()) <= self.settled, True
            )
        dues = [self.fates.due(group, place) for place in range(self.terms.members)]
        self.expect("settled wei", v["credited_wei"], sum(dues))
        recorded, blamed = self.fates.records(group)
        self.expect("records that change", v["recorded"], recorded)
        self.expect("members blamed", v["blamed"], blamed)
        self.settled.add(group)
        for place, member in enumerate(members):
            self._credit(member, dues[place])
            if recorded >> place & 1 and self.terms.records is not None:
                self.history.settled(self.record.owner, member, bool(blamed >> place & 1), self.terms.records)

    def on_feecredited(self, v: dict[str, Any]) -> None:
        most = self._limits.take() if self._limits is not None else 0
        amount, gas = v["amount_wei"], min(v["gas_metered"], most)
        self.expect("fees of whole gwei", amount % GWEI_WEI, 0)
        self.expect("fees within the limit of their call", amount <= gas * self.terms.fee_cap_wei, True)
        self.fees += amount
        self.expect("fees within the reserve", self.fees <= self.reserve, True)
        self._credit(v["account"], amount)

    def on_withdrawn(self, v: dict[str, Any]) -> None:
        self.expect("withdrawals equal to what is owed", v["amount_wei"], self.credit.pop(v["account"], 0))

    def on_finished(self, v: dict[str, Any]) -> None:
        self.finished = True
        if self.params is None:
            self.expect("the owner's credit", v["owner_credit_wei"], 0)
            return
        if not self.cancelled:
            self.expect("all groups settled", sorted(self.settled), list(range(len(self.seats.groups))))
        unspent = self.terms.reward_wei + self.reserve - self.fees
        paid = (self.delivered(g).bit_count() for g in self._delivered_groups() if self.fates.paid >> g & 1)
        unspent -= sum(paid) * self.fates.share_wei + self.fates.burnt_wei
        self.expect("the owner's credit", v["owner_credit_wei"], unspent)
        self._credit(self.record.owner, unspent)

    def at_end(self) -> None:
        """The books: nobody got more or less than is owed; what isn't withdrawn is a credit."""
        self.expect("finished sessions", self.finished, True)
        if self.params is None:
            self.expect("money in a session never started", self.credited, 0)
            return
        owed_or_burnt = self.credited + self.burnt_wei
        self.expect("deposits equal to all that is owed or burnt", owed_or_burnt, self.money().deposited)
        accepted = {g: self.delivered(g) for g in self._delivered_groups() if self.fates.accepted >> g & 1}
        past = Past(self.record.owner, self.params.members, self.seats, accepted)
        self.history.sessions[self.record.address] = past

    @property
    def spoilt(self) -> int:
        """Members that delivered in groups whose sums were refuted, in blobs."""
        return 0

    @property
    def burnt_wei(self) -> int:
        """What nobody ever gets."""
        return self.fates.burnt_wei

    def money(self) -> Money:
        """The books, of a session that is started."""
        deposited = self.terms.reward_wei + self.reserve + len(self.registered) * self.terms.bond_wei
        credits = sum(self.credit.values())
        return Money(deposited, credits, deposited - self.credited, self.credited - credits)

    def _credit(self, account: str, amount: int) -> None:
        self.credit[account] += amount
        self.credited += amount

    def _words_in_call(self, name: str, v: dict[str, Any]) -> int:
        """Words of vectors that a call's sender supplied."""
        match name:
            case "Uploaded":
                return len(v["words"]) // 32
            case "Aggregated":
                return self.delivered(v["group"]).bit_count() * (len(v["words"]) // 32)
            case "GramAdded":
                left = self.terms.words - int(v["chunk"]) * self.terms.chunk_words
                return len(self.norms) * min(left, self.terms.chunk_words)
            case _:
                return 0

    def _check_failures(self) -> None:
        """When a commitment round ends, the groups in which too many are missing have failed, and no other ones."""
        lost = [g for g in range(len(self.seats.groups)) if self.is_lost(g)]
        self.expect("groups failed by a commitment round", sorted(self.fates.failed), lost)

    def _first_failed(self) -> dict[int, int]:
        """Failed groups of the first commitment round: who did their part, bitmaps over places."""
        return {
            group: did
            for group, did in self.fates.failed.items()
            if group < self.seats.first and not self.live >> group & 1
        }

    def _survivors(self) -> list[Address]:
        return survivors_of(self.seats, self._first_failed())

    def delivered(self, group: int) -> int:
        """Who has delivered all chunks, bitmap over places."""
        chunks = self.terms.chunks
        return sum(1 << p for p in range(self.terms.members) if len(self.uploads.get((group, p), ())) == chunks)

    def _delivered_groups(self) -> list[int]:
        alive = [g for g in range(len(self.seats.groups)) if self.live >> g & 1 and g not in self.fates.failed]
        return [g for g in alive if self.delivered(g).bit_count() >= self.terms.threshold]

    def _rule(self, groups: list[int]) -> list[int]:
        norms, counts = [self.norms[g] for g in groups], [self.delivered(g).bit_count() for g in groups]
        if self.terms.rule is Rule.NORM:
            verdict: list[bool] | None = self.codec.select_norm(norms, counts)
        elif self.terms.rule is Rule.NORM_VOTE:
            verdict = self.votes.verdict(norms, counts)
        else:
            verdict = self.codec.select_krum(norms, self.inner_products(groups), counts)
        return [g for g, accepted in zip(groups, verdict or [], strict=bool(verdict)) if accepted]

    def inner_products(self, groups: list[int]) -> list[int]:
        """Those of the aggregates of all pairs of groups, row by row."""
        products = self.codec.products([b"".join(self.aggregates[g]) for g in groups])
        if self.gram_chunks == self.codec.chunks:
            self.expect("inner products", self.products, products)
        return products


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        text = value.hex()
        return f"0x{text[:64]}{'...' if len(text) > 64 else ''}"
    return str(value)
