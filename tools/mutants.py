"""Breaks each guard of the contracts in turn, and asks that a test fails for each.

    python tools/mutants.py                       all mutants; one whose result is known isn't run again
    python tools/mutants.py --only escrow         those of one source file
    python tools/mutants.py --sample 20 --seed 1  some of them
    python tools/mutants.py --list                what there is to break

A guard is an `assert`, or a call of an internal function that can do nothing but check. It is broken in five ways:

    drop      an assertion always holds
    operand   one side of an `and` or `or` is gone, in assertions and wherever a bool is made
    boundary  < and <=, > and >= change places, there too
    call      a check isn't called; of a checking getter, only the getting is left
    limit     a limit that a check is called with is one less, or one more

Assertions marked `# dev:` can't fail and are left alone. All tests run once without a mutant; a mutant meets only those
that come near its guard (tools/reach.py), first those that name its reason, then the fast ones. The first failure kills
it. tools/mutants.allow names the mutants that no test can kill, one a line: `ID  # why`. They aren't run.

Fails if another mutant survives, if an allowed one doesn't exist, and if a test fails without a mutant.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import hashlib
import importlib
import inspect
import json
import multiprocessing as mp
import os
import pickle
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest
from guards import Finder, Mutant
from reach import Reach, Spot
from vyper.exceptions import VyperException

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "contracts"
ALLOWED = ROOT / "tools" / "mutants.allow"
RESULTS = ROOT / ".pytest_cache" / "mutants.json"
VARIABLE = "OMNILYTICS_CONTRACTS"
SUITES = ("tests/contracts", "tests/attacks")
OTHERS = ("test_coverage.py", "test_errors.py", "test_harness.py", "test_snapshots.py")
"""Tests of the sources' text, of compiled interfaces and of the harness: what they say is no verdict on a guard."""

SHARED = ("boa", "eth_abi", "eth_keys", "hypothesis.stateful", "vyper.compiler")
"""What every process needs and no mutant changes: imported once, before they fork."""

