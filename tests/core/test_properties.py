"""What holds for all vectors and sums."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnilytics import codec
from omnilytics.codec import Codec
from omnilytics.types import Suite

from .support import group, krum, params, weights_params

LEGAL = [(members, bound) for members in (2, 3, 4, 16) for bound in (1, 7, 31, 127, 1000, 16000, 2**26)]


@given(st.sampled_from(LEGAL), st.integers(1, 300), st.integers(0, 2**32))
def test_sums_survive_the_lanes(shape: tuple[int, int], d: int, seed: int) -> None:
    """The decoded sum of N vectors of integers up to Q is their sum, whatever the integers."""
    members, bound = shape
    coder = Codec(params(members=members, bound=bound, parameter_count=d, **krum()))
    random = np.random.default_rng(seed)
    clip = np.float32(coder.params.clip_value)
    weights = [(random.choice((-1, 0, 1), d) * clip).astype(np.float32) for _ in range(members)]
    uploads = [coder.encode_plain(vector, np.zeros(d, np.float32), bytes(32)) for vector in weights]
    expected = sum(np.rint(vector / clip).astype(np.int64) * bound for vector in weights)
    np.testing.assert_array_equal(coder.decode(coder.sum([upload.words for upload in uploads])), expected)


@given(st.integers(0, 2**32), st.sampled_from([0.001, 0.01, 0.04, 1.0]))
def test_rounding_moves_less_than_one_unit(seed: int, spread: float) -> None:
    coder = Codec(params(**krum()))
    weights = np.random.default_rng(seed).normal(0, spread, 100).astype(np.float32)
    upload = coder.encode_plain(weights, np.zeros(100, np.float32), seed.to_bytes(32, "big"))
    clip = coder.params.clip_value
    exact = np.clip(weights.astype(np.float64), -clip, clip) * 7 / clip
    assert np.abs(coder.decode(upload.words) - exact).max() < 1
    assert upload.clipped == np.count_nonzero(np.abs(weights) > np.float32(clip))


def test_rounding_is_unbiased() -> None:
    coder = Codec(params(parameter_count=42 * 2880, chunk_words=720, **krum()))
    weights = np.full(42 * 2880, 0.0123, np.float32)
    upload = coder.encode_plain(weights, np.zeros_like(weights), b"\x01" * 32)
    exact = 0.0123 * 7 / 0.05
    spread = np.sqrt((exact % 1) * (1 - exact % 1) / weights.size)
    assert abs(coder.decode(upload.words).mean() - exact) < 5 * spread


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.001, 0.02, 0.05, 3.0]), st.sampled_from([1, 2, 60, 100]))
def test_honest_members_always_pass_the_norm(seed: int, spread: float, d: int) -> None:
    """After E4 any sum of N honest uploads is within the limit of N (triangle inequality)."""
    coder = Codec(params(parameter_count=d))
    random = np.random.default_rng(seed)
    common = random.normal(0, spread, d)
    uploads = []
    for place in range(4):
        weights = (common + random.normal(0, spread / 10, d)).astype(np.float32)
        upload = coder.encode_plain(weights, np.zeros(d, np.float32), bytes([place]) * 32)
        assert coder.squared_norm(upload.words) <= coder.norm_limit(1)
        assert 0 < upload.scale <= 1
        uploads.append(upload.words)
    norm = coder.squared_norm(coder.sum(uploads))
    assert coder.select_norm([norm], [4]) == [True] == [norm <= coder.norm_limit(4)]


@given(st.binary(min_size=96, max_size=96))
def test_any_words_decode_into_their_lanes(words: bytes) -> None:
    coder = Codec(params(parameter_count=3 * 42 - 5))
    values = coder.decode(words)
    assert values.shape == (121,)
    assert values.min() >= -32
    assert values.max() <= 31
    assert coder.squared_norm(words) == int((values**2).sum())


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=4, max_size=4), min_size=1, max_size=8))
def test_gram_is_exact(vectors: list[list[int]]) -> None:
    coder = Codec(weights_params(parameter_count=4))
    words = [sum(v << (32 * lane) for lane, v in enumerate(vector)) % 2**256 for vector in vectors]
    aggregates = [word.to_bytes(32, "big") for word in words]
    expected = [sum(a * b for a, b in zip(x, y, strict=True)) for x, y in itertools.combinations(vectors, 2)]
    assert coder.products(aggregates) == expected
    assert [coder.squared_norm(item) for item in aggregates] == [sum(a * a for a in x) for x in vectors]


@given(st.integers(1, 300), st.binary(min_size=32, max_size=32))
@settings(max_examples=30)
def test_a_draw_is_a_permutation(count: int, seed: bytes) -> None:
    assert sorted(codec.permutation(seed, count, index) for index in range(count)) == list(range(count))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_published_words_round_trip(values: list[float]) -> None:
    vector = np.array(values, dtype=np.float32)
    again = codec.from_float_words(codec.float_words(vector), vector.size)
    np.testing.assert_array_equal(again.view(np.uint32), vector.view(np.uint32))


@pytest.mark.parametrize("suite", Suite)
def test_tiles_do_not_show(suite: Suite) -> None:
    """The mask of a word depends on its index alone, not on the length of the vector or on tiles."""
    keys, contexts = group(4)
    longest = Codec(params(parameter_count=42 * 700, suite=suite, chunk_words=720))
    mask = longest.mask(bytes(32 * 700), keys[0], contexts[0]).words
    for words in (1, 255, 256, 257, 511, 513):
        coder = Codec(params(parameter_count=42 * words, suite=suite, chunk_words=720))
        assert coder.mask(bytes(32 * words), keys[0], contexts[0]).words == mask[: 32 * words]


def test_a_mean_over_groups() -> None:
    coder = Codec(params(parameter_count=3, **krum()))
    clip = coder.params.clip_value
    uploads = [
        coder.encode_plain(np.array(row, np.float32) * np.float32(clip), np.zeros(3, np.float32), bytes(32)).words
        for row in ([1, 0, -1], [1, 1, 0], [0, 0, -1], [0, 1, 1])
    ]
    expected = np.array([2, 2, -1]) * clip / 4
    np.testing.assert_allclose(coder.decode_sum(coder.sum(uploads), 4), expected, rtol=1e-6)
    halves = [coder.sum(uploads[:2]), coder.sum(uploads[2:])]
    np.testing.assert_allclose(coder.mean_update(halves, 2), expected, rtol=1e-6)
