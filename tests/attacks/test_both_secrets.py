"""Both secrets of one member are asked for: its mask key and its self mask, by which its upload is read alone.

Defence: which of the two is opened follows from whether it has delivered, which is fixed before the first is; the
contract takes nothing else (`reveal`, `reveal_shares`, `rebuild`), whoever calls. A client gives its shares for one set
U, once, writes that down before it sends anything, and raises when it is asked for another (`ReleaseLog`).

What remains: whoever holds a share can publish it elsewhere; it takes T of them, and members who let their clients'
logs be lost, or whose nodes show T of them another chain.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from omnilytics.codec import Recovery
from omnilytics.errors import InputError, ProtocolError
from omnilytics.protocol.releases import Part, ReleaseLog
from omnilytics.types import Address, Suite
from tests.attacks import circle
from tests.attacks.dealers import reveal_but, upload_but
from tests.attacks.learning import learned, open_secrets, told_sums
from tests.contracts.harness import RecoverDriver, Stage, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import lifted, mask
from tests.contracts.harness.fixtures import RecoverFactory

GONE, AWAY = 3, 2


@pytest.fixture(scope="module")
def revealing(new_recover: RecoverFactory) -> RecoverDriver:
    """Group 0 of five, T = 3: one has shared and not delivered."""
    session = new_recover(members=5).to(Stage.UPLOAD)
    upload_but(session, session.members_of(0)[GONE])
    return session


# What the contract makes of it.


def test_shares_of_the_other_secret_arent_taken(revealing: RecoverDriver) -> None:
    """While others reveal: a share of the key of who has delivered, one of the self mask of who hasn't."""
    session = revealing.copy()
    members = session.members_of(0)
    member, present = members[0], members[1]
    b, mine = session.self_secret(member), session.dealing(member).addresses
    gone_key, gone_mask = (session.openings(member, 1 << GONE, kind)[0] for kind in (False, True))
    for openings, reason in (
        ([gone_mask], "recover: not the committed share"),
        (session.openings(member, 0b10, False), "recover: not the dealers in order"),
        (session.openings(member, 0b10, True), "recover: not the dealers in order"),
        ([*session.openings(member, 0b10, False), gone_key], "recover: number of openings"),
        ([gone_key, gone_mask], "recover: number of openings"),
        ([], "recover: number of openings"),
    ):
        with reverts(reason):
            session.contract.reveal(b, mine, openings, sender=member)
    for secret in (session.secret(member), session.secret(present)):
        with reverts("recover: not the secret"):
            session.contract.reveal(secret, mine, [gone_key], sender=member)


def test_shares_arent_lent_of_the_other_secret(revealing: RecoverDriver) -> None:
    """In the third quarter: of who hasn't delivered, of keys, of who has revealed already."""
    session = revealing.copy()
    members = session.members_of(0)
    reveal_but(session, members[AWAY])
    member = members[0]
    with reverts("recover: too early"):
        session.reveal_shares(member)
    session.pass_half_of_reveal()
    away_mask = session.openings(member, 1 << AWAY, True)[0]
    for openings, reason in (
        (session.openings(member, 1 << GONE, True), "recover: not the dealers in order"),
        (session.openings(member, 1 << AWAY, False), "recover: not the committed share"),
        (session.openings(member, 0b10, True), "recover: not the dealers in order"),
        ([away_mask, session.openings(member, 1 << GONE, True)[0]], "recover: number of openings"),
        ([away_mask, away_mask], "recover: number of openings"),
    ):
        with reverts(reason):
            session.contract.reveal_shares(openings, sender=member)
    session.reveal_shares(member)
    with reverts("recover: already revealed"):
        session.reveal_shares(member)


@pytest.mark.parametrize("late", [False, True])
def test_the_other_secret_isnt_rebuilt(revealing: RecoverDriver, late: bool) -> None:
    """T colluders hand in all that they have: for each member one secret is taken, at most, and never the other one."""
    session = revealing.copy()
    members = session.members_of(0)
    if late:
        reveal_but(session, members[AWAY])
        session.pass_half_of_reveal()
    for place, kind in itertools.product(range(5), (False, True)):
        dealing, holders = session.dealing(members[place]), [j for j in range(5) if j != place][:3]
        given = [dealing.shares[j][kind] for j in holders]
        bitmap, opened = sum(1 << j for j in holders), session.group(0).opened >> place & 1
        right = kind == (place != GONE)
        reason = None
        if opened:
            reason = "recover: already known"
        elif place != GONE and not late:
            reason = "recover: too early"
        elif not right:
            reason = "recover: not the committed share"
        with session.chain.anchor():
            if reason is None:
                session.contract.rebuild(members[place], dealing.addresses, bitmap, given, sender=session.stranger)
            else:
                with reverts(reason):
                    session.contract.rebuild(members[place], dealing.addresses, bitmap, given, sender=session.stranger)


