"""A caller wants the fee of a step that is another's turn, that is made already, or that doesn't move the session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.attacks import tally
from tests.attacks.till import GWEI
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import Receipt, SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory

TURN_BLOCKS = 50
KRUM = {"rule": 1, "rounds": 5, "krum_m_rule": 1}


def fee(receipt: Receipt) -> int:
    return sum(int(e.amount_wei) for e in receipt.named("FeeCredited"))


def seat_of_turn(session: SessionDriver, group: int | None) -> str:
    """Whose turn it is in the next block; None: over all groups."""
    turn, members = (session.chain.height + 1) // TURN_BLOCKS, session.params.members
    if group is not None:
        return session.members_of(group)[turn % members]
    return session.seated()[turn % (session.group_count() * members)]


def keep_turn(session: SessionDriver) -> None:
    """Whoever's turn it is has it for the next ten blocks."""
    if session.chain.height % TURN_BLOCKS > TURN_BLOCKS - 12:
        session.chain.mine(12)


def do(session: SessionDriver, step: str, sender: str, price: int = GWEI) -> Receipt:
    """Makes the step for everybody, as this sender, at this gas price."""
    session.caller, session.gas_price = sender, price
    calls: dict[str, Callable[[], Receipt]] = {
        "aggregate": lambda: session.aggregate(0, 0),
        "gram": lambda: session.gram(0),
        "select": session.select,
        "settle": lambda: session.settle(0),
        "advance": lambda: session._send("advance", sender=sender),
    }
    receipt = calls[step]()
    session.caller, session.gas_price = session.stranger, GWEI
    return receipt


STEPS = {
    "aggregate": (Stage.AGGREGATE, {}, "aggregate: chunk out of turn", 0),
    "gram": (Stage.SELECT, KRUM, "gram: chunk out of turn", None),
    "select": (Stage.SELECT, {}, "session: wrong stage", None),
    "settle": (Stage.PAYMENT, {}, "session: the group is settled", 0),
    "advance": (Stage.UPLOAD, {}, "session: nothing to advance", None),
}


def at_step(new_session: Factory, step: str) -> SessionDriver:
    """The step is due; for `advance` the upload window has just closed on a group that is missing."""
    stage, params, _, _ = STEPS[step]
    session = new_session(**params).to(stage)
    if step == "advance":
        for account in session.seated()[:-1]:
            session.upload_all(account)
        session.chain.sleep(session.deadline() - session.chain.time + 1)
    keep_turn(session)
    return session


def quarter(session: SessionDriver) -> int:
    return session.params.select_secs // 4 + 60


def finish(session: SessionDriver) -> None:
    if session.stage() == Stage.SELECT and session.products:
        session.select()
    session.to(Stage.FINISHED)


def profit_without(session: SessionDriver, step: str, due: str, copier: str) -> int:
    """What the copier has at the end if it leaves the step to another. Changes nothing."""
    till = session.contract.backend
    kept = len(till.calls)
    with session.chain.anchor():
        twin = session.copy()
        wealth = Wealth(twin)
        assert fee(do(twin, step, due)) > 0, "whose turn it is would be paid"
        finish(twin)
        found = wealth.profit(copier)
    del till.calls[kept:]
    return found


def race(new_session: Factory, step: str, waits: bool) -> tuple[Receipt, tally.Told]:
    """Somebody copies the call of whose turn it is from the pool, with twice the tip. What it got; what came of it."""
    session = at_step(new_session, step)
    _, _, reason, group = STEPS[step]
    if waits:
        session.chain.sleep(quarter(session))
    due = seat_of_turn(session, group)
    copier = next(a for a in session.seated() if a != due)
    honest, wealth = profit_without(session, step, due, copier), Wealth(session)
    copied = do(session, step, copier, 2 * GWEI)
    with reverts(reason):
        do(session, step, due)
    finish(session)
    absent = [session.listed[-1]] if step == "advance" else []
    name = f"{step} copied with twice the tip, {'later' if waits else 'in the first quarter'}"
    profit = wealth.profit(copier)
    return copied, tally.tell(name, profit, profit - honest, wealth.honest_loss(copier, *absent))


