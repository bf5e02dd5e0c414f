"""The roles themselves on real nodes, with the operating system's randomness: a session of each policy to its end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from omnilytics.chain.base import MarketPort
from omnilytics.protocol.company import Step
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.protocol.randomness import Randomness, SystemRandomness
from omnilytics.protocol.releases import ReleaseLog
from omnilytics.protocol.terms import Terms
from omnilytics.types import Address, Assignment, DropoutPolicy, Rule
from tests.chain.conftest import ETHER
from tests.e2e.market import Fair, World
from tests.e2e.test_recover import gone
from tests.node.chains import CHAINS, NodeChain
from tests.node.conftest import Start

pytestmark = pytest.mark.node

SECS = 240  # of each window; a quarter of it is waited out where somebody has to be waited for
ABORT = Terms(
    reward_wei=10**18,
    rounds=2,
    min_rounds=1,
    group_size=4,
    colluders=1,
    assignment=Assignment.GREEDY,
    register_secs=SECS,
    commit_secs=SECS,
    upload_secs=SECS,
    reveal_secs=SECS,
    aggregate_secs=SECS,
    select_secs=SECS,
    rule=Rule.NORM,
)
RECOVER = replace(ABORT, policy=DropoutPolicy.RECOVER)


@dataclass
class Place:
    """A market on a node."""

    chain: NodeChain
    count: int
    owner: Address = field(init=False)
    members: list[Address] = field(init=False)
    market: MarketPort = field(init=False)

    def __post_init__(self) -> None:
        self.owner = self.chain.create_account("owner", 10 * ETHER)
        self.members = [self.chain.create_account(f"member {n}", 10 * ETHER) for n in range(self.count)]
        self.market = self.chain.deploy_market(self.owner, 0)


@dataclass
class Real(Fair):
    """A market on a real chain, whose members keep what they have released in files."""

    chain: NodeChain | None = None
    home: Path | None = None

    def settle(self) -> World:
        assert self.chain is not None
        return Place(self.chain, self.count)

    def role(self, index: int, account: Address) -> DataOwner:
        assert self.home is not None
        releases = ReleaseLog(self.home / f"{index}.releases")
        return DataOwner(self.world.chain, account, self.behaviours.get(index), self.policy, releases=releases)

    def randomness(self, index: int, session: int) -> Randomness:
        return SystemRandomness()


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        pytest.param("geth", ABORT, id="geth-abort"),
        pytest.param("geth", RECOVER, id="geth-recover", marks=pytest.mark.nightly),
        pytest.param("anvil", ABORT, id="anvil-abort"),
        pytest.param("anvil", RECOVER, id="anvil-recover"),
    ],
)
def test_a_session_from_start_to_end(start: Start, tmp_path: Path, kind: str, terms: Terms) -> None:
    process, backend = CHAINS[kind]
    policy = Policy(finality_blocks=2, block_secs=1)
    real = Real(8, policy=policy, chain=backend(start(process)), home=tmp_path)
    outcome = real.run(terms)
    assert (outcome.accepted, outcome.rejected, outcome.failed) == ((0, 1), (), ())
    assert outcome.paid_wei == terms.reward_wei
    real.verify()


@pytest.mark.parametrize("kind", [pytest.param("geth", marks=pytest.mark.nightly), "anvil"])
def test_members_that_drop_out(start: Start, tmp_path: Path, kind: str) -> None:
    """One of each group: after its shares, and after its upload."""
    process, backend = CHAINS[kind]
    policy = Policy(finality_blocks=2, block_secs=1)
    real = Real(8, policy=policy, chain=backend(start(process)), home=tmp_path)
    outcome = real.run(RECOVER, dropouts=gone(m1=Step.UPLOAD, m6=Step.REVEAL))
    assert (outcome.accepted, outcome.rejected, outcome.failed) == ((0, 1), (), ())
    assert outcome.paid_wei == RECOVER.reward_wei * 7 // 8
    real.verify()
