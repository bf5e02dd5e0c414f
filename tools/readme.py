"""Writes the tables of README.md and docs/*.md from the result files in docs/results.

A table stands between `<!-- begin:NAME -->` and `<!-- end:NAME -->` and comes from docs/results/NAME.json:

    {
      "label": "Attackers",                                       head of the first column
      "columns": [{"title": "Final, %", "key": "accuracy.final", "digits": 1}],
      "rows": [{"label": "none", "results": [{"accuracy": {"final": 95.7}}, ...]}],
      "source": "omnilytics demo --dataset mnist --seed {1,2,3}"  what produced it
    }

A cell is the mean of `key` over the row's results, with its standard deviation where there are two or more; a list
counts as its length. `add` puts result files of `omnilytics demo --json` into a row, keeping the keys of the columns.
A table between markers of experiment-NAME comes from docs/results/experiments/NAME.json, which
`omnilytics experiment run NAME` has written, and is a sentence until then. Every result file has a place. `bench` puts
those of `omnilytics bench --json` into docs/results/bench.json: each row there names its `ratio`, and a row that they
haven't stays, if it is of the same machine.

Usage: readme.py [--check]
       readme.py add NAME ROW RESULT...
       readme.py bench RESULT...
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
PREFIX = "experiment-"
BLOCK = re.compile(r"(<!-- begin:(?P<name>[a-z0-9-]+) -->\n)(?P<body>.*?)(<!-- end:(?P=name) -->)", re.DOTALL)


class TableError(ValueError):
    """A result file or a marker can't work; the message says what was expected and what was given."""


