"""Dealings, openings and secrets of another session, chain, group, round, dealer or holder are used once more.

Defence: what is sealed and every seed is bound to chain, session, group, model, keys and places (E10, E33, E34); an
opening is checked against the root of the dealer in its newest group, at the holder's own index (E32), a secret against
the key or the B of that very member.

What remains: a member that was drawn again has shared the same secrets in two groups, by two polynomials: T colluders
of either group know them. A copy of a whole dealing is accepted by the contract, and dissolves the group when its
receivers object.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omnilytics.codec import rebuild
from omnilytics.errors import InputError
from tests.attacks import circle
from tests.attacks.dealers import upload_but
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status, reverts
from tests.contracts.harness.dealing import rebuilt
from tests.contracts.harness.fixtures import RecoverFactory
from tests.contracts.harness.recovering import Opening
from tests.vectors.reference.sharing import Scope, coins, evaluate

Bend = Callable[[Scope], Scope]


@pytest.fixture(scope="module")
def sharing(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, T = 3; sharing is open."""
    return new_recover().to(Stage.SHARE)


@pytest.fixture(scope="module")
def revealing(new_recover: RecoverFactory) -> RecoverDriver:
    """The last member of each group has shared and not delivered."""
    session = new_recover().to(Stage.UPLOAD)
    upload_but(session, session.members_of(0)[3], session.members_of(1)[3])
    return session


# What the clients make of it.


@pytest.mark.parametrize(
    "bend",
    [
        lambda s: s._replace(chain_id=s.chain_id + 1),
        lambda s: s._replace(session=bytes(19) + b"\1"),
        lambda s: s._replace(group=s.group + 1),
        lambda s: s._replace(model=bytes(32)),
        lambda s: s._replace(keys=[s.keys[0], s.keys[1], s.keys[2], circle.group(4, 3).scope.keys[3]]),
    ],
    ids=["chain", "session", "group", "model", "another member"],
)
def test_a_dealing_of_elsewhere_isnt_opened(bend: Bend) -> None:
    """The same dealer, the same receivers, their transport keys too: nobody opens what was sealed for elsewhere."""
    of = circle.group(4, 2)
    given = circle.dealing(of, 1, scope=bend(of.scope))
    assert given.points == circle.dealing(of, 1).points, "nothing but what is sealed knows where it belongs"
    found = circle.objectors(of, 1, given)
    assert sorted(found) == [0, 2, 3]
    assert all("ciphertext" in why for why in found.values())


@pytest.mark.parametrize("threshold", [2, 4])
def test_a_dealing_of_another_member_isnt_opened(threshold: int) -> None:
    """A copy of a peer's, points and all; with T = N too, where there is no degree to test."""
    of = circle.group(4, threshold)
    assert sorted(circle.objectors(of, 2, circle.dealing(of, 1))) == [0, 1, 3]


def test_a_copied_self_mask_needs_shares_of_it() -> None:
    """Whoever copies a peer's B would be opened by its b: only who knows b can seal shares of it to all others."""
    of = circle.group(4, 3)
    points = circle.dealing(of, 1).points[:64] + circle.dealing(of, 2).points[64:]
    assert sorted(circle.objectors(of, 2, circle.resealed(of, 2, points))) == [0, 1, 3]


def test_shares_of_two_rounds_dont_mix() -> None:
    """T shares, some of each of two polynomials through one secret, give something else."""
    of = circle.group(5, 3)
    first, second = of.coins(0).f, coins(bytes(32), 0, 5, 3, of.keys[0], of.selves[0]).f
    shares = [{j: evaluate(f, j + 1) for j in range(1, 5)} for f in (first, second)]
    assert rebuild(shares[0], 3) == rebuild(shares[1], 3) == of.keys[0]
    for cut in (1, 2):
        mixed = {j: shares[j > cut][j] for j in (1, 2, 3)}
        assert rebuild(mixed, 3) != of.keys[0]
    with pytest.raises(InputError, match="at least 3"):
        rebuild({1: shares[0][1], 2: shares[0][2]}, 3)


