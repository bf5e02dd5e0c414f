"""tools/readme.py turns result files into tables and refuses what it can't."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.experiments.asked import found
from tests.project.checkout import ROOT

SPEC: dict[str, Any] = {
    "label": "Attackers",
    "columns": [
        {"title": "Final, %", "key": "accuracy.final", "digits": 1},
        {"title": "Refused", "key": "groups.rejected"},
    ],
    "rows": [{"label": "none", "results": [{"accuracy": {"final": 90}, "groups": {"rejected": []}}]}],
    "source": "omnilytics demo",
}


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, with a README and a result file of its own."""
    spec = importlib.util.spec_from_file_location("readme_tables", ROOT / "tools" / "readme.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "LOG.md").write_text("nothing generated\n")
    (tmp_path / "runs.json").write_text(json.dumps(SPEC))
    (tmp_path / "README.md").write_text("before\n<!-- begin:runs -->\nold\n<!-- end:runs -->\nafter\n")
    return module


def test_a_table_replaces_what_stood_between_its_markers(tables: ModuleType, tmp_path: Path) -> None:
    assert tables.main(["--check"]) == 1
    assert tables.main([]) == 0
    assert tables.main(["--check"]) == 0
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n<!-- begin:runs -->\n| Attackers | Final, % | Refused |\n| --- | ---: | ---: |\n")
    assert "| none | 90.0 | 0 |\n" in text
    assert text.endswith("From `omnilytics demo`.\n<!-- end:runs -->\nafter\n")


def test_results_are_added_as_mean_and_spread(tables: ModuleType, tmp_path: Path) -> None:
    for seed, final in enumerate((94.0, 96.0)):
        result = {"accuracy": {"final": final, "start": 1}, "groups": {"rejected": [3, 5]}}
        (tmp_path / f"{seed}.out").write_text(json.dumps(result))
    assert tables.main(["add", "runs", "two", str(tmp_path / "0.out"), str(tmp_path / "1.out")]) == 0
    assert "| two | 95.0 ± 1.4 | 2 ± 0 |" in (tmp_path / "README.md").read_text()
    row = json.loads((tmp_path / "runs.json").read_text())["rows"][1]
    assert row["results"][0] == {"accuracy": {"final": 94.0}, "groups": {"rejected": 2.0}}


def bench_result(cpu: str, **ratios: float) -> str:
    machine = {"cpu": cpu, "cores": 2}
    return json.dumps({"machine": machine, "ratios": ratios, "bounds": dict.fromkeys(ratios, 2.0)})


BENCH = {
    "label": "Ratio",
    "columns": [{"title": "found", "key": "ratio", "digits": 1}, {"title": "at least", "key": "bound"}],
    "rows": [{"label": "speed", "ratio": "fast", "results": []}, {"label": "size", "ratio": "small", "results": []}],
    "source": "omnilytics bench all",
}


def test_benchmarks_fill_the_rows_that_name_their_ratio(tables: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(json.dumps(BENCH))
    document = tmp_path / "docs" / "LOG.md"
    document.write_text("<!-- begin:bench -->\n<!-- end:bench -->\n")
    (tmp_path / "one.out").write_text(bench_result("Chip", fast=2.54))
    (tmp_path / "two.out").write_text(bench_result("Chip", small=7.0, other=1.0))
    assert tables.main(["bench", str(tmp_path / "one.out"), str(tmp_path / "two.out")]) == 0
    text = document.read_text()
    assert "| speed | 2.5 | 2 |\n| size | 7.0 | 2 |\n" in text
    assert "From `omnilytics bench all`, on Chip, 2 cores." in text


def test_a_benchmark_alone_leaves_the_others_of_its_machine(
    tables: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench.json").write_text(json.dumps(BENCH))
    (tmp_path / "docs" / "LOG.md").write_text("<!-- begin:bench -->\n<!-- end:bench -->\n")
    for name, result in {
        "all": bench_result("Chip", fast=2.54, small=7.0),
        "one": bench_result("Chip", fast=3.0),
        "elsewhere": bench_result("Chop", fast=4.0),
    }.items():
        (tmp_path / f"{name}.out").write_text(result)
    assert tables.main(["bench", str(tmp_path / "all.out")]) == 0
    assert tables.main(["bench", str(tmp_path / "one.out")]) == 0
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert [row["results"][0]["ratio"] for row in rows] == [3.0, 7.0]
    assert tables.main(["bench", str(tmp_path / "elsewhere.out")]) == 2
    assert "expected the ratio 'small' in a result of Chop, 2 cores" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("results", "complaint"),
    [
        ([bench_result("Chip", fast=2.0)], "expected the ratio 'small'"),
        ([bench_result("Chip", fast=2.0), bench_result("Chop", small=2.0)], "expected results of one machine"),
    ],
)
def test_benchmarks_are_whole_and_of_one_machine(
    tables: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], results: list[str], complaint: str
) -> None:
    (tmp_path / "bench.json").write_text(json.dumps(BENCH))
    for i, result in enumerate(results):
        (tmp_path / f"{i}.out").write_text(result)
    assert tables.main(["bench", *(str(tmp_path / f"{i}.out") for i in range(len(results)))]) == 2
    assert complaint in capsys.readouterr().err
    assert json.loads((tmp_path / "bench.json").read_text()) == BENCH


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<!-- begin:none -->\n<!-- end:none -->\n", "docs/results/none.json"),
        ("<!-- begin:runs -->\n", "expected a matching end marker"),
        ("<!-- begin:runs -->\n<!-- end:other -->\n", "expected a matching end marker"),
    ],
)
def test_a_marker_that_cannot_work_is_refused(
    tables: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    (tmp_path / "README.md").write_text(text)
    assert tables.main([]) == 2
    assert complaint in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == text


@pytest.mark.parametrize(
    ("result", "complaint"),
    [({}, "expected the key 'accuracy.final'"), ({"accuracy": {"final": "95"}}, "expected a number or a list")],
)
def test_a_result_without_a_number_is_refused(
    tables: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], result: object, complaint: str
) -> None:
    (tmp_path / "bad.out").write_text(json.dumps(result))
    assert tables.main(["add", "runs", "bad", str(tmp_path / "bad.out")]) == 2
    assert complaint in capsys.readouterr().err
    assert json.loads((tmp_path / "runs.json").read_text()) == SPEC