@pytest.mark.parametrize("step", STEPS)
def test_a_copied_call_is_unpaid_before_its_time(new_session: Factory, step: str) -> None:
    """It has paid for the step, and the one whose turn it was has lost the gas of a refused call."""
    copied, told = race(new_session, step, waits=False)
    assert fee(copied) == 0
    assert told.over_honest < 0
    assert told.honest_loss == 0


@pytest.mark.parametrize("step", STEPS)
def test_after_a_quarter_the_first_is_paid_and_the_second_reverts(new_session: Factory, step: str) -> None:
    """A higher tip wins the step and its fee; the fee is for the cap, so that the tip is the winner's own."""
    copied, told = race(new_session, step, waits=True)
    assert 0 < fee(copied) <= copied.gas_used * GWEI
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_who_never_committed_has_no_turn(new_session: Factory) -> None:
    """Turns are the seats' of members that have committed: an account that only registered can't wait for its own."""
    session = new_session(rounds=4).to(Stage.COMMIT)
    idler = session.members_of(0)[0]
    for account in session.seated():
        if account != idler:
            session.commit(account)
    session.pass_deadline()
    session.finish_upload()
    session.chain.mine((-session.chain.height) % (TURN_BLOCKS * 3) + TURN_BLOCKS * 3)
    for _ in range(3):
        with session.chain.anchor():
            assert fee(do(session.copy(), "settle", idler)) == 0
        session.chain.mine(TURN_BLOCKS)


def test_postponed_draws_are_unpaid(new_session: Factory) -> None:
    """Whoever lets 256 blocks pass and sets a new block again and again drains nothing, and pays for it."""
    session = new_session(assignment=1).to(Stage.DRAW)
    wealth, attacker = Wealth(session), session.listed[0]
    honest = honest_profits(session)[attacker]
    reserve, spent = session.contract.reserve(), wealth.gas(attacker)
    for _ in range(4):
        session.chain.mine(session.draw_block() + 257 - session.chain.height)
        receipt = session.contract.draw(sender=attacker, gas_price=GWEI)
        assert receipt.named("DrawPostponed")
        assert fee(receipt) == 0
    assert session.contract.reserve() == reserve
    assert wealth.gas(attacker) > spent
    session.to(Stage.FINISHED)
    told = wealth.tell("four draws postponed", attacker, honest=[honest])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_registering_for_the_fee_costs_the_bond(new_session: Factory) -> None:
    session = new_session().to(Stage.COMMIT)
    wealth, honest = Wealth(session), honest_profits(session)
    idler = session.listed[0]
    assert 0 < wealth.fees(idler) < wealth.gas(idler)
    for account in session.seated():
        if account != idler:
            session.commit(account)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    told = wealth.tell("registers for the fee and never commits", idler, honest=[honest[idler]])
    assert told.loses
    assert told.profit < -session.params.bond_wei
    assert told.honest_loss == 0


def test_a_crowd_that_registers_for_the_fee_loses_its_gas(new_session: Factory) -> None:
    """Thirty accounts, six seats: who isn't drawn has its bond back and a fee below its gas."""
    session = new_session(30, assignment=1).to(Stage.COMMIT)
    crowd = [a for a in session.listed if not session.member(a).seated]
    wealth = Wealth(session)
    assert len(crowd) == 24
    session.to(Stage.FINISHED)
    told = wealth.tell("24 accounts register and have no seat", *crowd, honest=[0])
    assert told.loses
    assert told.honest_loss == 0


def test_each_step_is_paid_once(new_session: Factory) -> None:
    """Whatever is called again reverts, and every fee is a step's: the credits of a session are those of its steps."""
    session = new_session()
    session.to(Stage.PAYMENT)
    session.chain.sleep(quarter(session))
    session.caller = session.members_of(1)[0]
    session.settle(0)
    for call, args, reason in (
        ("settle", (0, session.members_of(0)), "session: the group is settled"),
        ("aggregate", (0, 0, b""), "aggregate: wrong stage"),
        ("select", ([],), "session: wrong stage"),
        ("advance", (), "session: nothing to advance"),
        ("draw", (), "session: nothing to draw"),
    ):
        with reverts(reason):
            getattr(session.contract, call)(*args, sender=session.caller, gas_price=GWEI)
    held = session.member(session.caller).fees_wei
    session.withdraw(sender=session.caller)
    assert held > 0
    assert session.member(session.caller).fees_wei == 0
    with reverts("session: nothing to withdraw"):
        session.withdraw(sender=session.caller)
