"""The gas model of policy `recover` against receipts of whole sessions, and its limits against the dearest calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.chain.embedded import GAS_PRICE_WEI
from omnilytics.protocol.company import Dropouts, Step
from omnilytics.protocol.fees import quote
from omnilytics.protocol.member import Policy
from omnilytics.protocol.terms import Terms
from omnilytics.tables import GWEI_WEI
from omnilytics.types import DropoutPolicy, KrumPicks, Receipt, Rule
from tests.e2e.market import CLIP, Fair

WINDOW = 10**6
WINDOWS = ("register_secs", "commit_secs", "upload_secs", "reveal_secs", "aggregate_secs", "select_secs")
TERMS = replace(
    Terms(
        reward_wei=10**18,
        policy=DropoutPolicy.RECOVER,
        min_rounds=1,
        colluders=1,
        bound=1,
        unsafe_small=True,
        rule=Rule.NORM,
    ),
    **dict.fromkeys(WINDOWS, WINDOW),  # type: ignore[arg-type]
)
LENIENT = Policy(accept_near_repeats=True, accept_unsafe_small=True)
KRUM = {"rule": Rule.KRUM, "krum_m": 1, "krum_mu_bps": 0, "krum_m_rule": KrumPicks.PAPER}
PASSED_OVER = {"withdraw", "publish"}
"""Several of one account and none of another; here W^p is zeros, whose calldata costs less."""

CHANCE = {"share": (0.94, 1.15), "select": (0.90, 1.25)}
"""How far `share` walks through the permutations of a small draw, and how long Krum sorts."""


def receipts_of(terms: Terms, size: int, dropouts: Dropouts) -> tuple[Fair, list[Receipt]]:
    """A whole session, from its creation on."""
    fair = Fair(terms.rounds * terms.group_size, policy=LENIENT, size=size)
    receipts: list[Receipt] = []
    fair.world.chain.on_receipt.append(receipts.append)
    fair.run(terms, dropouts=dropouts)
    return fair, receipts


def everywhere(**steps: Step) -> Dropouts:
    """`p3=Step.UPLOAD`: place 3 of every group is gone before it uploads."""

    def among(seats):  # type: ignore[no-untyped-def]
        return {group[int(name[1:])]: step for group in seats.groups for name, step in steps.items()}

    return among


SHAPES = {
    "N=3, R=2, d=40": (replace(TERMS, group_size=3, rounds=2), 40),
    "N=4, R=8, d=5705": (replace(TERMS, group_size=4, rounds=8), 5_705),
    "N=6, R=3, d=5705, chunks": (replace(TERMS, group_size=6, rounds=3, chunk_words=48), 5_705),
    "N=16, R=2, d=5705": (replace(TERMS, group_size=16, rounds=2), 5_705),
    "N=4, R=4, d=1000, no records": (replace(TERMS, rounds=4, records=None), 1_000),
    "N=4, R=4, d=1000, no fees": (replace(TERMS, rounds=4, fee_cap_wei=0), 1_000),
    "N=4, R=8, d=1000, krum": (replace(TERMS, rounds=8, **KRUM), 1_000),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_model_is_just_above_the_receipts(name: str) -> None:
    terms, size = SHAPES[name]
    fair, receipts = receipts_of(terms, size, everywhere())
    made = quote(terms.params(size, CLIP), len(fair.members), GAS_PRICE_WEI)
    steps = [step for step in (*made.steps, *made.owner_steps) if step.call not in PASSED_OVER]
    found = Counter[str]()
    for receipt in receipts:
        if receipt.call not in PASSED_OVER:
            found[receipt.call] += receipt.gas_used
    ratios = {step.call: step.gas / found[step.call] for step in steps if step.call in found}
    ratios["all"] = sum(step.gas for step in steps) / found.total()
    rooms = {call: (1, 1.05) if call == "all" else CHANCE.get(call, (0.97, 1.1)) for call in ratios}
    assert {call: ratio for call, ratio in ratios.items() if not rooms[call][0] <= ratio <= rooms[call][1]} == {}
    assert set(ratios) >= {"register", "share", "upload", "reveal", "disclose", "unmask", "select", "settle"}


@pytest.mark.parametrize(
    ("terms", "size", "dropouts"),
    [
        (replace(TERMS, rounds=2), 5_705, everywhere(p0=Step.UPLOAD)),
        (replace(TERMS, rounds=2), 5_705, everywhere(p3=Step.REVEAL)),
        (replace(TERMS, rounds=2, group_size=9, threshold=5), 2_000, everywhere(p0=Step.SHARE, p4=Step.UPLOAD)),
        (replace(TERMS, rounds=1, group_size=16), 5_705, everywhere(**{f"p{3 * i}": Step.UPLOAD for i in range(5)})),
        (replace(TERMS, rounds=1, group_size=16), 40, everywhere(**{f"p{3 * i}": Step.REVEAL for i in range(5)})),
        (replace(TERMS, rounds=1, group_size=16, threshold=8), 9_000, everywhere(p1=Step.UPLOAD, p2=Step.UPLOAD)),
        (replace(TERMS, rounds=12), 40, everywhere(p0=Step.REVEAL)),
        (replace(TERMS, rounds=3), 40, everywhere(p0=Step.UPLOAD, p1=Step.REVEAL)),
    ],
)
def test_no_honest_call_is_paid_less_than_it_cost(terms: Terms, size: int, dropouts: Dropouts) -> None:
    _, receipts = receipts_of(terms, size, dropouts)
    paid = Counter[str]()
    for receipt in receipts:
        for log in receipt.logs:
            name, values = decode_log(log) or ("", {})
            if name == "FeeCredited":
                assert values["gas_metered"] <= receipt.gas_used
                assert values["amount_wei"] == values["gas_metered"] * GAS_PRICE_WEI // GWEI_WEI * GWEI_WEI, (
                    receipt.call
                )
                paid[receipt.call] += 1
    assert {"share", "upload", "reveal"} <= set(paid)
