"""The most expensive calls that `start` lets through fit 2^24 gas and 128 KiB: the chain refuses them otherwise.

All with fees on, so that every call is metered, and with records.
"""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.harness import (
    TX_SIZE_CAP,
    Accounts,
    RecoverDriver,
    SessionDriver,
    Stage,
    Status,
    economy,
    make_params,
)
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import deploy_market, factory
from tests.gas.recording import Recorder
from tests.gas.revm import RevmChain

FULL_WORDS = 246
"""16 rows of so many words and their 120 products are just below 128 KiB."""

TWO_FULL_CHUNKS = {"chunk_words": FULL_WORDS, "rule": 1, "krum_mu_bps": 0, "krum_m": 13}
BOUNDS = {6: 1, 8: 60, 10: 200, 12: 1_000, 16: 15_000, 32: 10**8}
PAID = {
    "fee_cap_wei": economy.GWEI,
    "fee_table": economy.fee_table(),
    "record_constants": economy.record_constants(),
}


def new_session(params: dict[str, int]) -> tuple[SessionDriver, Recorder]:
    """A session on a fresh chain, all its seats on the whitelist; its calls are paid."""
    chain = RevmChain()
    recorder = Recorder(chain)
    accounts = Accounts(chain.set_balance)
    market = deploy_market(accounts, 0, recorder)
    made = make_params(**PAID | params)
    members = ["0x" + keccak(text=f"seat {i}")[12:].hex() for i in range(made.rounds * made.members)]
    for account in (*members, accounts.owner):
        chain.set_balance(account, 10**24)
    session = factory(chain, market, accounts)(members, **PAID | params)
    session.gas_price = economy.GWEI
    return session, recorder


def new_recover(params: dict[str, int]) -> tuple[RecoverDriver, Recorder]:
    """The same with policy `recover` and limits that its calls stay below."""
    table = economy.fee_table(commit=60_000, aggregate=60_000)
    session, recorder = new_session({"policy": 1, "threshold": 2, "unsafe_small": 1, "fee_table": table} | params)
    assert isinstance(session, RecoverDriver)
    return session, recorder


def largest(recorder: Recorder, call: str) -> int:
    """Bytes of the largest transaction of a function; its gas was within the cap, or the chain had refused it."""
    found = recorder.table()[call]
    assert found["bytes"] <= TX_SIZE_CAP
    return found["bytes"]


def dearest(recorder: Recorder, call: str) -> int:
    """Most gas of a function's transactions."""
    return recorder.table()[call]["max"]


