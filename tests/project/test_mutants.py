"""tools/mutants.py finds every guard of the contracts and breaks it; what it may spare is there, with a reason."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.project.checkout import ROOT

CONTRACTS = ROOT / "contracts"
CONTRACT = """
# pragma version ~=0.4.3
from modules import checks

LEAST: constant(uint256) = 2
owner: address

@external
def put(n: uint256, m: uint256):
    n_known: uint256 = self._known(n)
    assert n < m and (m == 3 or n_known >= 1), "put: wrong"
    checks._within(n, LEAST, m, "put: out of range")
    assert n != 7, "put: seven"  # dev: never

@view
@internal
def _known(n: uint256) -> uint256:
    k: uint256 = n + 1
    assert k != 5, "put: unknown"
    return k

@view
@external
def is_late(time: uint256) -> bool:
    return block.timestamp > time
"""
MODULE = """
# pragma version ~=0.4.3
@pure
@internal
def _within(given: uint256, least: uint256, most: uint256, reason: String[32]):
    assert given >= least, reason
    assert given <= most, reason
"""
MUTANTS = {
    "put.put: call: self._known(n) as n + 1": "n_known: uint256 = n + 1\n",
    "put.put: drop: n < m and (m == 3 or n_known >= 1)": 'assert True, "put: wrong"',
    "put.put: operand: n < m in n < m and (m == 3 or n_known >= 1)": "assert (m == 3 or n_known >= 1),",
    "put.put: operand: m == 3 or n_known >= 1 in n < m and (m == 3 or n_known >= 1)": "assert (n < m),",
    "put.put: operand: m == 3 in n < m and (m == 3 or n_known >= 1)": "n < m and ((n_known >= 1)),",
    "put.put: operand: n_known >= 1 in n < m and (m == 3 or n_known >= 1)": "n < m and ((m == 3)),",
    "put.put: boundary: n < m with <=": "assert n <= m and",
    "put.put: boundary: n_known >= 1 with >": "n_known > 1)",
    'put.put: call: checks._within(n, LEAST, m, "put: out of range")': "    pass\n",
    'put.put: limit: (LEAST) - 1 in checks._within(n, LEAST, m, "put: out of range")': "(n, (LEAST) - 1, m,",
    'put.put: limit: (LEAST) + 1 in checks._within(n, LEAST, m, "put: out of range")': "(n, (LEAST) + 1, m,",
    'put.put: limit: (m) - 1 in checks._within(n, LEAST, m, "put: out of range")': "LEAST, (m) - 1,",
    'put.put: limit: (m) + 1 in checks._within(n, LEAST, m, "put: out of range")': "LEAST, (m) + 1,",
    "put._known: drop: k != 5": "assert True,",
    "put.is_late: boundary: block.timestamp > time with >=": "return block.timestamp >= time",
    "checks._within: drop: given >= least": "assert True, reason\n    assert given <= most",
    "checks._within: boundary: given >= least with >": "given > least",
    "checks._within: drop: given <= most": "assert given >= least, reason\n    assert True",
    "checks._within: boundary: given <= most with <": "given < most",
}


@pytest.fixture
def mutants(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tool."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("mutants")


@pytest.fixture
def small(tmp_path: Path, mutants: Any) -> Any:
    """What it finds in a contract with a module."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "put.vy").write_text(CONTRACT)
    (tmp_path / "modules" / "checks.vy").write_text(MODULE)
    return mutants.Finder(tmp_path)


def test_every_kind_of_guard_is_found(small: Any) -> None:
    found = {mutant.id: mutant for mutant in small.find()}
    assert sorted(found) == sorted(MUTANTS)
    assert small.impossible == 1
    for name, text in MUTANTS.items():
        assert text in found[name].apply()


def test_a_mutant_is_tried_where_its_function_is_called(small: Any, tmp_path: Path) -> None:
    (tmp_path / "other.vy").write_text("from modules import checks\n@external\ndef get() -> uint256:\n    return 1\n")
    mutant = next(mutant for mutant in small.find() if mutant.source.stem == "checks")
    assert small.is_in(mutant, tmp_path / "put.vy")
    assert not small.is_in(mutant, tmp_path / "other.vy")


def test_it_knows_which_reason_is_given(small: Any) -> None:
    reasons = {mutant.id: mutant.reasons for mutant in small.find()}
    assert reasons["put.put: boundary: n < m with <="] == ("put: wrong",)
    assert reasons["put.put: call: self._known(n) as n + 1"] == ("put: unknown",)
    assert reasons['put.put: call: checks._within(n, LEAST, m, "put: out of range")'] == ("put: out of range",)
    assert reasons["put.is_late: boundary: block.timestamp > time with >="] != ()


def test_no_assertion_of_the_contracts_is_left_out(mutants: Any) -> None:
    finder = mutants.Finder(CONTRACTS)
    paths = [path for path in CONTRACTS.rglob("*.vy") if "baseline" not in path.relative_to(CONTRACTS).parts]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    written = sum(len(re.findall(r"^\s*assert\b", text, re.MULTILINE)) for text in texts)
    found = finder.find()
    assert sum(mutant.kind == "drop" for mutant in found) + finder.impossible == written
    assert len({mutant.id for mutant in found}) == len(found)


def test_what_may_survive_exists_and_has_a_reason(mutants: Any) -> None:
    assert sorted(set(mutants.allowed()) - {mutant.id for mutant in mutants.Finder(CONTRACTS).find()}) == []


def test_a_reason_is_asked_for(mutants: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "ALLOWED", tmp_path / "mutants.allow")
    mutants.ALLOWED.write_text("# a comment\nput.put: drop: n < m  # n is always 1\n")
    assert mutants.allowed() == {"put.put: drop: n < m": "n is always 1"}
    mutants.ALLOWED.write_text("put.put: drop: n < m\n")
    with pytest.raises(ValueError, match="expected `ID  # why`"):
        mutants.allowed()


@pytest.mark.slow
def test_a_broken_guard_is_noticed(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "mutants.py"), "--trust", "--results", str(tmp_path / "results")]
    mutant = "registry._list: drop: account != empty(address)"
    run = subprocess.run([*command, "--match", mutant], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 killed / 0 survived / 0 not compiling" in run.stdout
    assert "tests/contracts/test_whitelist.py::" in run.stdout
