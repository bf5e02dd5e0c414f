"""Masks cancel exactly, hide everything and are bound to all that they should be bound to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omnilytics.codec import Codec, MaskKey
from omnilytics.types import Address, Suite

from .support import group, params, random_words, weights_params


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("members", range(2, 9))
def test_masks_cancel_exactly(members: int, suite: Suite) -> None:
    coder = Codec(params(members=members, suite=suite, parameter_count=4321, bound=3, chunk_words=50))
    keys, contexts = group(members)
    plain = [random_words(coder, place) for place in range(members)]
    masked = [coder.mask(words, key, context).words for words, key, context in zip(plain, keys, contexts, strict=True)]
    assert coder.sum(masked) == coder.sum(plain)
    for left_out in range(members):
        rest = [place for place in range(members) if place != left_out]
        assert coder.sum([masked[place] for place in rest]) != coder.sum([plain[place] for place in rest])


@pytest.mark.parametrize("make", [params, weights_params])
def test_the_sum_of_uploads_is_the_sum_of_updates(make: type) -> None:
    coder = Codec(make(parameter_count=1000))
    keys, contexts = group(4)
    published = np.random.default_rng(0).normal(0, 0.5, 1000).astype(np.float32)
    weights = [published + np.float32(0.004) * (place + 1) for place in range(4)]
    seeds = [bytes([place]) * 32 for place in range(4)]
    uploads = [
        coder.encode(vector, published, key, context, seed)
        for vector, key, context, seed in zip(weights, keys, contexts, seeds, strict=True)
    ]
    plain = [coder.encode_plain(vector, published, seed) for vector, seed in zip(weights, seeds, strict=True)]
    total = coder.sum([upload.words for upload in uploads])
    assert total == coder.sum([upload.words for upload in plain])
    np.testing.assert_array_equal(coder.decode(total), sum(coder.decode(upload.words) for upload in plain))
    origin = published if make is params else np.zeros(1000, np.float32)
    scaled = [(vector - origin) * upload.scale for vector, upload in zip(weights, plain, strict=True)]
    assert abs(coder.decode_sum(total, 4).mean() - np.mean(scaled)) < 2e-4


def test_one_call_equals_two() -> None:
    coder = Codec(params(parameter_count=999))
    keys, contexts = group(4)
    weights, published = np.full(999, 0.01, np.float32), np.zeros(999, np.float32)
    seed = bytes(32)
    at_once = coder.encode(weights, published, keys[1], contexts[1], seed)
    plain = coder.encode_plain(weights, published, seed)
    in_two_steps = coder.mask(plain.words, keys[1], contexts[1])
    assert at_once.words == in_two_steps.words
    assert at_once.root == in_two_steps.root
    assert (at_once.scale, at_once.clipped) == (plain.scale, plain.clipped)


def test_a_mask_is_bound_to_its_group() -> None:
    coder = Codec(params())
    keys, contexts = group(4)
    others = group(4, label=1)[1]
    context = contexts[2]
    variants = [
        context,
        replace(context, chain_id=1),
        replace(context, session=Address("0x" + "11" * 20)),
        replace(context, group=6),
        replace(context, model_hash=b"\x08" * 32),
        replace(context, peers=(others[0].peers[0], *context.peers[1:])),
        replace(context, peers=(context.peers[1], context.peers[0], *context.peers[2:])),
    ]
    masks = [coder.mask(bytes(32 * coder.words), keys[2], variant).words for variant in variants]
    assert len(set(masks)) == len(variants)


def test_a_masked_word_says_nothing() -> None:
    """Every byte of the masked zero vector takes every value about equally often."""
    coder = Codec(params(parameter_count=42 * 2000, chunk_words=720))
    keys, contexts = group(4)
    masked = np.frombuffer(coder.mask(bytes(32 * coder.words), keys[0], contexts[0]).words, dtype=np.uint8)
    counts = np.bincount(masked, minlength=256)
    expected = masked.size / 256
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert chi_squared < 350


def test_operating_system_randomness_differs() -> None:
    coder = Codec(params(parameter_count=2000, chunk_words=20))
    weights, published = np.full(2000, 0.0031, np.float32), np.zeros(2000, np.float32)
    first, second = (coder.encode_plain(weights, published).words for _ in range(2))
    assert first != second
    assert MaskKey.generate().address != MaskKey.generate().address
