"""Fixtures of the tests of sessions in blobs: on the embedded chain, whose curve is fast and which carries blobs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.till import Embedded
from tests.contracts.harness import Accounts, Contract, SessionDriver
from tests.contracts.harness.fixtures import Factory, accounts, deploy_market, factory, isolation

__all__ = ["accounts", "isolation"]


@pytest.fixture(scope="session")
def chain() -> Embedded:
    """The one chain of these tests."""
    return Embedded()


@pytest.fixture(scope="session")
def market(chain: Embedded, accounts: Accounts) -> Contract:
    """`Market.vy` with MIN_WINDOW = 0."""
    return deploy_market(accounts, 0, chain)


@pytest.fixture(scope="session")
def new_session(chain: Embedded, accounts: Accounts, market: Contract) -> Factory:
    """Makes a session in Setup: three groups of two, two blobs each, unless told otherwise."""
    make = factory(chain, market, accounts)

    def made(*args: Any, **given: Any) -> SessionDriver:
        return make(*args, **{"mode": 1, "rounds": 3, "members": 2, "parameter_count": 4_100} | given)

    return made
