"""What a member keeps to itself doesn't show in a repr."""

from __future__ import annotations

import numpy as np

from omnilytics.codec import Codec, GroupContext, MaskKey
from omnilytics.protocol.member import Upload
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.types import Address


def test_nothing_secret_is_shown() -> None:
    randomness = SeededRandomness(Seeds(12345), 0, 1)
    key, rounding = randomness.mask_key(), randomness.rounding_seed()
    assert rounding is not None
    codec = Codec(Terms(reward_wei=10**18).params(10, 0.5))
    context = GroupContext(1, Address("0x" + "11" * 20), 0, 0, bytes(32), ())
    weights = np.full(10, 0.123456, dtype=np.float32)
    shown = repr(Upload(codec, weights, weights, key, context, rounding)) + repr(randomness) + repr(key)
    for secret in ("12345", "0.123456", rounding.hex(), repr(rounding)):
        assert secret not in shown


def test_a_generated_key_is_fresh() -> None:
    assert MaskKey.generate().address != MaskKey.generate().address
