"""Data owners that are gone from some step on: others in each session, drawn by the run's seed."""

from __future__ import annotations

from collections.abc import Mapping

from omnilytics.errors import InputError
from omnilytics.protocol.company import Dropouts, Step
from omnilytics.protocol.seating import Seating
from omnilytics.seeds import Seeds
from omnilytics.types import Address

STEPS = (Step.SHARE, Step.UPLOAD, Step.REVEAL)
"""Who is gone at one of these is missed; who only doesn't lend its shares has done its part."""


def drawn(seeds: Seeds, session: int, count: int) -> Dropouts:
    """`count` of the seated, each gone from a step on that is drawn too.

    Raises:
        InputError: when the seats are known: there are fewer.
    """

    def among(seats: Seating) -> Mapping[Address, Step]:
        seated = [account for group in seats.groups for account in group]
        if count > len(seated):
            raise InputError(f"--dropouts: expected at most the {len(seated)} data owners with a seat, got {count}")
        rng = seeds.numpy("dropouts", session)
        chosen = rng.choice(len(seated), size=count, replace=False)
        steps = rng.integers(len(STEPS), size=count)
        return {seated[who]: STEPS[step] for who, step in zip(chosen, steps, strict=True)}

    return among
