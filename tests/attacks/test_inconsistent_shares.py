"""A dealer shares something that doesn't rebuild its secret: a polynomial that is too steep, of another secret, or
some shares that are on none.

Defence: every receiver checks all points, not only its own, and objects before anybody has uploaded (the degree test,
E32). If nobody objects, the contract says from the committed shares whose fault it is: a dealer whose T shares give
another secret is named and loses its bond, and T others may still save the group. Who shares honestly can't be named.

What remains: with T = N there is no degree to test, and no T others to rebuild from either. Where nobody objects and
no T shares are good the group fails: its members keep their bonds and get the dealer's, and aren't paid.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from omnilytics.codec import Dealing
from omnilytics.errors import ProtocolError
from omnilytics.types import Suite
from tests.attacks import circle
from tests.attacks.dealers import reveal_but, share_steeply, share_wrongly, upload_but
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status, economy, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import RecoverFactory
from tests.vectors.groups import Group
from tests.vectors.reference.curve import N as ORDER

DEALER = 4
OTHERS = 0b01111


@pytest.fixture(scope="module")
def base(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of five, T = 3, seated."""
    return new_recover(members=5).to(Stage.SHARE)


def bonds(session: RecoverDriver, did: int) -> list[int]:
    """What the bonds of group 0 bring or cost its members."""
    bond = session.params.bond_wei
    return [wei - bond for wei in economy.bonds_back(bond, session.params.members, did)]


def seat_wei(session: RecoverDriver) -> int:
    """The price of a seat (E30)."""
    return session.params.reward_wei // (session.params.rounds * session.params.members)


# What the contract makes of it if nobody has objected.


def test_other_holders_save_the_group(base: RecoverDriver) -> None:
    """One accomplice's share is wrong: with it the dealer is named, without it the sum comes out."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    dealer = members[DEALER]
    share_wrongly(session, dealer, [0], self_mask=False)
    upload_but(session, dealer)
    for account in members[:DEALER]:
        session.reveal(account)
    assert session.rebuild(dealer, 0b00111).only("DealerBlamed").place == DEALER
    assert session.group(0).blamed == 1 << DEALER
    assert session.rebuild(dealer, 0b01110).only("Rebuilt").secret == session.secret(dealer)
    session.to(Stage.SELECT)
    total = session.plain_sum(0)
    assert session.group(0).squared_norm == ref.dot(total, total)
    session.to(Stage.FINISHED)
    did = bonds(session, OTHERS)
    assert [wealth.of(a) for a in members] == [did[i] + seat_wei(session) * (i != DEALER) for i in range(5)]
    told = wealth.tell("wrong share to one holder, saved by others", dealer, honest=[honest[dealer]])
    assert told.loses
    assert told.honest_loss == 0


def test_nobody_can_save_it_and_only_the_dealer_loses(base: RecoverDriver) -> None:
    """A polynomial of degree T: every T shares give something else. The group fails, named dealer and all."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    dealer = members[DEALER]
    share_steeply(session, dealer, mask_key=True)
    upload_but(session, dealer)
    for account in members[:DEALER]:
        session.reveal(account)
    subsets = [sum(1 << i for i in some) for some in itertools.combinations(range(DEALER), 3)]
    for number, holders in enumerate(subsets):
        if number == 0:
            session.rebuild(dealer, holders)
        else:
            with reverts("recover: already blamed"):
                session.rebuild(dealer, holders)
    for account in session.members_of(1):
        session.reveal(account)
    session.pass_deadline()
    assert session.group(0).status == Status.FAILED
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in members] == bonds(session, OTHERS)
    assert wealth.of(session.owner) == -5 * seat_wei(session), "the price of the group that failed is back"
    told = wealth.tell("a polynomial that is too steep, to all", dealer, honest=[honest[dealer]])
    assert told.loses
    assert told.honest_loss == 0