def to_select_paid(session: SessionDriver) -> None:
    """To Select, and past the quarter in which only one account is paid: the calls there are metered."""
    session.to(Stage.AGGREGATE)
    session.chain.sleep(session.params.aggregate_secs // 2)
    session.to(Stage.SELECT)
    session.chain.sleep(session.params.select_secs // 2)


@pytest.mark.parametrize("bits", ref.LANE_BITS)
def test_gram_of_sixteen_full_rows(bits: int) -> None:
    parameters = 2 * FULL_WORDS * ref.lanes(bits)
    session, recorder = new_session(
        TWO_FULL_CHUNKS | {"rounds": 16, "members": 2, "bound": BOUNDS[bits], "parameter_count": parameters}
    )
    assert session.params.lane_bits == bits
    for account in session.listed:
        border = session.params.bound
        session.vectors[account] = [border, -border] * (parameters // 2)
    to_select_paid(session)
    before = session.credit_of(session.stranger)
    session.to(Stage.PAYMENT)
    assert session.credit_of(session.stranger) > before
    assert largest(recorder, "gram") > (16 * FULL_WORDS + 120) * 32


def test_aggregate_of_sixteen_full_chunks() -> None:
    """And the settlement of sixteen members that have no record yet."""
    session, recorder = new_session(
        {"rounds": 1, "members": 16, "bound": 1, "chunk_words": 254, "parameter_count": 42 * 254}
    )
    session.vectors |= {a: [1] * 10 + [0] * (42 * 254 - 10) for a in session.listed}
    to_select_paid(session)
    assert session.credit_of(session.stranger) > 0
    session.to(Stage.FINISHED)
    assert largest(recorder, "aggregate") > 16 * 254 * 32
    assert dearest(recorder, "settle") > 16 * 20_000, "sixteen new records"


def test_settlement_of_sixteen_members_drawn_twice() -> None:
    """Seats of both rounds are looked up: a group of the first round whose members never committed, then the second."""
    session, recorder = new_session({"rounds": 4, "members": 16, "bound": 1, "parameter_count": 4, "assignment": 1})
    session.vectors |= {a: [0] * 4 for a in session.listed}
    session.to(Stage.COMMIT)
    for group in range(4):
        session.decline(session.members_of(group)[group])
    session.to(Stage.FINISHED)
    assert (session.first_groups(), session.group_count(), session.accepted()) == (4, 7, 0b1110000)
    assert recorder.table()["settle"]["calls"] == 7
    assert session.chain.balance(session.contract.address) == 0


@pytest.mark.parametrize("assignment", [0, 1])
def test_register_with_a_proof_of_32_hashes(assignment: int) -> None:
    """A tree of 2^17 leaves needs 17, the most that fit is 32; the last one closes registration."""
    for levels in (17, 32):
        session, recorder = new_session({"rounds": 1, "members": 2, "assignment": assignment})
        first, last = session.listed
        pair = economy.merkle_proof([first, last], first), economy.merkle_proof([first, last], last)
        above = [keccak(text=f"sibling {i}") for i in range(levels - 1)]
        root = economy.merkle_root([first, last])
        for node in above:
            root = keccak(b"".join(sorted([root, node])))
        session.contract.set_whitelist_root(root, 2, sender=session.owner)
        session.publish()
        session.start()
        for account, proof in zip((first, last), pair, strict=True):
            session.contract.register(
                session.keys(account),
                [*proof, *above],
                0,
                sender=account,
                value=session.params.bond_wei,
                gas_price=economy.GWEI,
            )
        assert session.stage() == (Stage.DRAW if assignment else Stage.COMMIT)
        assert dearest(recorder, "register") < 300_000


def test_upload_of_720_words_of_64_chunks() -> None:
    """The first and the last chunk of a vector as long as `start` takes it in 32-bit lanes."""
    session, recorder = new_session(
        {"rounds": 1, "members": 2, "bound": 10**8, "chunk_words": 720, "parameter_count": 8 * 720 * 64}
    )
    account = session.listed[0]
    words = [int.from_bytes(keccak(k.to_bytes(4, "big")), "big") for k in range(720)] * 64
    for member in session.listed:
        session.payloads[member] = words
    session.to(Stage.UPLOAD)
    session.upload(account, 0)
    assert largest(recorder, "upload") > (720 + 64) * 32
    assert largest(recorder, "publish") > 720 * 32


@pytest.mark.parametrize("assignment", [0, 1])
def test_every_group_of_64_falls_apart(assignment: int) -> None:
    """Every loop over ids at its longest.

    64 groups dissolve but one, whose last commitment closes the round; then 47 new ones miss, at last the first one.
    """
    session, recorder = new_session({"rounds": 64, "members": 4, "parameter_count": 4, "assignment": assignment})
    session.to(Stage.COMMIT)
    seats = session.seated()
    for group in range(1, 64):
        session.decline(seats[4 * group + group % 4])
    for account in seats[:4]:
        session.commit(account)
    if assignment:
        assert session.stage() == Stage.DRAW
        session.draw()
    assert (session.first_groups(), session.group_count()) == (64, 64 + 47)
    fresh = [a for a, (group, place) in session.seats().items() if group >= 64 and place]
    for account in fresh:
        session.commit(account)
    session.pass_deadline()
    assert session.live_groups(Status.UPLOAD) == [0]
    session.pass_deadline()
    assert session.stage() == Stage.PAYMENT
    session.to(Stage.FINISHED)
    assert session.chain.balance(session.contract.address) == 0
    assert recorder.table()["settle"]["calls"] == 64 + 47


def test_selection_among_64_groups() -> None:
    session, recorder = new_session({"rounds": 64, "members": 2, "parameter_count": 4})
    to_select_paid(session)
    session.select()
    assert session.accepted() == 2**64 - 1
    assert recorder.table()["select"]["calls"] == 1
    session.to(Stage.FINISHED)
    assert session.chain.balance(session.contract.address) == 0


@pytest.mark.parametrize("assignment", [0, 1])
def test_deadlines_over_64_groups(assignment: int) -> None:
    """Half of the groups fail in each of: the first commitment round, the upload; those drawn again deliver."""
    session, recorder = new_session({"rounds": 64, "members": 2, "parameter_count": 4, "assignment": assignment})
    session.to(Stage.COMMIT)
    seats = session.seated()
    for account in seats[:64] + seats[64::2]:
        session.commit(account)
    session.pass_deadline()
    session.to(Stage.UPLOAD)
    assert (session.first_groups(), session.group_count()) == (64, 64 + 16)
    again = [a for a in session.seated() if session.member(a).group >= 64]
    for account in seats[:32] + seats[32:64:2] + again:
        session.upload_all(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert session.accepted() == 2**16 - 1 | (2**16 - 1) << 64
    assert session.chain.balance(session.contract.address) == 0
    assert recorder.table()["advance"]["calls"] == 2


SIXTEEN = {"rounds": 1, "members": 16, "bound": 1, "chunk_words": 249, "parameter_count": 42 * 249}
"""Sixteen chunks of 249 words and 72 seeds are as much as `start` takes with policy `recover`."""


@pytest.mark.parametrize(("stay", "seeds"), [(8, 72), (9, 72), (16, 16), (2, 30)])
def test_recovery_of_sixteen(stay: int, seeds: int) -> None:
    """Every call as long as it gets: shares for fifteen, up to fourteen openings, up to 72 seeds for 249 words each."""
    session, recorder = new_recover(SIXTEEN)
    session.vectors |= {a: [1] * 10 + [0] * (42 * 249 - 10) for a in session.listed}
    session.to(Stage.UPLOAD)
    members = session.members_of(0)
    session.upload_but(*members[stay:])
    to_select_paid(session)
    assert sum(map(len, session.seeds[0])) == seeds
    assert session.credit_of(session.stranger) > 0
    assert ref.unpack(session.sum_of(0), 6, 42 * 249) == session.plain_sum(0)
    session.to(Stage.FINISHED)
    assert session.chain.balance(session.contract.address) == 0
    assert largest(recorder, "share") > 31 * 64 + 15 * 112
    assert largest(recorder, "unmask") > (stay * 249 + seeds) * 32
    assert largest(recorder, "disclose") > stay * 620
    assert largest(recorder, "reveal") > (17 - stay) * 620


@pytest.mark.parametrize("threshold", [2, 8, 15])
def test_standing_in_for_as_many_as_possible(threshold: int) -> None:
    """Of sixteen that delivered as many reveal as are needed; of the rest all self masks are rebuilt."""
    session, recorder = new_recover(SIXTEEN | {"parameter_count": 42, "threshold": threshold})
    members = session.to(Stage.REVEAL).members_of(0)
    for account in members[:threshold]:
        session.reveal(account)
    session.pass_half_of_reveal()
    for account in members[:threshold]:
        session.reveal_shares(account)
    for account in members[threshold:]:
        session.rebuild(account)
    session.to(Stage.FINISHED)
    assert session.chain.balance(session.contract.address) == 0
    assert largest(recorder, "reveal_shares") > (16 - threshold) * 620
    assert largest(recorder, "rebuild") > 620 + 32 * threshold


@pytest.mark.parametrize("assignment", [0, 1])
def test_secrets_of_64_groups(assignment: int) -> None:
    """Half fail at sharing and are drawn again; of the rest some at the upload, some at revealing."""
    session, recorder = new_recover({"rounds": 64, "members": 4, "parameter_count": 4, "assignment": assignment})
    session.to(Stage.SHARE)
    seats = session.seated()
    session.share_all([a for i, a in enumerate(seats) if i >= 128 or i % 4 == 0])
    session.pass_deadline()
    session.pass_deadline()
    if assignment:
        session.draw()
    assert (session.first_groups(), session.group_count()) == (64, 64 + 8)
    session.to(Stage.UPLOAD)
    live = session.live_groups(Status.UPLOAD)
    assert live == [*range(32, 72)]
    session.upload_but(*(a for group in live[::4] for a in session.members_of(group)[:3]))
    live = session.live_groups(Status.REVEAL)
    assert len(live) == 30
    for group in live[::2]:
        for account in session.members_of(group):
            session.reveal(account)
    receipt = session.pass_deadline()
    assert len(receipt.named("GroupFailed")) == 15
    session.to(Stage.FINISHED)
    assert session.accepted().bit_count() == 15
    assert session.chain.balance(session.contract.address) == 0
    assert recorder.table()["settle"]["calls"] == 72


def test_one_round_of_63_groups_is_dissolved() -> None:
    """By objections; 31 new groups share, and all but the last one are dissolved again."""
    session, recorder = new_recover({"rounds": 64, "members": 4, "parameter_count": 4})
    session.to(Stage.SHARE)
    session.share_all()
    for group in range(1, 64):
        first, second, *_ = session.members_of(group)
        session.object_to(first, second)
    session.pass_deadline()
    assert (session.first_groups(), session.group_count()) == (64, 64 + 31)
    session.share_all()
    for group in range(64, 94):
        first, second, *_ = session.members_of(group)
        session.object_to(second, first)
    session.to(Stage.FINISHED)
    assert session.accepted() == 1 | 1 << 94
    assert recorder.table()["object"]["calls"] == 63 + 30
    assert session.chain.balance(session.contract.address) == 0
