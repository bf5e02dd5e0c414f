"""The largest session: 256 data owners in 64 groups, and what happens when every one of them falls apart once."""

from __future__ import annotations

from dataclasses import replace

from omnilytics.chain.embedded import TX_GAS_CAP
from omnilytics.protocol.terms import MAX_TRANSACTION_BYTES, Terms
from omnilytics.types import Assignment, Rule
from tests.e2e.market import Fair
from tests.e2e.test_second_round import Absent

PAPER_SIZE = 5_705
TERMS = Terms(reward_wei=10**18, rounds=64, group_size=4, min_rounds=3, rule=Rule.NORM)
ENVELOPE_BYTES = 134
"""Upper bound of a signed transaction around its calldata."""


def check_limits(fair: Fair) -> None:
    """Every transaction fits what nodes take: 2^24 gas (EIP-7825) and 128 KiB."""
    transactions = fair.world.chain.transactions()
    assert max(t.gas for t in transactions) <= TX_GAS_CAP
    assert max(len(t.calldata) for t in transactions if t.to) + ENVELOPE_BYTES <= MAX_TRANSACTION_BYTES


def test_256_data_owners_in_64_groups() -> None:
    fair = Fair(256, size=PAPER_SIZE)
    outcome = fair.run(TERMS)
    assert outcome.accepted == tuple(range(64))
    assert outcome.paid_wei == 256 * (TERMS.reward_wei // 256)
    check_limits(fair)
    assert fair.verify().checks["uploads equal to their commitment"] == 256


def test_all_64_groups_fall_apart_and_the_others_are_drawn_again() -> None:
    """One of each group is missing: 192 are left, and make 48 new groups, ids 64 to 111."""
    missing = range(0, 256, 4)
    fair = Fair(256, size=PAPER_SIZE, behaviours=dict.fromkeys(missing, Absent()))
    outcome = fair.run(replace(TERMS, assignment=Assignment.GREEDY))
    assert outcome.failed == tuple(range(64))
    assert outcome.accepted == tuple(range(64, 112))
    check_limits(fair)
    fair.verify()
