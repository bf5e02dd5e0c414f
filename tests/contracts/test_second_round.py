"""The second commitment round: who did its part in a failed group is drawn again, once (section 6.2)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.contracts.harness import Receipt, SessionDriver, Stage, Status, economy, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

FEES = {"fee_cap_wei": 10**9, "fee_table": economy.fee_table()}


def miss(session: SessionDriver, missing: Iterable[int]) -> Receipt:
    """Everybody commits but those seats; the window passes."""
    for number, account in enumerate(session.seated()):
        if number not in missing:
            session.commit(account)
    return session.pass_deadline()


@pytest.fixture(scope="module")
def greedy_base(new_session: Factory) -> SessionDriver:
    """Three groups of three, nobody has committed; odd bonds."""
    return new_session(rounds=3, reward_wei=9 * 60_003 + 1).to(Stage.COMMIT)


@pytest.fixture
def greedy(greedy_base: SessionDriver) -> SessionDriver:
    return greedy_base.copy()


@pytest.fixture(scope="module")
def shuffled_base(new_session: Factory) -> SessionDriver:
    """The same, of eleven who were drawn."""
    return new_session(11, rounds=3, assignment=1).to(Stage.COMMIT)


@pytest.fixture
def shuffled(shuffled_base: SessionDriver) -> SessionDriver:
    return shuffled_base.copy()


class TestRedraw:
    def test_greedy_seats_them_at_once(self, greedy: SessionDriver) -> None:
        """By group, then place."""
        seats = greedy.seated()
        receipt = miss(greedy, {1, 3, 5})
        closed, redrawn = receipt.only("RoundClosed"), receipt.only("Redrawn")
        assert (closed.survivors, closed.draw_block) == (3, 0)
        assert (redrawn.seed, redrawn.first_group, redrawn.groups, redrawn.unseated) == (bytes(32), 3, 1, 0)
        assert redrawn.commit_deadline == greedy.deadline() == greedy.chain.time + greedy.params.commit_secs
        assert [(e.group, e.stage, e.did_their_part) for e in receipt.named("GroupFailed")] == [(0, 3, 5), (1, 3, 2)]
        assert receipt.named("BarrierPassed") == []
        assert (greedy.stage(), greedy.state()) == (Stage.COMMIT, 2)
        assert (greedy.first_groups(), greedy.group_count(), greedy.second_seed()) == (3, 4, bytes(32))
        assert greedy.members_of(3) == [seats[0], seats[2], seats[4]]
        for place, account in enumerate(greedy.members_of(3)):
            member = greedy.member(account)
            assert (member.group, member.place, member.committed) == (3, place, False)
            assert member.key_address == greedy.key_address(account), "keys stay"

    @pytest.mark.parametrize("call", ["draw", "advance"])
    def test_shuffled_draws_them_again(self, shuffled: SessionDriver, call: str) -> None:
        seats = shuffled.seats()
        order, members = shuffled.seated(), shuffled.params.members
        receipt = miss(shuffled, {0, 4, 7})
        closed = receipt.only("RoundClosed")
        assert closed.survivors == 6
        assert closed.draw_block == shuffled.draw_block() == shuffled.chain.height + 4
        assert receipt.named("Redrawn") == []
        assert (shuffled.stage(), shuffled.state(), shuffled.deadline()) == (Stage.DRAW, 1, 0)
        assert (shuffled.first_groups(), shuffled.group_count()) == (3, 3)
        shuffled.chain.mine(shuffled.draw_block() - shuffled.chain.height)
        redrawn = getattr(shuffled.contract, call)(sender=shuffled.stranger).only("Redrawn")
        seed = ref.draw_seed(shuffled.chain.block_hash(shuffled.draw_block()), shuffled.contract.address)
        assert redrawn.seed == shuffled.second_seed() == seed != shuffled.contract.seed()
        assert (redrawn.first_group, redrawn.groups, redrawn.unseated) == (3, 2, 0)
        survivors = ref.survivors(seats, {0: 0b110, 1: 0b101, 2: 0b101})
        assert survivors == [a for i, a in enumerate(order) if i not in (0, 4, 7)]
        expected = ref.second_seats(seed, survivors, 3, members)
        assert {a: seat for a, seat in shuffled.seats().items() if seat[0] >= 3} == expected
        assert [shuffled.member(order[i]).group for i in (0, 4, 7)] == [0, 1, 2]

    def test_who_is_left_over_has_no_seat_again(self, greedy: SessionDriver) -> None:
        seats = greedy.seated()
        redrawn = miss(greedy, {1, 3}).only("Redrawn")
        assert (redrawn.groups, redrawn.unseated) == (1, 1)
        assert greedy.members_of(3) == [seats[0], seats[2], seats[4]]
        assert greedy.member(seats[5]).group == 1
        with reverts("session: the group has failed"):
            greedy.commit(seats[5])

    @pytest.mark.parametrize("missing", [{0}, {0, 1, 2}, {1, 2, 4, 5, 6, 7, 8}, set(range(9))])
    def test_fewer_than_a_group_are_not_drawn_again(self, greedy: SessionDriver, missing: set[int]) -> None:
        receipt = miss(greedy, missing)
        assert receipt.named("RoundClosed") == receipt.named("Redrawn") == []
        assert receipt.only("BarrierPassed").live_groups == sum(
            1 << g for g in range(3) if not missing & {3 * g, 3 * g + 1, 3 * g + 2}
        ), receipt
        assert (greedy.first_groups(), greedy.group_count()) == (3, 3)

    def test_nobody_is_drawn_a_third_time(self, greedy: SessionDriver) -> None:
        miss(greedy, {1, 3, 8})
        again = greedy.seated()
        assert greedy.group_count() == 5
        for account in [a for a in again if greedy.member(a).group >= 3][1:]:
            greedy.commit(account)
        receipt = greedy.pass_deadline()
        assert [(e.group, e.did_their_part) for e in receipt.named("GroupFailed")] == [(3, 0b110)]
        assert receipt.only("BarrierPassed").live_groups == 0b10000
        assert (greedy.first_groups(), greedy.group_count()) == (3, 5)

    def test_the_last_commitment_passes_the_barrier(self, greedy: SessionDriver) -> None:
        miss(greedy, {1, 3, 5})
        *others, last = greedy.members_of(3)
        for account in others:
            assert greedy.commit(account).named("BarrierPassed") == []
        event = greedy.commit(last).only("BarrierPassed")
        assert event.live_groups == 0b1100
        assert event.upload_deadline == greedy.deadline()
        assert [greedy.group(g).status for g in range(5)] == [
            Status.FAILED, Status.FAILED, Status.UPLOAD, Status.UPLOAD, Status.NONE,
        ]  # fmt: skip

    def test_groups_that_are_complete_wait(self, greedy: SessionDriver) -> None:
        seats = greedy.seated()
        miss(greedy, {1, 3, 5})
        assert [greedy.group(g).status for g in (2, 3)] == [Status.COMMIT] * 2
        with reverts("session: wrong stage"):
            greedy.upload(seats[6], 0)
        with reverts("session: already committed"):
            greedy.commit(seats[6])
        for account in (seats[1], seats[3]):
            with reverts("session: the group has failed"):
                greedy.commit(account)
        with reverts("session: no seat"):
            greedy.contract.commit(b"\1" * 32, sender=greedy.stranger)

    def test_commitments_are_made_anew(self, greedy: SessionDriver) -> None:
        """Words are masked for the new group: the old ones don't fit the new root, nor the new ones the old root."""
        seats = greedy.seated()
        old = {a: (greedy.words(a), greedy.chunk_hashes(a)) for a in seats}
        miss(greedy, {1, 3, 5})
        account = greedy.members_of(3)[0]
        assert greedy.words(account) != old[account][0]
        greedy.finish_commit()
        words, hashes = old[account]
        with reverts("session: hashes don't give root"):
            greedy.contract.upload(0, greedy.chunk(words, 0), hashes, sender=account)
        greedy.upload_all(account)

    def test_who_doesnt_commit_again_cant_upload_for_the_first_time(self, greedy: SessionDriver) -> None:
        seats = greedy.seated()
        words, hashes = greedy.words(seats[0]), greedy.chunk_hashes(seats[0])
        miss(greedy, {1, 3, 5})
        greedy.pass_deadline()
        with reverts("session: the group has failed"):
            greedy.contract.upload(0, greedy.chunk(words, 0), hashes, sender=seats[0])


