"""Fixtures of the attack tests."""

from tests.contracts.harness.fixtures import accounts, chain, isolation, market, new_session

__all__ = ["accounts", "chain", "isolation", "market", "new_session"]
