"""settle(group, members): pays the members of one group (docs/PROTOCOL.md section 8).

Records are in test_records.py, payees that are contracts in tests/attacks.
"""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, economy, reverts
from tests.contracts.harness.economy import GWEI
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Group 0 accepted, group 1 refused."""
    session = new_session(parameter_count=4)
    for account in session.listed[3:]:
        session.vectors[account] = [7, 7, 7, 7]
    session.to(Stage.PAYMENT)
    assert session.accepted() == 0b01
    return session


def test_accepted_and_refused(base: SessionDriver) -> None:
    bond, share = base.params.bond_wei, base.params.reward_wei // 6
    for group, each in ((0, bond + share), (1, bond)):
        members = base.members_of(group)
        before = [base.chain.balance(a) for a in members]
        receipt = base.settle(group)
        event = receipt.only("Settled")
        assert (event.group, event.paid, event.credited_wei) == (group, group == 0, 3 * each)
        payments = [(e.account, e.caller, e.amount_wei) for e in receipt.named("Withdrawn")]
        assert payments == [(a, base.caller, each) for a in members]
        assert [base.chain.balance(a) - b for a, b in zip(members, before, strict=True)] == [each] * 3
        assert [(base.credit_of(a), base.member(a).withdrawn) for a in members] == [(0, True)] * 3
        assert base.group(group).settled


def test_the_last_group_finishes_it(base: SessionDriver) -> None:
    assert base.settle(1).named("Finished") == []
    assert base.stage() == Stage.PAYMENT
    event = base.settle(0).only("Finished")
    assert event.owner_credit_wei == base.credit_of(base.owner) == base.params.reward_wei % 6
    assert (base.stage(), base.state()) == (Stage.FINISHED, 5)
    money = base.money()
    burnt = base.params.reward_wei // 6 * 3
    rest = event.owner_credit_wei
    assert (money.locked, money.credits, money.withdrawn) == (burnt, rest, money.deposited - burnt - rest)


def test_no_credit_before(base: SessionDriver) -> None:
    assert [base.credit_of(a) for a in base.listed] == [0] * 6
    with reverts("session: nothing to withdraw"):
        base.contract.withdraw(sender=base.listed[0])


def test_only_once(base: SessionDriver) -> None:
    base.settle(0)
    with reverts("session: the group is settled"):
        base.settle(0)
    base.settle(1)
    with reverts("session: the group is settled"):
        base.settle(1)


@pytest.mark.parametrize("group", [2, 63, 64, 127, 128, 256, 2**256 - 1])
def test_no_such_group(base: SessionDriver, group: int) -> None:
    with reverts("session: no such group"):
        base.contract.settle(group, base.members_of(0), sender=base.stranger)


@pytest.mark.parametrize(
    "order", [(), (0,), (0, 1), (0, 2, 1), (2, 1, 0), (0, 0, 0), (0, 1, 1), (3, 4, 5), (0, 1, 5), (0, 1, 2, 3)], ids=str
)
def test_its_members_in_order_of_place(base: SessionDriver, order: tuple[int, ...]) -> None:
    """Nobody is credited twice or left out."""
    seats = base.seated()
    with reverts("session: not the group's members"):
        base.contract.settle(0, [seats[i] for i in order], sender=base.stranger)
    assert base.money().withdrawn == 0
    base.contract.settle(0, seats[:3], sender=base.stranger)


@pytest.mark.parametrize("outsider", ["owner", "stranger", "nobody"])
def test_who_isnt_a_member(base: SessionDriver, outsider: str) -> None:
    account = "0x" + "00" * 20 if outsider == "nobody" else getattr(base, outsider)
    with reverts("session: not the group's members"):
        base.contract.settle(1, [*base.seated()[3:5], account], sender=base.stranger)


def test_seventeen_members(base: SessionDriver) -> None:
    with reverts():
        base.contract.settle(0, base.seated()[:1] * 17, sender=base.stranger)


def test_members_without_a_seat(new_session: Factory) -> None:
    session = new_session(8, assignment=1).to(Stage.PAYMENT)
    left_out = next(a for a in session.listed if not session.member(a).seated)
    with reverts("session: not the group's members"):
        session.contract.settle(0, [*session.members_of(0)[:2], left_out], sender=session.stranger)


def test_the_owner_has_its_credit_with_the_last_one(base: SessionDriver) -> None:
    base.settle(0)
    assert base.credit_of(base.owner) == 0
    with reverts("session: nothing to withdraw"):
        base.contract.withdraw(sender=base.owner)
    base.settle(1)
    assert base.credit_of(base.owner) == base.params.reward_wei % 6


@pytest.mark.parametrize("stage", [Stage.COMMIT, Stage.UPLOAD, Stage.AGGREGATE, Stage.SELECT])
def test_a_group_that_lives_waits_for_the_selection(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: group isn't decided"):
        session.settle(0)


def test_a_failed_group_waits_for_the_end_of_its_round(new_session: Factory) -> None:
    """Until then its members may be drawn again."""
    session = new_session().to(Stage.COMMIT)
    session.decline(session.seated()[0])
    with reverts("session: group isn't decided"):
        session.settle(0)
    session.pass_deadline()
    session.settle(0)


def test_no_group_before_the_seats(new_session: Factory) -> None:
    for session in (new_session().to(Stage.REGISTER), new_session(assignment=1).to(Stage.DRAW)):
        with reverts("session: no such group"):
            session.settle(0)


def test_a_failed_group_is_settled_at_once(new_session: Factory) -> None:
    """Those who committed share the bond of the one who didn't; the odd wei goes to the lower place."""
    session = new_session(reward_wei=60_003).to(Stage.COMMIT)
    bond = session.params.bond_wei
    assert bond % 2 == 1
    seats = session.seated()
    for account in (*seats[:3], *seats[4:]):
        session.commit(account)
    session.pass_deadline()
    event = session.settle(1).only("Settled")
    assert (event.paid, event.credited_wei) == (False, 3 * bond)
    assert [session.due(a) for a in seats[3:]] == [0, bond + bond // 2 + 1, bond + bond // 2]
    assert session.stage() == Stage.UPLOAD
    assert not session.member(seats[3]).withdrawn, "it has nothing to be paid"
    session.to(Stage.FINISHED)
    assert session.money().withdrawn == session.money().deposited


def test_a_group_that_failed_at_the_upload(new_session: Factory) -> None:
    session = new_session(reward_wei=60_002).to(Stage.UPLOAD)
    bond = session.params.bond_wei
    session.finish_upload_of(0)
    session.upload_all(session.members_of(1)[2])
    session.pass_deadline()
    session.settle(1)
    assert [session.due(a) for a in session.members_of(1)] == [0, 0, 3 * bond]


def test_nobody_did_its_part_and_all_have_their_bond(new_session: Factory) -> None:
    session = new_session().to(Stage.UPLOAD)
    session.finish_upload_of(0)
    session.pass_deadline()
    session.settle(1)
    assert [session.due(a) for a in session.members_of(1)] == [session.params.bond_wei] * 3


class TestPayment:
    """Who is paid at once, and who keeps a credit for `withdraw`."""

    @pytest.fixture(scope="class")
    def paying(self, new_session: Factory) -> SessionDriver:
        """Every call has been paid by now."""
        session = new_session(fee_cap_wei=20 * GWEI, fee_table=economy.fee_table())
        session.gas_price = 7 * GWEI
        session.to(Stage.PAYMENT)
        session.chain.sleep(session.params.select_secs)
        return session

    @pytest.fixture
    def session(self, paying: SessionDriver) -> SessionDriver:
        return paying.copy()

    def test_fees_come_with_it(self, session: SessionDriver) -> None:
        """Also the caller's, for this very call; it is paid last."""
        members, share = session.members_of(0), session.params.reward_wei // 6
        earned = [session.member(a).fees_wei for a in members]
        assert min(earned) > 0
        session.caller = members[1]
        receipt = session.settle(0)
        fee = receipt.only("FeeCredited")
        assert (fee.account, fee.amount_wei > 0) == (members[1], True)
        due = [session.params.bond_wei + share + wei for wei in earned]
        payments = [(e.account, e.amount_wei) for e in receipt.named("Withdrawn")]
        assert payments == [(members[0], due[0]), (members[2], due[2]), (members[1], due[1] + fee.amount_wei)]
        assert receipt.only("Settled").credited_wei == 3 * (session.params.bond_wei + share)
        assert [(session.member(a).withdrawn, session.member(a).fees_wei) for a in members] == [(True, 0)] * 3

    def test_the_fee_of_who_isn_t_of_the_group_stays_a_credit(self, session: SessionDriver) -> None:
        for caller in (session.stranger, session.members_of(1)[0]):
            twin, before = session.copy(), session.credit_of(caller)
            twin.caller = caller
            with session.chain.anchor():
                fee = twin.settle(0).only("FeeCredited").amount_wei
                assert session.credit_of(caller) == before + fee

    def test_the_books_move_by_what_was_paid(self, session: SessionDriver) -> None:
        before = session.money()
        receipt = session.settle(1)
        paid = sum(e.amount_wei for e in receipt.named("Withdrawn"))
        after = session.money()
        assert after.withdrawn - before.withdrawn == paid > receipt.only("Settled").credited_wei
        assert after.deposited == after.credits + after.locked + after.withdrawn
        assert session.chain.balance(session.contract.address) == after.deposited - after.withdrawn

    def test_an_account_that_holds_nothing_keeps_its_credit(self, session: SessionDriver) -> None:
        """It might be empty, and sending to an empty one costs 25,000 gas more."""
        members = session.members_of(0)
        due = session.params.bond_wei + session.params.reward_wei // 6 + session.member(members[2]).fees_wei
        session.chain.set_balance(members[2], 0)
        receipt = session.settle(0)
        assert [e.account for e in receipt.named("Withdrawn")] == members[:2]
        assert (session.credit_of(members[2]), session.member(members[2]).withdrawn) == (due, False)
        session.contract.withdraw_for(members[2], sender=session.stranger)
        assert session.chain.balance(members[2]) == due
