"""`omnilytics verify`: recomputes a finished run from its chain record alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet

EXAMPLE = "Example: omnilytics verify out.json"

SCHEMA = "omnilytics/verify/1"


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A result of `demo --json`, or its record.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was checked; - prints it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Recompute every session of a record, and say what was checked. Exits 7 at the first contradiction."""
    from omnilytics.cli.show import printer
    from omnilytics.protocol.verify import verify_record

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        report = verify_record(file)
        checks, taken = ([{"what": w, "times": t} for w, t in counts] for counts in (report.checks, report.taken))
        value = {"schema": SCHEMA, "valid": True, "sessions": report.sessions, "checks": checks, "taken": taken}
        files.json(json_file, value)
    for what, times in report.checks:
        say(f"{times:>7,} x {what}")
    for what, times in report.taken:
        say(f"{times:>7,} - {what}: taken as emitted")
    total = sum(times for _, times in report.checks)
    say(f"valid: {total:,} checks over {report.sessions} session{'' if report.sessions == 1 else 's'}")
