"""The owner leaves early or after the draw, never starts, never draws, never aggregates, selects or settles."""

from __future__ import annotations

import pytest

from tests.attacks.till import GWEI
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory

STAGES_AFTER_REGISTRATION = [Stage.COMMIT, Stage.UPLOAD, Stage.AGGREGATE, Stage.SELECT, Stage.PAYMENT]


def refunds_all(session: SessionDriver, wealth: Wealth, name: str) -> None:
    """Everybody has its own again; the owner has paid for registrations, and no word was public."""
    session.withdraw_all()
    assert all(wei == 0 for wei in wealth.gains().values())
    assert session.money().locked == 0
    told = wealth.tell(name, session.owner, honest=[0])
    assert told.over_honest < 0, "against staying away"
    assert told.honest_loss == 0


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
    refunds_all(session, wealth, "the owner exits before a group is full")


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
    assert [wealth.of(a) for a in paid] == [session.params.reward_wei // 6] * 3
    assert [wealth.of(a) for a in rest] == [0] * 3
    told = wealth.tell("the owner exits with a full group (greedy)", session.owner)
    assert told.profit < -(session.params.reward_wei // 6 * 3)
    assert told.honest_loss == 0


def test_exit_with_fewer_groups_than_the_least_refunds_everybody(new_session: Factory) -> None:
    session = new_session(min_rounds=2)
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:4])
    session.exit(sender=session.owner)
    refunds_all(session, wealth, "the owner exits with too few groups")


def test_exit_before_the_draw_refunds_everybody(new_session: Factory) -> None:
    session = new_session(7, assignment=1)
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:6])
    session.exit(sender=session.owner)
    assert session.stage() == Stage.FINISHED
    refunds_all(session, wealth, "the owner exits before the draw")


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


def test_an_owner_that_never_starts(new_session: Factory) -> None:
    session = new_session()
    wealth = Wealth(session)
    session.whitelist()
    session.pass_deadline()
    assert session.stage() == Stage.FINISHED
    with reverts("session: wrong stage"):
        session.start()
    told = wealth.tell("the owner never starts", session.owner)
    assert told.profit < 0
    assert told.honest_loss == 0


def test_an_owner_that_never_draws(new_session: Factory) -> None:
    """It needn't: whoever is registered may, is paid for it in turn, and after a quarter of the window anybody is."""
    session = new_session(8, assignment=1)
    wealth = Wealth(session)
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:6])
    session.caller = session.listed[0]
    session.chain.sleep(session.params.register_secs + session.params.register_secs // 4 + 1)
    for call in ("advance", "draw"):
        before = session.member(session.caller).fees_wei
        if call == "draw":
            session.chain.mine(session.draw_block() + 64 - session.chain.height)
        getattr(session.contract, call)(sender=session.caller, gas_price=GWEI)
        assert session.member(session.caller).fees_wei > before
    assert session.stage() == Stage.COMMIT
    session.to(Stage.FINISHED)
    told = wealth.tell("the owner never draws", session.owner)
    assert wealth.of(session.owner) >= -session.params.reward_wei
    assert told.honest_loss == 0


def lazy(new_session: Factory, rule: int, assignment: int = 0) -> SessionDriver:
    return new_session(rule=rule, rounds=2 if rule == 0 else 5, krum_m_rule=rule, assignment=assignment)


def everybody_is_paid(session: SessionDriver, wealth: Wealth, name: str, honest: dict[str, int]) -> None:
    share = session.params.reward_wei // len(session.listed)
    assert [wealth.of(a) for a in session.listed] == [share] * len(session.listed)
    assert wealth.of(session.owner) == -share * len(session.listed)
    told = wealth.tell(name, session.owner, honest=[honest[session.owner]])
    odd = session.params.reward_wei % (session.params.rounds * session.params.members)
    assert told.over_honest <= odd
    assert told.honest_loss == 0


@pytest.mark.parametrize("rule", [0, 1])
def test_an_owner_that_never_aggregates(new_session: Factory, rule: int) -> None:
    """Anybody may; if nobody does, all who delivered are paid."""
    session = lazy(new_session, rule)
    wealth, honest = Wealth(session), honest_profits(session)
    session.to(Stage.AGGREGATE)
    session.pass_deadline()
    assert (session.accepted(), session.unselected()) == (0, True)
    session.to(Stage.FINISHED)
    everybody_is_paid(session, wealth, f"nobody aggregates, {('norm', 'krum')[rule]}", honest)


@pytest.mark.parametrize("rule", [0, 1])
def test_an_owner_that_never_selects(new_session: Factory, rule: int) -> None:
    session = lazy(new_session, rule)
    wealth, honest = Wealth(session), honest_profits(session)
    session.to(Stage.SELECT)
    session.pass_deadline()
    assert session.unselected()
    session.to(Stage.FINISHED)
    everybody_is_paid(session, wealth, f"nobody selects, {('norm', 'krum')[rule]}", honest)


def test_an_owner_that_never_settles(new_session: Factory) -> None:
    """A member does, after a quarter of the window at the latest for its gas; its credit is certain by then."""
    session = new_session().to(Stage.PAYMENT)
    wealth = Wealth(session)
    session.caller = session.listed[4]
    session.chain.sleep(session.params.select_secs // 4 + 1)
    session.finish_payment()
    fees = wealth.fees(session.caller)
    assert fees > 0
    session.withdraw_all()
    assert wealth.tell("the owner never settles", session.owner).honest_loss == 0
    assert wealth.of(session.caller) == session.params.reward_wei // 6
