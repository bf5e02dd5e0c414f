"""draw(): seats from a block hash that nobody knows when registration closes (docs/PROTOCOL.md section 6.1)."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.economy import record_constants
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Eight registered for two groups of three."""
    return new_session(8, assignment=1).to(Stage.DRAW)


@pytest.mark.parametrize("call", ["draw", "advance"])
def test_it_seats_by_the_permutation(base: SessionDriver, call: str) -> None:
    base.chain.mine(base.draw_block() - base.chain.height)
    drawn = getattr(base.contract, call)(sender=base.stranger).only("Drawn")
    seed = ref.draw_seed(base.chain.block_hash(base.draw_block()), base.contract.address)
    assert drawn.seed == base.contract.seed() == seed
    assert (drawn.groups, drawn.unseated) == (2, 2)
    assert drawn.commit_deadline == base.deadline() == base.chain.time + base.params.commit_secs
    assert (base.stage(), base.state(), base.group_count()) == (Stage.COMMIT, 2, 2)
    expected = ref.Draw([ref.Joined(a) for a in base.listed], 2, 3).seats(seed)
    assert base.seats() == expected
    assert [base.credit_of(a) for a in base.listed] == [
        0 if a in expected else base.params.bond_wei for a in base.listed
    ]
    assert base.contract.first_groups() == 0, "before its first round is over"


def test_another_block_is_another_draw(base: SessionDriver) -> None:
    seeds = {ref.draw_seed(base.chain.block_hash(base.draw_block() + i), base.contract.address) for i in range(8)}
    draw = ref.Draw([ref.Joined(a) for a in base.listed], 2, 3)
    assert len({tuple(sorted(draw.seats(seed).items())) for seed in seeds}) > 1


@pytest.mark.parametrize("call", ["draw", "advance"])
def test_not_before_draw_block_is_mined(base: SessionDriver, call: str) -> None:
    wait = base.draw_block() - base.chain.height
    for _ in range(wait):
        with reverts("session: nothing to advance"):
            getattr(base.contract, call)(sender=base.stranger)
    getattr(base.contract, call)(sender=base.stranger)
    assert base.stage() == Stage.COMMIT


def test_the_256th_block_is_the_last(base: SessionDriver) -> None:
    base.chain.mine(base.draw_block() + 255 - base.chain.height)
    base.contract.draw(sender=base.stranger)
    assert base.chain.height == base.draw_block() + 256
    assert base.stage() == Stage.COMMIT


@pytest.mark.parametrize("call", ["draw", "advance"])
def test_a_forgotten_hash_is_drawn_again(base: SessionDriver, call: str) -> None:
    """Who lets 256 blocks pass gets no choice between two draws: the next block is fixed before it is known."""
    base.chain.mine(base.draw_block() + 256 - base.chain.height)
    event = getattr(base.contract, call)(sender=base.stranger).only("DrawPostponed")
    assert event.draw_block == base.draw_block() == base.chain.height + 4
    assert base.stage() == Stage.DRAW
    assert base.draw().only("Drawn").groups == 2


def test_draw_closes_registration_that_is_over(new_session: Factory) -> None:
    session = new_session(8, assignment=1).to(Stage.REGISTER)
    session.register_all(session.listed[:4])
    with reverts("session: nothing to advance"):
        session.contract.draw(sender=session.stranger)
    session.chain.next_at(session.deadline() + 1)
    session.contract.draw(sender=session.stranger)
    assert session.stage() == Stage.DRAW
    assert session.draw().only("Drawn").unseated == 1


def test_greedy_needs_no_draw(new_session: Factory) -> None:
    session = new_session(8).to(Stage.REGISTER)
    session.register_all(session.listed[:4])
    session.chain.next_at(session.deadline() + 1)
    drawn = session.contract.draw(sender=session.stranger).only("Drawn")
    assert (drawn.seed, drawn.groups, drawn.unseated) == (bytes(32), 1, 1)


@pytest.mark.parametrize("stage", [Stage.SETUP, Stage.COMMIT, Stage.UPLOAD, Stage.FINISHED])
def test_nothing_to_draw(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: nothing to draw"):
        session.contract.draw(sender=session.stranger)


def test_who_has_no_seat_cant_commit(base: SessionDriver) -> None:
    base.draw()
    left_out = [a for a in base.listed if not base.member(a).seated]
    assert len(left_out) == 2
    for account in left_out:
        with reverts("session: no seat"):
            base.contract.commit(b"\1" * 32, sender=account)
        base.contract.withdraw(sender=account)
        with reverts("session: nothing to withdraw"):
            base.contract.withdraw(sender=account)


class TestPools:
    """Groups of two, records on; who is marked was blamed before."""

    CONSTANTS = record_constants(decay=0, weight=2, newcomer=0, threshold=2**15)

    def drawn(self, new_session: Factory, listed: int, marked: set[int], rounds: int, blocks: int) -> SessionDriver:
        session = new_session(listed, assignment=1, rounds=rounds, members=2, record_constants=self.CONSTANTS)
        suspects = [session.listed[i] for i in sorted(marked)]
        for some in (suspects[:16], suspects[16:]):
            if some:
                session.market.record(some, (1 << len(some)) - 1, self.CONSTANTS, sender=session.contract.address)
        session.to(Stage.REGISTER)
        session.chain.mine(blocks)
        session.register_all()
        session.close_registration()
        return session

    def check(self, session: SessionDriver, marked: set[int]) -> None:
        joined = [ref.Joined(a, ref.Pool(i in marked)) for i, a in enumerate(session.listed)]
        draw = ref.Draw(joined, session.params.rounds, 2)
        assert [session.member(j.account).pool for j in joined] == [j.pool for j in joined]
        assert session.seats() == draw.seats(session.contract.seed())

    @pytest.mark.parametrize("blocks", range(3))
    @pytest.mark.parametrize("marked", [{0, 3, 5, 6}, {1, 2, 4, 7, 8, 9}, {0, 1, 2}, {11}])
    def test_the_seats_of_two_pools(self, new_session: Factory, marked: set[int], blocks: int) -> None:
        session = self.drawn(new_session, 12, marked, 3, blocks)
        self.check(session, marked)
        seated = {session.listed.index(a) for a in session.seats()}
        if 4 <= len(marked) <= 6:
            assert not seated & marked, "clear members fill all six seats"

    def test_suspects_fill_what_is_left(self, new_session: Factory) -> None:
        marked = {0, 1, 2, 3, 4, 5}
        session = self.drawn(new_session, 10, marked, 4, 0)
        self.check(session, marked)
        assert {6, 7, 8, 9} <= {session.listed.index(a) for a in session.seats()}

    def test_ranks_count_within_a_pool(self, new_session: Factory) -> None:
        session = self.drawn(new_session, 8, {1, 2, 6}, 4, 0)
        assert [session.member(a).rank for a in session.listed] == [0, 0, 1, 1, 2, 3, 2, 4]
