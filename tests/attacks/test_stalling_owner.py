"""An owner that leaves early, never starts, never aggregates, never selects: others go on, and it keeps no reward."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, conserved
from tests.contracts.harness import DAY, Accounts, SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory

STAGES_AFTER_REGISTRATION = [Stage.COMMIT, Stage.UPLOAD, Stage.AGGREGATE, Stage.SELECT, Stage.PAYMENT]
SETUP_SECS = 30 * DAY


def everybody_has_its_own(session: SessionDriver, wealth: Wealth) -> bool:
    session.withdraw_all()
    return all(wei == 0 for wei in wealth.gains().values()) and session.money().locked == 0


def test_exit_in_setup_ends_it(new_session: Factory) -> None:
    session = new_session()
    session.whitelist()
    session.exit(sender=session.owner)
    assert session.stage() == Stage.FINISHED


def test_exit_before_a_group_is_full_refunds_everybody(new_session: Factory) -> None:
    session = new_session()
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:2])
    session.exit(sender=session.owner)
    assert session.stage() == Stage.FINISHED
    assert everybody_has_its_own(session, wealth)


def test_exit_with_a_full_group_doesnt_stop_it(new_session: Factory) -> None:
    """`greedy`: who sits in a full group goes on and is paid, the others have their bonds back."""
    session = new_session()
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:4])
    session.exit(sender=session.owner)
    assert session.stage() == Stage.COMMIT
    session.to(Stage.FINISHED)
    paid, rest = session.listed[:3], session.listed[3:]
    assert [wealth.of(a) for a in paid] == [session.params.reward_wei // 3] * 3
    assert [wealth.of(a) for a in rest] == [0] * 3
    assert conserved(session)


def test_exit_with_fewer_groups_than_the_least_refunds_everybody(new_session: Factory) -> None:
    session = new_session(min_rounds=2)
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:4])
    session.exit(sender=session.owner)
    assert everybody_has_its_own(session, wealth)


def test_exit_before_the_draw_refunds_everybody(new_session: Factory) -> None:
    session = new_session(7, assignment=1)
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:6])
    session.exit(sender=session.owner)
    assert session.stage() == Stage.FINISHED
    assert everybody_has_its_own(session, wealth)


@pytest.mark.parametrize("stage", STAGES_AFTER_REGISTRATION)
def test_exit_after_registration_is_refused(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: too late to exit"):
        session.exit(sender=session.owner)


def test_nobody_looks_at_a_draw_and_leaves(new_session: Factory) -> None:
    session = new_session(assignment=1).to(Stage.DRAW)
    with reverts("session: too late to exit"):
        session.exit(sender=session.owner)
    session.draw()
    with reverts("session: too late to exit"):
        session.exit(sender=session.owner)


def test_an_owner_that_never_starts(new_session: Factory, accounts: Accounts) -> None:
    session = new_session()
    session.whitelist()
    session.pass_deadline()
    assert session.stage() == Stage.FINISHED
    with reverts("session: wrong stage"):
        session.start()


@pytest.mark.parametrize("rule", [0, 1])
def test_an_owner_that_never_aggregates(new_session: Factory, rule: int) -> None:
    """Anybody may; if nobody does, all who delivered are paid."""
    session = new_session(rule=rule, rounds=2 if rule == 0 else 5, krum_m_rule=rule)
    wealth = Wealth(session)
    session.to(Stage.AGGREGATE)
    session.pass_deadline()
    assert (session.accepted(), session.unselected()) == (0, True)
    session.to(Stage.FINISHED)
    share = session.params.reward_wei // len(session.listed)
    assert [wealth.of(a) for a in session.listed] == [share] * len(session.listed)
    assert wealth.of(session.owner) == -share * len(session.listed)
    assert conserved(session)


@pytest.mark.parametrize("rule", [0, 1])
def test_an_owner_that_never_selects(new_session: Factory, rule: int) -> None:
    session = new_session(rule=rule, rounds=2 if rule == 0 else 5, krum_m_rule=rule)
    wealth = Wealth(session)
    session.to(Stage.SELECT)
    session.pass_deadline()
    assert session.unselected()
    session.to(Stage.FINISHED)
    share = session.params.reward_wei // len(session.listed)
    assert wealth.of(session.owner) == -share * len(session.listed)
    assert conserved(session)


def test_an_owner_with_a_seat_in_each_group_that_stalls(new_session: Factory, accounts: Accounts) -> None:
    """It learns the sums of the others, and pays for them: each group's bonds go to those who delivered."""
    session = new_session()
    wealth = Wealth(session)
    session.to(Stage.UPLOAD)
    stalling = [session.members_of(group)[1] for group in range(2)]
    for account in session.seated():
        if account not in stalling:
            session.upload_all(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    bond = session.params.bond_wei
    assert [wealth.of(a) for a in stalling] == [-bond, -bond]
    owner_side = wealth.of(session.owner) + sum(wealth.of(a) for a in stalling)
    assert owner_side == -2 * bond
    assert 2 * bond >= session.params.reward_wei * 2 // 3, "what the others' work was worth"
    assert wealth.nobody_lost(*stalling)
    assert conserved(session)
