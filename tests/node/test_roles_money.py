"""Roles whose fees go up in the middle of a session, or whose money runs out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from omnilytics.chain.intents import Attempt, Intent
from omnilytics.protocol.steps import Acted, Lost, Role, Step
from omnilytics.types import Address
from tests.node.attackers import GWEI, Crowd, always
from tests.node.chains import CHAINS, IMPATIENT, RICH_ADDRESS, AnvilChain, GethChain
from tests.node.conftest import Start
from tests.node.journals import Diary
from tests.node.launch import Anvil
from tests.node.test_roles_reorgs import TERMS, Turned, check_end, settled

pytestmark = pytest.mark.node

CEILING_WEI = 40 * GWEI
SPIKES = {"register": 10, "commit": 100, "upload": 10, "aggregate": 100, "settle": 100}
"""Times the base fee, after the first call of that kind."""


@dataclass
class Spiked(Turned):
    """After some calls the base fee jumps; it falls again by an eighth a block."""

    said: list[str] = field(default_factory=list)
    spiked: list[str] = field(default_factory=list)

    def step(self, account: Address, role: Role | None = None) -> Step:
        done = super().step(account, role)
        if isinstance(done, Lost):
            self.said.append(done.reason)
        if isinstance(done, Acted) and done.receipt.call in SPIKES.keys() - set(self.spiked):
            self.spiked.append(done.receipt.call)
            node = self.fair.world.chain.node
            node.ask("anvil_setNextBlockBaseFeePerGas", hex(SPIKES[done.receipt.call] * GWEI))
            node.ask("evm_mine")
        return done


def test_fees_that_jump(start: Start) -> None:
    """Above the ceiling a role says so, and goes on when they have fallen."""
    node: Anvil = start(Anvil)
    hasty = replace(IMPATIENT, stuck_secs=0.5, fee_ceiling_wei=CEILING_WEI)
    cast = settled(AnvilChain(node, settings=hasty), TERMS["abort"], kind=Spiked)
    with always(lambda: node.ask("evm_mine")):
        cast.run()
    check_end(cast)
    assert isinstance(cast, Spiked)
    assert set(cast.spiked) == set(SPIKES)
    above = [line for line in cast.said if line.startswith("fees: expected a base fee of at most the ceiling, 4")]
    assert above


class Bids(Diary):
    """Remembers the highest bid."""

    highest_wei = 0

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        self.highest_wei = max(self.highest_wei, attempt.max_fee_wei)
        return super().intend(intent, attempt)

    def replace(self, entry: int, attempt: Attempt) -> None:
        self.highest_wei = max(self.highest_wei, attempt.max_fee_wei)
        super().replace(entry, attempt)


FIRST_WEI = 300 * GWEI
"""Of the chain; while the session is set up it falls to a few gwei."""


@pytest.mark.parametrize(
    ("kind", "top_wei"), [("anvil", 600 * GWEI), pytest.param("geth", 40 * GWEI, marks=pytest.mark.nightly)]
)
def test_blocks_that_others_fill(start: Start, kind: str, top_wei: int) -> None:
    """Full block after full block the base fee rises manifold; roles bid more, or wait, and send nothing twice."""
    process, backend = CHAINS[kind]
    node, diary, raised = start(process, base_fee_wei=FIRST_WEI), Bids(), list[str]()
    settings = replace(IMPATIENT, stuck_secs=1, fee_ceiling_wei=400 * GWEI)
    chain = backend(node, settings=settings, journal=diary)
    chain.on_raised.append(raised.append)
    cast = settled(chain, TERMS["abort"], kind=Spiked)
    assert isinstance(cast, Spiked)
    cast.spiked.extend(SPIKES)

    def waited() -> bool:
        return any(line.startswith("fees: expected a base fee of at most") for line in cast.said)

    above = top_wei > settings.fee_ceiling_wei
    crowd, first_wei = Crowd(chain, top_wei, felt=lambda: waited() or not above), chain.base_fee_wei()
    if isinstance(chain, GethChain):
        chain.tick()
    else:
        node.ask("evm_setAutomine", False)

    def block() -> None:
        crowd.look()
        if isinstance(chain, AnvilChain):
            node.ask("evm_mine")

    with always(block):
        cast.run()
    check_end(cast)
    assert crowd.highest_wei >= max(8 * first_wei, top_wei)
    assert raised, "no transaction was sent again with a higher fee"
    assert diary.highest_wei <= settings.fee_ceiling_wei
    assert waited() == above
    steps = Counter(step for step, _ in diary.steps)
    assert steps["intend"] == steps["close"]


@dataclass
class Poor(Turned):
    """One member has nothing left after each of its steps, and gets something when it says so."""

    gave: int = 0

    @property
    def victim(self) -> Address:
        return self.fair.members[0]

    def step(self, account: Address, role: Role | None = None) -> Step:
        done, chain = super().step(account, role), self.fair.world.chain
        if account == self.victim and isinstance(done, Acted):
            chain.node.ask("anvil_setBalance", self.victim, "0x1")
        if isinstance(done, Lost) and "send it money" in done.reason:
            assert account == self.victim
            chain.send("fund", RICH_ADDRESS, self.victim, b"", 10**18)
            self.gave += 1
        return done


@pytest.mark.parametrize("policy", TERMS)
def test_a_data_owner_without_money_goes_on_when_it_has_some(start: Start, policy: str) -> None:
    cast = settled(AnvilChain(start(Anvil)), TERMS[policy], kind=Poor)
    cast.run()
    check_end(cast)
    assert isinstance(cast, Poor)
    own = [s.receipt.call for a, s in cast.told if a == cast.victim and isinstance(s, Acted)]
    assert {"register", "upload"} | ({"commit"} if policy == "abort" else {"share", "reveal"}) <= set(own)
    assert cast.gave == len(own) - 1, own
