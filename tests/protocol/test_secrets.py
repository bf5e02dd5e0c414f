"""What a member keeps to itself doesn't show in a repr."""

from __future__ import annotations

import numpy as np

from omnilytics.codec import Codec, GroupContext, MaskKey
from omnilytics.protocol.member import Upload
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.protocol.recovering import Recovering
from omnilytics.protocol.releases import ReleaseLog
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.types import Address, Opening


def test_nothing_secret_is_shown() -> None:
    randomness = SeededRandomness(Seeds(12345), 0, 1)
    key, rounding = randomness.mask_key(), randomness.rounding_seed()
    assert rounding is not None
    params = Terms(reward_wei=10**18).params(10, 0.5)
    codec = Codec(params)
    context = GroupContext(1, Address("0x" + "11" * 20), 0, 0, bytes(32), ())
    weights = np.full(10, 0.123456, dtype=np.float32)
    shown = repr(Upload(params, codec, weights, weights, key, context, rounding)) + repr(randomness) + repr(key)
    for secret in ("12345", "0.123456", rounding.hex(), repr(rounding)):
        assert secret not in shown


def test_what_is_shared_and_lent_is_not_shown() -> None:
    randomness = SeededRandomness(Seeds(12345), 0, 1)
    secrets = randomness.member_secrets()
    part = Recovering(
        chain=None,  # type: ignore[arg-type]
        session=None,  # type: ignore[arg-type]
        members=(Address("0x" + "22" * 20),),
        place=0,
        group=0,
        recovery=None,  # type: ignore[arg-type]
        releases=ReleaseLog(),
        finality_blocks=0,
    )
    opening = Opening(Address("0x" + "22" * 20), 987654321987654321, b"")
    shown = repr(part) + repr(opening) + repr([opening]) + repr(secrets)
    assert "987654321987654321" not in shown
    assert "12345" not in shown
    assert secrets.key.address in repr(secrets)


def test_a_generated_key_is_fresh() -> None:
    assert MaskKey.generate().address != MaskKey.generate().address
