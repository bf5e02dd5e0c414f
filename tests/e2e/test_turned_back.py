"""A chain that goes back under the roles, in every stage: they do again what fell out, and release nothing twice."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from omnilytics.chain.abi import decode_log
from omnilytics.chain.base import SessionPort
from omnilytics.errors import ProtocolError
from omnilytics.protocol.member import Policy
from omnilytics.protocol.owner_role import OwnerRole
from omnilytics.protocol.steps import Acted, Done, Role, Step, Waiting
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, Receipt, Stage
from tests.e2e.plays import AGAIN, MEMBERS, SIZE, TERMS, Op, Play, check, ops, repeat
from tests.e2e.roles import shuffled
from tests.e2e.shared import Open
from tests.e2e.test_random_orders import MANY_TIMES, SEED

DEEPEST = 6
FINAL = 8
"""Blocks after which a member acts on what they fixed: deeper than the chain goes back."""

TOO_DEEP = 30
SHALLOW = ops(["all", "all", "act", "slow", "crash", "blocks", *AGAIN], 60, DEEPEST)
DEEP = ops(["all", "all", "act", "slow", "crash", "blocks", *AGAIN], 60, TOO_DEEP)


def stage(name: str, finality: int) -> Open:
    """A session that is open; the chain doesn't go back behind that."""
    policy = Policy(
        accept_near_repeats=True, accept_unsafe_small=True, finality_blocks=finality, honest_block_hashes=True
    )
    fair = Open(MEMBERS, policy, size=SIZE)
    fair.open(TERMS[name])
    fair.chain.marks.clear()
    return fair


@MANY_TIMES
@pytest.mark.parametrize("name", TERMS)
def test_what_fell_out_is_done_again(name: str, many: int) -> None:
    def play(course: list[Op], seed: int) -> None:
        fair = stage(name, FINAL)
        cast = Play(fair, fair.sessions[-1])
        cast.through(iter(course))
        cast.run(shuffled(seed))
        check(cast)
        ended = cast.ending()
        assert (ended.failed, ended.left_wei) == ((), 0)
        assert name == "krum" or ended.accepted == (1 << len(ended.groups)) - 1

    repeat(many, play, course=SHALLOW, seed=SEED)


@pytest.mark.parametrize("name", ["abort", "recover"])
def test_other_peers_at_the_same_seat(name: str) -> None:
    """Further back than is waited for, two registrations change places: who sits where it sat forgets its old group."""
    fair = stage(name, 0)
    cast, members = Play(fair, fair.sessions[-1]), fair.members
    for account in (*members, *members[:3]):
        cast.step(account)
    assert len(Watch(fair.chain, cast.session).ledger().committed) == 3
    fair.chain.turn_back(8, lambda sent: [sent[1], sent[0], *sent[2:5]])
    cast.run()
    check(cast)
    ended = cast.ending()
    assert ended.groups[0] == (*members[:3], members[4])
    assert (ended.accepted, ended.failed, ended.left_wei) == (0b11, (), 0)


@dataclass
class Witness:
    """Under which U each member has revealed in each group, over all histories."""

    session: SessionPort
    seen: dict[tuple[Address, int], set[int]] = field(default_factory=dict)

    def hears(self, receipt: Receipt) -> None:
        for log in receipt.logs:
            name, values = decode_log(log) or ("", {})
            if name in ("Revealed", "ShareRevealed"):
                group = int(str(values["group"]))
                self.seen.setdefault((receipt.sender, group), set()).add(self.session.group(group).delivered)


