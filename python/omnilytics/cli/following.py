"""A role that runs unattended: it says what it does, what it waits for and until when.

It gives up on nothing that may mend itself: a node that is away, an account without money.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.cli import progress
from omnilytics.cli.files import STDOUT, Outputs
from omnilytics.dashboard.live import Silent
from omnilytics.errors import ChainError, InputError, ProtocolError, Reverted
from omnilytics.protocol import events
from omnilytics.protocol.chores import Chores
from omnilytics.protocol.progress import Progress
from omnilytics.protocol.spectator import Spectator, Watched
from omnilytics.protocol.steps import Acted, Done, Lost, Role, Step, Waiting, step
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, Receipt, Stage

if TYPE_CHECKING:
    from omnilytics.chain.rpc import RpcChain
    from omnilytics.cli.connection import Signer
    from omnilytics.cli.settings import ReadSettings, RoleSettings
    from omnilytics.dashboard.live import Screen

Say = Callable[[str], None]
"""Prints a line."""

Hears = Callable[[Step | ChainError | ProtocolError], None]
"""Gets what came of a step."""

LOG = logging.getLogger(__name__)

RETRY_SECS = 5.0
"""Pause after a node or the account's money has failed."""

MOST_REFUSALS = 3
"""How often in a row it may be unable to go on for no reason that the chain shows: a node may look ahead or be behind,
and the newest blocks may change between two looks at them."""

SCHEMA = "omnilytics/role/1"


def deaf(_outcome: Step | ChainError | ProtocolError) -> None:
    """Hears nothing."""


@dataclass(slots=True)
class Follower:
    """Follows one session for one account.

    Attributes:
        chain: where it is.
        say: gets every line.
        calls: what has been sent, oldest first.
        waiting: what it waits for now.
        hears: gets what came of each step.
    """

    chain: ChainPort
    say: Say
    calls: list[Receipt] = field(default_factory=list)
    waiting: Waiting | None = None
    hears: Hears = deaf
    _refusals: int = 0

    def follow(self, role: Role) -> None:
        """Returns when nothing is left to do.

        Raises:
            Reverted, ProtocolError: it can't go on, block after block, and the chain doesn't show why.
            JournalError, DataError: the role can't go on.
        """
        while not self.step(role):
            pass

    def step(self, role: Role) -> bool:
        """Does what is to be done now, or waits for a block; True: nothing is left to do."""
        try:
            found = step(role)
            self._refusals = 0
            self.hears(found)
            match found:
                case Acted():
                    self.calls.append(found.receipt)
                    self._tell(f"{found.words}: block {found.receipt.block}, {found.receipt.gas_used:,} gas")
                case Lost():
                    self._tell(f"{found.call} came too late: {found.reason}")
                case Done():
                    self._tell(found.what)
                    return True
                case Waiting():
                    self._wait(found)
        except (Reverted, ProtocolError) as error:
            self.hears(error)
            self._refused(error)
        except ChainError as error:
            self.hears(error)
            self._troubled(error)
        return False

    def _wait(self, waiting: Waiting) -> None:
        if waiting != self.waiting:
            self._tell(words(waiting))
            self.waiting = waiting
        self.chain.wait_blocks(1)

    def _refused(self, error: Reverted | ProtocolError) -> None:
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            raise error
        self._tell(f"{error}; looks again at the next block")
        self.chain.wait_blocks(1)

    def _troubled(self, error: ChainError) -> None:
        trouble = Waiting(f"this to mend: {error}")
        if trouble != self.waiting:
            self._tell(words(trouble))
            self.waiting = trouble
        time.sleep(RETRY_SECS)

    def _tell(self, line: str) -> None:
        self.waiting = None
        LOG.info("%s", line)
        self.say(line)


@contextmanager
def shown_to(
    screen: Screen, record: Path | None, chain: ChainPort, session: SessionPort, number: int
) -> Iterator[tuple[Spectator, events.Sink]]:
    """A spectator of a session, whose events and one's own go to an open screen, and to a record, if one is given.

    The record has the session's logs too, where it is finished in the end.
    """
    from omnilytics.protocol.record import RecordWriter

    with RecordWriter(record) if record else nullcontext() as writer, screen:
        sink = events.all_of(screen, *([writer.event] if writer else []))
        spectator = Spectator(chain, session, sink, number)
        yield spectator, sink
        if writer and spectator.finished:
            writer.session(spectator.record())


