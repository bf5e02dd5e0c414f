"""Drives one session to any stage with honest members; attacks bend single steps of it.

A driver is cheap to copy: a file's session is built once, each test takes `copy()` and bends its own.
"""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, Self

from eth_utils import keccak

from . import reference as ref
from .chain import Accounts, Chain
from .contract import Contract, Receipt
from .keys import Keys, make_keys, public

DAY = 86_400
MILLIETHER = 10**15


class Stage(IntEnum):
    """docs/PROTOCOL.md section 6."""

    SETUP = 0
    REGISTER = 1
    DRAW = 2
    COMMIT = 3
    UPLOAD = 5
    AGGREGATE = 7
    SELECT = 8
    PAYMENT = 10
    FINISHED = 11


class Status(IntEnum):
    """Of a group, docs/PROTOCOL.md section 6."""

    NONE = 0
    FORMING = 1
    COMMIT = 2
    UPLOAD = 4
    DELIVERED = 6
    AGGREGATED = 7
    FAILED = 8


class Params(NamedTuple):
    """The argument of `start` (docs/PROTOCOL.md section 2)."""

    parameter_count: int
    samples: int
    epochs: int
    batch_size: int
    rounds: int
    min_rounds: int
    members: int
    threshold: int
    colluders: int
    encoding: int
    clip: int
    bound: int
    lane_bits: int
    chunk_words: int
    suite: int
    assignment: int
    rule: int
    krum_mu_bps: int
    krum_m: int
    krum_m_rule: int
    policy: int
    register_secs: int
    commit_secs: int
    upload_secs: int
    aggregate_secs: int
    select_secs: int
    reveal_secs: int
    vote_secs: int
    reward_wei: int
    bond_wei: int
    fee_cap_wei: int
    fee_table: int
    record_constants: int
    unsafe_small: int


