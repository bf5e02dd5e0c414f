"""Whole sessions in blobs: each rule and assignment, votes, the second commitment round, deadlines; the other mode."""

from __future__ import annotations

import pytest

from tests.contracts.harness import BlobDriver, SessionDriver, Stage, Status, economy, reverts
from tests.contracts.harness.blobs import Q
from tests.contracts.harness.fixtures import Factory

KRUM = {"rule": 1, "rounds": 4, "krum_m": 2, "krum_m_rule": 1, "krum_mu_bps": 0}


def check_books(session: SessionDriver, left: int = 0) -> None:
    """Nothing is lost, and what stays locked in the end is what is burnt."""
    money = session.money()
    assert money.deposited == money.credits + money.locked + money.withdrawn
    assert (money.locked, money.credits) == (left, 0)


@pytest.mark.parametrize("assignment", [0, 1], ids=["greedy", "shuffled"])
@pytest.mark.parametrize("rule", [0, 1, 2], ids=["norm", "krum", "vote"])
def test_an_honest_session(new_session: Factory, rule: int, assignment: int) -> None:
    """What is proven is what the values give; who is accepted shares the reward."""
    sizes = KRUM if rule == 1 else {"rule": rule}
    session = new_session(assignment=assignment, parameter_count=40, **sizes).to(Stage.SELECT)
    groups = range(session.group_count())
    sums = {g: [sum(v) for v in zip(*map(session.vector, session.members_of(g)), strict=True)] for g in groups}
    event = session.select().only("SumsProven")
    pairs = [(r, s) for r in groups for s in groups if (r <= s if rule == 1 else r == s)]
    expected = [sum(a * b for a, b in zip(sums[r], sums[s], strict=True)) for r, s in pairs]
    assert event.products == [product % Q for product in expected]
    assert session.accepted().bit_count() == (2 if rule == 1 else 3)
    session.to(Stage.FINISHED)
    check_books(session)


@pytest.fixture(scope="module")
def voting(new_session: Factory) -> BlobDriver:
    return new_session(rule=2, parameter_count=40).to(Stage.VOTE)


class TestVotes:
    def test_a_group_is_voted_out(self, voting: BlobDriver) -> None:
        """Five of six are against group 2: its price is burnt."""
        session = voting.copy()
        session.votes = dict.fromkeys(session.seated()[:5], 0b100)
        session.to(Stage.FINISHED)
        assert (session.votes_against(2), session.accepted()) == (5, 0b011)
        check_books(session, economy.division(session.params, 3, 2)[1])

    def test_who_isnt_seated_has_no_vote(self, voting: BlobDriver) -> None:
        with reverts("vote: not delivered"):
            voting.vote(voting.stranger)

    def test_a_refuted_group_has_none(self, new_session: Factory) -> None:
        session = new_session(rule=2, parameter_count=40).to(Stage.COMMIT)
        member, *_ = session.members_of(0)
        session.spoilt[member] = {0: 2**200}
        session.to(Stage.ACCUSE)
        found = session.malformed(0, 0)
        session.accuse(session.stranger, 0, found)
        session.pass_deadline()
        session.refute(session.stranger, 0, found)
        session.to(Stage.VOTE)
        with reverts("session: the group has failed"):
            session.vote(member)
        session.to(Stage.FINISHED)
        assert session.accepted() == 0b110


class TestSecondRound:
    @pytest.mark.parametrize("assignment", [0, 1], ids=["greedy", "shuffled"])
    def test_survivors_commit_again(self, new_session: Factory, assignment: int) -> None:
        """One misses in groups 0 and 1 each: who is left makes group 3, whose blobs count."""
        session = new_session(assignment=assignment, parameter_count=40).to(Stage.COMMIT)
        missing = [session.members_of(g)[0] for g in (0, 1)]
        for account in session.seated():
            if account not in missing:
                session.commit(account)
        session.pass_deadline()
        session.to(Stage.UPLOAD)
        assert session.live_groups(Status.UPLOAD) == [2, 3]
        with reverts("session: no commitment"):
            session.post(missing[0])
        session.to(Stage.PAYMENT)
        assert session.accepted() == 0b1100

    def test_a_member_of_a_failed_group_posts_nothing(self, new_session: Factory) -> None:
        """One survivor alone isn't drawn again: its commitment is for nothing."""
        session = new_session(parameter_count=40).to(Stage.COMMIT)
        late, prompt = session.members_of(0)
        for account in session.seated():
            if account != late:
                session.commit(account)
        session.pass_deadline()
        assert session.stage() == Stage.UPLOAD
        with reverts("session: the group has failed"):
            session.post(prompt)
        with reverts("session: no commitment"):
            session.post(late)


