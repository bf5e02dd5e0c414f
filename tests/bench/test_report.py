"""What a suite reports: ratios the right way round, one shape for one suite and for all of them."""

from __future__ import annotations

import json

import pytest

from omnilytics.bench.report import Report, Row, joined
from tests.cli.conftest import valid


def report(suite: str, **ratios: float) -> Report:
    values = {f"{suite}_ms": 1.5}, {"far_ms": 2.0}
    return Report(suite, (Row("a row", 2.0, "ms", "another", 5.0),), ratios, {"far": 3.0}, ("a note",), *values)


@pytest.mark.parametrize(("unit", "ratio"), [("ms", 2.5), ("gas", 2.5), ("GB/s", 0.4), ("values/s", 0.4)])
def test_above_one_is_better(unit: str, ratio: float) -> None:
    assert Row("a row", 2.0, unit, "another", 5.0).ratio == pytest.approx(ratio)


def test_without_an_anchor_there_is_no_ratio() -> None:
    assert Row("a row", 2.0, "ms").ratio is None


@pytest.mark.parametrize(
    ("value", "anchor", "anchor_value"),
    [(2.0, "another", None), (2.0, None, 5.0), (0.0, None, None), (float("nan"), None, None), (2.0, "another", 0.0)],
)
def test_half_a_comparison_and_impossible_numbers_are_refused(
    value: float, anchor: str | None, anchor_value: float | None
) -> None:
    with pytest.raises(ValueError, match="a row: expected"):
        Row("a row", value, "ms", anchor, anchor_value)


def test_the_json_has_the_published_shape() -> None:
    value = valid(json.loads(json.dumps(report("one", near=2.5).to_json())), "bench-1")
    assert value["rows"][0]["ratio"] == pytest.approx(2.5)
    assert value["ratios"] == {"near": 2.5}
    assert value["bounds"] == {"far": 3.0}
    assert (value["values"], value["limits"]) == ({"one_ms": 1.5}, {"far_ms": 2.0})


def test_all_suites_make_one_report() -> None:
    both = joined([report("one", near=2.5), report("two", far=4.0)])
    assert valid(json.loads(json.dumps(both.to_json())), "bench-1")["suite"] == "all"
    assert [row.name for row in both.rows] == ["one: a row", "two: a row"]
    assert both.ratios == {"near": 2.5, "far": 4.0}
    assert (both.values, both.limits) == ({"one_ms": 1.5, "two_ms": 1.5}, {"far_ms": 2.0})
    assert both.notes == ("one: a note", "two: a note")


def test_a_ratio_and_a_value_have_one_suite() -> None:
    with pytest.raises(ValueError, match=r"ratios: .*near.* from two"):
        joined([report("one", near=2.5), report("two", near=4.0)])
    with pytest.raises(ValueError, match=r"values: .*one_ms"):
        joined([report("one", near=2.5), report("one", far=4.0)])
