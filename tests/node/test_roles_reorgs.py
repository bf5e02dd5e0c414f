"""Roles on nodes whose newest blocks are taken back in every phase, as deep as is waited for and deeper."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.chain.intents import Attempt, Intent
from omnilytics.chain.rpc.node import NodeError
from omnilytics.cli.following import MOST_REFUSALS
from omnilytics.errors import ChainError, Reverted
from omnilytics.protocol.member import Policy
from omnilytics.protocol.owner import SessionPlan
from omnilytics.protocol.owner_role import OwnerRole
from omnilytics.protocol.steps import Acted, Lost, Role, Step
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, Assignment, Stage
from tests.e2e.market import CLIP, D, World
from tests.e2e.plays import check
from tests.e2e.roles import Cast
from tests.e2e.shared import Open
from tests.node.attackers import always
from tests.node.chains import CHAINS, IMPATIENT, AnvilChain, GethChain, NodeChain
from tests.node.conftest import Start, until
from tests.node.journals import Diary
from tests.node.launch import Anvil, Geth
from tests.node.test_reorgs import DEPTH, unsettled
from tests.node.test_roles import ABORT, RECOVER, SECS, Place

pytestmark = pytest.mark.node

MEMBERS = 4
FINAL = 6
DEEP = replace(IMPATIENT, confirmations=DEPTH + 1)
HEARD_SECS = 0.1
MOST_TROUBLES = 50
BOTH = "whitelist publish start register draw upload select settle withdraw"
PHASES = {
    "abort": set(f"{BOTH} commit aggregate".split()),
    "recover": set(f"{BOTH} share advance reveal disclose unmask".split()),
}
WINDOWS = ("register", "commit", "upload", "reveal", "aggregate", "select")
LONG_SECS = 10_000
"""Of a window that doesn't pass by itself, however slow the machine is: a role that comes late is no attack."""
LONG = dict.fromkeys([f"{one}_secs" for one in WINDOWS], LONG_SECS)
TERMS = {
    "abort": replace(ABORT, rounds=1, assignment=Assignment.SHUFFLED, **LONG),
    "recover": replace(RECOVER, rounds=1, assignment=Assignment.SHUFFLED, **LONG | {"commit_secs": SECS}),
}
"""The time to object, as long as that to share, can't end early: geth's blocks make it pass."""


OPTIONS = {"geth": ("--history.logs.disable",), "anvil": ()}
"""After `debug_setHead` geth 1.16 looks for logs in blocks that it has dropped, for good, if it keeps an index."""


@dataclass
class Real(Open):
    """A fair on a node; what a member keeps outlives its process."""

    node: NodeChain | None = None

    def settle(self) -> World:
        assert self.node is not None
        return Place(self.node, self.count)


@dataclass
class Turned(Cast):
    """After the first call of each kind the node goes back by so many blocks, and forgets what was in them.

    A node that is about to go back may have no answer for a moment, or refuse what its next block would take; roles
    look again, as those of a process do.
    """

    depth: int = 0
    turned: list[str] = field(default_factory=list)
    troubles: int = 0
    refusals: int = 0

    def step(self, account: Address, role: Role | None = None) -> Step:
        try:
            done = super().step(account, role)
        except ChainError as error:
            self.refusals += isinstance(error, Reverted)
            if self.refusals >= MOST_REFUSALS or self.troubles >= MOST_TROUBLES:
                raise
            self.troubles += 1
            time.sleep(0.2)
            return Lost("", str(error))
        self.refusals = 0
        if self.depth and isinstance(done, Acted) and done.receipt.call not in self.turned:
            self.turned.append(done.receipt.call)
            turn_back(self.fair.world.chain, self.depth)
        return done


