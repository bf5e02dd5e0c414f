"""`omnilytics mo create | run | status | exit | withdraw`: a model owner on a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.market import Config, Session, Yes
from omnilytics.cli.options import Quiet, ResultFile
from omnilytics.errors import DataError, ProtocolError

if TYPE_CHECKING:
    from omnilytics.chain.base import SessionPort
    from omnilytics.cli.connection import Signer
    from omnilytics.cli.following import Say
    from omnilytics.cli.settings import OwnerSettings
    from omnilytics.protocol.owner import ModelOwner
    from omnilytics.protocol.watch import Watch
    from omnilytics.types import Address, FloatVec, Receipt

EXAMPLE = "Example: omnilytics mo create --config owner.toml --members members.txt"
RUN_EXAMPLE = "Example: omnilytics mo run --config owner.toml"
STATUS_EXAMPLE = "Example: omnilytics mo status --config owner.toml --json -"

Members = Annotated[Path, typer.Option(metavar="FILE", help="Who may register: one address a line.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback(epilog=EXAMPLE)
def mo() -> None:
    """Offer a session as a model owner, follow it, and take out what it owes."""


@app.command("create", epilog=EXAMPLE)
def create(
    config: Config, members: Members, yes: Yes = False, json_file: ResultFile = None, quiet: Quiet = False
) -> None:
    """Open a session: list who may register, publish the model, deposit. Goes on with one that was begun."""
    from omnilytics.cli import connection, following
    from omnilytics.cli.settings import owner_settings
    from omnilytics.cli.show import printer
    from omnilytics.cli.whitelist import read_tree
    from omnilytics.types import Address

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        settings, listed = owner_settings(config), [Address(a) for a in read_tree(members).accounts]
        with connection.signer(settings) as own:
            session, calls = _open(settings, own, listed, say, yes=yes)
            files.json(json_file, following.to_json("mo", own.chain, session, own.account, calls, None))
    say(session.address)


@app.command("run", epilog=RUN_EXAMPLE)
def run(config: Config, session: Session = None, json_file: ResultFile = None, quiet: Quiet = False) -> None:
    """Follow a session to its end: help it on, take out what is left, and keep the new public model."""
    from omnilytics.cli import connection, following
    from omnilytics.cli.settings import owner_settings
    from omnilytics.cli.show import printer
    from omnilytics.protocol.owner import ModelOwner
    from omnilytics.protocol.owner_role import OwnerRole
    from omnilytics.protocol.watch import Watch

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        settings = owner_settings(config)
        with connection.signer(settings) as own:
            there = connection.session_of(settings, own.chain, session)
            _check_owner(there, own.account)
            owner = ModelOwner(own.chain, connection.market_of(settings, own.chain), own.account)
            watch = Watch(own.chain, there)
            follower = own.follower(there, say)
            follower.follow(OwnerRole(watch=watch, owner=owner))
            updated = _updated(watch, owner)
            if updated is not None:
                _write_model(own.model, updated)
                say(f"the new public model is in {own.model}")
            files.json(json_file, following.to_json("mo", own.chain, there, own.account, follower.calls, None))


@app.command("status", epilog=STATUS_EXAMPLE)
def status(config: Config, session: Session = None, json_file: ResultFile = None, quiet: Quiet = False) -> None:
    """Say where a session stands for this account, and what it would do now. Sends nothing, and needs no password."""

    from omnilytics.cli import following
    from omnilytics.cli.settings import owner_settings

    following.show_status("mo", owner_settings(config), session, json_file, quiet=quiet)


@app.command("exit", epilog="Example: omnilytics mo exit --config owner.toml --yes")
def leave(
    config: Config, session: Session = None, yes: Yes = False, json_file: ResultFile = None, quiet: Quiet = False
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

    following.send_one("mo", owner_settings(config), session, json_file, send, quiet=quiet)


@app.command("withdraw", epilog="Example: omnilytics mo withdraw --config owner.toml")
def withdraw(config: Config, session: Session = None, json_file: ResultFile = None, quiet: Quiet = False) -> None:
    """Take out what a session owes this account."""

    from omnilytics.cli import following
    from omnilytics.cli.settings import owner_settings

    following.send_one("mo", owner_settings(config), session, json_file, following.withdrawal, quiet=quiet)


def _open(
    settings: OwnerSettings, own: Signer, members: Sequence[Address], say: Say, *, yes: bool
) -> tuple[SessionPort, list[Receipt]]:
    """The session, started, and what was sent for it."""

    from omnilytics.cli import connection, preflight
    from omnilytics.experiments.parts import OwnerPart, part_of
    from omnilytics.protocol import fees
    from omnilytics.protocol.owner import LARGEST_LIST, ModelOwner, SessionPlan
    from omnilytics.protocol.owner_role import OwnerRole
    from omnilytics.protocol.watch import Watch
    from omnilytics.seeds import Seeds
    from omnilytics.types import Stage

    market = connection.market_of(settings, own.chain)
    data = settings.data
    samples = part_of(data.dataset, data.folder, data.part, data.parts)
    seeds = Seeds(int.from_bytes(own.journal.secret("training")[:8], "big"))
    part = OwnerPart.of(data.dataset, samples, seeds, _read_model(own.model))
    begun = connection.newest_session(market, own.chain, own.account)
    if begun is not None and begun.stage() is not Stage.SETUP:
        raise ProtocolError(f"session {begun.address}: expected it to be finished before another one, and it isn't")
    number = connection.count_of(market, own.chain, own.account) + (begun is None)
    params = part.params(settings.terms(), number)
    plan = SessionPlan(market, members, part.split.public_vector(), params)
    leaves = len(members) if len(members) > LARGEST_LIST else None
    made = fees.quote(params, plan.capacity, own.chain.base_fee_wei(), leaves=leaves)
    preflight.check_balance(own.account, own.chain.balance(own.account), made.deposit_wei, made.owner_gas_wei)
    preflight.agree(preflight.owner_lines(made), "Open the session?", say, yes=yes)
    owner = ModelOwner(own.chain, market, own.account)
    calls = []
    if begun is None:
        begun, receipt = owner.create()
        calls.append(receipt)
    follower = own.follower(begun, say, calls)
    role = OwnerRole(watch=Watch(own.chain, begun), owner=owner, plan=plan)
    while begun.stage() is Stage.SETUP:
        follower.step(role)
    return begun, follower.calls


def _check_owner(session: SessionPort, account: Address) -> None:
    if session.owner() != account:
        raise ProtocolError(f"session {session.address}: expected the owner {session.owner()}, got {account}")


def _updated(watch: Watch, owner: ModelOwner) -> FloatVec | None:
    """The new W^p; None: the session has selected nothing."""

    from omnilytics.protocol.member import check_published
    from omnilytics.types import Encoding

    update = owner.mean_update(watch.session)
    if update is None or watch.params.encoding is Encoding.WEIGHTS:
        return update
    return check_published(watch.session, watch.ledger(), watch.params) + update


def _read_model(path: Path) -> FloatVec | None:
    """W^p as the session before has left it; None: there was none."""
    import numpy as np

    if not path.exists():
        return None
    try:
        vector = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected the public model of an earlier session, got: {error}") from None
    if vector.dtype != np.float32:
        raise DataError(f"{path}: expected a vector of float32, got {vector.dtype}")
    return np.asarray(vector, dtype=np.float32)


def _write_model(path: Path, vector: FloatVec) -> None:
    import numpy as np

    partial = path.with_suffix(".partial.npy")
    try:
        np.save(partial, vector, allow_pickle=False)
        os.replace(partial, path)
    except OSError as error:
        raise DataError(f"{path}: expected room and leave to write it, got: {error.strerror}") from None