def run(
    role: Role,
    follower: Follower,
    chain: RpcChain,
    session: SessionPort,
    number: int,
    *,
    screen: Screen | None,
    record: Path | None,
) -> list[Receipt]:
    """Brings a role to its end, and gives what it has sent.

    Args:
        role: whose.
        follower: of it; there are no lines of its own where there is a screen.
        chain: where it sends.
        session: what it follows.
        number: the session's.
        screen: shows the session beside the role's own words; None: nobody wants to see it.
        record: keeps the same.

    Raises:
        Reverted, ProtocolError, JournalError, DataError: as `Follower.follow`.
    """
    say = follower.say
    if screen is None and record is None:
        follower.follow(role)
        return follower.calls
    with shown_to(screen or Silent(), record, chain, session, number) as (spectator, sink):

        def tell(line: str) -> None:
            sink(events.Note(number, line))
            if screen is None:
                say(line)

        def paid(receipt: Receipt) -> None:
            sink(events.GasUsed.of(number, receipt))

        chain.on_receipt.append(paid)
        follower.say = tell
        watched = Watched(role, spectator, sink)
        follower.follow(watched)
        with suppress(ChainError):  # the role is done: what a node doesn't say any more isn't shown
            watched.look()
    return follower.calls


def withdrawal(own: Signer, session: SessionPort, say: Say) -> Receipt:
    """Takes out what a session owes the account.

    Raises:
        ProtocolError: nothing, now.
    """
    credit = session.credit_of(own.account)
    if not credit:
        raise ProtocolError(f"session {session.address}: expected a credit of {own.account}, and there is none now")
    say(f"takes out {credit} wei")
    return session.withdraw(own.account)


def send_one(
    role: str,
    settings: RoleSettings,
    given: str | None,
    json_file: Path | None,
    send: Callable[[Signer, SessionPort, Say], Receipt],
    *,
    quiet: bool,
) -> None:
    """A command of one transaction."""
    from omnilytics.cli import connection
    from omnilytics.cli.show import printer

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files, connection.signer(settings) as own:
        session = connection.session_of(settings, own.chain, given)
        receipt = send(own, session, say)
        files.json(json_file, to_json(role, own.chain, session, own.account, [receipt], None))
        say(f"{receipt.call}: block {receipt.block}, {receipt.gas_used:,} gas")


def show_status(role: str, settings: ReadSettings, given: str | None, json_file: Path | None, *, quiet: bool) -> None:
    """Where a session stands for an account; sends nothing, and opens no key."""
    from omnilytics.cli import connection
    from omnilytics.cli.settings import OwnerSettings
    from omnilytics.cli.show import printer
    from omnilytics.dashboard.words import ether

    say = printer(quiet=quiet, stderr=json_file == STDOUT)
    with Outputs(json_file) as files:
        if settings.account is None:
            raise InputError("--account: expected whose view to take, or --config and its role's file, got neither")
        chain, account = connection.reader(settings), Address(settings.account)
        session = connection.session_of(settings, chain, given)
        stage = session.stage()
        waits = None
        if stage not in (Stage.SETUP, Stage.FINISHED):
            chore = Chores(Watch(chain, session), account).decide(stage)
            waits = chore if isinstance(chore, Waiting) else None
        known = progress.read(connection.progress_file(settings)) if isinstance(settings, OwnerSettings) else []
        reached = progress.of(session.address, known)
        value = to_json(role, chain, session, account, [], waits, reached)
        files.json(json_file, value)
    say(f"session {session.address}: {value['stage']}" + (f"; {value['waiting']}" if value["waiting"] else ""))
    say(f"account {account}: {ether(value['balance_wei'])}; the session owes it {ether(value['credit_wei'])}")
    if reached is not None:
        say(progress.words(reached))


def words(waiting: Waiting) -> str:
    """What it waits for, and until when."""
    line = f"waits for {waiting.what}"
    if waiting.block:
        line += f", block {waiting.block}"
    if waiting.until:
        line += f", until {datetime.fromtimestamp(waiting.until, UTC):%Y-%m-%d %H:%M:%S} UTC at the latest"
    return line


def to_json(
    role: str,
    chain: ChainPort,
    session: SessionPort,
    account: Address,
    calls: list[Receipt],
    waits: Waiting | None,
    reached: Progress | None = None,
) -> dict[str, Any]:
    """What every command of a role writes; `reached` is what the session came to for its owner's model."""
    stage = session.stage()
    return {
        "schema": SCHEMA,
        "role": role,
        "chain_id": chain.chain_id,
        "session": session.address,
        "account": account,
        "stage": stage.name.lower(),
        "deadline": session.deadline() or None,
        "accepted": [g for g in range(session.group_count()) if session.accepted() >> g & 1],
        "credit_wei": session.credit_of(account) if stage is not Stage.SETUP else 0,
        "balance_wei": chain.balance(account),
        "waiting": None if waits is None else words(waits),
        "calls": [
            {"call": one.call, "transaction": f"0x{one.tx_hash.hex()}", "block": one.block, "gas": one.gas_used}
            for one in calls
        ],
        "accuracy": progress.to_json(reached),
    }
