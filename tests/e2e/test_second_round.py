"""Groups that fail before anybody uploads: survivors are drawn again, once, and mask the same integers anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omnilytics.codec import Codec, GroupContext, MaskedInput
from omnilytics.protocol import events
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import Behaviour, Honest, Upload
from omnilytics.protocol.randomness import SystemRandomness
from omnilytics.protocol.session import SessionDriver
from omnilytics.protocol.terms import Terms
from omnilytics.types import Assignment, Rule
from tests.e2e.market import CLIP, D, Fair, steps

TERMS = Terms(reward_wei=10**18 + 1, rounds=4, min_rounds=1, group_size=3, rule=Rule.NORM)
GREEDY = replace(TERMS, assignment=Assignment.GREEDY)


class Absent(Behaviour):
    """Registers and is never heard of again."""

    def masked_input(self, upload: Upload) -> MaskedInput | None:
        return None


class Watched(Honest):
    """Honest, and remembers what it masked."""

    def __init__(self) -> None:
        self.uploads: list[Upload] = []
        self.inputs: list[MaskedInput] = []

    def masked_input(self, upload: Upload) -> MaskedInput:
        masked = super().masked_input(upload)
        self.uploads.append(upload)
        self.inputs.append(masked)
        return masked


def test_survivors_of_two_groups_make_a_new_one() -> None:
    fair = Fair(12, behaviours={0: Absent(), 4: Absent()})
    m = fair.members
    outcome = fair.run(GREEDY)
    assert outcome.groups == (*(tuple(m[i : i + 3]) for i in (0, 3, 6, 9)), (m[1], m[2], m[3]))
    assert (outcome.failed, outcome.accepted) == ((0, 1), (2, 3, 4))
    assert outcome.paid_wei == 9 * (TERMS.reward_wei // 12)
    assert fair.of(events.Redrawn) == [events.Redrawn(1, 4, 1, 1)]
    checks = fair.verify().checks
    assert checks["groups of the second round"] == checks["survivors without a seat"] == 1
    assert checks["a second round where it is due"] == 1


def test_lost_bonds_follow_those_who_are_drawn_again() -> None:
    fair = Fair(12, behaviours={0: Absent(), 4: Absent()})
    fair.run(GREEDY)
    bond, share = GREEDY.params(D, CLIP).bond_wei, TERMS.reward_wei // 12
    got = {e.member: e.credit_wei for e in fair.of(events.MemberChanged) if e.status in ("paid", "refunded")}
    m = fair.members
    half = bond // 2
    assert got[m[1]] == bond + share + bond - half
    assert (got[m[2]], got[m[3]]) == (bond + share + half, bond + share + bond - half)
    assert got[m[5]] == bond + half
    assert {m[0], m[4]}.isdisjoint(got)
    assert got[m[7]] == bond + share
    missed = [e.member for e in fair.of(events.MemberChanged) if e.status == "missed"]
    assert missed == [m[0], m[4]]


def test_a_draw_of_its_own_seats_them() -> None:
    fair = Fair(15, behaviours={i: Absent() for i in (2, 9, 13)})
    outcome = fair.run(replace(TERMS, rounds=5))
    checks = fair.verify().checks
    session = fair.sessions[0]
    if len(outcome.failed) > 1:
        assert any(session.second_seed())
        assert checks["second draw after the first round"] == 1
    fresh = outcome.groups[session.first_groups() :]
    assert all(group in outcome.groups for group in fresh)
    assert {a for g in fresh for a in g} <= {a for f in outcome.failed for a in outcome.groups[f]}
    for group, members in enumerate(fresh, session.first_groups()):
        views = [session.member(member) for member in members]
        assert [(v.group, v.place) for v in views] == [(group, place) for place in range(3)]


def test_no_second_round_for_fewer_than_a_group() -> None:
    fair = Fair(12, behaviours={0: Absent()})
    outcome = fair.run(GREEDY)
    assert len(outcome.groups) == 4
    assert (outcome.failed, fair.of(events.Redrawn)) == ((0,), [])
    assert fair.sessions[0].second_seed() == bytes(32)


class Once(Honest):
    """Commits in the first round alone."""

    def __init__(self) -> None:
        self.left = 1

    def masked_input(self, upload: Upload) -> MaskedInput | None:  # type: ignore[override]
        self.left -= 1
        return super().masked_input(upload) if self.left >= 0 else None


@pytest.mark.parametrize("keen", [{1, 2, 4, 5}, {1, 2, 4, 5, 7, 8, 10, 11}])
def test_groups_that_fail_twice_are_settled(keen: set[int]) -> None:
    fair = Fair(12, behaviours={i: Once() if i in keen else Absent() for i in range(12)})
    outcome = fair.run(GREEDY)
    assert len(outcome.failed) == len(outcome.groups) == 4 + len(keen) // 3
    assert (outcome.accepted, outcome.unselected, outcome.paid_wei) == ((), False, 0)
    fair.verify()


def run_watched(fair: Fair, seeded: bool) -> list[Watched]:
    watched = [fair.behaviours[i] for i in (1, 2, 3)]
    if seeded:
        fair.run(GREEDY)
    else:
        session = fair.open(GREEDY)
        driver = SessionDriver(fair.world.chain, session, fair.owner, fair.roles, fair.events.append, 1)
        driver.run(np.zeros(D, dtype=np.float32), steps, lambda i: SystemRandomness())
    return watched  # type: ignore[return-value]


@pytest.mark.parametrize("seeded", [True, False])
def test_the_same_integers_are_masked_anew(seeded: bool) -> None:
    """Never two plaintexts under one key for the same peers, and no words that were masked for others."""
    fair = Fair(12, behaviours={0: Absent(), 4: Absent(), **{i: Watched() for i in (1, 2, 3)}})
    watched = run_watched(fair, seeded)
    codec = Codec(GREEDY.params(D, CLIP))
    ledger = Ledger.read(log for _, log in fair.world.chain.logs(fair.sessions[0].address))
    for place, one in enumerate(watched):
        first, second = one.uploads
        assert first.key is second.key
        assert first.rounding_seed == second.rounding_seed
        assert np.array_equal(first.weights, second.weights)
        contexts: set[GroupContext] = {first.context, second.context}
        assert len(contexts) == 2
        assert (second.context.group, second.context.place) == (4, place)
        assert one.inputs[0].root != one.inputs[1].root
        assert ledger.uploads[4, 0][place] == one.inputs[1].words
    plain = [codec.encode_plain(u.weights, u.published, u.rounding_seed).words for u in (w.uploads[1] for w in watched)]
    assert codec.sum(plain) == ledger.aggregate(4, codec.chunks)


def test_other_weights_the_second_time_are_passed_over() -> None:
    fair = Fair(12, behaviours={0: Absent(), 4: Absent(), 1: Watched()})
    calls = []

    def fickle(indices, published):  # type: ignore[no-untyped-def]
        calls.append(list(indices))
        return [w + np.float32(len(calls)) for w in steps(indices, published)]

    session = fair.open(GREEDY)
    driver = SessionDriver(fair.world.chain, session, fair.owner, fair.roles, fair.events.append, 1)
    driver.run(np.zeros(D, dtype=np.float32), fickle, lambda i: SystemRandomness())
    first, second = fair.behaviours[1].uploads  # type: ignore[attr-defined]
    assert np.array_equal(first.weights, second.weights)
    assert calls[0] == list(range(12))
