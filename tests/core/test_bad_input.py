"""What can't work is refused with what was expected and what was given; secrets stay secret."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from omnilytics import codec
from omnilytics.codec import Codec, Delta, MaskKey, PairSeeds, encode_words, mask_words
from omnilytics.errors import EncodingError, InputError
from omnilytics.types import Address, KrumPicks, Rule, Suite

from .support import SENDER, SESSION, float_bits, group, krum, params, weights_params

ZEROS = np.zeros(100, np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameter_count": 0}, "parameter_count: expected 1 to 1048576, got 0"),
        ({"parameter_count": 2**20 + 1, "chunk_words": 720}, "parameter_count: expected 1 to 1048576, got 1048577"),
        ({"parameter_count": 42 * 8 * 64 + 1}, "chunks: expected 1 to 64, got 65"),
        ({"members": 1}, "members: expected 2 to 16, got 1"),
        ({"members": 17, "lane_bits": 8}, "members: expected 2 to 16, got 17"),
        ({"bound": 0, "lane_bits": 6}, "bound: expected 1 to 2147483647, got 0"),
        ({"bound": 8, "lane_bits": 6}, "lane_bits: expected 8, the smallest that holds 4 summands of up to 8, got 6"),
        ({"lane_bits": 8}, "lane_bits: expected 6, the smallest that holds 4 summands of up to 7, got 8"),
        ({"lane_bits": 7}, "lane_bits: expected one of 6, 8, 10, 12, 16, 32, got 7"),
        ({"bound": 2**29, "lane_bits": 32}, "no lane holds 4 summands of up to 536870912"),
        ({"chunk_words": 7}, "chunk_words: expected 8 to 720, got 7"),
        ({"chunk_words": 721}, "chunk_words: expected 8 to 720, got 721"),
        ({"encoding": 2}, "encoding: expected 0 to 1, got 2"),
        ({"suite": 2}, "suite: expected 0 to 1, got 2"),
        ({"rule": 3}, "rule: expected 0 to 2, got 3"),
        ({"rule": 2, "krum_m": 1}, "krum_m with rule norm: expected 0 to 0, got 1"),
        ({"krum_m": 1}, "krum_m with rule norm: expected 0 to 0, got 1"),
        (krum(mu_bps=5001), "krum_mu_bps: expected 0 to 5000, got 5001"),
        (krum(m=0), "krum_m: expected 1 to 18446744073709551615, got 0"),
        ({"clip": 0}, "clip: expected a finite number above 0 with `delta`, got 0"),
        ({"clip": float_bits(-1.0)}, "clip: expected a finite number above 0 with `delta`, got -1"),
        ({"clip": float_bits(np.inf)}, "clip: expected a finite number above 0 with `delta`, got inf"),
        ({"clip": float_bits(np.nan)}, "clip: expected a finite number above 0 with `delta`, got NaN"),
    ],
)
def test_parameters_that_cannot_work(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EncodingError, match=re.escape(message)):
        Codec(params(**changes))


def test_parameters_of_the_paper_that_cannot_work() -> None:
    paper = weights_params()
    Codec(paper)
    with pytest.raises(EncodingError, match=r"clip: expected 0 with `weights`, got 0\.5"):
        Codec(replace(paper, clip=float_bits(0.5)))
    with pytest.raises(EncodingError, match="bound: expected 536870911 with `weights` and 4 members, got 7"):
        Codec(replace(paper, bound=7))
    with pytest.raises(EncodingError, match="lane_bits: expected 32, the smallest"):
        Codec(replace(paper, lane_bits=16))
    with pytest.raises(EncodingError, match=re.escape("rule: expected 1 (krum) with encoding 1 (weights)")):
        Codec(replace(paper, rule=Rule.NORM, krum_mu_bps=0, krum_m=0))
    with pytest.raises(InputError, match="members: expected a non-negative integer of 64 bits, got -4"):
        Codec(replace(paper, members=-4))


def test_lanes_that_cannot_hold_the_sum() -> None:
    assert codec.smallest_lane_bits(4, 7) == 6
    assert codec.smallest_lane_bits(4, 8) == 8
    assert codec.smallest_lane_bits(4, 2**29 - 1) == 32
    with pytest.raises(EncodingError, match=re.escape("expected 4*536870912 < 2^31")):
        codec.smallest_lane_bits(4, 2**29)
    with pytest.raises(EncodingError, match="members: expected 2 to 16, got 0"):
        codec.weights_bound(0)
    assert codec.weights_bound(4) == 536870911


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(99, np.float32), r"weights: expected a contiguous float32 array of shape \(100,\), got .*\(99,\)"),
        (np.zeros((10, 10), np.float32), r"got a contiguous float32 array of shape \(10, 10\)"),
        (np.zeros(100, np.float64), "got a contiguous float64 array"),
        (np.zeros(100, ">f4"), "got a contiguous >f4 array"),
        (np.zeros(200, np.float32)[::2], "got a strided float32 array"),
        ([0.0] * 100, "got list"),
        (None, "got NoneType"),
    ],
)
def test_vectors_of_the_wrong_kind(weights: Any, message: str) -> None:
    coder = Codec(params())
    with pytest.raises(EncodingError, match=message):
        coder.encode_plain(weights, ZEROS)
    with pytest.raises(EncodingError, match=message.replace("weights:", "published:")):
        coder.encode_plain(ZEROS, weights)


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("make", [params, weights_params])
def test_values_that_are_not_finite(make: Callable[[], Any], value: float, shown: str) -> None:
    coder = Codec(make())
    broken = ZEROS.copy()
    broken[[17, 60]] = value
    with pytest.raises(EncodingError, match=f"weights: expected finite values, got {shown} at parameter 17"):
        coder.encode_plain(broken, ZEROS)
    with pytest.raises(EncodingError, match=r"published weights: expected finite values, got .* at parameter 17"):
        codec.float_words(broken)


def test_published_values_and_differences_that_are_not_finite() -> None:
    coder = Codec(params())
    broken = ZEROS.copy()
    broken[3] = np.inf
    with pytest.raises(EncodingError, match="published weights: expected finite values, got inf at parameter 3"):
        coder.encode_plain(ZEROS, broken)
    high, low = np.full(100, 3e38, np.float32), np.full(100, -3e38, np.float32)
    with pytest.raises(EncodingError, match=r"differences to the published weights: .* got inf at parameter 0"):
        coder.encode_plain(high, low)


def test_words_of_the_wrong_length() -> None:
    coder = Codec(params())
    keys, contexts = group(4)
    calls: list[Callable[[bytes], object]] = [
        coder.decode,
        coder.squared_norm,
        coder.split,
        lambda words: coder.sum([words]),
        lambda words: coder.products([words, words]),
        lambda words: coder.decode_sum(words, 4),
        lambda words: coder.mean_update([words], 4),
        lambda words: coder.mask(words, keys[0], contexts[0]),
    ]
    for call in calls:
        call(bytes(96))
        for length in (0, 64, 95, 97, 128):
            with pytest.raises(EncodingError, match=f"bytes of words: expected 96, got {length}"):
                call(bytes(length))


@pytest.mark.parametrize("count", [0, 5, -1, 2**70])
def test_counts_that_no_group_has(count: int) -> None:
    coder = Codec(params())
    for call in (
        lambda: coder.decode_sum(bytes(96), count),
        lambda: coder.mean_update([bytes(96)], count),
        lambda: coder.norm_limit(count),
        lambda: coder.select_norm([0], [count]),
    ):
        with pytest.raises(InputError, match="expected"):
            call()
    with pytest.raises(InputError, match="aggregates: expected 1 to 64, got 0"):
        coder.mean_update([], 4)
    with pytest.raises(InputError, match="counts: expected 2, got 1"):
        coder.mean_update([bytes(96)] * 2, [4])


def test_groups_that_cannot_work() -> None:
    coder = Codec(params())
    keys, contexts = group(4)
    context, peers = contexts[1], contexts[1].peers
    cases = [
        (replace(context, peers=peers[:3]), "mask keys of the group: expected 4, got 3"),
        (replace(context, place=4), "place: expected 0 to 3, got 4"),
        (replace(context, place=-1), "place: expected a non-negative integer of 64 bits, got -1"),
        (replace(context, place=0), "mask key of place 0: expected the member's own key 0x"),
        (
            replace(context, peers=(peers[0], (peers[1][0], 1 - peers[1][1]), *peers[2:])),
            "expected the member's own key",
        ),
        (replace(context, peers=(*peers[:3], peers[0])), "expected 4 different keys, got the same at places 0 and 3"),
        (replace(context, peers=((2**256, 0), *peers[1:])), r"x: expected an integer from 0 to 2^256 - 1, got"),
        (replace(context, peers=((peers[0][0], 2), *peers[1:])), "parity: expected 0 or 1, got 2"),
        (replace(context, model_hash=bytes(31)), "model_hash: expected 32 bytes, got 31 bytes"),
        (replace(context, session=Address("0x12")), "session: expected 0x and 40 hexadecimal digits, got 0x12"),
        (replace(context, session=Address("0x" + "g" * 40)), "session: expected 0x and 40 hexadecimal digits"),
        (replace(context, chain_id=2**64), "chain_id: expected a non-negative integer of 64 bits, got"),
    ]
    for broken, message in cases:
        with pytest.raises(InputError, match=re.escape(message)):
            coder.mask(bytes(96), keys[1], broken)
        with pytest.raises(InputError, match=re.escape(message)):
            coder.encode(ZEROS, ZEROS, keys[1], broken)


def test_seeds_and_hashes_of_the_wrong_length() -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: MaskKey.from_seed(bytes(31)), "seed: expected 32 bytes, got 31 bytes"),
        (
            lambda: Codec(params()).encode_plain(ZEROS, ZEROS, bytes(16)),
            "rounding_seed: expected 32 bytes, got 16 bytes",
        ),
        (lambda: codec.model_hash(params(), bytes(20)), "published_hash: expected 32 bytes, got 20 bytes"),
        (
            lambda: codec.model_hash(params(reward_wei=2**256), bytes(32)),
            "expected integers from 0 to 2^256 - 1, got 1157",
        ),
        (lambda: codec.commitment_root([]), "chunk hashes: expected 1 to 64, got 0"),
        (lambda: codec.commitment_root([bytes(32)] * 65), "chunk hashes: expected 1 to 64, got 65"),
        (lambda: codec.commitment_root([bytes(3)]), "chunk hash: expected 32 bytes, got 3 bytes"),
        (lambda: codec.permutation(bytes(32), 0, 0), "count: expected 1 to 4611686018427387904, got 0"),
        (lambda: codec.permutation(bytes(32), 4, 4), "index: expected 0 to 3, got 4"),
        (lambda: codec.draw_seed(bytes(32), SENDER[:-1]), "session: expected 0x and 40 hexadecimal digits"),
        (lambda: codec.from_float_words(bytes(32), 9), "bytes of published words: expected 64, got 32"),
        (lambda: codec.from_float_words(b"\x01" * 32, 7), "unused lanes of the last word: expected 0, got 0x1010101"),
        (lambda: codec.from_float_words(b"\x7f\x80" * 16, 8), "published weights: expected finite values, got NaN"),
    ]
    for call, message in calls:
        with pytest.raises(InputError, match=re.escape(message)):
            call()


def test_selections_that_cannot_be_made() -> None:
    by_norm, by_krum = Codec(params()), Codec(params(**krum(picks=KrumPicks.PAPER)))
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: by_norm.select_krum([1] * 8, [0] * 28), "rule: expected 1 (krum), got 0 (norm)"),
        (lambda: by_norm.krum_scores([1] * 8, [0] * 28), "rule: expected 1 (krum), got 0 (norm)"),
        (lambda: by_norm.select_norm([1, 2], [4]), "counts: expected 2, got 1"),
        (lambda: by_norm.select_norm([-1], [4]), "norms: expected a non-negative integer of 128 bits, got -1"),
        (lambda: by_krum.select_krum([1] * 8, [0] * 27), "inner products: expected 28, got 27"),
        (lambda: by_krum.select_krum([1] * 17, [0] * 136), "groups with rule krum: expected 0 to 16, got 17"),
        (lambda: by_krum.select_krum([-1, 1], [0]), "squared norms >= 0, got -1"),
        (lambda: by_krum.select_krum([2**101, 1], [0]), "expected entries of at most 2^100"),
        (lambda: by_krum.select_krum([2**128, 1], [0]), "norms: expected a signed integer of 128 bits"),
        (lambda: by_krum.select_krum([1, 1], [0], [4]), "counts: expected 2, got 1"),
        (lambda: by_krum.select_krum([1, 1], [0], [4, 5]), "count: expected 1 to 4, got 5"),
        (lambda: by_krum.select_krum([2**82 + 1, 1], [0], [4, 4]), "expected entries of at most 2^82"),
        (lambda: by_krum.krum_scores([1] * 17, [0] * 136, [4] * 17), "groups with rule krum: expected 0 to 16, got 17"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=re.escape(message)):
            call()


def test_a_key_shows_its_address_and_nothing_else() -> None:
    seed = bytes(range(32))
    key = MaskKey.from_seed(seed)
    assert repr(key) == str(key) == f"MaskKey({key.address})"
    assert not hasattr(key, "__dict__")
    for give_away in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a MaskKey can't be copied or pickled"):
            give_away(key)
        with pytest.raises(TypeError, match=r"pickle|copy"):
            give_away(key._secret)
    with pytest.raises(TypeError, match=r"expected MaskKey\.generate"):
        MaskKey()
    assert {name for name in dir(key._secret) if not name.startswith("_")} == {
        "address",
        "from_seed",
        "generate",
        "parity",
        "blob_seeds",
        "sign",
        "x",
    }
    assert key.sign(1, SESSION, SENDER) != key.sign(2, SESSION, SENDER)


@pytest.mark.parametrize(
    "words",
    [
        np.zeros((2, 31), np.uint8),
        np.zeros(64, np.uint8),
        np.zeros((4, 32), np.uint8)[::2],
        np.zeros((2, 32), np.int8),
        np.frombuffer(bytes(64), np.uint8).reshape(2, 32),
        bytes(64),
    ],
    ids=["narrow", "flat", "strided", "signed", "read-only", "bytes"],
)
def test_words_that_cannot_be_masked_in_place(words: Any) -> None:
    with pytest.raises(
        EncodingError, match=r"words: expected a writable, contiguous uint8 array of shape \(words, 32\)"
    ):
        mask_words(words, PairSeeds(Suite.AES, [bytes(32)], 0))


def test_kernels_refuse_what_a_codec_refuses() -> None:
    coding, pairs = Delta(0.05, 7, 4), PairSeeds(Suite.AES, [], 0)
    with pytest.raises(EncodingError, match="published: expected a contiguous float32 array of shape"):
        encode_words(ZEROS, ZEROS[:99], coding, pairs, bytes(32))
    with pytest.raises(EncodingError, match="weights: expected finite values"):
        encode_words(np.full_like(ZEROS, np.nan), ZEROS, coding, pairs, bytes(32))
    with pytest.raises(InputError, match="rounding_seed: expected 32 bytes, got 31 bytes"):
        encode_words(ZEROS, ZEROS, coding, pairs, bytes(31))
    with pytest.raises(InputError, match="seed: expected 32 bytes, got 16 bytes"):
        encode_words(ZEROS, ZEROS, coding, PairSeeds(Suite.KECCAK, [bytes(16)], 0), bytes(32))
    with pytest.raises(EncodingError, match="members: expected 2 to 255, got 256"):
        encode_words(ZEROS, ZEROS, replace(coding, members=256), pairs, bytes(32))
