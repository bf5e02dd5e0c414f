"""Histories with policy `recover` that chance rarely finds, through the same machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contracts.harness import Stage, Status
from tests.contracts.stateful.dealings import Deal
from tests.contracts.stateful.machine import FEES, RECORDS, SHUFFLED
from tests.contracts.stateful.recovering import Recovering
from tests.contracts.stateful.recovery import SharedGroup
from tests.contracts.stateful.sites import embedded

Step = Callable[[Recovering], Any]


@pytest.fixture
def machine() -> Iterator[Recovering]:
    bound = type("Bound", (Recovering,), {"site": embedded()})
    machine: Recovering = bound()
    yield machine
    machine.teardown()


def begin(m: Recovering, members: int, threshold: int, rounds: int = 1, **given: Any) -> None:
    m.create(members=members, more=threshold - 2, rounds=rounds, **{"begin": Stage.SHARE} | given)


def play(m: Recovering, *steps: Step) -> None:
    for step in steps:
        step(m)
        m.money_is_kept()
        m.it_stands_where_the_twin_stands()
        m.records_move_by_sessions_of_their_owner_alone()
        m.groups_are_the_twins()
        m.nobody_is_unmasked()


def group(m: Recovering, index: int = 0) -> SharedGroup:
    found: SharedGroup = m.twin.groups[index]
    return found


def share(missing: set[int] | None = None, cheats: set[int] | None = None, how: Deal = Deal.RIGHT) -> Step:
    return lambda m: m.share(missing or set(), cheats or set(), how)


def upload(missing: set[int] | None = None, partly: bool = False) -> Step:
    return lambda m: m.upload(missing or set(), partly)


def reveal(missing: set[int] | None = None) -> Step:
    return lambda m: m.reveal(missing or set())


def lend(missing: set[int] | None = None) -> Step:
    return lambda m: m.reveal_shares(missing or set())


def part(of: int, late: bool = True) -> Step:
    return lambda m: m.to_its_part(of, late)


def over(m: Recovering) -> None:
    m.its_time_is_over()


def rebuild_all(m: Recovering) -> None:
    m.rebuild_all(public=True)


def redraw(m: Recovering) -> None:
    if m.twin.stage == Stage.DRAW:
        m.go_on(set())


def to_the_end(m: Recovering) -> None:
    m.aggregate()
    m.select()
    for index in range(len(m.twin.groups)):
        m.settle(index)


@pytest.mark.parametrize("chunks", [1, 2])
@pytest.mark.parametrize(("members", "threshold"), [(3, 2), (4, 3), (5, 3)])
@pytest.mark.parametrize("silent", [set(), {1}])
@pytest.mark.parametrize("gone", [set(), {2}])
def test_the_plain_sum_comes_out_whoever_is_gone(
    machine: Recovering, members: int, threshold: int, chunks: int, gone: set[int], silent: set[int]
) -> None:
    """One uploads in part, one delivers and stays away, both pay; as long as T others are left the group is open."""
    begin(machine, members, threshold, chunks=chunks)
    stages = [share(), over, upload(gone, partly=True)]
    secrets = [reveal(silent), rebuild_all, part(2), lend(), rebuild_all]
    play(machine, *stages, *([over] if gone else []), *secrets)
    left = members - len(gone) - len(silent)
    needed = threshold if gone or silent else 0
    assert group(machine).done == (left >= needed)
    play(machine, *([] if group(machine).done else [over]), to_the_end)
    assert (machine.twin.status(0) == Status.AGGREGATED) == (left >= needed)
    for place, account in enumerate(group(machine).members):
        lost = place in gone | silent
        assert (machine.twin.earned[account] < machine.real.params.bond_wei) == lost


@pytest.mark.parametrize("gone", [False, True])
def test_a_dealer_whose_shares_give_another_secret_is_named_and_others_save_the_group(
    machine: Recovering, gone: bool
) -> None:
    """The first other place has shares of other polynomials: with it the dealer is blamed, without it rebuilt."""
    begin(machine, 5, 3, terms=FEES | SHUFFLED | RECORDS)
    dealer = group(machine).members[4]
    index = machine.real.listed.index(dealer)
    away = {index}
    play(
        machine,
        share(cheats=away, how=Deal.UNEVEN),
        over,
        upload(away if gone else None),
        *([over] if gone else []),
        reveal(away),
        part(2),
        lend(),
        lambda m: m.rebuild_one(dealer, pick=0),
    )
    assert group(machine).blamed == 1 << 4
    assert not group(machine).opened >> 4 & 1
    play(
        machine,
        lambda m: m.rebuild_one(dealer, pick=1),
        lambda m: m.rebuild_one(dealer, pick=3),
        lambda m: m.rebuild_one(dealer, pick=2),
        to_the_end,
    )
    assert machine.twin.status(0) == Status.AGGREGATED
    assert machine.twin.earned[dealer] == (0 if gone else machine.twin.seat_share)


@pytest.mark.parametrize("lenders", [0, 1, 4])
def test_a_group_that_nobody_can_save_pays_who_lent_its_shares(machine: Recovering, lenders: int) -> None:
    begin(machine, 5, 2)
    away = machine.real.listed.index(group(machine).members[0])
    others = {machine.real.listed.index(a) for a in group(machine).members[1 + lenders :]}
    play(
        machine,
        share(cheats={away}, how=Deal.FOREIGN),
        over,
        upload(),
        reveal({away}),
        part(2),
        lend({away} | others),
        rebuild_all,
        over,
        lambda m: m.settle(0),
    )
    failed, bond = group(machine), machine.real.params.bond_wei
    assert (failed.failed_at, failed.blamed) == (Stage.REVEAL, int(lenders >= 2))
    earned = [machine.twin.earned[a] for a in failed.members]
    assert sum(earned) == 5 * bond
    assert [wei > bond for wei in earned] == [False, *(place < lenders for place in range(4))]


@pytest.mark.parametrize("absent", [False, True])
def test_an_objection_keeps_both_sides_out_and_spares_nobody_who_missed(machine: Recovering, absent: bool) -> None:
    """Two groups of five: one objects in each, the other six are drawn again, once."""
    begin(machine, 5, 2, rounds=2, terms=FEES | RECORDS)
    late = machine.real.listed.index(group(machine).members[2])
    play(
        machine,
        share({late} if absent else None),
        *([over] if absent else []),
        lambda m: m.break_up(0),
        over,
        lambda m: m.settle(0),
        lambda m: m.settle(1),
    )
    again = set(group(machine, 2).members)
    for index in (0, 1):
        assert group(machine, index).objected == 0b11
        assert not again & set(group(machine, index).members[:2])
    assert len(again & set(group(machine).members)) == (2 if absent else 3)
    account = machine.real.listed[late]
    assert machine.twin.earned.get(account, 0) == 0
    play(machine, share(), over, upload(), reveal(), to_the_end)
    assert machine.twin.status(2) == Status.AGGREGATED


@pytest.mark.parametrize("late", ["share", "decline", "object"])
def test_a_group_of_the_first_round_is_left_alone_in_the_second(machine: Recovering, late: str) -> None:
    """Two groups dissolve; the third, in which one hasn't shared, goes on as it is while others are drawn again."""
    begin(machine, 4, 2, rounds=3)
    leaving = [group(machine, index).members[0] for index in (1, 2)]
    a, b, *_, absent = group(machine).members
    left_out = {machine.real.listed.index(account) for account in (absent, *leaving)}
    play(
        machine,
        share(left_out),
        lambda m: [m.does("decline", account) for account in leaving],
        over,
        over,
        lambda m: m.does("decline", absent) if late == "decline" else None,
        lambda m: m.share_one(absent) if late == "share" else None,
        share(left_out),
        lambda m: m.does("object", a, machine.twin.seats[b][1]) if late == "object" else None,
        over,
        upload(),
        reveal(),
        to_the_end,
    )
    assert [g.aggregated for g in machine.twin.groups] == [True, False, False, True]
    assert group(machine).committed == 0b0111


