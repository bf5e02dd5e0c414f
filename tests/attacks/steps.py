"""What members train and what Byzantine ones send instead, as integers of the encoding."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.contracts.harness import Params

Vector = list[int]


def direction(params: Params) -> Vector:
    """What honest steps have in common: +1 or -1 in each lane."""
    draw = random.Random("the direction of all data")
    return [draw.choice((-1, 1)) for _ in range(params.parameter_count)]


def honest_step(params: Params, label: str) -> Vector:
    """A step as training gives it: most lanes agree with the common direction, some don't; short enough for (E4)."""
    draw = random.Random(label)
    step = [sign * draw.choice((2, 1, 1, 1, 1, 0, 0, 0, -1, -1)) for sign in direction(params)]
    assert 4 * params.members**2 * sum(v * v for v in step) <= params.parameter_count * params.bound**2
    return step


def clipped(params: Params, values: Sequence[float]) -> Vector:
    """Into the box."""
    return [max(-params.bound, min(params.bound, round(v))) for v in values]


def scaled(params: Params, own: Vector) -> Vector:
    """A hundred times the step."""
    return clipped(params, [100 * v for v in own])


def sign_flip(params: Params, own: Vector) -> Vector:
    """The step, backwards."""
    return [-v for v in own]


def inner_product(params: Params, own: Vector) -> Vector:
    """Backwards, as far as the norm of a whole group lets it: N - 1 honest steps undone and one more on top."""
    return clipped(params, [-params.members * v for v in own])


def alie(params: Params, own: Vector) -> Vector:
    """ "A little is enough": the common mean less one standard deviation, lane by lane."""
    return clipped(params, [0.7 * v - 0.9 for v in direction(params)])


def label_flip(params: Params, own: Vector) -> Vector:
    """A stand-in for training on wrong labels: half of the lanes learn the opposite."""
    half = len(own) // 2
    return [-v for v in own[:half]] + own[half:]


def free_rider(params: Params, own: Vector) -> Vector:
    """W^p as it was: nothing trained."""
    return [0] * params.parameter_count


STEPS: dict[str, Callable[[Params, Vector], Vector]] = {
    "step times 100": scaled,
    "sign flip": sign_flip,
    "inner product": inner_product,
    "ALIE": alie,
    "label flip (stand-in)": label_flip,
    "free rider": free_rider,
}
