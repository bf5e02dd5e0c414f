"""A client on a real node, killed at every step: `python -m tests.node.crashing URL BOX FOLDER NUMBER...`.

The client is one program, started again and again until it's done: it takes up what an earlier run has left, and puts
a number into a box unless the box has it. Each NUMBER is put by an account of its own, which is killed one step later
than the one before, then run to the end. Its steps are the statements of its journal, and every word to the node,
before it's sent and after it's answered. Prints how many steps a run has that isn't killed, which ends it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from omnilytics.chain.journal import FileJournal
from omnilytics.chain.rpc import RpcChain
from omnilytics.chain.rpc import chain as rpc_chain
from omnilytics.chain.rpc.nodes import Nodes
from omnilytics.types import Address
from tests.chain.conftest import Box, compiled_box
from tests.chain.crashing import KILLED, Fate, connect
from tests.node.chains import IMPATIENT
from tests.node.launch import CHAIN_ID


class DyingNodes(Nodes):
    """Nodes to which every word is two steps."""

    fate = Fate(None)

    def request(self, method: str, *params: Any) -> Any:
        self.fate.step()
        answer = super().request(method, *params)
        self.fate.step()
        return answer


def account_of(number: int) -> LocalAccount:
    account: LocalAccount = Account.from_key(number.to_bytes(32, "big"))
    return account


def client(url: str, box: Address, folder: Path, number: int, fate: Fate) -> None:
    """Takes up what was left; puts the number if it isn't there."""
    DyingNodes.fate = fate
    vars(rpc_chain)["Nodes"] = DyingNodes
    account = account_of(number)
    sender = Address(account.address.lower())
    with FileJournal(folder, CHAIN_ID, [account], partial(connect, fate)) as journal:
        chain = RpcChain([url], [account], journal=journal, settings=IMPATIENT)
        chain.resume(sender)
        interface, _ = compiled_box()
        there = Box(chain, box, interface)  # type: ignore[arg-type]
        if number not in numbers(there):
            there.send(sender, "put", number)


def numbers(box: Box) -> list[int]:
    """What all calls of `put` have put, in order."""
    decoded = [box.interface.decode_log(log) for _, log in box.chain.logs(box.address)]
    return [fields["entry"]["number"] for event in decoded if event is not None for fields in [event[1]]]


def run(steps: int | None, url: str, box: Address, folder: Path, number: int) -> bool:
    """Runs the client in a process of its own; whether it was killed."""
    child = os.fork()
    if child == 0:
        client(url, box, folder, number, Fate(steps))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED), status
    return status == KILLED


def main(url: str, box: Address, folder: Path, given: Sequence[int]) -> int:
    compiled_box()
    for steps, number in enumerate(given):
        if not run(steps, url, box, folder, number):
            return steps
        assert not run(None, url, box, folder, number)
    raise AssertionError(f"expected a run of less than {len(given)} steps")


if __name__ == "__main__":
    print(main(sys.argv[1], Address(sys.argv[2]), Path(sys.argv[3]), [int(word) for word in sys.argv[4:]]))
