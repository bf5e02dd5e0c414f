"""Terms refuse what the contract would refuse, before any money moves, and fill in what follows from them."""

from __future__ import annotations

import random
import re
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from omnilytics.chain.abi import interface
from omnilytics.chain.contract import deploy
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import EncodingError, InputError, Reverted
from omnilytics.protocol.fees import default_table
from omnilytics.protocol.terms import MAX_TRANSACTION_BYTES, Terms, check_params, clip_bits, least_bond_wei
from omnilytics.types import (
    DropoutPolicy,
    Encoding,
    FeeTable,
    KrumPicks,
    Mode,
    RecordConstants,
    Rule,
    SessionParams,
    Suite,
    member_fees_wei,
    reserve_wei,
)

TERMS = Terms(reward_wei=10**18, rule=Rule.NORM)
KRUM = replace(TERMS, rule=Rule.KRUM)
WEIGHTS = replace(KRUM, encoding=Encoding.WEIGHTS)
RECOVER = replace(TERMS, policy=DropoutPolicy.RECOVER)
FREE = replace(TERMS, fee_cap_wei=0)
BLOBS = replace(FREE, mode=Mode.BLOB)
BLOBS_KRUM = replace(KRUM, mode=Mode.BLOB, fee_cap_wei=0)
PACKED = replace(BLOBS, packed=True)


