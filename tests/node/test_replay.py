"""What the embedded chain has recorded, sent again byte for byte to real nodes: the same gas, the same events."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from omnilytics.chain.abi import decode_log
from omnilytics.chain.embedded import GAS_PRICE_WEI, EmbeddedChain
from omnilytics.errors import Reverted
from omnilytics.types import Address, Assignment, Receipt, Rule, Stage
from tests.chain import test_port, test_port_recover
from tests.node.chains import CHAINS, IMPATIENT, NodeChain
from tests.node.conftest import Start

pytestmark = pytest.mark.node

HIGH_BASE_FEE_WEI = 10**18
"""Falls by an eighth with every nearly empty block, and is above the cap for 150 of them: fees are paid at the cap."""

OF_ITS_TIME = re.compile("deadline|draw_block")
"""Fields of events that say when, which differs from chain to chain."""


@dataclass(frozen=True)
class Sent:
    """A transaction, and what the embedded chain made of it: a receipt, or the reason of its refusal."""

    call: str
    sender: Address
    to: Address | None
    data: bytes
    value_wei: int
    outcome: Receipt | str


@dataclass(frozen=True)
class Waited:
    """Until so many seconds after the session's deadline."""

    secs: int


class Recording(EmbeddedChain):
    """An embedded chain whose accounts have keys, and which remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__(block_secs=1, charge_gas=True)
        self.accounts: list[LocalAccount] = []
        self.steps: list[Sent | Waited] = []

    def create_account(self, label: str, balance_wei: int) -> Address:
        self.accounts.append(Account.from_key(hashlib.sha256(label.encode()).digest()))
        address = Address(self.accounts[-1].address.lower())
        self._evm.set_balance(bytes.fromhex(address[2:]), balance_wei)
        return address

    def send(self, call: str, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> Receipt:
        try:
            receipt = super().send(call, sender, to, data, value_wei)
        except Reverted as error:
            self.steps.append(Sent(call, sender, to, data, value_wei, error.reason))
            raise
        self.steps.append(Sent(call, sender, to, data, value_wei, receipt))
        return receipt

    def deploy(self, call: str, sender: Address, code: bytes) -> Receipt:
        receipt = super().deploy(call, sender, code)
        self.steps.append(Sent(call, sender, None, code, 0, receipt))
        return receipt

    def wait_until(self, timestamp: int) -> None:
        self.steps.append(Waited(timestamp - self.session(self.the_session()).deadline()))
        super().wait_until(timestamp)

    def the_session(self) -> Address:
        """The only session of the market that was deployed last."""
        deployed = [step.outcome for step in self.steps if isinstance(step, Sent) and step.to is None]
        market = deployed[-1]
        assert isinstance(market, Receipt)
        assert market.contract_address is not None
        (session,) = self.market(market.contract_address).sessions()
        return session


def abort(chain: Recording) -> None:
    """Everybody is honest, calls are paid back up to the embedded chain's price."""
    params = test_port.paid_back(test_port.terms(3, Assignment.GREEDY, Rule.KRUM), GAS_PRICE_WEI)
    s = test_port.story(chain, replace(params, record_constants=test_port.RecordConstants().pack()))
    for step in (s.open, s.register, s.draw, s.commit, s.upload, s.aggregate, s.select, s.pay):
        step()
    assert s.session.stage() is Stage.FINISHED


def vote(chain: Recording) -> None:
    """Everybody votes, and a group is voted out."""
    s = test_port.story(
        chain, test_port.paid_back(test_port.terms(3, Assignment.GREEDY, Rule.NORM_VOTE), GAS_PRICE_WEI)
    )
    for step in (s.open, s.register, s.draw, s.commit, s.upload, s.aggregate, s.vote, s.select, s.pay):
        step()
    assert s.session.accepted() == 0b01


def recover(chain: Recording) -> None:
    """One member drops out after its shares, one after its upload."""
    test_port_recover.test_a_session_from_start_to_end(chain)


def again(chain: NodeChain, recording: Recording) -> list[Receipt | str]:
    """What becomes of the recorded steps on a real chain."""
    session = chain.session(recording.the_session())
    outcomes: list[Receipt | str] = []
    for step in recording.steps:
        if isinstance(step, Waited):
            chain.wait_until(session.deadline() + step.secs)
        elif step.to is None:
            outcomes.append(chain.deploy(step.call, step.sender, step.data))
        else:
            try:
                outcomes.append(chain.send(step.call, step.sender, step.to, step.data, step.value_wei))
            except Reverted as error:
                outcomes.append(error.reason)
    return outcomes


def told(outcome: Receipt | str) -> Any:
    """All of an outcome that doesn't depend on hashes, prices and times."""
    if isinstance(outcome, str):
        return outcome
    decoded = [event for log in outcome.logs if (event := decode_log(log)) is not None]
    events = [(name, {k: v for k, v in values.items() if not OF_ITS_TIME.search(k)}) for name, values in decoded]
    return outcome.call, outcome.gas_used, outcome.calldata_bytes, outcome.contract_address, events


@pytest.mark.parametrize("tell", [abort, vote, recover])
@pytest.mark.parametrize("kind", CHAINS)
def test_the_same_calls_have_the_same_gas_and_events(
    start: Start, kind: str, tell: Callable[[Recording], None]
) -> None:
    recording = Recording()
    tell(recording)
    process, backend = CHAINS[kind]
    rich = [account.address for account in recording.accounts]
    node = start(process, base_fee_wei=HIGH_BASE_FEE_WEI, rich=rich)
    chain = backend(node, settings=replace(IMPATIENT, fee_ceiling_wei=100 * HIGH_BASE_FEE_WEI))
    for account in recording.accounts:
        chain.add(account)
    expected = [step.outcome for step in recording.steps if isinstance(step, Sent)]
    outcomes = again(chain, recording)
    for one, other in zip(expected, outcomes, strict=True):
        assert told(one) == told(other)
    here, there = (c.session(recording.the_session()) for c in (recording, chain))
    assert (here.accepted(), here.money()) == (there.accepted(), there.money())
    credits = [(here.credit_of(a), there.credit_of(a)) for a in map(_address, recording.accounts)]
    assert [one for one, _ in credits] == [other for _, other in credits]
    paid = {name for outcome in outcomes if isinstance(outcome, Receipt) for name, _ in told(outcome)[-1]}
    assert {"Selected", "Settled"} < paid
    assert ("FeeCredited" in paid) == (tell is not recover)


def _address(account: LocalAccount) -> Address:
    return Address(account.address.lower())
