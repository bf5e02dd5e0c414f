"""Recomputes a finished session from its chain record alone and says what it checked.

Nothing but the logs goes in. Hashes, seats, sums, norms, inner products, the rule's verdict and every wei are computed
again; the first contradiction raises. The draw's block hash isn't in a log: the seed is taken as emitted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omnilytics import codec
from omnilytics.chain.abi import decode_log
from omnilytics.codec import Codec
from omnilytics.errors import OmniLyticsError, VerificationError
from omnilytics.protocol.record import SessionRecord, read_sessions
from omnilytics.protocol.seating import Seating, seating
from omnilytics.types import Address, Log, Rule, SessionParams, Stage


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was checked and how many times, over `sessions` sessions."""

    sessions: int
    checks: list[tuple[str, int]]


def verify_record(path: Path) -> VerifyReport:
    """Verifies every session of a record (or of the record that a result file names).

    Raises:
        DataError: the record isn't readable.
        VerificationError: the record contradicts itself or the protocol, with the number expected and the number found.
    """
    total: Counter[str] = Counter()
    sessions = 0
    for session in read_sessions(path):
        try:
            total.update(verify_session(session))
        except VerificationError as error:
            raise VerificationError(f"session {session.number}: {error}") from None
        sessions += 1
    if not sessions:
        raise VerificationError("the record holds no finished session: expected at least 1, found 0")
    return VerifyReport(sessions, list(total.items()))


