"""`omnilytics do join | run | status | withdraw`: a data owner on a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omnilytics.cli.files import STDOUT, Outputs
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
from omnilytics.errors import InputError

if TYPE_CHECKING:
    from omnilytics.chain.base import SessionPort
    from omnilytics.cli.connection import Signer
    from omnilytics.cli.following import Say
    from omnilytics.cli.settings import MemberSettings
    from omnilytics.protocol.member_role import MemberRole
    from omnilytics.types import Receipt

    Act = Callable[[Signer, SessionPort, MemberRole, Say], list[Receipt]]
    """Lets a role act, and gives what it has sent."""

EXAMPLE = "Example: omnilytics do run --config data-owner.toml"
JOIN_EXAMPLE = "Example: omnilytics do join --config data-owner.toml --yes"
STATUS_EXAMPLE = "Example: omnilytics do status --config data-owner.toml --json -"

Members = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The owner's list, where the session has its Merkle root instead."),
]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback(epilog=EXAMPLE)
def do() -> None:
    """Take part in a session as a data owner, and take out what it owes."""


@app.command("join", epilog=JOIN_EXAMPLE)
def join(
    config: Config,
    session: Session = None,
    rpc: Rpc = None,
    members: Members = None,
    yes: Yes = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Check a session's offer, train, and register with the bond. `do run` goes on from there."""
    from omnilytics.cli.settings import member_settings

    def register(own: Signer, there: SessionPort, role: MemberRole, say: Say) -> list[Receipt]:
        follower = own.follower(there, say)
        while not there.member(own.account).registered and not follower.step(role):
            pass
        return follower.calls

    settings = member_settings(config, rpc or ())
    _run(settings, session, members, json_file, None, register, yes=yes, quiet=quiet)


