"""`omnilytics mo create | run | status | export | exit | withdraw`: a model owner on a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnilytics.cli.files import STDOUT, Outputs, check_writable
from omnilytics.cli.options import Picture, Quiet, RecordFile, ResultFile
from omnilytics.cli.sources import (
    Account,
    AnyConfig,
    ChainId,
    Config,
    FirstBlock,
    Market,
    Rpc,
    Session,
    Yes,
    read_settings,
)
from omnilytics.errors import InputError, ProtocolError

if TYPE_CHECKING:
    from omnilytics.chain.base import SessionPort
    from omnilytics.cli.connection import Signer
    from omnilytics.cli.following import Say
    from omnilytics.cli.settings import OwnerSettings
    from omnilytics.experiments.owned import OwnedModel
    from omnilytics.types import Address, Receipt

EXAMPLE = "Example: omnilytics mo create --config owner.toml --members members.txt"
RUN_EXAMPLE = "Example: omnilytics mo run --config owner.toml"
EXPORT_EXAMPLE = "Example: omnilytics mo export --config owner.toml --out model.npz"
STATUS_EXAMPLE = "Example: omnilytics mo status --config owner.toml --json -"

Members = Annotated[Path, typer.Option(metavar="FILE", help="Who may register: one address a line.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback(epilog=EXAMPLE)
def mo() -> None:
    """Offer a session as a model owner, follow it, and take out what it owes."""


@app.command("create", epilog=EXAMPLE)
def create(
    config: Config,
    members: Members,
    rpc: Rpc = None,
    yes: Yes = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Open a session: list who may register, publish the model, deposit. Goes on with one that was begun."""
    from omnilytics.cli import connection, following
    from omnilytics.cli.settings import owner_settings
    from omnilytics.cli.show import printer
    from omnilytics.cli.whitelist import read_tree
    from omnilytics.types import Address

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        settings, listed = owner_settings(config, rpc or ()), [Address(a) for a in read_tree(members).accounts]
        with connection.signer(settings) as own:
            session, calls = _open(settings, own, listed, say, yes=yes)
            files.json(json_file, following.to_json("mo", own.chain, session, own.account, calls, None))
    say(session.address)


@app.command("run", epilog=RUN_EXAMPLE)
def run(
    config: Config,
    session: Session = None,
    rpc: Rpc = None,
    record: RecordFile = None,
    dashboard: Picture = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Follow a session to its end: help it on, take out what is left, and improve the model by what it brought."""
    from omnilytics.cli import connection, following, progress
    from omnilytics.cli.settings import owner_settings
    from omnilytics.cli.show import beside, printer
    from omnilytics.protocol.owner import ModelOwner
    from omnilytics.protocol.owner_role import OwnerRole
    from omnilytics.protocol.watch import Watch

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file, record) as files:
        settings = owner_settings(config, rpc or ())
        with connection.signer(settings) as own:
            there = connection.session_of(settings, own.chain, session)
            _check_owner(there, own.account)
            connection.say_nodes(own.chain, say)
            market = connection.market_of(settings, own.chain)
            owner, watch = ModelOwner(own.chain, market, own.account), Watch(own.chain, there)
            calls = following.run(
                OwnerRole(watch=watch, owner=owner, finality_blocks=settings.policy.finality_blocks),
                own.follower(there, say),
                own.chain,
                there,
                connection.number_of(market, there),
                screen=beside(dashboard, quiet, json_file == STDOUT),
                record=record,
            )
            reached = progress.of(there.address, _current(settings, own, say).progress)
            files.json(json_file, following.to_json("mo", own.chain, there, own.account, calls, None, reached))


@app.command("status", epilog=STATUS_EXAMPLE)
def status(
    config: AnyConfig = None,
    session: Session = None,
    rpc: Rpc = None,
    market: Market = None,
    chain_id: ChainId = None,
    first_block: FirstBlock = None,
    account: Account = None,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Say where a session stands for this account, and what it would do now. Sends nothing, and needs no password."""

    from omnilytics.cli import following

    settings = read_settings(config, rpc, market, chain_id, first_block, account)
    following.show_status("mo", settings, session, json_file, quiet=quiet)


@app.command("exit", epilog="Example: omnilytics mo exit --config owner.toml --yes")
def leave(
    config: Config,
    session: Session = None,
    rpc: Rpc = None,
    yes: Yes = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """End a session before registration is closed: everybody has their money back."""

    from omnilytics.cli import following
    from omnilytics.cli.settings import owner_settings

    def send(own: Signer, there: SessionPort, say: Say) -> Receipt:
        from omnilytics.cli import preflight

        _check_owner(there, own.account)
        lines = [f"ends session {there.address} for all {there.registered_count():,} who have registered"]
        preflight.agree(lines, "End it?", say, yes=yes)
        return there.exit(own.account)

    following.send_one("mo", owner_settings(config, rpc or ()), session, json_file, send, quiet=quiet)


@app.command("export", epilog=EXPORT_EXAMPLE)
def export(
    config: Config,
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="Where the model goes; nothing may be there.")],
    quiet: Quiet = False,
) -> None:
    """Write the whole model to a file, to use it elsewhere. The private part is in it: keep it to yourself."""
    from omnilytics.cli import connection
    from omnilytics.cli.settings import owner_settings
    from omnilytics.cli.show import printer
    from omnilytics.private import write_private

    say = printer(quiet=quiet, stderr=False)
    check_writable(out)
    settings = owner_settings(config)
    with connection.signer(settings) as own:
        content = _current(settings, own, say).exported()
    try:
        write_private(out, content)
    except FileExistsError:
        raise InputError(f"--out: expected a name that isn't taken, got {out}") from None
    except OSError as error:
        raise InputError(f"--out: expected room and leave to write {out}, got: {error.strerror}") from None
    say(f"the model is in {out}")


