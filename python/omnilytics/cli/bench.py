"""`omnilytics bench`: what OmniLytics costs beside what a user would take instead."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from omnilytics.cli.extras import needing_rpc
from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet
from omnilytics.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from omnilytics.bench.report import Report, Say

EXAMPLE = "Example: omnilytics bench gas --json gas.json"

SUITES = ("kernels", "blobs", "gas", "blob_gas", "chain", "network", "training", "secagg")
"""The modules of `omnilytics.bench` that measure, in the order in which `all` runs them.

`gas --mode blob` is `blob_gas`.
"""

FLOWER = Path(".venv-flower/bin/python")
"""Where `make flower` puts a Python that has Flower."""

GETH = Path(".nodes/bin/geth")
"""Where `make nodes` puts geth."""


def bench(
    suite: Annotated[
        Literal["kernels", "blobs", "gas", "chain", "network", "training", "secagg", "all"],
        typer.Argument(help="What to measure."),
    ],
    lines: Annotated[
        bool, typer.Option("--lines", help="With gas, in a source tree: where it goes, by line of the contracts.")
    ] = False,
    mode: Annotated[
        Literal["calldata", "blob"], typer.Option("--mode", help="With gas: how vectors travel.")
    ] = "calldata",
    flower: Annotated[
        Path, typer.Option("--flower", metavar="PYTHON", help="With secagg, training and all: a Python that has flwr.")
    ] = FLOWER,
    geth: Annotated[
        Path, typer.Option("--geth", metavar="PROGRAM", help="With network and all: geth's program.")
    ] = GETH,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was found; - prints it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure OmniLytics beside what a user would take instead, in the same run."""
    from rich.console import Console

    from omnilytics.bench.report import joined
    from omnilytics.cli.show import printer

    if lines and suite != "gas":
        raise InputError(f"--lines: expected the suite gas with it, got {suite}")
    if mode == "blob" and (suite != "gas" or lines):
        raise InputError(f"--mode: expected the suite gas without --lines with it, got {'--lines' if lines else suite}")
    needs = {"secagg": flower, "network": geth, "training": flower}
    users = {"flower": ("secagg", "training"), "geth": ("network",)}
    for option, given, usual in (("flower", flower, FLOWER), ("geth", geth, GETH)):
        if given != usual and suite not in (*users[option], "all"):
            suites = ", ".join(users[option])
            raise InputError(f"--{option}: expected the suite {suites} or all with it, got {suite}")
    chosen = SUITES if suite == "all" else ("lines" if lines else "blob_gas" if mode == "blob" else suite,)
    say = printer(quiet=quiet, stderr=True)
    with Outputs(json_file) as files:
        reports = [load_suite(name, needs.get(name), optional=suite == "all")(say) for name in chosen]
        files.json(json_file, (joined(reports) if suite == "all" else reports[0]).to_json())
    console = Console(stderr=json_file == STDOUT, quiet=quiet)
    for report in reports:
        for table in tables(report):
            console.print(table)
        for note in report.notes:
            console.print(f"- {note}", highlight=False, markup=False)


def load_suite(name: str, program: Path | None, *, optional: bool) -> Callable[[Say], Report]:
    """The `run` of a suite; its module takes along what it measures with.

    Args:
        name: of the suite.
        program: what it can't do without: a Python that has Flower, or geth; None: nothing.
        optional: whether what can be measured without does where there is none.

    Raises:
        InputError: a package of the extra `rpc` is missing.
    """
    with needing_rpc("bench"):
        module = import_module(f"omnilytics.bench.{name}")
    run: Callable[..., Report] = module.run
    if program is None:
        return run
    if optional and not program.exists():
        return lambda say: module.without(say, program)
    return lambda say: run(say, program)


def tables(report: Report) -> list[Table]:
    """Measurements, ratios and values, as they are printed."""
    from rich.table import Table
    from rich.text import Text

    rows = Table(title=f"{report.suite}, {report.machine.cpu}", title_justify="left")
    for name in ("", "ours", "unit", "compared with", "its", "ratio"):
        rows.add_column(name, justify="right" if name in ("ours", "its", "ratio") else "left")
    for row in report.rows:
        if not row.detail:
            cells = (
                row.name,
                number(row.value),
                row.unit,
                row.anchor or "",
                number(row.anchor_value),
                number(row.ratio),
            )
            rows.add_row(*map(Text, cells))
    found = [rows]
    for title, limit, numbers, limits in (
        ("ratios: above 1, ours is better", "at least", report.ratios, report.bounds),
        ("values: the smaller, the better", "at most", report.values, report.limits),
    ):
        if numbers or limits:
            table = Table(title=title, title_justify="left")
            for name in ("", "found", limit):
                table.add_column(name, justify="right" if name else "left")
            for name in dict.fromkeys([*numbers, *limits]):
                table.add_row(name, number(numbers.get(name)), number(limits.get(name)))
            found.append(table)
    return found


def number(value: float | None) -> str:
    """Four digits or all that stand before the point; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1_000 or value == int(value) else f"{value:.4g}"
