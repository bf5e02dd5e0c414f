"""vote(commitment), open_vote(bits, salt): rule `norm+vote` (docs/PROTOCOL.md section 7.1)."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.economy import GWEI, fee_table, record_constants
from tests.contracts.harness.fixtures import Factory, RecoverFactory

VOTE = {"rule": 2}
PRICE = 7 * GWEI
FEES = {"fee_cap_wei": 20 * GWEI, "fee_table": fee_table()}
RECORDS = {"record_constants": record_constants()}


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Two groups of three; all six may vote."""
    return new_session(**VOTE).to(Stage.VOTE)


@pytest.fixture(scope="module")
def opening(new_session: Factory) -> SessionDriver:
    """All have voted: the first three against group 1, the fourth against both; nobody has opened its vote."""
    session = new_session(**VOTE).to(Stage.VOTE)
    session.votes = dict.fromkeys(session.listed[:3], 2) | {session.listed[3]: 0b11}
    for account in session.listed:
        session.vote(account)
    return session


def against(session: SessionDriver) -> list[int]:
    return [session.votes_against(g) for g in range(session.group_count())]


class TestVoting:
    def test_it_comes_between_the_sums_and_the_selection(self, new_session: Factory) -> None:
        session = new_session(**VOTE).to(Stage.AGGREGATE)
        last = [session.aggregate(g, 0) for g in (0, 1)][-1]
        assert (session.stage(), session.state()) == (Stage.VOTE, 3)
        assert last.only("AggregationClosed").select_deadline == session.deadline()
        assert session.deadline() == session.chain.time + session.params.vote_secs
        session.finish_vote()
        assert session.stage() == Stage.SELECT
        assert session.deadline() == session.chain.time + session.params.select_secs

    def test_a_commitment_is_kept(self, base: SessionDriver) -> None:
        session, account = base.copy(), base.listed[4]
        assert tuple(session.ballot(account)) == (bytes(32), False)
        event = session.vote(account).only("VoteCommitted")
        assert (event.member, event.group, event.place) == (account, 1, 1)
        assert event.commitment == session.commitment(account, 0)
        assert tuple(session.ballot(account)) == (event.commitment, False)
        assert (session.votes_cast(), against(session)) == (0, [0, 0])

    def test_the_last_one_closes_it(self, base: SessionDriver) -> None:
        session = base.copy()
        receipts = [session.vote(account) for account in session.listed]
        assert [len(r.named("VotingClosed")) for r in receipts] == [0, 0, 0, 0, 0, 1]
        event = receipts[-1].only("VotingClosed")
        assert (event.votes, event.open_deadline) == (6, session.deadline())
        assert session.deadline() == session.chain.time + session.params.vote_secs
        assert session.stage() == Stage.VOTE

    def test_the_window_closes_it(self, base: SessionDriver) -> None:
        session = base.copy()
        session.vote(session.listed[0])
        event = session.pass_deadline().only("VotingClosed")
        assert (event.votes, event.open_deadline) == (1, session.deadline())
        receipt = session.open_vote(session.listed[0])
        assert (receipt.only("VoteClosed").cast, session.stage()) == (1, Stage.SELECT)

    def test_nobody_votes(self, base: SessionDriver) -> None:
        """One deadline ends it: there is nothing to open."""
        session = base.copy()
        receipt = session.pass_deadline()
        assert receipt.only("VotingClosed").votes == receipt.only("VoteClosed").cast == 0
        assert receipt.only("VoteClosed").select_deadline == session.deadline()
        assert session.select().only("Selected").accepted == 0b11

    def test_twice(self, base: SessionDriver) -> None:
        session = base.copy()
        session.vote(session.listed[0])
        with reverts("vote: already voted"):
            session.vote(session.listed[0])

    def test_late(self, base: SessionDriver) -> None:
        session = base.copy()
        session.chain.next_at(session.deadline())
        session.vote(session.listed[0])
        session.chain.next_at(session.deadline() + 1)
        with reverts("session: the window is over"):
            session.vote(session.listed[1])

    def test_when_it_is_closed(self, base: SessionDriver) -> None:
        session = base.copy()
        session.vote(session.listed[0])
        session.pass_deadline()
        with reverts("vote: voting is closed"):
            session.vote(session.listed[1])

    @pytest.mark.parametrize("stage", [Stage.SETUP, Stage.REGISTER, Stage.UPLOAD, Stage.AGGREGATE, Stage.SELECT])
    def test_in_another_stage(self, new_session: Factory, stage: Stage) -> None:
        session = new_session(**VOTE).to(stage)
        for call, args in (("vote", (bytes(32),)), ("open_vote", (0, bytes(32)))):
            with reverts("session: wrong stage"):
                getattr(session.contract, call)(*args, sender=session.listed[0])

    @pytest.mark.parametrize("rule", [{}, {"rule": 1, "rounds": 3, "krum_m_rule": 1, "krum_mu_bps": 0}])
    def test_with_another_rule(self, new_session: Factory, rule: dict[str, int]) -> None:
        session = new_session(**rule).to(Stage.SELECT)
        with reverts("session: wrong stage"):
            session.vote(session.listed[0])

    def test_by_others(self, base: SessionDriver) -> None:
        for account in (base.owner, base.stranger):
            with reverts("vote: not delivered"):
                base.copy().vote(account)

    def test_by_a_member_of_a_failed_group(self, new_session: Factory) -> None:
        session = new_session(**VOTE).to(Stage.UPLOAD)
        for account in session.listed[:5]:
            session.upload_all(account)
        session.pass_deadline()
        session.to(Stage.VOTE)
        for account in (session.listed[3], session.listed[5]):
            with reverts("session: the group has failed"):
                session.vote(account)
        session.finish_vote()
        assert (session.votes_cast(), session.stage()) == (3, Stage.SELECT)