def test_who_has_revealed_for_others_stays_away() -> None:
    """The chain goes back behind the upload of one that is gone: nobody who has revealed already does so once more."""
    fair = stage("recover", 0)
    session, members = fair.sessions[-1], fair.members
    witness, cast = Witness(session), Play(fair, session)
    fair.chain.on_receipt.append(witness.hears)
    while session.stage() is not Stage.REVEAL:
        done = [cast.step(account) for account in members if session.stage() is not Stage.REVEAL]
        if not any(isinstance(one, Acted) for one in done):
            cast.pass_time([one for one in done if isinstance(one, Waiting)])
    assert isinstance(cast.step(members[0]), Acted)
    fair.chain.turn_back(7, lambda sent: sent[1:-1])
    assert session.group(0).delivered == 0b0111
    del cast.roles[members[3]]
    cast.run()
    check(cast)
    assert cast.ending().failed == (0,)
    assert witness.seen[members[0], 0] == {0b1111}
    assert witness.seen[members[1], 0] == witness.seen[members[2], 0] == {0b0111}


def test_whoever_is_paid_stays_until_that_is_final() -> None:
    """The chain goes back behind the last upload when everybody has its money: it is uploaded again."""
    fair = stage("abort", FINAL)
    session = fair.sessions[-1]
    cast = Play(fair, session)
    while session.stage() is not Stage.FINISHED:
        done = [cast.step(account) for account in fair.members if session.stage() is not Stage.FINISHED]
        if not any(isinstance(one, Acted) for one in done):
            cast.pass_time([one for one in done if isinstance(one, Waiting)])
    assert not any(session.credit_of(account) for account in fair.members)
    until = fair.chain.block_number() + FINAL
    assert {cast.step(account) for account in fair.members} == {Waiting("the chain to be final", block=until)}
    fair.chain.turn_back(FINAL - 1, lambda _: [])
    assert session.stage() is Stage.UPLOAD
    cast.run()
    check(cast)
    assert (cast.ending().accepted, cast.ending().failed) == (0b11, ())


def test_the_owner_stays_until_the_end_is_final() -> None:
    """It has its money when the chain goes back behind that, and takes it out of the end that comes instead."""
    fair = stage("abort", FINAL)
    session, owner = fair.sessions[-1], fair.world.owner
    cast = Play(fair, session)
    watch = Watch(fair.chain, session)
    cast.roles[owner] = OwnerRole(watch=watch, owner=fair.owner, finality_blocks=FINAL)
    cast.run()
    ended = cast.told[-1]
    assert ended == (owner, Done("the session is finished, and owes this account nothing"))
    waited = [one.block for account, one in cast.told if account == owner and isinstance(one, Waiting) and one.block]
    paid = [one.receipt.block for account, one in cast.told if account == owner and isinstance(one, Acted)][-1]
    assert paid < waited[-1] == fair.chain.block_number()
    cast.roles[owner] = OwnerRole(watch=watch, owner=fair.owner, finality_blocks=FINAL)
    fair.chain.turn_back(waited[-1] - paid + 1, lambda _: [])
    assert isinstance(cast.step(owner), Acted)
    assert isinstance(cast.step(owner), Waiting)


@dataclass
class Lossy(Play):
    """A play in which a role may end because the chain has gone back behind what it took for final."""

    def step(self, account: Address, role: Role | None = None) -> Step:
        try:
            return super().step(account, role)
        except ProtocolError as error:
            if not re.search("expected the (words of root|shares that this member has dealt)", str(error)):
                raise
            del self.roles[account]
            return Done(str(error))


@MANY_TIMES
@pytest.mark.parametrize("name", ["recover", "shuffled"])
def test_further_back_than_they_wait_for_nobody_reveals_for_two_sets(name: str, many: int) -> None:
    def play(course: list[Op], seed: int) -> None:
        fair = stage(name, 1)
        witness = Witness(fair.sessions[-1])
        fair.chain.on_receipt.append(witness.hears)
        cast = Lossy(fair, fair.sessions[-1])
        cast.through(iter(course))
        cast.run(shuffled(seed))
        check(cast)
        assert all(len(sets) == 1 for sets in witness.seen.values())

    repeat(many, play, course=DEEP, seed=SEED)
