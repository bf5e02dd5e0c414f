"""A step comes too late: a share, an objection, an upload, a secret, borrowed shares; or just before it would be.

Defence: every step has a window of its own, and each window's end fixes a set for good: S (who has shared) before
anybody checks shares, U (who has delivered) before the first secret is known. Stage Reveal has quarters: own secrets
in the first half, shares of those who stay away in the third quarter, the last one is left for rebuilding, so that
nobody's last second takes anything from the others.

What remains: who is late loses its bond to its group, also if it was the chain that was slow.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.attacks.dealers import reveal_but, upload_but
from tests.attacks.learning import open_secrets, told_sums
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status, economy, reverts
from tests.contracts.harness.fixtures import RecoverFactory

LATE = 3


@pytest.fixture(scope="module")
def sharing(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, T = 3; sharing is open."""
    return new_recover(parameter_count=400).to(Stage.SHARE)


@pytest.fixture(scope="module")
def uploading(new_recover: RecoverFactory) -> RecoverDriver:
    """Two chunks each; nobody has uploaded."""
    return new_recover(parameter_count=400).to(Stage.UPLOAD)


def bonds(session: RecoverDriver, did: int) -> list[int]:
    """What the bonds of group 0 bring or cost its members."""
    bond = session.params.bond_wei
    return [wei - bond for wei in economy.bonds_back(bond, session.params.members, did)]


def move_on(session: RecoverDriver) -> None:
    """The window is over already."""
    session._send("advance", sender=session.caller)


def test_a_late_share_is_none(sharing: RecoverDriver) -> None:
    """The group goes on without it; its bond goes to those who shared in time."""
    session, wealth, honest = sharing.copy(), Wealth(sharing), honest_profits(sharing)
    late = session.members_of(0)[LATE]
    session.share_all([a for a in session.seated() if a != late])
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        session.share(late)
    move_on(session)
    with reverts("recover: sharing is closed"):
        session.share(late)
    with reverts("recover: no shares"):
        session.contract.object(0, sender=late)
    session.pass_deadline()
    with reverts("session: no commitment"):
        session.contract.upload(0, bytes(32), [], sender=late)
    assert session.group(0).committed == 0b0111
    session.to(Stage.FINISHED)
    assert wealth.of(late) == -session.params.bond_wei
    told = wealth.tell("one shares too late", late, honest=[honest[late]])
    assert told.loses
    assert told.honest_loss == 0


def test_the_last_second_to_share_leaves_the_whole_window_to_object(sharing: RecoverDriver) -> None:
    session = sharing.copy()
    late, first, *_ = session.members_of(0)
    session.share_all([a for a in session.seated() if a != late])
    session.chain.next_at(session.deadline())
    session.share(late)
    assert session.deadline() == session.chain.time + session.params.commit_secs
    session.chain.next_at(session.deadline())
    session.object_to(first, late)
    assert session.group(0).status == Status.FAILED


def test_a_late_objection_is_none(sharing: RecoverDriver) -> None:
    session = sharing.copy()
    session.share_all()
    first, second, *_ = session.members_of(0)
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        session.object_to(first, second)
    move_on(session)
    with reverts("session: wrong stage"):
        session.object_to(first, second)
    assert session.group(0).status == Status.UPLOAD


def test_the_second_round_is_no_second_chance(new_recover: RecoverFactory) -> None:
    """S of a first-round group is fixed. While others deal anew nobody can join it, dissolve it or object in it."""
    session = new_recover(rounds=3).to(Stage.SHARE)
    wealth = Wealth(session)
    *peers, late = session.members_of(2)
    session.share_all([a for a in session.seated() if a != late])
    session.pass_deadline()
    for group in (0, 1):
        session.object_to(*session.members_of(group)[:2])
    session.pass_deadline()
    assert (session.stage(), session.group_count()) == (Stage.SHARE, 4)
    for step in (session.share, session.decline):
        with reverts("session: the group's round is over"):
            step(late)
    session.share_all(session.members_of(3))
    with reverts("session: the group's round is over"):
        session.object_to(peers[0], peers[1])
    session.pass_deadline()
    assert session.group(2).status == Status.UPLOAD
    assert session.group(2).committed == 0b0111
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b1100
    assert wealth.of(late) == -session.params.bond_wei
    told = wealth.tell("late in the first round, tries in the second", late)
    assert told.loses
    assert told.honest_loss == 0


def rest_of_the_upload(session: RecoverDriver, late: str) -> None:
    """The words it would have uploaded."""
    session.contract.upload(1, session.chunk(session.words(late), 1), [], sender=late)


