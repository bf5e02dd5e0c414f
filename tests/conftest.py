"""Options of the whole test run."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, settings

# a busy machine is no finding
settings.register_profile("omnilytics", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("omnilytics")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("omnilytics")
    group.addoption("--gas", action="store_true", help="print gas per contract function at the end of the run")
    group.addoption("--update-snapshots", action="store_true", help="write tests/snapshots anew instead of comparing")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the gas table, if contracts were run at all."""
    gas = sys.modules.get("tests.contracts.harness.gas")
    if not config.getoption("--gas") or gas is None:
        return
    terminalreporter.section("gas")
    for line in gas.TABLE.lines():
        terminalreporter.write_line(line)
