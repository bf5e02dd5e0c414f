"""What attackers upload who know nothing of others, and that rule `norm` refuses the group they are in."""

from __future__ import annotations

import numpy as np
import pytest

from omnilytics.codec import Codec, GroupContext, MaskKey
from omnilytics.experiments.arena.attacks import Lanes, Scale
from omnilytics.experiments.arena.ring import Lone
from omnilytics.protocol.member import Behaviour, Honest, Upload
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.types import Address, Rule

D = 500
CLIP = 0.25
SEEDS = Seeds(3)
PARAMS = Terms(reward_wei=10**6, rule=Rule.NORM).params(D, CLIP)
CODEC = Codec(PARAMS)
KEYS = [MaskKey.from_seed(SEEDS.bytes("key", i)) for i in range(4)]


def upload(place: int) -> Upload:
    """An honest member's: a step of an honest length from random published weights."""
    published = SEEDS.numpy("published").normal(size=D).astype(np.float32)
    step = SEEDS.numpy("step", place).normal(scale=CLIP / 8, size=D).astype(np.float32)
    context = GroupContext(
        chain_id=31337,
        session=Address("0x" + "11" * 20),
        group=1,
        place=place,
        model_hash=bytes(32),
        peers=tuple((key.x, key.parity) for key in KEYS),
    )
    return Upload(PARAMS, CODEC, published, published + step, KEYS[place], context, SEEDS.bytes("rounding", place))


def group_norm(behaviours: list[Behaviour]) -> int:
    inputs = [behaviour.masked_input(upload(place)).words for place, behaviour in enumerate(behaviours)]
    return CODEC.squared_norm(CODEC.sum(inputs))


def test_honest_members_pass() -> None:
    assert group_norm([Honest()] * 4) <= CODEC.norm_limit(4)


@pytest.mark.parametrize(
    "attacker",
    [Lone(Lanes(), np.random.default_rng(1)), Lone(Scale(), np.random.default_rng(1))],
    ids=["garbage", "scaled"],
)
def test_one_attacker_is_refused(attacker: Behaviour) -> None:
    assert group_norm([Honest(), attacker, Honest(), Honest()]) > CODEC.norm_limit(4)


def test_garbage_differs_each_time_and_repeats_by_its_generator() -> None:
    garbage = Lone(Lanes(), np.random.default_rng(1))
    first, second = (garbage.masked_input(upload(0)) for _ in range(2))
    assert len(first.words) == 32 * CODEC.words
    assert first.words != second.words
    assert first.words == Lone(Lanes(), np.random.default_rng(1)).masked_input(upload(0)).words


def test_a_scaled_step_is_masked_and_clipped() -> None:
    scaled = Lone(Scale(), np.random.default_rng(1)).masked_input(upload(0))
    assert scaled.words != Lone(Scale(), np.random.default_rng(1)).masked_input(upload(1)).words
    three = [CODEC.mask(bytes(len(scaled.words)), KEYS[i], upload(i).context).words for i in (1, 2, 3)]
    values = CODEC.decode(CODEC.sum([scaled.words, *three]))[:D]
    assert np.abs(values).max() == 7
    assert np.mean(np.abs(values) == 7) > 0.8
    expected = np.sign(upload(0).weights - upload(0).published)
    assert np.mean(np.sign(values) == expected) > 0.95