def test_who_stands_in_for_somebody_opens_one_secret_of_each(revealing: RecoverDriver) -> None:
    session = revealing.copy()
    members = session.members_of(0)
    reveal_but(session, members[AWAY])
    session.pass_half_of_reveal()
    for place in (0, 1, 4):
        session.reveal_shares(members[place])
    session.rebuild(members[AWAY])
    assert session.stage() == Stage.AGGREGATE
    keys, masks = open_secrets(session, 0)
    assert (keys, masks) == ({GONE}, {0, 1, AWAY, 4})
    assert told_sums(session, 0) == [{0, 1, AWAY, 4}]


def test_both_secrets_are_enough(revealing: RecoverDriver) -> None:
    """What it is all for: with both, everybody reads the member's own vector; with either of them, noise."""
    session = revealing.copy()
    members = session.members_of(0)
    victim, bits, count = members[1], session.params.lane_bits, session.params.parameter_count
    scope, uploaded = session.scope(0), ref.from_bytes(session.uploads[0, 0, 1])
    secrets = {j: session.secret(a) for j, a in enumerate(members)}
    whole = mask(scope, 1, secrets, session.self_secret(victim), session.word_count)
    assert ref.unpack(taken_off(uploaded, whole), bits, count) == list(session.vector(victim))
    by_the_key = lifted(whole, [scope.self_seed(1, session.self_secret(victim))], [])
    assert learned(range(5), [0, 1, 2, 4], [1], [1]) == [{1}]
    for part in (by_the_key, taken_off(whole, by_the_key)):
        assert ref.unpack(taken_off(uploaded, part), bits, count) != list(session.vector(victim))


def taken_off(words: list[int], masked: list[int]) -> list[int]:
    return [(w - m) % ref.WORD for w, m in zip(words, masked, strict=True)]


# What the clients make of it.


def ready(place: int = 0) -> Recovery:
    """A client of five that has masked its words."""
    of = circle.group(5, 3)
    mine = circle.client(of, place)
    assert mine.receive({j: circle.dealing(of, j) for j in range(5) if j != place}) == {}
    mine.mask_words(np.zeros((2, 32), dtype=np.uint8), Suite.KECCAK)
    return mine


def test_a_client_reveals_for_one_set() -> None:
    """Again for the same one, never for another; of nobody both."""
    mine = ready()
    first = mine.reveal(0b01111)
    assert set(first.shares) == {4}
    assert mine.reveal(0b01111) == first
    for other in (0b11111, 0b10111, 0b00111):
        with pytest.raises(ProtocolError):
            mine.reveal(other)
    assert set(mine.reveal_shares(0b00001)) == {1, 2, 3}
    with pytest.raises(InputError):
        mine.reveal_shares(0b10000)
    with pytest.raises(ProtocolError):
        mine.mask_words(np.zeros((2, 32), dtype=np.uint8), Suite.KECCAK)


@pytest.mark.parametrize("delivered", [0b11110, 0b00011, 0b111111, 0, 1 << 70 | 0b111])
def test_a_client_doesnt_reveal_for_a_set_that_cant_be(delivered: int) -> None:
    """Without itself, of fewer than T, with somebody that hasn't shared."""
    with pytest.raises((InputError, ProtocolError)):
        ready().reveal(delivered)


def test_a_client_lends_nothing_before_it_has_revealed() -> None:
    with pytest.raises(ProtocolError):
        ready().reveal_shares(0)


def test_a_client_that_is_started_again_remembers(tmp_path: Path) -> None:
    """The log is a file: another process, with the same secrets from a backup, is bound by what the first has sent."""
    part = Part(1, Address("0x" + "11" * 20), 0, Address("0x" + "22" * 20))
    path = tmp_path / "released"
    ReleaseLog(path).release(part, 0b01111)
    again = ReleaseLog(path)
    again.release(part, 0b01111)
    with pytest.raises(ProtocolError, match="0b1111, got 0b11111"):
        again.release(part, 0b11111)
    again.release(Part(1, part.session, 1, part.account), 0b11111)
