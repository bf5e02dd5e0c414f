"""Which jump of a contract's code is which branch of its sources, read off the compiler's IR.

A branch is what a source says: `if`, `elif`, a ternary, `assert`, a loop, and each operand of an `and` or `or` but the
last one where nothing jumps by the result. What the compiler adds (calldata, arithmetic, array bounds, reentrancy) is
none, and neither is what is marked `# dev:`: an assertion that can't fail, a loop that is always left before its end.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import vyper.ast as vy
from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.ir import compile_ir

JUMPI = 0x57
IMPOSSIBLE = "# dev:"

KINDS = {vy.If: "if", vy.IfExp: "ternary", vy.Assert: "assert", vy.For: "loop", vy.And: "and", vy.Or: "or"}
ASSERTED, LOOPED, DECIDED = ("holds", "fails"), ("goes on", "ends"), ("true", "false")


@dataclass(frozen=True, slots=True)
class Branch:
    """A place where a source goes one way or the other; `text` is its condition."""

    file: str
    line: int
    column: int
    kind: str
    text: str

    @property
    def ways(self) -> tuple[str, str]:
        """What its two outcomes are called."""
        return {"assert": ASSERTED, "loop": LOOPED}.get(self.kind, DECIDED)


Outcome = tuple[Branch, bool]
"""A branch and the way it went: True is the first of its `ways`."""


@dataclass(eq=False, slots=True)
class Mark:
    """Stands in the IR for the branch that a jump is; the compiler takes it for an AST node and carries it to the code.

    Attributes:
        node: the AST node that it replaces.
        branch: None, if the jump is no branch by itself.
        yes: the branch's outcome when the IR's condition is true.
        judged: operands without a jump of their own: what jumps before one, its condition's value when the operand is
            evaluated, the operand, its outcome when this condition is true.
    """

    node: Any
    branch: Branch | None
    yes: bool = True
    judged: list[tuple[Mark, bool, Branch, bool]] = field(default_factory=list)
    node_id: int = 0

    def get_original_node(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


@dataclass(eq=False, slots=True)
class Turned:
    """A mark of a jump that the assembler has turned: it jumps when the condition is true."""

    mark: Any
    node_id: int = 0

    def get_original_node(self) -> Any:
        return self


@dataclass(slots=True)
class Code:
    """A contract's creation or runtime code, without what is appended to it.

    Attributes:
        jumps: by place: the outcomes when it doesn't jump and when it does.
        awaits: by place and whether it jumped: the jump to wait for, and the outcomes that its two ways then mean.
    """

    start: bytes
    jumps: dict[int, tuple[Outcome | None, Outcome | None]] = field(default_factory=dict)
    awaits: dict[tuple[int, bool], tuple[int, tuple[Outcome, Outcome]]] = field(default_factory=dict)

    def outcomes(self) -> set[Outcome]:
        """All that can happen."""
        found = {outcome for pair in self.jumps.values() for outcome in pair if outcome is not None}
        return found | {outcome for _, pair in self.awaits.values() for outcome in pair}


@functools.cache
def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _branch(owner: Any, condition: Any) -> Branch | None:
    """The branch that a node makes; None for one that is marked as going one way only."""
    path = str(owner.module_node.resolved_path)
    if isinstance(owner, vy.Assert | vy.For):
        line = owner.end_lineno if isinstance(owner, vy.Assert) else owner.iter.end_lineno
        if IMPOSSIBLE in _lines(path)[line - 1]:
            return None
    kind = KINDS[type(owner.op if isinstance(owner, vy.BoolOp) else owner)]
    text = " ".join(condition.node_source_code.split())
    return Branch(path, condition.lineno, condition.col_offset, kind, text)


def _is_compound(node: Any) -> bool:
    while isinstance(node, vy.UnaryOp):
        node = node.operand
    return isinstance(node, vy.BoolOp)


def _nodes(ir: Any) -> Iterator[Any]:
    """The AST nodes that a tree was made from. Variables' IR is shared: here and there, one is of elsewhere."""
    node = ir.ast_source.node if isinstance(ir.ast_source, Mark) else ir.ast_source
    if node is not None:
        yield node.get_original_node()
    for child in ir.args:
        yield from _nodes(child)


