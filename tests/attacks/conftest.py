"""Fixtures of the attack tests: sessions that pay fees and keep records, on a chain where gas costs a gwei.

The embedded chain is 40 times as fast as titanoboa, on which all of them run too, every night.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.attacks import tally
from tests.attacks.till import GWEI, Embedded, Till
from tests.contracts.harness import Accounts, Contract, SessionDriver, economy, evm
from tests.contracts.harness.fixtures import (
    Factory,
    RecoverFactory,
    accounts,
    chain,
    deploy_market,
    factory,
    recover_factory,
)

__all__ = ["accounts", "titanoboa"]

PAID = {
    "fee_cap_wei": GWEI,
    "fee_table": economy.fee_table(),
    "record_constants": economy.record_constants(),
}
titanoboa = chain


@pytest.fixture(scope="session", params=["embedded", pytest.param("titanoboa", marks=pytest.mark.nightly)])
def chain(request: pytest.FixtureRequest) -> Any:
    """The one chain of the run."""
    return Embedded() if request.param == "embedded" else request.getfixturevalue("titanoboa")


@pytest.fixture(scope="session", autouse=True)
def told() -> Iterator[None]:
    """Prints the scenarios' outcomes at the end."""
    yield
    print("\n".join(tally.lines()))


@pytest.fixture(scope="session")
def till(chain: Any) -> Till:
    return Till(chain if isinstance(chain, Embedded) else evm)


@pytest.fixture(autouse=True)
def isolation(chain: Any, till: Till) -> Iterator[None]:
    """What a test does is undone after it."""
    kept = list(till.calls)
    with chain.anchor():
        yield
    till.calls[:] = kept
    till.junk.clear()
    till.tips.clear()


@pytest.fixture(scope="module")
def market(accounts: Accounts, till: Till) -> Contract:
    """`Market.vy` with MIN_WINDOW = 0, as on a test chain; no module sees the records of another."""
    return deploy_market(accounts, 0, till)


@pytest.fixture(scope="module")
def new_session(chain: Any, accounts: Accounts, market: Contract) -> Factory:
    """Makes a session in Setup, with fees and records unless told otherwise; its driver pays a gwei a gas."""
    return paying(factory(chain, market, accounts))


@pytest.fixture(scope="module")
def new_recover(new_session: Factory) -> RecoverFactory:
    """The same with policy `recover`: two groups of four members, T = 3, unless told otherwise."""
    return recover_factory(new_session)


def paying(make: Factory) -> Factory:
    """The same factory with fees and records by default."""

    def paid(*args: Any, **given: Any) -> SessionDriver:
        session = make(*args, **PAID | given)
        session.gas_price = GWEI
        return session

    return paid
