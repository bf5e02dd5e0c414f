"""Whose turn it is: everybody once, in turns of 50 blocks, and nobody who never committed."""

from __future__ import annotations

from omnilytics.protocol.seating import NOBODY, Registration, Seating, ranks
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.turns import BLOCKS_A_TURN, of_group, of_registered, of_session
from omnilytics.types import Address

A, B, C, D, E, F = (Address(f"0x{i:040x}") for i in range(1, 7))
SEATS = Seating(((A, B), (C, D)), (E,), 2)
ALL = {(0, 0), (0, 1), (1, 0), (1, 1)}
PARAMS = Terms(reward_wei=10**18).params(10, 0.5)


def test_places_of_a_group_take_turns() -> None:
    blocks = range(0, 4 * BLOCKS_A_TURN, BLOCKS_A_TURN)
    assert [of_group(SEATS, ALL, 1, block) for block in blocks] == [C, D, C, D]
    assert of_group(SEATS, ALL, 1, BLOCKS_A_TURN - 1) == C
    assert of_group(SEATS, ALL, 1, BLOCKS_A_TURN) == D


def test_seats_of_all_groups_take_turns() -> None:
    blocks = range(7, 7 + 5 * BLOCKS_A_TURN, BLOCKS_A_TURN)
    assert [of_session(SEATS, ALL, block) for block in blocks] == [A, B, C, D, A]
    assert of_session(NOBODY, ALL, 0) is None


def test_who_never_committed_has_no_turn() -> None:
    assert of_group(SEATS, ALL - {(1, 0)}, 1, 0) is None
    assert of_group(SEATS, ALL - {(1, 0)}, 1, BLOCKS_A_TURN) == D
    assert of_session(SEATS, set(), 0) is None


def test_who_was_drawn_again_counts_by_its_newest_commitment() -> None:
    seats = Seating((*SEATS.groups, (B, A)), (), 2)
    assert of_session(seats, ALL, 0) == A
    again = ALL | {(2, 1)}
    assert of_session(seats, again, 0) is None
    assert of_session(seats, again, 5 * BLOCKS_A_TURN) == A
    assert of_session(seats, again, 4 * BLOCKS_A_TURN) is None
    assert of_session(seats, again, BLOCKS_A_TURN) == B


def test_ranks_of_all_pools_take_turns_before_the_draw() -> None:
    registered = [
        Registration(A),
        Registration(B, suspicion=2**15),
        Registration(C, cohort=256),
        Registration(D),
        Registration(E, suspicion=2**16),
        Registration(F, suspicion=2**15 - 1),
    ]
    found = ranks(PARAMS, registered)
    assert found == {A: 0, B: 0, C: 0, D: 1, E: 1, F: 2}
    turns = [of_registered(found, block) for block in range(0, 7 * BLOCKS_A_TURN, BLOCKS_A_TURN)]
    assert turns == [[A, B, C], [D, E], [F], [], [], [], [A, B, C]]
    assert of_registered({}, 0) == []