@app.command("run", epilog=EXAMPLE)
def run(
    config: Config,
    session: Session = None,
    rpc: Rpc = None,
    members: Members = None,
    yes: Yes = False,
    record: RecordFile = None,
    dashboard: Picture = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Take part in a session to its end, unattended. Started again after a crash, it goes on where it was."""
    from omnilytics.cli import connection, following
    from omnilytics.cli.settings import member_settings
    from omnilytics.cli.show import beside

    settings, shown = member_settings(config, rpc or ()), beside(dashboard, quiet, json_file == STDOUT)

    def follow(own: Signer, there: SessionPort, role: MemberRole, say: Say) -> list[Receipt]:
        connection.say_nodes(own.chain, say)
        number = connection.number_of(connection.market_of(settings, own.chain), there)
        follower = own.follower(there, say)
        return following.run(role, follower, own.chain, there, number, screen=shown, record=record)

    _run(settings, session, members, json_file, record, follow, yes=yes, quiet=quiet)


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
    """Say where a session stands for this account. Sends nothing, and needs no password."""

    from omnilytics.cli import following

    settings = read_settings(config, rpc, market, chain_id, first_block, account)
    following.show_status("do", settings, session, json_file, quiet=quiet)


@app.command("withdraw", epilog="Example: omnilytics do withdraw --config data-owner.toml")
def withdraw(
    config: Config, session: Session = None, rpc: Rpc = None, json_file: ResultFile = None, quiet: Quiet = False
) -> None:
    """Take out what a session owes this account."""

    from omnilytics.cli import following
    from omnilytics.cli.settings import member_settings

    settings = member_settings(config, rpc or ())
    following.send_one("do", settings, session, json_file, following.withdrawal, quiet=quiet)


def _run(
    settings: MemberSettings,
    given: str | None,
    members: Path | None,
    json_file: Path | None,
    record: Path | None,
    act: Act,
    *,
    yes: bool,
    quiet: bool,
) -> None:
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file, record) as files:
        files.json(json_file, take_part(settings, given, members, say, act, yes=yes))


def to_the_end(own: Signer, session: SessionPort, role: MemberRole, say: Say) -> list[Receipt]:
    """What `do run` does with its role; gives what was sent."""
    follower = own.follower(session, say)
    follower.follow(role)
    return follower.calls


def take_part(
    settings: MemberSettings, given: str | None, members: Path | None, say: Say, act: Act = to_the_end, *, yes: bool
) -> dict[str, Any]:
    """Lets a data owner's role act, once its user wants it; gives what the commands write.

    Raises:
        OmniLyticsError: it can't go on.
    """
    from omnilytics.cli import connection, following
    from omnilytics.types import Stage

    with connection.signer(settings) as own:
        session = connection.session_of(settings, own.chain, given)
        if session.stage() is Stage.REGISTER and not session.member(own.account).registered:
            _preflight(settings, own, session, say, yes=yes)
        calls = act(own, session, _role(settings, own, session, members), say)
        if session.stage() is Stage.FINISHED and not session.credit_of(own.account):
            own.journal.forget(f"{session.address}/")
        return following.to_json("do", own.chain, session, own.account, calls, None)


def _preflight(settings: MemberSettings, own: Signer, session: SessionPort, say: Say, *, yes: bool) -> None:
    """Whether the offer is acceptable and can be paid for, and whether its user wants it."""
    from omnilytics.cli import connection, preflight
    from omnilytics.protocol import fees

    params = session.params()
    preflight.check_market(own.chain, connection.market_of(settings, own.chain))
    settings.accepts().check(params, simulated=own.chain.simulated)
    blob_fee = preflight.blob_fee(own.chain, params)
    made = fees.quote(params, session.capacity(), own.chain.base_fee_wei(), blob_gas_price_wei=blob_fee)
    ceiling, costs = settings.fees.blob_ceiling_wei, (made.member_gas_wei, made.member_blobs_wei)
    preflight.check_blob_fee(made, ceiling)
    preflight.check_balance(own.account, own.chain.balance(own.account), params.bond_wei, *costs)
    preflight.agree(preflight.member_lines(made, ceiling), "Take part?", say, yes=yes)


def _role(settings: MemberSettings, own: Signer, session: SessionPort, members: Path | None) -> MemberRole:
    from omnilytics.cli import connection
    from omnilytics.experiments.apart import WORKSHOP, continued
    from omnilytics.protocol.member import DataOwner
    from omnilytics.protocol.member_role import MemberRole, once
    from omnilytics.protocol.past import past_groups
    from omnilytics.protocol.randomness import DurableRandomness
    from omnilytics.protocol.releases import ReleaseLog
    from omnilytics.protocol.watch import Watch

    watch, data = Watch(own.chain, session), settings.data
    market = connection.market_of(settings, own.chain)
    number = connection.number_of(market, session)
    others = (own.chain.session(address) for address, _ in market.opened() if address != session.address)
    samples = data.dataset, data.place, data.part, data.parts, data.classes or 0
    trainer = WORKSHOP.trainer(*samples, watch.params, own.seeds, number)
    train = continued(trainer, own.journal, f"{data.dataset}/{session.owner()}")
    return MemberRole(
        watch=watch,
        member=DataOwner(
            own.chain,
            own.account,
            policy=settings.accepts(),
            past=past_groups(own.chain, others, own.account),
            releases=ReleaseLog(own.releases),
        ),
        randomness=DurableRandomness(own.journal, session.address),
        train=once(train, own.journal, session.address),
        proof=_proof(session, own, members),
        margin_secs=settings.deadlines.margin_secs,
    )


def _proof(session: SessionPort, own: Signer, members: Path | None) -> Sequence[bytes]:
    """What the account registers with; nothing where the session has a list.

    Raises:
        InputError: no file where one is needed, or not the session's list.
    """
    from omnilytics.cli.whitelist import read_tree

    root = session.whitelist_root()
    if not any(root):
        return ()
    if members is None:
        raise InputError("--members: expected the owner's list, whose Merkle root the session has, got none")
    tree = read_tree(members)
    if tree.root != root:
        raise InputError(f"--members: expected a list with the root 0x{root.hex()}, got one with 0x{tree.root.hex()}")
    return tree.proof(own.account)
