"""The dashboard fits every terminal at every moment of a run, and shows what it should."""

from __future__ import annotations

import io
from itertools import islice

import pytest
from rich.cells import cell_len
from rich.console import Console

from omnilytics.dashboard.reducing import reduce_all
from omnilytics.dashboard.state import DashboardState
from omnilytics.dashboard.view import Dashboard
from omnilytics.protocol import events as ev
from tests.dashboard import fake

LENGTH = sum(1 for _ in fake.run())
SELECTING = next(i for i, e in enumerate(fake.run()) if type(e).__name__ == "DistancesMeasured") + 1
MOMENTS = (0, 1, 30, 150, SELECTING, SELECTING + 40, LENGTH)
SIZES = ((80, 24), (100, 30), (120, 40), (200, 60), (60, 16))


def lines(state: DashboardState, width: int, height: int, *, colour: bool = False) -> list[str]:
    """What a terminal of that size shows."""
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    console.print(Dashboard(state), height=height)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_it_fits(size: tuple[int, int], moment: int) -> None:
    width, height = size
    shown = lines(reduce_all(islice(fake.run(), moment)), width, height)
    assert len(shown) == height
    assert max(cell_len(line) for line in shown) <= width


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "state",
    [
        reduce_all(fake.run(rounds=16, rule="krum", attackers=10)),
        reduce_all(fake.run(rounds=64, group_size=16, extra=0, sessions=1)),
        reduce_all(fake.run(rounds=3, group_size=2, extra=0, attackers=0, sessions=1)),
        reduce_all(fake.run(failing=True, unselected=True)),
        reduce_all(fake.run(recover=True)),
        reduce_all(fake.run(blobs=True)),
    ],
    ids=["krum", "many", "few", "failing", "recover", "blobs"],
)
def test_any_run_fits(size: tuple[int, int], state: DashboardState) -> None:
    width, height = size
    shown = lines(state, width, height)
    assert len(shown) == height
    assert max(cell_len(line) for line in shown) <= width


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_what_everybody_sees(size: tuple[int, int]) -> None:
    text = "\n".join(lines(reduce_all(fake.run()), *size))
    for words in ("Setup", "Finished", "accepted", "refused", "x limit", "alone", "public", "deposited", "paid out"):
        assert words in text
    assert "session 3/3" in text
    assert "2 attack (garbage)" in text
    assert "earned 2.375 ether, 0.0" in text
    assert "ether for gas" in text
    assert "2 suspect (?)" in text
    assert "the run is over" in text


def test_the_large_one_has_all_pictures() -> None:
    text = "\n".join(lines(reduce_all(fake.run()), 120, 40))
    for title in ("Session", "Groups", "Accuracy", "Distances", "Data owners", "Escrow", "Gas by call", "What happens"):
        assert f"─ {title}" in text
    assert "aggregate" in text


def test_records_and_fees_of_each_member_where_there_is_room() -> None:
    state = reduce_all(fake.run(rounds=3, extra=0))
    text = "\n".join(lines(state, 200, 60))
    assert "clear 0.25 +" in text
    assert "suspect 1.00 +" in text


def test_what_is_left_for_fees_is_shown() -> None:
    moment = next(i for i, e in enumerate(fake.run()) if type(e).__name__ == "GroupScored")
    text = "\n".join(lines(reduce_all(islice(fake.run(), moment)), 120, 40))
    assert "for fees" in text
    assert "fees paid" in text


def test_reasons_are_shown_where_there_is_room() -> None:
    state = reduce_all(fake.run())
    assert "% of the limit" in "\n".join(line[:140] for line in lines(state, 200, 60)[5:16])


def test_deadlines_are_shown() -> None:
    events = list(fake.run())
    at = next(i for i, e in enumerate(events) if type(e).__name__ == "StageChanged")
    assert "deadline in 10 min 00 s" in "\n".join(lines(reduce_all(events[: at + 1]), 80, 24))


def test_distances_are_shown_at_80x24_while_groups_are_compared() -> None:
    text = "\n".join(lines(reduce_all(islice(fake.run(), SELECTING)), 80, 24))
    assert "Distances" in text
    assert "▀" in text


RECOVERING = list(fake.run(recover=True))


def staged(stage: str) -> DashboardState:
    """As session 1 has just come to that stage."""
    at = next(i for i, e in enumerate(RECOVERING) if isinstance(e, ev.StageChanged) and e.stage == stage)
    return reduce_all(RECOVERING[: at + 1])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_steps_of_recover_and_who_is_missing(size: tuple[int, int]) -> None:
    text = "\n".join(lines(staged("share"), *size))
    assert "recover, 3 of 4, 3 gone" in text or size[0] == 80
    assert "share ─ upload ─ reveal ─ aggregate" in text
    text = "\n".join(lines(staged("reveal"), *size))
    assert "share -1 ━ upload -1 ━ reveal ─ aggregate" in text
    text = "\n".join(lines(staged("aggregate"), *size))
    assert "share -1 ━ upload -1 ━ reveal -1 ━ aggregate" in text


def test_who_missed_which_step_stands_in_its_group() -> None:
    state = staged("aggregate")
    text = "\n".join(lines(state, 120, 40))
    for group, mark in enumerate("sur"):
        leaver = state.sessions[0].groups[group].members[0]
        assert f"{state.member_name(leaver).removeprefix('DO ')}!{mark}" in text.replace("*", "")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_votes_are_shown_for_and_against(size: tuple[int, int]) -> None:
    events = list(fake.run(rule="norm+vote"))
    last = max(i for i, e in enumerate(events) if isinstance(e, ev.VoteCast))
    text = "\n".join(lines(reduce_all(events[: last + 1]), *size))
    assert "votes" in text
    assert "1:31" in text
    assert "31:1" in text
    assert "votes" not in "\n".join(lines(reduce_all(fake.run()), *size))


def test_colours_are_never_alone() -> None:
    state = reduce_all(fake.run())
    plain, colour = lines(state, 120, 40), lines(state, 120, 40, colour=True)
    assert plain != colour
    assert any("✗ refused" in line for line in plain)
    assert any("✓ accepted" in line for line in plain)
