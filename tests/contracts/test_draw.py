"""draw(): seats from a block hash that nobody knows when registration closes (E14, docs/PROTOCOL.md section 6.1)."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness import reference as ref
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
    for index, account in enumerate(base.listed):
        place, member = ref.permute(seed, index, 8), base.member(account)
        if place < 6:
            assert (member.seated, member.group, member.place) == (True, place // 3, place % 3)
        else:
            assert not member.seated
            assert base.credit_of(account) == base.params.bond_wei


def test_another_block_is_another_draw(base: SessionDriver) -> None:
    seeds = {ref.draw_seed(base.chain.block_hash(base.draw_block() + i), base.contract.address) for i in range(8)}
    assert len({tuple(ref.permute(s, i, 8) for i in range(8)) for s in seeds}) > 1


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