@pytest.mark.parametrize("revealed", [0, 1, 3])
def test_a_dropped_member_cant_upload_any_more(uploading: RecoverDriver, revealed: int) -> None:
    """Half of its words are there when the window closes. It tries before and after others have revealed its key.

    Its words would be readable for everybody then, were it not for its own mask, which nobody opens any more.
    """
    session, wealth, honest = uploading.copy(), Wealth(uploading), honest_profits(uploading)
    members = session.members_of(0)
    late = members[LATE]
    session.upload(late, 0)
    for account in session.seated():
        if account != late:
            session.upload_rest(account)
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        rest_of_the_upload(session, late)
    move_on(session)
    for account in members[:revealed]:
        session.reveal(account)
    with reverts("session: wrong stage"):
        rest_of_the_upload(session, late)
    reveal_but(session)
    assert session.stage() == Stage.AGGREGATE
    with reverts("session: wrong stage"):
        rest_of_the_upload(session, late)
    keys, masks = open_secrets(session, 0)
    assert (keys, masks) == ({LATE}, {0, 1, 2}), "of nobody both"
    assert told_sums(session, 0) == told_sums(session, 0, chunk=1) == [{0, 1, 2}]
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in members[:LATE]] == [
        wei + session.params.reward_wei // 8 for wei in bonds(session, 0b0111)[:LATE]
    ]
    assert wealth.of(late) == -session.params.bond_wei
    told = wealth.tell(f"the rest of an upload when {revealed} have revealed", late, honest=[honest[late]])
    assert told.loses
    assert told.honest_loss == 0


def last_second(session: RecoverDriver) -> int:
    """To reveal one's own."""
    return int(session.deadline() - session.params.reveal_secs // 2)


def test_a_late_secret_is_none(uploading: RecoverDriver) -> None:
    """From the second half on others open it, and its owner can't any more; it has lost its bond, not its pay."""
    session, wealth, honest = uploading.copy(), Wealth(uploading), honest_profits(uploading)
    upload_but(session)
    members = session.members_of(0)
    late = members[LATE]
    reveal_but(session, late)
    session.chain.next_at(last_second(session) + 1)
    with reverts("recover: too late"):
        session.reveal(late)
    for account in members[:LATE]:
        session.reveal_shares(account)
    session.rebuild(late)
    session.to(Stage.FINISHED)
    seat = session.params.reward_wei // 8
    assert [wealth.of(a) for a in members] == [wei + seat for wei in bonds(session, 0b0111)]
    told = wealth.tell("one reveals too late", late, honest=[honest[late]])
    assert told.loses
    assert told.honest_loss == 0


def test_the_last_second_to_reveal_is_early_enough(uploading: RecoverDriver) -> None:
    """Whose T-th share of a missing member's key comes in the last second has left half a window to rebuild it."""
    session, wealth = uploading.copy(), Wealth(uploading)
    *peers, last, gone = session.members_of(0)
    upload_but(session, gone)
    for account in (*peers, *session.members_of(1)):
        session.reveal(account)
    session.chain.next_at(last_second(session))
    session.reveal(last)
    session.chain.next_at(session.deadline())
    session.rebuild(gone)
    assert session.stage() == Stage.AGGREGATE
    session.to(Stage.FINISHED)
    assert wealth.loss(last) == 0


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (lambda s: s.deadline() - s.params.reveal_secs // 2, "recover: too early"),
        (lambda s: s.deadline() - s.params.reveal_secs // 2 + 1, None),
        (lambda s: s.deadline() - s.params.reveal_secs // 4, None),
        (lambda s: s.deadline() - s.params.reveal_secs // 4 + 1, "recover: too late"),
        (lambda s: s.deadline() + 1, "session: the window is over"),
    ],
)
def test_shares_are_lent_in_the_third_quarter(
    uploading: RecoverDriver, when: Callable[[RecoverDriver], int], reason: str | None
) -> None:
    """So that the last lender can't wait until nobody can rebuild any more."""
    session = uploading.copy()
    upload_but(session)
    members = session.members_of(0)
    reveal_but(session, members[LATE])
    first, *others = members[:LATE]
    moment = when(session)
    if reason is None and moment > last_second(session) + 1:
        session.pass_half_of_reveal()
        for account in others:
            session.reveal_shares(account)
    session.chain.next_at(moment)
    if reason is not None:
        with reverts(reason):
            session.reveal_shares(first)
        return
    for account in (first, *others):
        if not session.group(0).lent >> session.seat(account)[1] & 1:
            session.reveal_shares(account)
    session.chain.next_at(session.deadline())
    session.rebuild(members[LATE])
    assert session.stage() == Stage.AGGREGATE


def test_a_late_rebuild_saves_nobody(uploading: RecoverDriver) -> None:
    """What remains: all shares are there, and nobody has had the contract rebuild before the window was over."""
    session, wealth = uploading.copy(), Wealth(uploading)
    gone = session.members_of(0)[LATE]
    upload_but(session, gone)
    for group in (0, 1):
        for account in session.members_of(group):
            if account != gone:
                session.reveal(account)
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        session.rebuild(gone)
    move_on(session)
    assert session.group(0).status == Status.FAILED
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in session.members_of(0)] == bonds(session, 0b0111)
