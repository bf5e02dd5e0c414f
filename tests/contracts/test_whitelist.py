"""whitelist(members): the owner says who may join, before it starts."""

from __future__ import annotations

import pytest

from tests.contracts.harness import Accounts, SessionDriver, Stage, reverts
from tests.contracts.harness.fixtures import Factory


@pytest.fixture
def session(new_session: Factory) -> SessionDriver:
    return new_session()


def test_it_lists_and_says_so(session: SessionDriver, accounts: Accounts) -> None:
    event = session.whitelist().only("Whitelisted")
    assert event.members == session.listed
    assert session.contract.capacity() == 6
    assert all(session.member(a).listed for a in session.listed)
    assert not session.member(accounts.stranger).listed


def test_lists_add_up(session: SessionDriver, accounts: Accounts) -> None:
    for some in (accounts[:2], accounts[2:5]):
        session.contract.whitelist(some, sender=session.owner)
    assert session.contract.capacity() == 5


def test_only_the_owner(session: SessionDriver, accounts: Accounts) -> None:
    for sender in (accounts.alice, accounts.stranger, session.contract.market()):
        with reverts("session: only the owner"):
            session.contract.whitelist([accounts.alice], sender=sender)


@pytest.mark.parametrize("stage", [Stage.REGISTER, Stage.COMMIT, Stage.FINISHED])
def test_only_in_setup(session: SessionDriver, accounts: Accounts, stage: Stage) -> None:
    session.to(stage)
    with reverts("session: wrong stage"):
        session.contract.whitelist([accounts.stranger], sender=session.owner)


def test_nobody(session: SessionDriver) -> None:
    with reverts("session: nobody to list"):
        session.contract.whitelist([], sender=session.owner)


def test_the_zero_address(session: SessionDriver, accounts: Accounts) -> None:
    with reverts("registry: zero address"):
        session.contract.whitelist([accounts.alice, "0x" + "00" * 20], sender=session.owner)
    assert session.contract.capacity() == 0


def test_twice(session: SessionDriver, accounts: Accounts) -> None:
    with reverts("registry: listed twice"):
        session.contract.whitelist([accounts.alice, accounts.alice], sender=session.owner)
    session.contract.whitelist([accounts.alice], sender=session.owner)
    with reverts("registry: listed twice"):
        session.contract.whitelist([accounts.bob, accounts.alice], sender=session.owner)
    assert session.contract.capacity() == 1


def many(first: int, count: int) -> list[str]:
    return [f"0x{first + i:040x}" for i in range(1, count + 1)]


def test_256_a_call(session: SessionDriver) -> None:
    session.contract.whitelist(many(0, 256), sender=session.owner)
    with reverts():
        session.contract.whitelist(many(256, 257), sender=session.owner)
    assert session.contract.capacity() == 256


def test_4096_in_all(session: SessionDriver) -> None:
    for call in range(16):
        session.contract.whitelist(many(256 * call, 256), sender=session.owner)
    with reverts("session: whitelist is full"):
        session.contract.whitelist(many(4_096, 1), sender=session.owner)
    assert session.contract.capacity() == 4_096


def test_ether_is_not_taken(session: SessionDriver, accounts: Accounts) -> None:
    with reverts():
        session.contract.whitelist([accounts.alice], sender=session.owner, value=1)
