"""advance(): anybody moves what a deadline has passed, and nothing before."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory

NEXT = {
    Stage.SETUP: Stage.FINISHED,
    Stage.REGISTER: Stage.FINISHED,
    Stage.COMMIT: Stage.PAYMENT,
    Stage.UPLOAD: Stage.PAYMENT,
    Stage.AGGREGATE: Stage.PAYMENT,
    Stage.SELECT: Stage.PAYMENT,
}


@pytest.mark.parametrize("stage", NEXT)
def test_at_the_deadline_not_yet_a_second_later(new_session: Factory, stage: Stage) -> None:
    """Nobody did anything: the session runs out by itself, and everything is paid back or out."""
    session = new_session().to(stage)
    session.chain.next_at(session.deadline())
    with reverts("session: nothing to advance"):
        session.contract.advance(sender=session.stranger)
    session.contract.advance(sender=session.stranger)
    assert session.stage() == NEXT[stage]
    session.to(Stage.FINISHED)
    money = session.money()
    assert (money.credits, money.locked, money.withdrawn) == (0, 0, money.deposited)


@pytest.mark.parametrize("stage", [Stage.PAYMENT, Stage.FINISHED])
def test_nothing_is_left(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    session.chain.sleep(10**9)
    with reverts("session: nothing to advance"):
        session.contract.advance(sender=session.stranger)


def test_registration_that_is_over_seats_who_is_in(new_session: Factory) -> None:
    session = new_session(8).to(Stage.REGISTER)
    session.register_all(session.listed[:4])
    receipt = session.pass_deadline()
    assert receipt.only("RegistrationClosed").registered == 4
    assert receipt.only("Drawn").groups == 1
    assert session.stage() == Stage.COMMIT


@pytest.mark.parametrize("stage", [Stage.AGGREGATE, Stage.SELECT])
def test_unselected(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    event = session.pass_deadline().only("Selected")
    assert (event.accepted, event.paid, event.unselected) == (0, 0b11, True)
    assert event.share_wei == session.params.reward_wei // 6
    assert session.unselected()


def test_unselected_with_groups_that_failed(new_session: Factory) -> None:
    session = new_session(rounds=3).to(Stage.UPLOAD)
    session.finish_upload_of(0)
    session.finish_upload_of(2)
    session.pass_deadline()
    event = session.pass_deadline().only("Selected")
    assert (event.paid, event.share_wei, event.burnt_wei) == (0b101, session.params.reward_wei // 9, 0)


def test_each_deadline_counts_from_the_stage_before(new_session: Factory) -> None:
    windows = {"commit_secs": 11, "upload_secs": 22, "aggregate_secs": 33, "select_secs": 44}
    session: SessionDriver = new_session(**windows)
    for stage, secs in zip((Stage.COMMIT, Stage.UPLOAD, Stage.AGGREGATE, Stage.SELECT), windows.values(), strict=True):
        session.to(stage)
        assert session.deadline() == session.chain.time + secs
