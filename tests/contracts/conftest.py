"""Fixtures of the contract tests."""

from tests.contracts.harness.fixtures import accounts, chain, isolation, market, new_recover, new_session

__all__ = ["accounts", "chain", "isolation", "market", "new_recover", "new_session"]
