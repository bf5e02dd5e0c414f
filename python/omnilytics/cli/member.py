"""`omnilytics do join | run | status | withdraw`: a data owner on a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.cli.market import Config, Session, Yes
from omnilytics.cli.options import Quiet, ResultFile
from omnilytics.errors import InputError

if TYPE_CHECKING:
    from omnilytics.chain.base import SessionPort
    from omnilytics.cli.connection import Signer
    from omnilytics.cli.following import Say
    from omnilytics.cli.settings import MemberSettings
    from omnilytics.protocol.member_role import MemberRole

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
    members: Members = None,
    yes: Yes = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Check a session's offer, train, and register with the bond. `do run` goes on from there."""
    _take_part(config, session, members, json_file, yes=yes, quiet=quiet, to_the_end=False)


@app.command("run", epilog=EXAMPLE)
def run(
    config: Config,
    session: Session = None,
    members: Members = None,
    yes: Yes = False,
    json_file: ResultFile = None,
    quiet: Quiet = False,
) -> None:
    """Take part in a session to its end, unattended. Started again after a crash, it goes on where it was."""
    _take_part(config, session, members, json_file, yes=yes, quiet=quiet, to_the_end=True)


@app.command("status", epilog=STATUS_EXAMPLE)
def status(config: Config, session: Session = None, json_file: ResultFile = None, quiet: Quiet = False) -> None:
    """Say where a session stands for this account. Sends nothing, and needs no password."""

    from omnilytics.cli import following
    from omnilytics.cli.settings import member_settings

    following.show_status("do", member_settings(config), session, json_file, quiet=quiet)


@app.command("withdraw", epilog="Example: omnilytics do withdraw --config data-owner.toml")
def withdraw(config: Config, session: Session = None, json_file: ResultFile = None, quiet: Quiet = False) -> None:
    """Take out what a session owes this account."""

    from omnilytics.cli import following
    from omnilytics.cli.settings import member_settings

    following.send_one("do", member_settings(config), session, json_file, following.withdrawal, quiet=quiet)


def _take_part(
    config: Path,
    given: str | None,
    members: Path | None,
    json_file: Path | None,
    *,
    yes: bool,
    quiet: bool,
    to_the_end: bool,
) -> None:
    from omnilytics.cli import connection, following
    from omnilytics.cli.settings import member_settings
    from omnilytics.cli.show import printer
    from omnilytics.types import Stage

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        settings = member_settings(config)
        with connection.signer(settings) as own:
            session = connection.session_of(settings, own.chain, given)
            follower = own.follower(session, say)
            if session.stage() is Stage.REGISTER and not session.member(own.account).registered:
                _preflight(settings, own, session, say, yes=yes)
            role = _role(settings, own, session, members)
            if to_the_end:
                follower.follow(role)
            else:
                while not session.member(own.account).registered and not follower.step(role):
                    pass
            if session.stage() is Stage.FINISHED and not session.credit_of(own.account):
                own.journal.forget(f"{session.address}/")
            files.json(json_file, following.to_json("do", own.chain, session, own.account, follower.calls, None))


def _preflight(settings: MemberSettings, own: Signer, session: SessionPort, say: Say, *, yes: bool) -> None:
    """Whether the offer is acceptable and can be paid for, and whether its user wants it."""
    from omnilytics.cli import preflight
    from omnilytics.protocol import fees

    params = session.params()
    settings.accepts().check(params, simulated=own.chain.simulated)
    made = fees.quote(params, session.capacity(), own.chain.base_fee_wei())
    preflight.check_balance(own.account, own.chain.balance(own.account), params.bond_wei, made.member_gas_wei)
    preflight.agree(preflight.member_lines(made), "Take part?", say, yes=yes)


def _role(settings: MemberSettings, own: Signer, session: SessionPort, members: Path | None) -> MemberRole:
    from omnilytics.cli import connection
    from omnilytics.experiments.parts import part_of, training
    from omnilytics.protocol.member import DataOwner
    from omnilytics.protocol.member_role import MemberRole, once
    from omnilytics.protocol.past import past_groups
    from omnilytics.protocol.randomness import DurableRandomness
    from omnilytics.protocol.releases import ReleaseLog
    from omnilytics.protocol.watch import Watch
    from omnilytics.seeds import Seeds

    watch, data = Watch(own.chain, session), settings.data
    samples = part_of(data.dataset, data.folder, data.part, data.parts)
    market = connection.market_of(settings, own.chain)
    number = connection.number_of(market, own.chain, session)
    others = (own.chain.session(address) for address in market.sessions() if address != session.address)
    seeds = Seeds(int.from_bytes(own.journal.secret("training")[:8], "big"))
    train = training(data.dataset, samples, watch.params, seeds, number)
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
