"""The gas model of sessions in blobs against the receipts of real ones, and its limits against their dearest calls.

What ends a stage is in the model's `moves`, so a kind of call that often does is up to 5 % above the model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from omnilytics.bench.session import CLIP, Played, play
from omnilytics.blobs.blob import GAS_PER_BLOB
from omnilytics.chain.abi import interface
from omnilytics.chain.embedded import GAS_PRICE_WEI
from omnilytics.protocol import blob_proofs
from omnilytics.protocol.blob_gas import BlobGas
from omnilytics.protocol.fees import default_table, quote
from omnilytics.protocol.gas import MAX_CALL_BYTES
from omnilytics.protocol.terms import FEE_CAP_WEI, Terms
from omnilytics.types import Assignment, FeeTable, Mode, Rule, SessionParams, reserve_wei

TERMS = Terms(
    reward_wei=10**18, rounds=2, group_size=3, bound=127, mode=Mode.BLOB, rule=Rule.NORM, records=None,
    assignment=Assignment.GREEDY,
)  # fmt: skip

SHAPES = {
    "one blob": (40, TERMS),
    "no fees": (40, replace(TERMS, fee_cap_wei=0)),
    "seven blobs": (28_672, TERMS),
    "seven blobs, a proof in four calls": (28_672, TERMS),
    "krum": (4_097, replace(TERMS, rounds=4, rule=Rule.KRUM)),
    "packed": (40, replace(TERMS, packed=True)),
    "packed, no fees": (8_200, replace(TERMS, packed=True, fee_cap_wei=0)),
    "packed, two blobs": (90_200, replace(TERMS, packed=True)),
    "packed, a proof in four calls": (90_200, replace(TERMS, packed=True)),
    "packed, krum, a proof in two calls": (28_672, replace(TERMS, packed=True, rounds=4, rule=Rule.KRUM)),
    "packed, no fees, a proof in three calls": (28_672, replace(TERMS, packed=True, fee_cap_wei=0)),
    "packed, krum": (4_097, replace(TERMS, packed=True, rounds=4, rule=Rule.KRUM)),
    "packed, norm+vote": (28_672, replace(TERMS, packed=True, rounds=3, rule=Rule.NORM_VOTE)),
    "norm+vote, drawn": (40, replace(TERMS, rounds=3, rule=Rule.NORM_VOTE, assignment=Assignment.SHUFFLED)),
}
SMALL_CALLS = {
    "seven blobs, a proof in four calls": 1_500,
    "packed, a proof in four calls": 6_500,
    "packed, krum, a proof in two calls": 6_600,
    "packed, no fees, a proof in three calls": 4_100,
}
"""Bytes that a call may have in these."""

LAST_CALLS = ("select_proven", "finish_proof", "select_packed", "finish_packed")
ROOMS = {
    "commit": (0.94, 1.15),
    "post": (0.95, 1.05),
    "continue_proof": (0.98, 1.15),
    "finish_proof": (0.9, 1.25),
    "select_proven": (0.9, 1.25),
    "select_packed": (0.98, 1.25),
    "continue_packed": (0.98, 1.15),
    "finish_packed": (0.9, 1.25),
    "open_vote": (1, 1.2),
}
OTHERS = (0.99, 1.1)


@pytest.mark.parametrize("name", SHAPES)
def test_the_model_is_just_above_the_receipts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters, terms = SHAPES[name]
    monkeypatch.setattr(blob_proofs, "MAX_CALL_BYTES", SMALL_CALLS.get(name, MAX_CALL_BYTES))
    played, params = play(terms, parameters), terms.params(parameters, CLIP)
    made = quote(params, terms.rounds * terms.group_size, GAS_PRICE_WEI)
    expected = {step.call: step for step in (*made.steps, *made.owner_steps) if step.call != "withdraw"}
    found, counts = Counter[str](), Counter[str]()
    for sent in played.sent:
        if sent.call != "withdraw":
            found[sent.call] += sent.gas
            counts[sent.call] += 1
    assert {s.call: s.calls for s in expected.values() if s.call != "move"} | {"draw": 1} == {"draw": 1} | dict(counts)
    assert 0.98 <= sum(step.gas for step in expected.values()) / found.total() <= 1.05
    ratios = {call: expected[call].gas / found[call] for call in found if call != "draw"}
    rooms = {call: ROOMS.get(call, OTHERS) for call in ratios}
    assert {call: r for call, r in ratios.items() if not rooms[call][0] <= r <= rooms[call][1]} == {}
    if terms.fee_cap_wei:
        check_limits(played, params)


def test_a_limit_that_is_too_low_binds() -> None:
    parameters, terms = SHAPES["one blob"]
    fees = default_table(terms.params(parameters, CLIP))
    low = replace(terms, fee_table=replace(fees, aggregate=30_000))
    with pytest.raises(AssertionError, match="add_sums"):
        check_limits(play(low, parameters), low.params(parameters, CLIP))


def test_the_reserve_pays_every_call_up_to_its_limit() -> None:
    for parameters, terms in SHAPES.values():
        params = terms.params(parameters, CLIP)
        seats = terms.rounds * terms.group_size
        steps = quote(params, seats, GAS_PRICE_WEI).steps
        assert sum(step.limit_gas for step in steps) * params.fee_cap_wei == reserve_wei(params, seats)


def test_a_table_for_every_shape_that_can_be() -> None:
    """Limits have 16 bits in hundreds, and 16 a word; large sessions stay within them."""
    for terms in (replace(TERMS, rounds=16, group_size=3, rule=Rule.KRUM, krum_m=6), replace(TERMS, rounds=64)):
        for parameters in (1, 4_096 * 6, 4_096 * 7, 4_096 * 169):
            table = default_table(terms.params(parameters, CLIP))
            assert (table.select, terms.fee_cap_wei) == (0, FEE_CAP_WEI)
    for rounds in (8, 64):
        table = default_table(replace(TERMS, packed=True, rounds=rounds).params(2**20, CLIP))
        assert 19_400 < table.gram_word < 2**16


def test_posts_of_one_upload() -> None:
    model = BlobGas(TERMS.params(13 * 4_096, CLIP))
    first, middle, last = model.posts()
    assert first.usual > middle.usual > last.usual > model.post(1).usual


def check_limits(played: Played, params: SessionParams) -> None:
    """No receipt is above its limit, and each paid call was paid all that was metered."""
    fees = params.fees
    assert fees is not None
    blocks = {sent.block: sent for sent in played.sent}
    session = next(sent.to for sent in played.sent if sent.call == "start")
    assert session is not None
    paid = Counter[str]()
    for block, log in played.chain.logs(session):
        name, values = interface("SecModelUpdate").decode_log(log) or ("", {})
        if name == "FeeCredited":
            sent = blocks[block]
            assert sent.gas <= limit_of(sent.call, sent.blob_gas // GAS_PER_BLOB, params, fees), sent.call
            assert values["amount_wei"] == values["gas_metered"] * GAS_PRICE_WEI, sent.call
            paid[sent.call] += 1
    assert paid["post"] == sum(sent.call == "post" for sent in played.sent)
    assert (paid["add_sums"], sum(paid[call] for call in LAST_CALLS)) == (1, 1)
    assert paid["continue_proof"] == paid["continue_packed"] == 0


def limit_of(call: str, blobs: int, params: SessionParams, fees: FeeTable) -> int:
    sums, proven = params.rounds * params.chunks, params.rounds * params.lanes
    limits = {
        "post": fees.upload + fees.upload_word * blobs,
        "add_sums": fees.aggregate + fees.aggregate_word * params.members * sums,
        **dict.fromkeys(LAST_CALLS, fees.gram + fees.gram_word * proven),
        "vote": fees.commit,
        "open_vote": fees.commit,
        "draw": fees.move,
    }
    return int(limits.get(call) or getattr(fees, call))
