"""One session from deployment to the last withdrawal through the port's verbs alone, on every backend."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.chain.artifacts import load
from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.codec import Codec, GroupContext, MaskedInput, MaskKey, float_words, vote_commitment
from omnilytics.errors import Reverted
from omnilytics.protocol.commitment import commitment
from omnilytics.protocol.merkle import MerkleTree
from omnilytics.types import (
    Address,
    Alumnus,
    Assignment,
    DropoutPolicy,
    Encoding,
    FeeTable,
    GroupStatus,
    KrumPicks,
    MemberView,
    Pool,
    Receipt,
    RecordConstants,
    Rule,
    SessionParams,
    Stage,
    Suite,
    member_fees_wei,
    reserve_wei,
)
from tests.chain.conftest import ETHER, AnyChain, worth

D = 504  # 12 words of 42 lanes: a chunk of 8 and one of 4
REWARD = ETHER // 10
STEP = np.float32(0.01)
WINDOW = 120  # seconds, within which any backend takes a step; none waits longer than it must
LIMITS = ("register", "commit", "select", "settle", "move", "upload", "aggregate", "gram")


def terms(members: int, assignment: Assignment, rule: Rule) -> SessionParams:
    rounds = 3 if rule is Rule.KRUM else 2
    return SessionParams(
        parameter_count=D,
        samples=1,
        epochs=1,
        batch_size=1,
        rounds=rounds,
        min_rounds=rounds,
        members=members,
        threshold=members,
        colluders=1,
        encoding=Encoding.DELTA,
        clip=int(np.float32(8 * STEP).view(np.uint32)),
        bound=7,
        lane_bits=6,
        chunk_words=8,
        suite=Suite.AES,
        assignment=assignment,
        rule=rule,
        krum_mu_bps=0,
        krum_m=1 if rule is Rule.KRUM else 0,
        krum_m_rule=KrumPicks.PAPER if rule is Rule.KRUM else KrumPicks.STRICT,
        policy=DropoutPolicy.ABORT,
        register_secs=WINDOW,
        commit_secs=WINDOW,
        upload_secs=WINDOW,
        aggregate_secs=WINDOW,
        select_secs=WINDOW,
        vote_secs=WINDOW if rule is Rule.NORM_VOTE else 0,
        reward_wei=REWARD,
        bond_wei=-(-(members - 1) * REWARD // (rounds * members)),
        unsafe_small=int(members < 3),
    )


@dataclass
class Story:
    """A session's actors; each step uses the port and nothing else of the chain."""

    chain: ChainPort
    session: SessionPort
    owner: Address
    members: list[Address]
    params: SessionParams
    codec: Codec = field(init=False)
    published: Any = field(init=False)
    keys: dict[Address, MaskKey] = field(default_factory=dict)
    plain: dict[Address, bytes] = field(default_factory=dict)
    inputs: dict[Address, MaskedInput] = field(default_factory=dict)
    order: dict[int, list[Address]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.codec = Codec(self.params)
        self.published = np.linspace(-1, 1, D, dtype=np.float32)

    def open(self) -> None:
        self.session.whitelist(self.owner, self.members)
        self.session.publish(self.owner, 0, float_words(self.published))
        value = self.params.reward_wei + reserve_wei(self.params, len(self.members))
        self.session.start(self.owner, self.params, value)

    def register(self) -> None:
        for number, member in enumerate(self.members):
            self.keys[member] = MaskKey.from_seed(bytes([number + 1]) * 32)
            keys = self.keys[member].sign(self.chain.chain_id, self.session.address, member)
            self.session.register(member, keys, self.params.bond_wei)

    def draw(self) -> None:
        if self.session.stage() is Stage.DRAW:
            self.chain.wait_blocks(self.session.draw_block() - self.chain.block_number() + 1)
            self.session.draw(self.members[0])

    def seats(self) -> dict[int, list[Address]]:
        """Members of each group in place order."""
        views = {member: self.session.member(member) for member in self.members}
        groups: dict[int, list[Address]] = {g: [] for g in range(self.session.group_count())}
        for member in sorted(self.members, key=lambda m: views[m].place):
            groups[views[member].group].append(member)
        return groups

    def commit(self) -> None:
        for group, members in self.seats().items():
            peers = tuple((self.keys[m].x, self.keys[m].parity) for m in members)
            for place, member in enumerate(members):
                context = GroupContext(
                    self.chain.chain_id, self.session.address, group, place, self.session.model_hash(), peers
                )
                seed = bytes(31) + bytes([place])
                weights = self.published + STEP * np.float32(group % 2)
                self.plain[member] = self.codec.encode_plain(weights, self.published, seed).words
                self.inputs[member] = self.codec.encode(weights, self.published, self.keys[member], context, seed)
                self.session.commit(member, commitment(member, self.inputs[member].root))

    def upload(self) -> None:
        for group, members in self.seats().items():
            self.order[group] = members[::-1]
            for member in self.order[group]:
                masked = self.inputs[member]
                for chunk, words in enumerate(masked.chunks):
                    self.session.upload(member, chunk, words, masked.chunk_hashes)

    def aggregate(self) -> None:
        for group, members in self.order.items():
            for chunk in range(self.codec.chunks):
                words = [self.inputs[m].chunks[chunk] for m in members]
                self.session.aggregate(self.members[0], group, chunk, words)

    def sums(self) -> list[bytes]:
        return [self.codec.sum([self.plain[m] for m in members]) for members in self.order.values()]

    def vote(self) -> None:
        """Everybody votes against the last group, and opens its vote when all have committed."""
        bits, salts = 1 << self.params.rounds - 1, {m: bytes([n + 1]) * 32 for n, m in enumerate(self.members)}
        scope = self.chain.chain_id, self.session.address
        for member, salt in salts.items():
            self.session.vote(member, vote_commitment(*scope, member, bits, salt))
        for member, salt in salts.items():
            self.session.open_vote(member, bits, salt)

    def select(self) -> None:
        products: list[int] = []
        if self.params.rule is Rule.KRUM:
            for chunk in range(self.codec.chunks):
                words = [self.codec.split(total).chunks[chunk] for total in self.sums()]
                receipt = self.session.gram(self.owner, chunk, words, products)
                products = events(receipt)["GramAdded"]["products"]
            assert products == self.codec.products(self.sums())
        self.session.select(self.owner, products)

    def pay(self) -> None:
        for group in range(self.session.group_count()):
            self.session.settle(self.members[0], group, self.seats()[group])
        if self.session.credit_of(self.members[0]):
            self.session.withdraw(self.members[0])
        if self.session.credit_of(self.owner):
            self.session.withdraw_for(self.members[0], self.owner)


def events(receipt: Receipt) -> dict[str, dict[str, Any]]:
    return dict(decoded for log in receipt.logs if (decoded := decode_log(log)) is not None)


def story(chain: AnyChain, params: SessionParams) -> Story:
    owner = chain.create_account("owner", ETHER)
    count = params.rounds * params.members
    members = [chain.create_account(f"member {n}", ETHER) for n in range(count)]
    market = chain.deploy_market(owner, 0)
    address, receipt = market.create_session(owner)
    assert events(receipt)["SessionCreated"] == {"session": address, "owner": owner, "index": 0}
    assert chain.market(market.address).sessions() == [address]
    return Story(chain, chain.session(address), owner, members, params)


CASES = [
    (2, Assignment.GREEDY, Rule.NORM),
    (3, Assignment.SHUFFLED, Rule.NORM),
    (4, Assignment.SHUFFLED, Rule.KRUM),
]


@pytest.mark.parametrize(("members", "assignment", "rule"), CASES)
def test_a_session_from_start_to_end(chain: AnyChain, members: int, assignment: Assignment, rule: Rule) -> None:
    params = terms(members, assignment, rule)
    s = story(chain, params)
    session = s.session
    s.open()
    assert (session.stage(), session.owner(), session.params()) == (Stage.REGISTER, s.owner, params)
    assert session.deadline() == chain.timestamp() + params.register_secs
    assert (session.capacity(), session.registered_count(), session.whitelist_root()) == (len(s.members), 0, bytes(32))
    s.register()
    assert session.registered_count() == len(s.members)
    assert session.draw_block() == (chain.block_number() + 4 if assignment is Assignment.SHUFFLED else 0)
    s.draw()
    assert (session.stage(), session.group_count()) == (Stage.COMMIT, params.rounds)
    assert any(session.seed()) == (assignment is Assignment.SHUFFLED)
    assert (session.second_seed(), session.first_groups()) == (bytes(32), 0)
    assert all(len(group) == members for group in s.seats().values())
    s.commit()
    assert (session.stage(), session.first_groups()) == (Stage.UPLOAD, params.rounds)
    assert session.group(0).status is GroupStatus.UPLOAD
    s.upload()
    assert session.stage() is Stage.AGGREGATE
    assert session.group(0).delivered == 2**members - 1
    s.aggregate()
    assert session.stage() is Stage.SELECT
    norms = [session.group(g).squared_norm for g in range(params.rounds)]
    assert norms == [s.codec.squared_norm(total) for total in s.sums()]
    s.select()
    assert session.stage() is Stage.PAYMENT
    assert not session.unselected()
    accepted = [g for g in range(params.rounds) if session.accepted() >> g & 1]
    assert len(accepted) == (1 if rule is Rule.KRUM else params.rounds)
    assert [session.group(g).accepted for g in range(params.rounds)] == [g in accepted for g in range(params.rounds)]
    s.pay()
    money = session.money()
    assert (session.stage(), session.deadline()) == (Stage.FINISHED, 0)
    assert money.deposited == REWARD + len(s.members) * params.bond_wei == money.withdrawn
    assert (money.credits, money.locked, chain.balance(session.address)) == (0, 0, 0)
    share = REWARD // (params.rounds * members) * params.rounds // len(accepted)
    for group, seated in s.seats().items():
        assert {worth(chain, m) for m in seated} == {ETHER + share * (group in accepted)}


def test_views_of_members(chain: AnyChain) -> None:
    s = story(chain, terms(2, Assignment.GREEDY, Rule.NORM))
    member = s.members[1]
    stranger = chain.create_account("stranger", 1)
    assert s.session.member(member) == MemberView(
        listed=False,
        registered=False,
        pool=Pool.CLEAR,
        rank=0,
        seated=False,
        group=0,
        place=0,
        key_address=Address("0x" + "00" * 20),
        committed=False,
        chunks_delivered=0,
        declined=False,
        withdrawn=False,
        fees_wei=0,
    )
    s.open()
    s.register()
    s.commit()
    view = s.session.member(member)
    assert (view.listed, view.registered, view.pool, view.rank, view.seated) == (True, True, Pool.CLEAR, 1, True)
    assert (view.group, view.place, view.committed, view.chunks_delivered) == (0, 1, True, 0)
    assert view.key_address == s.keys[member].address
    assert not s.session.member(stranger).listed


def test_logs_alone_tell_the_session(chain: AnyChain) -> None:
    params = terms(2, Assignment.GREEDY, Rule.NORM)
    s = story(chain, params)
    for step in (s.open, s.register, s.commit, s.upload, s.aggregate, s.select, s.pay):
        step()
    decoded = [decode_log(log) for _, log in chain.logs(s.session.address)]
    names = Counter(found[0] for found in decoded if found is not None)
    seats = params.rounds * params.members
    assert None not in decoded
    assert names["Registered"] == names["Committed"] == names["Withdrawn"] == seats
    assert names["Uploaded"] == seats * 2
    assert names["Aggregated"] == params.rounds * 2
    started = next(found[1] for found in decoded if found is not None and found[0] == "Started")
    assert tuple(started["params"].values()) == params.as_tuple()
    assert tuple(started["params"]) == tuple(SessionParams.__dataclass_fields__)


def test_a_group_is_voted_out(chain: AnyChain) -> None:
    params = terms(3, Assignment.GREEDY, Rule.NORM_VOTE)
    s = story(chain, params)
    for step in (s.open, s.register, s.draw, s.commit, s.upload, s.aggregate):
        step()
    assert (s.session.stage(), s.session.params()) == (Stage.VOTE, params)
    assert s.session.deadline() == chain.timestamp() + params.vote_secs
    s.vote()
    assert s.session.stage() is Stage.SELECT
    s.select()
    assert (s.session.accepted(), s.session.unselected()) == (0b01, False)
    s.pay()
    assert s.session.stage() is Stage.FINISHED
    share = REWARD // (params.rounds * params.members)
    for group, seated in s.seats().items():
        assert {worth(chain, m) for m in seated} == {ETHER + share * (group == 0)}


def test_what_the_contract_refuses_comes_with_its_reason(chain: AnyChain) -> None:
    s = story(chain, terms(2, Assignment.GREEDY, Rule.NORM))
    stranger = chain.create_account("stranger", ETHER)
    with pytest.raises(Reverted, match="whitelist reverted: session: only the owner"):
        s.session.whitelist(stranger, s.members)
    with pytest.raises(Reverted, match="commit reverted: session: wrong stage"):
        s.session.commit(stranger, bytes(32))
    s.open()
    with pytest.raises(Reverted, match="advance reverted: session: nothing to advance"):
        s.session.advance(stranger)
    chain.wait_until(s.session.deadline() + 1)
    s.session.advance(stranger)
    assert s.session.stage() is Stage.FINISHED
    assert s.session.credit_of(s.owner) == REWARD


def test_the_owner_leaves_before_anybody_registers(chain: AnyChain) -> None:
    s = story(chain, terms(2, Assignment.GREEDY, Rule.NORM))
    s.open()
    s.session.exit(s.owner)
    s.session.withdraw(s.owner)
    assert (s.session.stage(), worth(chain, s.owner)) == (Stage.FINISHED, ETHER)


def test_the_same_calls_cost_the_same() -> None:
    gas: list[list[tuple[str, int]]] = []
    for fresh in (EmbeddedChain(block_secs=1), EmbeddedChain(block_secs=1)):
        used: list[tuple[str, int]] = []
        fresh.on_receipt.append(lambda r, used=used: used.append((r.call, r.gas_used)))  # type: ignore[misc]
        s = story(fresh, terms(3, Assignment.SHUFFLED, Rule.NORM))
        for step in (s.open, s.register, s.draw, s.commit, s.upload, s.aggregate, s.select, s.pay):
            step()
        gas.append(used)
    assert gas[0] == gas[1]
    deployed = [call for call, _ in gas[0]].index("create_session")
    assert [call for call, _ in gas[0]][:deployed] == ["deploy"] * deployed
    assert deployed == len(contracts_of("Market"))


def contracts_of(contract: str) -> set[str]:
    """A contract and all that it needs, each once."""
    return {contract}.union(*(contracts_of(library) for library in load(contract).libraries))


def test_accounts_under_a_merkle_root(chain: AnyChain) -> None:
    s = story(chain, terms(2, Assignment.GREEDY, Rule.NORM))
    tree = MerkleTree(s.members)
    s.session.set_whitelist_root(s.owner, tree.root, 4)
    s.session.publish(s.owner, 0, float_words(s.published))
    s.session.start(s.owner, s.params, REWARD)
    assert (s.session.capacity(), s.session.whitelist_root()) == (4, tree.root)
    member, other = s.members[:2]
    keys = MaskKey.from_seed(bytes(32)).sign(chain.chain_id, s.session.address, member)
    with pytest.raises(Reverted, match="session: not on the whitelist"):
        s.session.register(member, keys, s.params.bond_wei, tree.proof(other))
    s.session.register(member, keys, s.params.bond_wei, tree.proof(member))
    assert s.session.member(member).registered
    assert not s.session.member(member).listed


def test_a_group_is_declined(chain: AnyChain) -> None:
    s = story(chain, terms(3, Assignment.GREEDY, Rule.NORM))
    s.open()
    s.register()
    s.session.decline(s.members[1])
    assert s.session.group(0).status is GroupStatus.FAILED
    assert (s.session.group(0).dissolved, s.session.member(s.members[1]).declined) == (True, True)
    assert not s.session.group(1).dissolved
    with pytest.raises(Reverted, match="session: the group has failed"):
        s.session.decline(s.members[0])


def paid_back(params: SessionParams, fee_cap_wei: int) -> SessionParams:
    """The same terms, with a table that pays back every call in full, up to that price."""
    table = FeeTable(**dict.fromkeys(LIMITS, 1_000_000), upload_word=2_000, aggregate_word=2_000, gram_word=0)
    paying = replace(params, fee_cap_wei=fee_cap_wei, fee_table=table.pack())
    return replace(paying, bond_wei=params.bond_wei + member_fees_wei(paying))


def test_calls_are_paid_back() -> None:
    paying = EmbeddedChain(block_secs=1, charge_gas=True)
    params = paid_back(terms(2, Assignment.GREEDY, Rule.NORM), 3 * 10**9)
    s = story(paying, params)
    heard: list[Receipt] = []
    paying.on_receipt.append(heard.append)
    for step in (s.open, s.register, s.commit, s.upload, s.aggregate, s.select, s.pay):
        step()
    fees = [(r, events(r)["FeeCredited"]) for r in heard if "FeeCredited" in events(r)]
    assert {r.call for r, _ in fees} == {"register", "commit", "upload", "aggregate", "settle"}
    turns = [(r.call, "FeeCredited" in events(r)) for r in heard if r.call in ("aggregate", "select", "settle")]
    assert turns == [("aggregate", True)] * 2 + [("aggregate", False)] * 2 + [
        ("select", False),
        ("settle", True),
        ("settle", False),
    ]
    for receipt, fee in fees:
        assert fee["account"] == receipt.sender
        assert 0.8 * receipt.gas_used < fee["gas_metered"] <= receipt.gas_used
        assert fee["amount_wei"] == fee["gas_metered"] * 10**9
    paid = sum(fee["amount_wei"] for _, fee in fees)
    assert (s.session.reserve(), s.session.money().locked) == (0, 0)
    assert s.session.money().withdrawn == REWARD + reserve_wei(params, 4) + 4 * params.bond_wei
    assert 0 < paid < reserve_wei(params, 4)


def test_records_and_who_may_come_back(chain: AnyChain) -> None:
    constants = RecordConstants()
    params = replace(terms(2, Assignment.GREEDY, Rule.NORM), record_constants=constants.pack())
    s = story(chain, params)
    market = chain.market(s.session.market())
    for step in (s.open, s.register, s.commit, s.upload, s.aggregate, s.select, s.pay):
        step()
    for group, members in s.seats().items():
        for place, member in enumerate(members):
            assert s.session.alumnus(member) == Alumnus(True, group, place, 2)
            assert market.suspicion(s.owner, member) == constants.after(None, False)
    assert market.suspicion(s.members[0], s.members[1]) is None
    assert not s.session.alumnus(s.owner).accepted
