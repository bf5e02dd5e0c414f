"""Histories that chance rarely finds, through the same machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.contracts.harness import Stage, Status
from tests.contracts.harness import reference as ref
from tests.contracts.stateful.attackers import Attacked
from tests.contracts.stateful.machine import BURN, EVERYBODY, FEES, KINDS, NORM, RECORDS, REFUSE, SHUFFLED, Kind
from tests.contracts.stateful.sites import embedded


@pytest.fixture
def machine() -> Iterator[Attacked]:
    bound = type("Bound", (Attacked,), {"site": embedded()})
    machine: Attacked = bound()
    yield machine
    machine.teardown()


def play(machine: Attacked, *steps: Callable[[], None]) -> None:
    for step in steps:
        step()
        machine.money_is_kept()
        machine.it_stands_where_the_twin_stands()
        machine.records_move_by_sessions_of_their_owner_alone()


def to_commit(m: Attacked, together: bool = False) -> None:
    """Everybody registers, and is drawn."""
    m.start()
    m.register(EVERYBODY, together)
    if m.twin.stage == Stage.REGISTER:
        m.chain.sleep(90_000)
        m.move("advance")
    redraw(m)


def redraw(m: Attacked) -> None:
    if m.twin.stage == Stage.DRAW:
        m.mine(4)
        m.move("draw")


@pytest.mark.parametrize("kind", ["greedy", "shuffled", "all or none", "krum", "three", "root", "cohorts"])
@pytest.mark.parametrize("noise", [set(), {0}, {0, 2}, EVERYBODY])
def test_everybody_delivers(machine: Attacked, kind: str, noise: set[int]) -> None:
    m = machine
    m.create(KINDS[kind])
    play(
        m,
        lambda: to_commit(m, together=True),
        lambda: m.commit(set(), noise),
        lambda: m.upload(set()),
        lambda: m.commit(set(), set()),
        lambda: m.aggregate(1),
        lambda: m.settle(0),
        lambda: m.exit(True),
        lambda: m.upload(set()),
        lambda: m.select(1),
        lambda: m.settle(1, 1),
        lambda: m.withdraw(2, True),
        lambda: m.settle(0, 3),
    )
    assert noise or not m.twin.unselected


@pytest.mark.parametrize("missing", [{0}, {0, 3}])
@pytest.mark.parametrize("kind", ["greedy", "three"])
def test_a_failed_group_is_settled_while_others_go_on(machine: Attacked, missing: set[int], kind: str) -> None:
    m = machine
    m.create(KINDS[kind])
    play(
        m,
        lambda: to_commit(m),
        lambda: m.commit(missing, set()),
        lambda: m.settle(0),
        lambda: m.sleep(90_000),
        lambda: m.move("advance"),
        lambda: redraw(m),
        lambda: m.settle(0),
        lambda: m.settle(1),
        lambda: m.settle(2),
        lambda: m.withdraw(1, False),
        lambda: m.upload({2}),
        lambda: m.sleep(90_000),
        lambda: m.move("advance"),
        lambda: m.settle(1),
    )
    assert all(g.failed for g in m.twin.groups) or kind == "three"


@pytest.mark.parametrize("kind", ["greedy", "three", "shuffled"])
@pytest.mark.parametrize("again", ["all commit", "one misses", "one declines"])
def test_the_second_round(machine: Attacked, kind: str, again: str) -> None:
    """Two members of two groups miss; the two others are drawn again, and one of them may miss again."""
    m = machine
    m.create(KINDS[kind])
    to_commit(m)
    firsts = [m.real.listed.index(g.members[0]) for g in m.twin.groups[:2]]
    play(
        m,
        lambda: m.commit(set(firsts), set()),
        lambda: m.sleep(90_000),
        lambda: m.move("advance", 1),
        lambda: m.settle(0),
        lambda: redraw(m),
        lambda: m.settle(1),
    )
    new = m.twin.groups[m.twin.first].members
    index = m.real.listed.index(new[0])
    play(
        m,
        lambda: m.decline(index) if again == "one declines" else None,
        lambda: m.commit({index} if again == "one misses" else set(), set()),
        lambda: m.settle(m.twin.first),
        lambda: m.sleep(90_000) if m.twin.stage == Stage.COMMIT else None,
        lambda: m.move("advance") if m.twin.stage == Stage.COMMIT else None,
        lambda: m.settle(m.twin.first),
        lambda: m.settle(0),
        lambda: m.settle(m.twin.first),
        lambda: m.upload(set()),
        lambda: m.aggregate(0),
        lambda: m.select(0),
        lambda: m.settle(m.twin.first),
    )
    assert m.twin.status(m.twin.first) == (Status.AGGREGATED if again == "all commit" else Status.FAILED)


@pytest.mark.parametrize("who", [0, 1, 2])
@pytest.mark.parametrize("committed", [False, True])
def test_a_group_of_three_is_dissolved(machine: Attacked, who: int, committed: bool) -> None:
    """Whoever declines, the others of its group pay nothing; with those of another group they are drawn again."""
    m = machine
    m.create(Kind(6, NORM | SHUFFLED | FEES | RECORDS | {"members": 3, "reward_wei": 60_003}))
    to_commit(m)
    leaving, *others = (m.twin.groups[0].members * 2)[who : who + 3]
    indices = [m.real.listed.index(a) for a in (leaving, *others)]
    other = m.real.listed.index(m.twin.groups[1].members[0])
    play(
        m,
        lambda: m.commit_one(others[0]) if committed else None,
        lambda: m.decline(indices[0]),
        lambda: m.decline(indices[1]),
        lambda: m.decline(other),
        lambda: m.settle(0),
        lambda: redraw(m),
        lambda: m.settle(0),
        lambda: m.settle(1),
        lambda: m.commit(set(), set()),
        lambda: m.upload(set()),
        lambda: m.aggregate(0),
        lambda: m.select(0),
    )
    assert m.twin.first == 2
    assert len(m.twin.groups) == 3


def test_who_declines_leaves_the_draw_for_good(machine: Attacked) -> None:
    m = machine
    m.create(KINDS["greedy"])
    to_commit(m)
    play(m, lambda: m.decline(0), lambda: m.decline(2), lambda: m.commit(set(), set()))
    assert m.twin.stage == Stage.UPLOAD
    assert m.twin.groups[2].members == [m.real.listed[1], m.real.listed[3]]


@pytest.mark.parametrize("postponed", [0, 1, 2])
def test_a_draw_that_nobody_makes(machine: Attacked, postponed: int) -> None:
    """Grinding: who lets 256 blocks pass gets another hash that nobody knows yet."""
    m = machine
    m.create(KINDS["shuffled"])
    play(m, m.start, lambda: m.register(EVERYBODY), lambda: m.mine(4))
    blocks = set()
    for _ in range(postponed):
        play(m, lambda: m.mine(260), lambda: m.move("draw"))
        blocks.add(m.twin.draw_block)
        assert m.twin.stage == Stage.DRAW
        assert m.twin.draw_block > m.chain.height
    assert len(blocks) == postponed
    redraw(m)
    assert m.twin.stage == Stage.COMMIT


def test_cohorts_come_back_as_they_were(machine: Attacked) -> None:
    m = machine
    m.create(KINDS["cohorts"])
    to_commit(m, together=True)
    assert {tuple(g.members) for g in m.twin.groups} <= {tuple(m.real.listed[:2]), tuple(m.real.listed[2:4])} | {
        tuple(g.members) for g in m.twin.groups if m.cohorts.get(g.members[0]) is None
    }
    assert [j.pool for j in m.twin.joined[:4]] == [ref.Pool.COHORT] * 4


@pytest.mark.parametrize("mode", [REFUSE, BURN])
def test_a_payee_that_refuses_or_burns_keeps_its_credit(machine: Attacked, mode: int) -> None:
    m = machine
    m.create(KINDS["all or none"])
    to_commit(m)
    play(
        m,
        lambda: m.commit(set(), set()),
        lambda: m.upload(set()),
        lambda: m.aggregate(0),
        lambda: m.select(0),
        lambda: m.decoys_behave(mode),
        lambda: m.settle(0),
        lambda: m.settle(1),
        lambda: m.withdraw(0, True),
        lambda: m.withdraw(1, True),
    )
    assert m.twin.credits[m.decoys[0]] > 0


@pytest.mark.parametrize("of_the_owner", [False, True])
@pytest.mark.parametrize("helpers", [False, True])
def test_a_sham_session_changes_only_its_own_pairs(machine: Attacked, of_the_owner: bool, helpers: bool) -> None:
    m = machine
    m.create(KINDS["three"])
    m.start()
    before = dict(m.ledger.suspicions)
    play(m, lambda: m.sham_session(of_the_owner, {0, 1}, helpers))
    changed = {pair for pair, s in m.ledger.suspicions.items() if before.get(pair) != s}
    members = m.real.listed[:4] if helpers else m.site.accounts[40:44]
    owner = m.real.owner if of_the_owner else m.site.accounts.other_owner
    assert changed == {(owner, a) for a in members}
    play(m, lambda: m.frame(0, 0), lambda: m.frame(1, 1))


def test_a_brief_session_ends_by_itself(machine: Attacked) -> None:
    """Windows of a second hold one block: nobody can do all its part, and nobody loses more than that."""
    m = machine
    m.create(KINDS["brief"])
    play(m, m.start, lambda: m.register({0}), lambda: m.sleep(1), lambda: m.move("advance"))
    assert m.twin.stage == Stage.FINISHED
    assert m.twin.owner_total == m.twin.rest + m.twin.locked_for_fees - m.twin.fees_paid
