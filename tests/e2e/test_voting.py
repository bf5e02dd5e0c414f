"""Rule `norm+vote`: data owners judge the groups by their own steps, those of attackers among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from omnilytics.codec import MaskedInput
from omnilytics.protocol import events
from omnilytics.protocol.company import Step
from omnilytics.protocol.judging import Sums
from omnilytics.protocol.member import Behaviour, DataOwner, Policy, Upload
from omnilytics.protocol.member_role import MemberRole
from omnilytics.protocol.seating import Seating
from omnilytics.protocol.steps import Acted
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.voting import Ballot
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, Assignment, DropoutPolicy, Rule
from tests.e2e.market import Fair
from tests.e2e.roles import Cast
from tests.e2e.test_recover import gone

ABORT = Terms(
    reward_wei=10**18, rounds=4, min_rounds=1, group_size=3, assignment=Assignment.GREEDY, rule=Rule.NORM_VOTE
)
RECOVER = replace(ABORT, policy=DropoutPolicy.RECOVER)
BOTH = pytest.mark.parametrize("terms", [ABORT, RECOVER], ids=["abort", "recover"])
MEMBERS = 12


@dataclass(frozen=True)
class Flipped(Behaviour):
    """Uploads three times the step the other way round; is for groups with its own kind in them, against all others."""

    kind: Collection[Address] = ()

    def masked_input(self, upload: Upload) -> MaskedInput:
        step = np.float32(-3) * (upload.weights - upload.published)
        plain = upload.codec.encode_plain(upload.published + step, upload.published, upload.rounding_seed)
        return upload.mask(plain.words)

    def vote(self, ballot: Ballot) -> Collection[int]:
        groups = ballot.seats.groups
        return [group for group in ballot.sums.groups if not set(self.kind).intersection(groups[group])]


@dataclass(frozen=True)
class Mute(Behaviour):
    """Honest, and never votes."""

    def masked_input(self, upload: Upload) -> MaskedInput:
        return upload.encode()

    def vote(self, ballot: Ballot) -> None:
        return None


def attacked(*attackers: int, mute: Collection[int] = ()) -> Fair:
    kind = [Fair(MEMBERS).members[index] for index in attackers]
    return Fair(MEMBERS, behaviours=dict.fromkeys(attackers, Flipped(kind)) | dict.fromkeys(mute, Mute()))


@BOTH
def test_honest_groups_are_accepted_and_every_vote_is_for_them(terms: Terms) -> None:
    fair = Fair(MEMBERS)
    outcome = fair.run(terms)
    assert (outcome.accepted, outcome.rejected, outcome.failed) == ((0, 1, 2, 3), (), ())
    votes = fair.of(events.VoteCast)
    assert [vote.against for vote in votes] == [[]] * MEMBERS  # type: ignore[attr-defined]
    assert fair.verify().checks["votes equal to their commitment"] == MEMBERS
    assert len(fair.ledger().votes) == len(fair.ledger().ballots) == MEMBERS


@BOTH
def test_a_group_that_goes_the_other_way_is_voted_out(terms: Terms) -> None:
    fair = attacked(4, 5)
    outcome = fair.run(terms)
    assert (outcome.accepted, outcome.rejected) == ((0, 2, 3), (1,))
    (scored,) = [e for e in fair.of(events.GroupScored) if e.group == 1]  # type: ignore[attr-defined]
    assert "voted out, 10 of 12 votes against" in scored.reason  # type: ignore[attr-defined]
    fair.verify()
    plain = attacked(4, 5).run(replace(terms, rule=Rule.NORM))
    assert plain.accepted == (0, 1, 2, 3)


def test_who_is_voted_out_has_it_on_its_record_and_its_price_is_burnt() -> None:
    fair = attacked(4, 5)
    outcome = fair.run(ABORT)
    assert outcome.burnt_wei == 3 * (ABORT.reward_wei // 12)
    suspicion = fair.world.market.suspicion
    known = [suspicion(fair.world.owner, member) for member in fair.members]
    assert known[3] == known[4] == known[5] > known[0]  # type: ignore[operator]


@BOTH
def test_without_half_of_all_votes_the_lengths_alone_decide(terms: Terms) -> None:
    mute = [0, 1, 2, 6, 7, 8, 9]
    assert attacked(4, 5, mute=mute[1:]).run(terms).rejected == (1,)
    fair = attacked(4, 5, mute=mute)
    outcome = fair.run(terms)
    assert outcome.accepted == (0, 1, 2, 3)
    assert len(fair.ledger().ballots) == 5
    assert "5 of 12 have voted" in fair.of(events.GroupScored)[0].reason  # type: ignore[attr-defined]
    fair.verify()


def test_nobody_votes() -> None:
    fair = attacked(mute=range(MEMBERS))
    assert fair.run(ABORT).accepted == (0, 1, 2, 3)
    fair.verify()


def test_who_has_delivered_and_is_gone_doesn_t_vote() -> None:
    fair = attacked(4, 5, 6)
    terms = replace(RECOVER, rounds=3, group_size=4, colluders=1)
    outcome = fair.run(terms, dropouts=gone(m0=Step.UPLOAD, m8=Step.REVEAL))
    assert (outcome.accepted, outcome.rejected, outcome.failed) == ((0, 2), (1,), ())
    assert len(fair.ledger().ballots) == 10
    fair.verify()


def test_bits_are_flipped_for_who_wants_it() -> None:
    fair = Fair(MEMBERS, policy=Policy(accept_near_repeats=True, vote_flip=True))
    fair.run(ABORT)
    flips = sum(bits.bit_count() for bits in fair.ledger().ballots.values())
    assert 0 < flips < 16  # 48 bits
    fair.verify()


@BOTH
def test_who_commits_and_is_gone_costs_nobody_anything(terms: Terms) -> None:
    fair = attacked(4, 5)
    cast, victim = Cast(fair, fair.open(terms)), fair.members[0]

    def here(accounts: Sequence[Address]) -> list[Address]:
        if any(account == victim and isinstance(s, Acted) and "its vote" in s.words for account, s in cast.told):
            cast.roles.pop(victim, None)
        return [account for account in accounts if account in cast.roles]

    cast.run(here)
    ended = cast.ending()
    assert (ended.accepted, ended.failed) == (0b1101, ())
    assert ended.credits[victim] == terms.reward_wei // 12
    ledger = Watch(fair.world.chain, cast.session).ledger()
    assert (len(ledger.votes), len(ledger.ballots)) == (12, 11)


def test_a_role_without_its_vote_seed_opens_nothing() -> None:
    """As after a history that the chain has left: what it would open isn't what it has committed to."""
    fair = Fair(MEMBERS)
    cast, victim = Cast(fair, fair.open(ABORT)), fair.members[0]

    def other(accounts: Sequence[Address]) -> Sequence[Address]:
        if Watch(fair.world.chain, cast.session).ledger().opening:
            cast.again(victim)
            role = cast.roles[victim]
            assert isinstance(role, MemberRole)
            role.member = Forgetful(fair.world.chain, victim, policy=fair.policy)
        return accounts

    cast.run(other)
    assert cast.ending().accepted == 0b1111
    assert len(Watch(fair.world.chain, cast.session).ledger().ballots) == 11


class Forgetful(DataOwner):
    """Has lost what its vote is hidden by."""

    def judge(self, seats: Seating, sums: Sums) -> bool:
        self._vote_seed = bytes(32)
        return super().judge(seats, sums)
