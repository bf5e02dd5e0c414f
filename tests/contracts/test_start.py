"""start(params): what can't work is refused, each with a reason of its own; what can is frozen and locked."""

from __future__ import annotations

import pytest

from tests.contracts.harness import DAY, Params, SessionDriver, Stage, make_params, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

MAX = 2**256 - 1
Q32 = (2**31 - 1) // 3

REFUSED = {
    "start: parameter_count out of 1..2^20": [{"parameter_count": v} for v in (0, 2**20 + 1, MAX)],
    "start: samples out of 1..2^32-1": [{"samples": v} for v in (0, 2**32, MAX)],
    "start: epochs out of 1..2^32-1": [{"epochs": v} for v in (0, 2**32, MAX)],
    "start: batch_size out of 1..2^32-1": [{"batch_size": v} for v in (0, 2**32, MAX)],
    "start: rounds out of 1..64": [{"rounds": v} for v in (65, 256)],
    "start: min_rounds out of 1..rounds": [{"min_rounds": v} for v in (0, 3, MAX)],
    "start: members out of 2..16": [{"members": v, "bound": 1} for v in (1, 17)],
    "start: policy is reserved": [{"policy": 1}],
    "start: threshold other than members": [{"threshold": v} for v in (0, 2, 4)],
    "start: unsafe_small out of 0..1": [{"unsafe_small": v} for v in (2, MAX)],
    "start: colluders out of 1..members": [{"colluders": 0}, {"colluders": 4, "unsafe_small": 1}],
    "start: members below colluders + 2": [
        {"colluders": 2, "unsafe_small": 0},
        {"members": 2, "unsafe_small": 0},
        {"members": 16, "colluders": 15, "bound": 1, "unsafe_small": 0},
    ],
    "start: unknown assignment": [{"assignment": v} for v in (2, MAX)],
    "start: unknown encoding": [{"encoding": v} for v in (2, MAX)],
    "start: unknown suite": [{"suite": v} for v in (2, MAX)],
    "start: bound out of 1..2^31-1": [{"bound": v, "lane_bits": 32} for v in (0, 2**31, MAX)],
    "start: clip isn't a positive finite float32": [
        {"clip": v} for v in (0, 0x7F800000, 0x7FC00000, 0x80000001, 0xBF800000, 2**32 + 1, MAX)
    ],
    "start: members * bound doesn't fit 32 bits": [{"bound": Q32 + 1, "lane_bits": 32}],
    "start: lane_bits isn't the smallest that holds members * bound": [
        {"lane_bits": 8},
        {"lane_bits": 7},
        {"lane_bits": 0},
        {"lane_bits": 32},
        {"bound": 10, "lane_bits": 8},
        {"bound": 11, "lane_bits": 6},
    ],
    "start: clip with weights": [{"encoding": 1, "rule": 1, "clip": 1}],
    "start: bound other than floor((2^31-1) / members)": [
        {"encoding": 1, "rule": 1, "bound": Q32 - 1},
        {"encoding": 1, "rule": 1, "bound": Q32 + 1},
    ],
    "start: lane_bits other than 32 with weights": [{"encoding": 1, "rule": 1, "lane_bits": 16}],
    "start: unknown rule": [{"rule": v, "krum_mu_bps": 0, "krum_m": 0} for v in (2, 3, MAX)],
    "start: unknown krum_m_rule": [{"krum_m_rule": v} for v in (2, MAX)],
    "start: norm with weights": [{"encoding": 1}],
    "start: krum's numbers with norm": [{"krum_mu_bps": 1}, {"krum_m": 1}],
    "start: krum with more than 16 rounds": [{"rule": 1, "rounds": 17}],
    "start: krum_mu_bps out of 0..5000": [{"rule": 1, "rounds": 8, "krum_mu_bps": v} for v in (5_001, MAX)],
    "start: krum_m out of 1..rounds": [{"rule": 1, "rounds": 8, "krum_m": v} for v in (0, 9, MAX)],
    "start: krum has no legal m": [
        {"rule": 1, "rounds": 2},
        {"rule": 1, "rounds": 6, "krum_mu_bps": 2_500},
        {"rule": 1, "rounds": 8, "krum_mu_bps": 2_500, "krum_m": 2},
        {"rule": 1, "rounds": 16, "krum_mu_bps": 5_000},
        {"rule": 1, "rounds": 4, "krum_mu_bps": 5_000, "krum_m_rule": 1},
        {"rule": 1, "rounds": 3, "krum_mu_bps": 2_500, "krum_m_rule": 1},
    ],
    "start: window below MIN_WINDOW": [
        {f"{name}_secs": 0} for name in ("register", "commit", "upload", "aggregate", "select")
    ],
    "start: window above one year": [
        {f"{name}_secs": v}
        for name in ("register", "commit", "upload", "aggregate", "select")
        for v in (365 * DAY + 1, MAX)
    ],
    "start: reveal_secs is reserved": [{"reveal_secs": 1}],
    "start: vote_secs is reserved": [{"vote_secs": 1}],
    "start: reward below one wei a seat": [{"reward_wei": v, "bond_wei": 5} for v in (0, 5)],
    "start: reward above 2^96": [{"reward_wei": v} for v in (2**96 + 1, 2**128)],
    "start: bond below (members - 1) * reward / seats": [
        {"reward_wei": 600, "bond_wei": 199},
        {"reward_wei": 601, "bond_wei": 200},
        {"bond_wei": 0},
    ],
    "start: bond above 2 * reward / rounds": [{"reward_wei": 600, "bond_wei": 601}, {"bond_wei": MAX}],
    "start: fee_cap_wei is reserved": [{"fee_cap_wei": 1}],
    "start: fee_table is reserved": [{"fee_table": 1}],
    "start: record_constants is reserved": [{"record_constants": MAX}],
    "start: chunk_words below 8": [{"chunk_words": v} for v in (0, 7)],
    "start: chunk_words above 720": [{"chunk_words": v} for v in (721, MAX)],
    "start: more than 64 chunks": [{"parameter_count": 42 * 8 * 64 + 1}],
    "start: aggregate above 128 KiB": [{"members": 16, "bound": 1, "chunk_words": 255, "parameter_count": 42 * 255}],
    "start: gram above 128 KiB": [
        {"rule": 1, "rounds": 16, "krum_mu_bps": 0, "chunk_words": 247, "parameter_count": 42 * 248},
        {"rule": 1, "rounds": 16, "krum_mu_bps": 0, "chunk_words": 255, "parameter_count": 42 * 255},
    ],
    "start: published words other than ceil(d / 8)": [{"parameter_count": v} for v in (1, 32, 41, 48)],
    "start: published lanes beyond d": [{"parameter_count": 39}],
}


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Six accounts listed, forty parameters published."""
    session = new_session()
    session.whitelist()
    session.publish()
    return session


def start(session: SessionDriver, params: Params) -> None:
    wei = min(params.reward_wei, session.chain.balance(session.owner))
    session.contract.start(params, sender=session.owner, value=wei)


@pytest.mark.parametrize(
    ("reason", "given"), [(reason, given) for reason, cases in REFUSED.items() for given in cases], ids=str
)
def test_what_cant_work_is_refused(base: SessionDriver, reason: str, given: dict[str, int]) -> None:
    wei = base.chain.balance(base.owner)
    with reverts(reason):
        start(base, make_params(**given))
    assert base.stage() == Stage.SETUP
    assert base.chain.balance(base.owner) == wei


def test_the_value_is_the_reward(base: SessionDriver) -> None:
    for wei in (0, base.params.reward_wei - 1, base.params.reward_wei + 1):
        with reverts("start: value other than the reward"):
            base.contract.start(base.params, sender=base.owner, value=wei)


def test_rounds_of_zero(base: SessionDriver) -> None:
    with reverts("start: rounds out of 1..64"):
        start(base, base.params._replace(rounds=0))


def test_an_empty_whitelist(new_session: Factory) -> None:
    session = new_session()
    session.publish()
    with reverts("start: the whitelist is empty"):
        session.start()


def test_a_whitelist_below_the_least_groups(new_session: Factory) -> None:
    session = new_session(5, min_rounds=2)
    session.whitelist()
    session.publish()
    with reverts("start: whitelist below min_rounds * members"):
        session.start()
    session.contract.whitelist([session.stranger], sender=session.owner)
    session.start()


def test_only_the_owner(base: SessionDriver) -> None:
    with reverts("session: only the owner"):
        base.contract.start(base.params, sender=base.stranger, value=base.params.reward_wei)


def test_only_once(base: SessionDriver) -> None:
    base.start()
    with reverts("session: wrong stage"):
        base.start()


LEGAL = [
    {},
    {"members": 2},
    {"members": 6, "rounds": 1, "bound": 1},
    {"rounds": 1, "bound": 127},
    {"bound": 2**31 // 3, "rounds": 1},
    {"rounds": 64, "min_rounds": 2, "reward_wei": 64 * 3},
    {"rule": 1, "rounds": 8, "krum_mu_bps": 2_500, "krum_m": 1},
    {"rule": 1, "rounds": 4, "krum_mu_bps": 2_500, "krum_m": 1, "krum_m_rule": 1},
    {"rule": 1, "rounds": 16, "krum_mu_bps": 0, "krum_m": 13},
    {"rule": 1, "rounds": 5, "krum_m_rule": 1, "encoding": 1},
    {"suite": 1, "assignment": 1, "chunk_words": 720},
    {"register_secs": 1, "commit_secs": 1, "upload_secs": 1, "aggregate_secs": 1, "select_secs": 365 * DAY},
    {"clip": 0x7F7FFFFF},
    {"clip": 1},
    {"reward_wei": 600, "bond_wei": 200},
    {"reward_wei": 600, "bond_wei": 600},
    {"reward_wei": 2**96, "rounds": 1},
]


@pytest.mark.parametrize("given", LEGAL, ids=str)
def test_what_can_work_is_frozen_and_locked(base: SessionDriver, given: dict[str, int]) -> None:
    params = make_params(**given)
    base.chain.set_balance(base.owner, 2**97)
    receipt = base.contract.start(params, sender=base.owner, value=params.reward_wei)
    event = receipt.only("Started")
    published = ref.publish_hash(base.published())
    assert Params(*event.params) == Params(*base.contract.params()) == params
    assert event.published_hash == base.published_hash() == published
    assert event.model_hash == base.model_hash() == ref.model_hash(params, published)
    assert event.register_deadline == base.deadline() == base.chain.time + params.register_secs
    assert (base.stage(), base.state()) == (Stage.REGISTER, 1)
    assert base.money() == (params.reward_wei, 0, params.reward_wei, 0)
    assert base.chain.balance(base.contract.address) == params.reward_wei


def test_the_model_hash_is_zero_before(base: SessionDriver) -> None:
    assert base.model_hash() == bytes(32)
    assert set(base.contract.params()) == {0}