# What the contract makes of it.


def test_one_dealing_a_round_from_its_own_seat(sharing: RecoverDriver) -> None:
    session = sharing.copy()
    first, second, *_ = session.members_of(0)
    session.share(first)
    dealing = session.dealing(second)
    for dealt in (session.dealing(first), dealing):
        with reverts("session: already committed"):
            session.contract.share(dealt.root, dealt.points, dealt.sealed, sender=first)
    with reverts("session: no seat"):
        session.contract.share(dealing.root, dealing.points, dealing.sealed, sender=session.stranger)
    for cut in (slice(0, -1), slice(0, -64), slice(0, 0)):
        with reverts("recover: length of the points"):
            session.contract.share(dealing.root, dealing.points[cut], dealing.sealed, sender=second)
        with reverts("recover: length of the sealed shares"):
            session.contract.share(dealing.root, dealing.points, dealing.sealed[cut], sender=second)
    with reverts("registry: empty root"):
        session.contract.share(bytes(32), dealing.points, dealing.sealed, sender=second)


def test_a_copied_dealing_costs_the_copier_its_seat(sharing: RecoverDriver) -> None:
    """The contract takes any bytes. The first honest receiver objects; nobody has uploaded."""
    session, wealth, honest = sharing.copy(), Wealth(sharing), honest_profits(sharing)
    victim, copier, receiver, _ = session.members_of(0)
    session.share(victim)
    session.dealings[0, copier] = session.dealing(victim)
    session.share_all()
    session.object_to(receiver, copier)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert wealth.of(copier) == 0
    told = wealth.tell("a peer's dealing, copied", copier, honest=[honest[copier]])
    assert told.loses
    assert told.honest_loss == 0


def opening(session: RecoverDriver, dealer: str, holder: int, self_mask: bool = False) -> Opening:
    """A share that the dealer has committed to for that holder."""
    dealing = session.dealing(dealer)
    return Opening(dealer, dealing.shares[holder][self_mask], dealing.addresses)


def refused(session: RecoverDriver, account: str, opened: Opening, reason: str) -> None:
    """The member's `reveal` with this opening alone is refused."""
    mine = session.dealing(account).addresses
    with reverts(reason):
        session.contract.reveal(session.self_secret(account), mine, [opened], sender=account)


def test_openings_are_of_one_dealer_to_one_holder(revealing: RecoverDriver) -> None:
    """Another holder's share, that of the other secret, of another dealer, of the dealer's place in another group."""
    session = revealing.copy()
    member, second, _, gone = session.members_of(0)
    elsewhere = session.members_of(1)[3]
    right = opening(session, gone, 0)
    refused(session, member, opening(session, gone, 1), "recover: not the committed share")
    refused(session, member, opening(session, gone, 0, True), "recover: not the committed share")
    refused(session, member, opening(session, second, 0), "recover: not the dealers in order")
    refused(session, member, opening(session, elsewhere, 0), "recover: not the dealers in order")
    other = session.dealing(elsewhere).addresses
    refused(session, member, right._replace(addresses=other), "recover: addresses don't give root")
    refused(session, member, right._replace(share=right.share + 1), "recover: not the committed share")
    refused(session, member, right._replace(dealer=session.stranger), "recover: no shares")
    session.reveal(member)


def test_secrets_are_of_one_member(revealing: RecoverDriver) -> None:
    """A peer's b, from its `reveal` in the pool; one's own key instead of b; b once more."""
    session = revealing.copy()
    victim, copier, _, gone = session.members_of(0)
    openings = session.openings(copier, 0b1000, False)
    session.reveal(victim)
    mine, theirs = session.dealing(copier).addresses, session.dealing(victim).addresses
    for secret in (session.self_secret(victim), session.secret(copier), 0, session.self_secret(copier) + 1):
        with reverts("recover: not the secret"):
            session.contract.reveal(secret, mine, openings, sender=copier)
    with reverts("recover: addresses don't give root"):
        session.contract.reveal(session.self_secret(victim), theirs, openings, sender=copier)
    with reverts("recover: not delivered"):
        session.contract.reveal(session.self_secret(gone), session.dealing(gone).addresses, [], sender=gone)
    with reverts("recover: no shares"):
        session.contract.reveal(session.self_secret(victim), theirs, [], sender=session.stranger)
    with reverts("recover: already revealed"):
        session.reveal(victim)