@pytest.mark.parametrize("terms", [FEES, FEES | SHUFFLED])
def test_who_is_drawn_again_deals_anew_under_the_same_key(machine: Recovering, terms: dict[str, int]) -> None:
    begin(machine, 3, 2, rounds=3, terms=terms)
    play(machine, lambda m: m.break_up(1), over, redraw)
    assert len(machine.twin.groups) == 5
    roots = dict(machine.twin.roots)
    play(machine, share({0}), over)
    if machine.twin.stage == Stage.SHARE:
        play(machine, over)
    assert all(machine.twin.roots[a] != root for a, root in roots.items())
    play(machine, upload(), reveal(), to_the_end)
    assert any(g.second and g.aggregated for g in machine.twin.groups)


def test_the_parts_of_the_window(machine: Recovering) -> None:
    """Own secrets in the first half, shares of others in the third quarter, whatever T holders know until the end."""
    begin(machine, 4, 2)
    a, b, c, d = group(machine).members
    play(machine, share(), over, upload({3}), over, reveal({1, 2, 3}))
    play(machine, lambda m: m.rebuild_one(b), part(2, late=False), lambda m: m.reveal_one(b))
    assert group(machine).revealed == 0b0011
    play(machine, lambda m: m.lend_one(a), lambda m: m.reveal_one(c))
    assert (group(machine).revealed, group(machine).lent) == (0b0011, 0b0001)
    play(machine, lambda m: m.lend_one(a), part(4, late=False), lambda m: m.lend_one(b))
    assert group(machine).lent == 0b0011
    play(machine, lambda m: m.lend_one(b), lambda m: m.rebuild_one(d))
    assert (group(machine).opened, machine.twin.stage) == (0b1011, Stage.REVEAL)
    play(machine, lambda m: m.to_the_last_second(), lambda m: m.rebuild_one(c), to_the_end)
    assert machine.twin.status(0) == Status.AGGREGATED


