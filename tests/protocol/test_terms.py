"""Terms refuse what the contract would refuse, before any money moves, and fill in what follows from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omnilytics.errors import EncodingError, InputError
from omnilytics.protocol.terms import MAX_TRANSACTION_BYTES, Terms, clip_bits
from omnilytics.types import Encoding, KrumPicks, Rule

TERMS = Terms(reward_wei=10**18)


def test_the_paper_size() -> None:
    params = TERMS.params(5_705, 0.25)
    assert (params.lane_bits, params.chunk_words) == (6, 136)
    assert params.bond_wei == -(-3 * 10**18 // 32)
    assert params.clip_value == 0.25
    assert (params.threshold, params.colluders, params.min_rounds) == (4, 2, 3)


@pytest.mark.parametrize(("bound", "bits"), [(7, 6), (31, 8), (127, 10), (511, 12), (2**12, 16), (2**20, 32)])
def test_the_smallest_lane(bound: int, bits: int) -> None:
    assert replace(TERMS, bound=bound).params(100, 0.1).lane_bits == bits


def test_weights_set_their_own_bound() -> None:
    params = replace(TERMS, encoding=Encoding.WEIGHTS, rule=Rule.KRUM).params(5_705, 0.0)
    assert (params.lane_bits, params.bound, params.clip) == (32, (2**31 - 1) // 4, 0)


@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.parametrize("parameters", [1, 5_705, 60_000])
@pytest.mark.parametrize("rounds", [8, 16])
def test_every_call_fits_one_transaction(rule: Rule, parameters: int, rounds: int) -> None:
    terms = replace(TERMS, rule=rule, rounds=rounds, group_size=16, bound=3)
    params = terms.params(parameters, 0.1)
    groups = rounds if rule is Rule.KRUM else 0
    words = max(16, groups) * params.chunk_words + groups * (groups - 1) // 2
    assert 32 * words <= MAX_TRANSACTION_BYTES - 1_024
    assert params.chunk_words <= 720


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward_wei": 31}, "reward: expected at least 1 wei for each of 32 seats, got 31"),
        ({"encoding": Encoding.WEIGHTS}, "rule: expected krum"),
        ({"rule": Rule.KRUM, "rounds": 2}, "rounds: expected 3 to 16 with krum, got 2"),
        ({"rule": Rule.KRUM, "rounds": 17}, "rounds: expected 3 to 16 with krum, got 17"),
        ({"rule": Rule.KRUM, "krum_m": 0}, "krum_m: expected at least 1 pick, got 0"),
        ({"rule": Rule.KRUM, "krum_m": 2, "krum_m_rule": KrumPicks.STRICT}, "= 2 picks for 8 groups, got 2"),
        ({"rule": Rule.KRUM, "rounds": 4, "krum_mu_bps": 5_000}, "krum_mu: expected"),
    ],
)
def test_numbers_that_cannot_work(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(TERMS, **change).params(100, 0.1)  # type: ignore[arg-type]


def test_a_lane_that_cannot_hold_the_sum() -> None:
    with pytest.raises(EncodingError):
        replace(TERMS, bound=2**30).params(100, 0.1)


@pytest.mark.parametrize("clip", [0.0, -1.0, np.nan, np.inf, 1e-60])
def test_clips_that_cannot_work(clip: float) -> None:
    with pytest.raises(InputError, match="clip: expected a finite number above 0"):
        clip_bits(clip)
