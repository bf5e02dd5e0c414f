"""What is seen of vectors in blobs: what is posted and paid, the window to accuse and refute, sums and their proof."""

from __future__ import annotations

from dataclasses import asdict, replace
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


def correcting() -> list[ev.Event]:
    """With `recover`, eight blobs a vector; group 0 is corrected by one, 1 by the second who begins, 2 by nobody."""
    begun = replace(RUN[0], policy="recover", parameter_count=8 * 4096)  # type: ignore[call-arg]
    at = next(i for i, e in enumerate(RUN) if isinstance(e, ev.StageChanged) and e.stage == "accuse")
    window = RUN[at]
    assert isinstance(window, ev.StageChanged)
    groups = [e for e in RUN[:at] if isinstance(e, ev.GroupChanged) and e.status == "delivered"][:3]
    first, second, third = groups[0].members[0], groups[1].members[0], groups[1].members[1]
    return [
        begun,
        *RUN[1:at],
        replace(window, stage="correct"),
        *(replace(group, status="uncorrected") for group in groups),
        ev.Corrected(1, first, 0, 0, 6, False),
        ev.Corrected(1, second, 1, 0, 6, False),
        ev.Corrected(1, third, 1, 1, 6, False),
        ev.Corrected(1, first, 0, 0, 2, True),
        replace(groups[0], status="corrected"),
        ev.Corrected(1, third, 1, 1, 2, True),
        replace(groups[1], status="corrected"),
        replace(groups[2], status="failed"),
        window,
        ev.CorrectionRefuted(1, first, third, 1, 70),
        replace(groups[1], status="refuted"),
    ]


def corrections(last: type[ev.Event], times: int) -> DashboardState:
    """As it is after so many of these events of `correcting`."""
    run = correcting()
    found = [index for index, event in enumerate(run) if isinstance(event, last)]
    return reduce_all(run[: found[times - 1] + 1])


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


@pytest.mark.parametrize("size", SIZES)
def test_a_terminal_says_which_groups_are_corrected(size: tuple[int, int]) -> None:
    begun, both = corrections(ev.Corrected, 3), corrections(ev.Corrected, 5)
    assert "deadline in 50 s  0 of 8 groups corrected, 18 blobs posted" in shown(begun, size)
    assert "2 of 8 groups corrected, 22 blobs posted" in shown(both, size)
    assert shown(both, size).count("uncorrected") == 2
    assert "accusing: 0 accusations so far, 1 wrong correction" in shown(reduce_all(correcting()), size)
    assert "! refuted" in shown(reduce_all(correcting()), size)


def test_what_became_of_corrections() -> None:
    run = correcting()
    state = reduce_all(run)
    first, second, third = session(state).blobs.corrections
    assert [(one.group, one.blobs, one.whole, one.index) for one in (first, second, third)] == [
        (0, 8, True, None),
        (1, 6, False, None),
        (1, 8, True, 70),
    ]
    assert session(state).blobs.corrected == (0,)
    assert [(group.uncorrected, group.refuted) for group in session(state).groups[:3]] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    assert [member.status for member in state.members if member.address == third.account] == ["blamed"]
    page = checked(render_report(state)).text
    for outcome in (
        "lifts the masks of the group's sum",
        "not all of it",
        "refuted: element 70 is wrong; the group fails, and the bond is lost",
        "nobody posted all of one in time: the group fails",
    ):
        assert page.count(outcome) == 1
    assert "8 of 8" in page
    assert "the group waits for one, 50 s left" in checked(render_report(corrections(ev.Corrected, 5))).text
    assert "Corrections" not in checked(render_report(reduce_all(RUN))).text


def test_the_feed_says_who_corrects() -> None:
    state = reduce_all(correcting())
    said, name = [line.text for line in state.feed], state.member_name
    poster, refuter = session(state).blobs.corrections[2].account, session(state).blobs.corrections[0].account
    assert f"{name(poster)} posts 6 blobs of a correction of group 1" in said
    assert f"{name(poster)} posts 2 blobs, and group 1 is corrected" in said
    wrong = "refutes the correction of group 1: element 70 is wrong"
    assert f"{name(refuter)} {wrong}; {name(poster)} posted it, and loses its bond" in said


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
        "uncorrected": [],
        "corrections": [],
        "refuting": True,
        "accusations": [
            {"account": members[0], "group": 7, "index": 17},
            {"account": members[1], "group": None, "index": None},
        ],
        "added": [0, 1, 2, 3, 4, 5, 6],
        "products": 7,
    }
    (one,) = valid(to_json(reduce_all(correcting())), "observe-1")["sessions"]
    told = session(reduce_all(correcting())).blobs.corrections
    assert one["blobs"]["uncorrected"] == [2]
    assert one["blobs"]["corrections"] == [asdict(correction) for correction in told]
    assert [value["index"] for value in one["blobs"]["corrections"]] == [None, None, 70]
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
