"""What is seen of vectors in blobs: what is posted and paid, the window to accuse and refute, sums and their proof."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from omnilytics.cli.observe import to_json
from omnilytics.dashboard.blobs import Accusation
from omnilytics.dashboard.reducing import reduce_all
from omnilytics.dashboard.report import render_report
from omnilytics.dashboard.state import DashboardState, Session
from omnilytics.protocol import events as ev
from tests.cli.conftest import valid
from tests.dashboard import fake
from tests.dashboard.test_report import checked
from tests.dashboard.test_view import lines

RUN = list(fake.run(blobs=True, sessions=1))
SIZES = [(80, 24), (120, 40), (200, 60)]


def after(kind: type[ev.Event], times: int = 1) -> DashboardState:
    """As it is after so many events of that kind."""
    found = [index for index, event in enumerate(RUN) if isinstance(event, kind)]
    return reduce_all(islice(RUN, found[times - 1] + 1))


def accusing(number: int) -> DashboardState:
    """As stage Accuse begins, or its second part."""
    return after(ev.StageChanged, [e.stage for e in RUN if isinstance(e, ev.StageChanged)].index("accuse") + number)


def session(state: DashboardState) -> Session:
    assert state.session is not None
    return state.session


def shown(state: DashboardState, size: tuple[int, int]) -> str:
    return "\n".join(lines(state, *size))


def test_what_is_posted_and_what_is_due() -> None:
    state = after(ev.BlobsPosted, 6)
    assert [group.blobs for group in session(state).groups[:3]] == [4, 2, 0]
    assert (session(state).posted, state.due(session(state))) == (6, 32)
    whole = reduce_all(RUN)
    assert (session(whole).posted, whole.due(session(whole))) == (32, 32)
    assert (session(whole).blobs.gas, session(whole).blobs.price_wei) == (32 * 131_072, 10**9 // 16)
    assert whole.due(Session(1)) == 0
    assert reduce_all(fake.run()).due(session(reduce_all(fake.run()))) == 0


@pytest.mark.parametrize("size", SIZES)
def test_a_terminal_says_how_far_it_is(size: tuple[int, int]) -> None:
    assert "6 of 32 blobs posted" in shown(after(ev.BlobsPosted, 6), size)
    assert "deadline in 50 s  accusing: 0 accusations so far" in shown(accusing(1), size)
    assert "accusing: 2 accusations so far" in shown(after(ev.Accused, 2), size)
    assert "deadline in 59 s  refuting: 0 of 2 accusations true" in shown(accusing(2), size)
    assert "refuting: 1 of 2 accusations true" in shown(after(ev.Refuted), size)
    assert "sums of 2 of 7 groups added" in shown(after(ev.SumsAdded), size)
    assert "7 products proven" in shown(after(ev.SumsProven), size)
    assert "! refuted" in shown(reduce_all(RUN), size)


def test_with_recover_who_is_missing_posts_nothing() -> None:
    """What is posted stands beside the steps of `recover`."""
    begun = replace(next(iter(fake.run(recover=True))), mode="blob")
    run = [begun, *list(fake.run(recover=True))[1:]]
    at = next(i for i, e in enumerate(run) if isinstance(e, ev.StageChanged) and e.stage == "upload")
    state = reduce_all([*run[: at + 1], ev.BlobsPosted(1, run[0].members[0], 1, 0, 1)])  # type: ignore[attr-defined]
    assert state.due(session(state)) == 31
    assert "share -1 ━ upload ─ reveal ─ aggregate  1 of 31 blobs posted" in shown(state, (100, 30))
    assert reduce_all(run).due(session(reduce_all(run))) == 30


def test_packed_ones_are_fewer() -> None:
    """21 lanes of 4,096 values to a blob."""
    begun = next(iter(fake.run()))
    for parameters, plain, packed in ((40, 1, 1), (86_016, 21, 1), (86_017, 22, 2)):
        sized = replace(begun, mode="blob", parameter_count=parameters)  # type: ignore[call-arg]
        settings = [reduce_all([replace(sized, packed=way)]).setting for way in (False, True)]  # type: ignore[call-arg]
        assert [setting and setting.chunks for setting in settings] == [plain, packed]
        assert [setting and setting.how.split(", ")[-1] for setting in settings] == ["blobs", "packed blobs"]


def test_a_large_one_has_blobs_by_group_and_their_price() -> None:
    text = shown(after(ev.BlobsPosted, 6), (140, 40))
    assert "blobs" in text
    assert "2/4" in text
    assert "blob gas 786 k at 0.0625 gwei" in text
    assert "blob" not in shown(reduce_all(fake.run()), (200, 60))


def test_what_became_of_accusations() -> None:
    (first, second), groups = session(after(ev.Refuted)).blobs.accusations, session(after(ev.Refuted)).groups
    assert first == Accusation(groups[0].members[0], 7, 17)
    assert second == Accusation(groups[0].members[1])
    assert [group.refuted for group in groups] == [False] * 7 + [True]
    page = checked(render_report(reduce_all(RUN))).text
    assert "true: the group fails, and the bond comes back" in page
    assert "never opened: the bond stays locked" in page
    assert "not opened yet" in checked(render_report(after(ev.Refuted))).text


def test_the_report() -> None:
    page = checked(render_report(reduce_all(RUN))).text
    assert "Vectors in blobs" in page
    assert "32 of 32" in page
    assert "7 of 7" in page
    assert "accusing, 50 s left" in checked(render_report(accusing(1))).text
    assert "refuting, 59 s left" in checked(render_report(accusing(2))).text
    assert "not open yet" in checked(render_report(after(ev.BlobsPosted))).text
    assert "blob gas 4.19 M at 0.0625 gwei" in page
    calldata = checked(render_report(reduce_all(fake.run(sessions=1)))).text
    assert "blobs" not in calldata
    assert "Accusations" not in calldata


def test_what_observe_writes() -> None:
    (one,) = valid(to_json(reduce_all(RUN)), "observe-1")["sessions"]
    members = session(reduce_all(RUN)).groups[0].members
    assert one["blobs"] == {
        "posted": 32,
        "due": 32,
        "gas": 32 * 131_072,
        "gas_wei": 32 * 131_072 * (10**9 // 16),
        "refuting": True,
        "accusations": [
            {"account": members[0], "group": 7, "index": 17},
            {"account": members[1], "group": None, "index": None},
        ],
        "added": [0, 1, 2, 3, 4, 5, 6],
        "products": 7,
    }
    assert all(one["blobs"] is None for one in valid(to_json(reduce_all(fake.run())), "observe-1")["sessions"])


def test_the_feed_says_who_accuses_and_what_is_refuted() -> None:
    said = [line.text for line in reduce_all(RUN).feed]
    assert sum("accuses a group's sum" in text for text in said) == 2
    assert sum("group 7 is refuted by DO" in text and "element 17 isn't in range" in text for text in said) == 1
    assert "what the sums of all groups come to is proven: 7 numbers" in said
    assert not any("somebody is missing" in text for text in said)


def test_events_without_the_new_fields_are_of_calldata() -> None:
    """Records of earlier versions have no mode and no blob gas."""
    begun = ev.to_json(next(iter(fake.run())))
    del begun["mode"]
    assert ev.from_json(begun) == next(iter(fake.run()))
    assert ev.from_json(
        {"event": "GasUsed", "session": 1, "phase": "post", "gas": 5, "calldata_bytes": 4}
    ) == ev.GasUsed(1, "post", 5, 4)
