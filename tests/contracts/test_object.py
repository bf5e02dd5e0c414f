"""object(place): who got shares that aren't its own ends its group, before anybody has uploaded."""

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
    """Two groups of four; place 3 of group 1 hasn't shared, and sharing is closed."""
    session = new_recover().to(Stage.SHARE)
    session.share_all(session.seated()[:7])
    session.pass_deadline()
    return session


@pytest.fixture
def base(waiting: RecoverDriver) -> RecoverDriver:
    return waiting.copy()


def test_the_group_fails(base: RecoverDriver) -> None:
    seats = base.seated()
    receipt = base.object_to(seats[2], seats[1])
    objected, failed = receipt.only("Objected"), receipt.only("GroupFailed")
    assert (objected.member, objected.group, objected.place, objected.accused) == (seats[2], 0, 2, 1)
    assert (failed.group, failed.stage, failed.did_their_part) == (0, Stage.SHARE, 0b1001)
    view = base.group(0)
    assert (view.status, view.dissolved, view.objected) == (Status.FAILED, False, True)
    assert (view.committed, view.blamed) == (0b1111, 0b0110)
    assert [base.member(a).committed for a in seats[:4]] == [True] * 4
    assert (base.stage(), base.group(1).status) == (Stage.SHARE, Status.COMMIT)


def test_whoever_has_not_shared_is_no_survivor(base: RecoverDriver) -> None:
    receipt = base.object_to(base.members_of(1)[0], base.members_of(1)[2])
    assert receipt.only("GroupFailed").did_their_part == 0b0010
    view = base.group(1)
    assert (view.committed, view.blamed, view.objected) == (0b0111, 0b0101, True)


def test_the_other_group_goes_on(base: RecoverDriver) -> None:
    seats = base.seated()
    base.object_to(seats[0], seats[3])
    receipt = base.pass_deadline()
    assert receipt.named("GroupFailed") == []
    assert receipt.only("BarrierPassed").live_groups == 0b10
    assert base.group(1).committed == 0b0111


def test_a_group_fails_once(base: RecoverDriver) -> None:
    """The second objection comes too late, whoever it is by and against."""
    seats = base.seated()
    base.object_to(seats[0], seats[1])
    for account, accused in ((seats[1], seats[0]), (seats[2], seats[3]), (seats[0], seats[1])):
        with reverts("session: the group has failed"):
            base.object_to(account, accused)


def test_not_while_sharing_is_open(new_recover: RecoverFactory) -> None:
    session = new_recover(rounds=1).to(Stage.SHARE)
    first, second, *_ = session.seated()
    session.share_all([first, second])
    with reverts("recover: sharing is open"):
        session.object_to(first, second)


def test_only_who_has_shared(base: RecoverDriver) -> None:
    seats = base.seated()
    for account in (seats[7], base.stranger, base.owner):
        with reverts("recover: no shares"):
            base.contract.object(0, sender=account)


@pytest.mark.parametrize("place", [4, 5, 15, 16, 255, 256, 2**255, 2**256 - 1])
def test_a_place_that_isn_t_there(base: RecoverDriver, place: int) -> None:
    with reverts("recover: nobody to object to"):
        base.contract.object(place, sender=base.seated()[0])


def test_neither_to_oneself_nor_to_who_has_not_shared(base: RecoverDriver) -> None:
    account = base.members_of(1)[1]
    for place in (1, 3):
        with reverts("recover: nobody to object to"):
            base.contract.object(place, sender=account)
    base.contract.object(2, sender=account)


def test_the_last_second_and_the_next(base: RecoverDriver) -> None:
    seats = base.seated()
    base.chain.next_at(base.deadline())
    base.object_to(seats[0], seats[1])
    with reverts("session: the window is over"):
        base.object_to(seats[4], seats[5])


@pytest.mark.parametrize("stage", OTHER_STAGES)
def test_only_in_stage_share(new_recover: RecoverFactory, stage: Stage) -> None:
    session = new_recover(rounds=1, assignment=int(stage == Stage.DRAW)).to(stage)
    with reverts("session: wrong stage"):
        session.contract.object(1, sender=session.listed[0])


def test_not_with_abort(new_session: Factory) -> None:
    session = new_session(rounds=1).to(Stage.COMMIT)
    with reverts("session: wrong stage"):
        session.contract.object(1, sender=session.listed[0])


def test_ether_is_not_taken(base: RecoverDriver) -> None:
    with reverts():
        base.contract.object(1, sender=base.seated()[0], value=1)


