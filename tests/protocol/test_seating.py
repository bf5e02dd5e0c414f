"""Seats as plain data: who survives, who sits twice, which pool a registration is in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omnilytics.protocol.seating import Registration, Seating, full_groups, pool_of, survivors_of
from omnilytics.protocol.terms import Terms
from omnilytics.types import Address, Assignment, Pool, RecordConstants

A, B, C, D, E, F = (Address(f"0x{i:040x}") for i in range(1, 7))
TERMS = Terms(reward_wei=10**18, group_size=2, colluders=1, rounds=2, min_rounds=1, unsafe_small=True)
PARAMS = TERMS.params(10, 0.5)
TWICE = Seating(((A, B), (C, D), (B, D)), (E,), 2)


def test_the_newest_seat_counts() -> None:
    assert TWICE.seat_of(B) == (2, 0)
    assert TWICE.seat_of(A) == (0, 0)
    assert TWICE.seat_of(E) is None
    assert TWICE.seat_before(B) == (0, 1)
    assert TWICE.seat_before(A) is None
    assert TWICE.seat_before(E) is None
    assert [TWICE.drawn_again(g, p) for g in range(3) for p in range(2)] == [False, True, False, True, False, False]


def test_survivors_by_group_then_place() -> None:
    assert survivors_of(TWICE, {1: 0b11, 0: 0b10}) == [B, C, D]
    assert survivors_of(TWICE, {1: 0, 0: 0b01}) == [A]


@pytest.mark.parametrize(
    ("registration", "pool"),
    [
        (Registration(A, 2**15 - 1), Pool.CLEAR),
        (Registration(A, 2**15), Pool.SUSPECT),
        (Registration(A, 2**15, cohort=1 << 8), Pool.COHORT),
    ],
)
def test_pools(registration: Registration, pool: Pool) -> None:
    assert pool_of(PARAMS, registration) is pool


def test_without_a_draw_or_records_everybody_is_clear() -> None:
    greedy = replace(PARAMS, assignment=Assignment.GREEDY)
    without = replace(PARAMS, record_constants=0)
    strict = replace(PARAMS, record_constants=RecordConstants(threshold=1).pack())
    assert pool_of(greedy, Registration(A, 2**16)) is Pool.CLEAR
    assert pool_of(without, Registration(A, 2**16)) is Pool.CLEAR
    assert pool_of(strict, Registration(A, 1)) is Pool.SUSPECT


def test_full_groups_count_whole_cohorts_and_loose_members() -> None:
    half, whole = Registration(A, cohort=256), Registration(B, cohort=256, place=1)
    loose = [Registration(member) for member in (C, D, E)]
    assert full_groups(PARAMS, [half, *loose]) == 1
    assert full_groups(PARAMS, [half, whole, *loose]) == 2
    assert full_groups(PARAMS, [half, whole, *loose, Registration(F)]) == 2
    assert full_groups(PARAMS, []) == 0
