"""Which tests come near a guard: a pytest plugin for tools/mutants.py.

A mutant behaves like the contract until its guard would have decided otherwise. So only these tests can kill it:

    fails   those in which what is dropped has failed: an assertion, or a check that was called
    near    those in which two sides of a comparison were at most one apart: its own, or in a check that was called

Both are read off the traces of one run without a mutant. A comparison may be none any more once it is compiled; then it
isn't in the universe, and every test may kill its mutants. So may, of all mutants, a test of which nothing was seen: it
runs on another chain.
"""

from __future__ import annotations

import importlib
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import vyper.ast as vy
from vyper.codegen.ir_node import IRnode
from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.ir import compile_ir

NEAR, FAILS = "near", "fails"
STRICT = {"le": "gt", "ge": "lt", "sle": "sgt", "sge": "slt"}
COMPARING = {0x10: "LT", 0x11: "GT", 0x12: "SLT", 0x13: "SGT"}
JUMP = 0x56

Spot = tuple[str, int, int]
"""Where an AST node is: file, relative to the contracts; line; column."""


def annotate(ir: Any, owner: Any = None) -> None:
    """Gives every node of a tree the AST node that it was made from; changes no code."""
    ir.ast_source = owner = ir.ast_source or owner
    if ir.value in STRICT:
        # the compiler does the same later, and forgets whose it is
        ir.args = [IRnode.from_list([STRICT[ir.value], *ir.args], ast_source=owner)]
        ir.value = "iszero"
    for child in ir.args:
        annotate(child, owner)


@dataclass(slots=True)
class Chart:
    """One piece of code: of every place whose it is, by what the source says.

    Attributes:
        start: the code without what is appended to it.
        nodes: AST nodes by place.
        compares: places of comparisons.
        calls: places of jumps into internal functions.
    """

    start: bytes
    nodes: dict[int, Any]
    compares: dict[int, Any] = field(default_factory=dict)
    calls: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, assembly: Any, metadata: bytes | None = None) -> Chart:
        """Of annotated code."""
        start, maps = compile_ir.assembly_to_evm(assembly, compiler_metadata=metadata)
        nodes = maps["pc_raw_ast_map"]
        chart = cls(start, nodes)
        for pc, node in nodes.items():
            if start[pc] in COMPARING and isinstance(node, vy.Compare):
                chart.compares[pc] = node
            if start[pc] == JUMP and maps["pc_jump_map"].get(pc) == "i":
                chart.calls[pc] = node
        return chart

    def function(self, trace: list[int], at: int, step: int) -> Any:
        """Whose the first place from there on is that anything is known of."""
        while 0 <= at < len(trace):
            if (node := self.nodes.get(trace[at])) is not None:
                return node if isinstance(node, vy.FunctionDef) else node.get_ancestor(vy.FunctionDef)
            at += step
        return None

    def callers(self, trace: list[int]) -> Iterator[Any]:
        """The calls of internal functions that haven't returned at the end of a trace, the last first."""
        inside = self.function(trace, len(trace) - 1, -1)
        for at in range(len(trace) - 2, -1, -1):
            if trace[at] in self.calls and self.function(trace, at + 1, 1) is inside is not None:
                call = self.calls[trace[at]]
                yield call
                inside = call.get_ancestor(vy.FunctionDef)


def charts(path: Path, contracts: Path) -> list[Chart]:
    """Runtime and creation code of a contract, which imports from `contracts`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bundle = FilesystemInputBundle([contracts])
        source = bundle.load_file(path)
        assert isinstance(source, FileInput)
        data = CompilerData(source, bundle)
        annotate(data.ir_runtime)
        annotate(data.ir_nodes)
        return [Chart.of(data.assembly_runtime), Chart.of(data.assembly, bytes.fromhex(data.integrity_sum))]


class Reach:
    """Records which test came near what.

    Attributes:
        touched: tests by what happened and where.
        universe: all that can happen.
        secs: how long each test took.
        seen: the tests that ran anything known here.
        failed: the tests that failed.
    """

    def __init__(self, paths: list[Path], contracts: Path) -> None:
        self.contracts = contracts
        self.charts = [chart for path in paths for chart in charts(path, contracts)]
        self.known: dict[bytes, Chart | None] = {}
        self.test = ""
        self.touched: dict[tuple[str, Spot], set[str]] = defaultdict(set)
        self.secs: dict[str, float] = defaultdict(float)
        self.seen: set[str] = set()
        self.failed: set[str] = set()

    def universe(self) -> set[tuple[str, Spot]]:
        found = set()
        for chart in self.charts:
            near = [*chart.compares.values(), *chart.calls.values()]
            asserts = [node for node in chart.nodes.values() if isinstance(node, vy.Assert)]
            found |= {(NEAR, self.spot(node)) for node in near}
            found |= {(FAILS, self.spot(node)) for node in [*asserts, *chart.calls.values()]}
        return found

    def spot(self, node: Any) -> Spot:
        path = Path(node.module_node.resolved_path)
        name = path.relative_to(self.contracts).as_posix() if path.is_relative_to(self.contracts) else path.name
        return name, node.lineno, node.col_offset

    def chart(self, code: bytes) -> Chart | None:
        if code not in self.known:
            self.known[code] = next((c for c in self.charts if code.startswith(c.start)), None)
        return self.known[code]

    def compared(self, computation: Any, distance: int) -> None:
        """Takes in one comparison of two words: the difference modulo 2^256."""
        chart = self.chart(computation.msg.code)
        pc = computation.code.program_counter - 1
        if chart is None or pc not in chart.compares or distance not in (0, 1, 2**256 - 1):
            return
        self.touched[NEAR, self.spot(chart.compares[pc])].add(self.test)
        if (call := next(chart.callers(computation.code._trace), None)) is not None:
            self.touched[NEAR, self.spot(call)].add(self.test)

    def ended(self, computation: Any) -> None:
        """Takes in one computation."""
        chart = self.chart(computation.msg.code)
        trace = computation.code._trace
        if chart is None:
            return
        self.seen.add(self.test)
        if not computation.is_error:
            return
        last = next((chart.nodes[pc] for pc in reversed(trace) if pc in chart.nodes), None)
        for node in [last, *chart.callers(trace)]:
            if node is not None:
                self.touched[FAILS, self.spot(node)].add(self.test)
                if (around := node.get_ancestor(vy.Assert)) is not None:
                    self.touched[FAILS, self.spot(around)].add(self.test)

    def install(self) -> None:
        """Listens to whatever runs in this process from now on."""
        machine: Any = importlib.import_module("boa.vm.py_evm")
        opcodes = importlib.import_module("boa").env.evm.vm.state.computation_class.opcodes
        for code in COMPARING:
            machine.patch_opcode(code, self._listening(opcodes[code], machine.to_int))
        original = machine.titanoboa_computation.__dict__["apply_computation"].__func__

        def traced(cls: Any, /, state: Any, message: Any, context: Any, **options: Any) -> Any:
            computation = original(cls, state, message, context, **options)
            self.ended(computation)
            return computation

        machine.titanoboa_computation.apply_computation = classmethod(traced)

    def _listening(self, opcode: Any, to_int: Any) -> Any:
        def listening(computation: Any) -> None:
            right, left = map(to_int, computation._stack.values[-2:])
            self.compared(computation, (left - right) % 2**256)
            opcode(computation)

        return listening

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.test = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.secs[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)
