"""Drives one session to any stage with honest members; attacks bend single steps of it.

A driver is cheap to copy: a file's session is built once, each test takes `copy()` and bends its own.
"""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import Any, Self

from eth_utils import keccak

from . import economy
from . import reference as ref
from .chain import Accounts, Chain
from .contract import Contract, Receipt
from .keys import Keys, make_keys, public
from .params import Params, fees_of


class Stage(IntEnum):
    """docs/PROTOCOL.md section 6."""

    SETUP = 0
    REGISTER = 1
    DRAW = 2
    COMMIT = 3
    SHARE = 4
    UPLOAD = 5
    REVEAL = 6
    AGGREGATE = 7
    SELECT = 8
    VOTE = 9
    PAYMENT = 10
    FINISHED = 11
    ACCUSE = 12
    CORRECT = 13


STAGES = (
    [stage for stage in Stage if stage not in (Stage.SHARE, Stage.REVEAL, Stage.VOTE, Stage.ACCUSE, Stage.CORRECT)],
    [stage for stage in Stage if stage not in (Stage.COMMIT, Stage.VOTE, Stage.ACCUSE, Stage.CORRECT)],
)
"""Those of a session in calldata without votes, by its policy: `abort`, `recover`."""


def is_before(now: Stage, then: Stage) -> bool:
    """Whether a session comes to `now` before `then`: to Correct, Accuse, then Aggregate, to Vote before Select."""
    rank = {Stage.CORRECT: 6.4, Stage.ACCUSE: 6.5, Stage.VOTE: 7.5}
    return rank.get(now, now) < rank.get(then, then)


class Status(IntEnum):
    """Of a group, docs/PROTOCOL.md section 6."""

    NONE = 0
    FORMING = 1
    COMMIT = 2
    UPLOAD = 4
    REVEAL = 5
    DELIVERED = 6
    AGGREGATED = 7
    FAILED = 8


