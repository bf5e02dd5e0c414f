"""Turns: in the first quarter of the time for a step that anybody may make, one account is paid (section 9).

Who copies another's call and pays a higher tip is included first, does the work, and has its gas for itself.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contracts.harness import Receipt, SessionDriver, Stage, Status, reverts
from tests.contracts.harness.economy import GWEI, fee_table
from tests.contracts.harness.fixtures import Factory

FEES = {"fee_cap_wei": 20 * GWEI, "fee_table": fee_table()}
PRICE = 7 * GWEI
TURN_BLOCKS = 50
KRUM = {"rule": 1, "rounds": 4, "members": 2, "krum_mu_bps": 2_000, "krum_m_rule": 1}


@pytest.fixture(scope="module")
def start(new_session: Factory) -> Callable[..., SessionDriver]:
    def make(stage: Stage, **params: int) -> SessionDriver:
        session = new_session(**FEES | params)
        session.gas_price = PRICE
        return session.to(stage)

    return make


def paid(receipt: Receipt) -> int:
    return sum(e.amount_wei for e in receipt.named("FeeCredited"))


def wait_for_turn(session: SessionDriver, number: int, count: int) -> None:
    """Mines until the next transaction is in the turn of `number` out of `count`."""
    while (session.chain.height + 1) // TURN_BLOCKS % count != number:
        session.chain.mine()


class Step:
    """A step that anybody may make, at a session that waits for it."""

    def __init__(self, session: SessionDriver, call: str, *args: object) -> None:
        self.session, self.call, self.args = session, call, args

    def by(self, account: str, price: int = PRICE) -> int:
        """What the account is paid for it; undone after that."""
        with self.session.chain.anchor():
            receipt: Receipt = getattr(self.session.contract, self.call)(*self.args, sender=account, gas_price=price)
            return paid(receipt)

    def only_pays(self, entitled: str, others: list[str]) -> None:
        assert self.by(entitled) > 0
        assert {a: self.by(a) for a in others} == dict.fromkeys(others, 0)

    def is_anybodys_after(self, last: int) -> None:
        """Up to that second, inclusive, a stranger isn't paid."""
        self.session.chain.next_at(last)
        assert self.by(self.session.stranger) == 0
        self.session.chain.next_at(last + 1)
        self.pays_anybody()

    def pays_anybody(self) -> None:
        for account in (self.session.stranger, self.session.owner, *self.session.listed[:3]):
            assert self.by(account) > 0


