"""reveal(secret, addresses, openings): who has delivered makes its self mask known, and its shares of who hasn't."""

from __future__ import annotations

import pytest

from tests.contracts.harness import DAY, RecoverDriver, Stage, Status, reverts
from tests.contracts.harness.fixtures import Factory, RecoverFactory
from tests.contracts.harness.keys import CURVE_ORDER
from tests.contracts.harness.recovering import Opening

OTHER_STAGES = [Stage.SETUP, Stage.REGISTER, Stage.DRAW, Stage.SHARE, Stage.UPLOAD, Stage.AGGREGATE, Stage.FINISHED]
GONE = 2
"""The place of group 0 that hasn't delivered."""


@pytest.fixture(scope="module")
def revealing(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four; of group 0 place 2 hasn't delivered, of group 1 places 0 and 1."""
    session = new_recover(rounds=3).to(Stage.UPLOAD)
    first, second = session.members_of(0), session.members_of(1)
    return session.upload_but(first[GONE], second[0], second[1])


@pytest.fixture
def base(revealing: RecoverDriver) -> RecoverDriver:
    return revealing.copy()


def test_what_is_revealed(base: RecoverDriver) -> None:
    members = base.members_of(0)
    for place in (3, 0):
        receipt = base.reveal(members[place])
        revealed, share = receipt.only("Revealed"), receipt.only("ShareRevealed")
        assert (revealed.member, revealed.group, revealed.place) == (members[place], 0, place)
        assert revealed.secret == base.self_secret(members[place])
        assert (share.member, share.group, share.place, share.dealer) == (members[place], 0, place, GONE)
        assert share.share == base.dealing(members[GONE]).shares[place][0]
    view = base.group(0)
    assert (view.committed, view.delivered) == (0b1111, 0b1011)
    assert (view.revealed, view.opened, view.lent, view.blamed) == (0b1001, 0b1001, 0, 0)
    assert (view.status, base.stage(), base.state()) == (Status.REVEAL, Stage.REVEAL, 2)


def test_without_dropouts_there_are_no_openings(base: RecoverDriver) -> None:
    """And the group is open with the last one."""
    for place, account in enumerate(base.members_of(2)):
        assert base.group(2).status == Status.REVEAL
        receipt = base.reveal(account)
        assert receipt.named("ShareRevealed") == []
        assert base.group(2).opened == (2 << place) - 1
    assert base.group(2).status == Status.DELIVERED
    assert base.stage() == Stage.REVEAL, "group 0 isn't open"


def test_the_last_one_ends_the_stage(base: RecoverDriver) -> None:
    members = base.members_of(0)
    for account in (*base.members_of(2), members[0], members[1]):
        assert base.reveal(account).named("RevealClosed") == []
    base.known[0, GONE, 3] = base.dealing(members[GONE]).shares[3][0]
    assert base.rebuild(members[GONE]).named("RevealClosed") == [], "a self mask isn't known"
    receipt = base.reveal(members[3])
    event = receipt.only("RevealClosed")
    assert event.open_groups == 0b101
    assert event.aggregate_deadline == base.deadline() == base.chain.time + base.params.aggregate_secs
    assert (base.stage(), base.state()) == (Stage.AGGREGATE, 2)


def test_only_once(base: RecoverDriver) -> None:
    account = base.members_of(2)[0]
    base.reveal(account)
    with reverts("recover: already revealed"):
        base.reveal(account)


def test_only_who_has_delivered(base: RecoverDriver) -> None:
    account = base.members_of(0)[GONE]
    dealing = base.dealing(account)
    with reverts("recover: not delivered"):
        base.contract.reveal(base.self_secret(account), dealing.addresses, [], sender=account)
    for other in (base.stranger, base.owner):
        with reverts("recover: no shares"):
            base.contract.reveal(1, b"", [], sender=other)


def test_not_in_a_group_that_failed(base: RecoverDriver) -> None:
    """Two of four delivered, three would have been enough."""
    assert base.group(1).status == Status.FAILED
    for account in base.members_of(1)[2:]:
        with reverts("session: the group has failed"):
            base.reveal(account)


@pytest.mark.parametrize("which", ["mask key", "another's", "zero", "one more", "negative", "n", "largest"])
def test_another_secret(base: RecoverDriver, which: str) -> None:
    """Above all not the other one: of nobody both secrets are accepted."""
    first, second, *_ = base.members_of(2)
    secret = {
        "mask key": base.secret(first),
        "another's": base.self_secret(second),
        "zero": 0,
        "one more": base.self_secret(first) + 1,
        "negative": CURVE_ORDER - base.self_secret(first),
        "n": CURVE_ORDER,
        "largest": 2**256 - 1,
    }[which]
    with reverts("recover: not the secret"):
        base.contract.reveal(secret, base.dealing(first).addresses, [], sender=first)


@pytest.mark.parametrize("which", ["another's", "none", "one byte short", "one byte long", "one bit off"])
def test_other_addresses(base: RecoverDriver, which: str) -> None:
    first, second, *_ = base.members_of(2)
    own = base.dealing(first).addresses
    addresses = {
        "another's": base.dealing(second).addresses,
        "none": b"",
        "one byte short": own[:-1],
        "one byte long": own + b"\0",
        "one bit off": own[:-1] + bytes([own[-1] ^ 1]),
    }[which]
    with reverts("recover: addresses don't give root"):
        base.contract.reveal(base.self_secret(first), addresses, [], sender=first)


class TestOpenings:
    """One share of the mask key of each of D, in order of place."""

    @pytest.fixture(scope="class")
    def two_gone(self, new_recover: RecoverFactory) -> RecoverDriver:
        """A group of five, T = 3; places 1 and 3 haven't delivered."""
        session = new_recover(rounds=2, members=5).to(Stage.UPLOAD)
        members = session.members_of(0)
        return session.upload_but(members[1], members[3])

    def attempt(self, session: RecoverDriver, openings: list[Opening]) -> None:
        account = session.members_of(0)[2]
        own = session.dealing(account).addresses
        session.contract.reveal(session.self_secret(account), own, openings, sender=account)

    def test_of_both_in_order(self, two_gone: RecoverDriver) -> None:
        account = two_gone.members_of(0)[2]
        events = two_gone.reveal(account).named("ShareRevealed")
        assert [(e.place, e.dealer) for e in events] == [(2, 1), (2, 3)]
        expected = [two_gone.dealing(two_gone.members_of(0)[j]).shares[2][0] for j in (1, 3)]
        assert [e.share for e in events] == expected

    @pytest.mark.parametrize("places", [(), (1,), (3,), (1, 3, 4), (0, 1, 3)], ids=str)
    def test_another_number(self, two_gone: RecoverDriver, places: tuple[int, ...]) -> None:
        openings = two_gone.openings(two_gone.members_of(0)[2], sum(1 << j for j in places), False)
        with reverts("recover: number of openings"):
            self.attempt(two_gone, openings)

    @pytest.mark.parametrize("places", [(3, 1), (1, 1), (3, 3), (1, 4), (0, 3), (0, 4), (4, 3)], ids=str)
    def test_of_others(self, two_gone: RecoverDriver, places: tuple[int, ...]) -> None:
        account = two_gone.members_of(0)[2]
        openings = [two_gone.openings(account, 1 << j, False)[0] for j in places]
        with reverts("recover: not the dealers in order"):
            self.attempt(two_gone, openings)

    def test_of_another_group(self, two_gone: RecoverDriver) -> None:
        """A member of another group at the same place."""
        account = two_gone.members_of(0)[2]
        openings = two_gone.openings(account, 0b01010, False)
        openings[0] = openings[0]._replace(dealer=two_gone.members_of(1)[1])
        with reverts("recover: not the dealers in order"):
            self.attempt(two_gone, openings)

    def test_of_nobody(self, two_gone: RecoverDriver) -> None:
        openings = two_gone.openings(two_gone.members_of(0)[2], 0b01010, False)
        openings[1] = openings[1]._replace(dealer=two_gone.stranger)
        with reverts("recover: no shares"):
            self.attempt(two_gone, openings)

    @pytest.mark.parametrize("which", ["of the self mask", "another holder's", "zero", "one more", "n", "largest"])
    @pytest.mark.parametrize("index", [0, 1])
    def test_another_share(self, two_gone: RecoverDriver, index: int, which: str) -> None:
        members = two_gone.members_of(0)
        openings = two_gone.openings(members[2], 0b01010, False)
        shares = two_gone.dealing(members[(1, 3)[index]]).shares
        share = {
            "of the self mask": shares[2][1],
            "another holder's": shares[4][0],
            "zero": 0,
            "one more": shares[2][0] + 1,
            "n": CURVE_ORDER,
            "largest": 2**256 - 1,
        }[which]
        openings[index] = openings[index]._replace(share=share)
        with reverts("recover: not the committed share"):
            self.attempt(two_gone, openings)

    def test_with_other_addresses(self, two_gone: RecoverDriver) -> None:
        first, second = two_gone.openings(two_gone.members_of(0)[2], 0b01010, False)
        for openings in (
            [first._replace(addresses=second.addresses), second],
            [first, second._replace(addresses=first.addresses)],
            [first, second._replace(addresses=b"")],
        ):
            with reverts("recover: addresses don't give root"):
                self.attempt(two_gone, openings)

    def test_a_dealer_that_committed_to_fewer_addresses(self, new_recover: RecoverFactory) -> None:
        """Its group had to object; now nobody can open its shares."""
        session = new_recover(rounds=1).to(Stage.SHARE)
        members = session.members_of(0)
        honest = session.dealing(members[3])
        session.dealings[0, members[3]] = honest._replace(points=honest.points[:64])
        root = session.dealing(members[3]).root
        session.share_all(members[:3])
        session.contract.share(root, honest.points, honest.sealed, sender=members[3])
        session.objecting = True
        session.pass_deadline()
        session.upload_but(members[3])
        with reverts():
            session.reveal(members[0])

    def test_of_fourteen(self, new_recover: RecoverFactory) -> None:
        """The most that can be gone: two of sixteen have delivered."""
        session = new_recover(rounds=1, members=16, bound=1, threshold=2, unsafe_small=1).to(Stage.UPLOAD)
        members = session.members_of(0)
        session.upload_but(*(a for i, a in enumerate(members) if i not in (3, 11)))
        events = session.reveal(members[11]).named("ShareRevealed")
        assert [e.dealer for e in events] == [i for i in range(16) if i not in (3, 11)]


@pytest.mark.parametrize("secs", [DAY, DAY + 1])
def test_the_last_second_of_the_first_half(new_recover: RecoverFactory, secs: int) -> None:
    """In the second half others stand in for who hasn't revealed."""
    session = new_recover(rounds=1, reveal_secs=secs).to(Stage.REVEAL)
    first, second, *_ = session.members_of(0)
    half = session.deadline() - secs // 2
    session.chain.next_at(half)
    session.reveal(first)
    session.chain.next_at(half + 1)
    with reverts("recover: too late"):
        session.reveal(second)


def test_not_when_the_window_is_over(base: RecoverDriver) -> None:
    base.chain.next_at(base.deadline() + 1)
    with reverts("session: the window is over"):
        base.reveal(base.members_of(2)[0])


@pytest.mark.parametrize("stage", OTHER_STAGES)
def test_only_in_stage_reveal(new_recover: RecoverFactory, stage: Stage) -> None:
    session = new_recover(rounds=1, assignment=int(stage == Stage.DRAW)).to(stage)
    with reverts("session: wrong stage"):
        session.contract.reveal(1, b"", [], sender=session.listed[0])


def test_not_with_abort(new_session: Factory) -> None:
    session = new_session(rounds=1).to(Stage.AGGREGATE)
    with reverts("session: wrong stage"):
        session.contract.reveal(1, b"", [], sender=session.listed[0])


def test_ether_is_not_taken(base: RecoverDriver) -> None:
    account = base.members_of(2)[0]
    with reverts():
        base.contract.reveal(base.self_secret(account), base.dealing(account).addresses, [], sender=account, value=1)
