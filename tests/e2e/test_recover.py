"""Policy `recover`: members drop out at any step, and the exact sum of those who delivered comes out all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from omnilytics.chain.contract import ContractSession
from omnilytics.codec import MaskedInput
from omnilytics.errors import Reverted
from omnilytics.experiments.arena.attacks import Lanes, Scale
from omnilytics.experiments.arena.ring import Lone
from omnilytics.protocol import events
from omnilytics.protocol.company import Dropouts, Step
from omnilytics.protocol.member import Behaviour, Policy, Upload
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.protocol.session import Outcome
from omnilytics.protocol.terms import Terms
from omnilytics.types import Assignment, DropoutPolicy, Encoding, KrumPicks, Receipt, Rule
from tests.e2e.market import CLIP, SEEDS, D, Fair

ABORT = Terms(
    reward_wei=10**18 + 1,
    rounds=3,
    group_size=4,
    min_rounds=1,
    colluders=1,
    assignment=Assignment.GREEDY,
    rule=Rule.NORM,
)
TERMS = replace(ABORT, policy=DropoutPolicy.RECOVER)
BOND = TERMS.params(D, CLIP).bond_wei
SHARE = TERMS.reward_wei // 12


def gone(**steps: Step) -> Dropouts:
    """`m3=Step.UPLOAD`: the member in seat 3 is gone before it uploads; seats over all groups, from 0."""

    def among(seats):  # type: ignore[no-untyped-def]
        seated = [account for group in seats.groups for account in group]
        return {seated[int(name[1:])]: step for name, step in steps.items()}

    return among


def statuses(fair: Fair, status: str) -> list[int]:
    """Numbers of the data owners that had a status, in order of time."""
    changes = [e for e in fair.of(events.MemberChanged) if isinstance(e, events.MemberChanged)]
    return [fair.members.index(e.member) for e in changes if e.status == status]  # type: ignore[arg-type]


def credits(fair: Fair) -> Mapping[int, int]:
    """By number, what each took out beside its fees, wei."""
    return {
        fair.members.index(e.member): e.credit_wei  # type: ignore[attr-defined]
        for e in fair.of(events.MemberChanged)
        if e.status in ("paid", "refunded")  # type: ignore[attr-defined]
    }


def check_sums(fair: Fair, outcome: Outcome, missing: set[int]) -> None:
    """Every live group's aggregate is the plain sum of its members but the missing ones."""
    ledger, chunks = fair.ledger(), fair.sessions[0].params().chunks
    for group, members in enumerate(outcome.groups):
        if group not in outcome.failed:
            counted = [m for m in members if fair.members.index(m) not in missing]
            assert ledger.aggregate(group, chunks) == fair.plain_sum(counted)


def test_with_nobody_gone_the_sums_are_those_of_abort() -> None:
    fairs = [Fair(12), Fair(12)]
    outcomes = [fair.run(terms) for fair, terms in zip(fairs, (ABORT, TERMS), strict=True)]
    assert outcomes[0].accepted == outcomes[1].accepted == (0, 1, 2)
    ledgers = [fair.ledger() for fair in fairs]
    assert ledgers[0].aggregates == ledgers[1].aggregates
    assert np.array_equal(*(outcome.update for outcome in outcomes))  # type: ignore[arg-type]
    assert outcomes[0].paid_wei == outcomes[1].paid_wei == 12 * SHARE
    assert ledgers[0].uploads != ledgers[1].uploads
    checks = fairs[1].verify().checks
    assert checks["revealed self masks"] == checks["points that give their root"] == 12
    assert checks["seeds of masks"] == 3


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("place", [0, 3])
def test_one_of_a_group_is_gone(step: Step, place: int) -> None:
    fair = Fair(12)
    outcome = fair.run(TERMS, dropouts=gone(**{f"m{4 + place}": step}))
    assert (outcome.failed, outcome.accepted) == ((), (0, 1, 2))
    counted = step > Step.UPLOAD
    assert outcome.counts == (4, 3 + counted, 4)
    check_sums(fair, outcome, set() if counted else {4 + place})
    others = sorted({4, 5, 6, 7} - {4 + place})
    got = credits(fair)
    if step is Step.LEND:
        assert set(got.values()) == {BOND + SHARE}
    else:
        each, rest = divmod(BOND, 3)
        assert [got[i] - BOND - SHARE - each for i in others] == [1] * rest + [0] * (3 - rest)
        assert got.get(4 + place, 0) == (SHARE if counted else 0)
    assert outcome.paid_wei == (12 - (not counted)) * SHARE
    missed = [] if step is Step.LEND else [4 + place]
    assert statuses(fair, "missed") == missed
    assert statuses(fair, "rebuilt") == ([4 + place] if step in (Step.UPLOAD, Step.REVEAL) else [])
    assert [(e.step, e.group, e.left) for e in fair.of(events.StepMissed)] == [  # type: ignore[attr-defined]
        (step.name.lower(), 1, 3) for _ in missed
    ]
    fair.verify()