class Hashes(Diary):
    """Counts in how many blocks each transaction was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: Counter[bytes] = Counter()

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        super().mined(entry, tx_hash, block, block_hash)
        self.blocks[tx_hash] += 1


def turn_back(chain: NodeChain, depth: int) -> None:
    if isinstance(chain, AnvilChain):
        chain.node.ask("anvil_reorg", depth, [])
    else:
        chain.node.ask("debug_setHead", hex(chain.block_number() - depth))


class Returned(Hashes):
    """Has the first block in which a transaction is seen taken back, with one upon it."""

    def __init__(self) -> None:
        super().__init__()
        self._chain: GethChain | None = None
        self._making = threading.Lock()
        self._quiet = False

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        with self._making:
            self._quiet = True
        return super().intend(intent, attempt)

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        super().mined(entry, tx_hash, block, block_hash)
        if self._chain is not None and self.blocks[tx_hash] == 1:
            self._make_one()
            assert self._chain.block_number() == block + DEPTH - 1
            self._chain.node.ask("debug_setHead", hex(block - 1))
        self._quiet = False

    @contextmanager
    def returning(self, chain: GethChain) -> Iterator[None]:
        """Does so meanwhile, and makes blocks where no transaction is under way."""
        self._chain, chain.ticks = chain, True

        def work() -> None:
            with self._making:
                if not self._quiet:
                    self._make_one()

        with always(work):
            yield
        self._chain, chain.ticks = None, False

    def _make_one(self) -> None:
        """Returns when the node has heard of it: geth 1.16 panics at a block whose parent is gone by then."""
        assert self._chain is not None
        number = self._chain.block_number()
        with suppress(NodeError):  # its pool may not know yet that the chain has gone back
            self._chain.mine()
            until(lambda: self._chain is not None and self._chain.block_number() > number)
        time.sleep(HEARD_SECS)


def settled(
    chain: NodeChain, terms: Terms, depth: int = 0, kind: type[Turned] = Turned, members: int = MEMBERS
) -> Turned:
    """Everybody's roles before the session is set up; it is there already."""
    policy = Policy(accept_near_repeats=True, finality_blocks=FINAL, block_secs=1, honest_block_hashes=True)
    fair = Real(members, policy, node=chain)
    session, _ = fair.owner.create()
    fair.sessions.append(session)
    chain.wait_blocks(3 * FINAL)  # each of the three calls that follow is turned back with those before it
    cast = kind(fair, session, depth=depth)
    plan = SessionPlan(fair.world.market, fair.members, np.zeros(D, dtype=np.float32), terms.params(D, CLIP))
    cast.roles[fair.world.owner] = OwnerRole(watch=Watch(chain, session), owner=fair.owner, plan=plan)
    while session.stage() is Stage.SETUP:
        cast.step(fair.world.owner)
    return cast


def check_end(cast: Turned) -> None:
    chain, session = cast.fair.world.chain, cast.session
    check(cast)
    ended = cast.ending()
    assert (ended.accepted, ended.failed, ended.left_wei, chain.balance(session.address)) == (1, (), 0, 0)
    events = Counter(event[0] for _, log in chain.logs(session.address) if (event := decode_log(log)) is not None)
    assert (events["Registered"], events["Uploaded"], events["Withdrawn"]) == (MEMBERS, MEMBERS, MEMBERS + 1)


@pytest.mark.parametrize(
    ("kind", "depth", "policy"),
    [
        *(("anvil", depth, policy) for depth in (1, FINAL - 1) for policy in TERMS),
        ("geth", 1, "abort"),
        pytest.param("geth", 1, "recover", marks=pytest.mark.nightly),
        *(pytest.param("geth", FINAL - 1, policy, marks=pytest.mark.nightly) for policy in TERMS),
    ],
)
def test_deeper_than_confirmations_in_every_phase(start: Start, kind: str, policy: str, depth: int) -> None:
    """A receipt isn't waited for any longer: the role sees that its call is gone, and makes it again."""
    process, backend = CHAINS[kind]
    cast = settled(backend(start(process, options=OPTIONS[kind])), TERMS[policy], depth)
    cast.run()
    assert set(cast.turned) >= PHASES[policy]
    check_end(cast)


@pytest.mark.parametrize("policy", TERMS)
def test_not_deeper_than_confirmations(start: Start, policy: str) -> None:
    """Nobody notices: the same signed transaction is sent again until it is deep enough."""
    diary = Hashes()
    anvil: Anvil = start(Anvil)
    chain = AnvilChain(anvil, settings=replace(DEEP, stuck_secs=0.5), journal=diary)
    with unsettled(anvil) as turns:
        cast = settled(chain, TERMS[policy])
        cast.run()
    check_end(cast)
    assert turns.taken & set(diary.blocks), "no transaction was taken back and mined again"
    check_diary(diary)


@pytest.mark.nightly
@pytest.mark.parametrize("policy", TERMS)
def test_each_call_is_taken_back_once_before_it_is_deep_enough(start: Start, policy: str) -> None:
    """On geth; nobody notices there either."""
    diary = Returned()
    chain = GethChain(start(Geth), settings=DEEP, journal=diary)
    with diary.returning(chain):
        cast = settled(chain, TERMS[policy])
        cast.run()
    check_end(cast)
    assert min(diary.blocks.values()) > 1, "a transaction wasn't taken back"
    check_diary(diary)


def check_diary(diary: Diary) -> None:
    """Every call is made and done once."""
    steps = Counter(step for step, _ in diary.steps)
    assert steps["intend"] == steps["close"]