def _share(ir: Any, first: Any, last: Any) -> int:
    """How much of a tree was made from what the source says between two AST nodes."""
    start, end = (first.lineno, first.col_offset), (last.end_lineno, last.end_col_offset)
    return sum(
        node.module_node is first.module_node
        and start <= (node.lineno, node.col_offset)
        and (node.end_lineno, node.end_col_offset) <= end
        for node in _nodes(ir)
    )


def _loop_of(ir: Any, outer: Any) -> Any:
    """The loop inside `outer` whose body a tree is; None if the compiler made it."""
    votes: Counter[Any] = Counter()
    for node in _nodes(ir):
        found, above = None, node
        while above is not None and above is not outer:
            below, above = above, above._parent
            if isinstance(above, vy.For) and above is not outer and any(below is part for part in above.body):
                found = above
        votes[found] += 1
    return votes.most_common(1)[0][0] if votes else None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part of the IR stands.

    Attributes:
        owner: the AST node that it was made from, if it doesn't say.
        loop: the innermost loop around it.
        judge: who jumps by its value, and whether that condition is true when the value is.
    """

    owner: Any = None
    loop: Any = None
    judge: tuple[Mark, bool] | None = None


def mark(ir: Any, place: _Place = _Place()) -> None:
    """Marks all branches in a tree of IR."""
    source = ir.ast_source or place.owner
    owner = source.node if isinstance(source, Mark) else source
    here = replace(place, owner=owner)
    if ir.value == "if" and isinstance(owner, vy.BoolOp):
        _mark_operand(ir, owner, 0, here)
        return
    if ir.value in ("if", "assert") and isinstance(owner, vy.Assert):
        _mark_decision(ir, owner, here)
        return
    if ir.value == "if" and isinstance(owner, vy.If | vy.IfExp):
        _mark_decision(ir, owner, here)
        return
    if ir.value == "repeat" and (loop := _loop_of(ir.args[4], place.loop)) is not None:
        ir.ast_source = Mark(owner, _branch(loop, loop.iter))
        here = replace(here, loop=loop)
    judge = place.judge if ir.value in ("iszero", "seq", "with") else None
    if judge is not None and ir.value == "iszero":
        judge = judge[0], not judge[1]
    for child in ir.args[:-1]:
        mark(child, replace(here, judge=None))
    for child in ir.args[-1:]:
        mark(child, replace(here, judge=judge))


def _mark_decision(ir: Any, owner: Any, place: _Place) -> None:
    """An `if`, a ternary or an assertion, whose condition may have been negated and its arms swapped."""
    if isinstance(owner, vy.Assert):
        yes = ir.value == "assert"
    elif len(ir.args) == 2:
        yes = True
    else:
        arms = (owner.body, owner.orelse) if isinstance(owner, vy.If) else ([owner.body], [owner.orelse])
        shares = [[_share(part, arm[0], arm[-1]) for arm in arms] for part in ir.args[1:]]
        yes = shares[0][0] + shares[1][1] >= shares[0][1] + shares[1][0]
    ir.ast_source = made = Mark(owner, _branch(owner, owner.test), yes)
    mark(ir.args[0], replace(place, judge=(made, True)))
    for child in ir.args[1:]:
        mark(child, replace(place, judge=None, owner=None if isinstance(owner, vy.Assert) else owner))


def _mark_operand(ir: Any, owner: Any, index: int, place: _Place) -> None:
    """`a and b` is `if a: b else: False`; `a or b` is `if a: True else: b`; more operands nest."""
    is_and = isinstance(owner.op, vy.And)
    goes_on = ir.args[2].value == (0 if is_and else 1)
    rest = ir.args[1 if goes_on else 2]
    operand = owner.values[index]
    ir.ast_source = made = Mark(owner, None if _is_compound(operand) else _branch(owner, operand), goes_on == is_and)
    mark(ir.args[0], replace(place, judge=(made, True)))
    if index + 2 < len(owner.values) and rest.value == "if":
        _mark_operand(rest, owner, index + 1, place)
        return
    last, judge = owner.values[-1], place.judge
    if judge is not None and not _is_compound(last) and (branch := _branch(owner, last)) is not None:
        judge[0].judged.append((made, goes_on, branch, judge[1]))
    mark(rest, place)


@contextlib.contextmanager
def _turned_jumps_keep_their_marks() -> Iterator[None]:
    """The assembler writes a jump anew when it turns it; it neither adds nor removes nor reorders any there."""
    original = compile_ir._optimize_inefficient_jumps

    def keeping(assembly: list[Any]) -> bool:
        before = [item for item in assembly if item == "JUMPI"]
        changed = bool(original(assembly))
        places = [i for i, item in enumerate(assembly) if item == "JUMPI"]
        for i, known in zip(places, before, strict=True):
            if assembly[i] is not known and isinstance(known, compile_ir.Instruction):
                assembly[i] = compile_ir.Instruction("JUMPI", Turned(known.ast_source), known.error_msg)
        return changed

    compile_ir._optimize_inefficient_jumps = keeping
    try:
        yield
    finally:
        compile_ir._optimize_inefficient_jumps = original


def _code(assembly: Any, metadata: bytes | None = None) -> Code:
    """The branches of one piece of code, whose IR had been marked."""
    start, maps = compile_ir.assembly_to_evm(assembly, compiler_metadata=metadata)
    code = Code(start)
    places: dict[Mark, list[tuple[int, bool]]] = defaultdict(list)
    for pc, found in sorted(maps["pc_raw_ast_map"].items()):
        turned = False
        while isinstance(found, Turned):
            found, turned = found.mark, not turned
        if start[pc] == JUMPI and isinstance(found, Mark):
            places[found].append((pc, turned))
    for made, pcs in places.items():
        _add_jumps(code, made, pcs)
        pc, turned = pcs[-1]
        for before, value, branch, yes in made.judged:
            for earlier, earlier_turned in places.get(before, ()):
                ways = ((branch, yes), (branch, not yes))
                code.awaits[earlier, value == earlier_turned] = pc, (ways[1], ways[0]) if turned else ways
    return code


def _add_jumps(code: Code, made: Mark, pcs: list[tuple[int, bool]]) -> None:
    """A condition jumps when it is false. A loop checks its bound, jumps if it has no round, and again after each."""
    branch = made.branch
    if branch is None:
        for pc, _ in pcs:
            code.jumps[pc] = None, None
    elif branch.kind == "loop":
        code.jumps[pcs[-1][0]] = (branch, False), (branch, True)
        if len(pcs) > 1:
            code.jumps[pcs[-2][0]] = None, (branch, False)
    else:
        for pc, turned in pcs:
            ways = (branch, made.yes), (branch, not made.yes)
            code.jumps[pc] = (ways[1], ways[0]) if turned else ways


def codes_of(path: Path, contracts: Path) -> list[Code]:
    """Runtime and creation code of a contract, which imports from `contracts`."""
    with warnings.catch_warnings(), _turned_jumps_keep_their_marks():
        warnings.simplefilter("ignore")
        bundle = FilesystemInputBundle([contracts])
        source = bundle.load_file(path)
        assert isinstance(source, FileInput)
        data = CompilerData(source, bundle)
        mark(data.ir_runtime)
        runtime = _code(data.assembly_runtime)
        mark(data.ir_nodes)
        return [runtime, _code(data.assembly, bytes.fromhex(data.integrity_sum))]
