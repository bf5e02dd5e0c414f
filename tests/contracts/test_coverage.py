"""The coverage of the contracts' branches says for each which way it went, and nothing else."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.harness import CONTRACTS, ROOT, Accounts, Chain, Contract, Reverted, compiled
from tests.contracts.harness.branches import codes_of
from tests.contracts.harness.coverage import Recorder, recording

CONTRACT = """
# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize {level}

total: public(uint256)

@external
def choose(a: uint256, b: uint256) -> uint256:
    if a == 1:
        return 10
    elif a != 2 and b > 5:
        self.total += 1
    else:
        self.total = 7 if b == 0 else b
    return self.total

@external
def both(a: bool, b: bool, c: bool):
    assert not (a or b) and c, "both: no"

@external
def three(a: uint256, b: uint256, c: uint256) -> bool:
    if a < 3 or b < 3 or c >= 3:
        return True
    return a == b and b == c

@external
def walk(n: uint256, stop: uint256):
    for i: uint256 in range(n, bound=9):
        if i == stop:
            break
        if i % 2 == 0:
            continue
        self.total += i

@external
def find(n: uint256):
    for i: uint256 in range(9):  # dev: n is below 9
        if i == n:
            return

@external
def nest(rows: DynArray[uint256, 4]):
    for row: uint256 in rows:
        for column: uint256 in range(2):
            assert row != 9  # dev: never
            self.total += row * column
"""


class Session:
    """A contract whose runs are recorded."""

    def __init__(self, path: Path, sender: str) -> None:
        self.recorder = Recorder(codes_of(path, CONTRACTS))
        self.folder = path.parent
        self.contract: Contract = compiled(path).deploy(sender=sender)
        self.sender = sender

    def went(self, name: str, *args: Any) -> set[str]:
        """What happened in one call, as `text: outcome`."""
        self.recorder.happened.clear()
        with recording(self.recorder), contextlib.suppress(Reverted):
            getattr(self.contract, name)(*args, sender=self.sender)
        table = self.recorder.table(self.folder)
        return {f"{b['text']}: {way}" for b in table for way, happened in b["outcomes"].items() if happened}


@pytest.fixture(params=["gas", "codesize", "none"])
def session(request: pytest.FixtureRequest, tmp_path: Path, chain: Chain, accounts: Accounts) -> Session:
    path = tmp_path / f"Branches_{request.param}.vy"
    path.write_text(CONTRACT.format(level=request.param), encoding="utf-8")
    return Session(path, accounts.stranger)


def test_every_branch_is_there_twice(session: Session) -> None:
    table = session.recorder.table(session.folder)
    kinds = [branch["kind"] for branch in table]
    counts = {"and": 4, "assert": 1, "if": 6, "loop": 3, "or": 5, "ternary": 1}
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == counts
    assert all(len(branch["outcomes"]) == 2 for branch in table)


def test_if_elif_else_and_a_ternary(session: Session) -> None:
    assert session.went("choose", 1, 0) == {"a == 1: true"}
    either = "a != 2 and b > 5"
    assert session.went("choose", 3, 6) == {"a == 1: false", "a != 2: true", "b > 5: true", f"{either}: true"}
    assert session.went("choose", 3, 5) == {
        "a == 1: false", "a != 2: true", "b > 5: false", f"{either}: false", "b == 0: false",
    }  # fmt: skip
    assert session.went("choose", 2, 0) == {"a == 1: false", "a != 2: false", f"{either}: false", "b == 0: true"}


def test_operands_of_an_assertion(session: Session) -> None:
    whole = "not (a or b) and c"
    assert session.went("both", False, False, True) == {"a: false", "b: false", "c: true", f"{whole}: holds"}
    assert session.went("both", False, False, False) == {"a: false", "b: false", "c: false", f"{whole}: fails"}
    assert session.went("both", True, False, True) == {"a: true", f"{whole}: fails"}
    assert session.went("both", False, True, True) == {"a: false", "b: true", f"{whole}: fails"}


def test_three_operands(session: Session) -> None:
    whole = "a < 3 or b < 3 or c >= 3"
    assert session.went("three", 2, 9, 0) == {"a < 3: true", f"{whole}: true"}
    assert session.went("three", 3, 2, 0) == {"a < 3: false", "b < 3: true", f"{whole}: true"}
    assert session.went("three", 3, 3, 3) == {"a < 3: false", "b < 3: false", "c >= 3: true", f"{whole}: true"}
    assert session.went("three", 3, 3, 2) == {
        "a < 3: false", "b < 3: false", "c >= 3: false", f"{whole}: false", "a == b: true",
    }  # fmt: skip


def test_loops(session: Session) -> None:
    loop = "range(n, bound=9)"
    assert session.went("walk", 0, 0) == {f"{loop}: ends"}
    assert session.went("walk", 1, 5) == {f"{loop}: ends", "i == stop: false", "i % 2 == 0: true"}
    assert session.went("walk", 2, 0) == {"i == stop: true"}
    assert session.went("walk", 2, 5) == {
        f"{loop}: goes on", f"{loop}: ends", "i == stop: false", "i % 2 == 0: true", "i % 2 == 0: false",
    }  # fmt: skip
    assert session.went("find", 1) == {"i == n: false", "i == n: true"}
    assert session.went("nest", []) == {"rows: ends"}
    assert session.went("nest", [1]) == {"rows: ends", "range(2): goes on", "range(2): ends"}
    assert session.went("nest", [1, 2]) == {"rows: goes on", "rows: ends", "range(2): goes on", "range(2): ends"}


def test_what_the_contracts_run_is_known(chain: Chain, accounts: Accounts) -> None:
    recorder = Recorder(codes_of(CONTRACTS / "VectorMath.vy", CONTRACTS))
    with recording(recorder):
        compiled(CONTRACTS / "VectorMath.vy").deploy(sender=accounts.deployer)
    assert [code is not None for code in recorder.known.values()] == [True]


def test_a_report_names_what_is_missing(tmp_path: Path) -> None:
    decided = {"kind": "if", "column": 0}
    branches = [
        decided | {"file": "A.vy", "line": 3, "text": "x", "outcomes": {"true": True, "false": False}},
        decided | {"file": "A.vy", "line": 5, "text": "y", "outcomes": {"true": False, "false": False}},
        decided | {"file": "B.vy", "line": 1, "text": "z", "outcomes": {"true": True, "false": True}},
    ]
    (tmp_path / "branches.json").write_text(json.dumps(branches))
    command = [sys.executable, str(ROOT / "tools" / "contract_coverage.py"), "--read", str(tmp_path / "branches.json")]
    run = subprocess.run([*command, "--fail-under", "50"], capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert run.stdout.splitlines() == [
        "contracts/A.vy:3: if never false: x",
        "contracts/A.vy:5: if never runs: y",
        "A.vy      1 / 4      25.00 %",
        "B.vy      2 / 2     100.00 %",
        "total     3 / 6      50.00 %",
    ]
    assert subprocess.run([*command, "--fail-under", "51"], capture_output=True, check=False).returncode == 1
