"""reveal_shares(openings): in the third quarter of stage Reveal, shares of the self masks of who stays away."""

from __future__ import annotations

import pytest

from tests.contracts.harness import DAY, RecoverDriver, Stage, Status, reverts
from tests.contracts.harness.fixtures import Factory, RecoverFactory

OTHER_STAGES = [Stage.SETUP, Stage.REGISTER, Stage.DRAW, Stage.SHARE, Stage.UPLOAD, Stage.AGGREGATE, Stage.FINISHED]


@pytest.fixture(scope="module")
def revealing(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of five, T = 3; of group 0 place 0 hasn't delivered, and places 1 and 3 haven't revealed."""
    session = new_recover(members=5).to(Stage.UPLOAD)
    members = session.members_of(0)
    session.upload_but(members[0])
    session.reveal(members[2])
    session.reveal(members[4])
    return session


@pytest.fixture
def early(revealing: RecoverDriver) -> RecoverDriver:
    return revealing.copy()


@pytest.fixture
def base(early: RecoverDriver) -> RecoverDriver:
    """In the third quarter."""
    early.pass_half_of_reveal()
    return early


def test_shares_of_who_stays_away(base: RecoverDriver) -> None:
    members = base.members_of(0)
    events = base.reveal_shares(members[4]).named("ShareRevealed")
    assert [(e.member, e.group, e.place, e.dealer) for e in events] == [(members[4], 0, 4, 1), (members[4], 0, 4, 3)]
    assert [e.share for e in events] == [base.dealing(members[j]).shares[4][1] for j in (1, 3)]
    view = base.group(0)
    assert (view.lent, view.revealed, view.opened, view.status) == (0b10000, 0b10100, 0b10100, Status.REVEAL)


def test_of_fifteen(new_recover: RecoverFactory) -> None:
    """The most that can be away: all of sixteen have delivered, one has revealed."""
    session = new_recover(rounds=1, members=16, bound=1, threshold=2, unsafe_small=1).to(Stage.REVEAL)
    account = session.members_of(0)[7]
    session.reveal(account)
    session.pass_half_of_reveal()
    events = session.reveal_shares(account).named("ShareRevealed")
    assert [e.dealer for e in events] == [i for i in range(16) if i != 7]
    assert session.group(0).lent == 1 << 7


def test_only_of_those_who_aren_t_known(base: RecoverDriver) -> None:
    """Somebody else has rebuilt one of them."""
    members = base.members_of(0)
    openings = base.openings(members[4], 0b01010, True)
    shares = base.dealing(members[1]).shares
    known = [shares[j][1] for j in (2, 3, 4)]
    base.contract.rebuild(members[1], base.dealing(members[1]).addresses, 0b11100, known, sender=base.stranger)
    with reverts("recover: number of openings"):
        base.contract.reveal_shares(openings, sender=members[4])
    (event,) = base.reveal_shares(members[4]).named("ShareRevealed")
    assert (event.place, event.dealer) == (4, 3)


def test_nobody_is_away(early: RecoverDriver) -> None:
    members = early.members_of(0)
    for place in (1, 3):
        early.reveal(members[place])
    early.pass_half_of_reveal()
    with reverts("recover: number of openings"):
        early.reveal_shares(members[4])


def test_never_of_who_has_not_delivered(base: RecoverDriver) -> None:
    """Of it the mask key is rebuilt; its self mask stays unknown."""
    members = base.members_of(0)
    openings = base.openings(members[4], 0b00011, True)
    with reverts("recover: not the dealers in order"):
        base.contract.reveal_shares(openings, sender=members[4])


def test_never_of_mask_keys(base: RecoverDriver) -> None:
    members = base.members_of(0)
    with reverts("recover: not the committed share"):
        base.contract.reveal_shares(base.openings(members[4], 0b01010, False), sender=members[4])


@pytest.mark.parametrize("places", [(3, 1), (1, 1), (1, 2), (1, 4)], ids=str)
def test_of_others(base: RecoverDriver, places: tuple[int, ...]) -> None:
    account = base.members_of(0)[4]
    openings = [base.openings(account, 1 << j, True)[0]._replace() for j in places if j != 4]
    if 4 in places:
        openings.append(openings[0]._replace(dealer=account))
    with reverts("recover: not the dealers in order"):
        base.contract.reveal_shares(openings, sender=account)


@pytest.mark.parametrize("places", [(), (1,), (1, 2, 3)], ids=str)
def test_another_number(base: RecoverDriver, places: tuple[int, ...]) -> None:
    account = base.members_of(0)[4]
    openings = base.openings(account, sum(1 << j for j in places), True)
    with reverts("recover: number of openings"):
        base.contract.reveal_shares(openings, sender=account)


def test_only_once(base: RecoverDriver) -> None:
    account = base.members_of(0)[4]
    base.reveal_shares(account)
    with reverts("recover: already revealed"):
        base.reveal_shares(account)


def test_only_who_has_revealed(base: RecoverDriver) -> None:
    members = base.members_of(0)
    with reverts("recover: not revealed"):
        base.contract.reveal_shares(base.openings(members[1], 0b01000, True), sender=members[1])
    with reverts("recover: not delivered"):
        base.contract.reveal_shares(base.openings(members[0], 0b01010, True), sender=members[0])
    with reverts("recover: no shares"):
        base.contract.reveal_shares([], sender=base.stranger)


@pytest.mark.parametrize("secs", [4, DAY, DAY + 1, DAY + 2, DAY + 3])
def test_the_third_quarter_to_the_second(new_recover: RecoverFactory, secs: int) -> None:
    """The last one is left for `rebuild`."""
    session = new_recover(rounds=1, reveal_secs=secs).to(Stage.UPLOAD)
    members = session.members_of(0)
    session.upload_but()
    for account in members[:2]:
        session.reveal(account)
    second, last = (session.deadline() - secs // part for part in (2, 4))
    if session.chain.time < second:
        session.chain.next_at(second)
        with reverts("recover: too early"):
            session.reveal_shares(members[0])
    session.chain.next_at(second + 1)
    session.reveal_shares(members[1])
    if last > second + 1:
        session.chain.next_at(last)
    with session.chain.anchor():
        if last > second + 1:
            session.reveal_shares(members[0])
    session.chain.next_at(last + 1)
    with reverts("recover: too late"):
        session.reveal_shares(members[0])


def test_too_early(early: RecoverDriver) -> None:
    with reverts("recover: too early"):
        early.reveal_shares(early.members_of(0)[4])


def test_not_when_the_window_is_over(base: RecoverDriver) -> None:
    base.chain.next_at(base.deadline() + 1)
    with reverts("session: the window is over"):
        base.reveal_shares(base.members_of(0)[4])


def test_not_in_a_group_that_failed(new_recover: RecoverFactory) -> None:
    session = new_recover().to(Stage.UPLOAD)
    second = session.members_of(1)
    session.upload_but(*second[:2])
    session.pass_half_of_reveal()
    with reverts("session: the group has failed"):
        session.contract.reveal_shares([], sender=second[3])


@pytest.mark.parametrize("stage", OTHER_STAGES)
def test_only_in_stage_reveal(new_recover: RecoverFactory, stage: Stage) -> None:
    session = new_recover(rounds=1, assignment=int(stage == Stage.DRAW)).to(stage)
    with reverts("session: wrong stage"):
        session.contract.reveal_shares([], sender=session.listed[0])


def test_not_with_abort(new_session: Factory) -> None:
    session = new_session(rounds=1).to(Stage.UPLOAD)
    with reverts("session: wrong stage"):
        session.contract.reveal_shares([], sender=session.listed[0])


def test_ether_is_not_taken(base: RecoverDriver) -> None:
    account = base.members_of(0)[4]
    with reverts():
        base.contract.reveal_shares(base.openings(account, 0b01010, True), sender=account, value=1)
