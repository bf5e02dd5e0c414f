"""The guards of the contracts and the ways to break them; tools/mutants.py says what they are, and breaks them."""

from __future__ import annotations

import functools
import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import vyper.ast as vy
from reach import FAILS, NEAR, Spot
from vyper.ast.parse import parse_to_ast

SYMBOLS = {vy.Lt: "<", vy.LtE: "<=", vy.Gt: ">", vy.GtE: ">="}
SWAPPED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
WORD = re.compile(r"(?<![\w.])\w+")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard broken in one way: the characters `start` to `end` of `source` become `text`.

    `decides`: what must happen in a test that kills it (tools/reach.py); None if that isn't known.
    `spare`: another text, if the contracts don't compile with `text`.
    """

    id: str
    kind: str
    source: Path
    line: int
    start: int
    end: int
    text: str
    function: str
    reasons: tuple[str, ...]
    decides: tuple[str, Spot] | None
    spare: str | None = None

    def apply(self) -> str:
        """The whole source, broken."""
        whole = self.source.read_text(encoding="utf-8")
        return whole[: self.start] + self.text + whole[self.end :]

    @property
    def key(self) -> str:
        """Of this mutant of the source as it is."""
        return hashlib.sha256(f"{self.id}\n{self.text}\n".encode() + self.source.read_bytes()).hexdigest()[:32]


class Source:
    """One contract or module, parsed."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.text = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree: Any = parse_to_ast(self.text)
        self._starts = [0]
        for line in self.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self.functions: dict[str, Any] = {f.name: f for f in self.tree.get_children(vy.FunctionDef)}
        self.imports: dict[str, str] = {n.alias or n.name: n.name for n in self.tree.get_children(vy.ImportFrom)}

    def spot(self, node: Any) -> Spot:
        return self.name, node.lineno, node.col_offset

    def start(self, node: Any) -> int:
        return int(self._starts[node.lineno - 1] + node.col_offset)

    def end(self, node: Any) -> int:
        return int(self._starts[node.end_lineno - 1] + node.end_col_offset)

    def of(self, node: Any) -> str:
        """The text of a node, on one line."""
        return " ".join(self.text[self.start(node) : self.end(node)].split())

    def is_impossible(self, node: Any) -> bool:
        """Whether an assertion is marked as one that can't fail."""
        return "# dev:" in self.text[self.end(node) :].partition("\n")[0]


def is_check(function: Any) -> bool:
    """Whether calling it as a statement can do nothing but fail."""
    return not {"view", "pure"}.isdisjoint(d.id for d in function.decorator_list if isinstance(d, vy.Name))


def is_internal(function: Any) -> bool:
    return "internal" in (d.id for d in function.decorator_list if isinstance(d, vy.Name))


def is_bool(annotation: Any) -> bool:
    return isinstance(annotation, vy.Name) and annotation.id == "bool"


def reasons_in(node: Any) -> tuple[str, ...]:
    """All reasons in an assertion, among the arguments of a check, in a function."""
    return tuple(str(n.value) for n in node.get_descendants(vy.Str) if re.match(r"[a-z_]+: ", n.value))


def weakens(both: Any, assertion: Any) -> bool:
    """Whether the assertion holds at least as often without one side of an `and` or `or` in it."""
    weaker, node = isinstance(both.op, vy.And), both
    while node._parent is not assertion:
        node = node._parent
        if isinstance(node, vy.UnaryOp):
            weaker = not weaker
        elif not isinstance(node, vy.BoolOp):
            return False
    return weaker


def comparisons(node: Any) -> list[Any]:
    """Those with a boundary."""
    return [c for c in node.get_descendants(vy.Compare, include_self=True) if type(c.op) in SYMBOLS]