def test_it_is_not_paid(new_recover: RecoverFactory) -> None:
    fees = {"fee_cap_wei": economy.GWEI, "fee_table": economy.fee_table()}
    session = new_recover(rounds=1, **fees).to(Stage.SHARE)
    session.share_all()
    session.gas_price = economy.GWEI
    first, second, *_ = session.seated()
    assert session.object_to(first, second).named("FeeCredited") == []


class TestMoney:
    def test_who_shared_keeps_its_bond(self, base: RecoverDriver) -> None:
        """Both sides as well: the contract can't know which of them lies."""
        seats = base.seated()
        base.object_to(seats[0], seats[1])
        with reverts("session: group isn't decided"):
            base.settle(0)
        base.pass_deadline()
        event = base.settle(0).only("Settled")
        assert [base.due(a) for a in seats[:4]] == [base.params.bond_wei] * 4
        assert (event.paid, event.credited_wei) == (False, 4 * base.params.bond_wei)

    def test_who_did_not_share_loses_it_to_them(self, base: RecoverDriver) -> None:
        seats = base.seated()
        base.object_to(seats[4], seats[6])
        base.pass_deadline()
        base.settle(1)
        found = [base.due(a) for a in seats[4:]]
        assert found == economy.bonds_back(base.params.bond_wei, 4, 0b0111)
        assert found[3] == 0

    def test_all_but_the_survivors_have_it_on_their_records(self, new_recover: RecoverFactory) -> None:
        """Who objected, whom it objected to, and who hadn't shared."""
        session = new_recover(rounds=1, record_constants=economy.record_constants()).to(Stage.SHARE)
        members = session.members_of(0)
        session.share_all(members[1:])
        session.pass_deadline()
        session.object_to(members[3], members[1])
        session.pass_deadline()
        event = session.settle(0).only("Settled")
        assert (event.recorded, event.blamed) == (0b1011, 0b1011)
        constants = economy.RecordConstants()
        missed = (True, economy.recorded(constants.newcomer, constants.weight, True))
        known = [tuple(session.market.suspicion(session.owner, a)) for a in members]
        assert known == [missed, missed, (False, 0), missed]

    def test_all_of_it_is_paid_out(self, base: RecoverDriver) -> None:
        seats = base.seated()
        base.object_to(seats[0], seats[1])
        base.object_to(seats[4], seats[5])
        base.to(Stage.FINISHED)
        assert base.money().withdrawn == base.money().deposited
        assert base.chain.balance(base.contract.address) == 0


class TestDrawnAgain:
    @pytest.fixture
    def twice(self, new_recover: RecoverFactory) -> RecoverDriver:
        """Two groups of four in which everybody has shared, an objection in each of them."""
        session = new_recover().to(Stage.SHARE)
        session.share_all()
        seats = session.seated()
        session.object_to(seats[3], seats[0])
        session.object_to(seats[5], seats[6])
        return session

    def test_the_two_are_not(self, twice: RecoverDriver) -> None:
        """Everybody else of their group is."""
        seats = twice.seated()
        receipt = twice.pass_deadline()
        assert receipt.only("RoundClosed").survivors == 4
        assert twice.members_of(2) == [seats[1], seats[2], seats[4], seats[7]]
        assert [twice.member(seats[i]).group for i in (0, 3, 5, 6)] == [0, 0, 1, 1]
        for i in (0, 3, 5, 6):
            with reverts("session: the group has failed"):
                twice.share(seats[i])

    def test_nor_who_had_not_shared(self, base: RecoverDriver) -> None:
        seats = base.seated()
        base.object_to(seats[3], seats[0])
        base.object_to(seats[4], seats[6])
        receipt = base.pass_deadline()
        assert [type(e).__name__ for e in receipt.events][-3:] == ["BarrierPassed", "UploadClosed", "Selected"]
        assert base.member(seats[7]).group == 1

    def test_of_the_second_round_nobody_is(self, twice: RecoverDriver) -> None:
        seats = twice.seated()
        twice.pass_deadline()
        again = twice.members_of(2)
        twice.share_all(again[1:])
        twice.pass_deadline()
        for account in (again[0], seats[0]):
            with reverts("session: the group has failed"):
                twice.contract.object(1, sender=account)
        twice.object_to(again[1], again[3])
        receipt = twice.pass_deadline()
        assert receipt.named("RoundClosed") == []
        assert receipt.only("BarrierPassed").live_groups == 0
        assert twice.stage() == Stage.PAYMENT
        twice.to(Stage.FINISHED)
        assert twice.money().withdrawn == twice.money().deposited
