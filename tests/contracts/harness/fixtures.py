"""The fixtures of every contract test. A conftest imports them by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boa
import pytest

from . import CONTRACTS, Accounts, Chain, Contract, SessionDriver, compiled, evm, make_params
from .chain import GENESIS_TIME
from .contract import Backend

Factory = Callable[..., SessionDriver]


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
    """A market with libraries and an implementation of its own."""

    def deploy(name: str, *args: Any) -> Contract:
        return compiled(CONTRACTS / f"{name}.vy").on(backend).deploy(*args, sender=accounts.deployer)

    libraries = (deploy("SessionRules"), deploy("VectorMath"))
    implementation = deploy("SecModelUpdate", *(library.address for library in libraries))
    return deploy("Market", implementation.address, min_window_secs)


@pytest.fixture(scope="session")
def new_session(chain: Chain, accounts: Accounts, market: Contract) -> Factory:
    """Makes a session in Setup: `new_session(listed=None, owner=None, **params)`, as `SessionDriver` takes them."""
    session: Any = compiled(CONTRACTS / "SecModelUpdate.vy")

    def make(listed: int | Sequence[str] | None = None, owner: str | None = None, **params: int) -> SessionDriver:
        return SessionDriver(chain, market, session, accounts, make_params(**params), listed, owner)

    return make
