"""The report is one well-formed page that fetches nothing and escapes everything; the picture is one SVG."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from omnilytics.dashboard import picture
from omnilytics.dashboard.reducing import reduce_all
from omnilytics.dashboard.report import UNPROTECTED, render_report
from omnilytics.dashboard.state import DashboardState
from omnilytics.protocol import events as ev
from omnilytics.protocol.record import RecordWriter
from tests.dashboard import fake

VOID = {"meta", "br"}
NASTY = '<script>alert("1")</script>&amp;\''


class Checker(HTMLParser):
    """Collects tags and text; complains about tags that don't match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(page: str) -> Checker:
    """The page, parsed and found well-formed."""
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    for drawing in re.findall(r"<svg .*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawing)
    return checker


STATES = {
    "nothing": DashboardState(),
    "begun": reduce_all(list(fake.run())[:40]),
    "norm": reduce_all(fake.run(failing=True)),
    "vote": reduce_all(fake.run(rule="norm+vote")),
    "krum": reduce_all(fake.run(rule="krum", rounds=16)),
    "unselected": reduce_all(fake.run(unselected=True, attackers=0)),
    "long": reduce_all(fake.run(sessions=24)),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_it_is_well_formed_and_fetches_nothing(state: DashboardState) -> None:
    page = render_report(state, versions={"omnilytics": "0.1.0"}, reveals="nothing")
    checker = checked(page)
    assert checker.links == []
    assert {"script", "link", "img", "iframe"}.isdisjoint(checker.tags)
    assert re.search(r"https?:|url\(|@import|@font-face", page) is None
    assert all(line in checker.text for line in UNPROTECTED)


def test_it_has_all_pictures() -> None:
    checker = checked(render_report(STATES["norm"]))
    assert checker.tags.count("svg") == 5
    assert checker.tags.count("table") == 3
    for words in ("Owner alone", "71.2 %", "Groups of session 3", "Money", "DO 36", "Gas by contract function"):
        assert words in checker.text
    for words in ("Paid back for gas", "Reserve left", "Declined", "clear 0.25", "suspect 1.00", "from 0 to 1"):
        assert words in checker.text
    assert "prefers-color-scheme: dark" in render_report(STATES["norm"])


def test_it_says_who_was_voted_out() -> None:
    text = checked(render_report(STATES["vote"])).text
    assert "For : against" in text
    assert "1 : 31" in text
    assert "For : against" not in checked(render_report(STATES["norm"])).text


def test_every_string_is_escaped() -> None:
    events = [
        ev.RunStarted(0, NASTY, NASTY, NASTY, NASTY, 1, 1, 2, 9, [NASTY, "0x2"], [NASTY], NASTY, 7, NASTY, NASTY, 2, 0),
        ev.SessionCreated(1, NASTY, 1, 1, 1, 0.5),
        ev.StageChanged(1, NASTY, 0, 0),
        ev.MemberChanged(1, NASTY, NASTY, 0, 0, 0, 0),
        ev.GroupChanged(1, 0, NASTY, [NASTY, "0x2"]),
        ev.Declined(1, NASTY, 0, 0, 5, NASTY),
        ev.RecordChanged(1, NASTY, 40_000, True),
        ev.FeesCredited(1, NASTY, 5, 5),
        ev.GroupScored(1, 0, False, False, "10", "5", NASTY),
        ev.DistancesMeasured(1, [0], [[0.0]]),
        ev.GasUsed(1, NASTY, 5, 5),
        ev.Note(1, NASTY),
    ]
    page = render_report(reduce_all(events), versions={NASTY: NASTY}, reveals=NASTY)
    checker = checked(page)
    assert "script" not in checker.tags
    assert "<script" not in page
    assert NASTY in checker.text


def test_one_group_and_no_accuracy() -> None:
    state = reduce_all([ev.GroupScored(1, 0, True, True, "0", "5", ""), ev.DistancesMeasured(1, [0], [[0.0]])])
    checked(render_report(state))


def test_the_picture_fetches_nothing(tmp_path: Path) -> None:
    svg = picture.picture(STATES["norm"])
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert re.search(r"url\((?!#)|@font-face|https?://(?!www\.w3\.org)", svg) is None
    text = "".join(root.itertext()).replace("\xa0", " ")
    assert "Outlier suppression" in text


def test_a_picture_of_a_record(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl.gz"
    with RecordWriter(record) as writer:
        for event in fake.run():
            writer.event(event)
    assert picture.main([str(record), str(tmp_path / "out.svg")]) == 0
    assert (tmp_path / "out.svg").read_text(encoding="utf-8") == picture.picture(reduce_all(fake.run()))


def test_a_picture_needs_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert picture.main([str(tmp_path / "none"), str(tmp_path / "out.svg")]) == 3
    assert picture.main(["one"]) == 2
    assert "expected a record" in capsys.readouterr().err
    assert not (tmp_path / "out.svg").exists()


def test_who_was_missing_stands_in_the_report() -> None:
    page = checked(render_report(reduce_all(fake.run(recover=True, sessions=1)))).text
    assert "Policy recover: 3 of a group are enough." in page
    assert "Who was missing" in page
    assert "Missing at" in page
    assert page.count("3 of 4") == 3
    assert "Who was missing" not in checked(render_report(reduce_all(fake.run(sessions=1)))).text