def make_params(**given: int) -> Params:
    """Legal parameters of a small session: two groups of three, norm, 6-bit lanes; `given` overrides fields.

    What depends on another field (lane width, threshold, bond, Krum's numbers) follows it unless it is given.
    """
    f: dict[str, int] = {
        "parameter_count": 40, "samples": 20, "epochs": 1, "batch_size": 10, "rounds": 2, "members": 3,
        "colluders": 1, "encoding": 0, "chunk_words": 8, "suite": 0, "assignment": 0, "rule": 0, "krum_m_rule": 0,
        "policy": 0, "register_secs": DAY, "commit_secs": DAY, "upload_secs": DAY, "aggregate_secs": DAY,
        "select_secs": DAY, "reveal_secs": 0, "vote_secs": 0, "fee_cap_wei": 0, "fee_table": 0, "record_constants": 0,
    } | given  # fmt: skip
    weights, krum = f["encoding"] == 1, f["rule"] == 1
    follow = {
        "min_rounds": 1,
        "threshold": f["members"],
        "clip": 0 if weights else 0x3D4CCCCD,
        "bound": (2**31 - 1) // f["members"] if weights else 7,
        "krum_mu_bps": 2_500 if krum else 0,
        "krum_m": 1 if krum else 0,
        "reward_wei": 12 * f["rounds"] * f["members"] * MILLIETHER + 1,
        "unsafe_small": int(f["members"] < f["colluders"] + 2),
    }
    f = follow | f
    if "lane_bits" not in f:
        f["lane_bits"] = 32 if weights else ref.smallest_lane(f["members"], f["bound"])
    f.setdefault("bond_wei", ref.least_bond(f["reward_wei"], f["rounds"], f["members"]))
    return Params(**f)


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
        listed: who is whitelisted, or how many of `accounts` are; the first rounds * members unless given.
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
    ) -> None:
        self.chain = chain
        self.market = market
        self.params = params
        self.owner = owner or accounts.owner
        self.stranger = accounts.stranger
        seats = params.rounds * params.members if listed is None else listed
        self.listed = list(accounts[:seats] if isinstance(seats, int) else seats)
        created = market.create_session(sender=self.owner).only("SessionCreated")
        self.contract: Contract = session.at(created.session)
        self.order: dict[tuple[int, int], list[bytes]] = {}
        self.products: list[int] = []
        self.payloads: dict[str, list[int]] = {}
        self.vectors: dict[str, Sequence[int]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["contract"], name)

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__ = dict(self.__dict__)
        twin.order = {k: list(v) for k, v in self.order.items()}
        twin.payloads, twin.vectors = dict(self.payloads), dict(self.vectors)
        return twin

    def copy(self) -> Self:
        """A driver of the same session with bookkeeping of its own."""
        return copy.copy(self)

    # What the parameters say.

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

    def seated(self) -> list[str]:
        """The seated members by group and place."""
        seats = [(self.contract.member(a), a) for a in self.listed]
        return [a for seat, a in sorted((s for s in seats if s[0].seated), key=lambda s: (s[0].group, s[0].place))]

    def members_of(self, group: int) -> list[str]:
        return self.seated()[group * self.params.members : (group + 1) * self.params.members]

    def live_groups(self, *statuses: Status) -> list[int]:
        return [g for g in range(self.contract.group_count()) if self.contract.group(g).status in statuses]

    # One honest step.

    def whitelist(self) -> Receipt:
        return self.contract.whitelist(self.listed, sender=self.owner)

    def publish(self) -> list[Receipt]:
        return [self.contract.publish(i, c, sender=self.owner) for i, c in enumerate(self.published())]

    def start(self) -> Receipt:
        return self.contract.start(self.params, sender=self.owner, value=self.params.reward_wei)

    def register(self, account: str) -> Receipt:
        return self.contract.register(self.keys(account), [], 0, sender=account, value=self.params.bond_wei)

    def draw(self) -> Receipt:
        wait = self.contract.draw_block() - self.chain.height
        self.chain.mine(max(0, wait))
        return self.contract.draw(sender=self.stranger)

    def commit(self, account: str) -> Receipt:
        return self.contract.commit(ref.commitment(self.chunk_hashes(account)), sender=account)

    def upload(self, account: str, chunk: int) -> Receipt:
        words, group = self.words(account), self.contract.member(account).group
        data = self.chunk(words, chunk)
        hashes = ref.chunk_hashes(words, self.params.chunk_words)
        receipt = self.contract.upload(chunk, data, hashes, sender=account)
        self.order.setdefault((group, chunk), []).append(data)
        return receipt

    def upload_all(self, account: str) -> list[Receipt]:
        return [self.upload(account, chunk) for chunk in range(self.chunk_count)]

    def aggregate(self, group: int, chunk: int) -> Receipt:
        return self.contract.aggregate(group, chunk, b"".join(self.order[group, chunk]), sender=self.stranger)

    def sum_of(self, group: int) -> list[int]:
        """The words that a group's uploads add up to."""
        chunks = [ref.add([ref.from_bytes(w) for w in self.order[group, c]]) for c in range(self.chunk_count)]
        return [word for chunk in chunks for word in chunk]

    def aggregates(self, chunk: int) -> bytes:
        """What `gram` takes: that chunk of the aggregates of P, joined."""
        return b"".join(self.chunk(self.sum_of(g), chunk) for g in self.live_groups(Status.AGGREGATED))

    def gram(self, chunk: int) -> Receipt:
        receipt = self.contract.gram(chunk, self.aggregates(chunk), self.products, sender=self.stranger)
        self.products = list(receipt.only("GramAdded").products)
        return receipt

    def select(self) -> Receipt:
        return self.contract.select(self.products, sender=self.stranger)

    def settle(self, group: int) -> Receipt:
        return self.contract.settle(group, sender=self.stranger)

    def pass_deadline(self) -> Receipt:
        """Waits until the stage's deadline is past, and says so to the contract."""
        self.chain.next_at(self.contract.deadline() + 1)
        return self.contract.advance(sender=self.stranger)

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
        for account in self.seated():
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
        for account in (self.owner, *self.listed):
            if account not in but and self.contract.credit_of(account):
                self.contract.withdraw(sender=account)

    def to(self, stage: Stage) -> Self:
        """Brings the session to a stage, everyone honest; for Finished, to all money withdrawn."""
        steps = {
            Stage.SETUP: self.finish_setup,
            Stage.REGISTER: self.finish_register,
            Stage.COMMIT: self.finish_commit,
            Stage.UPLOAD: self.finish_upload,
            Stage.AGGREGATE: self.finish_aggregate,
            Stage.SELECT: self.finish_select,
            Stage.PAYMENT: self.finish_payment,
        }
        while (now := self.contract.stage()) < stage:
            if now == Stage.REGISTER and stage == Stage.DRAW:
                self.register_all()
            elif now == Stage.DRAW:
                self.draw()
            else:
                steps[Stage(now)]()
        if stage == Stage.FINISHED:
            self.withdraw_all()
        assert self.contract.stage() == stage, f"expected {stage!r}, got {self.contract.stage()}"
        return self
