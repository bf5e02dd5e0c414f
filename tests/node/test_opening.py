"""A session that is made, and taken back by the chain before it is started: its owner makes it again, once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from omnilytics.chain.intents import Attempt, Intent
from omnilytics.protocol.owner import ModelOwner, SessionPlan
from omnilytics.protocol.owner_role import OpeningRole
from omnilytics.protocol.steps import Acted, Done, Waiting, step
from omnilytics.types import Address, Stage
from tests.chain.conftest import ETHER
from tests.e2e.market import CLIP, D
from tests.node.audit import transactions
from tests.node.chains import CHAINS, GAS_MONEY, NodeChain
from tests.node.conftest import Start
from tests.node.journals import Diary
from tests.node.test_roles import ABORT, Place
from tests.node.test_roles_reorgs import turn_back

pytestmark = pytest.mark.node

MEMBERS = 8
MONEY_WEI = 10 * ETHER + GAS_MONEY
CALLS = ["create_session", "whitelist", "publish", "start"]


class Copies(Diary):
    """Keeps what was sent, by call."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, bytes] = {}

    def intend(self, intent: Intent, attempt: Attempt) -> int:
        self.sent[intent.call] = attempt.raw
        return super().intend(intent, attempt)


def forgotten(place: Place, sent: bytes) -> None:
    """Nobody sends it again."""


def mined_again(place: Place, sent: bytes) -> None:
    """Another node still had it."""
    place.chain.node.ask("eth_sendRawTransaction", f"0x{sent.hex()}")


def place_taken(place: Place, sent: bytes) -> None:
    """Somebody else's session is where this one was."""
    place.market.create_session(place.members[0])


def cases() -> Iterator[Any]:
    """All of them; by day each kind of end on anvil, and one on geth."""
    for kind, after, then in itertools.product(CHAINS, CALLS, (forgotten, mined_again, place_taken)):
        day = (kind, after) == ("anvil", "create_session") or (kind, after, then) == ("geth", "publish", mined_again)
        marks = [] if day else [pytest.mark.nightly]
        yield pytest.param(kind, after, then, id=f"{kind}-{after}-{then.__name__}", marks=marks)


def paid(chain: NodeChain, account: Address) -> int:
    """For the gas of all that it has sent, wei."""
    receipts = (chain.node.ask("eth_getTransactionReceipt", one["hash"]) for one in transactions(chain, account))
    return sum(int(one["gasUsed"], 16) * int(one["effectiveGasPrice"], 16) for one in receipts)


@pytest.mark.parametrize(("kind", "after", "then"), cases())
def test_a_session_that_is_taken_back_is_made_again(
    start: Start, kind: str, after: str, then: Callable[[Place, bytes], None]
) -> None:
    process, backend = CHAINS[kind]
    diary = Copies()
    place = Place(backend(start(process), journal=diary), MEMBERS)
    place.chain.wait_blocks(2)
    role, made_at = opening(place), place.chain.block_number()
    calls: list[str] = []
    waited = 0
    while not isinstance(done := step(role), Done):
        if isinstance(done, Acted):
            calls.append(done.receipt.call)
            if calls == CALLS[: CALLS.index(after) + 1]:
                turn_back(place.chain, place.chain.block_number() - made_at)
        elif isinstance(done, Waiting):
            waited += 1
            if waited == 1:
                then(place, diary.sent["create_session"])
            place.chain.wait_blocks(1)
    assert waited
    own = [session for session, owner in place.market.opened() if owner == place.owner]
    assert len(own) == 1
    session = place.chain.session(own[0])
    assert session.stage() is Stage.REGISTER
    deposited = session.money().deposited
    assert deposited == role.plan.deposit_wei == place.chain.balance(session.address)
    assert calls.count("create_session") == 1 + (then is not mined_again)
    assert place.chain.balance(place.owner) == MONEY_WEI - deposited - paid(place.chain, place.owner)
    assert sum(place.chain.balance(one) for one, owner in place.market.opened() if owner != place.owner) == 0


def opening(place: Place) -> OpeningRole:
    owner = ModelOwner(place.chain, place.market, place.owner)
    plan = SessionPlan(place.market, place.members, np.zeros(D, dtype=np.float32), ABORT.params(D, CLIP))
    return OpeningRole(chain=place.chain, market=place.market, owner=owner, plan=plan)
