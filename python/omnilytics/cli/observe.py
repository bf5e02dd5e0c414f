"""`omnilytics observe`: a finished run, shown again from its record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet

if TYPE_CHECKING:
    from omnilytics.dashboard.state import DashboardState, Member, Session

EXAMPLE = "Example: omnilytics observe --replay out.json --speed 4"

SCHEMA = "omnilytics/observe/1"


def observe(
    replay_file: Annotated[
        Path, typer.Option("--replay", metavar="FILE", help="A result of `demo --json`, or its record.")
    ],
    speed: Annotated[
        float, typer.Option(min=0, max=1000, help="1: about 15 s a session; 0: no rests. Only on a terminal.")
    ] = 1.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what the run adds up to; - prints it.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write one self-contained page with pictures.")
    ] = None,
    dashboard: Annotated[
        bool, typer.Option("--dashboard/--no-dashboard", help="Pictures on a terminal, or log lines.")
    ] = True,
    quiet: Quiet = False,
) -> None:
    """Show a finished run again."""
    from omnilytics.cli.show import screen
    from omnilytics.dashboard.live import LiveDashboard, replay
    from omnilytics.dashboard.report import render_report
    from omnilytics.protocol.record import read_events

    with Outputs(json_file, report) as files:
        recorded = list(read_events(replay_file))
        shown = screen(dashboard=dashboard, quiet=quiet, stderr=json_file == STDOUT)
        with shown:
            state = replay(recorded, shown, speed=speed if isinstance(shown, LiveDashboard) else 0)
        files.json(json_file, to_json(state))
        if report is not None:
            files.text(report, render_report(state))


def to_json(state: DashboardState) -> dict[str, Any]:
    """The object that `observe --json` writes."""
    return {
        "schema": SCHEMA,
        "finished": state.finished,
        "accuracy": {"alone": state.alone, "start": state.start, "public": state.public, "final": state.final},
        "sessions": [_session(s) for s in state.sessions],
        "members": [_member(m) for m in state.members],
        "gas": {"total": sum(state.gas.values()), "by_phase": dict(sorted(state.gas.items()))},
        "transactions": state.transactions,
    }


def _session(session: Session) -> dict[str, Any]:
    books = session.books
    return {
        "number": session.number,
        "address": session.address,
        "stage": session.stage,
        "accepted": [g.number for g in session.groups if g.accepted],
        "rejected": [g.number for g in session.groups if g.accepted is False],
        "failed": [g.number for g in session.groups if g.failed],
        "unselected": session.unselected,
        "missing": [
            {"group": g.number, "step": gap.step, "members": list(gap.members)}
            for g in session.groups
            for gap in g.gaps
        ],
        "accuracy": {"public": session.public, "final": session.owner},
        "gas": sum(session.gas.values()),
        "money": {
            "deposited_wei": books.deposited,
            "credits_wei": books.credits,
            "locked_wei": books.locked,
            "withdrawn_wei": books.withdrawn,
            "reserve_wei": books.reserve,
            "fees_wei": session.fees_wei,
            "burnt_wei": session.burnt_wei,
        },
    }


def _member(member: Member) -> dict[str, Any]:
    return {
        "account": member.address,
        "status": member.status,
        "earned_wei": member.earned_wei,
        "fees_wei": member.fees_wei,
        "suspicion": member.suspicion,
        "suspect": member.suspect,
    }
