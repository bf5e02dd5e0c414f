"""Shares sealed for somebody else, ciphertexts swapped or spoilt, transport keys that nothing can be sealed to.

Defence: what is sealed is bound to chain, session, group, model, dealer and receiver, and to all points of the dealing
(E33); who can't open its own objects, in a window of its own that ends before the first upload. A dealer goes on where
a receiver's key is of low order: that one alone has no shares.

What remains: the contract can't tell who is right, so that neither loses a bond (`test_false_objections.py`). Who has
got nothing that it can use, says nothing and goes on can't reveal if that dealer drops out, and loses its bond then:
clients have to be there while objections are heard.
"""

from __future__ import annotations

import contextlib

import pytest

from omnilytics.codec import Dealing
from tests.attacks import circle
from tests.attacks.dealers import upload_but
from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import RecoverDriver, Stage, Status, reverts
from tests.contracts.harness.fixtures import RecoverFactory
from tests.vectors.groups import Group
from tests.vectors.reference import hpke, sharing
from tests.vectors.reference.curve import N as ORDER
from tests.vectors.reference.keccak import keccak256

SEALED = sharing.SEALED_BYTES
LOW_ORDER = [
    bytes(32),
    bytes([1]) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes([0xEC]) + bytes([0xFF] * 30) + bytes([0x7F]),
    bytes([0xED]) + bytes([0xFF] * 30) + bytes([0x7F]),
    bytes([0xEE]) + bytes([0xFF] * 30) + bytes([0x7F]),
]
"""Every public key below 2^255 that gives zero with every secret one (RFC 7748, section 6.1)."""