def test_one_of_every_group_is_gone_at_a_step_of_its_own() -> None:
    fair = Fair(12)
    outcome = fair.run(TERMS, dropouts=gone(m1=Step.SHARE, m6=Step.UPLOAD, m8=Step.REVEAL))
    assert (outcome.failed, outcome.counts) == ((), (3, 3, 4))
    check_sums(fair, outcome, {1, 6})
    assert dict(outcome.dropped) == {
        fair.members[1]: Step.SHARE,
        fair.members[6]: Step.UPLOAD,
        fair.members[8]: Step.REVEAL,
    }
    assert fair.verify().checks["secrets equal to what T shares give"] == 2


def test_a_large_group_loses_some_at_every_step() -> None:
    terms = replace(TERMS, rounds=1, group_size=9, colluders=None)
    fair = Fair(9)
    dropouts = gone(m0=Step.UPLOAD, m4=Step.REVEAL)
    assert terms.least_members == 7
    outcome = fair.run(terms, dropouts=gone(m8=Step.SHARE, m0=Step.UPLOAD))
    assert outcome.counts == (7,)
    check_sums(fair, outcome, {8, 0})
    fair = Fair(9)
    outcome = fair.run(terms, dropouts=dropouts)
    assert outcome.counts == (8,)
    check_sums(fair, outcome, {0})
    assert len(statuses(fair, "lent")) == 7
    fair.verify()


@pytest.mark.parametrize(("step", "stage"), [(Step.SHARE, "share"), (Step.UPLOAD, "upload"), (Step.REVEAL, "reveal")])
def test_with_fewer_than_t_a_group_is_lost(step: Step, stage: str) -> None:
    fair = Fair(12)
    outcome = fair.run(TERMS, dropouts=gone(m4=step, m5=step))
    assert (outcome.failed, outcome.accepted, outcome.counts) == ((1,), (0, 2), (4, 0, 4))
    assert outcome.paid_wei == 8 * SHARE
    got = credits(fair)
    assert (got[6], got[7]) == (2 * BOND, 2 * BOND)
    assert {4, 5}.isdisjoint(got)
    assert {e.step for e in fair.of(events.StepMissed)} == {stage}  # type: ignore[attr-defined]
    fair.verify()


def test_t_of_n_is_enough_and_one_fewer_is_not() -> None:
    """Three of four go on whatever the mix of steps; who is missing at two of them is too many."""
    for other in (Step.SHARE, Step.UPLOAD):
        fair = Fair(4)
        outcome = fair.run(replace(TERMS, rounds=1), dropouts=gone(m0=other, m2=Step.REVEAL))
        assert (outcome.failed, outcome.update) == ((0,), None)
        assert statuses(fair, "missed") == [0, 2]
        fair.verify()