class TestOpening:
    def test_votes_are_counted_by_group(self, opening: SessionDriver) -> None:
        session = opening.copy()
        seen = []
        for account in session.listed[:4]:
            event = session.open_vote(account).only("VoteOpened")
            assert (event.member, event.bits, event.salt) == (account, session.bits(account), session.salt(account))
            assert tuple(session.ballot(account)) == (session.commitment(account, event.bits), True)
            seen.append((session.votes_cast(), against(session)))
        assert seen == [(1, [0, 1]), (2, [0, 2]), (3, [0, 3]), (4, [1, 4])]
        assert (session.votes_against(127), session.votes_against(128)) == (0, 0)

    def test_the_last_one_ends_it(self, opening: SessionDriver) -> None:
        session = opening.copy()
        receipts = [session.open_vote(account) for account in session.listed]
        assert [len(r.named("VoteClosed")) for r in receipts] == [0, 0, 0, 0, 0, 1]
        event = receipts[-1].only("VoteClosed")
        assert (event.cast, event.select_deadline, session.stage()) == (6, session.deadline(), Stage.SELECT)

    def test_the_window_ends_it(self, opening: SessionDriver) -> None:
        session = opening.copy()
        session.open_vote(session.listed[0])
        receipt = session.pass_deadline()
        assert (receipt.only("VoteClosed").cast, session.stage()) == (1, Stage.SELECT)
        with reverts("session: wrong stage"):
            session.open_vote(session.listed[1])

    def test_twice(self, opening: SessionDriver) -> None:
        session = opening.copy()
        session.open_vote(session.listed[0])
        with reverts("vote: already opened"):
            session.open_vote(session.listed[0])

    def test_while_voting_is_open(self, base: SessionDriver) -> None:
        session = base.copy()
        session.vote(session.listed[0])
        with reverts("vote: voting is open"):
            session.open_vote(session.listed[0])

    def test_late(self, opening: SessionDriver) -> None:
        session = opening.copy()
        session.chain.next_at(session.deadline())
        session.open_vote(session.listed[0])
        session.chain.next_at(session.deadline() + 1)
        with reverts("session: the window is over"):
            session.open_vote(session.listed[1])

    def test_another_vote_than_committed(self, opening: SessionDriver) -> None:
        session, account = opening.copy(), opening.listed[0]
        for bits, salt in ((0b00, session.salt(account)), (0b10, bytes(32)), (0b10, session.salt(session.listed[1]))):
            with reverts("vote: not the commitment"):
                session.contract.open_vote(bits, salt, sender=account)

    def test_who_has_not_voted(self, base: SessionDriver) -> None:
        session = base.copy()
        session.vote(session.listed[0])
        session.pass_deadline()
        with reverts("vote: not the commitment"):
            session.open_vote(session.listed[1])
        with reverts("vote: not delivered"):
            session.open_vote(session.stranger)

    def test_a_copied_commitment_opens_for_nobody_else(self, base: SessionDriver) -> None:
        session, (first, second) = base.copy(), base.listed[:2]
        session.contract.vote(session.commitment(first, 0), sender=second)
        session.pass_deadline()
        with reverts("vote: not the commitment"):
            session.contract.open_vote(0, session.salt(first), sender=second)

    @pytest.mark.parametrize("bits", [0b100, 1 << 127, 1 << 255])
    def test_groups_that_are_none(self, base: SessionDriver, bits: int) -> None:
        session, account = base.copy(), base.listed[0]
        session.votes[account] = bits
        session.vote(account)
        session.pass_deadline()
        with reverts("vote: no such group"):
            session.open_vote(account)

    def test_a_failed_group(self, new_session: Factory) -> None:
        session = new_session(**VOTE).to(Stage.UPLOAD)
        session.finish_upload_of(0)
        session.pass_deadline()
        session.to(Stage.VOTE)
        session.votes = {session.listed[0]: 0b10}
        session.vote(session.listed[0])
        session.pass_deadline()
        with reverts("vote: no such group"):
            session.open_vote(session.listed[0])


