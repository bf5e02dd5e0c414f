"""The fixtures of every contract test. A conftest imports them by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boa
import pytest

from . import (
    CONTRACTS,
    Accounts,
    BlobDriver,
    Chain,
    Contract,
    CorrectDriver,
    RecoverDriver,
    SessionDriver,
    compiled,
    evm,
    make_params,
    session_type,
)
from .chain import GENESIS_TIME
from .contract import Backend

Factory = Callable[..., SessionDriver]
RecoverFactory = Callable[..., RecoverDriver]


@pytest.fixture(scope="session")
def chain() -> Chain:
    """The one chain of the run."""
    chain = Chain()
    if chain.time < GENESIS_TIME:
        boa.env.evm.patch.timestamp = GENESIS_TIME
        chain.mine()
    return chain


@pytest.fixture(scope="session")
def accounts(chain: Chain) -> Accounts:
    return Accounts(chain.set_balance)


@pytest.fixture(autouse=True)
def isolation(chain: Chain) -> Iterator[None]:
    """What a test does is undone after it."""
    with chain.anchor():
        yield


@pytest.fixture(scope="session")
def market(chain: Chain, accounts: Accounts) -> Contract:
    """`Market.vy` with MIN_WINDOW = 0, as on a test chain."""
    return deploy_market(accounts, 0)


def deploy_market(accounts: Accounts, min_window_secs: int, backend: Backend = evm) -> Contract:
    """A market with libraries, facets and an implementation of its own."""

    def deploy(name: str, *args: Any) -> Contract:
        return compiled(CONTRACTS / f"{name}.vy").on(backend).deploy(*args, sender=accounts.deployer)

    names = ("SessionRules", "SessionTerms", "VectorMath", "Meter")
    libraries = [deploy(name).address for name in names]
    packed = deploy("SessionPacked", *libraries)
    proofs = deploy("SessionProofs", *libraries, packed.address)
    blobs = deploy("SessionBlobs", *libraries, proofs.address)
    views = deploy("SessionViews", *libraries, blobs.address)
    setup = deploy("SessionSetup", *libraries, views.address)
    recovery = deploy("SessionRecovery", *libraries, deploy("SecretMath").address, setup.address)
    desk = deploy("SessionDesk", *libraries, recovery.address)
    implementation = deploy("SecModelUpdate", *libraries, desk.address)
    return deploy("Market", implementation.address, min_window_secs)


@pytest.fixture(scope="session")
def new_session(chain: Chain, accounts: Accounts, market: Contract) -> Factory:
    """Makes a session in Setup: `new_session(listed=None, owner=None, **params)`, as `SessionDriver` takes them."""
    return factory(chain, market, accounts)


@pytest.fixture(scope="session")
def new_recover(new_session: Factory) -> RecoverFactory:
    """Makes a session with policy `recover` in Setup: two groups of four members, T = 3, unless told otherwise."""
    return recover_factory(new_session)


def recover_factory(make: Factory) -> RecoverFactory:
    """`make` with policy `recover`."""

    def made(*args: Any, **given: Any) -> RecoverDriver:
        driver = make(*args, **{"policy": 1, "members": 4} | given)
        assert isinstance(driver, RecoverDriver)
        return driver

    return made


def factory(chain: Any, market: Contract, accounts: Accounts) -> Factory:
    """What makes sessions of one market; keywords that `SessionDriver` doesn't know are fields of `SessionParams`."""
    implementation = session_type().on(market.backend)

    def make(
        listed: int | Sequence[str] | None = None,
        owner: str | None = None,
        rooted: bool = False,
        capacity: int | None = None,
        **params: int,
    ) -> SessionDriver:
        made = make_params(**params)
        blobs, recover = made.mode == 1, made.policy == 1
        driver = (
            CorrectDriver if blobs and recover else RecoverDriver if recover else BlobDriver if blobs else SessionDriver
        )
        return driver(chain, market, implementation, accounts, made, listed, owner, rooted, capacity)

    return make
