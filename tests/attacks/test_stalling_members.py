"""A member puts every step off to the end of its window, or doesn't do it, to hold the others and their bonds up.

Defence: every step has a window; when it is over anybody moves the session on, and what is missing is missing. There
are two rounds at most in which shares are dealt. The longest session is as long as its windows, whoever stalls:
register, twice (draw, share, object), upload, reveal, aggregate, select.

What remains: whoever acts in the last second costs the others that time and nothing else, and is paid like them; with
one member missing from U, or away when secrets are revealed, others have to wait for their quarters of stage Reveal.
"""

from __future__ import annotations

import pytest

from tests.attacks import tally
from tests.attacks.dealers import reveal_but
from tests.attacks.wealth import GAS_NOISE_WEI, Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status
from tests.contracts.harness.fixtures import RecoverFactory

BLOCKS_OF_A_DRAW = 5


@pytest.fixture(scope="module")
def registering(new_recover: RecoverFactory) -> RecoverDriver:
    """Four groups of four; nobody has registered."""
    return new_recover(rounds=4, assignment=1).to(Stage.REGISTER)


def windows(session: RecoverDriver) -> int:
    """All of a session's windows, one after another, seconds."""
    p = session.params
    return int(p.register_secs + 4 * p.commit_secs + p.upload_secs + p.reveal_secs + p.aggregate_secs + p.select_secs)


def act_late(session: RecoverDriver, attacker: str) -> None:
    """The attacker's step in the last second of the window, when everybody else has done theirs."""
    session.chain.next_at(session.deadline())
    {Stage.REGISTER: session.register, Stage.SHARE: session.share, Stage.UPLOAD: session.upload_rest}[
        Stage(session.stage())
    ](attacker)


def test_who_is_always_last_is_paid_and_costs_time_alone(registering: RecoverDriver) -> None:
    """Two windows for each of sharing and objecting, one each to register and to upload, half of one to reveal."""
    session, wealth, honest = registering.copy(), Wealth(registering), honest_profits(registering)
    began, p = session.chain.time, session.params
    *others, attacker = session.listed
    session.register_all(others)
    act_late(session, attacker)
    session.draw()
    session.share_all([a for a in session.seated() if a != attacker])
    act_late(session, attacker)
    session.pass_deadline()
    for account in others:
        session.upload_rest(account)
    act_late(session, attacker)
    reveal_but(session, attacker)
    session.chain.next_at(session.deadline() - p.reveal_secs // 2)
    session.reveal(attacker)
    session.to(Stage.FINISHED)
    took = session.chain.time - began
    assert p.register_secs + 2 * p.commit_secs + p.upload_secs + p.reveal_secs // 2 <= took
    assert took < windows(session) - 2 * p.commit_secs
    seat = p.reward_wei // 16
    assert [wealth.of(a) for a in session.listed] == [seat] * 16
    told = wealth.tell("always in the last second", attacker, honest=[honest[attacker]])
    assert told.over_honest <= GAS_NOISE_WEI
    assert told.honest_loss == 0
    tally.note(
        f"a session in which one member is always last takes {took:,} s, one that stalls all {windows(session):,}"
    )


def test_the_longest_session(registering: RecoverDriver) -> None:
    """Everything that can be put off is: two objections in the last second lead to a second round, one of those drawn
    again never shares, others never upload, never reveal; nobody discloses or unmasks anything.

    Every stage is left by its deadline, and everybody who did its part has its bond.
    """
    session, wealth = registering.copy(), Wealth(registering)
    began = session.chain.time
    session.register_all(session.listed[:-1])
    session.chain.next_at(session.deadline())
    session.register(session.listed[-1])
    session.draw()
    late, *prompt = session.seated()
    session.share_all(prompt)
    act_late(session, late)
    for group in (0, 1):
        session.chain.next_at(session.deadline() - 1 + group)
        session.object_to(*session.members_of(group)[:2])
    session.pass_deadline()
    assert session.stage() == Stage.DRAW
    session.draw()
    idle, *peers = session.members_of(4)
    session.share_all(peers)
    session.pass_deadline()
    session.pass_deadline()
    assert session.live_groups(Status.UPLOAD) == [2, 3, 4]
    never = [session.members_of(group)[0] for group in (2, 3)]
    for group in (2, 3, 4):
        for account in session.members_of(group):
            if account not in (idle, *never):
                session.upload_rest(account)
    session.pass_deadline()
    assert session.stage() == Stage.REVEAL
    reveal_but(session, session.members_of(4)[1])
    session.pass_half_of_reveal()
    for account in session.members_of(4)[2:]:
        session.reveal_shares(account)
    session.pass_deadline()
    assert session.live_groups(Status.DELIVERED) == [2, 3]
    session.pass_deadline()
    assert session.stage() == Stage.PAYMENT
    for group in range(5):
        session.settle(group)
    took = session.chain.time - began
    moves = len(session.listed) * 6 + 2 * BLOCKS_OF_A_DRAW
    assert took <= windows(session) - session.params.select_secs + moves
    session.withdraw_all()
    assert session.money().locked == 0
    guilty = {idle, *never, session.members_of(4)[1]}
    for group in (2, 3, 4):
        for account in session.members_of(group):
            assert (wealth.of(account) < 0) == (account in guilty)


def test_nobody_can_stop_the_clock(registering: RecoverDriver) -> None:
    """Deadlines are fixed when a stage begins: no call, useful or refused, moves one."""
    session = registering.copy()
    session.register_all()
    session.draw()
    while session.stage() < Stage.SELECT:
        deadline, stage, objecting = session.deadline(), session.stage(), session.objecting
        if session.stage() == Stage.SHARE and not session.objecting:
            session.share_all(session.seated()[:15])
        elif session.stage() == Stage.UPLOAD:
            for account in session.seated()[:14]:
                session.upload_rest(account)
        elif session.stage() == Stage.REVEAL:
            reveal_but(session, session.seated()[0])
        elif session.stage() == Stage.AGGREGATE:
            session.disclose(1)
        assert (session.deadline(), session.stage(), session.objecting) == (deadline, stage, objecting)
        session.pass_deadline()
