"""start(params): what can't work is refused, each with a reason of its own; what can is frozen and locked."""

from __future__ import annotations

import pytest

from tests.contracts.harness import DAY, Accounts, Chain, Params, SessionDriver, Stage, economy, make_params, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.economy import FeeTable, fee_table, record_constants
from tests.contracts.harness.fixtures import Factory, deploy_market, factory
from tests.contracts.harness.params import fees_of

MAX = 2**256 - 1
Q31 = 2**31 - 1
Q32 = Q31 // 3
YEAR = 365 * DAY
WINDOWS = ("register_secs", "commit_secs", "upload_secs", "aggregate_secs", "select_secs")
KRUM = {"rule": 1, "rounds": 8}
VOTE = {"rule": 2}
WIDE = {"members": 16, "bound": 1}
WEIGHTS = {"encoding": 1, "rule": 1}
FEES = {"fee_cap_wei": 10**9, "fee_table": fee_table()}

BLOBS = {"mode": 1}
PACKED = BLOBS | {"lane_bits": 12}
TEN_DAYS = 10 * DAY

Case = tuple[dict[str, int], int, int]
"""Parameters, and the two numbers of the refusal: expected, given."""


RECOVER = {"policy": 1, "members": 4}
KRUM_OF_ONE = {"rule": 1, "rounds": 1, "krum_m_rule": 1}


def out_of(least: int, most: int, field: str, *values: int, **others: int) -> list[Case]:
    """One field with values outside of its range: the border that it missed is expected."""
    return [({field: v} | others, least if v < least else most, v) for v in values]


def told(parameters: list[dict[str, int]], expected: int, given: int) -> list[Case]:
    """Parameters that are refused with the same two numbers."""
    return [(p, expected, given) for p in parameters]


