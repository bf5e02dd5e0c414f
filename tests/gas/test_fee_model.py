"""The gas model against the receipts of real sessions on the embedded chain, and its limits against the dearest calls.

Every function's receipts add up to what the model says or up to 10 % less. Two are left more room, since chance decides
them: how far `commit` walks through the permutations of a small draw, and how long Krum sorts in `select`.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from omnilytics import codec
from omnilytics.chain.abi import interface
from omnilytics.chain.embedded import GAS_PRICE_WEI, EmbeddedChain
from omnilytics.codec import Codec, MaskedInput, MaskKey
from omnilytics.protocol.commitment import commitment
from omnilytics.protocol.fees import GasModel, quote
from omnilytics.protocol.merkle import MerkleTree
from omnilytics.protocol.terms import Terms, check_params
from omnilytics.types import (
    Address,
    Assignment,
    Encoding,
    FeeTable,
    GroupStatus,
    Receipt,
    Rule,
    Stage,
    reserve_wei,
)

TURN_BLOCKS = 50
WINDOW = 10**6
"""Seconds: at a block every 12 s, long enough for 4,096 calls and never over by itself."""

TERMS = Terms(
    reward_wei=10**18, min_rounds=1, unsafe_small=True, register_secs=WINDOW, commit_secs=WINDOW, upload_secs=WINDOW,
    aggregate_secs=WINDOW, select_secs=WINDOW, rule=Rule.NORM,
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One transaction: what it cost, what it was paid, whether it changed the stage, words of vectors in it."""

    name: str
    gas: int
    moved_from: Stage | None
    words: int
    metered: int | None
    paid_wei: int


class World:
    """A chain that charges for gas, with an owner, members and a market."""

    def __init__(self, members: int) -> None:
        self.chain = EmbeddedChain(charge_gas=True)
        self.owner = self.chain.create_account("owner", 10**24)
        self.members = [self.chain.create_account(f"member-{i}", 10**24) for i in range(members)]
        self.market = self.chain.deploy_market(self.owner, 0)