def test_the_paper_size() -> None:
    params = TERMS.params(5_705, 0.25)
    assert (params.lane_bits, params.chunk_words) == (6, 136)
    assert params.bond_wei == -(-3 * 10**18 // 32) + member_fees_wei(params)
    assert params.clip_value == 0.25
    assert (params.threshold, params.colluders, params.min_rounds) == (4, 2, 3)


@pytest.mark.parametrize(("bound", "bits"), [(7, 6), (31, 8), (127, 10), (511, 12), (2**12, 16), (2**20, 32)])
def test_the_smallest_lane(bound: int, bits: int) -> None:
    assert replace(TERMS, bound=bound).params(100, 0.1).lane_bits == bits


def test_weights_set_their_own_bound() -> None:
    params = replace(TERMS, encoding=Encoding.WEIGHTS, rule=Rule.KRUM).params(5_705, 0.0)
    assert (params.lane_bits, params.bound, params.clip) == (32, (2**31 - 1) // 4, 0)


@pytest.mark.parametrize(
    ("members", "threshold", "colluders"), [(3, 3, 1), (4, 3, 1), (5, 4, 2), (6, 5, 3), (9, 7, 5), (16, 11, 9)]
)
def test_more_than_two_thirds_recover_a_group(members: int, threshold: int, colluders: int) -> None:
    params = replace(RECOVER, group_size=members, bound=1).params(100, 0.1)
    assert (params.threshold, params.colluders) == (threshold, colluders)
    assert (params.policy, params.suite, params.reveal_secs) == (DropoutPolicy.RECOVER, Suite.KECCAK, 7_200)


def test_threshold_and_colluders_follow_from_each_other() -> None:
    large = replace(RECOVER, group_size=10)
    assert replace(large, colluders=7).params(100, 0.1).threshold == 9
    assert replace(large, colluders=1).params(100, 0.1).threshold == 7
    assert replace(large, threshold=5).params(100, 0.1).colluders == 3
    assert TERMS.params(100, 0.1).reveal_secs == 0


@pytest.mark.parametrize("policy", list(DropoutPolicy))
@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.parametrize("parameters", [1, 5_705, 60_000])
@pytest.mark.parametrize("rounds", [8, 16])
def test_every_call_fits_one_transaction(policy: DropoutPolicy, rule: Rule, parameters: int, rounds: int) -> None:
    terms = replace(TERMS, policy=policy, rule=rule, rounds=rounds, group_size=16, bound=3)
    params = terms.params(parameters, 0.1)
    check_params(params, 16 * rounds, 0)
    groups = rounds if rule is Rule.KRUM else 0
    seeds = 72 if policy is DropoutPolicy.RECOVER else 0
    words = max(16 * params.chunk_words + seeds, groups * params.chunk_words + groups * (groups - 1) // 2)
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
        ({"fee_cap_wei": 0, "fee_table": default_table(TERMS.params(100, 0.1))}, "fee_table: expected none"),
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


def test_gas_is_paid_back_unless_told() -> None:
    params = TERMS.params(5_705, 0.25)
    assert params.fee_cap_wei == 2 * 10**9
    assert params.fees == default_table(params)
    assert params.records == RecordConstants(decay=50, weight=4, newcomer=2**14, threshold=2**15)


def test_without_fees_and_records() -> None:
    params = replace(TERMS, fee_cap_wei=0, records=None).params(5_705, 0.25)
    assert (params.fee_cap_wei, params.fee_table, params.record_constants) == (0, 0, 0)
    assert params.bond_wei == least_bond_wei(10**18, 8, 4)
    assert reserve_wei(params, 32) == 0


def test_a_table_of_one_s_own() -> None:
    table = replace(default_table(TERMS.params(40, 0.1)), register=6_553_500)
    assert replace(TERMS, fee_table=table).params(40, 0.1).fees == table


class Contract:
    """`SessionTerms` itself, asked as `start` asks it."""

    def __init__(self) -> None:
        self._chain = EmbeddedChain()
        sender = self._chain.create_account("deployer", 10**18)
        self._interface = interface("SessionTerms")
        self._address = deploy(self._chain, sender, "SessionTerms")

    def check(self, params: SessionParams, capacity: int, min_window_secs: int) -> None:
        """Asks with what fits the parameters otherwise: published words and value.

        Raises:
            Reverted: it refuses.
        """
        published = -(-params.parameter_count // 8)
        value = params.reward_wei + (reserve_wei(params, capacity) if 0 < params.fee_table < 2**216 else 0)
        setting = (min_window_secs, capacity, published, 1, value)
        data = self._interface.calldata("check", params.as_tuple(), setting)
        self._chain.call("start", self._address, data)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.mark.parametrize(
    ("terms", "parameters", "capacity"),
    [
        (TERMS, 5_705, 12),
        (TERMS, 1, 4_096),
        (TERMS, 2**20, 64),
        (KRUM, 60_000, 32),
        (WEIGHTS, 5_705, 32),
        (FREE, 40, 12),
        (replace(TERMS, records=None), 40, 12),
        (replace(TERMS, fee_cap_wei=2**40 - 1, min_rounds=1, rounds=1), 40, 4),
        (replace(TERMS, group_size=2, colluders=2, unsafe_small=True), 40, 6),
        (replace(TERMS, rounds=64, group_size=16, bound=1), 40, 4_096),
        (replace(KRUM, rounds=16, group_size=3, krum_m=13, krum_mu_bps=0), 40, 48),
        (replace(TERMS, reward_wei=2**96), 40, 32),
        (replace(TERMS, reward_wei=32), 40, 32),
        (replace(TERMS, register_secs=60, select_secs=31_536_000), 40, 32),
        (RECOVER, 5_705, 32),
        (replace(RECOVER, group_size=16, bound=1, rounds=64), 600_000, 4_096),
        (replace(RECOVER, group_size=16, bound=1, threshold=3, rule=Rule.KRUM, krum_mu_bps=0), 60_000, 128),
        (replace(RECOVER, group_size=2, threshold=2, colluders=2, unsafe_small=True), 40, 6),
        (replace(RECOVER, reveal_secs=60), 40, 32),
    ],
)
def test_what_start_takes(contract: Contract, terms: Terms, parameters: int, capacity: int) -> None:
    params = terms.params(parameters, 0.1)
    check_params(params, capacity, 60)
    contract.check(params, capacity, 60)


REFUSED: list[tuple[Terms, dict[str, int], str]] = [
    (TERMS, {"parameter_count": 0}, "parameter_count: expected 1 to 1048576, got 0"),
    (TERMS, {"parameter_count": 2**20 + 1}, "parameter_count: expected 1 to 1048576, got 1048577"),
    (TERMS, {"samples": 0}, "samples: expected 1 to 4294967295, got 0"),
    (TERMS, {"epochs": 2**32}, "epochs: expected 1 to 4294967295, got 4294967296"),
    (TERMS, {"batch_size": 0}, "batch_size: expected 1 to 4294967295, got 0"),
    (TERMS, {"rounds": 0}, "rounds: expected 1 to 64, got 0"),
    (TERMS, {"rounds": 65}, "rounds: expected 1 to 64, got 65"),
    (TERMS, {"min_rounds": 0}, "min_rounds: expected 1 to 8, got 0"),
    (TERMS, {"min_rounds": 9}, "min_rounds: expected 1 to 8, got 9"),
    (TERMS, {"members": 1}, "members: expected 2 to 16, got 1"),
    (TERMS, {"members": 17}, "members: expected 2 to 16, got 17"),
    (TERMS, {"threshold": 3}, "threshold: expected 4, got 3"),
    (TERMS, {"colluders": 0}, "colluders: expected 1 to 4, got 0"),
    (TERMS, {"colluders": 5, "unsafe_small": 1}, "colluders: expected 1 to 4, got 5"),
    (TERMS, {"colluders": 3}, "members: expected at least colluders + 2 = 5 unless unsafe_small, got 4"),
    (TERMS, {"unsafe_small": 2}, "unsafe_small: expected 0 to 1, got 2"),
    (TERMS, {"clip": 0}, "clip: expected 1 to 2139095039, got 0"),
    (TERMS, {"clip": 0x7F80_0000}, "clip: expected 1 to 2139095039, got 2139095040"),
    (TERMS, {"bound": 0}, "bound: expected 1 to 2147483647, got 0"),
    (TERMS, {"bound": 8}, "lane_bits: expected 8, got 6"),
    (TERMS, {"lane_bits": 8}, "lane_bits: expected 6, got 8"),
    (WEIGHTS, {"clip": 1}, "clip: expected 0, got 1"),
    (WEIGHTS, {"bound": 7}, "bound: expected 536870911, got 7"),
    (WEIGHTS, {"lane_bits": 16}, "lane_bits: expected 32, got 16"),
    (WEIGHTS, {"rule": Rule.NORM}, "rule: expected krum"),
    (TERMS, {"krum_m": 1}, "krum_m: expected 0, got 1"),
    (TERMS, {"krum_mu_bps": 1}, "krum_mu_bps: expected 0, got 1"),
    (KRUM, {"rounds": 17}, "rounds: expected 1 to 16, got 17"),
    (KRUM, {"krum_mu_bps": 5_001}, "krum_mu_bps: expected 0 to 5000, got 5001"),
    (KRUM, {"krum_m": 0}, "krum_m: expected 1 to 8, got 0"),
    (KRUM, {"krum_m": 9}, "krum_m: expected 1 to 8, got 9"),
    (KRUM, {"krum_m": 2, "krum_m_rule": KrumPicks.STRICT}, "krum_m: expected fewer than"),
    (KRUM, {"rounds": 3, "krum_mu_bps": 1}, "krum_mu: expected R - ceil"),
    (TERMS, {"chunk_words": 7}, "chunk_words: expected 8 to 720, got 7"),
    (TERMS, {"chunk_words": 721}, "chunk_words: expected 8 to 720, got 721"),
    (TERMS, {"parameter_count": 42 * 8 * 64 + 1, "chunk_words": 8}, "chunks: expected 1 to 64, got 65"),
    (replace(TERMS, group_size=16, bound=1), {"parameter_count": 42 * 255, "chunk_words": 255}, "bytes of words in an"),
    (replace(KRUM, rounds=16), {"parameter_count": 42 * 255, "chunk_words": 255}, "bytes of words and products in a"),
    (replace(KRUM, rounds=16), {"parameter_count": 42 * 254, "chunk_words": 253}, "bytes of words and products in a"),
    (TERMS, {"register_secs": 59}, "register_secs: expected 60 to 31536000, got 59"),
    (TERMS, {"commit_secs": 0}, "commit_secs: expected 60 to 31536000, got 0"),
    (TERMS, {"upload_secs": 31_536_001}, "upload_secs: expected 60 to 31536000, got 31536001"),
    (TERMS, {"aggregate_secs": 59}, "aggregate_secs: expected 60 to 31536000, got 59"),
    (TERMS, {"select_secs": 59}, "select_secs: expected 60 to 31536000, got 59"),
    (TERMS, {"reveal_secs": 1}, "reveal_secs: expected 0, got 1"),
    (RECOVER, {"reveal_secs": 59}, "reveal_secs: expected 60 to 31536000, got 59"),
    (RECOVER, {"reveal_secs": 31_536_001}, "reveal_secs: expected 60 to 31536000, got 31536001"),
    (RECOVER, {"suite": Suite.AES}, "suite: expected keccak with recover, got aes"),
    (RECOVER, {"threshold": 2}, "threshold: expected at least colluders + 2 = 3 unless unsafe_small, got 2"),
    (RECOVER, {"threshold": 1, "unsafe_small": 1}, "threshold: expected 2 to 4, got 1"),
    (RECOVER, {"threshold": 5}, "threshold: expected 2 to 4, got 5"),
    (RECOVER, {"colluders": 2}, "threshold: expected at least colluders + 2 = 4 unless unsafe_small, got 3"),
    (
        replace(RECOVER, group_size=16, bound=1),
        {"parameter_count": 42 * 250, "chunk_words": 250},
        "bytes of words and seeds in an unmask: expected 32 to 130048, got 130304",
    ),
    (TERMS, {"vote_secs": 1}, "vote_secs: expected 0, got 1"),
    (FREE, {"reward_wei": 31}, f"reward_wei: expected 32 to {2**96}, got 31"),
    (FREE, {"reward_wei": 2**96 + 1}, f"reward_wei: expected 32 to {2**96}, got {2**96 + 1}"),
    (FREE, {"bond_wei": 93_750_000_000_000_000 - 1}, "bond_wei: expected 93750000000000000 to 250000000000000000"),
    (FREE, {"bond_wei": 250_000_000_000_000_001}, "bond_wei: expected 93750000000000000 to 250000000000000000"),
    (TERMS, {"bond_wei": 93_750_000_000_000_000}, "bond_wei: expected"),
    (TERMS, {"fee_cap_wei": 2**40}, f"fee_cap_wei: expected 0 to {2**40 - 1}, got {2**40}"),
    (TERMS, {"fee_cap_wei": 0}, "fee_table: expected 0 with a fee cap of 0, got"),
    (TERMS, {"fee_table": 0}, "fee_table: expected a table with a fee cap of 2000000000, got 0"),
    (TERMS, {"fee_table": 2**216}, "fee table: expected"),
    (TERMS, {"record_constants": 2**58}, "record constants: expected"),
    (TERMS, {"record_constants": 1 << 16 | 1 << 41}, "record constants, weight: expected 2..255, got 1"),
    (TERMS, {"record_constants": 2 << 16}, "record constants, threshold: expected 1..65536, got 0"),
]
"""Terms whose parameters `start` takes, what is wrong with them then, and what is said of it."""


@pytest.mark.parametrize(("terms", "change", "message"), REFUSED, ids=[f"{list(c)[-1]}-{m}" for _, c, m in REFUSED])
def test_what_start_refuses(contract: Contract, terms: Terms, change: dict[str, Any], message: str) -> None:
    params = terms.params(40, 0.1)
    check_params(params, 128, 60)
    contract.check(params, 128, 60)
    changed = replace(params, **change)
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        check_params(changed, 128, 60)
    with pytest.raises(Reverted, match=r"start: .*: expected \d+, given \d+"):
        contract.check(changed, 128, 60)


@pytest.mark.parametrize(("capacity", "message"), [(0, "got 0"), (11, "got 11"), (4_097, "got 4097")])
def test_a_capacity_that_cannot_work(capacity: int, message: str) -> None:
    params = TERMS.params(40, 0.1)
    check_params(params, 12, 60)
    check_params(params, 4_096, 60)
    with pytest.raises(InputError, match=f"^capacity: expected 12 to 4096, {message}"):
        check_params(params, capacity, 60)


def test_a_reserve_that_is_too_large(contract: Contract) -> None:
    """2^40 wei a gas for half a million calls of 6.5 million gas."""
    most = FeeTable(
        register=6_553_500, commit=0, select=0, settle=0, move=0, upload=0, upload_word=0, aggregate=0,
        aggregate_word=0, gram=0, gram_word=0,
    )  # fmt: skip
    params = replace(TERMS, fee_table=most, fee_cap_wei=2**40 - 1).params(40, 0.1)
    check_params(params, 305, 60)
    contract.check(params, 305, 60)
    with pytest.raises(InputError, match=f"^reserve: expected 0 to {2**41 * 10**9}, got"):
        check_params(params, 306, 60)
    with pytest.raises(Reverted, match="start: reserve above"):
        contract.check(params, 306, 60)


@pytest.mark.parametrize(
    ("count", "lanes", "chunks", "last"),
    [(1, 1, 1, 1), (4_096, 1, 1, 1), (4_097, 2, 1, 2), (86_016, 21, 1, 21), (86_017, 22, 2, 1), (262_144, 64, 4, 1)],
)
def test_packed_values_share_elements(count: int, lanes: int, chunks: int, last: int) -> None:
    params = PACKED.params(count, 0.1)
    assert (params.lane_bits, params.lanes, params.chunks, params.words) == (12, lanes, chunks, chunks)
    assert (params.lanes_of(chunks - 1), params.proven, params.chunk_values) == (last, lanes, 86_016)
    plain = BLOBS.params(count, 0.1)
    assert (plain.lane_bits, plain.lanes, plain.chunks, plain.lanes_of(lanes - 1)) == (0, lanes, lanes, 1)
    assert (plain.proven, plain.chunk_values) == (lanes, 4_096)


@pytest.mark.parametrize(
    ("terms", "count", "message"),
    [
        (replace(PACKED, bound=512), 40, "^members times bound, packed: expected 1 to 2047, got 2048"),
        (replace(BLOBS_KRUM, packed=True, encoding=Encoding.WEIGHTS), 40, "^lane_bits: expected 0, got 12"),
    ],
)
def test_what_can_not_be_packed(contract: Contract, terms: Terms, count: int, message: str) -> None:
    params = terms.params(count, 0.1)
    with pytest.raises(InputError, match=message):
        check_params(params, 64, 60)
    with pytest.raises(Reverted, match="start: "):
        contract.check(params, 64, 60)


@pytest.mark.parametrize("rounds", [8, 64])
def test_the_longest_vectors_can_be_packed(contract: Contract, rounds: int) -> None:
    """Their proof comes in several calls."""
    params = replace(PACKED, rounds=rounds).params(2**20, 0.1)
    assert params.rounds * params.lanes == 256 * rounds
    check_params(params, 4 * rounds, 60)
    contract.check(params, 4 * rounds, 60)


def test_packing_is_for_blobs() -> None:
    with pytest.raises(InputError, match="packed: expected mode blob with it, got calldata"):
        replace(TERMS, packed=True).params(40, 0.1)


ENUMERATED = {"encoding", "suite", "assignment", "rule", "krum_m_rule", "policy", "mode"}


def test_the_contract_agrees_on_odd_parameters(contract: Contract) -> None:
    """One to three fields bent at random: both take them or both refuse them."""
    rng = random.Random(7)
    names = [f.name for f in fields(SessionParams) if f.name not in ENUMERATED]
    taken = 0
    for _ in range(600):
        terms = rng.choice([TERMS, KRUM, WEIGHTS, FREE, RECOVER, BLOBS, BLOBS_KRUM, PACKED])
        params = terms.params(rng.choice([1, 40, 5_705]), 0.1)
        for name in rng.sample(names, rng.randint(1, 3)):
            now = getattr(params, name)
            odd = rng.choice([0, 1, now + 1, now - 1, 2 * now, now // 2, now + rng.randint(-3, 3), 7, 32, 720])
            least = {"chunk_words": 1, "lane_bits": 6}.get(name, 0) if params.mode is Mode.CALLDATA else 0
            params = replace(params, **{name: max(least, odd if name != "lane_bits" else min(32, odd))})
        capacity, window = rng.choice([0, 11, 12, 64, 4_096]), rng.choice([0, 1, 3_600, 3_601])
        try:
            contract.check(params, capacity, window)
        except Reverted:
            with pytest.raises(InputError):
                check_params(params, capacity, window)
        else:
            check_params(params, capacity, window)
            taken += 1
    assert 50 < taken < 500
