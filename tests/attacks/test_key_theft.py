"""A member registers a key that isn't its own, is used twice, or is no point: off the curve, x >= n."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import Accounts, Chain, SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory
from tests.contracts.harness.keys import CURVE_ORDER, FIELD, Keys, key_digest, make_keys, off_curve_x, public, sign


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    return new_session().to(Stage.REGISTER)


def join(session: SessionDriver, keys: Keys, account: str) -> None:
    session.contract.register(keys, [], 0, sender=account, value=session.params.bond_wei)


def refused(session: SessionDriver, keys: Keys, account: str, reason: str) -> None:
    """The registration reverts, and the account has its ether."""
    wei = session.chain.balance(account)
    with reverts(reason):
        join(session, keys, account)
    assert session.chain.balance(account) == wei
    assert not session.member(account).registered


def test_a_signature_copied_from_the_pool(base: SessionDriver, accounts: Accounts) -> None:
    """The front runner sends alice's keys before she does: the signature names her."""
    refused(base, base.keys(accounts.alice), accounts.bob, "register: key signature")
    base.register(accounts.alice)


def test_a_signature_from_another_session(base: SessionDriver, new_session: Factory, accounts: Accounts) -> None:
    other = new_session()
    keys = make_keys(base.secret(accounts.alice), base.chain.id, other.contract.address, accounts.alice)
    refused(base, keys, accounts.alice, "register: key signature")


def test_a_signature_from_another_chain(base: SessionDriver, accounts: Accounts) -> None:
    keys = make_keys(base.secret(accounts.alice), base.chain.id + 1, base.contract.address, accounts.alice)
    refused(base, keys, accounts.alice, "register: key signature")


def test_a_key_that_another_member_has(base: SessionDriver, accounts: Accounts) -> None:
    """Even who knows the secret can't register a key twice: two equal keys would cancel masks within a pair."""
    base.register(accounts.alice)
    keys = make_keys(base.secret(accounts.alice), base.chain.id, base.contract.address, accounts.bob)
    refused(base, keys, accounts.bob, "registry: key seen before")


def test_the_mirrored_key_of_another_member_is_another_key(base: SessionDriver, accounts: Accounts) -> None:
    """x alone isn't the key: -PK needs the secret n - sk, which only who knows sk has."""
    base.register(accounts.alice)
    secret = CURVE_ORDER - base.secret(accounts.alice)
    assert public(secret)[0] == base.keys(accounts.alice).x
    join(base, make_keys(secret, base.chain.id, base.contract.address, accounts.bob), accounts.bob)


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (0, "register: x out of range"),
        (CURVE_ORDER, "register: x out of range"),
        (CURVE_ORDER + 1, "register: x out of range"),
        (FIELD, "register: x out of range"),
        (2**256 - 1, "register: x out of range"),
        (off_curve_x(), "register: x isn't on the curve"),
        (off_curve_x(CURVE_ORDER - 10), "register: x isn't on the curve"),
    ],
)
def test_x_that_is_no_point(base: SessionDriver, accounts: Accounts, x: int, reason: str) -> None:
    if reason.endswith("curve"):
        assert x < CURVE_ORDER
    refused(base, base.keys(accounts.alice)._replace(x=x), accounts.alice, reason)


@pytest.mark.parametrize("change", [{"v": 0}, {"v": 26}, {"v": 29}, {"r": 0}, {"s": 0}, {"r": CURVE_ORDER}, {"s": 1}])
def test_a_signature_that_is_none(base: SessionDriver, accounts: Accounts, change: dict[str, int]) -> None:
    refused(base, base.keys(accounts.alice)._replace(**change), accounts.alice, "register: key signature")


def test_the_other_parity_is_another_signer(base: SessionDriver, accounts: Accounts) -> None:
    keys = base.keys(accounts.alice)
    refused(base, keys._replace(parity=1 - keys.parity), accounts.alice, "register: key signature")


def test_a_parity_that_is_no_bit(base: SessionDriver, accounts: Accounts) -> None:
    for parity in (2, 2**256 - 27):
        refused(
            base, base.keys(accounts.alice)._replace(parity=parity), accounts.alice, "register: parity out of range"
        )


def test_a_high_s_is_the_same_signature(base: SessionDriver, accounts: Accounts, chain: Chain) -> None:
    """Malleability gives nothing: the key is seen, whatever the form of its signature."""
    keys = base.keys(accounts.alice)
    twin = keys._replace(v=55 - keys.v, s=CURVE_ORDER - keys.s)
    join(base, twin, accounts.alice)
    assert base.member(accounts.alice).key_address == base.key_address(accounts.alice)
    digest = key_digest(chain.id, base.contract.address, accounts.bob)
    keys = Keys(keys.x, keys.parity, *sign(base.secret(accounts.alice), digest))
    refused(base, keys, accounts.bob, "registry: key seen before")


def test_a_thief_pays_for_its_gas(base: SessionDriver, accounts: Accounts) -> None:
    """It runs ahead of everybody with their keys, and has nothing: neither a seat nor their places."""
    session, wealth, honest = base.copy(), Wealth(base), honest_profits(base)
    thief = accounts.frank
    for victim in session.listed[:5]:
        refused(session, session.keys(victim), thief, "register: key signature")
        session.register(victim)
    assert wealth.of(thief) == 0
    session.chain.next_at(session.deadline() + 1)
    session.advance(sender=session.stranger)
    session.to(Stage.FINISHED)
    told = wealth.tell("five keys stolen from the pool", thief, honest=[honest[thief]])
    assert told.loses
    assert told.honest_loss == 0
