"""Members look at their group before they commit, and decline one that could be turned against them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from omnilytics.errors import Reverted
from omnilytics.protocol import events
from omnilytics.protocol.member import Policy
from omnilytics.protocol.past import PastGroups
from omnilytics.protocol.terms import Terms
from omnilytics.types import Address, Assignment, Rule, member_fees_wei
from tests.e2e.market import CLIP, D, Fair

TERMS = Terms(reward_wei=10**18, rounds=4, min_rounds=1, group_size=3, rule=Rule.NORM)
GREEDY = replace(TERMS, assignment=Assignment.GREEDY)
A, B, C, E, F = (Address(f"0x{i:040x}") for i in range(1, 6))


def test_strangers_are_declined() -> None:
    fair = Fair(12)
    m = fair.members
    known = Policy(known_accounts=frozenset(m[:9]), min_known_peers=2)
    fair = Fair(12, policy=known)
    outcome = fair.run(GREEDY)
    assert (outcome.failed, outcome.accepted) == ((3,), (0, 1, 2))
    (declined,) = fair.of(events.Declined)
    params = GREEDY.params(D, CLIP)
    price = min(params.bond_wei, member_fees_wei(params))
    assert (declined.member, declined.group, declined.place, declined.paid_wei) == (m[9], 3, 0, price)
    assert declined.reason == "expected at least 2 known accounts in the group, got 0"
    got = {e.member: e.credit_wei for e in fair.of(events.MemberChanged) if e.status == "refunded"}
    assert got == {m[10]: params.bond_wei + price - price // 2, m[11]: params.bond_wei + price // 2}
    records = {e.member: e.suspicion for e in fair.of(events.RecordChanged)}
    assert records[m[9]] == 28_672
    assert {m[10], m[11]}.isdisjoint(records)
    assert fair.verify().checks["price of leaving"] == 1


def test_known_ones_are_not() -> None:
    known = Policy(known_accounts=frozenset(Fair(12).members), min_known_peers=2)
    assert Fair(12, policy=known).run(GREEDY).failed == ()


def test_others_of_a_declined_group_are_drawn_again() -> None:
    m = Fair(12).members
    fair = Fair(12, policy=Policy(known_accounts=frozenset({*m[:2], *m[3:5], *m[6:12]}), min_known_peers=2))
    outcome = fair.run(GREEDY)
    assert outcome.groups[4] == (m[1], m[2], m[4])
    assert [(e.member, e.group) for e in fair.of(events.Declined)] == [(m[0], 0), (m[3], 1), (m[1], 4)]
    assert (outcome.failed, outcome.accepted) == ((0, 1, 4), (2, 3))
    assert fair.verify().checks["price of leaving"] == 3


def test_a_group_that_differs_in_one_member_is_declined() -> None:
    fair = Fair(12, policy=Policy())
    for order in ([*range(12)], [0, 1, 3, 2, 4, 5, *range(6, 12)]):
        fair.run(GREEDY, who=order)
    m = fair.members
    assert [(e.member, e.group) for e in fair.of(events.Declined)] == [(m[0], 0), (m[4], 1), (m[1], 4)]
    assert {e.session for e in fair.of(events.Declined)} == {2}
    assert "a single member" in fair.of(events.Declined)[0].reason
    fair.verify()


def test_the_same_group_again_is_not() -> None:
    fair = Fair(12, policy=Policy())
    for _ in range(2):
        assert fair.run(GREEDY).failed == ()


def test_over_sessions_no_two_sums_differ_in_one_member() -> None:
    fair = Fair(12, policy=Policy())
    sums = []
    for _ in range(6):
        outcome = fair.run(TERMS)
        sums += [set(outcome.groups[g]) for g in outcome.accepted + outcome.rejected]
    assert fair.of(events.Declined)
    assert all(len(one - other) != 1 for one, other in combinations(sums, 2))


def test_who_has_committed_stays() -> None:
    fair = Fair(3)
    session = fair.open(replace(GREEDY, rounds=1))
    with pytest.raises(Reverted, match="wrong stage"):
        session.decline(fair.members[0])


@pytest.mark.parametrize(
    ("past", "group", "near"),
    [
        ((A, B, C), (A, B, C), False),
        ((A, B, C), (C, A, B), False),
        ((A, B, C), (A, B, E), True),
        ((A, B, C), (A, E, F), False),
        ((A, B, C), (A, B), True),
        ((A, B), (A, B, C), True),
        ((A, B), (C, E), False),
    ],
)
def test_near_repeats(past: tuple[Address, ...], group: tuple[Address, ...], near: bool) -> None:
    groups = PastGroups()
    assert not groups.near_repeat(F, group)
    groups.add(F, past)
    assert groups.near_repeat(F, group) == near
    assert not groups.near_repeat(E, group)


def test_past_groups_go_from_one_client_to_the_next() -> None:
    past = PastGroups()
    past.add(F, (A, B, C))
    policy = Policy()
    assert policy.objection(A, F, (A, B, E), past) is not None
    assert policy.objection(A, F, (A, B, E), PastGroups()) is None
    assert Policy(accept_near_repeats=True).objection(A, F, (A, B, E), past) is None