@functools.cache
def honest_vector(params: Params, label: str) -> tuple[int, ...]:
    """A member's integers: small enough that any N of them pass `norm`, different for each label."""
    reach = max(1, params.bound // (4 * params.members))
    draw = random.Random(label)
    return tuple(draw.randint(-reach, reach) for _ in range(params.parameter_count))


@functools.cache
def _mask(label: str, words: int) -> tuple[int, ...]:
    return tuple(int.from_bytes(keccak(text=f"{label} {k}"), "big") for k in range(words))


class SessionDriver:
    """One session, its owner and its would-be members.

    Args:
        chain: of the session.
        market: makes the clone.
        accounts: `accounts.owner` owns it, if no other owner is given.
        params: the argument of `start`.
        listed: who may register, or how many of `accounts` may; the first rounds * members unless given.
        owner: of the session.
        rooted: whether `listed` are leaves of a Merkle tree, not a list.
        capacity: how many may register, `room` of the driver; all of `listed` unless given, which a list demands.
    """

    def __init__(
        self,
        chain: Chain,
        market: Contract,
        session: Any,
        accounts: Accounts,
        params: Params,
        listed: int | Sequence[str] | None = None,
        owner: str | None = None,
        rooted: bool = False,
        capacity: int | None = None,
    ) -> None:
        self.chain = chain
        self.market = market
        self.params = params
        self.owner = owner or accounts.owner
        self.stranger = accounts.stranger
        self.caller = self.stranger
        """Who makes the calls that anybody may make."""
        self.gas_price = 0
        """The base fee of every call of the driver, wei a gas."""
        seats = params.rounds * params.members if listed is None else listed
        self.listed = list(accounts[:seats] if isinstance(seats, int) else seats)
        self.rooted = rooted
        self.room = len(self.listed) if capacity is None else capacity
        self.cohorts: dict[str, tuple[int, int]] = {}
        """The cohort that an account names in `register`, and its place in it."""
        created = market.create_session(sender=self.owner).only("SessionCreated")
        self.contract: Contract = session.at(created.session)
        self.order: dict[tuple[int, int], list[bytes]] = {}
        self.products: list[int] = []
        self.payloads: dict[str, list[int]] = {}
        self.vectors: dict[str, Sequence[int]] = {}
        self.votes: dict[str, int] = {}
        """Bitmaps over group ids of who isn't for all groups."""
        self.payments: dict[int, dict[str, int]] = {}
        """What `settle` has paid whom, wei, by group."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["contract"], name)

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__ = dict(self.__dict__)
        twin.order = {k: list(v) for k, v in self.order.items()}
        twin.payloads, twin.vectors, twin.cohorts = dict(self.payloads), dict(self.vectors), dict(self.cohorts)
        twin.votes, twin.payments = dict(self.votes), dict(self.payments)
        return twin

    def copy(self) -> Self:
        """A driver of the same session with bookkeeping of its own."""
        return copy.copy(self)

    # What the parameters say.

    @property
    def fees(self) -> int:
        """F: what a member's calls are paid at most, wei."""
        return fees_of(self.params)

    @property
    def reserve_wei(self) -> int:
        """What `start` locks for fees."""
        return economy.reserve(self.params, self.room) if self.fees else 0

    @property
    def word_count(self) -> int:
        return ref.word_count(self.params.parameter_count, self.params.lane_bits)

    @property
    def chunk_count(self) -> int:
        return ref.ceil_div(self.word_count, self.params.chunk_words)

    def published(self) -> list[bytes]:
        """W^p as chunks: a deterministic vector of float32 patterns."""
        values = [0x3C000000 + 97 * k for k in range(self.params.parameter_count)]
        data = ref.to_bytes(ref.pack(values, 32))
        return [data[i : i + 720 * 32] for i in range(0, len(data), 720 * 32)]

    # What a member does by itself.

    def secret(self, account: str) -> int:
        return int.from_bytes(keccak(text=f"mask key of {account} in {self.contract.address}"), "big") >> 1

    def keys(self, account: str) -> Keys:
        return make_keys(self.secret(account), self.chain.id, self.contract.address, account)

    def key_address(self, account: str) -> str:
        return str(public(self.secret(account))[2])

    def vector(self, account: str) -> Sequence[int]:
        """The member's integers: `vectors[account]`, honest ones when it isn't there."""
        return self.vectors.get(account) or honest_vector(self.params, account)

    def words(self, account: str) -> list[int]:
        """The member's masked words: `payloads[account]`, else its vector under masks that cancel in its group."""
        if account in self.payloads:
            return self.payloads[account]
        seat = self.contract.member(account)
        masks = [
            _mask(f"{self.contract.address} {seat.group} {i}", self.word_count) for i in range(self.params.members)
        ]
        own = masks[seat.place] if seat.place else [-sum(m) for m in zip(*masks[1:], strict=True)]
        return [
            (w + m) % ref.WORD for w, m in zip(ref.pack(self.vector(account), self.params.lane_bits), own, strict=True)
        ]

    def chunk(self, words: Sequence[int], chunk: int) -> bytes:
        size = self.params.chunk_words
        return ref.to_bytes(words[chunk * size : (chunk + 1) * size])

    def chunk_hashes(self, account: str) -> list[bytes]:
        return ref.chunk_hashes(self.words(account), self.params.chunk_words)

    # Who sits where.

    def seats(self) -> ref.Seats:
        """The newest seat of everybody who has one."""
        found = {a: self.contract.member(a) for a in self.listed}
        return {a: (seat.group, seat.place) for a, seat in found.items() if seat.seated}

    def seated(self) -> list[str]:
        """The seated members by group and place."""
        seats = self.seats()
        return sorted(seats, key=lambda a: seats[a])

    def first_seats(self) -> ref.Seats:
        """The seats of the first commitment round, drawn again from the order of registration."""
        found = {a: self.contract.member(a) for a in self.listed}
        inside = sorted((m.pool, m.rank, a) for a, m in found.items() if m.registered)
        size = self.params.members
        if self.params.assignment == 0:
            return ref.greedy_seats([a for *_, a in inside], self.contract.first_groups(), size)
        joined = [ref.Joined(a, pool, *self.cohorts.get(a, (0, 0))) for pool, _, a in inside]
        return ref.Draw(joined, self.params.rounds, size).seats(self.contract.seed())

    def members_of(self, group: int) -> list[str]:
        """In order of place; of a group of the first round also who was drawn again."""
        again = group < self.contract.first_groups() < self.contract.group_count()
        seats = self.first_seats() if again else self.seats()
        return sorted((a for a, seat in seats.items() if seat[0] == group), key=lambda a: seats[a])

    def live_groups(self, *statuses: Status) -> list[int]:
        return [g for g in range(self.contract.group_count()) if self.contract.group(g).status in statuses]

    # One honest step.

    def whitelist(self) -> Receipt:
        """Says who may join: by a list, or by the root of a tree."""
        if self.rooted:
            root = economy.merkle_root(self.listed)
            return self.contract.set_whitelist_root(root, self.room, sender=self.owner)
        return self.contract.whitelist(self.listed, sender=self.owner)

    def proof(self, account: str) -> list[bytes]:
        return economy.merkle_proof(self.listed, account) if self.rooted else []

    def publish(self) -> list[Receipt]:
        return [self.contract.publish(i, c, sender=self.owner) for i, c in enumerate(self.published())]

    def start(self) -> Receipt:
        value = self.params.reward_wei + self.reserve_wei
        return self.contract.start(self.params, sender=self.owner, value=value)

    def register(self, account: str) -> Receipt:
        cohort, _ = self.cohorts.get(account, (0, 0))
        bond = self.params.bond_wei
        return self._send("register", self.keys(account), self.proof(account), cohort, sender=account, value=bond)

    def _send(self, call: str, *args: Any, sender: str, value: int = 0) -> Receipt:
        receipt: Receipt = getattr(self.contract, call)(*args, sender=sender, value=value, gas_price=self.gas_price)
        return receipt

    def draw(self) -> Receipt:
        wait = self.contract.draw_block() - self.chain.height
        self.chain.mine(max(0, wait))
        return self._send("draw", sender=self.caller)

    def decline(self, account: str) -> Receipt:
        return self._send("decline", sender=account)

    def root(self, account: str) -> bytes:
        """What the account commits to."""
        return ref.commitment(account, ref.upload_hash(self.chunk_hashes(account)))

    def commit(self, account: str) -> Receipt:
        return self._send("commit", self.root(account), sender=account)

    def upload(self, account: str, chunk: int) -> Receipt:
        words, group = self.words(account), self.contract.member(account).group
        data = self.chunk(words, chunk)
        hashes = ref.chunk_hashes(words, self.params.chunk_words)
        receipt = self._send("upload", chunk, data, hashes, sender=account)
        self.order.setdefault((group, chunk), []).append(data)
        return receipt

    def upload_all(self, account: str) -> list[Receipt]:
        return [self.upload(account, chunk) for chunk in range(self.chunk_count)]

    def aggregate(self, group: int, chunk: int) -> Receipt:
        return self._send("aggregate", group, chunk, b"".join(self.order[group, chunk]), sender=self.caller)

    def sum_of(self, group: int) -> list[int]:
        """The words that a group's uploads add up to."""
        chunks = [ref.add([ref.from_bytes(w) for w in self.order[group, c]]) for c in range(self.chunk_count)]
        return [word for chunk in chunks for word in chunk]

    def aggregates(self, chunk: int) -> bytes:
        """What `gram` takes: that chunk of the aggregates of P, joined."""
        return b"".join(self.chunk(self.sum_of(g), chunk) for g in self.live_groups(Status.AGGREGATED))

    def gram(self, chunk: int) -> Receipt:
        receipt = self._send("gram", chunk, self.aggregates(chunk), self.products, sender=self.caller)
        self.products = list(receipt.only("GramAdded").products)
        return receipt

    def select(self) -> Receipt:
        return self._send("select", self.products, sender=self.caller)

    def salt(self, account: str) -> bytes:
        return keccak(text=f"salt of {account} in {self.contract.address}")

    def bits(self, account: str) -> int:
        """The groups that a member is against: `votes[account]`, none when it isn't there."""
        return self.votes.get(account, 0)

    def commitment(self, account: str, bits: int) -> bytes:
        return ref.vote_commitment(self.chain.id, self.contract.address, account, bits, self.salt(account))

    def vote(self, account: str) -> Receipt:
        return self._send("vote", self.commitment(account, self.bits(account)), sender=account)

    def open_vote(self, account: str) -> Receipt:
        return self._send("open_vote", self.bits(account), self.salt(account), sender=account)

    def voters(self) -> list[str]:
        """U: who has delivered in a live group, by group and place."""
        aggregated = self.live_groups(Status.AGGREGATED)
        return [a for g in aggregated for p, a in enumerate(self.members_of(g)) if self.group(g).delivered >> p & 1]

    def settle(self, group: int) -> Receipt:
        receipt = self._send("settle", group, self.members_of(group), sender=self.caller)
        self.payments[group] = {event.account: event.amount_wei for event in receipt.named("Withdrawn")}
        return receipt

    def due(self, account: str) -> int:
        """What settlements have paid an account, and its credit, wei."""
        paid = sum(found.get(account, 0) for g, found in self.payments.items() if self.contract.group(g).settled)
        return paid + int(self.contract.credit_of(account))

    def pass_deadline(self) -> Receipt:
        """Waits until the stage's deadline is past, and says so to the contract."""
        self.chain.next_at(self.contract.deadline() + 1)
        return self._send("advance", sender=self.caller)

    # Whole stages.

    def register_all(self, accounts: Iterable[str] | None = None) -> None:
        for account in self.listed if accounts is None else accounts:
            self.register(account)

    def close_registration(self) -> None:
        """From Register to Commit, by the clock if seats are left, and through the draw if there is one."""
        if self.contract.stage() == Stage.REGISTER:
            self.pass_deadline()
        if self.contract.stage() == Stage.DRAW:
            self.draw()

    def finish_setup(self) -> None:
        self.whitelist()
        self.publish()
        self.start()

    def finish_register(self) -> None:
        for account in self.listed:
            if self.contract.stage() == Stage.REGISTER:
                self.register(account)
        self.close_registration()

    def finish_commit(self) -> None:
        """Everybody commits who hasn't and may; a second draw is `to`'s next step."""
        live = self.live_groups(Status.COMMIT)
        for account, (group, _) in sorted(self.seats().items(), key=lambda found: found[1]):
            if group in live and not self.contract.member(account).committed:
                self.commit(account)

    def finish_upload(self) -> None:
        for account in self.seated():
            if self.contract.group(self.contract.member(account).group).status == Status.UPLOAD:
                self.upload_all(account)

    def finish_upload_of(self, group: int) -> None:
        for account in self.members_of(group):
            self.upload_all(account)

    def finish_aggregate(self) -> None:
        for group in self.live_groups(Status.DELIVERED):
            for chunk in range(self.chunk_count):
                self.aggregate(group, chunk)

    def finish_vote(self, silent: Sequence[str] = (), closed: Sequence[str] = ()) -> None:
        """Everybody votes but the silent ones; who is in `closed` doesn't open its vote."""
        for account in (voters := [a for a in self.voters() if a not in silent]):
            self.vote(account)
        if silent:
            self.pass_deadline()
        for account in voters:
            if account not in closed:
                self.open_vote(account)
        if self.contract.stage() == Stage.VOTE:
            self.pass_deadline()

    def finish_select(self) -> None:
        if self.params.rule == 1:
            for chunk in range(self.chunk_count):
                self.gram(chunk)
        self.select()

    def finish_payment(self) -> None:
        for group in range(self.contract.group_count()):
            if not self.contract.group(group).settled:
                self.settle(group)

    def withdraw_all(self, but: Sequence[str] = ()) -> None:
        callers = [self.caller] if self.gas_price else []
        for account in dict.fromkeys((self.owner, *self.listed, *callers)):
            if account not in but and self.contract.credit_of(account):
                self.contract.withdraw(sender=account)

    def steps(self) -> dict[Stage, Callable[[], object]]:
        """What brings an honest session from each stage to a later one."""
        return {
            Stage.SETUP: self.finish_setup,
            Stage.REGISTER: self.finish_register,
            Stage.COMMIT: self.finish_commit,
            Stage.UPLOAD: self.finish_upload,
            Stage.AGGREGATE: self.finish_aggregate,
            Stage.VOTE: self.finish_vote,
            Stage.SELECT: self.finish_select,
            Stage.PAYMENT: self.finish_payment,
        }

    def to(self, stage: Stage) -> Self:
        """Brings the session to a stage, everyone honest; for Finished, to all money withdrawn."""
        steps = self.steps()
        while is_before(now := Stage(self.contract.stage()), stage):
            if now == Stage.REGISTER and stage == Stage.DRAW:
                self.register_all()
            elif now == Stage.DRAW:
                self.draw()
            else:
                steps[now]()
        if stage == Stage.FINISHED:
            self.withdraw_all()
        assert self.contract.stage() == stage, f"expected {stage!r}, got {self.contract.stage()}"
        return self
