"""A session on a real node, seen by a process that has nothing but a URL, and recomputed from the node's logs."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omnilytics.errors import ChainError, VerificationError
from omnilytics.protocol import events
from omnilytics.protocol.company import Dropouts, Step, nobody
from omnilytics.protocol.member import Policy
from omnilytics.protocol.narrator import narrate
from omnilytics.protocol.spectator import Spectator
from omnilytics.types import Address, Assignment, Rule
from tests.chain.test_port import story, terms
from tests.cli.conftest import valid
from tests.e2e.test_recover import gone
from tests.node.chains import CHAINS, IMPATIENT, AnvilChain
from tests.node.conftest import Start
from tests.node.launch import Anvil
from tests.node.processes import Process
from tests.node.test_reorgs import DEPTH, unsettled
from tests.node.test_roles import RECOVER, Real

pytestmark = pytest.mark.node


class Observed(Real):
    """As soon as a session is open, a process observes it."""

    observer: Process

    def open(self, terms: Any, listed: Any = None) -> Any:
        session = super().open(terms, listed)
        self.observer = self.cli("observer", "observe", "--session", session.address, "--record", "kept.gz")
        self.observer.start()
        self.observer.await_words("data owners register, each with a bond")
        return session

    def cli(self, name: str, *arguments: str) -> Process:
        assert self.chain is not None
        assert self.home is not None
        here = ("--rpc", self.chain.node.url, "--market", self.world.market.address, "--json", f"{name}.json")
        files = [str(self.home / one) if one.endswith((".gz", ".json")) else one for one in (*arguments, *here)]
        return Process(name, [sys.executable, "-m", "omnilytics.cli", *files], self.home / f"{name}.log")

    def json(self, name: str, schema: str) -> Any:
        assert self.home is not None
        return valid(json.loads((self.home / f"{name}.json").read_text(encoding="utf-8")), schema)

    def ask(self, name: str, *arguments: str) -> Process:
        process = self.cli(name, *arguments)
        process.start()
        process.await_end()
        return process


@pytest.fixture
def observed(start: Start, tmp_path: Path) -> Iterator[Callable[[str], Observed]]:
    """A market on a node of a kind."""
    made: list[Observed] = []

    def observed(kind: str) -> Observed:
        process, backend = CHAINS[kind]
        policy = Policy(finality_blocks=2, block_secs=1)
        made.append(Observed(8, policy=policy, chain=backend(start(process)), home=tmp_path))
        return made[-1]

    yield observed
    for real in made:
        real.observer.kill()


@pytest.mark.parametrize(
    ("kind", "dropouts", "missing"),
    [
        pytest.param("geth", nobody, set(), marks=pytest.mark.nightly),
        ("anvil", gone(m1=Step.UPLOAD, m6=Step.SHARE), {(0, "upload"), (1, "share")}),
    ],
    ids=CHAINS,
)
def test_observed_kept_and_verified(
    observed: Callable[[str], Observed], kind: str, dropouts: Dropouts, missing: set[tuple[int, str]]
) -> None:
    real = observed(kind)
    outcome = real.run(RECOVER, dropouts=dropouts)
    real.observer.await_end()
    session: Address = real.sessions[0].address
    seen = real.json("observer", "observe-1")
    assert seen["finished"] is True
    assert [one["address"] for one in seen["sessions"]] == [session]
    assert (seen["sessions"][0]["accepted"], seen["sessions"][0]["stage"]) == ([0, 1], "finished")
    assert {(one["group"], one["step"]) for one in seen["sessions"][0]["missing"]} == missing
    assert sum(member["earned_wei"] > 0 for member in seen["members"]) == 8 - len(missing)
    assert "the barrier is passed: members upload" in real.observer.said()

    real.ask("verified", "verify")
    value = real.json("verified", "verify-1")
    assert (value["source"], value["contract"], value["sessions"]) == ("chain", True, 1)
    counts = {one["what"]: one["times"] for one in value["checks"]}
    assert counts["squared norms in the contract"] == len(outcome.accepted)

    real.ask("beside", "verify", "kept.gz")
    value = real.json("beside", "verify-1")
    assert (value["source"], value["contract"]) == ("record", True)

    real.ask("late", "observe", "--session", session)
    (before,), (after,) = seen["sessions"], real.json("late", "observe-1")["sessions"]
    assert before | {"money": after["money"]} == after
    assert after["money"]["withdrawn_wei"] == after["money"]["deposited_wei"]


def test_the_chain_goes_back_while_it_is_observed(anvil: Anvil) -> None:
    """Whoever shows the newest block is told what is taken back; in the end its story is the chain's."""
    settings = replace(IMPATIENT, confirmations=DEPTH + 1, stuck_secs=0.5)
    chain, seen = AnvilChain(anvil, settings=settings), AnvilChain(anvil)
    told: list[events.Event] = []
    looks = Counter[str]()
    with unsettled(anvil):
        s = story(chain, terms(2, Assignment.GREEDY, Rule.NORM))
        spectator = Spectator(seen, seen.session(s.session.address), told.append)
        ended = threading.Event()

        def look() -> None:
            while not ended.is_set():
                try:
                    spectator.look()
                    looks["done"] += 1
                except ChainError:
                    looks["unanswered"] += 1
                except VerificationError as error:
                    looks[str(error)] += 1

        thread = threading.Thread(target=look)
        thread.start()
        for step in (s.open, s.register, s.commit, s.upload, s.aggregate, s.select, s.pay):
            step()
        ended.set()
        thread.join()
    spectator.look()
    assert set(looks) <= {"done", "unanswered"}
    begun = max(index for index, event in enumerate(told) if isinstance(event, events.RunStarted))
    unsaid = events.TimePassed | events.Note | events.RunFinished
    kept = [event for event in told[begun:] if not isinstance(event, unsaid)]
    shown = [replace(event, now=0) if isinstance(event, events.StageChanged) else event for event in kept]
    assert [*shown, events.RunFinished(0, None, None)] == narrate([spectator.record()])