@dataclass(frozen=True, slots=True)
class Place:
    """A function of a source, which makes its mutants."""

    source: Source
    function: Any

    def mutant(
        self, kind: str, span: Any, text: str, told: str, reasons: tuple[str, ...], decides: tuple[str, Any] | None
    ) -> Mutant:
        """`span`: a node, or where it starts and ends; without `reasons`, those of the function or the source."""
        source = self.source
        spot = (decides[0], source.spot(decides[1])) if decides is not None else None
        start, end = span if isinstance(span, tuple) else (source.start(span), source.end(span))
        name = f"{source.path.stem}.{self.function.name}: {kind}: {told}"
        line = source.text.count("\n", 0, start) + 1
        known = reasons or reasons_in(self.function) or reasons_in(source.tree)
        return Mutant(name, kind, source.path, line, start, end, text, self.function.name, known, spot)

    def dropped(self) -> Iterator[Mutant]:
        """Every assertion, always holding."""
        for node in self.asserts:
            test = self.source.of(node.test)
            mutant = self.mutant("drop", node.test, "True", test, reasons_in(node), (FAILS, node))
            # a module that is declared to be used must be
            yield replace(mutant, spare=f"(({test}) or True)")

    def bools(self) -> Iterator[tuple[Any, Any]]:
        """Whatever makes a bool that isn't used up in a condition, and the assertion, if it is one's."""
        yield from ((node.test, node) for node in self.asserts)
        flags = [node for node in self.function.get_descendants(vy.AnnAssign) if is_bool(node.annotation)]
        names = {node.target.id for node in flags}
        later = [n for n in self.function.get_descendants(vy.Assign) if getattr(n.target, "id", None) in names]
        yield from ((node.value, None) for node in [*flags, *later])
        if is_bool(self.function.returns):
            yield self.function, None

    def halved(self) -> Iterator[Mutant]:
        """Without one side of an `and` or `or`."""
        of = self.source.of
        for root, assertion in self.bools():
            for both in root.get_descendants(vy.BoolOp, include_self=True):
                decides = (FAILS, assertion) if assertion is not None and weakens(both, assertion) else None
                told = of(root if root is not self.function else both)
                word = " and " if isinstance(both.op, vy.And) else " or "
                for gone in both.values:
                    left = word.join(of(value) for value in both.values if value is not gone)
                    reasons = reasons_in(assertion) if assertion is not None else ()
                    yield self.mutant("operand", both, f"({left})", f"{of(gone)} in {told}", reasons, decides)

    def swapped(self) -> Iterator[Mutant]:
        """With another boundary."""
        for root, assertion in self.bools():
            for node in comparisons(root):
                symbol = SYMBOLS[type(node.op)]
                start = self.source.text.rindex(symbol, self.source.start(node), self.source.start(node.right))
                told = f"{self.source.of(node)} with {SWAPPED[symbol]}"
                span = (start, start + len(symbol))
                reasons = reasons_in(assertion) if assertion is not None else ()
                yield self.mutant("boundary", span, SWAPPED[symbol], told, reasons, (NEAR, node))

    @property
    def asserts(self) -> list[Any]:
        """Those that can fail."""
        return [a for a in self.function.get_descendants(vy.Assert) if not self.source.is_impossible(a)]

    def moved(self, call: Any, check: Any) -> Iterator[Mutant]:
        """The limits that a check is called with, one less and one more: what it compares another argument with."""
        of, names = self.source.of, [a.arg for a in check.args.args]
        for node in (c for a in check.get_descendants(vy.Assert) for c in comparisons(a.test)):
            sides = [getattr(side, "id", None) for side in (node.left, node.right)]
            if not set(sides) <= set(names):
                continue
            limit = call.args[names.index(str(sides[1]))]
            for sign in "-+":
                if not of(limit).startswith("max_value(") and (of(limit), sign) != ("0", "-"):
                    text = f"({of(limit)}) {sign} 1"
                    yield self.mutant("limit", limit, text, f"{text} in {of(call)}", reasons_in(call), (NEAR, call))


