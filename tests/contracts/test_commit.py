"""commit(root): each seated member, once, before the barrier."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    return new_session().to(Stage.COMMIT)


def test_it_commits(base: SessionDriver) -> None:
    for account in base.seated()[:4]:
        event = base.commit(account).only("Committed")
        seat = base.member(account)
        root = base.root(account)
        assert (event.member, event.group, event.place, event.root) == (account, seat.group, seat.place, root)
        assert seat.committed
    assert [base.group(g).committed for g in range(2)] == [0b111, 0b001]
    assert [base.group(g).status for g in range(2)] == [Status.COMMIT] * 2


def test_the_last_one_passes_the_barrier(base: SessionDriver) -> None:
    for account in base.seated()[:5]:
        assert base.commit(account).named("BarrierPassed") == []
    event = base.commit(base.seated()[5]).only("BarrierPassed")
    assert event.live_groups == 0b11
    assert event.upload_deadline == base.deadline() == base.chain.time + base.params.upload_secs
    assert (base.stage(), base.state()) == (Stage.UPLOAD, 2)
    assert [base.group(g).status for g in range(2)] == [Status.UPLOAD] * 2


def test_only_once(base: SessionDriver) -> None:
    account = base.seated()[0]
    base.commit(account)
    for root in (base.root(account), b"\7" * 32):
        with reverts("session: already committed"):
            base.contract.commit(root, sender=account)


def test_only_who_has_a_seat(base: SessionDriver) -> None:
    for account in (base.stranger, base.owner):
        with reverts("session: no seat"):
            base.contract.commit(b"\1" * 32, sender=account)


def test_an_empty_root(base: SessionDriver) -> None:
    with reverts("registry: empty root"):
        base.contract.commit(bytes(32), sender=base.seated()[0])


def test_the_last_second_and_the_next(base: SessionDriver) -> None:
    first, second, *_ = base.seated()
    base.chain.next_at(base.deadline())
    base.commit(first)
    with reverts("session: the window is over"):
        base.commit(second)


@pytest.mark.parametrize("stage", [Stage.SETUP, Stage.REGISTER, Stage.UPLOAD, Stage.FINISHED])
def test_only_in_stage_commit(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: wrong stage"):
        session.contract.commit(b"\1" * 32, sender=session.listed[0])


def test_the_barrier_fails_groups_with_a_gap(base: SessionDriver) -> None:
    seats = base.seated()
    for account in (*seats[:3], seats[4]):
        base.commit(account)
    receipt = base.pass_deadline()
    failed, passed = receipt.only("GroupFailed"), receipt.only("BarrierPassed")
    assert (failed.group, failed.stage, failed.did_their_part) == (1, 3, 0b010)
    assert passed.live_groups == 0b01
    assert [base.group(g).status for g in range(2)] == [Status.UPLOAD, Status.FAILED]
    with reverts("session: the group has failed"):
        base.upload(seats[4], 0)


def test_no_group_is_left(base: SessionDriver) -> None:
    base.commit(base.seated()[0])
    receipt = base.pass_deadline()
    assert [e.group for e in receipt.named("GroupFailed")] == [0, 1]
    selected = receipt.only("Selected")
    assert (selected.accepted, selected.paid, selected.unselected, selected.share_wei) == (0, 0, False, 0)
    assert base.stage() == Stage.PAYMENT
    base.finish_payment()
    assert base.credit_of(base.owner) == base.params.reward_wei