def verify_session(record: SessionRecord) -> Counter[str]:
    """Verifies one session; returns how often each check was made."""
    check = _Replay(record)
    for _, log in record.logs:
        if log.address != record.address:
            raise VerificationError(f"log address: expected {record.address}, found {log.address}")
        try:
            check.on(log)
        except VerificationError:
            raise
        except (OmniLyticsError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise VerificationError(f"a log doesn't fit those before it: {error}") from None
    check.at_end()
    return check.counts


@dataclass(slots=True)
class _Replay:
    """The session's state, rebuilt event by event."""

    record: SessionRecord
    counts: Counter[str] = field(default_factory=Counter)
    listed: set[str] = field(default_factory=set)
    published: list[bytes] = field(default_factory=list)
    params: SessionParams | None = None
    registered: dict[Address, str] = field(default_factory=dict)
    seats: Seating = field(default_factory=lambda: Seating((), ()))
    roots: dict[tuple[int, int], bytes] = field(default_factory=dict)
    live: int = 0
    barrier: bool = False
    failed: dict[int, int] = field(default_factory=dict)
    uploads: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    aggregates: dict[int, list[bytes]] = field(default_factory=dict)
    norms: dict[int, int] = field(default_factory=dict)
    products: list[int] = field(default_factory=list)
    gram_chunks: int = 0
    paid: int = 0
    share: int = 0
    settled: dict[int, int] = field(default_factory=dict)
    withdrawn: Counter[str] = field(default_factory=Counter)
    cancelled: bool = False
    finished: bool = False
    owner_credit: int = 0
    _codec: Codec | None = None

    def expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            raise VerificationError(f"{what}: expected {_shown(expected)}, found {_shown(found)}")
        self.counts[what] += 1

    def on(self, log: Log) -> None:
        """Checks one log against everything before it."""
        decoded = decode_log(log)
        if decoded is None:
            raise VerificationError(f"unknown event with topic 0x{log.topics[0].hex() if log.topics else ''}")
        name, values = decoded
        handler = getattr(self, f"on_{name.lower()}", None)
        if handler is None:
            raise VerificationError(f"event {name} can't be checked by this version")
        handler(values)

    @property
    def terms(self) -> SessionParams:
        if self.params is None:
            raise VerificationError("an event before Started: expected the session to be started")
        return self.params

    @property
    def codec(self) -> Codec:
        """Of the session's terms, made once."""
        if self._codec is None:
            self._codec = Codec(self.terms)
        return self._codec

    def on_whitelisted(self, v: dict[str, Any]) -> None:
        self.listed.update(v["members"])

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

    def on_registered(self, v: dict[str, Any]) -> None:
        self.expect("registrations by listed members", v["member"] in self.listed, True)
        self.expect("order of registration", v["index"], len(self.registered))
        if v["member"] in self.registered or v["key_address"] in self.registered.values():
            raise VerificationError(f"member {v['member']}: registered twice, or with a key seen before")
        self.expect("mask keys' addresses", v["key_address"], _key_address(v["x"], v["parity"]))
        self.registered[v["member"]] = v["key_address"]

    def on_registrationclosed(self, v: dict[str, Any]) -> None:
        self.expect("number registered", v["registered"], len(self.registered))

    def on_drawpostponed(self, v: dict[str, Any]) -> None:
        self.expect("draw postponed before the draw", self.seats.groups, ())

    def on_drawn(self, v: dict[str, Any]) -> None:
        self.seats = seating(self.terms, list(self.registered), v["seed"])
        self.expect("number of groups", v["groups"], len(self.seats.groups))
        self.expect("members without a seat", v["unseated"], len(self.seats.unseated))

    def on_cancelled(self, v: dict[str, Any]) -> None:
        self.cancelled = True

    def on_committed(self, v: dict[str, Any]) -> None:
        self.expect("no commitment after the barrier", self.barrier, False)
        seat = (v["group"], v["place"])
        self.expect("seats of those who commit", self.seats.seat_of(v["member"]), seat)
        self.expect("one commitment a seat", seat in self.roots, False)
        self.roots[seat] = v["root"]

    def on_barrierpassed(self, v: dict[str, Any]) -> None:
        full = [all((g, p) in self.roots for p in range(self.terms.members)) for g in range(len(self.seats.groups))]
        self.live = sum(1 << g for g, whole in enumerate(full) if whole)
        self.barrier = True
        self.expect("groups that pass the barrier", v["live_groups"], self.live)

    def on_groupfailed(self, v: dict[str, Any]) -> None:
        group = v["group"]
        if v["stage"] == Stage.COMMIT:
            did = sum(1 << p for p in range(self.terms.members) if (group, p) in self.roots)
        else:
            did = self._delivered(group)
        self.expect("who did their part in failed groups", v["did_their_part"], did)
        self.failed[group] = did

    def on_uploaded(self, v: dict[str, Any]) -> None:
        self.expect("no upload before the barrier", self.barrier, True)
        seat = (v["group"], v["place"])
        self.expect("uploads by live groups", self.live >> v["group"] & 1, 1)
        self.expect("seats of those who upload", self.seats.seat_of(v["member"]), seat)
        chunks = self.uploads.setdefault(seat, [])
        self.expect("chunks in order", v["chunk"], len(chunks))
        chunks.append(v["words"])
        vectors = self.codec
        if len(chunks) == vectors.chunks:
            self.expect("words in an upload", sum(map(len, chunks)), 32 * vectors.words)
            root = codec.commitment_root([codec.keccak256(c) for c in chunks])
            self.expect("uploads equal to their commitment", root, self.roots[seat])

    def on_uploadclosed(self, v: dict[str, Any]) -> None:
        self.expect("delivered groups", v["delivered_groups"], sum(1 << g for g in self._delivered_groups()))

    def on_aggregated(self, v: dict[str, Any]) -> None:
        group = v["group"]
        self.expect("aggregates of delivered groups", group in self._delivered_groups(), True)
        chunks = self.aggregates.setdefault(group, [])
        self.expect("aggregates in order of chunk", v["chunk"], len(chunks))
        vectors = self.codec
        chunks.append(v["words"])
        if len(chunks) == vectors.chunks:
            members = [b"".join(self.uploads[group, p]) for p in range(self.terms.members)]
            whole = b"".join(chunks)
            self.expect("aggregates equal to the sum of the uploads", whole, vectors.sum(members))
            self.norms[group] = vectors.squared_norm(whole)
            self.expect("squared norms", v["squared_norm"], self.norms[group])

    def on_aggregationclosed(self, v: dict[str, Any]) -> None:
        self.expect("all delivered groups aggregated", sorted(self.norms), self._delivered_groups())

    def on_gramadded(self, v: dict[str, Any]) -> None:
        self.expect("inner products in order of chunk", v["chunk"], self.gram_chunks)
        self.gram_chunks += 1
        self.products = [int(p) for p in v["products"]]

    def on_selected(self, v: dict[str, Any]) -> None:
        delivered = self._delivered_groups()
        chosen = self._rule(delivered) if delivered and sorted(self.norms) == delivered else []
        if v["unselected"] and chosen:
            self.counts["unselected by a passed deadline, taken as emitted"] += 1
            chosen = []
        if chosen and self.terms.rule is Rule.KRUM:
            self.expect("all inner products added", self.gram_chunks, self.codec.chunks)
        self.expect("accepted groups", v["accepted"], sum(1 << g for g in chosen))
        payees = chosen or delivered
        self.paid = sum(1 << g for g in payees)
        self.share = self.terms.reward_wei // (len(payees) * self.terms.members) if payees else 0
        self.expect("paid groups", v["paid"], self.paid)
        self.expect("unselected flag", v["unselected"], not chosen)
        self.expect("share of each member", v["share_wei"], self.share)

    def on_settled(self, v: dict[str, Any]) -> None:
        group = v["group"]
        self.expect("one settlement a group", group in self.settled, False)
        self.expect("payment flags", v["paid"], bool(self.paid >> group & 1))
        credited = sum(self._credit(group, place) for place in range(self.terms.members))
        self.expect("settled wei", v["credited_wei"], credited)
        self.settled[group] = credited

    def on_withdrawn(self, v: dict[str, Any]) -> None:
        self.withdrawn[v["account"]] += v["amount_wei"]

    def on_finished(self, v: dict[str, Any]) -> None:
        self.finished = True
        self.owner_credit = v["owner_credit_wei"]

    def at_end(self) -> None:
        """The books: nobody got more or less than is owed; what isn't withdrawn is a credit."""
        self.expect("finished sessions", self.finished, True)
        if self.params is None:
            self.expect("the owner's credit", self.owner_credit, 0)
            self.expect("money in a session never started", sum(self.withdrawn.values()), 0)
            return
        if not self.cancelled:
            self.expect("all groups settled", sorted(self.settled), list(range(len(self.seats.groups))))
        owed, unspent = self._owed()
        self.expect("the owner's credit", self.owner_credit, unspent)
        for account, amount in self.withdrawn.items():
            self.expect("withdrawals equal to what is owed", amount, owed[account])
        deposited = self.params.reward_wei + len(self.registered) * self.params.bond_wei
        self.expect("deposits equal to all that is owed", sum(owed.values()), deposited)

    def _owed(self) -> tuple[Counter[str], int]:
        """What each account gets in all, and what of it the owner gets back of the reward."""
        owed: Counter[str] = Counter()
        unspent = self.terms.reward_wei
        if self.cancelled:
            owed.update(dict.fromkeys(self.registered, self.terms.bond_wei))
        else:
            owed.update(dict.fromkeys(self.seats.unseated, self.terms.bond_wei))
            for group, members in enumerate(self.seats.groups):
                owed.update({member: self._credit(group, place) for place, member in enumerate(members)})
            unspent -= self.paid.bit_count() * self.terms.members * self.share
        owed[self.record.owner] += unspent
        return owed, unspent

    def _credit(self, group: int, place: int) -> int:
        bond, members = self.terms.bond_wei, self.terms.members
        if group not in self.failed:
            return bond + (self.share if self.paid >> group & 1 else 0)
        did = self.failed[group]
        count = did.bit_count()
        if not count:
            return bond
        if not did >> place & 1:
            return 0
        each, rest = divmod(bond * (members - count), count)
        rank = (did & ((1 << place) - 1)).bit_count()
        return bond + each + (1 if rank < rest else 0)

    def _delivered(self, group: int) -> int:
        chunks = self.codec.chunks
        return sum(1 << p for p in range(self.terms.members) if len(self.uploads.get((group, p), ())) == chunks)

    def _delivered_groups(self) -> list[int]:
        whole = (1 << self.terms.members) - 1
        return [g for g in range(len(self.seats.groups)) if self.live >> g & 1 and self._delivered(g) == whole]

    def _rule(self, groups: list[int]) -> list[int]:
        vectors = self.codec
        norms = [self.norms[g] for g in groups]
        if self.terms.rule is Rule.NORM:
            verdict: list[bool] | None = vectors.select_norm(norms, [self.terms.members] * len(groups))
        else:
            products = vectors.products([b"".join(self.aggregates[g]) for g in groups])
            if self.gram_chunks == vectors.chunks:
                self.expect("inner products", self.products, products)
            verdict = vectors.select_krum(norms, products)
        return [g for g, accepted in zip(groups, verdict or [], strict=bool(verdict)) if accepted]


def _key_address(x: int, parity: int) -> str:
    """addr(PK) of the point of secp256k1 with this x and the parity of its y (PROTOCOL.md section 5)."""
    field = 2**256 - 2**32 - 977
    y = pow(x**3 + 7, (field + 1) // 4, field)
    if y * y % field != (x**3 + 7) % field:
        raise VerificationError(f"mask key: expected a point of secp256k1, found x = {x:#x}")
    y = y if y % 2 == parity else field - y
    return "0x" + codec.keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[-20:].hex()


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        text = value.hex()
        return f"0x{text[:64]}{'...' if len(text) > 64 else ''}"
    return str(value)