@pytest.fixture(scope="module")
def base(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, T = 3, seated."""
    return new_recover().to(Stage.SHARE)


@pytest.fixture(scope="module")
def objecting(new_recover: RecoverFactory) -> RecoverDriver:
    """The same; everybody has shared."""
    session = new_recover().to(Stage.SHARE)
    session.share_all()
    return session


def with_sealed(of: Group, dealer: int, changes: dict[int, bytes]) -> Dealing:
    """An honest dealing, but what is sealed to some receivers."""
    honest = circle.dealing(of, dealer)
    parts = sharing.split(honest.sealed, SEALED)
    for row, place in enumerate(sharing.others(dealer, of.members)):
        parts[row] = changes.get(place, parts[row])
    return Dealing.from_points(honest.points, b"".join(parts), honest.root)


def sealed_to(of: Group, dealer: int, place: int) -> bytes:
    """What an honest dealer has sealed to a place."""
    return sharing.split(circle.dealing(of, dealer).sealed, SEALED)[sharing.others(dealer, of.members).index(place)]


# What the clients make of it.


def test_swapped_ciphertexts_are_objected_to_by_both() -> None:
    of = circle.group(5, 3)
    swapped = with_sealed(of, 1, {2: sealed_to(of, 1, 3), 3: sealed_to(of, 1, 2)})
    found = circle.objectors(of, 1, swapped)
    assert sorted(found) == [2, 3]
    assert all("ciphertext" in why for why in found.values())


@pytest.mark.parametrize("bit", [0, 255, 256, 8 * SEALED - 1])
def test_one_bad_ciphertext_among_many(bit: int) -> None:
    """A single bit of the ephemeral key or of the ciphertext, to one of fifteen: that one sees it, nobody else."""
    of = circle.group(16, 9)
    sealed = bytearray(sealed_to(of, 7, 12))
    sealed[bit // 8] ^= 1 << bit % 8
    spoilt = with_sealed(of, 7, {12: bytes(sealed)})
    for place in (0, 11, 12, 15):
        said = circle.client(of, place).receive(
            {j: spoilt if j == 7 else circle.dealing(of, j) for j in range(16) if j != place}
        )
        assert set(said) == ({7} if place == 12 else set())


def test_a_share_for_another_place_under_the_right_key() -> None:
    """It opens; it isn't the one of its point."""
    of = circle.group(5, 3)
    drawn, points = of.coins(1), circle.dealing(of, 1).points
    shares = sharing.evaluate(drawn.f, 3 + 1), sharing.evaluate(drawn.g, 3 + 1)
    sealed = sharing.seal_share(of.scope, 1, 2, drawn.ikm[2], keccak256(points), shares)
    found = circle.objectors(of, 1, with_sealed(of, 1, {2: sealed}))
    assert list(found) == [2]
    assert "share of" in found[2]


@pytest.mark.parametrize("scalar", [0, ORDER, 2**256 - 1])
def test_a_share_that_is_no_scalar(scalar: int) -> None:
    of = circle.group(5, 3)
    drawn, points = of.coins(1), circle.dealing(of, 1).points
    for both in ((scalar, sharing.evaluate(drawn.g, 3)), (sharing.evaluate(drawn.f, 3), scalar)):
        sealed = sharing.seal_share(of.scope, 1, 2, drawn.ikm[2], keccak256(points), both)
        assert list(circle.objectors(of, 1, with_sealed(of, 1, {2: sealed}))) == [2]


def test_sealed_before_the_points_were_changed() -> None:
    """Points are what is authenticated with it: with others, even good ones, nobody opens anything."""
    of = circle.group(5, 3)
    other = circle.dealing(of, 1, of.coins(1)._replace(f=[of.keys[1], 5, 7]))
    mixed = Dealing.from_points(other.points, circle.dealing(of, 1).sealed, other.root)
    assert sorted(circle.objectors(of, 1, mixed)) == [0, 2, 3, 4]


@pytest.mark.parametrize("key", LOW_ORDER, ids=range(len(LOW_ORDER)))
def test_a_key_of_low_order_stops_nobody_else(key: bytes) -> None:
    """Nothing can be sealed to it. Dealers go on, others check what is theirs; its owner alone has nothing to open."""
    of = circle.group(4, 3)
    keys = [key if j == 2 else known for j, known in enumerate(of.scope.transports)]
    scope = of.scope._replace(transports=keys)
    with pytest.raises(ValueError, match=r"(?i)shared key|computing"):
        hpke.shared_point(of.transports[0], key)
    dealt = {j: circle.dealing(of, j, scope=scope) for j in (0, 1, 3)}
    for place in dealt:
        mine = circle.client(of, place, scope)
        assert mine.receive({j: one for j, one in dealt.items() if j != place}) == {}


# What the contract makes of it.


def test_objections_come_before_any_upload(objecting: RecoverDriver) -> None:
    """Nothing has been uploaded when they are heard; afterwards that group can't upload, and the others can."""
    session, wealth, honest = objecting.copy(), Wealth(objecting), honest_profits(objecting)
    dealer, victim, *peers = session.members_of(0)
    for account in session.seated():
        with reverts("session: wrong stage"):
            session.contract.upload(0, bytes(32), [], sender=account)
    session.object_to(victim, dealer)
    assert session.group(0).status == Status.FAILED
    session.pass_deadline()
    assert session.stage() == Stage.UPLOAD, "two survivors are no group"
    for account in (dealer, victim, *peers):
        with reverts("session: the group has failed"):
            session.contract.upload(0, bytes(32), [], sender=account)
    session.to(Stage.FINISHED)
    assert wealth.of(dealer) == wealth.of(victim) == 0
    assert not session.uploads.keys() & {(0, 0, place) for place in range(4)}
    told = wealth.tell("sealed for the wrong receiver, who objects", dealer, honest=[honest[dealer]])
    assert told.loses
    assert told.honest_loss == 0


def test_who_gets_nothing_and_says_nothing_cant_reveal(base: RecoverDriver) -> None:
    """What remains: the dealer drops out, and its victim has no share of its key to open. Both lose their bonds.

    The dealer knows that share: it rebuilds its own key, so that its accomplices are paid and share two bonds.
    """
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    members = session.members_of(0)
    victim, *accomplices, dealer = members
    upload_but(session, dealer)
    with reverts("recover: number of openings"):
        session.contract.reveal(session.self_secret(victim), session.dealing(victim).addresses, [], sender=victim)
    for account in accomplices:
        session.reveal(account)
    for account in session.members_of(1):
        session.reveal(account)
    session.pass_half_of_reveal()
    for account in accomplices:
        session.reveal_shares(account)
    for dealt, kind in ((dealer, 0), (victim, 1)):
        rebuild_from_all(session, dealt, kind, accomplices[0])
    session.pass_deadline()
    assert session.group(0).status == Status.DELIVERED
    session.secrets |= {(0, 0): session.self_secret(victim), (0, 3): session.secret(dealer)}
    session.to(Stage.FINISHED)
    bond, seat = session.params.bond_wei, session.params.reward_wei // 8
    assert wealth.of(victim) == seat - bond
    assert sum(wealth.of(a) for a in (dealer, *accomplices)) == bond + 2 * seat
    side = [dealer, *accomplices]
    told = wealth.tell("bad share to one who says nothing, then gone", *side, honest=[honest[a] for a in side])
    assert told.honest_loss == bond - seat, "clients that check in time aren't such victims"


def rebuild_from_all(session: RecoverDriver, dealer: str, kind: int, caller: str) -> None:
    """From the shares of all others, whether they have made them known or the dealer has told the caller."""
    dealing = session.dealing(dealer)
    holders = sum(1 << place for place in dealing.shares)
    given = [both[kind] for both in dealing.shares.values()]
    session.contract.rebuild(dealer, dealing.addresses, holders, given, sender=caller)


def test_transport_keys_of_low_order_register(new_recover: RecoverFactory) -> None:
    """The contract refuses only zero, what a member without a transport key would give; others harm their owner."""
    session = new_recover().to(Stage.REGISTER)
    for account, key in zip(session.listed, LOW_ORDER, strict=False):
        keys = session.keys(account)._replace(transport=key)
        refused = reverts("register: no transport key") if key == bytes(32) else contextlib.nullcontext()
        with refused:
            session.contract.register(keys, [], 0, sender=account, value=session.params.bond_wei)
    assert session.registered_count() == len(LOW_ORDER) - 1