class TestDraw:
    def test_not_before_the_block_is_mined(self, shuffled: SessionDriver) -> None:
        miss(shuffled, {0, 4, 7})
        for _ in range(shuffled.draw_block() - shuffled.chain.height):
            with reverts("session: nothing to advance"):
                shuffled.contract.draw(sender=shuffled.stranger)
        shuffled.contract.draw(sender=shuffled.stranger)
        assert shuffled.stage() == Stage.COMMIT

    def test_a_forgotten_hash_is_drawn_again(self, shuffled: SessionDriver) -> None:
        miss(shuffled, {0, 4, 7})
        first = shuffled.draw_block()
        shuffled.chain.mine(first + 256 - shuffled.chain.height)
        event = shuffled.contract.draw(sender=shuffled.stranger).only("DrawPostponed")
        assert event.draw_block == shuffled.draw_block() == shuffled.chain.height + 4 > first
        assert shuffled.draw().only("Redrawn").groups == 2

    @pytest.mark.parametrize("call", ["commit", "decline", "settle", "exit"])
    def test_nothing_else_meanwhile(self, shuffled: SessionDriver, call: str) -> None:
        miss(shuffled, {0, 4, 7})
        account = shuffled.seated()[1]
        refused = {"settle": "session: group isn't decided", "exit": "session: too late to exit"}
        with reverts(refused.get(call, "session: wrong stage")):
            if call == "settle":
                shuffled.settle(0)
            elif call == "exit":
                shuffled.contract.exit(sender=shuffled.owner)
            else:
                getattr(shuffled, call)(account)