@app.command("withdraw", epilog="Example: omnilytics mo withdraw --config owner.toml")
def withdraw(
    config: Config, session: Session = None, rpc: Rpc = None, json_file: ResultFile = None, quiet: Quiet = False
) -> None:
    """Take out what a session owes this account."""

    from omnilytics.cli import following
    from omnilytics.cli.settings import owner_settings

    settings = owner_settings(config, rpc or ())
    following.send_one("mo", settings, session, json_file, following.withdrawal, quiet=quiet)


def _open(
    settings: OwnerSettings, own: Signer, members: Sequence[Address], say: Say, *, yes: bool
) -> tuple[SessionPort, list[Receipt]]:
    """The session, started, and what was sent for it."""

    from omnilytics.cli import connection, preflight
    from omnilytics.protocol import fees
    from omnilytics.protocol.owner import LARGEST_LIST, ModelOwner, SessionPlan
    from omnilytics.protocol.owner_role import OpeningRole
    from omnilytics.types import Stage

    market = connection.market_of(settings, own.chain)
    begun = connection.newest_session(market, own.chain, own.account)
    if begun is not None and begun.stage() is not Stage.SETUP:
        refused = ProtocolError(f"session {begun.address}: expected it to be finished before another one, and it isn't")
        refused.add_note("`omnilytics mo run` follows it to its end")
        raise refused
    number = connection.count_of(market, own.account) + (begun is None)
    model = _current(settings, own, say)
    params = model.params(settings.terms(), number)
    plan = SessionPlan(market, members, model.published, params)
    leaves = len(members) if len(members) > LARGEST_LIST else None
    made = fees.quote(
        params,
        plan.capacity,
        own.chain.base_fee_wei(),
        leaves=leaves,
        blob_gas_price_wei=preflight.blob_fee(own.chain, params),
    )
    preflight.check_market(own.chain, market)
    preflight.check_balance(own.account, own.chain.balance(own.account), made.deposit_wei, made.owner_gas_wei)
    preflight.agree(preflight.owner_lines(made), "Open the session?", say, yes=yes)
    owner = ModelOwner(own.chain, market, own.account)
    role = OpeningRole(chain=own.chain, market=market, owner=owner, plan=plan, session=begun)
    follower = own.follower(begun, say)
    follower.follow(role)
    assert role.session is not None
    return role.session, follower.calls


def _current(settings: OwnerSettings, own: Signer, say: Say) -> OwnedModel:
    """The owner's model with all that its finished sessions have brought; says what the newest did."""
    from omnilytics.cli import connection, progress
    from omnilytics.cli.tensorboard import write_progress
    from omnilytics.experiments.owned import OwnedModel
    from omnilytics.experiments.parts import owner_part
    from omnilytics.experiments.recipes import OWN, own_recipe, recipe_for

    data = settings.data
    samples, test = owner_part(data.dataset, data.place, data.part, data.parts, data.classes or 0)
    if data.dataset == OWN:
        recipe = own_recipe(samples.x.shape[1:], samples.classes, data.width)
    else:
        recipe = recipe_for(data.dataset, settings.session.split)
    model = OwnedModel(recipe, samples, test, own.seeds, own.journal)
    known = len(model.progress)
    try:
        model.catch_up(
            own.chain, connection.market_of(settings, own.chain), own.account, settings.policy.finality_blocks
        )
    finally:
        for one in model.progress[known:]:
            say(f"session {one.session}: {progress.words(one)}")
    progress.write(connection.progress_file(settings), model.progress)
    if settings.tensorboard.folder is not None:
        write_progress(settings.tensorboard.folder, model.progress)
    return model


def _check_owner(session: SessionPort, account: Address) -> None:
    if session.owner() != account:
        raise ProtocolError(f"session {session.address}: expected the owner {session.owner()}, got {account}")
