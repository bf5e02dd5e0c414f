"""Who is gone is drawn by the seed among those with a seat; what became of them stands in the result."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from omnilytics.errors import InputError
from omnilytics.experiments.dropouts import STEPS, drawn
from omnilytics.experiments.results import dropouts, dropped
from omnilytics.protocol.company import Step
from omnilytics.protocol.seating import Seating
from omnilytics.seeds import Seeds
from omnilytics.types import Address

MEMBERS = [Address(f"0x{i:040x}") for i in range(13)]
SEATS = Seating(tuple(tuple(MEMBERS[4 * g : 4 * g + 4]) for g in range(3)), (MEMBERS[12],), 3)


def test_as_many_as_asked_for_among_the_seated() -> None:
    for count in (0, 1, 5, 12):
        gone = drawn(Seeds(7), 1, count)(SEATS)
        assert len(gone) == count
        assert set(gone) <= set(MEMBERS[:12])
        assert set(gone.values()) <= set(STEPS)


def test_others_in_each_session_and_with_each_seed() -> None:
    draws = [drawn(Seeds(seed), session, 4)(SEATS) for seed in (7, 8) for session in (1, 2)]
    assert draws[0] == drawn(Seeds(7), 1, 4)(SEATS)
    assert all(one != other for i, one in enumerate(draws) for other in draws[:i])


def test_every_step_is_drawn() -> None:
    steps = [step for session in range(20) for step in drawn(Seeds(7), session, 3)(SEATS).values()]
    assert set(steps) == {Step.SHARE, Step.UPLOAD, Step.REVEAL}


def test_more_than_there_are_seats() -> None:
    with pytest.raises(InputError, match="--dropouts: expected at most the 12 data owners with a seat, got 13"):
        drawn(Seeds(7), 1, 13)(SEATS)


@dataclass
class Ended:
    """As much of an `Outcome` as is asked for."""

    groups: tuple[tuple[Address, ...], ...]
    failed: tuple[int, ...]
    dropped: dict[Address, Step] = field(default_factory=dict)


def test_what_became_of_their_groups() -> None:
    again = (MEMBERS[1], MEMBERS[2], MEMBERS[3], MEMBERS[5])
    gone = {MEMBERS[0]: Step.SHARE, MEMBERS[5]: Step.UPLOAD, MEMBERS[8]: Step.REVEAL, MEMBERS[4]: Step.SHARE}
    outcome = Ended((*SEATS.groups, again), (0, 1), gone)
    assert dropped(outcome) == [  # type: ignore[arg-type]
        {"account": MEMBERS[0], "step": "share", "groups": [0]},
        {"account": MEMBERS[4], "step": "share", "groups": [1]},
        {"account": MEMBERS[5], "step": "upload", "groups": [1, 3]},
        {"account": MEMBERS[8], "step": "reveal", "groups": [2]},
    ]
    assert dropouts([outcome, Ended(SEATS.groups, (1,))]) == {  # type: ignore[list-item]
        "members": 4,
        "by_step": {"share": 2, "upload": 1, "reveal": 1, "lend": 0},
        "groups": {"survived": 2, "failed": 2},
    }
