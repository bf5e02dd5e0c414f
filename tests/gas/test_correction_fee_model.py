"""The gas model of sessions in blobs with policy `recover`, as `test_blob_fee_model` has it of those with `abort`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from omnilytics.bench.session import CLIP, play
from omnilytics.blobs.blob import GAS_PER_BLOB
from omnilytics.chain.abi import interface
from omnilytics.chain.embedded import GAS_PRICE_WEI
from omnilytics.protocol.company import Step
from omnilytics.protocol.fees import default_table, quote
from omnilytics.protocol.terms import Terms
from omnilytics.types import Assignment, DropoutPolicy, Mode, Rule, reserve_wei
from tests.e2e.test_recover import gone

TERMS = Terms(
    reward_wei=10**18, rounds=2, group_size=4, bound=127, mode=Mode.BLOB, policy=DropoutPolicy.RECOVER, rule=Rule.NORM,
    records=None, assignment=Assignment.GREEDY, colluders=1,
)  # fmt: skip

SHAPES = {
    "one blob": (40, TERMS),
    "no fees": (40, replace(TERMS, fee_cap_wei=0)),
    "seven blobs": (28_672, replace(TERMS, rounds=1)),
    "norm+vote, drawn": (40, replace(TERMS, rounds=3, rule=Rule.NORM_VOTE, assignment=Assignment.SHUFFLED)),
}
LIMITED = ("share", "post", "reveal", "rebuild", "disclose", "correct", "add_sums", "select_proven", "vote", "settle")
ROOM = (0.94, 1.15)


@pytest.mark.parametrize("name", SHAPES)
def test_the_model_is_near_the_receipts(name: str) -> None:
    """Each kind of call, changes of stage and what chance decides included; all together within 3 %."""
    parameters, terms = SHAPES[name]
    played, params = play(terms, parameters), terms.params(parameters, CLIP)
    made = quote(params, terms.rounds * terms.group_size, GAS_PRICE_WEI)
    expected = {step.call: step for step in (*made.steps, *made.owner_steps) if step.calls and step.call != "withdraw"}
    found, counts = Counter[str](), Counter[str]()
    for sent in played.sent:
        if sent.call != "withdraw":
            found[sent.call] += sent.gas
            counts[sent.call] += 1
    others = {"draw", "advance", "move"}
    assert {s.call: s.calls for s in expected.values() if s.call not in others} == {
        call: calls for call, calls in counts.items() if call not in others
    }
    assert 0.97 <= sum(step.gas for step in expected.values()) / found.total() <= 1.06
    ratios = {call: expected[call].gas / found[call] for call in found if call not in others}
    assert {call: ratio for call, ratio in ratios.items() if not ROOM[0] <= ratio <= ROOM[1]} == {}


def test_no_call_is_above_its_limit() -> None:
    """With somebody gone; who completes a correction is paid all that was metered."""
    parameters, terms = SHAPES["one blob"]
    params, dropouts = terms.params(parameters, CLIP), gone(m1=Step.UPLOAD)
    played, fees = play(terms, parameters, dropouts=dropouts), default_table(params)
    sums = params.rounds * params.chunks
    paid = Counter[str]()
    blocks = {sent.block: sent for sent in played.sent}
    session = next(sent.to for sent in played.sent if sent.call == "start")
    assert session is not None
    for sent in played.sent:
        blobs = sent.blob_gas // GAS_PER_BLOB
        words = {
            "post": fees.upload + fees.upload_word * blobs,
            "correct": fees.upload + fees.upload_word * blobs,
            "add_sums": fees.aggregate + fees.aggregate_word * params.members * sums,
            "select_proven": fees.gram + fees.gram_word * sums,
            "settle": fees.settle,
        }
        if sent.call in LIMITED:
            assert sent.gas <= words.get(sent.call, fees.commit) + fees.move, sent.call
    for block, log in played.chain.logs(session):
        event, values = interface("SecModelUpdate").decode_log(log) or ("", {})
        if event == "FeeCredited":
            assert values["amount_wei"] == values["gas_metered"] * GAS_PRICE_WEI, blocks[block].call
            paid[blocks[block].call] += 1
    assert paid["correct"] == params.rounds


def test_the_reserve_pays_every_call_up_to_its_limit() -> None:
    for parameters, terms in SHAPES.values():
        params = terms.params(parameters, CLIP)
        seats = terms.rounds * terms.group_size
        steps = quote(params, seats, GAS_PRICE_WEI).steps
        assert sum(step.limit_gas for step in steps) * params.fee_cap_wei == reserve_wei(params, seats)
