"""What is seen and paid around the second draw: how groups stand meanwhile, and whose turn it is by a second seat."""

from __future__ import annotations

from tests.contracts.harness import SessionDriver, Stage, Status
from tests.contracts.harness.economy import GWEI, fee_table
from tests.contracts.harness.fixtures import Factory

TURN_BLOCKS = 50


def missing_one_each(session: SessionDriver) -> SessionDriver:
    """Ends the first round with the first member of each group missing: stage Draw, for the second time."""
    session.to(Stage.COMMIT)
    for place, account in enumerate(session.seated()):
        if place % session.params.members:
            session.commit(account)
    session.pass_deadline()
    assert session.stage() == Stage.DRAW
    return session


def test_groups_form_until_the_first_draw(new_session: Factory) -> None:
    session = new_session(7, assignment=1).to(Stage.DRAW)
    assert [session.group(g).status for g in range(3)] == [Status.FORMING, Status.FORMING, Status.NONE]


def test_groups_stand_as_they_ended_until_the_second_draw(new_session: Factory) -> None:
    session = new_session(assignment=1, rounds=3)
    session.to(Stage.COMMIT)
    whole, *rest = (session.members_of(group) for group in range(3))
    for account in (*whole, *(a for group in rest for a in group[1:])):
        session.commit(account)
    session.pass_deadline()
    assert session.stage() == Stage.DRAW
    statuses = [session.group(g).status for g in range(4)]
    assert statuses == [Status.COMMIT, Status.FAILED, Status.FAILED, Status.NONE]


def test_it_is_the_turn_of_a_second_seat(new_session: Factory) -> None:
    """`aggregate` in stage Upload is paid to the member at place (block div 50) mod N, wherever it sat before."""
    session = new_session(assignment=1, rounds=3, fee_cap_wei=GWEI, fee_table=fee_table())
    session.gas_price = GWEI
    missing_one_each(session)
    session.draw()
    session.finish_commit()
    group = session.first_groups()
    members = session.members_of(group)
    session.finish_upload_of(group)
    turn = (session.chain.height + 1) // TURN_BLOCKS % len(members)
    out_of_turn, in_turn = members[turn - 1], members[turn]
    with session.chain.anchor():
        session.caller = out_of_turn
        assert session.aggregate(group, 0).named("FeeCredited") == []
    session.caller = in_turn
    assert session.aggregate(group, 0).only("FeeCredited").account == in_turn
