"""A session on a chain that others are on: nobody knows all of it, and the pictures cope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from omnilytics.dashboard.reducing import reduce_all
from omnilytics.dashboard.report import render_report
from omnilytics.dashboard.words import describe
from omnilytics.protocol import events as ev
from tests.dashboard import fake
from tests.dashboard.test_view import MOMENTS, SIZES, lines


def told() -> Iterator[ev.Event]:
    """The fake run as its logs would tell it."""
    for event in fake.run(sessions=1, failing=True):
        match event:
            case ev.RunStarted():
                yield replace(event, dataset="", split="", members=[], attackers=[], attack="none", seed=None)
            case ev.RunFinished():
                yield ev.RunFinished(0, None, None)
            case ev.AccuracyMeasured() | ev.GasUsed():
                pass
            case _:
                yield event


TOLD = list(told())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_it_fits(size: tuple[int, int], moment: int) -> None:
    shown = lines(reduce_all(TOLD[:moment]), *size)
    assert len(shown) == size[1]
    assert "None" not in "".join(shown)


def test_what_nobody_knows_is_left_out() -> None:
    shown = lines(reduce_all(TOLD), 120, 40)
    assert "OmniLytics  session 1/1  delta, norm  8 groups of 4" in shown[0]
    assert sum(line.count("the logs don't say it") for line in shown) == 2
    assert any("the run is over" in line for line in shown)


def test_who_registers_is_known_from_then_on() -> None:
    whole, run = reduce_all(TOLD), reduce_all(fake.run(sessions=1, failing=True))
    assert whole.finished
    assert [m.address for m in whole.members] == [m.address for m in run.members]
    assert [m.name for m in whole.members] == [m.name for m in run.members]
    assert [m.earned_wei for m in whole.members] == [m.earned_wei for m in run.members]
    twice = reduce_all([*TOLD, ev.MemberChanged(1, fake.address(0x1000), "registered", -1, -1, 0, 0)])
    assert len(twice.members) == len(whole.members)


def test_time_passes() -> None:
    before = reduce_all(TOLD[:20])
    after = reduce_all([*TOLD[:20], ev.TimePassed(1, 5)])
    assert after.session is not None
    assert after.session.now == 5
    assert after.feed == before.feed


def test_the_report_says_what_is_known() -> None:
    page = render_report(reduce_all(TOLD))
    assert "<title>OmniLytics run</title>" in page
    assert "trained 2,410 public parameters in 1 session" in page
    for absent in ("None", "seed", "Accuracy", "Owner alone", "no attacker", "Gas by contract function"):
        assert absent not in page


def test_reasons_that_nobody_gave_are_left_out() -> None:
    declined = ev.Declined(1, "0x1", 3, 0, 7, "")
    assert describe(declined, str) == "0x1 declines group 3; it pays 7 wei to the others"
    assert describe(ev.Objected(1, "0x1", "0x2", 3, ""), str) == "0x1 objects to the shares of 0x2"
    assert describe(replace(declined, reason="no"), str) == "0x1 declines group 3: no; it pays 7 wei to the others"