REFUSED: dict[str, list[Case]] = {
    "start: parameter_count out of 1..2^20": out_of(1, 2**20, "parameter_count", 0, 2**20 + 1, MAX),
    "start: samples out of 1..2^32-1": out_of(1, 2**32 - 1, "samples", 0, 2**32, MAX),
    "start: epochs out of 1..2^32-1": out_of(1, 2**32 - 1, "epochs", 0, 2**32, MAX),
    "start: batch_size out of 1..2^32-1": out_of(1, 2**32 - 1, "batch_size", 0, 2**32, MAX),
    "start: rounds out of 1..64": out_of(1, 64, "rounds", 65, 256),
    "start: min_rounds out of 1..rounds": out_of(1, 2, "min_rounds", 0, 3, MAX),
    "start: members out of 2..16": out_of(2, 16, "members", 1, 17, bound=1),
    "start: unknown policy": out_of(0, 1, "policy", 2, MAX),
    "start: threshold other than members": [({"threshold": v}, 3, v) for v in (0, 2, 4)],
    "start: threshold out of 2..members": [
        *out_of(2, 4, "threshold", 0, 1, 5, MAX, **RECOVER),
        *out_of(2, 4, "threshold", 0, 1, 5, **RECOVER, unsafe_small=1),
    ],
    "start: unknown mode": out_of(0, 1, "mode", 2, 3, 4, MAX),
    "start: blobs with another suite than keccak": out_of(1, 1, "suite", 0, **BLOBS),
    "start: lane_bits with weights in blobs": [(BLOBS | WEIGHTS | {"lane_bits": v}, 0, v) for v in (12, 32)],
    "start: lane_bits other than 0 or 12 with blobs": [(BLOBS | {"lane_bits": v}, 12, v) for v in (6, 13, 32, MAX)],
    "start: members * bound above 2047 with packing": [
        (PACKED | {"bound": 683}, 2_047, 3 * 683),
        (PACKED | {"members": 2, "bound": 1_024}, 2_047, 2_048),
    ],
    "start: chunk_words with blobs": out_of(0, 0, "chunk_words", 1, 8, MAX, **BLOBS),
    "start: reveal_secs out of MIN_WINDOW..ten days": out_of(1, TEN_DAYS, "reveal_secs", 0, TEN_DAYS + 1, MAX, **BLOBS),
    "start: windows from the upload on above ten days with blobs": [
        (BLOBS | {"upload_secs": 6 * DAY + 1}, TEN_DAYS, TEN_DAYS + 1),
        (BLOBS | {"reveal_secs": 4 * DAY}, TEN_DAYS, TEN_DAYS + DAY),
        (BLOBS | VOTE | {"vote_secs": 3 * DAY}, TEN_DAYS, TEN_DAYS + DAY),
        (BLOBS | {"select_secs": 365 * DAY}, TEN_DAYS, 369 * DAY),
    ],
    "start: commitments of a group above 128 KiB": [
        (BLOBS | WIDE | {"parameter_count": 63 * 4_096 + 1, "rounds": 1}, 130_048, 64 * 16 * 128),
    ],
    "start: unsafe_small out of 0..1": out_of(0, 1, "unsafe_small", 2, MAX),
    "start: colluders out of 1..members": [
        *out_of(1, 3, "colluders", 0),
        *out_of(1, 3, "colluders", 4, unsafe_small=1),
    ],
    "start: threshold below colluders + 2": [
        ({"colluders": 2, "unsafe_small": 0}, 4, 3),
        ({"members": 2, "unsafe_small": 0}, 3, 2),
        (WIDE | {"colluders": 15, "unsafe_small": 0}, 17, 16),
        (RECOVER | {"threshold": 2, "unsafe_small": 0}, 3, 2),
        (RECOVER | {"threshold": 3, "colluders": 2, "unsafe_small": 0}, 4, 3),
        (RECOVER | {"threshold": 4, "colluders": 3, "unsafe_small": 0}, 5, 4),
    ],
    "start: unknown assignment": out_of(0, 1, "assignment", 2, MAX),
    "start: unknown encoding": out_of(0, 1, "encoding", 2, MAX),
    "start: unknown suite": out_of(0, 1, "suite", 2, MAX),
    "start: recover with another suite than keccak": out_of(1, 1, "suite", 0, **RECOVER),
    "start: bound out of 1..2^31-1": out_of(1, Q31, "bound", 0, 2**31, MAX, lane_bits=32),
    "start: clip isn't a positive finite float32": out_of(
        1, 0x7F7FFFFF, "clip", 0, 0x7F800000, 0x7FC00000, 0x80000001, 0xBF800000, 2**32 + 1, MAX
    ),
    "start: members * bound doesn't fit 32 bits": [({"bound": Q32 + 1, "lane_bits": 32}, Q31, 3 * (Q32 + 1))],
    "start: lane_bits isn't the smallest that holds members * bound": [
        *[({"lane_bits": v}, 6, v) for v in (8, 7, 0, 32)],
        ({"bound": 10, "lane_bits": 8}, 6, 8),
        ({"bound": 11, "lane_bits": 6}, 8, 6),
    ],
    "start: clip with weights": [(WEIGHTS | {"clip": 1}, 0, 1)],
    "start: bound other than floor((2^31-1) / members)": [(WEIGHTS | {"bound": v}, Q32, v) for v in (Q32 - 1, Q32 + 1)],
    "start: lane_bits other than 32 with weights": [(WEIGHTS | {"lane_bits": 16}, 32, 16)],
    "start: unknown rule": out_of(0, 2, "rule", 3, MAX, krum_mu_bps=0, krum_m=0),
    "start: unknown krum_m_rule": out_of(0, 1, "krum_m_rule", 2, MAX),
    "start: norm with weights": [({"encoding": 1}, 0, 1), (VOTE | {"encoding": 1}, 0, 1)],
    "start: krum's numbers with norm": told(
        [{"krum_mu_bps": 1}, {"krum_m": 1}, *(VOTE | {name: 1} for name in ("krum_mu_bps", "krum_m", "krum_m_rule"))],
        0,
        1,
    ),
    "start: krum with more than 16 rounds": out_of(1, 16, "rounds", 17, 64, rule=1),
    "start: krum_mu_bps out of 0..5000": out_of(0, 5_000, "krum_mu_bps", 5_001, MAX, **KRUM),
    "start: krum_m out of 1..rounds": out_of(1, 8, "krum_m", 0, 9, MAX, **KRUM),
    "start: krum has no legal m": [
        (KRUM_OF_ONE, 1, 0),
        ({"rule": 1, "rounds": 2}, 1, 0),
        ({"rule": 1, "rounds": 6, "krum_mu_bps": 2_500}, 1, 0),
        (KRUM | {"krum_mu_bps": 2_500, "krum_m": 2}, 2, 0),
        ({"rule": 1, "rounds": 16, "krum_mu_bps": 5_000}, 1, 0),
        ({"rule": 1, "rounds": 4, "krum_mu_bps": 5_000, "krum_m_rule": 1}, 1, 0),
        ({"rule": 1, "rounds": 3, "krum_mu_bps": 2_500, "krum_m_rule": 1}, 1, 0),
    ],
    "start: window below MIN_WINDOW": told([{name: 0} for name in WINDOWS], 1, 0),
    "start: window above one year": [({name: v}, YEAR, v) for name in WINDOWS for v in (YEAR + 1, MAX)],
    "start: reveal_secs with abort": out_of(0, 0, "reveal_secs", 1, MAX),
    "start: reveal_secs out of MIN_WINDOW..one year": out_of(4, YEAR, "reveal_secs", 0, 3, YEAR + 1, MAX, **RECOVER),
    "start: vote_secs without norm+vote": out_of(0, 0, "vote_secs", 1, MAX),
    "start: vote_secs out of MIN_WINDOW..one year": out_of(2, YEAR, "vote_secs", 0, 1, YEAR + 1, MAX, **VOTE),
    "start: reward below one wei a seat": out_of(6, MAX, "reward_wei", 0, 5, bond_wei=5),
    "start: reward above 2^96": out_of(6, 2**96, "reward_wei", 2**96 + 1, 2**128),
    "start: bond below (members - 1) * reward / seats + fees": [
        ({"reward_wei": 600, "bond_wei": 199}, 200, 199),
        ({"reward_wei": 601, "bond_wei": 200}, 201, 200),
        ({"bond_wei": 0}, make_params().bond_wei, 0),
        (FEES | {"bond_wei": make_params().bond_wei}, make_params(**FEES).bond_wei, make_params().bond_wei),
    ],
    "start: bond above 2 * reward / rounds + fees": [
        ({"reward_wei": 600, "bond_wei": 601}, 600, 601),
        ({"bond_wei": MAX}, make_params().reward_wei, MAX),
        (
            FEES | {"reward_wei": 600, "bond_wei": 601 + fees_of(make_params(**FEES))},
            *[600 + fees_of(make_params(**FEES)) + i for i in (0, 1)],
        ),
    ],
    "start: fee_cap_wei above 2^40-1": out_of(0, 2**40 - 1, "fee_cap_wei", 2**40, MAX, fee_table=1, bond_wei=1),
    "start: fee_cap_wei without fee_table": [({"fee_cap_wei": 1}, 1, 0)],
    "start: fee_table without fee_cap_wei": [({"fee_table": v}, 0, v) for v in (1, fee_table())],
    "start: fee_table above 216 bits": out_of(0, 2**216 - 1, "fee_table", 2**216, MAX, fee_cap_wei=1),
    "start: record_constants above 58 bits": out_of(0, 2**58 - 1, "record_constants", 2**58, MAX),
    "start: weight below 2": [({"record_constants": record_constants(weight=v)}, 2, v) for v in (0, 1)],
    "start: newcomer above 2^16": [({"record_constants": record_constants(newcomer=2**16 + 1)}, 2**16, 2**16 + 1)],
    "start: threshold out of 1..2^16": [
        ({"record_constants": record_constants(threshold=v)}, e, v) for e, v in ((1, 0), (2**16, 2**16 + 1))
    ],
    "start: chunk_words out of 8..720": out_of(8, 720, "chunk_words", 0, 7, 721, MAX),
    "start: more than 64 chunks": [({"parameter_count": 42 * 8 * 64 + 1}, 8 * 64, 8 * 64 + 1)],
    "start: aggregate above 128 KiB": [
        (WIDE | {"chunk_words": 255, "parameter_count": 42 * 255}, 130_048, 16 * 255 * 32),
        (RECOVER | WIDE | {"chunk_words": 250, "parameter_count": 42 * 250}, 130_048, (16 * 250 + 72) * 32),
    ],
    "start: gram above 128 KiB": [
        (
            {"rule": 1, "rounds": 16, "krum_mu_bps": 0, "chunk_words": 247, "parameter_count": 42 * 248},
            130_048,
            (16 * 247 + 120) * 32,
        ),
        (
            {"rule": 1, "rounds": 16, "krum_mu_bps": 0, "chunk_words": 255, "parameter_count": 42 * 255},
            130_048,
            16 * 255 * 32,
        ),
    ],
    "start: published words other than ceil(d / 8)": [({"parameter_count": v}, -(-v // 8), 5) for v in (1, 32, 41, 48)],
    "start: published lanes beyond d": [({"parameter_count": 39}, 7, 8)],
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
    ("reason", "case"), [(reason, case) for reason, cases in REFUSED.items() for case in cases], ids=str
)
def test_what_cant_work_is_refused_with_the_two_numbers(base: SessionDriver, reason: str, case: Case) -> None:
    params, expected, given = case
    wei = base.chain.balance(base.owner)
    with reverts(f"{reason}: expected {expected}, given {given}"):
        start(base, make_params(**params))
    assert base.stage() == Stage.SETUP
    assert base.chain.balance(base.owner) == wei


@pytest.mark.parametrize("given", [{}, FEES], ids=["no fees", "fees"])
@pytest.mark.parametrize("off", [-1, 1])
def test_the_value_is_reward_and_reserve(base: SessionDriver, given: dict[str, int], off: int) -> None:
    params = make_params(**given)
    wei = params.reward_wei + (economy.reserve(params, 6) if given else 0)
    for value in (0, wei + off):
        with reverts(f"start: value other than reward + reserve: expected {wei}, given {value}"):
            base.contract.start(params, sender=base.owner, value=value)


def test_the_reserve_is_no_part_of_the_reward(base: SessionDriver) -> None:
    """Who sends the reward alone has paid nothing for fees."""
    params = make_params(**FEES)
    with reverts("start: value other than reward + reserve"):
        base.contract.start(params, sender=base.owner, value=params.reward_wei)


@pytest.mark.parametrize(
    ("cap", "limits", "above"),
    [(2**39, {"register": 10_000}, 0), (186_310_924_729, {"register": 29_507, "select": 1_753, "upload_word": 23}, 1)],
)
def test_the_reserve_has_a_bound(new_session: Factory, cap: int, limits: dict[str, int], above: int) -> None:
    """2^41 gwei: every account's fees fit 42 bits of gwei."""
    table = FeeTable(**dict.fromkeys(FeeTable._fields, 0) | limits).packed()
    shape = {"rounds": 1, "fee_cap_wei": cap, "fee_table": table, "reward_wei": 2**60, "bond_wei": 2**61}
    session = new_session(rooted=True, capacity=4_000, **shape)
    reserve = economy.reserve(session.params, 4_000)
    assert reserve == economy.MAX_RESERVE_WEI + above
    session.whitelist()
    session.publish()
    session.chain.set_balance(session.owner, 2**97)
    if above:
        with reverts(f"start: reserve above 2^41 gwei: expected {economy.MAX_RESERVE_WEI}, given {reserve}"):
            session.start()
    else:
        assert session.start().only("Started").reserve_wei == reserve == session.reserve()


def test_rounds_of_zero(base: SessionDriver) -> None:
    with reverts("start: rounds out of 1..64"):
        start(base, base.params._replace(rounds=0))


def test_nobody_may_register(new_session: Factory) -> None:
    session = new_session()
    session.publish()
    with reverts("start: the capacity is zero: expected 1, given 0"):
        session.start()


@pytest.mark.parametrize("rooted", [False, True])
def test_a_capacity_below_the_least_groups(new_session: Factory, rooted: bool) -> None:
    session = new_session(5, rooted=rooted, min_rounds=2)
    session.whitelist()
    session.publish()
    with reverts("start: capacity below min_rounds * members: expected 6, given 5"):
        session.start()
    if rooted:
        session.contract.set_whitelist_root(b"\1" * 32, 6, sender=session.owner)
        session.start()
        return
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
    FEES,
    FEES | KRUM | {"parameter_count": 40, "krum_mu_bps": 2_500, "krum_m": 1},
    {"fee_cap_wei": 2**40 - 1, "fee_table": 1},
    {"fee_cap_wei": 1, "fee_table": 2**216 - 1},
    FEES | {"reward_wei": 600, "bond_wei": 600 + fees_of(make_params(**FEES))},
    {"record_constants": record_constants()},
    {"record_constants": record_constants(decay=0, weight=2, newcomer=0, threshold=1)},
    {"record_constants": record_constants(decay=2**16 - 1, weight=255, newcomer=2**16, threshold=2**16)},
    FEES | {"record_constants": record_constants(), "assignment": 1},
    RECOVER,
    RECOVER | {"threshold": 4},
    RECOVER | {"threshold": 4, "colluders": 2, "assignment": 1},
    RECOVER | {"threshold": 2, "unsafe_small": 1},
    RECOVER | {"threshold": 2, "colluders": 4, "unsafe_small": 1},
    RECOVER | {"members": 2},
    RECOVER | {"reveal_secs": 4},
    RECOVER | {"reveal_secs": YEAR},
    BLOBS,
    BLOBS | WEIGHTS | {"rounds": 5, "krum_m_rule": 1},
    BLOBS | VOTE | {"vote_secs": 2 * DAY + DAY // 2},
    BLOBS | {"upload_secs": 6 * DAY, "register_secs": YEAR, "commit_secs": YEAR},
    BLOBS | {"reveal_secs": 1, "bound": 2**31 // 3},
    BLOBS | FEES,
    PACKED,
    PACKED | {"members": 2, "bound": 1_023},
    PACKED | FEES | {"rule": 1, "rounds": 8, "krum_mu_bps": 2_500, "krum_m": 1},
    BLOBS | FEES | {"rule": 1, "rounds": 8, "krum_mu_bps": 2_500, "krum_m": 1, "record_constants": record_constants()},
    RECOVER | FEES | {"record_constants": record_constants()},
    RECOVER | FEES | {"rule": 1, "rounds": 8, "krum_mu_bps": 2_500, "krum_m": 1, "encoding": 1, "record_constants": 0},
]


@pytest.mark.parametrize("given", LEGAL, ids=str)
def test_what_can_work_is_frozen_and_locked(base: SessionDriver, given: dict[str, int]) -> None:
    params = make_params(**given)
    reserve = economy.reserve(params, 6) if params.fee_table else 0
    locked = params.reward_wei + reserve
    base.chain.set_balance(base.owner, 2**97)
    receipt = base.contract.start(params, sender=base.owner, value=locked)
    event = receipt.only("Started")
    published = ref.publish_hash(base.published())
    assert Params(*event.params) == Params(*base.contract.params()) == params
    assert event.published_hash == base.published_hash() == published
    assert event.model_hash == base.model_hash() == ref.model_hash(params, published)
    assert event.register_deadline == base.deadline() == base.chain.time + params.register_secs
    assert (base.stage(), base.state()) == (Stage.REGISTER, 1)
    assert base.money() == (locked, 0, locked, 0)
    assert base.reserve() == event.reserve_wei == reserve
    assert base.chain.balance(base.contract.address) == locked


@pytest.mark.parametrize(
    "shape",
    [
        {"members": 16, "rounds": 1, "bound": 1},
        {"members": 2, "rounds": 16, "rule": 1, "krum_mu_bps": 0, "krum_m": 13},
        {"members": 16, "rounds": 1, "bound": 1, "policy": 1, "chunk_words": 249},
    ],
    ids=["aggregate", "gram", "unmask"],
)
def test_the_largest_call_that_fits(new_session: Factory, shape: dict[str, int]) -> None:
    """Sixteen chunks of 254 words are 130,048 bytes, to the byte what there is room for; with 72 seeds, of 249."""
    words = shape.get("chunk_words", 254)
    session = new_session(**{"parameter_count": words * 42, "chunk_words": words} | shape)
    session.whitelist()
    session.publish()
    session.start()
    assert session.stage() == Stage.REGISTER
    assert session.word_count == words


def test_the_market_s_least_window_is_that_of_revealing_too(chain: Chain, accounts: Accounts) -> None:
    make = factory(chain, deploy_market(accounts, 600), accounts)
    windows = dict.fromkeys(WINDOWS, 600)
    session = make(policy=1, reveal_secs=599, **windows)
    session.whitelist()
    session.publish()
    with reverts("start: reveal_secs out of MIN_WINDOW..one year: expected 600, given 599"):
        session.start()
    session.contract.start(
        session.params._replace(reveal_secs=600), sender=session.owner, value=session.params.reward_wei
    )


def test_and_of_accusing(chain: Chain, accounts: Accounts) -> None:
    make = factory(chain, deploy_market(accounts, 600), accounts)
    session = make(mode=1, reveal_secs=599, **dict.fromkeys(WINDOWS, 600))
    session.whitelist()
    session.publish()
    with reverts("start: reveal_secs out of MIN_WINDOW..ten days: expected 600, given 599"):
        session.start()


def test_the_model_hash_is_zero_before(base: SessionDriver) -> None:
    assert base.model_hash() == bytes(32)
    assert set(base.contract.params()) == {0}