def test_a_dealer_that_delivered_and_stays_away_is_named_too(base: RecoverDriver) -> None:
    """Its self mask can't be rebuilt, and it is too late to open it itself. Who has lent shares keeps its bond."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    dealer = members[DEALER]
    share_steeply(session, dealer, self_mask=True)
    session.to(Stage.REVEAL)
    reveal_but(session, dealer)
    session.pass_half_of_reveal()
    for account in members[:DEALER]:
        session.reveal_shares(account)
    session.rebuild(dealer, 0b00111)
    with reverts("recover: too late"):
        session.reveal(dealer)
    session.pass_deadline()
    assert session.group(0).status == Status.FAILED
    session.to(Stage.FINISHED)
    assert [wealth.of(a) for a in members] == bonds(session, OTHERS)
    told = wealth.tell("a self mask that can't be rebuilt", dealer, honest=[honest[dealer]])
    assert told.loses
    assert told.honest_loss == 0


def test_a_dealer_that_reveals_needs_no_shares(base: RecoverDriver) -> None:
    """Bad shares of a self mask that its owner opens do no harm, and name nobody."""
    session, wealth = base.copy(), Wealth(base)
    dealer = session.members_of(0)[DEALER]
    share_steeply(session, dealer, self_mask=True)
    session.to(Stage.REVEAL)
    session.reveal(dealer)
    given = [session.dealing(dealer).shares[i][1] for i in range(3)]
    with session.chain.anchor(), reverts("recover: already known"):
        session.pass_half_of_reveal()
        session.contract.rebuild(dealer, session.dealing(dealer).addresses, 0b111, given, sender=session.stranger)
    session.to(Stage.FINISHED)
    assert wealth.of(dealer) == seat_wei(session)


def test_an_honest_dealer_cant_be_named(base: RecoverDriver) -> None:
    """Every T committed shares give its secret, and others are refused, whoever calls."""
    session = base.copy()
    members = session.members_of(0)
    gone = members[DEALER]
    upload_but(session, gone)
    for account in members[:DEALER]:
        session.reveal(account)
    dealing = session.dealing(gone)
    for some in itertools.combinations(range(DEALER), 3):
        holders, given = sum(1 << i for i in some), [dealing.shares[i][0] for i in some]
        for bent in range(3):
            wrong = [share + (k == bent) for k, share in enumerate(given)]
            with reverts("recover: not the committed share"):
                session.contract.rebuild(gone, dealing.addresses, holders, wrong, sender=members[0])
        with session.chain.anchor():
            session.copy().rebuild(gone, holders)
    with reverts("recover: other than T shares"):
        session.contract.rebuild(gone, dealing.addresses, 0b11, [1, 1], sender=members[0])
    with reverts("recover: not holders"):
        session.contract.rebuild(gone, dealing.addresses, 0b10011, [1, 1, 1], sender=members[0])


def test_with_t_of_n_nothing_is_rebuilt(new_recover: RecoverFactory) -> None:
    """What remains: with T = N a dealer isn't tested, and isn't needed: nobody can be missing after the barrier."""
    session = new_recover(threshold=4).to(Stage.SHARE)
    wealth = Wealth(session)
    gone = session.members_of(0)[3]
    upload_but(session, gone)
    assert session.group(0).status == Status.FAILED
    session.to(Stage.FINISHED)
    assert wealth.of(gone) == -session.params.bond_wei


# What the clients make of it.


def too_steep_key(of: Group) -> Dealing:
    drawn = of.coins(DEALER)
    return circle.dealing(of, DEALER, drawn._replace(f=[*drawn.f, 1]))


def too_steep_mask(of: Group) -> Dealing:
    drawn = of.coins(DEALER)
    return circle.dealing(of, DEALER, drawn._replace(g=[*drawn.g, ORDER - 1]))


def another_key(of: Group) -> Dealing:
    """A polynomial of the right degree through the secret of nobody."""
    drawn = of.coins(DEALER)
    return circle.dealing(of, DEALER, drawn._replace(f=[drawn.f[0] + 1, *drawn.f[1:]]))


def another_mask(of: Group) -> Dealing:
    """B isn't the point of what is shared as the self mask."""
    honest = circle.dealing(of, DEALER)
    other = circle.dealing(of, DEALER, of.coins(DEALER)._replace(g=[1, *of.coins(DEALER).g[1:]]))
    points = other.points[:64] + honest.points[64:]
    return circle.resealed(of, DEALER, points)


def off_the_curve(of: Group) -> Dealing:
    """The point of somebody's share is none."""
    honest = circle.dealing(of, DEALER)
    return circle.resealed(of, DEALER, honest.points[:-1] + bytes([honest.points[-1] ^ 1]))


def another_root(of: Group) -> Dealing:
    """The contract has the root of other addresses: no opening would ever fit it."""
    honest = circle.dealing(of, DEALER)
    return Dealing.from_points(honest.points, honest.sealed, circle.dealing(of, 0).root)


@pytest.mark.parametrize(
    ("deal", "reason"),
    [
        (too_steep_key, "polynomial of degree 2"),
        (too_steep_mask, "polynomial of degree 2"),
        (another_key, "polynomial of degree 2"),
        (another_mask, "polynomial of degree 2"),
        (off_the_curve, "point on secp256k1"),
        (another_root, "root"),
    ],
)
def test_every_client_objects(deal: Callable[[Group], Dealing], reason: str) -> None:
    """Before it has uploaded anything, and whoever is honest: it takes none but itself to see it."""
    of = circle.group(5, 3)
    found = circle.objectors(of, DEALER, deal(of))
    assert sorted(found) == [0, 1, 2, 3]
    assert all(reason in told for told in found.values())


def test_a_client_that_objects_masks_nothing() -> None:
    of = circle.group(5, 3)
    mine = circle.client(of, 0)
    given = {j: circle.dealing(of, j) for j in range(1, DEALER)} | {DEALER: too_steep_key(of)}
    assert set(mine.receive(given)) == {DEALER}
    with pytest.raises(ProtocolError, match="step"):
        mine.mask_words(np.zeros((1, 32), dtype=np.uint8), Suite.KECCAK)