class TestSelection:
    """Six voters: three are a quorum."""

    @pytest.mark.parametrize(
        ("votes", "refused"),
        [
            ("......", False),
            ("xxx...", False),
            ("xxxx..", True),
            ("xxxxxx", True),
            ("xx-...", False),
            ("xxx--.", True),
            ("xx.---", True),
            ("x.o---", False),
            ("xxoo--", False),
            ("xx----", False),
            ("xxo---", True),
            ("xxooo-", False),
            ("------", False),
        ],
    )
    def test_quorum_and_majority(self, base: SessionDriver, votes: str, refused: bool) -> None:
        """x against group 0, . and o for it, - silent."""
        session = base.copy()
        session.votes = {a: 1 for a, vote in zip(session.listed, votes, strict=True) if vote == "x"}
        session.finish_vote(silent=[a for a, vote in zip(session.listed, votes, strict=True) if vote == "-"])
        cast, no = 6 - votes.count("-"), votes.count("x")
        assert (session.votes_cast(), session.votes_against(0)) == (cast, no)
        assert ref.voted_out(no, cast, 6) == refused
        event = session.select().only("Selected")
        assert event.accepted == event.paid == (0b10 if refused else 0b11)
        assert event.burnt_wei == (3 * event.share_wei if refused else 0)
        session.to(Stage.FINISHED)

    def test_closed_votes_do_not_count(self, base: SessionDriver) -> None:
        session = base.copy()
        session.votes = dict.fromkeys(session.listed[:4], 1)
        session.finish_vote(closed=session.listed[:4])
        assert session.votes_cast() == 2
        assert session.select().only("Selected").accepted == 0b11

    def test_what_norm_refuses_no_vote_saves(self, new_session: Factory) -> None:
        session = new_session(**VOTE, parameter_count=4)
        session.vectors = {a: [7, 7, 7, 7] for a in session.listed[:3]} | {a: [1, 0, 0, 0] for a in session.listed[3:]}
        session.to(Stage.SELECT)
        assert session.votes_cast() == 6
        assert session.select().only("Selected").accepted == 0b10

    def test_all_voted_out_pays_everybody(self, base: SessionDriver) -> None:
        session = base.copy()
        session.votes = dict.fromkeys(session.listed, 0b11)
        session.finish_vote()
        event = session.select().only("Selected")
        assert (event.accepted, event.paid, event.unselected) == (0, 0b11, True)

    def test_the_record_of_a_group_that_is_voted_out(self, new_session: Factory) -> None:
        session = new_session(**VOTE, **RECORDS).to(Stage.VOTE)
        session.votes = dict.fromkeys(session.listed[:4], 1)
        session.finish_vote(silent=session.listed[5:])
        session.select()
        events = [session.settle(g).only("Settled") for g in (0, 1)]
        assert [(e.paid, e.recorded, e.blamed) for e in events] == [(False, 0b111, 0b111), (True, 0b111, 0)]

    def test_products_are_refused(self, new_session: Factory) -> None:
        session = new_session(**VOTE).to(Stage.SELECT)
        with reverts("session: norm needs no products"):
            session.contract.select([0], sender=session.stranger)

    def test_a_selection_that_nobody_calls(self, base: SessionDriver) -> None:
        session = base.copy()
        session.votes = dict.fromkeys(session.listed, 1)
        session.finish_vote()
        assert session.pass_deadline().only("Selected").unselected

    def test_ids_of_a_second_round(self, new_session: Factory) -> None:
        """Group 0 fails, 16 more follow: the votes against the last ones are in the second word."""
        session = new_session(**VOTE, rounds=17, members=2, min_rounds=1).to(Stage.COMMIT)
        session.decline(session.listed[0])
        session.decline(session.listed[2])
        session.to(Stage.VOTE)
        assert session.group_count() == 18
        session.votes = dict.fromkeys(session.listed, 1 << 2 | 1 << 14 | 1 << 15 | 1 << 17)
        session.finish_vote()
        assert [g for g in range(18) if session.votes_against(g)] == [2, 14, 15, 17]
        assert {session.votes_against(g) for g in (2, 14, 15, 17)} == {session.votes_cast()} == {32}
        live = sum(1 << g for g in session.live_groups(Status.AGGREGATED))
        assert session.select().only("Selected").accepted == live & ~(1 << 2 | 1 << 14 | 1 << 15 | 1 << 17)


