"""Amounts, numbers and events in words; bars, curves and colours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnilytics.dashboard import charts, words
from omnilytics.protocol import events as ev
from omnilytics.types import Stage
from tests.dashboard import fake


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0 wei"),
        (7, "7 wei"),
        (999_999, "999,999 wei"),
        (10**6, "0.001 gwei"),
        (12_500_000_000, "12.5 gwei"),
        (10**14, "0.0001 ether"),
        (10**18, "1 ether"),
        (48_200 * 10**18, "48,200 ether"),
        (-(10**18), "-1 ether"),
    ],
)
def test_ether(wei: int, text: str) -> None:
    assert words.ether(wei) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.0, 3, "0"), (0.064, 3, "0.064"), (999.99, 3, "1,000"), (12345.0, 2, "12,000"), (1e-9, 2, "0.000000001")],
)
def test_figures(value: float, digits: int, text: str) -> None:
    assert words.figures(value, digits) == text


@given(st.floats(-1e15, 1e15, allow_nan=False), st.integers(1, 6))
def test_figures_never_have_powers(value: float, digits: int) -> None:
    assert "e" not in words.figures(value, digits)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00002, "2e-05"), (0.0342, "0.034"), (31.4, "31"), (25_300.0, "25k"), (1_200_000.0, "1.2M")],
)
def test_short(value: float, text: str) -> None:
    assert words.short(value) == text


@given(st.floats(1e-99, 1e9))
def test_short_numbers_are_short(value: float) -> None:
    assert len(words.short(value)) <= 6


@pytest.mark.parametrize(
    ("rows", "bright"),
    [
        ([], 1.0),
        ([[0.0]], 1.0),
        ([[0.0, 0.0], [0.0, 0.0]], 1.0),
        ([[0.0, 2.0], [2.0, 0.0]], 2.0),
        ([[0, 1, 1, 99], [1, 0, 1, 99], [1, 1, 0, 1], [99, 99, 1, 0]], 4.0),
    ],
)
def test_one_outlier_hides_nothing(rows: list[list[float]], bright: float) -> None:
    assert charts.bright_at(rows) == bright


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0"), (900, "900"), (21_000, "21 k"), (999_999, "1,000 k"), (16_777_216, "16.8 M")]
)
def test_gas(amount: int, text: str) -> None:
    assert words.gas(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (125, "2 min 05 s"), (12_000, "3 h 20 min"), (10**6, "11 d 13 h")],
)
def test_span(seconds: int, text: str) -> None:
    assert words.span(seconds) == text


def test_listing() -> None:
    assert words.listing(["a", "b"]) == "a, b"
    assert words.listing(list("abcdef"), limit=2) == "a, b and 4 more"


def test_every_stage_has_words() -> None:
    assert set(words.STAGE_WORDS) == {stage.name.lower() for stage in Stage}


def test_sentences_are_plain_text() -> None:
    sentences = [words.describe(e, lambda a: "DO 01") for e in fake.run(failing=True, unselected=True)]
    told = [s for s in sentences if s is not None]
    assert 60 < len(told) < 200
    assert all(s.isascii() and "\n" not in s for s in told)
    assert any("missed its deadline" in s for s in told)
    assert any("unselected" in s for s in told)
    assert any("3 failed" in s for s in told)
    assert any("declines group 1: expected at least 2 known accounts, got 0; it pays 0.0007 ether" in s for s in told)
    assert any("drawn again into 1 new group, from group 8 on; 2 without a seat" in s for s in told)
    assert any("DO 01 is suspect 0.75: seated after the clear ones" in s for s in told)
    assert any("ether paid back for gas" in s for s in told)


def test_what_everybody_has_is_not_worth_a_sentence() -> None:
    assert words.describe(ev.RecordChanged(1, "0x1", 2**14, False), str) is None
    assert words.describe(ev.FeesCredited(1, "0x1", 5, 5), str) is None
    assert "without" not in str(words.describe(ev.Redrawn(1, 8, 2, 0), str))


@pytest.mark.parametrize(
    ("suspicion", "suspect", "text"),
    [(None, False, "-"), (0, False, "clear 0.00"), (2**14, False, "clear 0.25"), (2**16, True, "suspect 1.00")],
)
def test_standing(suspicion: int | None, suspect: bool, text: str) -> None:
    assert words.standing(suspicion, suspect) == text


def test_gas_is_not_worth_a_sentence() -> None:
    assert words.describe(ev.GasUsed(1, "upload", 5, 5), str) is None


@given(st.floats(-1, 3), st.integers(1, 40))
def test_bars_have_their_width(share: float, width: int) -> None:
    assert len(charts.bar(share, width)) == width
    assert len(charts.limit_bar(share, width)) == width


def test_a_bar_beyond_the_limit_passes_its_mark() -> None:
    assert "┆" in charts.limit_bar(0.5, 12)
    assert "┆" not in charts.limit_bar(1.2, 12)
    assert charts.limit_bar(27, 12).endswith("▶")


@given(st.lists(st.floats(0, 100), max_size=60), st.integers(1, 40))
def test_sparks_keep_to_their_width(values: list[float], width: int) -> None:
    assert len(charts.spark(values, width)) == min(len(values), width)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-10, 110)), max_size=20), st.integers(1, 30), st.integers(1, 12))
def test_curves_fill_their_box(points: list[tuple[float, float]], width: int, height: int) -> None:
    rows = charts.braille(sorted(points), width, height, 0, 100)
    assert [len(row) for row in rows] == [width] * height
    assert any(row.strip() for row in rows) == bool(points)


def test_a_rising_curve_rises() -> None:
    rows = charts.braille([(0, 0), (1, 100)], 10, 5, 0, 100)
    assert rows[0].rstrip()
    assert not rows[0][:5].strip()
    assert rows[-1][:2].strip()
    assert not rows[-1][5:].strip()


@given(st.lists(st.floats(0, 100), max_size=9))
def test_ranges_hold_their_values(values: list[float]) -> None:
    low, high = charts.nice_range(values)
    assert 0 <= low < high <= 100
    assert high - low >= 10
    assert all(low <= v <= high for v in values)


@given(st.floats(-1, 2))
def test_shades_are_colours_with_readable_ink(value: float) -> None:
    colour = charts.shade(value)
    assert all(0 <= part <= 255 for part in colour)
    assert charts.ink(colour) in ("#000000", "#ffffff")
    assert len(charts.hexadecimal(colour)) == 7


def test_the_ends_of_the_map() -> None:
    assert charts.ink(charts.shade(0)) == "#ffffff"
    assert charts.ink(charts.shade(1)) == "#000000"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ev.StepMissed(1, 3, "upload", ["0xa", "0xb"], 4), "group 3: 0xa, 0xb missing at upload, 4 are left"),
        (
            ev.Objected(1, "0xa", "0xb", 2, "a share isn't that of its point"),
            "0xa objects to the shares of 0xb: a share isn't that of its point",
        ),
        (ev.MemberChanged(1, "0xa", "rebuilt", 2, 0, 0, 0), "the others of group 2 rebuild the secret of 0xa"),
        (ev.MemberChanged(1, "0xa", "blamed", 2, 0, 0, 0), "0xa of group 2 has dealt bad shares and loses its bond"),
        (ev.MemberChanged(1, "0xa", "shared", 2, 0, 0, 0), None),
    ],
)
def test_what_recover_says(event: ev.Event, text: str | None) -> None:
    assert words.describe(event, lambda address: address) == text
