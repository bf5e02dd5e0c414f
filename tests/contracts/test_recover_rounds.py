"""Sessions with policy `recover`: stages and deadlines, who is in S and U, groups that fail, the second round."""

from __future__ import annotations

import pytest

from tests.contracts.harness import Receipt, RecoverDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import deal
from tests.contracts.harness.fixtures import RecoverFactory

WINDOWS = {
    "register_secs": 1_001, "commit_secs": 2_003, "upload_secs": 3_007, "reveal_secs": 5_009, "aggregate_secs": 7_013,
    "select_secs": 9_029,
}  # fmt: skip


@pytest.fixture(scope="module")
def sharing(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, T = 3, nobody has shared."""
    return new_recover().to(Stage.SHARE)


@pytest.fixture
def base(sharing: RecoverDriver) -> RecoverDriver:
    return sharing.copy()


def names(receipt: Receipt) -> list[str]:
    return [type(e).__name__ for e in receipt.events]


class TestDeadlines:
    def test_every_stage_has_its_window(self, new_recover: RecoverFactory) -> None:
        """To the second, and each is told in the event that opens it."""
        session = new_recover(rounds=1, **WINDOWS).to(Stage.SHARE)
        members = session.members_of(0)

        def ends_after(secs: int, told: int) -> None:
            assert session.deadline() == told == session.chain.time + secs

        assert session.deadline() == session.chain.time + 2_003
        for account in members[:3]:
            session.share(account)
        ends_after(2_003, session.share(members[3]).only("SharingClosed").object_deadline)
        ends_after(3_007, session.pass_deadline().only("BarrierPassed").upload_deadline)
        for account in members[:3]:
            session.upload(account, 0)
        ends_after(5_009, session.pass_deadline().only("UploadClosed").deadline)
        for account in members[:3]:
            session.reveal(account)
        ends_after(7_013, session.rebuild(members[3]).only("RevealClosed").aggregate_deadline)
        session.disclose(0)
        ends_after(9_029, session.unmask(0, 0).only("AggregationClosed").select_deadline)
        session.select()
        assert (session.stage(), session.deadline()) == (Stage.PAYMENT, 0)

    @pytest.mark.parametrize("stage", [Stage.SHARE, Stage.UPLOAD, Stage.REVEAL, Stage.AGGREGATE])
    def test_nobody_ends_a_stage_before_its_time(self, new_recover: RecoverFactory, stage: Stage) -> None:
        session = new_recover().to(stage)
        session.chain.next_at(session.deadline())
        with reverts("session: nothing to advance"):
            session.contract.advance(sender=session.stranger)
        session.chain.next_at(session.deadline() + 1)
        session.contract.advance(sender=session.stranger)

    def test_nor_the_time_for_objections(self, base: RecoverDriver) -> None:
        base.share_all()
        base.chain.next_at(base.deadline())
        with reverts("session: nothing to advance"):
            base.contract.advance(sender=base.stranger)
        receipt = base.pass_deadline()
        assert names(receipt) == ["BarrierPassed"]

    def test_time_passes_every_stage(self, base: RecoverDriver) -> None:
        """Each `advance` is one step, however late."""
        base.share_all()
        base.chain.sleep(10 * base.params.commit_secs)
        stages = []
        for _ in range(2):
            base.contract.advance(sender=base.stranger)
            stages.append(base.stage())
            base.chain.sleep(10 * base.params.upload_secs)
        assert stages == [Stage.UPLOAD, Stage.PAYMENT]


class TestSets:
    """S and U are fixed before anybody needs them."""

    def test_no_share_after_the_barrier(self, base: RecoverDriver) -> None:
        late = base.members_of(0)[3]
        base.share_all([a for a in base.seated() if a != late])
        base.pass_deadline()
        base.pass_deadline()
        assert base.group(0).committed == 0b0111
        with reverts("session: wrong stage"):
            base.share(late)
        assert base.group(0).committed == 0b0111

    def test_no_upload_when_u_is_fixed(self, base: RecoverDriver) -> None:
        """The last words of who was late come after the first secret."""
        base.to(Stage.UPLOAD)
        late = base.members_of(0)[3]
        words = base.chunk(base.words(late), 0)
        base.upload_but(late)
        assert base.group(0).delivered == 0b0111
        with reverts("session: wrong stage"):
            base.contract.upload(0, words, [], sender=late)
        base.reveal(base.members_of(0)[0])
        assert base.group(0).delivered == 0b0111

    def test_the_stage_ends_with_the_last_of_s(self, base: RecoverDriver) -> None:
        """Nobody waits for who hasn't shared."""
        absent = base.members_of(1)[2]
        base.share_all([a for a in base.seated() if a != absent])
        base.pass_deadline()
        base.pass_deadline()
        *others, last = [a for a in base.seated() if a != absent]
        for account in others:
            assert base.upload(account, 0).named("UploadClosed") == []
        event = base.upload(last, 0).only("UploadClosed")
        assert event.delivered_groups == 0b11
        assert [base.group(g).delivered for g in range(2)] == [0b1111, 0b1011]
        assert (base.stage(), base.state()) == (Stage.REVEAL, 2)

    def test_masks_are_those_of_s(self, base: RecoverDriver) -> None:
        """Not of everybody who has a seat: E9 has zeros for who hasn't shared."""
        absent = base.members_of(0)[1]
        base.share_all([a for a in base.seated() if a != absent])
        base.pass_deadline()
        base.to(Stage.SELECT)
        assert base.group(0).committed == 0b1101
        assert ref.unpack(base.sum_of(0), 6, 40) == base.plain_sum(0)


class TestFailures:
    def test_fewer_than_t_deliver(self, base: RecoverDriver) -> None:
        base.to(Stage.UPLOAD)
        members = base.members_of(1)
        base.finish_upload(members[2:])
        receipt = base.pass_deadline()
        failed, closed = receipt.only("GroupFailed"), receipt.only("UploadClosed")
        assert (failed.group, failed.stage, failed.did_their_part) == (1, Stage.UPLOAD, 0b0011)
        assert (closed.delivered_groups, closed.deadline) == (0b01, base.deadline())
        assert [base.group(g).status for g in range(2)] == [Status.REVEAL, Status.FAILED]

    def test_a_part_of_the_words_counts_for_nothing(self, new_recover: RecoverFactory) -> None:
        session = new_recover(rounds=1, parameter_count=400).to(Stage.UPLOAD)
        members = session.members_of(0)
        for account in members:
            session.upload(account, 0)
        session.upload(members[0], 1)
        receipt = session.pass_deadline()
        assert receipt.only("GroupFailed").did_their_part == 0b0001
        assert session.stage() == Stage.PAYMENT

    def test_no_group_delivers(self, base: RecoverDriver) -> None:
        """There is nothing to reveal, and the owner has its reward back."""
        base.to(Stage.UPLOAD)
        receipt = base.pass_deadline()
        assert [e.group for e in receipt.named("GroupFailed")] == [0, 1]
        assert (receipt.only("UploadClosed").delivered_groups, receipt.only("Selected").paid) == (0, 0)
        assert base.stage() == Stage.PAYMENT
        base.to(Stage.FINISHED)
        assert base.money().withdrawn == base.money().deposited

    @pytest.mark.parametrize("revealed", range(4))
    def test_fewer_reveal_than_are_needed(self, base: RecoverDriver, revealed: int) -> None:
        """Three of four deliver, T = 3: without all three the missing mask key doesn't come out."""
        base.to(Stage.UPLOAD)
        members = base.members_of(0)
        base.upload_but(members[3])
        for account in (*base.members_of(1), *members[:revealed]):
            base.reveal(account)
        did = 0b0111 if revealed == 3 else 0
        receipt = base.pass_deadline()
        failed = receipt.only("GroupFailed")
        assert (failed.group, failed.stage, failed.did_their_part) == (0, Stage.REVEAL, did)
        assert receipt.only("RevealClosed").open_groups == 0b10
        assert [base.group(g).status for g in range(2)] == [Status.FAILED, Status.DELIVERED]

    def test_who_did_not_stand_in_for_others(self, base: RecoverDriver) -> None:
        """Two reveal, one of them lends its shares: the other has only done the half of its part."""
        base.to(Stage.REVEAL)
        members = base.members_of(0)
        for account in (*base.members_of(1), members[0], members[3]):
            base.reveal(account)
        base.pass_half_of_reveal()
        base.reveal_shares(members[3])
        receipt = base.pass_deadline()
        failed = receipt.only("GroupFailed")
        assert (failed.group, failed.stage, failed.did_their_part) == (0, Stage.REVEAL, 0b1000)

    def test_a_dealer_that_lied(self, base: RecoverDriver) -> None:
        """It is named, no other holders are left, and the group fails; it did no part of it."""
        members = base.members_of(0)
        dealing = base.dealing(members[3])
        shares = dealing.shares | {0: (dealing.shares[0][0] + 1, dealing.shares[0][1] + 1)}
        base.dealings[0, members[3]] = deal(base.self_secret(members[3]), shares)
        base.to(Stage.REVEAL)
        for account in (*base.members_of(1), *members[:3]):
            base.reveal(account)
        base.pass_half_of_reveal()
        for account in members[:3]:
            base.reveal_shares(account)
        base.rebuild(members[3]).only("DealerBlamed")
        failed = base.pass_deadline().only("GroupFailed")
        assert (failed.group, failed.did_their_part, base.group(0).blamed) == (0, 0b0111, 0b1000)

    def test_nobody_reveals(self, base: RecoverDriver) -> None:
        base.to(Stage.REVEAL)
        receipt = base.pass_deadline()
        assert [(e.group, e.stage, e.did_their_part) for e in receipt.named("GroupFailed")] == [(0, 6, 0), (1, 6, 0)]
        assert (receipt.only("RevealClosed").open_groups, receipt.only("Selected").paid) == (0, 0)
        assert base.stage() == Stage.PAYMENT
        base.to(Stage.FINISHED)
        assert base.money().withdrawn == base.money().deposited
        assert base.chain.balance(base.contract.address) == 0

    def test_nobody_unmasks(self, base: RecoverDriver) -> None:
        """Then all groups that are open are paid, without a selection."""
        base.to(Stage.AGGREGATE)
        base.disclose(0)
        base.unmask(0, 0)
        selected = base.pass_deadline().only("Selected")
        assert (selected.accepted, selected.paid, selected.unselected) == (0, 0b11, True)

    def test_t_is_n_and_one_is_gone(self, new_recover: RecoverFactory) -> None:
        """Nobody may be missing, at no step."""
        session = new_recover(rounds=3, threshold=4).to(Stage.SHARE)
        first, second = session.members_of(0), session.members_of(1)
        session.share_all([a for a in session.seated() if a != first[0]])
        session.pass_deadline()
        assert session.pass_deadline().only("GroupFailed").group == 0
        session.finish_upload([second[3]])
        assert session.pass_deadline().only("GroupFailed").group == 1
        for account in session.members_of(2)[1:]:
            session.reveal(account)
        assert session.pass_deadline().only("GroupFailed").group == 2
        assert session.stage() == Stage.PAYMENT


class TestSecondRound:
    @pytest.mark.parametrize("assignment", [0, 1])
    def test_after_objections(self, new_recover: RecoverFactory, assignment: int) -> None:
        """The survivors deal anew in a new group; the whole session is paid out."""
        session = new_recover(assignment=assignment).to(Stage.SHARE)
        session.share_all()
        seats = {g: session.members_of(g) for g in range(2)}
        session.object_to(seats[0][0], seats[0][1])
        session.object_to(seats[1][2], seats[1][3])
        receipt = session.pass_deadline()
        assert receipt.only("RoundClosed").survivors == 4
        if assignment:
            assert session.stage() == Stage.DRAW
            receipt = session.draw()
        redrawn = receipt.only("Redrawn")
        assert (redrawn.first_group, redrawn.groups, redrawn.unseated) == (2, 1, 0)
        assert redrawn.commit_deadline == session.deadline() == session.chain.time + session.params.commit_secs
        assert session.stage() == Stage.SHARE
        assert sorted(session.members_of(2)) == sorted([*seats[0][2:], *seats[1][:2]])
        session.to(Stage.AGGREGATE)
        session.disclose(2)
        assert session.seeds[2] == session.expected_seeds(2)
        session.to(Stage.PAYMENT)
        assert session.accepted() == 0b100
        session.to(Stage.FINISHED)
        assert session.money().withdrawn == session.money().deposited

    def test_after_groups_of_too_few(self, base: RecoverDriver) -> None:
        """Two of four have shared in each: these are drawn again, with the same keys."""
        first, second = base.members_of(0), base.members_of(1)
        base.share_all([*first[:2], *second[2:]])
        base.pass_deadline()
        receipt = base.pass_deadline()
        assert [(e.group, e.did_their_part) for e in receipt.named("GroupFailed")] == [(0, 0b0011), (1, 0b1100)]
        assert receipt.only("RoundClosed").survivors == 4
        assert base.members_of(2) == [*first[:2], *second[2:]]
        for account in (first[2], second[0]):
            with reverts("session: the group has failed"):
                base.share(account)
        base.to(Stage.FINISHED)
        assert base.accepted() == 0b100

    def test_not_of_groups_that_go_on(self, base: RecoverDriver) -> None:
        """Who hasn't shared in a group that has T is out, and so is nobody else."""
        first = base.members_of(0)
        base.share_all([*first[:3], *base.members_of(1)])
        base.pass_deadline()
        receipt = base.pass_deadline()
        assert names(receipt) == ["BarrierPassed"]
        assert base.first_groups() == base.group_count() == 2

    def test_groups_that_go_on_are_as_they_were(self, new_recover: RecoverFactory) -> None:
        """In the second round nobody shares, leaves or objects in a group of the first: its S is fixed."""
        session = new_recover(rounds=3).to(Stage.SHARE)
        first = session.members_of(0)
        session.share_all([*first[:3], *session.members_of(1)[:2], *session.members_of(2)[2:]])
        session.pass_deadline()
        session.pass_deadline()
        assert (session.first_groups(), session.group_count(), session.stage()) == (3, 4, Stage.SHARE)
        absent = first[3]
        with reverts("session: the group's round is over"):
            session.share(absent)
        with reverts("session: the group's round is over"):
            session.decline(absent)
        with reverts("session: already committed"):
            session.share(first[0])
        session.share_all(session.members_of(3))
        assert session.objecting, "nobody of the first round is awaited"
        for account, place in ((first[0], 1), (first[2], 0)):
            with reverts("session: the group's round is over"):
                session.contract.object(place, sender=account)
        assert session.pass_deadline().only("BarrierPassed").live_groups == 0b1001
        assert (session.group(0).committed, session.group(0).blamed) == (0b0111, 0)
        session.to(Stage.FINISHED)
        assert session.accepted() == 0b1001
        assert session.money().withdrawn == session.money().deposited

    def test_nobody_is_drawn_a_third_time(self, base: RecoverDriver) -> None:
        base.share_all([*base.members_of(0)[:2], *base.members_of(1)[:2]])
        base.pass_deadline()
        base.pass_deadline()
        base.share_all(base.members_of(2)[:2])
        base.pass_deadline()
        receipt = base.pass_deadline()
        assert names(receipt) == ["GroupFailed", "BarrierPassed", "UploadClosed", "Selected"]
        assert base.stage() == Stage.PAYMENT

    def test_who_shared_in_the_first_round_alone(self, base: RecoverDriver) -> None:
        """Its seat of the second round counts nothing: not for uploads, not for secrets."""
        base.share_all([*base.members_of(0)[:2], *base.members_of(1)[:2]])
        base.pass_deadline()
        base.pass_deadline()
        *others, absent = base.members_of(2)
        base.share_all(others)
        base.pass_deadline()
        base.pass_deadline()
        with reverts("session: the group has failed"):
            base.contract.upload(0, bytes(32), [], sender=absent)
        base.to(Stage.REVEAL)
        with reverts("session: the group has failed"):
            base.contract.reveal(1, b"", [], sender=absent)
        with reverts("session: the group has failed"):
            base.contract.rebuild(absent, b"", 0b111, [1, 2, 3], sender=base.stranger)
        base.to(Stage.AGGREGATE)
        given = [d._replace(account=absent) if i == 0 else d for i, d in enumerate(base.disclosures(2))]
        with reverts("recover: not the sharers in order"):
            base.contract.disclose(2, given, sender=base.stranger)

    def test_an_old_root_opens_nothing(self, base: RecoverDriver) -> None:
        """The second commitment has taken its place."""
        base.share_all([*base.members_of(0)[:2], *base.members_of(1)[:2]])
        base.pass_deadline()
        base.pass_deadline()
        base.to(Stage.REVEAL)
        account = base.members_of(2)[0]
        old = base.dealings[0, account]
        with reverts("recover: addresses don't give root"):
            base.contract.reveal(base.self_secret(account), old.addresses, [], sender=account)
        base.reveal(account)


class TestSelection:
    """A group counts by those who delivered: u_r."""

    @pytest.mark.parametrize(("lanes", "accepted"), [(8, True), (9, False)])
    def test_norm_measures_who_delivered(self, new_recover: RecoverFactory, lanes: int, accepted: bool) -> None:
        """4 N^2 |S|^2 <= u^2 d Q^2 with u = 3 of N = 4 (E15); of four members 9^2 * 9 would be little enough."""
        session = new_recover(rounds=1, parameter_count=100).to(Stage.UPLOAD)
        members = session.members_of(0)
        for account in members:
            session.vectors[account] = [3] * lanes + [0] * (100 - lanes)
        session.upload_but(members[2])
        session.to(Stage.PAYMENT)
        total = session.plain_sum(0)
        assert ref.dot(total, total) == 81 * lanes
        assert ref.norm_accepts(81 * lanes, 4, 100, 7, 3) == accepted
        assert ref.norm_accepts(81 * lanes, 4, 100, 7)
        assert session.accepted() == int(accepted)

    def test_krum_compares_means(self, new_recover: RecoverFactory) -> None:
        """A group with one member less isn't further from the others for that."""
        krum = {"rule": 1, "rounds": 4, "krum_mu_bps": 2_500, "krum_m": 1, "krum_m_rule": 1}
        session = new_recover(**krum, parameter_count=4).to(Stage.UPLOAD)
        gone = [session.members_of(group)[group] for group in (1, 2)]
        for group in range(4):
            for account in session.members_of(group):
                session.vectors[account] = [6, -5, 4, 1 + (group == 3)]
        session.upload_but(*gone)
        session.to(Stage.PAYMENT)
        counts = [4, 3, 3, 4]
        assert [session.group(g).delivered.bit_count() for g in range(4)] == counts
        sums = [session.plain_sum(g) for g in range(4)]
        picked = ref.krum(ref.gram(ref.means(sums, counts)), 2_500, 1, strict=False)
        assert session.accepted() == sum(1 << g for g in picked) == 0b0001
        assert ref.krum(ref.gram(sums), 2_500, 1, strict=False) != picked
