"""The three promises of a session (money, liveness, no evasion) under any order of calls, against a plain-Python twin.

Members register, miss, decline, deliver, or deliver noise; the owner leaves; time jumps; attackers do what they can;
calls come in the wrong stage. STATEFUL_EXAMPLES sets how many histories are tried on the embedded chain.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.harness import Accounts, Chain, evm
from tests.contracts.stateful.attackers import Attacked
from tests.contracts.stateful.pairs import Site
from tests.contracts.stateful.sites import embedded, site_on

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "200"))
ON_TITANOBOA = 3
STEPS, DEEP_STEPS = 30, 60


def machine_on(site: Site) -> type[Attacked]:
    """The machine, bound to a chain."""
    return type("Bound", (Attacked,), {"site": site})


def run(machine: type[Attacked], examples: int, steps: int, anew: bool = False) -> None:
    """So many histories; the same ones every time, or others (`anew`)."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=checks,
            derandomize=not anew,
        ),
    )


def test_the_promises_hold_whatever_happens() -> None:
    run(machine_on(embedded()), EXAMPLES, STEPS)


def test_the_promises_hold_on_the_other_chain(chain: Chain, accounts: Accounts) -> None:
    run(machine_on(site_on(chain, evm, accounts)), ON_TITANOBOA, STEPS)


@pytest.mark.nightly
def test_the_promises_hold_in_longer_histories() -> None:
    """Others every night; a failure prints its history, and hypothesis keeps it."""
    run(machine_on(embedded()), EXAMPLES, DEEP_STEPS, anew=True)
