"""Roles in any order, slow, killed or gone: every session ends, all money goes where it should, nothing is raised."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import strategies as st

from omnilytics.protocol.member import Policy
from omnilytics.types import Assignment
from tests.e2e.market import Fair
from tests.e2e.plays import FEW, MANY, MEMBERS, SIZE, TERMS, Op, Play, check, ops, repeat
from tests.e2e.roles import Ending, ending, shuffled

PROMPT = ops(["all", "act", "slow", "crash", "out", "blocks"], 80, 3)
LAZY = ops(["all", "act", "slow", "crash", "leave", "out", "blocks", "secs"], 80, 3)
AFTER = st.sampled_from([0, 3])
"""`finality_blocks`."""

SEED = st.integers(0, 2**32)
MANY_TIMES = pytest.mark.parametrize("many", [FEW, pytest.param(MANY, marks=pytest.mark.nightly)])


def fair(finality: int = 0) -> Fair:
    return Fair(
        MEMBERS, Policy(accept_near_repeats=True, accept_unsafe_small=True, finality_blocks=finality), size=SIZE
    )


@cache
def driven(name: str) -> Ending:
    """What one process makes of the same session."""
    one = fair()
    one.run(TERMS[name])
    return ending(one, one.sessions[-1])


@MANY_TIMES
@pytest.mark.parametrize("name", [name for name in TERMS if TERMS[name].assignment is Assignment.GREEDY])
def test_if_all_are_in_time_the_order_changes_nothing(name: str, many: int) -> None:
    def play(course: list[Op], finality: int, seed: int) -> None:
        one = fair(finality)
        cast = Play(one, one.open(TERMS[name]))
        for account in one.members:
            cast.step(account)
        cast.through(iter(course))
        cast.run(shuffled(seed))
        check(cast)
        assert cast.ending() == driven(name)

    repeat(many, play, course=PROMPT, finality=AFTER, seed=SEED)


@MANY_TIMES
@pytest.mark.parametrize("name", TERMS)
def test_whoever_is_late_or_gone_every_session_ends(name: str, many: int) -> None:
    def play(course: list[Op], finality: int, seed: int) -> None:
        one = fair(finality)
        cast = Play(one, one.open(TERMS[name]))
        cast.through(iter(course))
        cast.run(shuffled(seed))
        check(cast)

    repeat(many, play, course=LAZY, finality=AFTER, seed=SEED)