def number(result: dict[str, Any], key: str) -> float:
    """The value at the dotted `key` of one result, a list counted.

    Raises:
        TableError: there is none, or it is no number.
    """
    value: Any = result
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise TableError(f"expected the key {key!r} in a result, found none")
        value = value[part]
    if isinstance(value, list):
        return float(len(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TableError(f"expected a number or a list at {key!r}, got {value!r}")
    return float(value)


def cell(values: Sequence[float], digits: int) -> str:
    """Mean and spread of one cell, as Markdown."""
    if not values:
        raise TableError("expected at least one result in a row, got none")
    mean = f"{statistics.fmean(values):,.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):,.{digits}f}"


def table(spec: dict[str, Any]) -> str:
    """The Markdown of one result file, with its source below."""
    columns = spec["columns"]
    runs = {len(row["results"]) for row in spec["rows"]}
    lines = [
        "| " + " | ".join([spec["label"], *(column["title"] for column in columns)]) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for row in spec["rows"]:
        cells = [cell([number(r, c["key"]) for r in row["results"]], c.get("digits", 0)) for c in columns]
        lines.append("| " + " | ".join([row["label"], *cells]) + " |")
    where = f", on {spec['machine']}" if "machine" in spec else ""
    spread = f", mean ± standard deviation of {runs.pop()} runs" if len(runs) == 1 and runs != {1} else ""
    return "\n".join([*lines, "", f"From `{spec['source']}`{where}{spread}.", ""])


def load(name: str) -> dict[str, Any]:
    """The result file `name`.

    Raises:
        TableError: it isn't there, or lacks one of its fields.
    """
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        raise TableError(f"expected the result file docs/results/{name}.json, found none")
    spec: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    missing = {"label", "columns", "rows", "source"} - spec.keys()
    if missing:
        raise TableError(f"docs/results/{name}.json: expected the fields {sorted(missing)}, found none")
    return spec


def render(text: str) -> str:
    """`text` with every marked table made anew.

    Raises:
        TableError: a marker has no partner, or its result file can't work.
    """
    opened = re.findall(r"<!-- begin:([^ ]+) -->", text)
    closed = re.findall(r"<!-- end:([^ ]+) -->", text)
    if opened != closed or len(opened) != len(BLOCK.findall(text)):
        raise TableError(f"expected a matching end marker for each of {opened}, found {closed}")
    return BLOCK.sub(lambda block: block[1] + body(block["name"]) + block[4], text)


def body(name: str) -> str:
    """What stands between the markers of `name`.

    Raises:
        TableError: its result file can't work.
    """
    experiment = name.removeprefix(PREFIX)
    if experiment == name:
        return table(load(name))
    from omnilytics.errors import OmniLyticsError
    from omnilytics.experiments.findings import read_findings
    from omnilytics.experiments.spec import spec_names
    from omnilytics.experiments.tables import markdown

    path = RESULTS / "experiments" / f"{experiment}.json"
    if not path.exists() and experiment in spec_names():
        return f"No result yet; `omnilytics experiment run {experiment}` asks it.\n"
    try:
        findings = read_findings(path)
    except OmniLyticsError as error:
        raise TableError(str(error)) from None
    if findings.tuned or not findings.comparable:
        raise TableError(f"{path.name}: expected the question as it is, got it tiny, tuned or with another attack")
    return markdown(findings)


def check_places(documents: Iterable[str]) -> None:
    """Sees that every result file has a place.

    Raises:
        TableError: one has none.
    """
    places = {block["name"] for text in documents for block in BLOCK.finditer(text)}
    wanted = {path.stem for path in RESULTS.glob("*.json")}
    wanted |= {PREFIX + path.stem for path in (RESULTS / "experiments").glob("*.json")}
    if unplaced := sorted(wanted - places):
        raise TableError(f"expected a place in a document for each result, found no '<!-- begin:{unplaced[0]} -->'")


def add(name: str, label: str, files: Sequence[Path]) -> None:
    """Replaces, or appends, the row `label` of the result file `name` by what `files` hold."""
    spec = load(name)
    keys = [column["key"] for column in spec["columns"]]
    results = []
    for path in files:
        full = json.loads(path.read_text(encoding="utf-8"))
        kept: dict[str, Any] = {}
        for key in keys:
            *parents, leaf = key.split(".")
            place = kept
            for parent in parents:
                place = place.setdefault(parent, {})
            place[leaf] = number(full, key)
        results.append(kept)
    row = next((row for row in spec["rows"] if row["label"] == label), None)
    if row is None:
        row = {"label": label}
        spec["rows"].append(row)
    row["results"] = results
    save(name, spec)


def add_ratios(files: Sequence[Path]) -> None:
    """Fills the rows of docs/results/bench.json with the ratios and bounds in `files`.

    A row that none of them has keeps what the same machine measured before.

    Raises:
        TableError: the files are of different machines, or nothing on this one has the ratio of a row.
    """
    spec = load("bench")
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    machines = {f"{full['machine']['cpu']}, {full['machine']['cores']} cores" for full in found}
    if len(machines) != 1:
        raise TableError(f"expected results of one machine, got {sorted(machines)}")
    before, (spec["machine"],) = spec.get("machine"), machines
    ratios = {name: {"ratio": r, "bound": f["bounds"].get(name)} for f in found for name, r in f["ratios"].items()}
    for row in spec["rows"]:
        if row["ratio"] in ratios:
            row["results"] = [ratios[row["ratio"]]]
        elif not row["results"] or before != spec["machine"]:
            raise TableError(f"expected the ratio {row['ratio']!r} in a result of {spec['machine']}, found none")
    save("bench", spec)


def save(name: str, spec: dict[str, Any]) -> None:
    """Writes the result file `name`."""
    (RESULTS / f"{name}.json").write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Writes the tables of the documents from docs/results.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a document isn't current")
    commands = parser.add_subparsers(dest="command")
    adding = commands.add_parser("add", help="put results into a row of docs/results/NAME.json")
    adding.add_argument("name")
    adding.add_argument("row")
    adding.add_argument("results", type=Path, nargs="+")
    measured = commands.add_parser("bench", help="put ratios into the rows of docs/results/bench.json")
    measured.add_argument("results", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    try:
        if options.command == "add":
            add(options.name, options.row, options.results)
        if options.command == "bench":
            add_ratios(options.results)
        paths = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        documents = {path: path.read_text(encoding="utf-8") for path in paths}
        current = {path: render(before) for path, before in documents.items()}
        check_places(documents.values())
    except (TableError, json.JSONDecodeError) as error:
        print(f"readme: {error}", file=sys.stderr)
        return 2
    for path, after in current.items():
        if options.check and after != documents[path]:
            print(f"readme: {path.name} differs from docs/results; run 'make readme'", file=sys.stderr)
            return 1
        if not options.check:
            path.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
