"""Whole sessions with real lanes, against plain integers: sums, norms, products, money; and what the big calls cost."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.contracts.harness import Contract, SessionDriver, compiled
from tests.contracts.harness import reference as ref
from tests.contracts.harness.chain import Accounts
from tests.contracts.harness.contract import CONTRACTS, Receipt
from tests.contracts.harness.session import Stage

Factory = Callable[..., SessionDriver]
TX_GAS_CAP = 2**24


def floor(receipt: Receipt) -> int:
    """The least that a transaction pays for its calldata (EIP-7623)."""
    zeros = receipt.calldata.count(0)
    return 21_000 + 10 * (zeros + 4 * (len(receipt.calldata) - zeros))


def aggregates(session: SessionDriver) -> list[list[int]]:
    """The decoded sums of all groups (E6)."""
    p = session.params
    return [ref.unpack(session.sum_of(g), p.lane_bits, p.parameter_count) for g in range(session.group_count())]


def square(vector: list[int]) -> int:
    return sum(v * v for v in vector)


def spoil(session: SessionDriver) -> str:
    """One member uploads words of any 256 bits; the others' integers fill their range."""
    draw = random.Random(7)
    p = session.params
    for account in session.seated():
        session.vectors[account] = [draw.randint(-p.bound, p.bound) for _ in range(p.parameter_count)]
    bad = session.seated()[0]
    session.payloads[bad] = [draw.getrandbits(256) for _ in range(session.word_count)]
    return bad


def test_a_session_with_norm_ends_with_all_money_paid(new_session: Factory) -> None:
    session = new_session(members=4, rounds=2, parameter_count=700, colluders=2).to(Stage.PAYMENT)
    for group, total in enumerate(aggregates(session)):
        members = session.members_of(group)
        assert total == [sum(v) for v in zip(*(session.vector(a) for a in members), strict=True)]
        assert session.group(group).squared_norm == square(total)
    assert session.accepted() == 0b11
    assert not session.unselected()
    session.to(Stage.FINISHED)
    money = session.money()
    assert (money.locked, money.credits) == (0, 0)
    assert money.deposited == money.withdrawn


@pytest.mark.parametrize(("bound", "bits"), [(7, 6), (31, 8), (127, 10), (511, 12), (5_000, 16), (2**27, 32)])
def test_norms_and_products_are_exact_in_every_width_with_garbage(new_session: Factory, bound: int, bits: int) -> None:
    count = 9 * (256 // bits) + 3
    krum = {"rule": 1, "krum_mu_bps": 2_500, "krum_m": 1, "krum_m_rule": 1}
    session = new_session(members=4, rounds=4, colluders=2, bound=bound, parameter_count=count, **krum)
    assert session.params.lane_bits == bits
    session.to(Stage.COMMIT)
    spoil(session)
    session.to(Stage.PAYMENT)
    totals = aggregates(session)
    gram = ref.gram(totals)
    assert [session.group(g).squared_norm for g in range(4)] == [gram[g][g] for g in range(4)]
    assert session.products == ref.upper(gram)
    picked = ref.krum(gram, 2_500, 1, strict=False)
    assert session.accepted() == sum(1 << g for g in picked)
    assert 0 not in picked


@pytest.mark.parametrize("bound", [7, 127])
def test_uploads_and_aggregates_of_the_papers_model_sit_on_the_calldata_floor(new_session: Factory, bound: int) -> None:
    session = new_session(members=4, rounds=1, bound=bound, parameter_count=5_705, chunk_words=720, colluders=2)
    session.to(Stage.COMMIT)
    spoil(session)
    session.to(Stage.UPLOAD)
    uploads = [session.upload(account, 0) for account in session.seated()]
    for receipt in (*uploads, session.aggregate(0, 0)):
        assert receipt.gas_used == floor(receipt), receipt.call


@pytest.mark.slow
def test_the_largest_gram_stays_below_the_cap_of_a_transaction(accounts: Accounts) -> None:
    library: Contract = compiled(CONTRACTS / "VectorMath.vy").deploy(sender=accounts.deployer)
    words = random.Random(1).randbytes(16 * 254 * 32)
    calldata = library.abi.calldata("products", (words, 16, 8, 32))
    assert len(calldata) <= 131_072
    receipt = library.send(calldata, sender=accounts.stranger)
    assert receipt.gas_used < 15_000_000 < TX_GAS_CAP