def test_an_experiment_s_table_is_what_it_has_found(tables: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    path = tmp_path / "experiments" / "noise.json"
    path.write_text(json.dumps(found().to_json()))
    document = tmp_path / "docs" / "EVALUATION.md"
    document.write_text("<!-- begin:experiment-noise -->\n<!-- end:experiment-noise -->\n")
    assert tables.main(["--check"]) == 1
    assert tables.main([]) == 0
    text = document.read_text()
    assert "| 2 % | 91.0 ± 1.4 | 83.1 | ≥ 90: met |" in text
    for other in (found(attack="quiet"), replace(found(), small=True), replace(found(), tuned=True)):
        path.write_text(json.dumps(other.to_json()))
        assert tables.main(["--check"]) == 2
    path.write_text("{}")
    assert tables.main(["--check"]) == 2


def test_a_question_without_a_result_keeps_its_place(tables: ModuleType, tmp_path: Path) -> None:
    document = tmp_path / "docs" / "EVALUATION.md"
    document.write_text("<!-- begin:experiment-table5 -->\n<!-- end:experiment-table5 -->\n")
    assert tables.main([]) == 0
    assert "\nNo result yet; `omnilytics experiment run table5` asks it.\n<!-- end" in document.read_text()
    document.write_text("<!-- begin:experiment-table7 -->\n<!-- end:experiment-table7 -->\n")
    assert tables.main([]) == 2


@pytest.mark.parametrize(("path", "place"), [("more.json", "more"), ("experiments/noise.json", "experiment-noise")])
def test_a_result_without_a_place_is_refused(
    tables: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, place: str
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / path).write_text("{}")
    assert tables.main(["--check"]) == 2
    assert f"found no '<!-- begin:{place} -->'" in capsys.readouterr().err
