"""Chains for the machine: the embedded one, which is fast, and titanoboa's."""

from __future__ import annotations

import functools
from typing import Any

from tests.contracts.harness import Accounts
from tests.contracts.harness.contract import Backend
from tests.contracts.harness.decoys import Relayed
from tests.contracts.harness.fixtures import deploy_market, factory
from tests.contracts.stateful.pairs import Site
from tests.gas.revm import RevmChain


def site_on(chain: Any, inner: Backend, accounts: Accounts) -> Site:
    """A market of its own on that chain, MIN_WINDOW = 0."""
    backend = Relayed(inner)
    market = deploy_market(accounts, 0, backend)
    return Site(chain, backend, market, factory(chain, market, accounts), accounts)


@functools.cache
def embedded() -> Site:
    """On the embedded chain."""
    chain = RevmChain()
    return site_on(chain, chain, Accounts(chain.set_balance))