KILLED, SURVIVED, BROKEN, FAULT = "killed", "survived", "not compiling", "fault"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant: `by` the test that failed; how long compiling and testing took, seconds."""

    id: str
    status: str
    by: str
    compile_secs: float = 0.0
    test_secs: float = 0.0
    tests: str = ""


@dataclass(frozen=True, slots=True)
class Map:
    """What the run without a mutant found out (tools/reach.py). A test that fails there says nothing of any mutant."""

    touched: dict[tuple[str, Spot], set[str]] = field(default_factory=dict)
    universe: set[tuple[str, Spot]] = field(default_factory=set)
    secs: dict[str, float] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def near(self, mutant: Mutant) -> set[str]:
        """The tests that came near its guard."""
        return self.touched.get(mutant.decides, set()) if mutant.decides is not None else set()

    def candidates(self, mutant: Mutant) -> list[str] | None:
        """The tests that can kill it, fast ones first; None: nothing is known."""
        if not self.secs:
            return None
        every = set(self.secs) - self.failed
        able = self.near(mutant) | (every - self.seen) if mutant.decides in self.universe else every
        return sorted(able & every, key=lambda test: (test not in self.seen, self.secs[test], test))

    def unlikely(self, mutant: Mutant) -> bool:
        """Whether no test that was seen came near."""
        return mutant.decides in self.universe and not self.near(mutant)


class Watch:
    """A pytest plugin: runs what is asked for, once, those first that name a reason; remembers which one failed."""

    def __init__(self, reasons: Sequence[str], asked: Sequence[str] | None) -> None:
        self.reasons = reasons
        self.asked = {test: number for number, test in enumerate(asked)} if asked is not None else None
        self.done: set[str] = set()
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid not in self.done and item.path.name not in OTHERS]
        if (asked := self.asked) is not None:
            items[:] = sorted((item for item in items if item.nodeid in asked), key=lambda item: asked[item.nodeid])
        items.sort(key=lambda item: not self._names_reason(item))

    def _names_reason(self, item: Any) -> bool:
        given = item.callspec.params.values() if hasattr(item, "callspec") else ()
        told = "\n".join([*map(str, given), inspect.getsource(item.function)])
        return any(reason in told for reason in self.reasons)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.done.add(report.nodeid)
        if report.failed and not self.failed:
            self.failed = report.nodeid


def test_files() -> list[Path]:
    return sorted(p for suite in SUITES for p in (ROOT / suite).rglob("test_*.py") if p.name not in OTHERS)


def rounds(mutant: Mutant | None, asked: Sequence[str] | None) -> Iterator[list[str]]:
    """The files to run, the likeliest first; all in the end."""
    if asked is not None:
        yield sorted({test.partition("::")[0] for test in asked})
        return
    if mutant is not None:
        texts = {path: path.read_text(encoding="utf-8") for path in test_files()}
        yield [str(path) for path, text in texts.items() if any(reason in text for reason in mutant.reasons)]
        names = {f"test_{mutant.function.strip('_')}.py", f"test_{mutant.source.stem.lower()}.py"}
        yield [str(p) for p in test_files() if p.name in names]
    yield list(SUITES)


def run_tests(mutant: Mutant | None, asked: Sequence[str] | None, *plugins: object) -> tuple[str, str]:
    """The status of whatever is compiled in this process, and the test that failed."""
    watch = Watch(mutant.reasons if mutant else (), asked)
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--tb=short", *(["-x"] if mutant else [])]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # imported before the fork
    for files in rounds(mutant, asked):
        code = pytest.main([*options, *files], plugins=[watch, *plugins]) if files else pytest.ExitCode.OK
        if code == pytest.ExitCode.TESTS_FAILED:
            return KILLED, watch.failed
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return FAULT, f"pytest ended with {code!r}"
    return SURVIVED, ""


def prepare(contracts: Path) -> Any:
    """The harness, reading contracts from that folder.

    Raises:
        RuntimeError: it reads them from elsewhere.
    """
    os.environ[VARIABLE] = str(contracts)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    harness: Any = importlib.import_module("tests.contracts.harness.contract")
    if contracts != harness.CONTRACTS:
        raise RuntimeError(f"expected the harness to read {VARIABLE}, it reads {harness.CONTRACTS}")
    return harness


def reuse(harness: Any, kept: dict[str, Any], mutant: Mutant, finder: Finder) -> None:
    """Makes the harness take contracts without the mutant in their code from `kept`, by their stems."""
    fresh = harness.compiled

    @functools.cache
    def compiled(path: Path) -> Any:
        return fresh(path) if path.stem not in kept or finder.is_in(mutant, path) else kept[path.stem]

    harness.compiled = compiled
    sys.modules[harness.__package__].compiled = compiled  # type: ignore[attr-defined]


def compile_all(kept: Path) -> None:
    """In a process of its own: leaves all contracts as they are, compiled, in `kept`."""
    compiled = prepare(SOURCES).compiled
    kept.write_bytes(pickle.dumps({path.stem: compiled(path) for path in sorted(SOURCES.glob("*.vy"))}))


def start(folder: Path) -> Any:
    """The harness in a process of its own, whose output goes to `folder`/log."""
    with (folder / "log").open("w") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    harness = prepare(folder / "contracts")
    harness.CACHE = folder / "compiled"
    # a mutant may be a few bytes longer, and is to die of its tests only
    importlib.import_module("boa").env.evm.patch.code_size_limit = 1 << 20
    return harness


def finish(folder: Path, result: Result) -> None:
    (folder / "result").write_text(json.dumps(asdict(result)), encoding="utf-8")


def try_mutant(folder: Path, mutant: Mutant, asked: Sequence[str] | None, finder: Finder, kept: Path) -> None:
    """In a process of its own: leaves the result in `folder`/result."""
    started = compiled = time.monotonic()
    harness = start(folder)
    status, by = BROKEN, ""
    with contextlib.suppress(VyperException):
        reuse(harness, pickle.loads(kept.read_bytes()), mutant, finder)
        for path in sorted(harness.CONTRACTS.glob("*.vy")):
            harness.compiled(path)
        compiled = time.monotonic()
        status, by = run_tests(mutant, asked)
    finish(folder, Result(mutant.id, status, by, compiled - started, time.monotonic() - compiled))


def try_none(folder: Path) -> None:
    """In a process of its own: runs all tests without a mutant, leaves the result and the map in `folder`."""
    contracts = start(folder).CONTRACTS
    mocks = [path for suite in SUITES for path in (ROOT / suite).rglob("mocks/*.vy")]
    reach = Reach([*sorted(contracts.glob("*.vy")), *mocks], contracts)
    reach.install()
    started = time.monotonic()
    status, by = run_tests(None, None, reach)
    made = dict(reach.touched), reach.universe(), dict(reach.secs), reach.seen, reach.failed
    (folder / "map").write_bytes(pickle.dumps(made))
    finish(folder, Result("", status, by, 0.0, time.monotonic() - started))


class Bench:
    """Runs mutants in processes that fork from this one, which has imported what they need.

    Args:
        jobs: how many at a time.
        timeout_secs: a mutant that takes longer is killed: some test waits for something that doesn't come.
    """

    def __init__(self, finder: Finder, jobs: int, timeout_secs: float) -> None:
        self.finder = finder
        self.jobs = jobs
        self.timeout_secs = timeout_secs
        self.context = mp.get_context("fork")
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self.kept = self.folder / "kept"

    def __enter__(self) -> Bench:
        for name in SHARED:
            importlib.import_module(name)
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        process = self.context.Process(target=compile_all, args=(self.kept,))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError("the contracts don't compile")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)

    def _begin(self, target: Callable[..., None], mutant: Mutant | None, *args: object) -> tuple[Any, Path]:
        """Runs `target` in a process, on a folder with the contracts and the mutant in them."""
        folder = self.folder / str(time.monotonic_ns())
        shutil.copytree(SOURCES, folder / "contracts")
        if mutant is not None:
            (folder / "contracts" / mutant.source.relative_to(SOURCES)).write_text(mutant.apply(), encoding="utf-8")
        process = self.context.Process(target=target, args=(folder, *args), daemon=True)
        process.start()
        return process, folder

    def explore(self) -> Map:
        """Runs all tests without a mutant.

        Raises:
            RuntimeError: they can't be run.
        """
        process, folder = self._begin(try_none, None)
        process.join()
        result = self._result("", process, folder)
        if not (folder / "map").exists():
            raise RuntimeError(f"the tests don't run: {result.by}")
        return Map(*pickle.loads((folder / "map").read_bytes()))

    def run(self, mutants: Iterable[Mutant], known: Map) -> Iterator[tuple[Mutant, Result]]:
        """Their results, as they come."""
        waiting = iter(mutants)
        running: dict[Any, tuple[Mutant, Any, Path, float]] = {}
        while True:
            while len(running) < self.jobs and (mutant := next(waiting, None)) is not None:
                arguments = mutant, known.candidates(mutant), self.finder, self.kept
                process, folder = self._begin(try_mutant, mutant, *arguments)
                running[process.sentinel] = mutant, process, folder, time.monotonic() + self.timeout_secs
            if not running:
                return
            wait(list(running), timeout=1.0)
            for sentinel, (mutant, process, folder, end) in list(running.items()):
                if process.is_alive() and time.monotonic() < end:
                    continue
                del running[sentinel]
                yield mutant, self._result(mutant.id, process, folder)
                shutil.rmtree(folder)

    def _result(self, name: str, process: Any, folder: Path) -> Result:
        if process.is_alive():
            process.kill()
            process.join()
            return Result(name, KILLED, f"no end after {self.timeout_secs:.0f} s", 0.0, self.timeout_secs)
        process.join()
        if not (folder / "result").exists():
            return Result(name, FAULT, (folder / "log").read_text(encoding="utf-8", errors="replace")[-500:])
        return Result(**json.loads((folder / "result").read_text(encoding="utf-8")))


class Record:
    """Results of earlier runs. A kill holds while the source is the same, a survival while the tests are, too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        tests = sorted(p for suite in SUITES for p in (ROOT / suite).rglob("*") if p.suffix in (".py", ".vy"))
        self.tests = hashlib.sha256(b"".join(p.read_bytes() for p in tests)).hexdigest()[:32]

    def get(self, key: str) -> Result | None:
        found = self.known.get(key)
        if found is None or found["status"] == FAULT:
            return None
        return Result(**found) if found["status"] != SURVIVED or found["tests"] == self.tests else None

    def put(self, key: str, result: Result) -> None:
        self.known[key] = asdict(result) | {"tests": self.tests}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.known, indent=0), encoding="utf-8")
        part.replace(self.path)

    def explored(self, bench: Bench) -> Map:
        """That of the contracts and tests as they are."""
        sources = b"".join(p.read_bytes() for p in sorted(SOURCES.rglob("*.vy*")))
        file, key = self.path.with_suffix(".map"), (hashlib.sha256(sources).hexdigest(), self.tests)
        if file.exists():
            known, *parts = pickle.loads(file.read_bytes())
            if known == key:
                return Map(*parts)
        made = bench.explore()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps((key, *(getattr(made, part.name) for part in fields(made)))))
        return made


