"""What a data owner votes, and what the votes come to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnilytics import codec
from omnilytics.codec import Codec
from omnilytics.protocol.judging import Sums
from omnilytics.protocol.seating import NOBODY
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.voting import Ballot, Tally, Vote, flipped
from omnilytics.types import Address, Rule

D = 200
CODEC = Codec(Terms(reward_wei=10**18, rule=Rule.NORM_VOTE).params(D, 0.5))
SCOPE = 31_337, Address("0x" + "11" * 20), Address("0x" + "22" * 20)
SEED = bytes(range(32))


def words(number: int, sign: float = 1) -> bytes:
    """A step: half of it is what all learn."""
    common, own = (np.random.default_rng(seed).normal(scale=0.05, size=D) for seed in (0, number))
    return CODEC.encode_plain(np.float32(sign) * (common + own).astype(np.float32), np.zeros(D, np.float32), SEED).words


def ballot(group: int, sums: dict[int, list[bytes]]) -> Ballot:
    """Of member 1, who sits in that group."""
    counts = {number: len(steps) for number, steps in sums.items()}
    public = Sums.of(CODEC, {number: CODEC.sum(steps) for number, steps in sums.items()}, counts)
    return Ballot(words(1), group, public, NOBODY)


def honest(first: int) -> list[bytes]:
    return [words(number) for number in range(first, first + 4)]


def flipped_steps(first: int) -> list[bytes]:
    return [words(number, -1) for number in range(first, first + 4)]


def test_a_member_is_against_what_doesn_t_go_its_way() -> None:
    sums = {0: honest(10), 2: flipped_steps(20), 3: honest(1), 5: flipped_steps(30)}
    assert ballot(3, sums).honest() == {2, 5}


def test_its_own_part_is_no_reason_to_be_for_its_group() -> None:
    sums = {0: honest(10), 1: honest(20), 4: [words(1), words(2, -1)]}
    assert ballot(4, sums).honest() == {4}


def test_neither_ballot_nor_vote_shows_what_they_hold() -> None:
    vote = Vote.of({1}, [0, 1], SEED, SCOPE)
    shown = repr(ballot(0, {0: honest(1)})) + repr(vote)
    assert not any(secret in shown for secret in (words(1).hex(), repr(words(1)), vote.salt.hex(), "bits"))


def test_a_vote_has_its_groups_bits_and_its_commitment() -> None:
    vote = Vote.of({1, 6}, [0, 1, 4, 6], SEED, SCOPE)
    assert vote.bits == 0b1000010
    assert vote.commitment == codec.vote_commitment(*SCOPE, vote.bits, vote.salt)
    assert vote == Vote.of([6, 1, 9], [0, 1, 4, 6], SEED, SCOPE)


def test_another_vote_of_the_same_seed_has_another_salt() -> None:
    one, other = Vote.of({1}, [0, 1], SEED, SCOPE), Vote.of({0}, [0, 1], SEED, SCOPE)
    assert len({one.salt, other.salt, SEED}) == 3
    assert one.salt != Vote.of({1}, [0, 1], bytes(32), SCOPE).salt


def test_one_bit_in_eight_is_flipped() -> None:
    groups = range(64)
    changed = sum(len(flipped({3, 5}, groups, bytes([n]) * 32) ^ {3, 5}) for n in range(100))
    assert 0.11 < changed / 6_400 < 0.14
    assert flipped({3, 5}, groups, SEED) == flipped([5, 3], groups, SEED)


@pytest.mark.parametrize(
    ("cast", "against", "refused"), [(16, 9, True), (16, 8, False), (15, 15, False), (32, 17, True), (0, 0, False)]
)
def test_a_group_is_voted_out_by_more_than_half_of_the_votes_of_half_of_all(
    cast: int, against: int, refused: bool
) -> None:
    tally = Tally.of([2], 32, [0b100] * against + [0] * (cast - against))
    assert (tally.cast, tally.against) == (cast, {2: against})
    assert tally.refuses(2) is refused
    assert ("voted out" in tally.words(2)) is refused
    assert ("too few" in tally.words(2)) is (2 * cast < 32)


@given(ballots=st.lists(st.integers(0, 15), max_size=12), electors=st.integers(12, 16))
def test_the_rule_of_the_core_refuses_the_same(ballots: list[int], electors: int) -> None:
    tally = Tally.of(range(4), electors, ballots)
    verdict = CODEC.select_norm_vote([0] * 4, [4] * 4, list(tally.against.values()), tally.cast)
    expected = Tally.of(range(4), 16, ballots)
    assert verdict == [not expected.refuses(group) for group in range(4)]
