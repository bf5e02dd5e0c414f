"""decline(): a member leaves its group before it commits, and pays the others for their calls (section 6.3)."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, Status, economy, reverts
from tests.contracts.harness.fixtures import Factory

FEES = {"fee_cap_wei": 7, "fee_table": economy.fee_table()}


STAGES = [Stage.SETUP, Stage.REGISTER, Stage.DRAW, Stage.UPLOAD, Stage.PAYMENT, Stage.FINISHED]


@pytest.fixture(scope="module")
def waiting(new_session: Factory) -> SessionDriver:
    """Two groups of three, nobody has committed."""
    return new_session(**FEES).to(Stage.COMMIT)


@pytest.fixture
def base(waiting: SessionDriver) -> SessionDriver:
    return waiting.copy()


def test_it_dissolves_the_group(base: SessionDriver) -> None:
    seats = base.seated()
    receipt = base.decline(seats[1])
    declined, failed = receipt.only("Declined"), receipt.only("GroupFailed")
    assert (declined.member, declined.group, declined.place) == (seats[1], 0, 1)
    assert declined.paid_wei == base.fees == economy.member_fees(base.params) > 0
    assert (failed.group, failed.stage, failed.did_their_part) == (0, 3, 0b101)
    view = base.group(0)
    assert (view.status, view.dissolved, view.settled) == (Status.FAILED, True, False)
    assert [base.member(a).declined for a in seats[:3]] == [False, True, False]
    assert [base.member(a).committed for a in seats[:3]] == [False] * 3
    assert base.stage() == Stage.COMMIT
    assert base.group(1).status == Status.COMMIT


def test_nobody_commits_to_a_dissolved_group(base: SessionDriver) -> None:
    seats = base.seated()
    base.commit(seats[0])
    base.decline(seats[1])
    for account in seats[:3]:
        with reverts("session: the group has failed"):
            base.commit(account)
        with reverts("session: the group has failed"):
            base.decline(account)
    base.commit(seats[3])


def test_not_after_the_commitment(base: SessionDriver) -> None:
    account = base.seated()[0]
    base.commit(account)
    with reverts("session: already committed"):
        base.decline(account)


def test_only_who_has_a_seat(new_session: Factory, base: SessionDriver) -> None:
    for account in (base.stranger, base.owner):
        with reverts("session: no seat"):
            base.decline(account)
    session = new_session(7, assignment=1).to(Stage.COMMIT)
    (left_out,) = [a for a in session.listed if not session.member(a).seated]
    with reverts("session: no seat"):
        session.decline(left_out)


@pytest.mark.parametrize("stage", STAGES)
def test_only_in_stage_commit(new_session: Factory, stage: Stage) -> None:
    session = new_session(assignment=int(stage == Stage.DRAW)).to(stage)
    with reverts("session: wrong stage"):
        session.decline(session.listed[0])


def test_the_last_second_and_the_next(base: SessionDriver) -> None:
    first, *_, last = base.seated()
    base.chain.next_at(base.deadline())
    base.decline(first)
    with reverts("session: the window is over"):
        base.decline(last)


def test_ether_is_not_taken(base: SessionDriver) -> None:
    with reverts():
        base.contract.decline(sender=base.seated()[0], value=1)


def test_it_closes_the_round_if_nobody_else_is_awaited(base: SessionDriver) -> None:
    seats = base.seated()
    for account in seats[3:]:
        base.commit(account)
    receipt = base.decline(seats[0])
    assert receipt.only("BarrierPassed").live_groups == 0b10
    assert base.stage() == Stage.UPLOAD
    assert base.first_groups() == 2


def test_it_ends_a_session_of_one_group(new_session: Factory) -> None:
    session = new_session(rounds=1, **FEES).to(Stage.COMMIT)
    seats = session.seated()
    receipt = session.decline(seats[2])
    assert receipt.only("BarrierPassed").live_groups == 0
    assert receipt.only("Selected").paid == 0
    assert session.stage() == Stage.PAYMENT
    session.settle(0)
    assert session.stage() == Stage.FINISHED
    assert session.credit_of(session.owner) == session.params.reward_wei + session.reserve_wei
    assert sum(session.due(a) for a in seats) == 3 * session.params.bond_wei


class TestMoney:
    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize("cap", [0, 7, 10**9])
    def test_it_pays_f_to_the_others(self, new_session: Factory, place: int, cap: int) -> None:
        """Whether they have committed or not; odd wei to the lowest place."""
        fees = {"fee_cap_wei": cap, "fee_table": economy.fee_table(commit=1_501) if cap else 0}
        session = new_session(rounds=1, **fees).to(Stage.COMMIT)
        members, bond, f = session.members_of(0), session.params.bond_wei, session.fees
        session.commit(members[(place + 1) % 3])
        assert session.decline(members[place]).only("Declined").paid_wei == f
        event = session.settle(0).only("Settled")
        dues = [session.due(a) for a in members]
        assert dues == economy.bonds_back(bond, 3, 0b111 ^ 1 << place, f)
        assert dues[place] == bond - f
        assert event.credited_wei == sum(dues) == 3 * bond

    def test_f_is_part_of_the_least_bond(self, new_session: Factory) -> None:
        """So who declines never owes more than it has."""
        session = new_session(rounds=1, reward_wei=3, fee_cap_wei=2**20, fee_table=economy.fee_table()).to(Stage.COMMIT)
        account = session.seated()[0]
        assert session.decline(account).only("Declined").paid_wei == session.fees == session.params.bond_wei - 2
        session.settle(0)
        assert session.due(account) == 2

    def test_not_settled_before_the_round_is_over(self, base: SessionDriver) -> None:
        base.decline(base.seated()[0])
        with reverts("session: group isn't decided"):
            base.settle(0)
        base.pass_deadline()
        base.settle(0)

    def test_the_others_of_its_group_are_blamed_for_nothing(self, base: SessionDriver) -> None:
        """The price of a dissolved group is its member's alone, whoever else hadn't committed yet."""
        seats = base.seated()
        base.decline(seats[0])
        base.pass_deadline()
        base.settle(0)
        extra = [base.due(a) - base.params.bond_wei for a in seats[:3]]
        assert extra == [-base.fees, base.fees // 2 + base.fees % 2, base.fees // 2]


class TestDrawnAgain:
    def test_everybody_but_who_declined(self, base: SessionDriver) -> None:
        """Also who hadn't committed; numbered by group, then place."""
        seats = base.seated()
        base.commit(seats[4])
        base.decline(seats[1])
        receipt = base.decline(seats[5])
        assert receipt.only("RoundClosed").survivors == 4
        assert base.members_of(2) == [seats[0], seats[2], seats[3]]
        assert [base.member(seats[i]).group for i in (1, 4, 5)] == [0, 1, 1]
        with reverts("session: the group has failed"):
            base.commit(seats[1])

    def test_with_those_of_a_group_where_somebody_missed(self, base: SessionDriver) -> None:
        seats = base.seated()
        base.decline(seats[2])
        base.commit(seats[4])
        receipt = base.pass_deadline()
        assert receipt.only("RoundClosed").survivors == 3
        assert base.members_of(2) == [seats[0], seats[1], seats[4]]

    def test_again_in_the_second_round(self, base: SessionDriver) -> None:
        """Then it is final."""
        seats = base.seated()
        base.decline(seats[0])
        base.decline(seats[3])
        assert base.members_of(2) == [seats[1], seats[2], seats[4]]
        base.commit(seats[1])
        receipt = base.decline(seats[2])
        assert receipt.only("GroupFailed").did_their_part == 0b101
        assert base.stage() == Stage.PAYMENT
        for group in range(3):
            base.settle(group)
        bond, f = base.params.bond_wei, base.fees
        low, high = f // 2, f // 2 + f % 2
        assert [base.due(a) - bond for a in seats] == [
            -f, high + high, low - f, -f, high + low, low,
        ]  # fmt: skip
        assert base.credit_of(base.owner) == base.params.reward_wei + base.reserve_wei

    def test_the_words_of_the_new_group_are_delivered(self, base: SessionDriver) -> None:
        base.decline(base.seated()[0])
        base.decline(base.seated()[3])
        base.to(Stage.FINISHED)
        assert base.accepted() == 0b100
        assert base.money().withdrawn == base.money().deposited
