"""Fixtures of the tests of sessions in blobs: on the embedded chain, whose curve is fast; by night on titanoboa too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.till import Embedded
from tests.contracts.harness import Accounts, Contract, SessionDriver, evm
from tests.contracts.harness.fixtures import Factory, accounts, chain, deploy_market, factory, isolation

__all__ = ["accounts", "isolation", "titanoboa"]

titanoboa = chain


@pytest.fixture(scope="session", params=["embedded", pytest.param("titanoboa", marks=pytest.mark.nightly)])
def chain(request: pytest.FixtureRequest) -> Any:
    """The one chain of the run."""
    return Embedded() if request.param == "embedded" else request.getfixturevalue("titanoboa")


@pytest.fixture(scope="session")
def market(chain: Any, accounts: Accounts) -> Contract:
    """`Market.vy` with MIN_WINDOW = 0."""
    return deploy_market(accounts, 0, chain if isinstance(chain, Embedded) else evm)


@pytest.fixture(scope="session")
def new_session(chain: Any, accounts: Accounts, market: Contract) -> Factory:
    """Makes a session in Setup: three groups of two, two blobs each, unless told otherwise."""
    make = factory(chain, market, accounts)

    def made(*args: Any, **given: Any) -> SessionDriver:
        return make(*args, **{"mode": 1, "rounds": 3, "members": 2, "parameter_count": 4_100} | given)

    return made