def others_than(session: SessionDriver, account: str) -> list[str]:
    return [session.stranger, session.owner, *(a for a in session.listed if a != account)]


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("group", [0, 1])
def test_aggregate_in_stage_upload(start: Callable[..., SessionDriver], group: int, place: int) -> None:
    """However long the stage lasts, only whose turn it is is paid."""
    session = start(Stage.UPLOAD)
    session.finish_upload_of(group)
    step = Step(session, "aggregate", group, 0, b"".join(session.order[group, 0]))
    session.chain.sleep(session.params.upload_secs // 2)
    wait_for_turn(session, place, 3)
    entitled = session.members_of(group)[place]
    step.only_pays(entitled, others_than(session, entitled))


def test_aggregate_in_its_window(start: Callable[..., SessionDriver]) -> None:
    session = start(Stage.AGGREGATE)
    step = Step(session, "aggregate", 1, 0, b"".join(session.order[1, 0]))
    wait_for_turn(session, 1, 3)
    entitled = session.members_of(1)[1]
    step.only_pays(entitled, others_than(session, entitled))
    step.is_anybodys_after(session.deadline() - session.params.aggregate_secs * 3 // 4)


@pytest.mark.parametrize("call", ["gram", "select"])
def test_selection(start: Callable[..., SessionDriver], call: str) -> None:
    """Seats are numbered over all groups."""
    params = KRUM if call == "gram" else {}
    session = start(Stage.SELECT, **params)
    seats = session.seated()
    step = Step(session, call, *([0, session.aggregates(0), []] if call == "gram" else [[]]))
    wait_for_turn(session, 4, len(seats))
    step.only_pays(seats[4], others_than(session, seats[4]))
    step.is_anybodys_after(session.deadline() - session.params.select_secs * 3 // 4)


def test_settle_in_stage_payment(start: Callable[..., SessionDriver]) -> None:
    session = start(Stage.PAYMENT)
    began, members = session.chain.time, session.members_of(1)
    step = Step(session, "settle", 1, members)
    wait_for_turn(session, 2, 3)
    step.only_pays(members[2], others_than(session, members[2]))
    step.is_anybodys_after(began + session.params.select_secs // 4)


def test_settle_before_stage_payment(start: Callable[..., SessionDriver]) -> None:
    """Of a failed group, only who has committed has a turn: nobody is paid in the turn of who missed."""
    session = start(Stage.COMMIT)
    seats = session.seated()
    for account in (*seats[:3], *seats[4:]):
        session.commit(account)
    session.pass_deadline()
    step = Step(session, "settle", 1, session.members_of(1))
    session.chain.sleep(session.params.upload_secs // 2)
    wait_for_turn(session, 1, 3)
    step.only_pays(seats[4], others_than(session, seats[4]))
    wait_for_turn(session, 0, 3)
    step_others = [session.stranger, session.owner, *session.listed]
    assert {step.by(a) for a in step_others} == {0}


@pytest.mark.parametrize("stage", [Stage.COMMIT, Stage.UPLOAD, Stage.AGGREGATE, Stage.SELECT])
def test_advance_over_a_deadline(start: Callable[..., SessionDriver], stage: Stage) -> None:
    session = start(stage)
    window = {
        Stage.COMMIT: session.params.commit_secs,
        Stage.UPLOAD: session.params.upload_secs,
        Stage.AGGREGATE: session.params.aggregate_secs,
        Stage.SELECT: session.params.select_secs,
    }[stage]
    if stage == Stage.COMMIT:
        for account in session.seated()[:5]:
            session.commit(account)
    end = session.deadline()
    session.chain.next_at(end + 1)
    session.chain.mine()
    seats = session.seated()
    wait_for_turn(session, 3, len(seats))
    step = Step(session, "advance")
    step.only_pays(seats[3], others_than(session, seats[3]))
    wait_for_turn(session, 5, len(seats))
    if stage == Stage.COMMIT:
        assert step.by(seats[5]) == 0, "it never committed"
    step.is_anybodys_after(end + window // 4)


@pytest.mark.parametrize("call", ["advance", "draw"])
@pytest.mark.parametrize("assignment", [0, 1])
def test_closing_registration(new_session: Factory, assignment: int, call: str) -> None:
    """By rank: there are no seats yet."""
    session = new_session(8, assignment=assignment, **FEES)
    session.gas_price = PRICE
    session.to(Stage.REGISTER)
    session.register_all(session.listed[:5])
    end = session.deadline()
    session.chain.next_at(end + 1)
    session.chain.mine()
    step = Step(session, call)
    wait_for_turn(session, 3, 5)
    step.only_pays(session.listed[3], others_than(session, session.listed[3]))
    step.is_anybodys_after(end + session.params.register_secs // 4)


@pytest.mark.parametrize("call", ["advance", "draw"])
def test_nobody_registered_and_the_session_ends_all_the_same(new_session: Factory, call: str) -> None:
    session = new_session(**FEES).to(Stage.REGISTER)
    session.chain.next_at(session.deadline() + 1)
    receipt = getattr(session.contract, call)(sender=session.stranger, gas_price=PRICE)
    assert session.stage() == Stage.FINISHED
    assert paid(receipt) == session.credit_of(session.stranger)


@pytest.mark.parametrize("call", ["advance", "draw"])
def test_the_draw(new_session: Factory, call: str) -> None:
    """By rank for 64 blocks."""
    session = new_session(7, assignment=1, **FEES)
    session.gas_price = PRICE
    session.to(Stage.DRAW)
    session.chain.mine(session.draw_block() - session.chain.height)
    step = Step(session, call)
    turn = (session.chain.height + 1) // TURN_BLOCKS % 7
    step.only_pays(session.listed[turn], others_than(session, session.listed[turn]))
    session.chain.mine(session.draw_block() + 63 - session.chain.height)
    assert step.by(session.stranger) == 0
    session.chain.mine()
    step.pays_anybody()


def test_a_draw_that_is_postponed_is_not_paid(new_session: Factory) -> None:
    session = new_session(7, assignment=1, **FEES).to(Stage.DRAW)
    session.chain.mine(300)
    receipt = session.contract.draw(sender=session.stranger, gas_price=PRICE)
    receipt.only("DrawPostponed")
    assert paid(receipt) == 0


def test_the_second_draw_is_by_seat(start: Callable[..., SessionDriver]) -> None:
    session = start(Stage.COMMIT, assignment=1, members=2)
    seats = session.seated()
    for account in (seats[1], seats[3]):
        session.commit(account)
    session.pass_deadline()
    assert session.stage() == Stage.DRAW
    session.chain.mine(session.draw_block() - session.chain.height)
    while (turn := (session.chain.height + 1) // TURN_BLOCKS % 4) not in (1, 3):
        session.chain.mine()
    assert session.chain.height < session.draw_block() + 64
    step = Step(session, "draw")
    step.only_pays(seats[turn], others_than(session, seats[turn]))


@pytest.mark.parametrize("call", ["aggregate", "select", "settle"])
def test_a_copy_with_a_higher_tip_is_not_paid(start: Callable[..., SessionDriver], call: str) -> None:
    """The thief does the work for nothing; the call that it copied reverts and costs little."""
    stage = {"aggregate": Stage.AGGREGATE, "select": Stage.SELECT, "settle": Stage.PAYMENT}[call]
    session = start(stage)
    members, seats = session.members_of(0), session.seated()
    entitled, number, count = (seats[2], 2, 6) if call == "select" else (members[2], 2, 3)
    args: dict[str, tuple[object, ...]] = {
        "aggregate": (0, 0, b"".join(session.order[0, 0]) if call == "aggregate" else b""),
        "select": ([],),
        "settle": (0, members),
    }
    refused = {"aggregate": "aggregate: chunk out of turn", "settle": "session: the group is settled"}.get(
        call, "session: wrong stage"
    )
    wait_for_turn(session, number, count)
    for thief in (session.stranger, session.owner, members[0]):
        with session.chain.anchor():
            fees = session.member(thief).fees_wei
            receipt = getattr(session.contract, call)(*args[call], sender=thief, gas_price=10 * PRICE)
            assert paid(receipt) == 0
            assert session.member(thief).fees_wei == (0 if session.member(thief).withdrawn else fees)
            with reverts(refused):
                getattr(session.contract, call)(*args[call], sender=entitled, gas_price=PRICE)
    assert paid(getattr(session.contract, call)(*args[call], sender=entitled, gas_price=PRICE)) > 0


def test_a_turn_lasts_fifty_blocks(start: Callable[..., SessionDriver]) -> None:
    session = start(Stage.PAYMENT)
    members = session.members_of(0)
    step = Step(session, "settle", 0, members)
    wait_for_turn(session, 0, 3)
    session.chain.mine(-(session.chain.height + 1) % TURN_BLOCKS)
    found = []
    for _ in range(3):
        turn = (session.chain.height + 1) // TURN_BLOCKS % 3
        found.append([step.by(m) > 0 for m in members] == [i == turn for i in range(3)])
        session.chain.mine(TURN_BLOCKS - 1)
        found.append(step.by(members[turn]) > 0)
        session.chain.mine()
    assert found == [True] * 6


def test_failed_groups_have_no_turn_but_by_their_members_commitments(start: Callable[..., SessionDriver]) -> None:
    """A seat of a group that failed still counts for steps of the session, if its member committed."""
    session = start(Stage.COMMIT)
    seats = session.seated()
    for account in seats[:4]:
        session.commit(account)
    session.pass_deadline()
    assert session.group(1).status == Status.FAILED
    session.finish_upload_of(0)
    session.chain.next_at(session.deadline() + 1)
    session.chain.mine()
    step = Step(session, "advance")
    wait_for_turn(session, 3, 6)
    assert step.by(seats[3]) > 0
    wait_for_turn(session, 4, 6)
    assert {step.by(a) for a in (*seats, session.stranger)} == {0}
