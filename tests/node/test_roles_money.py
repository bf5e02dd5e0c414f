"""Roles whose fees go up in the middle of a session, or whose money runs out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from omnilytics.protocol.steps import Acted, Lost, Role, Step
from omnilytics.types import Address
from tests.node.attackers import GWEI, always
from tests.node.chains import IMPATIENT, RICH_ADDRESS, AnvilChain
from tests.node.conftest import Start
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
    assert cast.gave == len(own) - 1 >= (3 if policy == "abort" else 4), own