def test_secrets_of_another_session(revealing: RecoverDriver, new_recover: RecoverFactory) -> None:
    """The same account, the same places, another clone: neither its b nor its shares fit."""
    session, other = revealing.copy(), new_recover().to(Stage.SHARE)
    account, _, _, gone = session.members_of(0)
    assert session.seat(account) == other.seat(account)
    theirs = other.dealing(account).addresses
    right = session.openings(account, 0b1000, False)
    with reverts("recover: addresses don't give root"):
        session.contract.reveal(other.self_secret(account), theirs, right, sender=account)
    with reverts("recover: not the secret"):
        mine = session.dealing(account).addresses
        session.contract.reveal(other.self_secret(account), mine, right, sender=account)
    refused(session, account, opening(other, gone, 0), "recover: addresses don't give root")


def test_what_was_shared_in_the_first_round_is_worth_nothing_in_the_second(new_recover: RecoverFactory) -> None:
    """Who is drawn again deals anew: its first root is gone, and what belongs to it is refused."""
    session = new_recover(rounds=2).to(Stage.SHARE)
    session.share_all()
    for group in (0, 1):
        members = session.members_of(group)
        session.object_to(members[0], members[1])
    old = {account: session.dealing(account) for group in (0, 1) for account in session.members_of(group)[2:]}
    session.pass_deadline()
    assert (session.stage(), session.group_count()) == (Stage.SHARE, 3)
    first = session.members_of(2)
    assert set(first) == set(old), "greedy: the four that nobody had objected to"
    upload_but(session, first[3])
    member, gone = first[0], first[3]
    place = session.seat(member)[1]
    assert session.dealing(gone).root != old[gone].root
    stale = Opening(gone, old[gone].shares[2 if place != 2 else 3][0], old[gone].addresses)
    refused(session, member, stale, "recover: addresses don't give root")
    with reverts("recover: addresses don't give root"):
        openings = session.openings(member, 0b1000, False)
        session.contract.reveal(session.self_secret(member), old[member].addresses, openings, sender=member)
    with reverts("recover: addresses don't give root"):
        session.contract.rebuild(gone, old[gone].addresses, 0b0111, [1, 1, 1], sender=member)
    with reverts("session: the group has failed"):
        session.contract.rebuild(session.members_of(0)[0], b"", 0b0111, [1, 1, 1], sender=member)
    for account in first[:3]:
        session.reveal(account)
    session.rebuild(gone)
    assert session.secrets[2, 3] == session.secret(gone)


def test_t_colluders_of_the_first_group_know_the_secrets_of_the_second(new_recover: RecoverFactory) -> None:
    """What remains: keys are of the session, not of the round. A client whose policy a group doesn't meet declines it
    before it deals, as with `abort` before it commits."""
    session = new_recover(rounds=2).to(Stage.SHARE)
    session.share_all()
    *_, victim = session.members_of(0)
    dealt, place = session.dealing(victim), session.seat(victim)[1]
    for group in (0, 1):
        members = session.members_of(group)
        session.object_to(members[0], members[1])
    session.pass_deadline()
    assert session.member(victim).group == 2
    holders = sum(1 << j for j in range(4) if j != place)
    known = [[both[kind] for both in dealt.shares.values()] for kind in (0, 1)]
    assert rebuilt(holders, known[0]) == session.secret(victim)
    assert rebuilt(holders, known[1]) == session.self_secret(victim)
    assert session.group(0).status == Status.FAILED
