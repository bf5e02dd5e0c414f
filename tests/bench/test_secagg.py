"""Suite `secagg` on small sizes: rows, ratios and values, Flower and a stand-in for it, and what is no result."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from omnilytics.bench import plain, recovery_gas, secagg
from omnilytics.bench.report import Report
from omnilytics.bench.secagg import Group, Sizes
from omnilytics.cli.bench import FLOWER
from omnilytics.errors import DataError, VerificationError
from tests.cli.conftest import valid
from tests.project.checkout import ROOT

SMALL = Sizes(members=(4, 16), values=(1_000, 5_705), repetitions=1)
INTERPRETER = ROOT / FLOWER

STAND_IN = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    about = {"python": "3", "versions": {"flwr": "0"}, "parameters": {"clipping_range": 8.0}}
    seconds = {"seconds": 0.001 * (1 + asked["members"]) * (1 + asked["size"])}
    print(json.dumps(about if asked["step"] == "about" else seconds), flush=True)
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An interpreter that answers as Flower's would, and what it runs."""
    program = tmp_path / "flower.py"
    program.write_text(STAND_IN, encoding="utf-8")
    monkeypatch.setattr(secagg, "PROGRAM", program)
    return Path(sys.executable)


def small_report(python: Path) -> Report:
    said: list[str] = []
    report = secagg.run(said.append, python, SMALL)
    assert len(said) == len(SMALL.members) * (1 + len(SMALL.values)) + 1
    valid(json.loads(json.dumps(report.to_json())), "bench-1")
    return report


def test_rows_ratios_and_values(stand_in: Path) -> None:
    report = small_report(stand_in)
    times = [row for row in report.rows if row.unit == "ms"]
    assert len(times) == len(SMALL.members) * (2 + 5 * len(SMALL.values))
    assert all(row.ratio is not None for row in times)
    assert {row.detail for row in report.rows if "d = 1,000" in row.name} == {True}
    assert set(report.bounds) <= set(report.ratios)
    assert set(report.values) == {"setup16_ms", "shamir16_ms", "recover_over_abort", "recover_one_gone"}
    named = {row.name: row for row in report.rows}
    of_round = named["round, N = 16, d = 5,705, 32-bit lanes, aes"].ratio
    assert report.ratios["round_vs_flower"] == pytest.approx(of_round)
    assert report.values["shamir16_ms"] == named["16 secrets rebuilt, T = 11"].value
    assert named["16 secrets rebuilt, T = 11"].anchor_value == pytest.approx(16 * 17)
    assert any(note.startswith("Flower's primitives, d = 5,705") for note in report.notes)


def test_full_sizes_give_what_has_bounds() -> None:
    of_largest = {f"shamir{Sizes().members[-1]}_ms", f"setup{Sizes().members[-1]}_ms"}
    assert set(secagg.LIMITS) == of_largest | set(recovery_gas.LIMITS)
    assert set(secagg.NARROW) == set(Sizes().members)


@pytest.mark.skipif(not INTERPRETER.exists(), reason="no Flower here: make flower")
def test_flower_answers_every_step() -> None:
    with secagg.flower(INTERPRETER) as flower:
        about = flower.ask("about")
        assert about["versions"]["flwr"] == secagg.FLOWER_VERSION
        assert about["parameters"]["quantization_range"] == 2 * secagg.PRECISE
        steps = ("setup", "round", *secagg.PRIMITIVES, *secagg.VECTORS)
        assert [step for step in steps if not flower.seconds(step, 4, 1_000) > 0] == []
        with pytest.raises(DataError, match="KeyError"):
            flower.ask("dance")


def test_a_missing_flower_is_an_error_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Flower: expected a Python with flwr 1[.]41[.]0 .* `make flower`"):
        secagg.run([].append, tmp_path / "python", SMALL)


def test_an_interpreter_without_is_an_error() -> None:
    with pytest.raises(DataError, match="No module named 'flwr'"), secagg.flower(Path(sys.executable)) as flower:
        flower.ask("about")


def test_gas_needs_no_flower() -> None:
    report = secagg.without([].append, Path("nowhere"))
    assert (report.ratios, report.bounds) == ({}, secagg.BOUNDS)
    assert report.notes[0] == f"no Flower at nowhere, so nothing but gas; {secagg.HOW}"
    calls = {row.name: row.value for row in report.rows if row.detail}
    assert {row.anchor for row in report.rows if not row.detail} == {"abort"}
    for row in report.rows:
        if not row.detail:
            of_case = sum(gas for name, gas in calls.items() if name.startswith(f"{row.name}: "))
            assert row.value == pytest.approx(of_case)
    assert report.values["recover_over_abort"] == pytest.approx(1 / (report.rows[0].ratio or 0))
    named = {name.split(", ", 3)[-1] for name in calls}
    assert {"one gone before it uploads: rebuild", "one gone before it reveals: reveal_shares"} <= named
    assert "nobody gone: rebuild" not in named


def test_another_secret_is_no_result(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secagg, "rebuild_many", lambda shares, threshold: [1] * len(shares))
    with pytest.raises(VerificationError, match="the secrets that were shared"):
        small_report(stand_in)


def test_an_objection_is_no_result() -> None:
    group = Group(4)
    group.checked()
    first, second, *_ = group._dealings
    group._dealings[first] = group._dealings[second]
    with pytest.raises(VerificationError, match="expected good dealings"):
        group.checked()


def test_other_words_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "counter_blocks", plain.counter_mode)
    with pytest.raises(VerificationError, match="expected the words of numpy"):
        secagg.check_same()


@pytest.mark.parametrize("members", Sizes().members)
def test_numpy_gives_the_same_words_in_every_group(members: int) -> None:
    secagg.check_same(1_000, members)
