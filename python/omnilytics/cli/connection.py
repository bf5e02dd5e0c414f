"""From a role's settings to its chain: nodes, key, journal and secrets, opened for one command and shut after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omnilytics.cli.extras import needing_rpc
from omnilytics.errors import InputError
from omnilytics.types import Address, Stage

if TYPE_CHECKING:
    from omnilytics.chain.base import MarketPort, SessionPort
    from omnilytics.chain.journal import AccountJournal
    from omnilytics.chain.rpc import RpcChain
    from omnilytics.cli.following import Follower, Say
    from omnilytics.cli.metrics import Metrics
    from omnilytics.cli.settings import RoleSettings
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
    def model(self) -> Path:
        """The file of its public model, a model owner's."""
        return self.folder / f"{self.account}.model.npy"

    def follower(self, session: SessionPort, say: Say, calls: list[Receipt] | None = None) -> Follower:
        """What follows a session for the account; `calls` are what has been sent for it."""
        from omnilytics.cli.following import Follower, deaf

        if self.metrics is not None:
            self.metrics.session = session
        return Follower(self.chain, say, calls or [], hears=self.metrics.hears if self.metrics else deaf)


def reader(settings: RoleSettings) -> RpcChain:
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
    from omnilytics.chain.private import make_folder
    from omnilytics.cli.connect import connected
    from omnilytics.cli.logfile import logged

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


def market_of(settings: RoleSettings, chain: RpcChain) -> MarketPort:
    """The market that the settings name.

    Raises:
        InputError: they name none.
    """
    if settings.chain.market is None:
        error = InputError("chain.market: expected the address of a market, got none")
        error.add_note("`omnilytics market deploy` makes one")
        raise error
    return chain.market(Address(settings.chain.market))


def newest_session(market: MarketPort, chain: RpcChain, owner: Address) -> SessionPort | None:
    """The owner's newest session that isn't finished; None: there is none."""
    sessions = map(chain.session, reversed(market.sessions()))
    return next((one for one in sessions if one.stage() is not Stage.FINISHED and one.owner() == owner), None)


def session_of(settings: RoleSettings, chain: RpcChain, given: str | None) -> SessionPort:
    """The session that was typed, found to be of the market; else the newest that isn't over for the account.

    It is over when it is finished and owes the account nothing.

    Raises:
        InputError: none, or not one of the market.
    """
    from omnilytics.protocol.merkle import parse_account

    market, account = market_of(settings, chain), Address(settings.keys.account)
    sessions = market.sessions()
    if given is None:
        for one in map(chain.session, reversed(sessions)):
            if one.stage() is not Stage.FINISHED or one.credit_of(account):
                return one
        raise InputError(f"--session: expected one, since market {market.address} has none that isn't over, got none")
    try:
        address = parse_account(given)
    except InputError as error:
        raise InputError(f"--session: {error}") from None
    if address not in sessions:
        raise InputError(f"--session: expected a session of market {market.address}, got {address}")
    return chain.session(address)


def number_of(market: MarketPort, chain: RpcChain, session: SessionPort) -> int:
    """Which session of its owner it is in the market, from 1."""
    return count_of(market, chain, session.owner(), session)


def count_of(market: MarketPort, chain: RpcChain, owner: Address, last: SessionPort | None = None) -> int:
    """How many sessions of the market are the owner's, up to that one; None: to the newest."""
    sessions = market.sessions()
    until = len(sessions) if last is None else sessions.index(last.address) + 1
    return sum(chain.session(address).owner() == owner for address in sessions[:until])
