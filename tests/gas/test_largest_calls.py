"""The most expensive calls that `start` lets through fit 2^24 gas and 128 KiB: the chain refuses them otherwise."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.harness import CONTRACTS, TX_SIZE_CAP, Accounts, SessionDriver, Stage, compiled, make_params
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import deploy_market
from tests.gas.recording import Recorder
from tests.gas.revm import RevmChain

FULL_WORDS = 246
"""16 rows of so many words and their 120 products are just below 128 KiB."""

TWO_FULL_CHUNKS = {"chunk_words": FULL_WORDS, "rule": 1, "krum_mu_bps": 0, "krum_m": 13}
BOUNDS = {6: 1, 8: 60, 10: 200, 12: 1_000, 16: 15_000, 32: 10**8}


def new_session(params: dict[str, int]) -> tuple[SessionDriver, Recorder]:
    """A session on a fresh chain, all its seats on the whitelist."""
    chain = RevmChain()
    recorder = Recorder(chain)
    accounts = Accounts(chain.set_balance)
    market = deploy_market(accounts, 0, recorder)
    implementation = compiled(CONTRACTS / "SecModelUpdate.vy").on(recorder)
    made = make_params(**params)
    members = ["0x" + keccak(text=f"seat {i}")[12:].hex() for i in range(made.rounds * made.members)]
    for member in members:
        chain.set_balance(member, 10**24)
    return SessionDriver(chain, market, implementation, accounts, made, members), recorder


def largest(recorder: Recorder, call: str) -> int:
    """Bytes of the largest transaction of a function; its gas was within the cap, or the chain had refused it."""
    found = recorder.table()[call]
    assert found["bytes"] <= TX_SIZE_CAP
    return found["bytes"]


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
    session.to(Stage.PAYMENT)
    assert largest(recorder, "gram") > (16 * FULL_WORDS + 120) * 32


def test_aggregate_of_sixteen_full_chunks() -> None:
    session, recorder = new_session(
        {"rounds": 1, "members": 16, "bound": 1, "chunk_words": 254, "parameter_count": 42 * 254}
    )
    session.to(Stage.PAYMENT)
    assert largest(recorder, "aggregate") > 16 * 254 * 32


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
def test_deadlines_over_64_groups(assignment: int) -> None:
    """Every loop over groups at its longest: half of them fail at the barrier, half of the rest at the upload."""
    session, recorder = new_session(
        {"rounds": 64, "members": 2, "parameter_count": 4, "assignment": assignment, "bound": 7}
    )
    session.to(Stage.COMMIT)
    seats = session.seated()
    for account in seats[:64] + seats[64::2]:
        session.commit(account)
    session.pass_deadline()
    for account in seats[:32] + seats[32:64:2]:
        session.upload_all(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert (session.group_count(), session.accepted()) == (64, 2**16 - 1)
    assert session.chain.balance(session.contract.address) == 0
    assert recorder.table()["advance"]["calls"] == 2
