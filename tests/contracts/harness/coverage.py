"""Which branches of the contracts the tests take: a pytest plugin that reads the traces of all code that runs.

    python -m pytest -p tests.contracts.harness.coverage --contract-coverage FILE tests/contracts

It is the code that says which contract runs, so that clones and facets count. A module's branch is taken if it is taken
in any contract that contains the module.

FILE gets a list of objects: `file`, `line`, `column`, `kind`, `text`, `outcomes` (name: whether it happened).
tools/contract_coverage.py makes a report of it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from boa.vm.py_evm import titanoboa_computation

from .branches import Code, Outcome, codes_of
from .contract import CONTRACTS, ROOT
from .curve import native_curve

MOCKS = ("tests/contracts/mocks", "tests/attacks/mocks")
"""Contracts of the tests, which contain modules, too."""


TRACED = "titanoboa"
"""The chain that leaves traces, as the parameter of a fixture `chain` calls it."""


class Recorder:
    """What has happened so far, of all that can."""

    def __init__(self, codes: list[Code]) -> None:
        self.codes = codes
        self.known: dict[bytes, Code | None] = {}
        self.happened: set[Outcome] = set()

    def record(self, code: bytes, trace: list[int]) -> None:
        """Takes in one execution: the places of its instructions, in order."""
        if code not in self.known:
            self.known[code] = next((c for c in self.codes if code.startswith(c.start)), None)
        found = self.known[code]
        if found is None:
            return
        jumps = found.jumps
        waiting: dict[int, tuple[Outcome, Outcome]] = {}
        for pc, target in zip(trace, islice(trace, 1, None), strict=False):
            if pc not in jumps:
                continue
            jumped = target != pc + 1
            if (outcome := jumps[pc][jumped]) is not None:
                self.happened.add(outcome)
            if (judged := waiting.pop(pc, None)) is not None:
                self.happened.add(judged[jumped])
            if (later := found.awaits.get((pc, jumped))) is not None:
                waiting[later[0]] = later[1]

    def table(self, folder: Path) -> list[dict[str, Any]]:
        """All branches of the sources in a folder with their outcomes, in the order of the text."""
        branches = {branch for code in self.codes for branch, _ in code.outcomes()}
        return [
            {
                "file": Path(branch.file).relative_to(folder).as_posix(),
                "line": branch.line,
                "column": branch.column,
                "kind": branch.kind,
                "text": branch.text,
                "outcomes": {
                    way: (branch, yes) in self.happened for way, yes in zip(branch.ways, (True, False), strict=True)
                },
            }
            for branch in sorted(branches, key=lambda b: (b.file, b.line, b.column, b.kind))
            if Path(branch.file).is_relative_to(folder)
        ]


@contextlib.contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Gives it the traces of whatever runs inside."""
    original = titanoboa_computation.__dict__["apply_computation"]

    def traced(cls: Any, state: Any, message: Any, context: Any, **options: Any) -> Any:
        computation = original.__func__(cls, state, message, context, **options)
        recorder.record(message.code, computation.code._trace)
        return computation

    titanoboa_computation.apply_computation = classmethod(traced)
    try:
        yield
    finally:
        titanoboa_computation.apply_computation = original


class Plugin:
    """Records while tests run, writes at their end."""

    def __init__(self, file: Path) -> None:
        self.file = file
        mocks = [path for folder in MOCKS for path in (ROOT / folder).glob("*.vy")]
        self.recorder = Recorder([code for p in [*CONTRACTS.glob("*.vy"), *mocks] for code in codes_of(p, CONTRACTS)])

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[Any]) -> None:
        """Of a test for several chains, takes titanoboa's variant, even if it is for the night: it is traced."""
        chains = {item: item.callspec.params.get("chain") for item in items if hasattr(item, "callspec")}
        for item in items:
            if chains.get(item) == TRACED:
                item.own_markers[:] = [mark for mark in item.own_markers if mark.name != "nightly"]
        unseen = [item for item in items if chains.get(item) not in (None, TRACED)]
        items[:] = [item for item in items if chains.get(item) in (None, TRACED)]
        config.hook.pytest_deselected(items=unseen)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        with recording(self.recorder), native_curve():
            result = yield
        table = self.recorder.table(CONTRACTS)
        self.file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        return result


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("omnilytics")
    group.addoption(
        "--contract-coverage", type=Path, metavar="FILE", help="write which branches of contracts are taken"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--contract-coverage") is not None:
        config.pluginmanager.register(Plugin(config.getoption("--contract-coverage")))
