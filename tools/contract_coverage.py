"""Measures which branches of the contracts the contract tests take, and says which they don't.

    python tools/contract_coverage.py                              the tests of SUITES, half an hour
    python tools/contract_coverage.py --fail-under 98 -- -k draw   some tests; what follows -- is pytest's
    python tools/contract_coverage.py --read FILE                  the report of an earlier run, written with --write

tests/contracts/harness/branches.py says what a branch is. Fails if the tests do, or below the given percentage.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "tests.contracts.harness.coverage"
SUITES = ("tests/contracts", "tests/attacks/test_key_theft.py", "tests/attacks/test_payees.py")
"""All tests of the contracts, and of the attacks those whose refusals no other test meets."""


def measure(file: Path, options: list[str]) -> int:
    """Runs the tests and has them write to `file`; pytest's exit status."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "--contract-coverage", str(file)]
    return subprocess.run([*command, *(options or SUITES)], cwd=ROOT, check=False).returncode


def report(branches: list[dict[str, Any]]) -> tuple[list[str], float]:
    """The report's lines, and how much of the whole is covered, percent."""
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for branch in branches:
        by_file[branch["file"]].append(branch)
    lines: list[str] = []
    counts: list[tuple[str, int, int]] = []
    for file, found in sorted(by_file.items()):
        taken = [happened for branch in found for happened in branch["outcomes"].values()]
        counts.append((file, sum(taken), len(taken)))
        for branch in found:
            ways = branch["outcomes"]
            if missing := [way for way, happened in ways.items() if not happened]:
                never = "never runs" if len(missing) == len(ways) else f"never {missing[0]}"
                lines.append(f"contracts/{file}:{branch['line']}: {branch['kind']} {never}: {branch['text']}")
    covered, whole = sum(some for _, some, _ in counts), sum(every for _, _, every in counts)
    width = max([len(file) for file, _, _ in counts] + [5])
    for file, some, every in [*counts, ("total", covered, whole)]:
        lines.append(f"{file:<{width}}  {some:>4} / {every:<4}  {100 * some / every:6.2f} %")
    return lines, 100 * covered / max(1, whole)


def main() -> int:
    """Measures, or reads what was measured, and prints it; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure which branches of the contracts the tests take.")
    parser.add_argument("--fail-under", type=float, default=0.0, metavar="PERCENT", help="fail below this coverage")
    parser.add_argument("--read", type=Path, metavar="FILE", help="run no tests, report what is in FILE")
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep what was measured")
    parser.add_argument("options", nargs="*", help="options and tests for pytest, after --")
    given = parser.parse_args()
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        file = given.read or (given.write.resolve() if given.write else Path(folder) / "branches.json")
        if given.read is None:
            status = measure(file, given.options)
        branches = json.loads(file.read_text(encoding="utf-8"))
    lines, percent = report(branches)
    print("\n".join(lines))
    if percent < given.fail_under:
        print(f"expected at least {given.fail_under} %")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
