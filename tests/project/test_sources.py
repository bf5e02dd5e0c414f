"""What every tracked file keeps to: lengths, no machine's paths, no registries' addresses, nothing left to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, relative, tracked_files

FILE_LINES = 500
FUNCTION_LINES = 60
SOURCES = (".py", ".pyi", ".rs", ".vy", ".vyi", ".md", ".toml", ".sh")

MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|root|home|Users)/")
REGISTRY = re.compile(r"pypi[.]org|pythonhosted[.]org|crates[.]io|npmjs[.]|maven[.]org")
CARGO_LOCKS = ("Cargo.lock", "rust/fuzz/Cargo.lock")
LEFT_TO_DO = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X|NotImplemented[E]rror|todo[!]|unimplemented[!])")


def texts() -> Iterator[tuple[str, str]]:
    """(path, text) of every tracked file that is text."""
    for path in tracked_files():
        try:
            yield relative(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def lines_with(pattern: re.Pattern[str], *, but: tuple[str, ...] = ()) -> list[str]:
    """Every line of a tracked file that has `pattern`, as `path:line: text`."""
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        if name not in but
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_one_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_address_of_a_registry() -> None:
    assert lines_with(REGISTRY, but=CARGO_LOCKS) == []


@pytest.mark.parametrize("name", CARGO_LOCKS)
def test_cargo_locks_name_only_the_standard_registry(name: str) -> None:
    sources = set(re.findall(r'^source = "(.*)"$', (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
    assert len(sources) == 1
    assert all(source.startswith("registry+") for source in sources)


def test_nothing_is_left_to_do() -> None:
    assert lines_with(LEFT_TO_DO) == []


@pytest.mark.parametrize("path", tracked_files(*SOURCES), ids=relative)
def test_a_file_is_short(path: Path) -> None:
    count = len(path.read_text(encoding="utf-8").splitlines())
    assert count <= FILE_LINES, f"expected at most {FILE_LINES} lines, got {count}"


@pytest.mark.parametrize("path", tracked_files(".py"), ids=relative)
def test_its_functions_are_short(path: Path) -> None:
    lengths = {
        f"{node.name}, line {node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}