def allowed() -> dict[str, str]:
    """The mutants that no test can kill, and why.

    Raises:
        ValueError: a line has no reason.
    """
    found = {}
    for line in ALLOWED.read_text(encoding="utf-8").splitlines() if ALLOWED.exists() else ():
        if line.strip() and not line.startswith("#"):
            name, _, why = line.partition("  # ")
            if not why.strip():
                raise ValueError(f"{ALLOWED.name}: expected `ID  # why`, got {line!r}")
            found[name.strip()] = why.strip()
    return found


def chosen(mutants: Sequence[Mutant], given: argparse.Namespace) -> list[Mutant]:
    """Those that the options ask for."""
    asked = [m for m in mutants if given.only in (None, m.source.stem) and given.match in m.id]
    if given.sample is None or given.sample >= len(asked):
        return asked
    picked = set(random.Random(given.seed).sample(range(len(asked)), given.sample))
    return [m for i, m in enumerate(asked) if i in picked]


def told(mutant: Mutant) -> str:
    return f"{mutant.source.relative_to(ROOT)}:{mutant.line}: {mutant.id}"


def run(bench: Bench, record: Record, mutants: Sequence[Mutant], trust: bool) -> int:
    """Runs what isn't known; how many tests fail without any mutant, which isn't asked with `trust`."""
    known = Map() if trust else record.explored(bench)
    for test in sorted(known.failed):
        print(f"fails without a mutant: {test}", flush=True)
    keys, todo, number = {m.id: m.key for m in mutants}, list(mutants), 0
    while todo:
        again = []
        for mutant, result in bench.run(todo, known):
            if result.status == BROKEN and mutant.spare is not None:
                again.append(replace(mutant, text=mutant.spare, spare=None))
                continue
            if result.status == SURVIVED and known.unlikely(mutant):
                result = replace(result, by="no test comes near")
            record.put(keys[mutant.id], result)
            number += 1
            secs = f"{result.compile_secs:.1f} + {result.test_secs:.1f} s"
            print(f"{number}/{len(mutants)} {result.status}, {secs}: {told(mutant)} [{result.by}]", flush=True)
        todo = again
    return len(known.failed)