class Finder:
    """All mutants of the sources in a folder; the baseline guards nothing of ours."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(p for p in folder.rglob("*.vy") if p.relative_to(folder).parts[0] != "baseline")
        self.sources = {path.stem: Source(path, path.relative_to(folder).as_posix()) for path in paths}

    @property
    def impossible(self) -> int:
        """How many assertions are marked as ones that can't fail."""
        return sum(s.is_impossible(a) for s in self.sources.values() for a in s.tree.get_descendants(vy.Assert))

    def find(self) -> list[Mutant]:
        """In the order of the text. Equal ids in a function are told apart by a number."""
        seen: Counter[str] = Counter()
        found = []
        for source in self.sources.values():
            places = [Place(source, function) for function in source.functions.values()]
            mutants = {(m.start, m.end, m.text): m for place in places for m in self._at(place)}
            for _, mutant in sorted(mutants.items()):
                seen[mutant.id] += 1
                number = f" ({seen[mutant.id]})" if seen[mutant.id] > 1 else ""
                found.append(replace(mutant, id=mutant.id + number))
        return found

    def is_in(self, mutant: Mutant, path: Path) -> bool:
        """Whether the code of a contract may change with the mutant: whether it calls the function."""
        return (mutant.source.stem, mutant.function) in self._called(path)

    @functools.cache  # noqa: B019 - as long-lived as the sources
    def _called(self, path: Path) -> set[tuple[str, str]]:
        """All functions in the code of a contract, by source and name: what can be called and what that calls."""
        first = self.sources.get(path.stem) or Source(path, path.name)
        todo, sources = [first], {first.path.stem: first}
        while todo:
            for stem in todo.pop().imports.values():
                if stem in self.sources and stem not in sources:
                    sources[stem] = self.sources[stem]
                    todo.append(sources[stem])
        found: set[tuple[str, str]] = set()
        calls = [(s, f) for s in sources.values() for f in s.functions.values() if not is_internal(f)]
        while calls:
            source, function = calls.pop()
            if (source.path.stem, function.name) not in found:
                found.add((source.path.stem, function.name))
                called = (self._callee(source, call) for call in function.get_descendants(vy.Call))
                calls += [(where, callee) for where, callee in called if where is not None and callee is not None]
        return found

    def _at(self, place: Place) -> Iterator[Mutant]:
        yield from place.dropped()
        yield from place.halved()
        yield from place.swapped()
        for call in place.function.get_descendants(vy.Call):
            yield from self._uncalled(place, call)

    def _uncalled(self, place: Place, call: Any) -> Iterator[Mutant]:
        """A check that isn't called; of a checking getter, only the getting."""
        where, check = self._callee(place.source, call)
        if where is None or check is None or not is_check(check):
            return
        told, reasons = place.source.of(call), reasons_in(call) or reasons_in(check)
        if isinstance(call._parent, vy.Expr):
            yield place.mutant("call", call, "pass", told, reasons, (FAILS, call))
            yield from place.moved(call, check)
            return
        arguments = [place.source.of(argument) for argument in call.args]
        for text in self._without_checks(where, check, call.func.value.id, arguments):
            yield place.mutant("call", call, text, f"{told} as {text}", reasons, (FAILS, call))

    def _callee(self, source: Source, call: Any) -> tuple[Source | None, Any]:
        """Where an internal function is defined that is called, and its definition."""
        if not isinstance(call.func, vy.Attribute) or not isinstance(call.func.value, vy.Name):
            return None, None
        owner = call.func.value.id
        where = source if owner == "self" else self.sources.get(source.imports.get(owner, ""))
        return where, where.functions.get(call.func.attr) if where else None

    def _without_checks(self, where: Source, getter: Any, owner: str, arguments: list[str]) -> Iterator[str]:
        """What a getter gets, as its caller may write it: if it binds a value, checks it and returns it."""
        body = [statement for statement in getter.body if not isinstance(statement, vy.DocStr)]
        if len(body) < 3 or not isinstance(body[0], vy.AnnAssign) or not isinstance(body[-1], vy.Return):
            return
        first, last = body[0], body[-1]
        if not all(isinstance(s, vy.Assert) for s in body[1:-1]) or where.of(last.value) != first.target.id:
            return
        known = {"self": owner} | {p.arg: a for p, a in zip(getter.args.args, arguments, strict=False)}

        def as_seen(node: Any) -> str:
            return WORD.sub(lambda word: known.get(word[0], word[0]), where.of(node))

        yield as_seen(first.value)
        inner, deeper = self._callee(where, first.value) if isinstance(first.value, vy.Call) else (None, None)
        if inner is where and deeper is not None:
            arguments = [as_seen(argument) for argument in first.value.args]
            yield from self._without_checks(where, deeper, owner, arguments)