class TestMoney:
    """Group 0: place 1 missed; group 1: places 0 and 2 did. Three are drawn again into group 3."""

    @pytest.fixture
    def session(self, greedy: SessionDriver) -> SessionDriver:
        self.seats = greedy.seated()
        self.bond = greedy.params.bond_wei
        miss(greedy, {1, 3, 5})
        return greedy

    def dues(self, session: SessionDriver, *numbers: int) -> list[int]:
        return [session.due(self.seats[i]) for i in numbers]

    def test_who_is_drawn_again_leaves_its_bond_in(self, session: SessionDriver) -> None:
        event = session.settle(0).only("Settled")
        assert (event.paid, event.credited_wei) == (False, 0)
        session.settle(1)
        assert self.dues(session, *range(6)) == [0] * 6
        assert session.money().credits == 0

    def test_it_has_its_share_when_its_second_group_is_settled(self, session: SessionDriver) -> None:
        session.to(Stage.PAYMENT)
        for group in (0, 1):
            session.settle(group)
        share = session.params.reward_wei // 9
        event = session.settle(3).only("Settled")
        lost = [self.bond // 2 + self.bond % 2, self.bond // 2, 2 * self.bond]
        assert self.dues(session, 0, 2, 4) == [self.bond + share + extra for extra in lost]
        assert event.credited_wei == sum(self.dues(session, 0, 2, 4))
        assert self.dues(session, 1, 3, 5) == [0] * 3
        session.to(Stage.FINISHED)
        assert session.money().withdrawn == session.money().deposited

    def test_who_misses_again_keeps_its_share_and_loses_its_bond(self, session: SessionDriver) -> None:
        for account in (self.seats[0], self.seats[4]):
            session.commit(account)
        session.pass_deadline()
        for group in (0, 1, 3):
            session.settle(group)
        first = [self.bond // 2 + self.bond % 2, self.bond // 2, 2 * self.bond]
        second = economy.bonds_back(self.bond, 3, 0b101)
        assert self.dues(session, 0, 2, 4) == [a + b for a, b in zip(first, second, strict=True)]
        assert second[1] == 0

    def test_the_first_round_is_settled_first(self, session: SessionDriver) -> None:
        session.pass_deadline()
        session.settle(0)
        with reverts("session: first round isn't settled"):
            session.settle(3)
        session.settle(1)
        with reverts("session: group isn't decided"):
            session.settle(2)
        session.settle(3)
        assert session.stage() == Stage.UPLOAD

    def test_the_same_in_stage_payment(self, session: SessionDriver) -> None:
        session.to(Stage.PAYMENT)
        for group in (1, 2):
            session.settle(group)
        with reverts("session: first round isn't settled"):
            session.settle(3)

    def test_who_has_no_seat_again_has_its_bond_at_once(self, greedy: SessionDriver) -> None:
        session, seats = greedy, greedy.seated()
        miss(session, {1, 3})
        session.settle(1)
        bond = session.params.bond_wei
        assert session.due(seats[5]) == bond + bond // 2
        assert session.due(seats[4]) == 0
        session.to(Stage.FINISHED)
        assert session.money().withdrawn == session.money().deposited

    @pytest.mark.parametrize("wrong", ["second", "order", "short", "stranger"])
    def test_settle_takes_the_members_of_the_first_time(self, session: SessionDriver, wrong: str) -> None:
        members = session.members_of(0)
        bad = {
            "second": session.members_of(3),
            "order": members[::-1],
            "short": members[:2],
            "stranger": [*members[:2], session.stranger],
        }[wrong]
        with reverts("session: not the group's members"):
            session.contract.settle(0, bad, sender=session.stranger)
        session.contract.settle(0, members, sender=session.stranger)


@pytest.mark.parametrize("assignment", [0, 1])
def test_a_whole_session_with_two_rounds(new_session: Factory, assignment: int) -> None:
    """Sums, norms and money of groups of both rounds."""
    session = new_session(9, rounds=3, assignment=assignment, **FEES).to(Stage.COMMIT)
    miss(session, {0, 4})
    session.to(Stage.SELECT)
    live = session.live_groups(Status.AGGREGATED)
    assert live == [2, 3]
    for group in live:
        plain = [sum(v) for v in zip(*(session.vector(a) for a in session.members_of(group)), strict=True)]
        assert ref.unpack(session.sum_of(group), session.params.lane_bits, session.params.parameter_count) == plain
        assert session.group(group).squared_norm == ref.dot(plain, plain)
    event = session.select().only("Selected")
    assert (event.accepted, event.share_wei) == (0b1100, session.params.reward_wei // 9)
    session.to(Stage.FINISHED)
    assert session.money().withdrawn == session.money().deposited
    assert session.chain.balance(session.contract.address) == 0


def test_krum_over_groups_of_both_rounds(new_session: Factory) -> None:
    session = new_session(rounds=5, members=2, rule=1, krum_mu_bps=2_000, krum_m=2, krum_m_rule=1).to(Stage.COMMIT)
    miss(session, {0, 2})
    session.to(Stage.PAYMENT)
    live = session.live_groups(Status.AGGREGATED)
    assert live == [2, 3, 4, 5]
    matrix = ref.gram(
        [ref.unpack(session.sum_of(g), session.params.lane_bits, session.params.parameter_count) for g in live]
    )
    assert session.accepted() == sum(1 << live[i] for i in ref.krum(matrix, 2_000, 2, strict=False))
