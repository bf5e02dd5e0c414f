"""`omnilytics market deploy | bundle | list | show`: the contract that sessions are made by, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.options import Quiet, ResultFile
from omnilytics.cli.sources import AnyConfig, ChainId, Config, FirstBlock, Market, Rpc, Session, Yes, read_settings

if TYPE_CHECKING:
    from omnilytics.chain.base import SessionPort
    from omnilytics.types import SessionParams

LIST_SCHEMA = "omnilytics/sessions/1"
SESSION_SCHEMA = "omnilytics/session/1"

EXAMPLE = "Example: omnilytics market deploy --config owner.toml --min-window-secs 60 --yes"
LIST_EXAMPLE = "Example: omnilytics market list --rpc http://127.0.0.1:8545 --market ADDRESS --json -"
BUNDLE_EXAMPLE = "Example: omnilytics market bundle --min-window-secs 60 --json bundle.json"
SHOW_EXAMPLE = "Example: omnilytics market show --config data-owner.toml"

MinWindowSecs = Annotated[
    int, typer.Option(min=0, max=31_536_000, help="The shortest window that its sessions may set.")
]
Salt = Annotated[int, typer.Option(min=0, max=2**64 - 1, help="Another market on the same chain has another one.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback(epilog=EXAMPLE)
def market() -> None:
    """Deploy a market, let others check it, and look at its sessions."""


@app.command("deploy", epilog=EXAMPLE)
def deploy(
    config: Config,
    min_window_secs: MinWindowSecs = 60,
    salt: Salt = 0,
    yes: Yes = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Deploy a market where its code, window and salt put it, unless it is there. Its address goes into every file."""
    from omnilytics.cli import connection
    from omnilytics.cli.deploying import deployed
    from omnilytics.cli.settings import any_settings
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files, connection.signer(any_settings(config)) as own:
        value = deployed(own, min_window_secs, salt, say, yes=yes)
        files.json(json_file, value)
    say(value["market"])


@app.command("bundle", epilog=BUNDLE_EXAMPLE)
def bundle(
    min_window_secs: MinWindowSecs = 60, salt: Salt = 0, json_file: ResultFile = None, quiet: Quiet = False
) -> None:
    """Say where a market's contracts are, on any chain, and write what it takes to compile them again."""
    from omnilytics.cli.extras import needing_rpc
    from omnilytics.cli.show import printer

    with needing_rpc("bundle"):
        from omnilytics.chain.rpc.deployment import pieces
        from omnilytics.chain.rpc.sources import bundle as bundle_of

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        plan = pieces(min_window_secs, salt)
        if json_file is not None:
            files.json(json_file, bundle_of(plan))
    for piece in plan:
        say(f"{piece.contract:<16} {piece.address}")


@app.command("list", epilog=LIST_EXAMPLE)
def show_all(
    config: AnyConfig = None,
    rpc: Rpc = None,
    market: Market = None,
    chain_id: ChainId = None,
    first_block: FirstBlock = None,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """List the sessions of the market, oldest first."""
    from omnilytics.cli import connection
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        settings = read_settings(config, rpc, market, chain_id, first_block)
        chain = connection.reader(settings)
        there = connection.market_of(settings, chain)
        entries = [
            {"session": session, "owner": owner, "stage": chain.session(session).stage().name.lower()}
            for session, owner in there.opened()
        ]
        value = {"schema": LIST_SCHEMA, "chain_id": chain.chain_id, "market": there.address, "sessions": entries}
        files.json(json_file, value)
    for entry in entries:
        say(f"{entry['session']}  {entry['stage']:<9}  owner {entry['owner']}")
    if not entries:
        say(f"no sessions in market {there.address}")


@app.command("show", epilog=SHOW_EXAMPLE)
def show(
    config: AnyConfig = None,
    session: Session = None,
    rpc: Rpc = None,
    market: Market = None,
    chain_id: ChainId = None,
    first_block: FirstBlock = None,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Show a session: its terms, where it stands, its groups; and how the nodes are."""
    from omnilytics.cli import connection
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        settings = read_settings(config, rpc, market, chain_id, first_block)
        chain = connection.reader(settings)
        there = connection.session_of(settings, chain, session)
        value = {**to_json(chain.chain_id, there), "nodes": connection.nodes_of(chain)}
        files.json(json_file, value)
    for line in [*table(value), *connection.node_lines(value["nodes"])]:
        say(line)


def to_json(chain_id: int, session: SessionPort) -> dict[str, Any]:
    """The object that `market show --json` writes, but for the nodes."""
    from omnilytics.types import Stage

    stage = session.stage()
    started, money = stage is not Stage.SETUP, session.money()
    groups = [session.group(number) for number in range(session.group_count())]
    return {
        "schema": SESSION_SCHEMA,
        "chain_id": chain_id,
        "session": session.address,
        "owner": session.owner(),
        "market": session.market(),
        "stage": stage.name.lower(),
        "deadline": session.deadline() or None,
        "capacity": session.capacity(),
        "registered": session.registered_count(),
        "terms": _terms(session.params()) if started else None,
        "groups": [
            {
                "group": number,
                "status": view.status.name.lower(),
                "committed": view.committed.bit_count(),
                "delivered": view.delivered.bit_count(),
                "accepted": view.accepted,
                "settled": view.settled,
            }
            for number, view in enumerate(groups)
        ],
        "money": {
            "deposited_wei": money.deposited,
            "credits_wei": money.credits,
            "locked_wei": money.locked,
            "withdrawn_wei": money.withdrawn,
        },
    }


def _terms(params: SessionParams) -> dict[str, Any]:
    names = ("parameter_count", "samples", "epochs", "batch_size", "rounds", "min_rounds", "members", "threshold")
    steps = ("register", "commit", "upload", "reveal", "aggregate", "vote", "select")
    windows = tuple(f"{step}_secs" for step in steps)
    enumerated = ("encoding", "assignment", "policy", "mode")
    wei = ("reward_wei", "bond_wei", "fee_cap_wei")
    return {
        **{name: getattr(params, name) for name in (*names, *windows, *wei)},
        **{name: getattr(params, name).name.lower() for name in enumerated},
        "packed": params.packed,
        "rule": params.rule.spelling,
        "clip": params.clip_value,
    }


def table(value: dict[str, Any]) -> list[str]:
    """A session as lines of text."""
    from omnilytics.dashboard.words import ether

    lines = [
        f"session    {value['session']} of {value['owner']}",
        f"stage      {value['stage']}" + (f", deadline {value['deadline']}" if value["deadline"] else ""),
        f"registered {value['registered']:,} of {value['capacity']:,}",
    ]
    terms = value["terms"]
    if terms is not None:
        lines += [
            f"groups     {terms['rounds']} of {terms['members']}, of which {terms['threshold']} must do their part",
            f"rules      policy {terms['policy']}, rule {terms['rule']}, assignment {terms['assignment']}",
            f"money      reward {ether(terms['reward_wei'])}, bond {ether(terms['bond_wei'])}",
        ]
    lines += [f"group {one['group']:<4} {one['status']}, {one['delivered']} delivered" for one in value["groups"]]
    return lines
