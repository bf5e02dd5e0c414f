"""The three promises of a session (money, liveness, no evasion) under any order of calls, against a plain-Python twin.

Members register, miss, decline, deliver, or deliver noise; the owner leaves; time jumps; attackers do what they can;
calls come in the wrong stage. STATEFUL_EXAMPLES sets how many histories are tried on the embedded chain.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.harness import Accounts, Chain, evm
from tests.contracts.stateful.attackers import Attacked
from tests.contracts.stateful.blob_course import BlobCourse
from tests.contracts.stateful.course import Course
from tests.contracts.stateful.machine import Machine
from tests.contracts.stateful.pairs import Site
from tests.contracts.stateful.recovering import Recovering
from tests.contracts.stateful.sites import embedded, site_on

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "200"))
ON_TITANOBOA = 3
STEPS, DEEP_STEPS = 30, 60
OF_EACH = {Attacked: 1, Recovering: 5, Course: 3, BlobCourse: 5}
"""Of so many histories one."""
MACHINES = list(OF_EACH)


def run(machine: type[Machine] | type[Course], site: Site, examples: int, steps: int, anew: bool = False) -> None:
    """So many histories; the same ones every time, or others (`anew`)."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=checks,
        derandomize=not anew,
    )
    if issubclass(machine, Course):

        @limits
        @given(chance=st.randoms(use_true_random=True))
        def history(chance: Random) -> None:
            machine(site, chance).play(steps)

        history()
    else:
        run_state_machine_as_test(type("Bound", (machine,), {"site": site}), settings=limits)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_promises_hold_whatever_happens(machine: type[Machine] | type[Course]) -> None:
    run(machine, embedded(), EXAMPLES // OF_EACH[machine], STEPS)


@pytest.mark.parametrize("machine", [Attacked, Course])
def test_the_promises_hold_on_the_other_chain(
    chain: Chain, accounts: Accounts, machine: type[Machine] | type[Course]
) -> None:
    run(machine, site_on(chain, evm, accounts), ON_TITANOBOA // OF_EACH[machine], STEPS)


@pytest.mark.nightly
@pytest.mark.parametrize("machine", MACHINES)
def test_the_promises_hold_in_longer_histories(machine: type[Machine] | type[Course]) -> None:
    """Others every night; a failure prints its history, and hypothesis keeps it."""
    run(machine, embedded(), EXAMPLES // OF_EACH[machine], DEEP_STEPS, anew=True)