class Session:
    """One session with honest members, step by step; whoever's turn it is does what anybody may do."""

    def __init__(self, world: World, terms: Terms, parameters: int, leaves: int | None = None) -> None:
        self.chain, self.owner, self.members = world.chain, world.owner, world.members
        self.calls: list[Call] = []
        self.inputs: dict[Address, MaskedInput] = {}
        self.groups: dict[int, list[Address]] = {}
        self._rng = random.Random(parameters)
        address, receipt = world.market.create_session(self.owner)
        self.contract = self.chain.session(address)
        self.stage = Stage.SETUP
        self._did(receipt)
        self.published = np.random.default_rng(7).normal(size=parameters).astype(np.float32)
        self.params = terms.params(parameters, 0.25)
        self.codec = Codec(self.params)
        self.leaves = leaves
        self.proof = 0 if leaves is None else (leaves - 1).bit_length()
        check_params(self.params, len(self.members), 0)
        self._set_up()

    def _set_up(self) -> None:
        self.tree: MerkleTree | None = None
        if self.leaves is None:
            self.do("whitelist", self.owner, self.members)
        else:
            others = [f"0x{hashlib.sha256(bytes([i, 1])).hexdigest()[:40]}" for i in range(self.leaves)]
            self.tree = MerkleTree([*self.members, *others[: self.leaves - len(self.members)]])
            self.do("set_whitelist_root", self.owner, self.tree.root, len(self.members))
        words = codec.float_words(self.published)
        for chunk, first in enumerate(range(0, len(words), 720 * 32)):
            self.do("publish", self.owner, chunk, words[first : first + 720 * 32])
        reserve = reserve_wei(self.params, len(self.members))
        self.do("start", self.owner, self.params, self.params.reward_wei + reserve)

    def do(self, name: str, sender: Address, *arguments: Any, words: int = 0) -> None:
        self._did(getattr(self.contract, name)(sender, *arguments), words)

    def _did(self, receipt: Receipt, words: int = 0) -> None:
        before, self.stage = self.stage, self.contract.stage()
        metered, paid = None, 0
        for log in receipt.logs:
            decoded = interface("SecModelUpdate").decode_log(log) if log.address == self.contract.address else None
            if decoded and decoded[0] == "FeeCredited":
                metered, paid = decoded[1]["gas_metered"], decoded[1]["amount_wei"]
        moved = before if before is not self.stage and receipt.call != "start" else None
        self.calls.append(Call(receipt.call, receipt.gas_used, moved, words, metered, paid))

    def _turn(self) -> int:
        return (self.chain.block_number() + 1) // TURN_BLOCKS

    def _of(self, group: int) -> Address:
        return self.groups[group][self._turn() % self.params.members]

    def _of_session(self) -> Address:
        seat = self._turn() % (self.contract.group_count() * self.params.members)
        return self.groups[seat // self.params.members][seat % self.params.members]

    def _of_ranks(self) -> Address:
        rank = self._turn() % self.contract.registered_count()
        return next(a for a in self.members if self.contract.member(a).rank == rank)

    def register(self, cohorts: Mapping[Address, int] | None = None) -> None:
        for account in self.members:
            seed = hashlib.sha256(f"{self.contract.address}{account}".encode()).digest()
            keys = MaskKey.from_seed(seed).sign(self.chain.chain_id, self.contract.address, account)
            proof = self.tree.proof(account) if self.tree else []
            self.do("register", account, keys, self.params.bond_wei, proof, (cohorts or {}).get(account, 0))
        self.draw()

    def draw(self) -> None:
        """The draw, if one is due, and who sits where by it."""
        first = not self.groups
        while self.stage is Stage.DRAW:
            self.chain.wait_blocks(max(0, self.contract.draw_block() + 1 - self.chain.block_number()))
            self.do("draw", self._of_ranks() if first else self._of_session())
        seats: dict[int, dict[int, Address]] = defaultdict(dict)
        for account in self.members:
            view = self.contract.member(account)
            if view.seated and view.group not in self.groups:
                seats[view.group][view.place] = account
        self.groups |= {g: [seats[g][p] for p in sorted(seats[g])] for g in sorted(seats)}

    def commit(self, missing: Collection[Address] = ()) -> None:
        """Everybody whose group is open commits; random words stand for masks, and add up to small sums."""
        for group, accounts in self.groups.items():
            view = self.contract.group(group)
            if view.status is not GroupStatus.COMMIT or view.committed:
                continue
            self._mask(accounts)
            for account in accounts:
                if account not in missing:
                    self.do("commit", account, commitment(account, self.inputs[account].root))
        self._pass(Stage.COMMIT)

    def _mask(self, accounts: list[Address]) -> None:
        for account in accounts[:-1]:
            self.inputs[account] = self.codec.split(self._rng.randbytes(32 * self.codec.words))
        masked = _integers(self.codec.sum([self.inputs[a].words for a in accounts[:-1]]))
        plain = _integers(self.codec.sum([self._update() for _ in accounts]))
        last = [(p - m) % 2**256 for p, m in zip(plain, masked, strict=True)]
        self.inputs[accounts[-1]] = self.codec.split(b"".join(word.to_bytes(32, "big") for word in last))

    def _update(self) -> bytes:
        step = np.random.default_rng(self._rng.getrandbits(32)).normal(scale=0.05, size=len(self.published))
        weights = (self.published + step).astype(np.float32)
        return self.codec.encode_plain(weights, self.published, self._rng.randbytes(32)).words

    def _pass(self, stage: Stage) -> None:
        if self.stage is stage:
            self.chain.wait_until(self.contract.deadline() + 1)
            account = self._of_session()
            if not self.contract.member(account).committed:  # nobody's turn; later it is everybody's
                self.chain.wait_until(self.contract.deadline() + WINDOW)
            self.do("advance", account)

    def upload(self, missing: Collection[Address] = ()) -> None:
        for group, accounts in self.groups.items():
            if self.contract.group(group).status is not GroupStatus.UPLOAD:
                continue
            for account in accounts:
                upload = self.inputs[account]
                for chunk, words in enumerate(upload.chunks if account not in missing else []):
                    self.do("upload", account, chunk, words, upload.chunk_hashes, words=len(words) // 32)
        self._pass(Stage.UPLOAD)

    def aggregate(self) -> None:
        for group, accounts in self.groups.items():
            if self.contract.group(group).status is GroupStatus.DELIVERED:
                for chunk in range(self.codec.chunks):
                    words = [self.inputs[a].chunks[chunk] for a in accounts]
                    self.do("aggregate", self._of(group), group, chunk, words, words=sum(map(len, words)) // 32)

    def vote(self) -> None:
        """Everybody who may, against every other group."""
        bits = sum(1 << group for group in self.groups if group % 2 == 0)
        bits &= sum(1 << g for g in self.groups if self.contract.group(g).status is GroupStatus.AGGREGATED)
        salt, chain = bytes(32), self.chain.chain_id
        voters = [
            a
            for g, accounts in self.groups.items()
            if self.contract.group(g).status is GroupStatus.AGGREGATED
            for a in accounts
        ]
        for account in voters if self.stage is Stage.VOTE else ():
            commitment = codec.vote_commitment(chain, self.contract.address, account, bits, salt)
            self.do("vote", account, commitment)
        for account in voters if self.stage is Stage.VOTE else ():
            self.do("open_vote", account, bits, salt)

    def select(self) -> None:
        sums = [
            self.codec.sum([self.inputs[a].words for a in accounts])
            for group, accounts in self.groups.items()
            if self.contract.group(group).status is GroupStatus.AGGREGATED
        ]
        products: list[int] = []
        size = 32 * self.params.chunk_words
        for chunk in range(self.codec.chunks if self.params.rule is Rule.KRUM else 0):
            words = [total[chunk * size : (chunk + 1) * size] for total in sums]
            self.do("gram", self._of_session(), chunk, words, products, words=sum(map(len, words)) // 32)
            products = self.codec.products([t[: (chunk + 1) * size].ljust(len(t), b"\0") for t in sums])
        self.do("select", self._of_session(), products)

    def settle(self) -> None:
        for group, accounts in self.groups.items():
            self.do("settle", self._of(group), group, accounts)

    def run(self, cohorts: Mapping[Address, int] | None = None) -> Session:
        """From registration to settlement, nobody misses anything."""
        self.register(cohorts)
        for step in (self.commit, self.upload, self.aggregate, self.vote, self.select, self.settle):
            step()
        assert self.stage is Stage.FINISHED
        return self


def _integers(words: bytes) -> list[int]:
    return [int.from_bytes(words[i : i + 32], "big") for i in range(0, len(words), 32)]


def limit_of(call: Call, fees: FeeTable) -> int:
    """The most gas that a call is paid for (section 9)."""
    if call.name in ("advance", "draw"):
        return fees.move
    gas: int = getattr(fees, "commit" if call.name in ("vote", "open_vote") else call.name)
    if call.name in ("upload", "aggregate", "gram"):
        gas += getattr(fees, f"{call.name}_word") * call.words
    return gas + (fees.move if call.moved_from not in (None, Stage.PAYMENT) else 0)


def check_limits(session: Session) -> None:
    """No receipt of a paid call is above its limit: fees were those that metering gave."""
    fees = session.params.fees
    assert fees is not None
    paid = [call for call in session.calls if call.metered is not None]
    for call in paid:
        assert call.gas <= limit_of(call, fees), call
        assert call.metered is not None
        assert call.metered <= call.gas
        assert call.paid_wei == call.metered * GAS_PRICE_WEI
    assert len(paid) > len(session.members)


def compare(session: Session) -> dict[str, float]:
    """The model over the receipts: `all`, and by function, there without the calls that changed the stage."""
    made = quote(session.params, len(session.members), GAS_PRICE_WEI, leaves=session.leaves)
    steps = [step for step in (*made.steps, *made.owner_steps) if step.call != "withdraw"]
    expected, found = Counter[str](), Counter[str]()
    for step in steps:
        expected[step.call] += step.gas
    for call in session.calls:
        found[call.name] += call.gas
    ratios = {"all": expected.total() / found.total()}
    counts = Counter(call.name for call in session.calls)
    assert {s.call: s.calls for s in steps if s.call != "move"} == {n: c for n, c in counts.items() if n != "draw"}

    model = GasModel(session.params, bool(session.params.fee_cap_wei), session.proof, len(session.members))
    for call in session.calls:
        if call.moved_from is not None and call.name in ("register", "commit", "upload", "aggregate"):
            chunk = call.words // session.params.members if call.name == "aggregate" else call.words
            usual = getattr(model, call.name)(*([chunk] if chunk else []))
            expected[call.name] -= usual.usual
            found[call.name] -= call.gas
    return ratios | {name: expected[name] / found[name] for name in counts if name != "draw"}


def shape(parameters: int, **terms: Any) -> tuple[int, Terms]:
    return parameters, replace(TERMS, **terms)


KRUM = {"rule": Rule.KRUM, "krum_m": 2}
VOTE = {"rule": Rule.NORM_VOTE, "vote_secs": WINDOW}
SHAPES = {
    "d=40, N=3, R=2": shape(40, group_size=3, rounds=2),
    "d=40, N=4, R=8": shape(40, group_size=4, rounds=8),
    "d=40, N=3, R=8, krum": shape(40, group_size=3, rounds=8, **KRUM),
    "d=5705, N=3, R=2": shape(5_705, group_size=3, rounds=2),
    "d=5705, N=4, R=8": shape(5_705, group_size=4, rounds=8),
    "d=5705, N=4, R=8, krum": shape(5_705, group_size=4, rounds=8, **KRUM),
    "d=5705, N=3, R=8, krum, weights": shape(5_705, group_size=3, rounds=8, encoding=Encoding.WEIGHTS, **KRUM),
    "d=5705, N=4, R=4, 10-bit lanes": shape(5_705, group_size=4, rounds=4, bound=127),
    "d=5705, N=4, R=2, five chunks": shape(5_705, group_size=4, rounds=2, chunk_words=32),
    "d=5705, N=3, R=3, greedy": shape(5_705, group_size=3, rounds=3, assignment=Assignment.GREEDY),
    "d=5705, N=3, R=3, no records": shape(5_705, group_size=3, rounds=3, records=None),
    "d=5705, N=4, R=4, no fees": shape(5_705, group_size=4, rounds=4, fee_cap_wei=0),
    "d=40, N=4, R=8, norm+vote": shape(40, group_size=4, rounds=8, **VOTE),
    "d=40, N=3, R=20, norm+vote, greedy": shape(40, group_size=3, rounds=20, assignment=Assignment.GREEDY, **VOTE),
    "d=40, N=16, R=4": shape(40, group_size=16, rounds=4),
}
CHANCE = {"commit": (0.94, 1.15)}
KRUM_CHANCE = {"select": (0.90, 1.25)}


@pytest.mark.parametrize("name", SHAPES)
def test_the_model_is_just_above_the_receipts(name: str) -> None:
    parameters, terms = SHAPES[name]
    session = Session(World(terms.rounds * terms.group_size), terms, parameters).run()
    chance = CHANCE | (KRUM_CHANCE if terms.rule is Rule.KRUM else {})
    ratios = compare(session)
    rooms = {name: chance.get(name, (1, 1.1)) for name in ratios} | {"all": (1, 1.05)}
    assert {name: ratio for name, ratio in ratios.items() if not rooms[name][0] <= ratio <= rooms[name][1]} == {}
    if terms.fee_cap_wei:
        check_limits(session)


def test_a_root_over_many_accounts() -> None:
    terms = replace(TERMS, group_size=3, rounds=3)
    session = Session(World(9), terms, 40, leaves=250).run()
    ratios = compare(session)
    assert 1 <= ratios["all"] <= 1.05
    assert 1 <= ratios["register"] <= 1.1
    check_limits(session)


def test_more_members_than_seats() -> None:
    session = Session(World(31), replace(TERMS, group_size=3, rounds=3), 40).run()
    assert 1 <= compare(session)["all"] <= 1.05
    check_limits(session)


def test_cohorts_that_come_back_stay_below_the_limits() -> None:
    """Everybody has a record, and names a cohort that nobody has named before."""
    world, terms = World(12), replace(TERMS, group_size=4, rounds=3)
    earlier = Session(world, terms, 40).run()
    address = int(earlier.contract.address, 16)
    again = Session(world, terms, 40, leaves=250)
    again.run({a: address << 8 | g for g, accounts in earlier.groups.items() for a in accounts})
    assert {again.contract.member(a).pool for a in world.members} == {2}
    check_limits(again)


@pytest.mark.parametrize("assignment", list(Assignment))
@pytest.mark.parametrize(("rounds", "members"), [(4, 3), (24, 4)])
def test_groups_that_fail_stay_below_the_limits(rounds: int, members: int, assignment: Assignment) -> None:
    """Half of the groups miss a commitment and are drawn again; half of the rest miss an upload."""
    terms = replace(TERMS, group_size=members, rounds=rounds, assignment=assignment)
    session = Session(World(rounds * members), terms, 40)
    session.register()
    session.commit({accounts[0] for group, accounts in session.groups.items() if group % 2})
    session.draw()
    assert max(session.groups) >= session.contract.first_groups() == rounds
    session.commit()
    session.upload({accounts[1] for group, accounts in session.groups.items() if group % 4 == 0})
    for step in (session.aggregate, session.select, session.settle):
        step()
    assert session.stage is Stage.FINISHED
    assert {"advance", "draw"} & {call.name for call in session.calls if call.metered is not None}
    check_limits(session)


@pytest.mark.parametrize("field", ["register", "commit", "upload", "settle", "move"])
def test_a_limit_that_is_too_low_binds(field: str) -> None:
    """The neighbour of all these: with one limit at zero or near it, calls are paid less than was metered."""
    parameters, terms = SHAPES["d=40, N=3, R=2"]
    fees = terms.params(parameters, 0.25).fees
    assert fees is not None
    low = replace(fees, **{field: 30_000})
    session = Session(World(6), replace(terms, fee_table=low), parameters).run()
    with pytest.raises(AssertionError):
        check_limits(session)
