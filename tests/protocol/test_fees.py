"""Fee tables and quotes add up; how near the model is to receipts stands in tests/gas/test_fee_model.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.errors import InputError
from omnilytics.protocol.fees import default_table, quote
from omnilytics.protocol.gas import Gas, GasModel
from omnilytics.protocol.recovery_gas import RecoveryGas, gas_model
from omnilytics.protocol.terms import Terms, check_params
from omnilytics.types import (
    Assignment,
    DropoutPolicy,
    Encoding,
    FeeTable,
    KrumPicks,
    Rule,
    SessionParams,
    member_fees_wei,
    reserve_wei,
)

GWEI = 10**9
TERMS = Terms(reward_wei=10**18, rule=Rule.NORM)
PARAMS = TERMS.params(5_705, 0.1)
KRUM = replace(TERMS, rule=Rule.KRUM, krum_m=2).params(5_705, 0.1)
RECOVER = replace(TERMS, policy=DropoutPolicy.RECOVER).params(5_705, 0.1)
SHAPES = [
    replace(TERMS, policy=policy, rounds=rounds, group_size=members, bound=1, rule=rule, krum_mu_bps=0).params(
        count, 0.1
    )
    for policy in DropoutPolicy
    for rounds in (3, 8, 16)
    for members in (3, 4, 16)
    for rule in Rule
    for count in (1, 40, 5_705, 60_000)
]


@pytest.mark.parametrize("params", SHAPES)
def test_a_default_table_is_above_the_model_for_every_chunk(params: SessionParams) -> None:
    table, model = default_table(params), gas_model(params)
    for words in {1, params.words % params.chunk_words or 1, min(params.words, params.chunk_words)}:
        assert table.upload + table.upload_word * words >= 1.2 * model.upload(words).usual
        for gone in range(params.members - params.threshold + 1):
            limit = table.aggregate + table.aggregate_word * (params.members - gone) * words
            sums = model.unmask(words, gone) if isinstance(model, RecoveryGas) else model.aggregate(words)
            assert limit >= 1.2 * sums.usual
        if params.rule is Rule.KRUM:
            assert table.gram + table.gram_word * params.rounds * words >= 1.2 * model.gram(words).usual
    assert (table.gram == table.gram_word == 0) == (params.rule is not Rule.KRUM)
    assert table.register >= 1.25 * model.register().usual
    assert table.settle >= 1.25 * model.settle().usual
    assert table.move >= 1.25 * max(model.moves())
    if not isinstance(model, RecoveryGas):
        assert table.commit >= model.commit().limit
        return
    for gone in range(params.members - params.threshold + 1):
        for call in (
            model.share(),
            model.rebuild(),
            model.reveal(gone),
            model.reveal_shares(gone),
            model.disclose(gone),
        ):
            assert table.commit >= 1.25 * (call.usual + call.first)


@pytest.mark.parametrize("params", SHAPES)
def test_a_default_table_fits_a_session(params: SessionParams) -> None:
    check_params(params, 4_096, 0)
    assert FeeTable.unpack(default_table(params).pack()) == default_table(params)


def test_the_largest_session_that_start_takes() -> None:
    params = replace(TERMS, rounds=64, group_size=16, bound=1).params(42 * 254 * 64, 0.1)
    check_params(params, 4_096, 0)
    assert params.chunks == 64
    assert default_table(params).move < 1_000_000


def test_a_session_that_no_table_has_room_for() -> None:
    with pytest.raises(InputError, match=r"^fee table, move: expected 0\.\.6553500 gas, got"):
        default_table(replace(PARAMS, rounds=1_000))


def test_cap_and_bond_of_the_parameters_do_not_matter_to_the_table() -> None:
    bare = replace(PARAMS, fee_cap_wei=0, fee_table=0, bond_wei=0)
    assert default_table(bare) == default_table(PARAMS) == PARAMS.fees


def test_a_limit_has_a_quarter_and_what_is_rare() -> None:
    assert Gas(100_000, 20_000, 1_001).limit == 151_100
    assert Gas(80_000).limit == 100_000


def test_the_model_grows_with_what_it_depends_on() -> None:
    model = GasModel(PARAMS)
    assert model.upload(20).usual < model.upload(21).usual
    assert model.aggregate(700).usual < model.aggregate(701).usual
    assert GasModel(KRUM).gram(10).usual < GasModel(KRUM).gram(11).usual
    assert GasModel(PARAMS, proof=1).register().usual > model.register().usual
    assert GasModel(PARAMS, paid=False).upload(20).usual < model.upload(20).usual
    assert GasModel(replace(PARAMS, record_constants=0)).settle().usual < model.settle().usual
    assert GasModel(replace(PARAMS, assignment=Assignment.GREEDY)).commit().usual < model.commit().usual


def test_the_floor_of_calldata_binds_where_it_is_above_the_execution() -> None:
    assert GasModel(PARAMS).upload(720).usual >= 21_000 + 1_280 * 720
    assert GasModel(PARAMS, paid=False).upload(720).usual >= 21_000 + 1_280 * 720


def test_a_quote_adds_up() -> None:
    made = quote(PARAMS, 64, GWEI)
    assert made.deposit_wei == made.reward_wei + made.reserve_wei
    assert made.reserve_wei == reserve_wei(PARAMS, 64) == made.worst_fees_wei
    assert made.fees_wei == GWEI * sum(step.gas for step in made.steps) < made.reserve_wei / 2
    assert made.returned_wei == made.reserve_wei - made.fees_wei
    assert made.worst_returned_wei == 0
    assert made.member_fees_wei < member_fees_wei(PARAMS)
    assert made.member_reward_wei == 10**18 // 32
    assert all(step.gas <= step.limit_gas for step in made.steps)
    assert {step.call for step in made.steps} == {
        "register", "commit", "upload", "aggregate", "select", "settle", "move",
    }  # fmt: skip


def test_a_quote_of_recover_adds_up() -> None:
    made = quote(RECOVER, 64, GWEI)
    assert made.reserve_wei == reserve_wei(RECOVER, 64) == made.worst_fees_wei
    assert made.member_fees_wei < member_fees_wei(RECOVER)
    assert all(step.gas <= step.limit_gas for step in made.steps)
    calls = {step.call: step.calls for step in made.steps}
    assert calls == {
        "register": 64, "share": 32, "upload": 32, "reveal": 32, "reveal_shares": 0, "rebuild": 0, "disclose": 8,
        "unmask": 8, "select": 1, "settle": 8, "move": len(gas_model(RECOVER).moves()),
    }  # fmt: skip
    assert [step.call for step in made.member_steps] == ["register", "share", "upload", "reveal"]
    assert made.member_reward_wei == 10**18 // 32


def test_the_more_are_gone_the_more_a_word_costs() -> None:
    params = replace(TERMS, policy=DropoutPolicy.RECOVER, group_size=16, bound=1).params(5_705, 0.1)
    model = RecoveryGas(params)
    assert model.unmask(100, 5).usual > 11 / 16 * model.unmask(100).usual
    assert model.reveal(1).usual < model.reveal(2).usual
    assert model.disclose(2).usual != model.disclose(1).usual
    stricter = default_table(replace(params, threshold=16))
    assert default_table(params).aggregate_word > stricter.aggregate_word


def test_a_price_above_the_cap_is_paid_back_up_to_the_cap() -> None:
    low, high = quote(PARAMS, 32, 2 * GWEI), quote(PARAMS, 32, 3 * GWEI)
    assert high.fees_wei == low.fees_wei
    assert high.member_gas_wei * 2 == low.member_gas_wei * 3


def test_without_fees_nothing_is_paid_back() -> None:
    made = quote(replace(TERMS, fee_cap_wei=0).params(5_705, 0.1), 32, GWEI)
    assert made.reserve_wei == made.fees_wei == made.worst_fees_wei == made.member_fees_wei == 0
    assert made.member_gas_wei > 0


def test_krum_pays_those_that_it_picks() -> None:
    made = quote(KRUM, 32, GWEI)
    assert made.member_reward_wei == 10**18 // 8
    assert [step.calls for step in made.steps if step.call == "gram"] == [1]
    settled = {step.call: step.gas for step in made.steps}["settle"]
    assert settled < {step.call: step.gas for step in quote(PARAMS, 32, GWEI).steps}["settle"]


def test_krum_on_so_few_groups_that_it_is_undefined_pays_all() -> None:
    strict = replace(TERMS, rule=Rule.KRUM, krum_m=1, krum_m_rule=KrumPicks.STRICT, krum_mu_bps=1_000, rounds=4)
    assert quote(strict.params(40, 0.1), 16, GWEI).member_reward_wei == 10**18 // 4
    assert quote(strict.params(40, 0.1), 16, GWEI, registered=12).member_reward_wei == 10**18 // 16


def test_several_chunks() -> None:
    params = replace(TERMS, encoding=Encoding.WEIGHTS, rule=Rule.KRUM).params(5_705, 0.0)
    steps = {step.call: step for step in quote(params, 32, GWEI).steps}
    assert params.chunks == 2
    assert (steps["upload"].calls, steps["aggregate"].calls, steps["gram"].calls) == (64, 16, 2)


@pytest.mark.parametrize(("registered", "groups"), [(0, 0), (11, 0), (12, 3), (15, 3), (31, 7), (64, 8)])
def test_as_many_groups_as_come(registered: int, groups: int) -> None:
    made = quote(PARAMS, 64, GWEI, registered=registered)
    assert made.groups == groups
    assert {step.call: step.calls for step in made.steps}["settle"] == groups
    assert made.steps[0].calls == registered
    assert made.reserve_wei == reserve_wei(PARAMS, 64)


def test_the_owner_s_own_calls() -> None:
    listed = {step.call: step for step in quote(PARAMS, 600, GWEI).owner_steps}
    assert (listed["whitelist"].calls, listed["publish"].calls) == (3, 1)
    rooted = {step.call: step for step in quote(PARAMS, 600, GWEI, leaves=10**6).owner_steps}
    assert "whitelist" not in rooted
    assert rooted["set_whitelist_root"].gas < listed["whitelist"].gas


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"capacity": 0}, "capacity: expected at least 1, got 0"),
        ({"gas_price_wei": -1}, "gas_price_wei: expected at least 0, got -1"),
        ({"registered": 33}, "registered: expected 0 to the capacity of 32, got 33"),
        ({"registered": -1}, "registered: expected 0 to the capacity of 32, got -1"),
        ({"leaves": 0}, "leaves: expected at least 1, got 0"),
    ],
)
def test_numbers_that_cannot_work(given: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        quote(PARAMS, **({"capacity": 32, "gas_price_wei": GWEI} | given))
