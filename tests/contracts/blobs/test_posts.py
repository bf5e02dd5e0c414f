"""`post`: who, when and what; uploads of several transactions; copies of others' blobs."""

from __future__ import annotations

import pytest

from tests.contracts.harness import BlobDriver, Stage, Status, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> BlobDriver:
    """Two blobs a member, in stage Upload."""
    return new_session().to(Stage.UPLOAD)


@pytest.fixture
def session(base: BlobDriver) -> BlobDriver:
    return base.copy()


def test_what_it_says(session: BlobDriver) -> None:
    member, peer = session.members_of(1)
    event = session.post(member).only("Posted")
    assert (event.member, event.group, event.place, event.chunk) == (member, 1, 0, 0)
    assert event.hashes == session.hashes(member)
    assert session.member(member).chunks_delivered == 2
    assert session.member(peer).chunks_delivered == 0
    view = session.group(1)
    assert (view.delivered, view.status) == (1, Status.UPLOAD)
    session.post(peer)
    assert (session.group(1).delivered, session.group(1).status) == (3, Status.DELIVERED)


def test_wrong_stages(new_session: Factory) -> None:
    """The barrier: no blob before all groups have committed or failed, none after the deadline."""
    session = new_session(parameter_count=40).to(Stage.COMMIT)
    *prompt, late = session.seated()
    for account in prompt:
        session.commit(account)
    with reverts("session: wrong stage"):
        session.post(prompt[0])
    session.commit(late)
    for account in prompt:
        session.post(account)
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        session.post(late)
    session.advance(sender=session.stranger)
    with reverts("session: wrong stage"):
        session.post(late)


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_somebody_who_has_no_seat(session: BlobDriver, who: str) -> None:
    with reverts("session: no commitment"):
        session.post(getattr(session, who), session.hashes(session.seated()[0]))


def test_other_numbers_of_blobs(session: BlobDriver) -> None:
    member = session.seated()[0]
    hashes = session.hashes(member)
    with reverts("blobs: fewer blobs than are due"):
        session.post(member, hashes[:1])
    with reverts("blobs: fewer blobs than are due"):
        session.contract.post(sender=member)
    with reverts("blobs: more blobs than are due"):
        session.post(member, [*hashes, hashes[0]])
    with reverts("blobs: more blobs than are due"):
        session.post(member, hashes * 3)


def test_other_blobs(session: BlobDriver) -> None:
    """In another order, one of them, those of a peer or of another group."""
    member, peer = session.members_of(0)
    own, others, strange = (session.hashes(a) for a in (member, peer, session.members_of(1)[0]))
    for hashes in (own[::-1], [own[0], own[0]], [own[0], others[1]], others, strange):
        with reverts("blobs: not the committed blobs"):
            session.post(member, hashes)
    session.post(member)


def test_twice(session: BlobDriver) -> None:
    member = session.seated()[0]
    session.post(member)
    with reverts("blobs: all chunks are in"):
        session.post(member)


def test_by_a_proxy(session: BlobDriver) -> None:
    """Whoever sends a member's blobs delivers nothing for it."""
    member, peer = session.members_of(0)
    with reverts("blobs: not the committed blobs"):
        session.post(peer, session.hashes(member))
    assert session.group(0).delivered == 0


class TestCopies:
    """A commitment has its sender's account in it: who copies one can't post the blobs, when it sees them."""

    @pytest.fixture
    def committing(self, new_session: Factory) -> BlobDriver:
        return new_session(parameter_count=40, rounds=2).to(Stage.COMMIT)

    def test_a_group_copies_another_ones_commitments(self, committing: BlobDriver) -> None:
        """It would have a sum that is in range, for no work, and as near to another one as can be."""
        session = committing
        copied = dict(zip(session.members_of(1), session.members_of(0), strict=True))
        for account in session.members_of(0):
            session.commit(account)
        for account, model in copied.items():
            session.contract.commit(b.bound(model, session.hashes(model)), sender=account)
        for account, model in copied.items():
            session.post(model)
            with reverts("blobs: not the committed blobs"):
                session.post(account, session.hashes(model))
        session.pass_deadline()
        assert session.group(1).status == Status.FAILED
        session.to(Stage.PAYMENT).finish_payment()
        assert session.accepted() == 0b01
        assert [session.due(a) for a in copied] == [session.params.bond_wei] * 2

    def test_who_knows_the_blobs_before_may(self, committing: BlobDriver) -> None:
        """Colluders from the start: nothing on chain tells them from two that have trained the same."""
        session = committing
        session.copied = dict(zip(session.members_of(1), session.members_of(0), strict=True))
        session.to(Stage.PAYMENT)
        assert session.accepted() == 0b11

    def test_after_the_barrier_nobody_commits(self, committing: BlobDriver) -> None:
        session = committing
        *prompt, late = session.seated()
        for account in prompt:
            session.commit(account)
        session.pass_deadline()
        session.post(prompt[0])
        with reverts("session: wrong stage"):
            session.contract.commit(b.bound(late, session.hashes(prompt[0])), sender=late)


class TestSeveralTransactions:
    """Seven blobs a member: six, then one."""

    @pytest.fixture(scope="class")
    def base(self, new_session: Factory) -> BlobDriver:
        return new_session(parameter_count=6 * 4_096 + 5, rounds=1).to(Stage.UPLOAD)

    @pytest.fixture
    def session(self, base: BlobDriver) -> BlobDriver:
        return base.copy()

    def test_the_whole_session(self, session: BlobDriver) -> None:
        member, peer = session.members_of(0)
        assert session.post(member).only("Posted").chunk == 0
        assert (session.member(member).chunks_delivered, session.group(0).delivered) == (6, 0)
        assert session.post(member).only("Posted").chunk == 6
        assert (session.member(member).chunks_delivered, session.group(0).delivered) == (7, 1)
        with reverts("blobs: all chunks are in"):
            session.post(member, session.hashes(member)[:6])
        session.upload_all(peer)
        session.to(Stage.FINISHED)
        assert session.accepted() == 1

    def test_other_numbers_of_blobs(self, session: BlobDriver) -> None:
        member, _ = session.members_of(0)
        hashes = session.hashes(member)
        with reverts("blobs: fewer blobs than are due"):
            session.post(member, hashes[:5])
        session.post(member)
        with reverts("blobs: more blobs than are due"):
            session.post(member, hashes[:2])

    def test_the_first_ones_twice(self, session: BlobDriver) -> None:
        """What is first is found out by the last: the upload is lost, and with it the group."""
        member, peer = session.members_of(0)
        hashes = session.hashes(member)
        session.upload_all(peer)
        session.post(member, [hashes[0]] * 6)
        with reverts("blobs: not the committed blobs"):
            session.post(member, hashes[6:])
        session.pass_deadline()
        assert (session.stage(), session.group(0).status) == (Stage.PAYMENT, Status.FAILED)

    def test_half_an_upload_is_none(self, session: BlobDriver) -> None:
        member, peer = session.members_of(0)
        session.upload_all(peer)
        session.post(member)
        session.pass_deadline()
        session.finish_payment()
        assert (session.due(peer), session.due(member)) == (2 * session.params.bond_wei, 0)
