"""The journal on the disk under a client of a real node: killed at every step, nothing is sent twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from omnilytics.chain.journal import FileJournal
from omnilytics.types import Address
from tests.chain.conftest import deploy_box
from tests.node.chains import RICH_ADDRESS, NodeChain
from tests.node.conftest import Start
from tests.node.crashing import account_of, numbers
from tests.node.launch import CHAIN_ID, Anvil, Geth
from tests.project.checkout import ROOT

pytestmark = pytest.mark.node

FIRST = 1_000
MOST_STEPS = 200
FEWEST_STEPS = 30


@pytest.mark.parametrize("kind", [Geth, pytest.param(Anvil, marks=pytest.mark.nightly)])
def test_killed_at_every_step_each_call_is_mined_once(
    kind: type[Geth] | type[Anvil], start: Start, tmp_path: Path
) -> None:
    accounts = {number: account_of(number) for number in range(FIRST, FIRST + MOST_STEPS)}
    node = start(kind, rich=[account.address for account in accounts.values()])
    chain = NodeChain(node)
    box = deploy_box(chain, RICH_ADDRESS)
    command = [sys.executable, "-m", "tests.node.crashing", node.url, box.address, str(tmp_path), *map(str, accounts)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    steps = int(run.stdout)
    print(f"{kind.__name__}: killed at {steps} steps")
    assert steps >= FEWEST_STEPS
    put = [*range(FIRST, FIRST + steps + 1)]
    assert sorted(numbers(box)) == put
    for number in put:
        sender = Address(accounts[number].address.lower())
        with FileJournal(tmp_path, CHAIN_ID, [accounts[number]]) as journal:
            assert journal.pending(CHAIN_ID, sender) == []
            done = [entry for entry in journal.of(sender).entries() if entry.outcome == "done"]
        assert [(entry.call, entry.nonce) for entry in done] == [("put", 0)]
        assert int(node.ask("eth_getTransactionCount", sender, "latest"), 16) == 1