def report(mutants: Sequence[Mutant], record: Record, equivalent: dict[str, str], impossible: int) -> int:
    """Prints what became of the mutants; the exit status."""
    results = [(m, r) for m in mutants if m.id not in equivalent and (r := record.get(m.key)) is not None]
    count = Counter(r.status for _, r in results)
    bad = [(m, r) for m, r in results if r.status == SURVIVED]
    untried = [m for m in mutants if m.id not in equivalent and record.get(m.key) is None]
    for mutant in untried:
        print(f"not tried: {told(mutant)}")
    if bad:
        print("\nno test fails for:")
    for mutant, result in bad:
        print(f"  {told(mutant)}" + (f" ({result.by})" if result.by else ""))
    secs = sum(r.compile_secs + r.test_secs for _, r in results) / max(1, len(results))
    known = [m for m in mutants if m.id in equivalent]
    print(
        f"\n{count[KILLED]} killed / {count[SURVIVED]} survived / {count[BROKEN]} not compiling, {secs:.1f} s each; "
        f"{len(known)} allowed to survive; {impossible} assertions that can't fail"
    )
    return 1 if bad or untried else 0


def main() -> int:
    """Runs the mutants that the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description="Break each guard of the contracts, and see that a test fails.")
    parser.add_argument("--only", metavar="MODULE", help="mutants of one source file, by its stem")
    parser.add_argument("--match", metavar="TEXT", default="", help="mutants with that in their ids")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    parser.add_argument("--sample", type=int, metavar="N", help="run only N of them")
    parser.add_argument("--seed", type=int, default=0, help="which N")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--timeout", type=float, default=900, metavar="SECONDS", help="for one mutant")
    parser.add_argument("--trust", action="store_true", help="that the tests pass without a mutant")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="where results are kept")
    given = parser.parse_args()
    finder, equivalent = Finder(SOURCES), allowed()
    every = finder.find()
    mutants = chosen(every, given)
    if given.list:
        print("\n".join(map(told, mutants)))
        return 0
    record = Record(given.results)
    missing = [m for m in mutants if m.id not in equivalent and record.get(m.key) is None]
    failing = 0
    if missing:
        with Bench(finder, given.jobs, given.timeout) as bench:
            failing = run(bench, record, missing, given.trust)
    status = report(mutants, record, equivalent, finder.impossible)
    stale = sorted(set(equivalent) - {m.id for m in every})
    for name in stale:
        print(f"{ALLOWED.name}: there is no mutant {name!r}")
    return 1 if stale or failing else status


if __name__ == "__main__":
    sys.exit(main())
