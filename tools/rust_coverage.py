"""Measures which lines of rust/ its own tests run, and says which they don't.

    python tools/rust_coverage.py                    all tests of both crates
    python tools/rust_coverage.py --fail-under 95    and fails below that, percent of all lines
    python tools/rust_coverage.py -- sharing         some tests; what follows -- is cargo test's

Dependencies are compiled as for `cargo test`, so that a build of theirs is used again. A `mod tests` at the end of a
file doesn't count as one of its lines, nor do files that are tests. Needs rustc's own llvm-profdata and llvm-cov:
`rustup component add llvm-tools`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES = ("omnilytics-blobs", "omnilytics-core", "omnilytics-evm", "omnilytics-train")
TESTS = re.compile(r"^#\[cfg\(test\)\]\nmod tests \{$", re.MULTILINE)

Hits = Mapping[str, Mapping[int, int]]
"""How often each line ran, by file and line."""


def answer(*command: str | Path) -> str:
    """What a program prints."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def llvm(name: str) -> Path:
    """A tool of the LLVM that rustc has in it; another version doesn't read what it writes."""
    host = answer("rustc", "--print", "host-tuple").strip()
    tool = Path(answer("rustc", "--print", "sysroot").strip()) / "lib/rustlib" / host / "bin" / name
    if not tool.exists():
        sys.exit(f"coverage: expected {name} beside rustc, found none; run rustup component add llvm-tools")
    return tool


def binaries(environment: Mapping[str, str], options: list[str]) -> list[str]:
    """Builds all tests, instrumented, and returns where they are."""
    command = ["cargo", "test", "--locked", "--no-run", "--message-format=json-render-diagnostics", "--tests", *options]
    built = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = [json.loads(line).get("executable") for line in built.splitlines()]
    return [program for program in found if program]


def measure(filters: list[str]) -> tuple[int, Hits]:
    """Runs the tests; cargo's exit status and what ran."""
    packages = [word for crate in CRATES for word in ("-p", crate)]
    profdata, cov = llvm("llvm-profdata"), llvm("llvm-cov")
    with tempfile.TemporaryDirectory() as folder:
        raw, merged = Path(folder, "%p-%m.profraw"), Path(folder, "all.profdata")
        wrapper = str(ROOT / "tools" / "instrument.sh")
        environment = os.environ | {"RUSTC_WORKSPACE_WRAPPER": wrapper, "LLVM_PROFILE_FILE": str(raw)}
        programs = binaries(environment, packages)
        command = ["cargo", "test", "--locked", "--quiet", "--tests", *packages, "--", *filters]
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        answer(profdata, "merge", "-sparse", *Path(folder).glob("*.profraw"), "-o", merged)
        objects = [word for program in programs for word in ("-object", program)]
        lcov = answer(cov, "export", "-format=lcov", "-instr-profile", merged, *objects)
    return status, read(lcov)


def read(lcov: str) -> Hits:
    """The lines of the crates' own sources in a report of `llvm-cov export -format=lcov`."""
    hits: dict[str, dict[int, int]] = {}
    lines: dict[int, int] = {}
    for record in lcov.splitlines():
        kind, _, value = record.partition(":")
        if kind == "SF":
            path = Path(value)
            counts = path.is_relative_to(ROOT / "rust") and "src" in path.parts and not is_test(path)
            lines = hits.setdefault(str(path.relative_to(ROOT)), {}) if counts else {}
        elif kind == "DA":
            number, count = map(int, value.split(",")[:2])
            lines[number] = lines.get(number, 0) + count
    return {file: shipped(file, lines) for file, lines in hits.items()}


def is_test(path: Path) -> bool:
    """Whether a source file is compiled into tests alone: `tests.rs`, what is under `tests`, and `testing.rs`."""
    return "tests" in path.parts or path.name in ("tests.rs", "testing.rs")


def shipped(file: str, lines: Mapping[int, int]) -> Mapping[int, int]:
    """The lines before the tests of a file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    tests = TESTS.search(text)
    end = text.count("\n", 0, tests.start()) + 1 if tests else sys.maxsize
    return {number: count for number, count in lines.items() if number < end}


def ranges(numbers: Iterable[int]) -> list[str]:
    """Ascending line numbers, those that follow each other joined."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]


def report(hits: Hits) -> tuple[list[str], float]:
    """The report's lines, and how much of the whole is covered, percent."""
    lines: list[str] = []
    counts: list[tuple[str, int, int]] = []
    for file, found in sorted(hits.items()):
        counts.append((file, sum(count > 0 for count in found.values()), len(found)))
        if missing := [number for number, count in sorted(found.items()) if not count]:
            lines.append(f"{file}: never runs: {', '.join(ranges(missing))}")
    covered, whole = sum(some for _, some, _ in counts), sum(every for _, _, every in counts)
    width = max(len(file) for file, _, _ in [*counts, ("total", 0, 0)])
    for file, some, every in [*counts, ("total", covered, whole)]:
        lines.append(f"{file:<{width}}  {some:>5} / {every:<5}  {100 * some / max(1, every):6.2f} %")
    return lines, 100 * covered / max(1, whole)


def main() -> int:
    """Measures and prints; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure which lines of rust/ its tests run.")
    parser.add_argument("--fail-under", type=float, default=0.0, metavar="PERCENT", help="fail below this coverage")
    parser.add_argument("filters", nargs="*", help="filters and options for the tests, after --")
    given = parser.parse_args()
    status, hits = measure(given.filters)
    lines, percent = report(hits)
    print("\n".join(lines))
    if percent < given.fail_under:
        print(f"expected at least {given.fail_under} %")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