@pytest.mark.parametrize("silent", [False, True])
def test_a_copied_dealing_opens_with_what_its_owner_makes_known(machine: Recovering, silent: bool) -> None:
    """Who copies another's points can reveal only what that one has revealed, and nothing stands in for it."""
    begin(machine, 4, 2)
    copier = group(machine).members[0]
    index = machine.real.listed.index(copier)
    owner = machine.real.listed.index(group(machine).members[1])
    play(
        machine,
        share({index}),
        lambda m: m.share_one(copier, Deal.COPIED),
        over,
        upload(),
        reveal({owner}),
    )
    assert not group(machine).revealed & 1
    play(machine, *([] if silent else [reveal(), reveal()]), part(2), lend(), rebuild_all)
    assert group(machine).done == (not silent)


@pytest.mark.parametrize("how", [Deal.ROOTLESS, Deal.CUT, Deal.UNREADABLE])
@pytest.mark.parametrize("gone", [False, True])
def test_what_nobody_objected_to_may_cost_the_holder(machine: Recovering, how: Deal, gone: bool) -> None:
    """Who hasn't got its share of a dealer that is gone can't do its part: it should have objected."""
    begin(machine, 4, 2)
    away = {machine.real.listed.index(group(machine).members[3])}
    play(machine, share(cheats=away, how=how), over, upload(away if gone else None), *([over] if gone else []))
    play(machine, reveal(away), rebuild_all, part(2), lend(), rebuild_all)
    expected = 0b0110 if how == Deal.UNREADABLE else 0
    assert (group(machine).revealed if gone else group(machine).lent) == expected
    assert group(machine).done == (how == Deal.UNREADABLE)


def test_krum_compares_means_of_groups_of_different_size(machine: Recovering) -> None:
    begin(machine, 3, 2, rounds=4)
    gone = {machine.real.listed.index(group(machine, i).members[i]) for i in (0, 2)}
    play(machine, share(), over, upload(gone), over, reveal(), rebuild_all, to_the_end)
    assert [g.size for g in machine.twin.groups] == [2, 3, 2, 3]
    assert sum(g.accepted for g in machine.twin.groups) == 1


@pytest.mark.parametrize("step", [2, 3])
def test_norm_counts_who_has_delivered(machine: Recovering, step: int) -> None:
    """4 N^2 G <= u^2 d Q^2 with N = 3, u = 2, Q = 7: a sum of 2 in every lane passes, one of 3 would with u = N."""
    begin(machine, 3, 2)
    gone = machine.real.listed.index(group(machine).members[1])
    a, _, c = group(machine).members
    machine.real.vectors |= {a: [step - 1] * 6, c: [1] * 6}
    play(machine, share(), over, upload({gone}), over, reveal(), rebuild_all, to_the_end)
    assert group(machine).total == [step] * 6
    assert group(machine).accepted == (step == 2)
