"""Tables, figures and the page say what was found, from the file alone, and the same each time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from omnilytics.errors import DataError
from omnilytics.experiments.figures import draw
from omnilytics.experiments.findings import Row, read_findings
from omnilytics.experiments.page import render
from omnilytics.experiments.tables import markdown, table
from tests.experiments.asked import found


def test_the_paper_and_what_is_asked_stand_beside_it() -> None:
    head, rows = table(found())
    assert head == ["Attackers", "Accuracy, %", "paper", "asked"]
    assert rows == [["none", "95.0", "-", "-"], ["2 %", "91.0 ± 1.4", "83.1", "≥ 90: met"]]
    low = Row(labels=("2 %",), values={"Accuracy, %": (80.0,)})
    assert table(replace(found(), rows=(low,)))[1] == [["2 %", "80.0", "83.1", "≥ 90: missed"]]


def test_other_trials_than_the_paper_s_stand_alone() -> None:
    head, _ = table(found(attack="mine:Attack"))
    assert head == ["Attackers", "Accuracy, %"]
    assert "experiment run noise --attack mine:Attack`" in markdown(found(attack="mine:Attack"))


def test_two_axes_are_a_grid() -> None:
    rows = tuple(
        Row(labels=(share, mu), values={"Accuracy, %": (value,)})
        for share, mu, value in (
            ("2 %", "0.5", 80.0),
            ("2 %", "0.25", 70.0),
            ("4 %", "0.5", 60.0),
            ("4 %", "0.25", 5.0),
        )
    )
    column = replace(found().columns[0], paper={"4 % / 0.5": 82.89}, least={})
    grid = replace(found(), axes=("Attackers", "mu"), rows=rows, columns=(column,))
    assert table(grid) == (["Attackers", "mu 0.5", "mu 0.25"], [["2 %", "80.0", "70.0"], ["4 %", "60.0 (82.9)", "5.0"]])
    assert markdown(grid).splitlines()[1] == "| --- | ---: | ---: |"
    assert draw(grid)["svg"] != draw(replace(grid, rows=rows[:2]))["svg"]


@pytest.mark.parametrize("figure", ["lines", "bars", "dots", "curves"])
def test_a_figure_is_the_same_each_time(figure: str) -> None:
    first, again = draw(found(figure=figure)), draw(found(figure=figure))
    assert first == again
    assert first["png"].startswith(b"\x89PNG")
    assert first["svg"].count(b"<path") > 20
    other = replace(found(figure=figure), rows=found().rows[:1])
    assert draw(other)["svg"] != first["svg"]


def test_the_page_needs_nothing_else() -> None:
    one, two = found(), found(name="louder")
    page = render([one, two], {f.name: draw(f)["svg"] for f in (one, two)})
    assert page.count("<svg") == 2
    assert "<td>91.0 ± 1.4</td>" in page
    assert 'src="http' not in page
    names = [part.partition('"')[0] for part in page.split(' id="')[1:]]
    assert len(names) == len(set(names))


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "noise.json"
    path.write_text(json.dumps(found().to_json()))
    assert read_findings(path) == found()
    for text in ("{}", "[]", json.dumps({**found().to_json(), "schema": "other/1"})):
        path.write_text(text)
        with pytest.raises(DataError, match=r"noise\.json: expected"):
            read_findings(path)
