"""From a role's settings to its chain: nodes, key, journal and secrets, opened for one command and shut after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnilytics.cli.extras import needing_rpc
from omnilytics.errors import InputError
from omnilytics.seeds import Seeds
from omnilytics.types import Address, Stage

if TYPE_CHECKING:
    from omnilytics.chain.base import MarketPort, SessionPort
    from omnilytics.chain.journal import AccountJournal
    from omnilytics.chain.rpc import RpcChain
    from omnilytics.cli.following import Follower, Say
    from omnilytics.cli.metrics import Metrics
    from omnilytics.cli.settings import ReadSettings, RoleSettings
    from omnilytics.types import Receipt


@dataclass(frozen=True, slots=True)
class Signer:
    """An account that can send, and what it keeps. `folder` is that of its chain's files, `metrics` None where off."""

    chain: RpcChain
    account: Address
    journal: AccountJournal
    folder: Path
    metrics: Metrics | None = None

    @property
    def releases(self) -> Path:
        """The file of its release log."""
        return self.folder / f"{self.account}.releases.sqlite"

    @property
    def seeds(self) -> Seeds:
        """Of its training: the same for all its sessions, and nobody else's."""
        return Seeds(int.from_bytes(self.journal.secret("training")[:8], "big"))

    def follower(self, session: SessionPort | None, say: Say, calls: list[Receipt] | None = None) -> Follower:
        """What follows a session, None: one that isn't made yet, for the account; `calls` are what has been sent."""
        from omnilytics.cli.following import Follower, deaf

        if self.metrics is not None:
            self.metrics.session = session
        return Follower(self.chain, say, calls or [], hears=self.metrics.hears if self.metrics else deaf)


def progress_file(settings: RoleSettings) -> Path:
    """What a model owner's sessions have come to, for `mo status`, which opens no key."""
    return settings.state.folder / str(settings.chain.chain_id) / f"{settings.keys.account}.progress.json"


def reader(settings: ReadSettings) -> RpcChain:
    """The chain, to read from: no key is opened.

    Raises:
        InputError: the packages of the extra `rpc` are missing.
        ChainError: no node answers, or none is on that chain.
    """
    with needing_rpc("chain"):
        from omnilytics.chain.rpc import RpcChain
    from omnilytics.cli.connect import patience

    return RpcChain(settings.chain.rpc, chain_id=settings.chain.chain_id, settings=patience(settings))


@contextmanager
def signer(settings: RoleSettings) -> Iterator[Signer]:
    """The chain with the account's key; what an earlier command has sent is brought to its end first.

    Raises:
        InputError, DataError, JournalError, ChainError: as `reader`, `connect.connected`, `logged` and `served`.
    """
    from omnilytics.cli.connect import connected
    from omnilytics.cli.logfile import logged
    from omnilytics.private import make_folder

    account = Address(settings.keys.account)
    with logged(settings.log), connected(settings) as (chain, journal):
        folder = settings.state.folder / str(chain.chain_id)
        if not folder.exists():
            make_folder(folder)
        with _served(settings, chain) as metrics:
            yield Signer(chain, account, journal.of(account), folder, metrics)


@contextmanager
def _served(settings: RoleSettings, chain: RpcChain) -> Iterator[Metrics | None]:
    """The metrics that settings ask for; None: for none."""
    if settings.metrics.port is None:
        yield None
        return
    from omnilytics.cli.metrics import served

    with served(settings.metrics.host, settings.metrics.port, chain, Address(settings.keys.account)) as metrics:
        yield metrics


def market_of(settings: ReadSettings, chain: RpcChain) -> MarketPort:
    """The market that the settings name.

    Raises:
        InputError: they name none.
    """
    if settings.chain.market is None:
        error = InputError("chain.market: expected the address of a market, or --market, got none")
        error.add_note("`omnilytics market deploy` makes one")
        raise error
    return chain.market(Address(settings.chain.market))


def newest_session(market: MarketPort, chain: RpcChain, owner: Address) -> SessionPort | None:
    """The owner's newest session that isn't finished; None: there is none."""
    own = (chain.session(session) for session, other in reversed(market.opened()) if other == owner)
    return next((one for one in own if one.stage() is not Stage.FINISHED), None)


def session_of(settings: ReadSettings, chain: RpcChain, given: str | None, *, finished: bool = False) -> SessionPort:
    """The session that was typed, found to be of the market; else the newest that isn't over, or that is finished.

    It is over when it is finished and owes the account, if there is one, nothing. A model owner's are its own sessions
    alone, and where all of them are over it is the newest.

    Raises:
        InputError: none, or not one of the market.
    """
    from omnilytics.cli.settings import OwnerSettings
    from omnilytics.protocol.merkle import parse_account

    market = market_of(settings, chain)
    opened = market.opened()
    if given is None:
        account = None if settings.account is None else Address(settings.account)
        owned = isinstance(settings, OwnerSettings)
        newest = [chain.session(one) for one, owner in reversed(opened) if not owned or owner == account]
        found = next((one for one in newest if _fits(one, account, finished)), newest[0] if owned and newest else None)
        if found is None:
            which = "is finished" if finished else "isn't over"
            raise InputError(f"--session: expected one, since market {market.address} has none that {which}, got none")
        return found
    try:
        address = parse_account(given)
    except InputError as error:
        raise InputError(f"--session: {error}") from None
    if address not in dict(opened):
        raise InputError(f"--session: expected a session of market {market.address}, got {address}")
    return chain.session(address)


def _fits(session: SessionPort, account: Address | None, finished: bool) -> bool:
    over = session.stage() is Stage.FINISHED
    return over if finished else not over or (account is not None and session.credit_of(account) > 0)


def nodes_of(chain: RpcChain) -> list[dict[str, Any]]:
    """How every node is, as commands write it: URL without secrets, newest block or null, what is wrong or null."""
    return [{"node": one.node, "block": one.block, "trouble": one.trouble or None} for one in chain.health()]


def node_lines(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same in words, a line each."""
    return [
        f"node       {one['node']}: " + ", ".join(filter(None, (_at(one["block"]), one["trouble"]))) for one in nodes
    ]


def say_nodes(chain: RpcChain, say: Callable[[str], None]) -> None:
    """Says how every node is."""
    for line in node_lines(nodes_of(chain)):
        say(line)


def _at(block: int | None) -> str:
    return "" if block is None else f"block {block:,}"


def number_of(market: MarketPort, session: SessionPort) -> int:
    """Which session of its owner it is in the market, from 1.

    Raises:
        InputError: it isn't one of the market.
    """
    owners = dict(market.opened())
    if session.address not in owners:
        raise InputError(f"--session: expected a session of market {market.address}, got {session.address}")
    own = [one for one, owner in owners.items() if owner == owners[session.address]]
    return own.index(session.address) + 1


def count_of(market: MarketPort, owner: Address) -> int:
    """How many sessions of the market are the owner's."""
    return sum(other == owner for _, other in market.opened())