def test_survivors_of_lost_groups_share_anew() -> None:
    fair = Fair(12)
    outcome = fair.run(TERMS, dropouts=gone(m0=Step.SHARE, m1=Step.SHARE, m4=Step.SHARE, m5=Step.SHARE))
    m = fair.members
    assert outcome.groups[3] == (m[2], m[3], m[6], m[7])
    assert (outcome.failed, outcome.accepted) == ((0, 1), (2, 3))
    assert fair.ledger().aggregate(3, 1) == fair.plain_sum(outcome.groups[3])
    dealings = fair.ledger().sharing
    assert dealings[0].dealings[2].points != dealings[3].dealings[0].points
    assert fair.verify().checks["groups of the second round"] == 1


def test_a_seat_of_the_second_round_may_be_empty_too() -> None:
    fair = Fair(12)
    dropouts = gone(m0=Step.SHARE, m1=Step.SHARE, m4=Step.SHARE, m5=Step.SHARE, m7=Step.UPLOAD)
    outcome = fair.run(TERMS, dropouts=dropouts)
    assert (outcome.failed, outcome.counts) == ((0, 1), (0, 0, 4, 3))
    assert fair.ledger().aggregate(3, 1) == fair.plain_sum(outcome.groups[3][:3])
    fair.verify()


def spoil(patch: pytest.MonkeyPatch, bad: Mapping[str, int]) -> None:
    """Lets accounts flip a byte of what they seal for the place given with them."""
    honest = ContractSession.share

    def share(self: ContractSession, sender: str, root: bytes, points: bytes, sealed: bytes) -> Receipt:
        if sender in bad:
            at = 112 * bad[sender] + 60
            sealed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        return honest(self, sender, root, points, sealed)  # type: ignore[arg-type]

    patch.setattr(ContractSession, "share", share)


def test_bad_shares_are_objected_to_before_anybody_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    fair = Fair(12)
    m = fair.members
    spoil(monkeypatch, {m[1]: 1, m[4]: 0})
    outcome = fair.run(TERMS)
    assert (outcome.failed, outcome.accepted) == ((0, 1), (2, 3))
    assert outcome.groups[3] == (m[0], m[3], m[6], m[7])
    objections = fair.of(events.Objected)
    assert [(e.member, e.accused, e.group) for e in objections] == [(m[2], m[1], 0), (m[5], m[4], 1)]  # type: ignore[attr-defined]
    assert all(e.reason for e in objections)  # type: ignore[attr-defined]
    assert {number for number, wei in credits(fair).items() if wei == BOND} == {1, 2, 4, 5}
    records = {e.member: e.suspicion for e in fair.of(events.RecordChanged)}  # type: ignore[attr-defined]
    assert [records[m[i]] for i in (1, 2, 4, 5)] == [28_672] * 4
    checks = fair.verify().checks
    assert checks["two who have shared"] == 2


def test_who_is_absent_from_an_objected_group_loses_its_bond(monkeypatch: pytest.MonkeyPatch) -> None:
    fair = Fair(12)
    spoil(monkeypatch, {fair.members[1]: 1})
    outcome = fair.run(TERMS, dropouts=gone(m0=Step.SHARE))
    assert outcome.failed == (0,)
    got = credits(fair)
    assert sum(got[i] for i in (1, 2, 3)) == 4 * BOND
    assert 0 not in got
    fair.verify()


def test_who_declines_dissolves_its_group_before_it_shares() -> None:
    m = Fair(12).members
    known = Policy(known_accounts=frozenset({*m[1:4], *m[4:12]}), min_known_peers=3, accept_near_repeats=True)
    fair = Fair(12, policy=known)
    outcome = fair.run(TERMS)
    assert (outcome.failed, outcome.accepted) == ((0,), (1, 2))
    (declined,) = fair.of(events.Declined)
    assert declined.member == m[1]  # type: ignore[attr-defined]
    fair.verify()


