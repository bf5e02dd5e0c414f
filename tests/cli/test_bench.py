"""`omnilytics bench`: table, JSON and exit codes; the suite itself is a fake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from omnilytics.bench.report import Report, Row, Say
from omnilytics.cli import bench
from omnilytics.errors import DataError, InputError, VerificationError
from tests.cli.conftest import Call, valid

LOAD_SUITE = bench.load_suite
"""As it is: in the tests below every suite is a fake."""


def measured(name: str, program: Path | None, *, optional: bool) -> Callable[[Say], Report]:
    def run(say: Say) -> Report:
        say(f"{name}: at work")
        row = Row("a row [1]", 2.0, "ms", "another", 5.0)
        values = {f"{name}_ms": 3.5}, {f"{name}_ms": 4.0}
        return Report(name, (row,), {name: 2.5}, {name: 2.0}, (f"of {name} [1]",), *values)

    return run


@pytest.fixture(autouse=True)
def suites(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every suite takes no time."""
    monkeypatch.setattr(bench, "load_suite", measured)


def test_a_table_with_ratios_and_notes(call: Call) -> None:
    result = call("bench", "training")
    assert result.exit_code == 0
    for word in ("a row [1]", "another", "2.5", "at least", "training_ms", "3.5", "at most", "of training [1]"):
        assert word in result.stdout
    assert result.stderr == "training: at work\n"


def test_json_on_the_standard_output_is_alone(call: Call) -> None:
    result = call("bench", "training", "--json", "-")
    value = valid(json.loads(result.stdout), "bench-1")
    assert value["ratios"] == {"training": 2.5}
    assert (value["values"], value["limits"]) == ({"training_ms": 3.5}, {"training_ms": 4.0})
    assert "a row" in result.stderr


def test_all_suites_go_into_one_file(call: Call, tmp_path: Path) -> None:
    assert call("bench", "all", "--json", "all.json", "--quiet").output == ""
    value = valid(json.loads((tmp_path / "all.json").read_text(encoding="utf-8")), "bench-1")
    assert list(value["ratios"]) == list(bench.SUITES)
    assert list(value["values"]) == [f"{name}_ms" for name in bench.SUITES]


def test_every_suite_can_be_asked_for(call: Call) -> None:
    text = call("bench", "--help").stdout
    assert [name for name in (*bench.SUITES, "all") if name not in text] == ["blob_gas"]
    assert "of blob_gas [1]" in call("bench", "gas", "--mode", "blob").stdout


@pytest.mark.parametrize(
    ("arguments", "got"), [(("chain",), "chain"), (("all",), "all"), (("gas", "--lines"), "--lines")]
)
def test_a_mode_goes_with_gas_alone(call: Call, arguments: tuple[str, ...], got: str) -> None:
    result = call("bench", *arguments, "--mode", "blob")
    text = f"error: --mode: expected the suite gas without --lines with it, got {got}\n"
    assert (result.exit_code, result.stderr) == (2, text)


def test_what_a_suite_finds_wrong_is_an_exit_code(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def wrong(say: Say) -> Report:
        raise VerificationError("gas: expected 1, got 2")

    monkeypatch.setattr(bench, "load_suite", lambda name, program, optional: wrong)
    result = call("bench", "training", "--json", "out.json")
    assert (result.exit_code, result.stderr) == (VerificationError.exit_code, "error: gas: expected 1, got 2\n")
    assert list(tmp_path.iterdir()) == []


def test_lines_go_with_gas_alone(call: Call) -> None:
    assert "of lines [1]" in call("bench", "gas", "--lines").stdout
    result = call("bench", "chain", "--lines")
    assert (result.exit_code, result.stderr) == (2, "error: --lines: expected the suite gas with it, got chain\n")


@pytest.mark.parametrize(
    ("option", "suite", "suites", "usual"),
    [
        ("flower", "secagg", "secagg, training", bench.FLOWER),
        ("flower", "training", "secagg, training", bench.FLOWER),
        ("geth", "network", "network", bench.GETH),
    ],
)
def test_a_program_goes_with_its_suite_and_all(
    call: Call, monkeypatch: pytest.MonkeyPatch, option: str, suite: str, suites: str, usual: Path
) -> None:
    asked: list[tuple[str, str, bool]] = []

    def load(name: str, program: Path | None, *, optional: bool) -> Callable[[Say], Report]:
        asked.append((name, str(program), optional))
        return measured(name, program, optional=optional)

    monkeypatch.setattr(bench, "load_suite", load)
    assert call("bench", suite, f"--{option}", "another/program").exit_code == 0
    assert call("bench", "all").exit_code == 0
    found = [one for one in asked if one[0] == suite]
    assert found == [(suite, "another/program", False), (suite, str(usual), True)]
    result = call("bench", "chain", f"--{option}", "another/program")
    assert result.exit_code == 2
    assert result.stderr == f"error: --{option}: expected the suite {suites} or all with it, got chain\n"


def test_only_all_suites_do_without_what_isnt_installed(tmp_path: Path) -> None:
    missing = tmp_path / "program"
    report = LOAD_SUITE("secagg", missing, optional=True)([].append)
    assert (report.ratios, {row.unit for row in report.rows}) == ({}, {"gas"})
    assert report.notes[0].startswith(f"no Flower at {missing}")
    with pytest.raises(DataError, match="make flower"):
        LOAD_SUITE("secagg", missing, optional=False)([].append)
    report = LOAD_SUITE("network", missing, optional=True)([].append)
    assert (report.rows, report.notes) == ((), (f"no geth at {missing}: `make nodes` installs it",))
    with pytest.raises(InputError, match="expected geth's program"):
        LOAD_SUITE("network", missing, optional=False)([].append)
    assert LOAD_SUITE("kernels", None, optional=True).__module__ == "omnilytics.bench.kernels"


def test_an_unknown_suite_is_refused(call: Call) -> None:
    assert call("bench", "speed").exit_code == 2
