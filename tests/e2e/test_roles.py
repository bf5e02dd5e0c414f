"""Roles that follow the chain by themselves come to the same end as one process that drives them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from omnilytics.codec import MaskedInput
from omnilytics.errors import ProtocolError, Reverted
from omnilytics.protocol import blob_proofs
from omnilytics.protocol.blob_proofs import Shape
from omnilytics.protocol.member import Behaviour, DataOwner, Policy, Upload
from omnilytics.protocol.member_role import MemberRole
from omnilytics.protocol.past import past_groups
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.protocol.steps import Acted, Done, step
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, Assignment, KrumPicks, Mode, Rule, Stage
from tests.e2e.market import SEEDS, Fair
from tests.e2e.roles import Cast, Ending, alone, ending, shuffled
from tests.e2e.shared import Shared
from tests.e2e.test_blob_session import Beyond

TERMS = Terms(reward_wei=10**18 + 1, rounds=4, group_size=3, assignment=Assignment.GREEDY, rule=Rule.NORM)
KRUM = replace(TERMS, rule=Rule.KRUM, krum_m=2, krum_m_rule=KrumPicks.PAPER)
VOTE = replace(TERMS, rule=Rule.NORM_VOTE)
BLOBS = replace(TERMS, mode=Mode.BLOB, fee_cap_wei=0)
BLOBS_KRUM = replace(KRUM, mode=Mode.BLOB, fee_cap_wei=0)
PACKED = replace(BLOBS, packed=True)
MEMBERS = 12


def driven(terms: Terms, **fair: object) -> Ending:
    """What one process makes of the same session."""
    one = Fair(MEMBERS, **fair)  # type: ignore[arg-type]
    one.run(terms)
    return ending(one, one.sessions[-1])


def cast(terms: Terms, **fair: object) -> Cast:
    """Everybody has registered, in the same order."""
    one = Fair(MEMBERS, **fair)  # type: ignore[arg-type]
    roles = Cast(one, one.open(terms))
    for account in one.members:
        roles.step(account)
    return roles


@pytest.mark.parametrize("terms", [TERMS, VOTE, KRUM], ids=["norm", "norm+vote", "krum"])
@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_they_come_to_the_same_end(terms: Terms, seed: int) -> None:
    roles = cast(terms)
    roles.run(shuffled(seed))
    assert roles.ending() == driven(terms)
    assert roles.ending().left_wei == 0
    assert roles.session.stage() is Stage.FINISHED


@pytest.mark.parametrize("terms", [BLOBS, BLOBS_KRUM, PACKED], ids=["norm", "krum", "packed"])
def test_in_blobs_too(terms: Terms) -> None:
    roles = cast(terms)
    roles.run(shuffled(1))
    assert roles.ending() == driven(terms)
    assert roles.session.stage() is Stage.FINISHED


@pytest.mark.parametrize("terms", [BLOBS, PACKED], ids=["norm", "packed"])
def test_with_a_proof_in_several_calls(monkeypatch: pytest.MonkeyPatch, terms: Terms) -> None:
    """Whoever has begun goes on, made anew before every step."""
    monkeypatch.setattr(blob_proofs, "MAX_CALL_BYTES", 1_200)
    roles = cast(terms)
    roles.run(lambda accounts: [account for account in shuffled(3)(accounts) if roles.again(account) is None])
    assert roles.ending() == driven(terms)
    sent = [one.receipt for _, one in roles.told if isinstance(one, Acted) and one.words.startswith("proves")]
    assert len(sent) == len(Shape.of(roles.session.params(), 4).parts()) > 1


@pytest.mark.parametrize("terms", [TERMS, VOTE, BLOBS], ids=["norm", "norm+vote", "blobs"])
def test_one_that_is_made_anew_before_every_step_changes_nothing(terms: Terms) -> None:
    roles = cast(terms)
    roles.run(lambda accounts: [account for account in accounts if roles.again(account) is None])
    assert roles.ending() == driven(terms)


def test_it_is_the_same_with_words_in_many_chunks() -> None:
    terms = replace(TERMS, chunk_words=8, rule=Rule.KRUM, krum_m=2, krum_m_rule=KrumPicks.PAPER)
    roles = cast(terms, size=1_000)
    assert roles.fair.sessions[-1].params().chunks > 2
    roles.run(shuffled(1))
    assert roles.ending() == driven(terms, size=1_000)


def test_without_their_owner_the_members_bring_it_to_its_end() -> None:
    roles = cast(TERMS)
    owner = roles.fair.world.owner
    del roles.roles[owner]
    roles.run()
    assert roles.session.stage() is Stage.FINISHED
    assert replace(roles.ending(), left_wei=0) == driven(TERMS)
    assert roles.ending().left_wei == roles.session.credit_of(owner) > 0


@pytest.mark.parametrize("after", ["registers", "commits", "uploads", "adds", "rule", "settles"])
def test_who_vanishes_costs_its_group_at_most(after: str) -> None:
    roles = cast(TERMS)
    gone: set[Address] = set()

    def order(accounts: Sequence[Address]) -> Iterator[Address]:
        for account in accounts:
            if not gone and any(isinstance(s, Acted) and after in s.words and a == account for a, s in roles.told):
                gone.add(account)
                del roles.roles[account]
            if account not in gone:
                yield account

    roles.run(lambda accounts: order([a for a in accounts if a not in gone]))
    (victim,) = gone
    assert roles.session.stage() is Stage.FINISHED
    ended, expected = roles.ending(), driven(TERMS)
    lost = {"registers": (0,), "commits": (0,)}.get(after, ())
    assert ended.failed == lost
    assert ended.accepted == expected.accepted & ~sum(1 << group for group in lost)
    assert roles.session.credit_of(victim) == ended.left_wei


def test_who_isn_t_let_in_time_says_so() -> None:
    fair = Fair(MEMBERS)
    roles = Cast(fair, fair.open(TERMS))
    fair.world.chain.wait_until(roles.session.deadline() + 1)
    assert roles.step(fair.members[0]) == Done("too late to register: 0 s are left, expected 0")


def test_a_refusal_that_nothing_explains_is_a_failure() -> None:
    fair = Fair(MEMBERS)
    session = fair.open(TERMS, listed=fair.members[:MEMBERS])
    stranger = fair.world.chain.create_account("stranger", 10**20)
    member = DataOwner(fair.world.chain, stranger, policy=fair.policy)
    role = MemberRole(
        watch=Watch(fair.world.chain, session), member=member, randomness=SeededRandomness(SEEDS, 99, 1), train=alone(0)
    )
    with pytest.raises(Reverted, match="whitelist"):
        step(role)


def test_it_never_uploads_other_words_than_it_has_committed_to() -> None:
    roles = cast(TERMS)
    victim = roles.fair.members[0]
    while roles.session.stage() is not Stage.UPLOAD:
        for account in roles.roles:
            if roles.session.stage() is not Stage.UPLOAD:
                roles.step(account)
    roles.again(victim)
    role = roles.roles[victim]
    assert isinstance(role, MemberRole)
    role.train = alone(1)
    with pytest.raises(ProtocolError, match="to which it has committed"):
        roles.step(victim)


def test_other_secrets_than_those_it_registered_with_are_refused() -> None:
    roles = cast(TERMS)
    victim = roles.fair.members[0]
    roles.again(victim)
    role = roles.roles[victim]
    assert isinstance(role, MemberRole)
    role.randomness = SeededRandomness(SEEDS, 5, 7)
    with pytest.raises(ProtocolError, match="expected the mask key that it has registered"):
        roles.step(victim)


class Absent(Behaviour):
    """Registers, and commits to nothing."""

    def masked_input(self, upload: Upload) -> MaskedInput | None:
        return None


def test_survivors_of_failed_groups_are_drawn_again() -> None:
    absent = {0: Absent(), 3: Absent()}
    roles = cast(TERMS, behaviours=absent)
    roles.run(lambda accounts: [account for account in accounts if roles.again(account) is None])
    ended = roles.ending()
    assert len(ended.groups) == 5
    assert ended == driven(TERMS, behaviours=absent)


def test_a_group_that_fails_after_the_second_draw_has_no_part_in_it() -> None:
    """A member of a group that came through the first round vanishes before it uploads."""
    roles = cast(TERMS, behaviours={3: Absent(), 6: Absent()})
    victim = roles.fair.members[0]

    def here(accounts: Sequence[Address]) -> list[Address]:
        if roles.session.stage() is Stage.UPLOAD:
            roles.roles.pop(victim, None)
        return [account for account in accounts if account in roles.roles]

    roles.run(here)
    ended = roles.ending()
    assert (ended.failed, ended.accepted) == ((0, 1, 2), 0b11000)
    members = roles.fair.members
    assert ended.groups[4] == (members[4], members[5], members[7])
    assert ended.left_wei == roles.session.credit_of(victim)


@pytest.mark.parametrize("seed", range(2))
def test_seats_are_drawn_by_whoever_is_in_turn(seed: int) -> None:
    roles = cast(replace(TERMS, assignment=Assignment.SHUFFLED))
    roles.run(shuffled(seed))
    ended = roles.ending()
    assert (ended.accepted, ended.failed, ended.left_wei) == (0b1111, (), 0)


def test_a_group_that_one_objects_to_is_declined() -> None:
    roles = cast(TERMS)
    victim = roles.fair.members[0]
    roles.again(victim)
    role = roles.roles[victim]
    assert isinstance(role, MemberRole)
    role.member = DataOwner(
        roles.fair.world.chain, victim, policy=Policy(known_accounts=frozenset(), min_known_peers=1)
    )
    roles.run()
    assert any("declines group 0: expected at least 1 known" in s.words for _, s in roles.told if isinstance(s, Acted))
    assert roles.ending().accepted == 0b1110


def test_no_seed_drives_a_role_on_a_chain_with_others_on_it() -> None:
    fair = Fair(MEMBERS)
    session = fair.open(TERMS)
    fair.world.chain.__class__ = Shared
    with pytest.raises(ProtocolError, match="keys from a seed"):
        Cast(fair, session).step(fair.members[0])


def test_past_groups_are_read_off_the_chain() -> None:
    roles = cast(TERMS)
    roles.run()
    fair, (account, *others) = roles.fair, roles.fair.members
    past = past_groups(fair.world.chain, fair.sessions, account)
    owner = fair.world.owner
    assert past.near_repeat(owner, [account, others[0], others[-1]])
    assert not past.near_repeat(owner, [account, others[-2], others[-1]])
    assert not past.near_repeat(others[5], [account, others[0], others[-1]])


def test_a_sum_out_of_range_is_accused_by_one_of_them_and_refuted() -> None:
    roles = cast(BLOBS, behaviours={4: Beyond(17)})
    roles.run(shuffled(2))
    (group,) = roles.ending().failed
    assert 4 in [roles.fair.members.index(account) for account in roles.ending().groups[group]]
    assert roles.session.refuted_count() == 1
    words = [one.words for _, one in roles.told if isinstance(one, Acted) and "the sum of" in one.words]
    assert words == [f"accuses the sum of group {group}", f"refutes the sum of group {group}"]
