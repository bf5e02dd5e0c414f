"""tools/rust_coverage.py reads what llvm-cov writes, leaves the tests' own lines out, and names what never runs."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.project.checkout import ROOT

SOURCE = """//! A file.
pub fn one() -> u8 {
    1
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_one() {}
}
"""
REPORT = """SF:{root}/rust/core/src/one.rs
DA:2,1
DA:3,0
DA:3,0
DA:4,1,checksum
DA:9,5
end_of_record
SF:{root}/rust/core/tests/vectors.rs
DA:1,1
end_of_record
SF:/elsewhere/src/lib.rs
DA:1,0
end_of_record
"""


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The tool, in a tree of one file."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sys.modules.pop("rust_coverage", None)
    tool = importlib.import_module("rust_coverage")
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    source = tmp_path / "rust" / "core" / "src" / "one.rs"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE, encoding="utf-8")
    return tool


def test_lines_of_the_crates_count_without_their_tests(tool: Any, tmp_path: Path) -> None:
    assert tool.read(REPORT.format(root=tmp_path)) == {"rust/core/src/one.rs": {2: 1, 3: 0, 4: 1}}


def test_the_report_names_what_never_runs(tool: Any) -> None:
    lines, percent = tool.report({"a.rs": {1: 1, 2: 0, 3: 0, 4: 2, 9: 0}, "b.rs": {1: 3}})
    assert lines[0] == "a.rs: never runs: 2-3, 9"
    assert lines[-1].split() == ["total", "3", "/", "6", "50.00", "%"]
    assert percent == 50.0


def test_below_the_limit_it_fails(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "measure", lambda filters: (0, {"a.rs": {1: 1, 2: 0}}))
    for limit, status in (("50", 0), ("51", 1)):
        monkeypatch.setattr(sys, "argv", ["rust_coverage.py", "--fail-under", limit])
        assert tool.main() == status
    monkeypatch.setattr(tool, "measure", lambda filters: (101, {"a.rs": {1: 1}}))
    assert tool.main() == 101