def test_a_member_that_masks_nothing_misses_the_upload() -> None:
    class Silent(Behaviour):
        def masked_input(self, upload: Upload) -> MaskedInput | None:
            return None

    fair = Fair(12, behaviours={5: Silent()})
    outcome = fair.run(TERMS)
    assert (outcome.failed, outcome.counts) == ((), (4, 3, 4))
    check_sums(fair, outcome, {5})


@pytest.mark.parametrize("attacker", [Lone(Lanes(), np.random.default_rng(1)), Lone(Scale(), np.random.default_rng(1))])
def test_an_attacked_group_is_refused(attacker: Lone) -> None:
    fair = Fair(12, behaviours={5: attacker})
    outcome = fair.run(TERMS, dropouts=gone(m6=Step.UPLOAD))
    assert (outcome.rejected, outcome.accepted) == ((1,), (0, 2))
    assert outcome.burnt_wei == 3 * SHARE
    fair.verify()


@pytest.mark.parametrize(
    "change",
    [
        {"assignment": Assignment.SHUFFLED},
        {"chunk_words": 8, "bound": 127},
        {"rule": Rule.KRUM, "krum_m": 1, "krum_mu_bps": 0, "rounds": 4, "krum_m_rule": KrumPicks.PAPER},
        {"rule": Rule.KRUM, "krum_mu_bps": 0, "rounds": 4, "encoding": Encoding.WEIGHTS, "chunk_words": 8},
        {"fee_cap_wei": 0},
        {"records": None},
        {"group_size": 3, "rounds": 4, "unsafe_small": True, "threshold": 2},
    ],
    ids=["shuffled", "chunks", "krum", "krum weights", "no fees", "no records", "two of three"],
)
def test_every_way_of_running_a_session(change: dict[str, object]) -> None:
    terms = replace(TERMS, **change)  # type: ignore[arg-type]
    fair = Fair(terms.rounds * terms.group_size, policy=Policy(accept_near_repeats=True, accept_unsafe_small=True))
    outcome = fair.run(terms, dropouts=gone(m0=Step.UPLOAD, m4=Step.REVEAL, m8=Step.SHARE))
    assert outcome.failed == ()
    assert sorted(outcome.counts)[:2] == [terms.group_size - 1] * 2
    assert outcome.update is not None
    assert len(fair.of(events.GroupScored)) == terms.rounds
    fair.verify()


def test_the_same_seed_gives_the_same_run() -> None:
    runs = [Fair(12), Fair(12)]
    for fair in runs:
        fair.run(TERMS, dropouts=gone(m0=Step.UPLOAD, m4=Step.REVEAL))
    assert runs[0].events == runs[1].events
    assert runs[0].records == runs[1].records


def test_what_groups_look_like_to_those_who_come_back() -> None:
    """Who delivered is what a sum was of: the next group must not differ from that in one member."""
    fair = Fair(12, policy=Policy())
    fair.run(TERMS, dropouts=gone(m0=Step.UPLOAD))
    fair.run(TERMS)
    declined = [e for e in fair.of(events.Declined) if e.session == 2]
    assert [e.group for e in declined] == [0]  # type: ignore[attr-defined]


def test_who_did_not_deliver_does_not_come_back_with_its_group() -> None:
    """Not as a cohort: the others of it can, it can't, so the cohort is incomplete."""
    shuffled = replace(TERMS, assignment=Assignment.SHUFFLED)
    fair = Fair(12)
    outcome = fair.run(shuffled, dropouts=gone(m0=Step.UPLOAD))
    missing, *others = (fair.members.index(account) for account in outcome.groups[0])
    cohort = int(fair.sessions[0].address, 16) << 8
    session = fair.open(shuffled)
    for index in others:
        fair.roles[index].register(session, SeededRandomness(SEEDS, index, 2), cohort=cohort)
    with pytest.raises(Reverted, match="not of the cohort"):
        fair.roles[missing].register(session, SeededRandomness(SEEDS, missing, 2), cohort=cohort)
    assert session.registered_count() == 3
