"""`omnilytics verify`: recomputes finished sessions, from a record, from a chain, or a record beside the chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet, RecordFile
from omnilytics.cli.sources import AnyConfig, ChainId, FirstBlock, Market, Rpc, read_settings
from omnilytics.errors import InputError

if TYPE_CHECKING:
    from omnilytics.cli.settings import ReadSettings
    from omnilytics.protocol.verify import VerifyReport

EXAMPLE = "Example: omnilytics verify out.json; or: omnilytics verify --rpc http://127.0.0.1:8545 --market ADDRESS"

SCHEMA = "omnilytics/verify/1"


def verify(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A result of `demo --json`, or a record."),
    ] = None,
    config: AnyConfig = None,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ADDRESS", help="Which session. [default: the newest that is finished]"),
    ] = None,
    rpc: Rpc = None,
    market: Market = None,
    chain_id: ChainId = None,
    first_block: FirstBlock = None,
    record: RecordFile = None,
    blobs: Annotated[
        Path | None, typer.Option("--blobs", metavar="DIR", help="An archive with the uploads of sessions in blobs.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was checked; - prints it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Recompute the sessions of a record, or one on a chain with its owner's earlier ones, and say what was checked.

    With both, the record's logs are held against the contracts on the chain. Exits 7 at the first contradiction.
    """
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file, record) as files:
        if file is not None and (session is not None or record is not None):
            raise InputError("FILE: expected none beside --session and --record, which are for logs read from a chain")
        typed = config, rpc, market, chain_id, first_block
        settings = read_settings(*typed, instead=", or a record") if file is None or any(typed) else None
        report = _checked(file, settings, session, record, blobs)
        checks, taken = ([{"what": w, "times": t} for w, t in counts] for counts in (report.checks, report.taken))
        value = {
            "schema": SCHEMA,
            "valid": True,
            "source": "chain" if file is None else "record",
            "contract": settings is not None,
            "sessions": report.sessions,
            "checks": checks,
            "taken": taken,
        }
        files.json(json_file, value)
    for what, times in report.checks:
        say(f"{times:>7,} x {what}")
    for what, times in report.taken:
        say(f"{times:>7,} - {what}: taken as emitted")
    total = sum(times for _, times in report.checks)
    say(f"valid: {total:,} checks over {report.sessions} session{'' if report.sessions == 1 else 's'}")
    source = "logs read from the chain" if file is None else f"logs of the record {file}"
    say(f"{source}, {'held against' if settings else 'not held against'} the contracts")


def _checked(
    file: Path | None, settings: ReadSettings | None, given: str | None, record: Path | None, folder: Path | None
) -> VerifyReport:
    from omnilytics.blobs.archive import Archive
    from omnilytics.cli import connection
    from omnilytics.protocol.narrator import narrate
    from omnilytics.protocol.past import records_until
    from omnilytics.protocol.record import RecordWriter
    from omnilytics.protocol.verify import verify_record, verify_sessions

    chain = None if settings is None else connection.reader(settings)
    blobs = None if folder is None else Archive(folder)
    if file is not None:
        return verify_record(file, chain, blobs)
    assert settings is not None
    assert chain is not None
    session = connection.session_of(settings, chain, given, finished=True)
    records = records_until(chain, connection.market_of(settings, chain), session)
    report = verify_sessions(records, chain, blobs)
    if record is not None:
        with RecordWriter(record) as writer:
            for event in narrate(records):
                writer.event(event)
            for one in records:
                writer.session(one)
    return report
