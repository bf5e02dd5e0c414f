"""`omnilytics observe`: a session on a chain as it happens, by anybody; or a finished run, again from its record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet, RecordFile
from omnilytics.cli.sources import AnyConfig, ChainId, FirstBlock, Market, Rpc, Session, read_settings
from omnilytics.errors import InputError

if TYPE_CHECKING:
    from omnilytics.cli.settings import ReadSettings
    from omnilytics.dashboard.blobs import Correction
    from omnilytics.dashboard.live import Screen
    from omnilytics.dashboard.state import DashboardState
    from omnilytics.dashboard.state import Member as MemberState
    from omnilytics.dashboard.state import Session as SessionState

EXAMPLE = "Example: omnilytics observe --rpc http://127.0.0.1:8545 --market ADDRESS; or --replay out.json --speed 4"

SCHEMA = "omnilytics/observe/1"


def observe(
    config: AnyConfig = None,
    session: Session = None,
    rpc: Rpc = None,
    market: Market = None,
    chain_id: ChainId = None,
    first_block: FirstBlock = None,
    replay_file: Annotated[
        Path | None,
        typer.Option("--replay", metavar="FILE", help="A result of `demo --json`, or a record; in place of a chain."),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, max=1000, help="1: about 15 s a session; 0: no rests. Only on a terminal.")
    ] = 1.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what the run adds up to; - prints it.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write one self-contained page with pictures.")
    ] = None,
    record: RecordFile = None,
    dashboard: Annotated[
        bool, typer.Option("--dashboard/--no-dashboard", help="Pictures on a terminal, or log lines.")
    ] = True,
    quiet: Quiet = False,
) -> None:
    """Show a session on a chain until it is finished, or a finished run again. Sends nothing, and needs no key."""
    from omnilytics.cli.show import screen
    from omnilytics.dashboard.report import render_report

    with Outputs(json_file, report, record) as files:
        shown = screen(dashboard=dashboard, quiet=quiet, stderr=json_file == STDOUT)
        if replay_file is None:
            instead = ", or --replay and a record"
            settings = read_settings(config, rpc, market, chain_id, first_block, instead=instead)
            _follow(settings, session, shown, record)
        elif any((config, session, rpc, market, chain_id, first_block, record)):
            raise InputError("--replay: expected no chain, --session and --record beside it, got both")
        else:
            _replay(replay_file, shown, speed)
        files.json(json_file, to_json(shown.state))
        if report is not None:
            files.text(report, render_report(shown.state))


def _replay(file: Path, shown: Screen, speed: float) -> None:
    from omnilytics.dashboard.live import LiveDashboard, replay
    from omnilytics.protocol.record import read_events

    recorded = list(read_events(file))
    with shown:
        replay(recorded, shown, speed=speed if isinstance(shown, LiveDashboard) else 0)


def _follow(settings: ReadSettings, given: str | None, shown: Screen, record: Path | None) -> None:
    from omnilytics.cli import connection, following
    from omnilytics.protocol.events import Note
    from omnilytics.protocol.spectator import Onlooker

    chain = connection.reader(settings)
    session = connection.session_of(settings, chain, given)
    number = connection.number_of(connection.market_of(settings, chain), session)
    with following.shown_to(shown, record, chain, session, number) as (spectator, sink):
        following.Follower(chain, lambda line: sink(Note(number, line))).follow(Onlooker(spectator))


def to_json(state: DashboardState) -> dict[str, Any]:
    """The object that `observe --json` writes."""
    return {
        "schema": SCHEMA,
        "finished": state.finished,
        "accuracy": {"alone": state.alone, "start": state.start, "public": state.public, "final": state.final},
        "sessions": [_session(state, s) for s in state.sessions],
        "members": [_member(m) for m in state.members],
        "gas": {"total": sum(state.gas.values()), "by_phase": dict(sorted(state.gas.items()))},
        "transactions": state.transactions,
    }


def _session(state: DashboardState, session: SessionState) -> dict[str, Any]:
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
        "blobs": _blobs(state, session),
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


def _blobs(state: DashboardState, session: SessionState) -> dict[str, Any] | None:
    if state.setting is None or not state.setting.in_blobs:
        return None
    blobs = session.blobs
    return {
        "posted": session.posted,
        "due": state.due(session),
        "gas": blobs.gas or None,
        "gas_wei": blobs.wei if blobs.gas else None,
        "uncorrected": [g.number for g in session.groups if g.uncorrected],
        "corrections": [_correction(one) for one in blobs.corrections],
        "refuting": blobs.refuting,
        "accusations": [{"account": one.account, "group": one.group, "index": one.index} for one in blobs.accusations],
        "added": list(blobs.added),
        "products": blobs.products,
    }


def _correction(one: Correction) -> dict[str, Any]:
    return {"account": one.account, "group": one.group, "blobs": one.blobs, "whole": one.whole, "index": one.index}


def _member(member: MemberState) -> dict[str, Any]:
    return {
        "account": member.address,
        "status": member.status,
        "earned_wei": member.earned_wei,
        "fees_wei": member.fees_wei,
        "suspicion": member.suspicion,
        "suspect": member.suspect,
    }