class TestRecover:
    def test_u_votes(self, new_recover: RecoverFactory) -> None:
        session = new_recover(**VOTE).to(Stage.UPLOAD)
        missing = session.members_of(0)[1]
        session.upload_but(missing)
        session.to(Stage.VOTE)
        voters = session.voters()
        assert (len(voters), missing in voters) == (7, False)
        with reverts("vote: not delivered"):
            session.vote(missing)
        session.votes = dict.fromkeys(voters[:2], 0b10)
        session.finish_vote(silent=voters[3:])
        assert session.copy().votes_cast() == 3
        assert session.select().only("Selected").accepted == 0b11, "3 of 7 are no quorum"

    def test_a_quorum_of_u(self, new_recover: RecoverFactory) -> None:
        session = new_recover(**VOTE).to(Stage.UPLOAD)
        session.upload_but(session.members_of(0)[1])
        session.to(Stage.VOTE)
        voters = session.voters()
        session.votes = dict.fromkeys(voters[:3], 0b10)
        session.finish_vote(silent=voters[4:])
        assert session.select().only("Selected").accepted == 0b01
        session.to(Stage.FINISHED)


class TestFees:
    def test_calls_are_paid_like_commitments_and_never_more_than_they_cost(self, new_session: Factory) -> None:
        session = new_session(**VOTE, **FEES)
        session.gas_price = PRICE
        session.to(Stage.VOTE)
        calls = [session.vote(a) for a in session.listed] + [session.open_vote(a) for a in session.listed]
        for receipt in calls:
            event = receipt.only("FeeCredited")
            assert 0.6 * receipt.gas_used * PRICE < event.amount_wei <= receipt.gas_used * PRICE
        session.to(Stage.FINISHED)
        assert session.money().locked == 0

    def test_the_limit_is_that_of_a_commitment(self, new_session: Factory) -> None:
        session = new_session(**VOTE, fee_cap_wei=20 * GWEI, fee_table=fee_table(commit=300, move=0))
        session.gas_price = PRICE
        session.to(Stage.VOTE)
        assert session.vote(session.listed[0]).only("FeeCredited").amount_wei == 30_000 * PRICE

    def test_whoever_ends_a_step_is_paid_for_the_change_of_stage(self, new_session: Factory) -> None:
        session = new_session(**VOTE, fee_cap_wei=20 * GWEI, fee_table=fee_table(commit=300, move=70))
        session.gas_price = PRICE
        session.to(Stage.VOTE)
        paid = [session.vote(a).only("FeeCredited").amount_wei // PRICE for a in session.listed]
        paid += [session.open_vote(a).only("FeeCredited").amount_wei // PRICE for a in session.listed]
        assert paid == [30_000] * 5 + [37_000] + [30_000] * 5 + [37_000]

    def test_an_opened_vote_of_eight_groups_is_cheap(self, new_session: Factory) -> None:
        session = new_session(**VOTE, **FEES, rounds=8, members=4)
        session.gas_price = PRICE
        session.to(Stage.VOTE)
        session.votes = dict.fromkeys(session.listed, 0xFF)
        votes = [session.vote(a).gas_used for a in session.listed]
        opened = [session.open_vote(a).gas_used for a in session.listed]
        assert max(votes[:-1]) < 70_000
        assert max(opened[1:-1]) < 74_000
