"""Somebody forces ether on a session: by self-destruct, as a block reward, by plain transfer."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth
from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory, RecoverFactory

STAGES = [s for s in Stage if s not in (Stage.DRAW, Stage.VOTE, Stage.ACCUSE, Stage.CORRECT)]
OF_RECOVER = (Stage.SHARE, Stage.REVEAL)
FORCED_WEI = 12_345


def self_destruct_into(session: SessionDriver) -> None:
    """A creation whose init code is PUSH20 session, SELFDESTRUCT."""
    init_code = b"\x73" + bytes.fromhex(session.contract.address[2:]) + b"\xff"
    session.contract.backend.deploy("self-destruct", session.stranger, init_code, FORCED_WEI)


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode:DeprecationWarning")
@pytest.mark.parametrize("stage", STAGES)
def test_forced_ether_belongs_to_nobody(new_session: Factory, new_recover: RecoverFactory, stage: Stage) -> None:
    session = new_recover() if stage in OF_RECOVER else new_session()
    wealth = Wealth(session)
    session.to(stage)
    books, held = session.money(), session.chain.balance(session.contract.address)
    self_destruct_into(session)
    assert session.chain.balance(session.contract.address) == held + FORCED_WEI
    assert session.money() == books
    session.to(Stage.FINISHED)
    assert session.chain.balance(session.contract.address) == FORCED_WEI
    assert sum(wealth.gains().values()) == -FORCED_WEI
    told = wealth.tell(f"ether forced in, stage {stage.name.lower()}", session.stranger)
    assert told.profit <= -FORCED_WEI
    assert told.honest_loss == 0


def test_a_coinbase_reward_is_no_deposit(new_session: Factory) -> None:
    session = new_session().to(Stage.SETUP)
    session.chain.set_balance(session.contract.address, session.params.reward_wei)
    session.whitelist()
    session.publish()
    with reverts("start: value other than reward + reserve"):
        session.contract.start(session.params, sender=session.owner)


@pytest.mark.parametrize("stage", [Stage.SETUP, Stage.UPLOAD, Stage.FINISHED])
def test_plain_transfers_are_refused(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts():
        session.contract.send(b"", sender=session.stranger, value=1)
    with reverts():
        session.contract.send(b"\x12\x34\x56\x78", sender=session.stranger, value=1)
