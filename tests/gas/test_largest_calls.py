"""The most expensive calls that `start` lets through fit 2^24 gas and 128 KiB: the chain refuses them otherwise.

All with fees on, so that every call is metered, and with records.
"""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.harness import (
    TX_SIZE_CAP,
    Accounts,
    SessionDriver,
    Stage,
    Status,
    economy,
    make_params,
    session_type,
)
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import deploy_market
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
    session = SessionDriver(chain, market, session_type().on(recorder), accounts, made, members)
    session.gas_price = economy.GWEI
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
