"""share(root, points, sealed): each seated member deals its secrets, once, while sharing is open (policy `recover`)."""

from __future__ import annotations

import pytest

from tests.contracts.harness import RecoverDriver, Stage, Status, economy, reverts
from tests.contracts.harness.fixtures import Factory, RecoverFactory

OTHER_STAGES = [
    Stage.SETUP, Stage.REGISTER, Stage.DRAW, Stage.UPLOAD, Stage.REVEAL, Stage.AGGREGATE, Stage.SELECT, Stage.PAYMENT,
    Stage.FINISHED,
]  # fmt: skip


@pytest.fixture(scope="module")
def waiting(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, nobody has shared."""
    return new_recover().to(Stage.SHARE)


@pytest.fixture
def base(waiting: RecoverDriver) -> RecoverDriver:
    return waiting.copy()


@pytest.fixture
def closed(base: RecoverDriver) -> RecoverDriver:
    """Everybody has shared; they may object."""
    base.share_all()
    return base


def test_who_has_a_seat_shares(base: RecoverDriver) -> None:
    assert (base.stage(), base.state()) == (Stage.SHARE, 2)
    assert base.deadline() == base.chain.time + base.params.commit_secs
    for account in base.seated()[:5]:
        dealing, seat = base.dealing(account), base.member(account)
        event = base.share(account).only("Shared")
        assert (event.member, event.group, event.place) == (account, seat.group, seat.place)
        assert (event.root, event.points, event.sealed) == (dealing.root, dealing.points, dealing.sealed)
        assert base.member(account).committed
    assert [base.group(g).committed for g in range(2)] == [0b1111, 0b0001]
    assert [base.group(g).status for g in range(2)] == [Status.COMMIT] * 2
    assert base.stage() == Stage.SHARE


def test_the_last_one_closes_sharing(base: RecoverDriver) -> None:
    """And members may object for as long as they could share."""
    *others, last = base.seated()
    base.share_all(others)
    receipt = base.share(last)
    event = receipt.only("SharingClosed")
    assert event.object_deadline == base.deadline() == base.chain.time + base.params.commit_secs
    assert (base.stage(), base.state()) == (Stage.SHARE, 2)
    assert receipt.named("BarrierPassed") == []
    assert [base.group(g).status for g in range(2)] == [Status.COMMIT] * 2


def test_time_closes_sharing(base: RecoverDriver) -> None:
    base.share_all(base.seated()[:6])
    with reverts("session: nothing to advance"):
        base.contract.advance(sender=base.stranger)
    receipt = base.pass_deadline()
    assert receipt.only("SharingClosed").object_deadline == base.deadline() == base.chain.time + base.params.commit_secs
    assert receipt.named("GroupFailed") == []
    assert [base.group(g).committed for g in range(2)] == [0b1111, 0b0011]
    assert base.stage() == Stage.SHARE


def test_only_once(base: RecoverDriver) -> None:
    account = base.seated()[0]
    base.share(account)
    with reverts("session: already committed"):
        base.share(account)


def test_only_who_has_a_seat(new_recover: RecoverFactory, base: RecoverDriver) -> None:
    dealing = base.dealing(base.seated()[0])
    for account in (base.stranger, base.owner):
        with reverts("session: no seat"):
            base.contract.share(dealing.root, dealing.points, dealing.sealed, sender=account)
    session = new_recover(9, assignment=1).to(Stage.SHARE)
    (left_out,) = [a for a in session.listed if not session.member(a).seated]
    with reverts("session: no seat"):
        session.contract.share(dealing.root, dealing.points, dealing.sealed, sender=left_out)


def test_an_empty_root(base: RecoverDriver) -> None:
    account = base.seated()[0]
    dealing = base.dealing(account)
    with reverts("registry: empty root"):
        base.contract.share(bytes(32), dealing.points, dealing.sealed, sender=account)


@pytest.mark.parametrize("length", [0, 1, 64 * 6, 64 * 7 - 1, 64 * 7 + 1, 64 * 8, 1_984])
def test_points_of_another_length(base: RecoverDriver, length: int) -> None:
    account = base.seated()[0]
    dealing = base.dealing(account)
    with reverts("recover: length of the points"):
        base.contract.share(dealing.root, bytes(length), dealing.sealed, sender=account)


@pytest.mark.parametrize("length", [0, 112 * 2, 112 * 3 - 1, 112 * 3 + 1, 112 * 4, 1_680])
def test_sealed_shares_of_another_length(base: RecoverDriver, length: int) -> None:
    account = base.seated()[0]
    dealing = base.dealing(account)
    with reverts("recover: length of the sealed shares"):
        base.contract.share(dealing.root, dealing.points, bytes(length), sender=account)


def test_longer_than_any(base: RecoverDriver) -> None:
    account = base.seated()[0]
    for points, sealed in ((1_985, 336), (448, 1_681)):
        with reverts():
            base.contract.share(b"\1" * 32, bytes(points), bytes(sealed), sender=account)


@pytest.mark.parametrize("members", [2, 16])
def test_the_smallest_and_the_largest_group(new_recover: RecoverFactory, members: int) -> None:
    session = new_recover(rounds=1, members=members, bound=1, threshold=2, unsafe_small=1).to(Stage.SHARE)
    for account in session.seated():
        event = session.share(account).only("Shared")
        assert (len(event.points), len(event.sealed)) == (64 * (2 * members - 1), 112 * (members - 1))
    assert session.group(0).committed == (1 << members) - 1


def test_the_contract_does_not_read_the_points(base: RecoverDriver) -> None:
    """Whether the root is that of the points is for the receivers to see, and to object to."""
    account = base.seated()[0]
    event = base.contract.share(b"\7" * 32, bytes(448), bytes(336), sender=account).only("Shared")
    assert (event.root, event.points, event.sealed) == (b"\7" * 32, bytes(448), bytes(336))


def test_the_last_second_and_the_next(base: RecoverDriver) -> None:
    first, second, *_ = base.seated()
    base.chain.next_at(base.deadline())
    base.share(first)
    with reverts("session: the window is over"):
        base.share(second)


def test_not_when_sharing_is_closed(base: RecoverDriver) -> None:
    *others, last = base.seated()
    base.share_all(others)
    base.pass_deadline()
    for account in (others[0], last):
        with reverts("recover: sharing is closed"):
            base.share(account)


@pytest.mark.parametrize("stage", OTHER_STAGES)
def test_only_in_stage_share(new_recover: RecoverFactory, stage: Stage) -> None:
    session = new_recover(rounds=1, assignment=int(stage == Stage.DRAW)).to(stage)
    with reverts("session: wrong stage"):
        session.contract.share(b"\1" * 32, bytes(448), bytes(336), sender=session.listed[0])


def test_ether_is_not_taken(base: RecoverDriver) -> None:
    account = base.seated()[0]
    dealing = base.dealing(account)
    with reverts():
        base.contract.share(dealing.root, dealing.points, dealing.sealed, sender=account, value=1)


def test_each_policy_has_its_own_commitment(new_session: Factory, base: RecoverDriver) -> None:
    session = new_session(members=4).to(Stage.COMMIT)
    with reverts("session: wrong stage"):
        session.contract.share(b"\1" * 32, bytes(448), bytes(336), sender=session.seated()[0])
    with reverts("session: wrong stage"):
        base.contract.commit(b"\1" * 32, sender=base.seated()[0])


class TestDeclining:
    """As with `abort`, before the member's own share."""

    def test_it_dissolves_the_group(self, base: RecoverDriver) -> None:
        seats = base.seated()
        base.share(seats[0])
        receipt = base.decline(seats[1])
        declined, failed = receipt.only("Declined"), receipt.only("GroupFailed")
        assert (declined.member, declined.group, declined.place, declined.paid_wei) == (seats[1], 0, 1, 0)
        assert (failed.group, failed.stage, failed.did_their_part) == (0, Stage.SHARE, 0b1101)
        view = base.group(0)
        assert (view.status, view.dissolved, view.objected, view.committed) == (Status.FAILED, True, False, 0b1101)
        assert base.stage() == Stage.SHARE
        for account in (seats[0], seats[2]):
            with reverts("session: the group has failed"):
                base.share(account)
        base.share(seats[4])

    def test_not_after_the_own_share(self, base: RecoverDriver) -> None:
        account = base.seated()[0]
        base.share(account)
        with reverts("session: already committed"):
            base.decline(account)

    def test_not_when_sharing_is_closed(self, base: RecoverDriver) -> None:
        *others, last = base.seated()
        base.share_all(others)
        base.pass_deadline()
        with reverts("session: wrong stage"):
            base.decline(last)

    def test_not_when_the_window_is_over(self, base: RecoverDriver) -> None:
        first, *_, last = base.seated()
        base.chain.next_at(base.deadline())
        base.decline(first)
        with reverts("session: the window is over"):
            base.decline(last)

    def test_it_closes_sharing_if_nobody_else_is_awaited(self, base: RecoverDriver) -> None:
        seats = base.seated()
        base.share_all(seats[4:])
        receipt = base.decline(seats[0])
        assert receipt.only("SharingClosed").object_deadline == base.deadline()
        assert base.stage() == Stage.SHARE
        assert base.first_groups() == 0
        base.to(Stage.UPLOAD)
        assert base.live_groups(Status.UPLOAD) == [1]

    def test_it_pays_f_to_the_others(self, new_recover: RecoverFactory) -> None:
        """F has three calls of a commitment's price."""
        session = new_recover(rounds=1, fee_cap_wei=7, fee_table=economy.fee_table()).to(Stage.SHARE)
        bond, f = session.params.bond_wei, session.fees
        assert session.decline(session.members_of(0)[2]).only("Declined").paid_wei == f
        session.pass_deadline()
        session.settle(0)
        assert [session.due(a) for a in session.members_of(0)] == economy.bonds_back(bond, 4, 0b1011, f)


def test_a_group_of_t_sharers_goes_on(base: RecoverDriver) -> None:
    """S is who has shared in time; fewer than T fail."""
    seats = base.seated()
    base.share_all([*seats[:2], *seats[3:6]])
    base.pass_deadline()
    receipt = base.pass_deadline()
    failed, passed = receipt.only("GroupFailed"), receipt.only("BarrierPassed")
    assert (failed.group, failed.stage, failed.did_their_part) == (1, Stage.SHARE, 0b0011)
    assert (passed.live_groups, passed.upload_deadline) == (0b01, base.deadline())
    assert [base.group(g).committed for g in range(2)] == [0b1011, 0b0011]
    assert [base.group(g).status for g in range(2)] == [Status.UPLOAD, Status.FAILED]


def test_nobody_shares_and_the_session_ends(base: RecoverDriver) -> None:
    base.pass_deadline()
    receipt = base.pass_deadline()
    assert [(e.group, e.did_their_part) for e in receipt.named("GroupFailed")] == [(0, 0), (1, 0)]
    assert receipt.only("Selected").paid == 0
    base.to(Stage.FINISHED)
    assert base.money().withdrawn == base.money().deposited
    assert base.chain.balance(base.contract.address) == 0


def test_everybody_s_keys_stay_for_the_second_round(closed: RecoverDriver) -> None:
    """Sharing closes twice at most; a group of the first round that is whole waits for the second."""
    seats = closed.seated()
    closed.object_to(seats[0], seats[1])
    closed.object_to(seats[4], seats[7])
    receipt = closed.pass_deadline()
    assert receipt.only("RoundClosed").survivors == 4
    assert receipt.only("Redrawn").commit_deadline == closed.deadline()
    assert closed.members_of(2) == [seats[2], seats[3], seats[5], seats[6]]
    again = closed.members_of(2)
    for account in again:
        assert closed.member(account).key_address == closed.key_address(account)
        assert not closed.member(account).committed
    roots = [closed.share(account).only("Shared").root for account in again]
    assert len({*roots, *(closed.dealings[0, a].root for a in seats[:4])}) == 8
    assert closed.objecting
    closed.to(Stage.UPLOAD)
    assert (closed.first_groups(), closed.group_count()) == (2, 3)
    assert [closed.group(g).status for g in range(3)] == [Status.FAILED, Status.FAILED, Status.UPLOAD]