class TestDeadlines:
    """`advance` ends every stage; without a selection all who have delivered are paid."""

    def test_uploads(self, new_session: Factory) -> None:
        session = new_session(parameter_count=40).to(Stage.UPLOAD)
        for account in session.members_of(1):
            session.post(account)
        late, prompt = session.members_of(0)
        session.post(prompt)
        closed = session.pass_deadline().only("UploadClosed")
        assert (closed.delivered_groups, session.stage()) == (0b010, Stage.ACCUSE)
        assert [session.group(g).status for g in range(3)] == [Status.FAILED, Status.DELIVERED, Status.FAILED]
        session.to(Stage.PAYMENT).finish_payment()
        assert session.accepted() == 0b010
        assert (session.due(prompt), session.due(late)) == (2 * session.params.bond_wei, 0)

    def test_no_uploads(self, new_session: Factory) -> None:
        session = new_session(parameter_count=40).to(Stage.UPLOAD)
        session.pass_deadline()
        assert (session.stage(), session.accepted(), session.unselected()) == (Stage.PAYMENT, 0, False)
        session.to(Stage.FINISHED)
        check_books(session)

    @pytest.mark.parametrize("summed", [0, 1])
    def test_sums(self, new_session: Factory, summed: int) -> None:
        session = new_session(parameter_count=40).to(Stage.AGGREGATE)
        session.add_sums(*range(summed)) if summed else None
        session.pass_deadline()
        assert (session.stage(), session.accepted(), session.unselected()) == (Stage.PAYMENT, 0, True)
        session.to(Stage.FINISHED)
        check_books(session)

    @pytest.mark.parametrize("rule", [0, 1])
    def test_proof(self, new_session: Factory, rule: int) -> None:
        sizes = KRUM if rule else {}
        session = new_session(parameter_count=40, **sizes).to(Stage.SELECT)
        session.pass_deadline()
        assert (session.stage(), session.accepted(), session.unselected()) == (Stage.PAYMENT, 0, True)
        session.to(Stage.FINISHED)
        check_books(session)

    @pytest.mark.parametrize("stage", [Stage.UPLOAD, Stage.ACCUSE, Stage.AGGREGATE, Stage.SELECT])
    def test_none_is_passed_before_it_is_over(self, new_session: Factory, stage: Stage) -> None:
        session = new_session(parameter_count=40).to(stage)
        session.chain.next_at(session.deadline())
        with reverts("session: nothing to advance"):
            session.advance(sender=session.stranger)


class TestModes:
    """Neither mode has the other one's calls."""

    def test_a_session_in_blobs(self, new_session: Factory) -> None:
        session = new_session(parameter_count=40, **KRUM).to(Stage.UPLOAD)
        member = session.seated()[0]
        with reverts():
            session.contract.upload(0, bytes(32), [bytes(32)], sender=member)
        session.to(Stage.AGGREGATE)
        with reverts():
            session.contract.aggregate(0, 0, bytes(64), sender=member)
        session.to(Stage.SELECT)
        with reverts():
            session.contract.gram(0, bytes(96), [], sender=member)
        with reverts("session: vectors are in blobs"):
            session.contract.select([], sender=member)

    def test_a_session_in_calldata(self, new_session: Factory) -> None:
        session = new_session(mode=0).to(Stage.UPLOAD)
        member = session.seated()[0]
        with session.chain.carrying([b"\1" * 32]), reverts("session: vectors are in calldata"):
            session.contract.post(sender=member)
        for stage, reason in (
            (Stage.AGGREGATE, "session: vectors are in calldata"),
            (Stage.SELECT, "session: wrong stage"),
        ):
            session.to(stage)
            with reverts("session: wrong stage"):
                session.contract.accuse(b"\1" * 32, sender=member, value=session.params.bond_wei)
            with reverts(reason):
                session.contract.add_sums(session.members_of(0), bytes(256), sender=member)
        with reverts("session: vectors are in calldata"):
            session.contract.select_proven([1, 1, 1], bytes(1_000), sender=member)
        assert (session.sums_root(), session.refuted_count()) == (bytes(32), 0)
