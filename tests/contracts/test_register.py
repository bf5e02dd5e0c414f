"""register(keys, proof, cohort): a whitelisted account joins with a fresh key and its bond."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.harness import SessionDriver, Stage, reverts, session_type
from tests.contracts.harness.fixtures import Factory, RecoverFactory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    return new_session().to(Stage.REGISTER)


@pytest.fixture(scope="module")
def shuffled(new_session: Factory) -> SessionDriver:
    return new_session(8, assignment=1).to(Stage.REGISTER)


def test_it_joins(base: SessionDriver) -> None:
    for index, account in enumerate(base.listed[:3]):
        event = base.register(account).only("Registered")
        keys = base.keys(account)
        assert (event.member, event.index, event.x, event.parity) == (account, index, keys.x, keys.parity)
        assert event.key_address == base.key_address(account)
        assert (event.suspicion, event.cohort) == (0, 0)
        member = base.member(account)
        assert (member.registered, member.pool, member.rank) == (True, 0, index)
        assert (member.key_address, member.committed, member.declined) == (base.key_address(account), False, False)
        assert not member.seated
    bonds = 3 * base.params.bond_wei
    assert base.registered_count() == 3
    assert base.money() == (base.params.reward_wei + bonds, 0, base.params.reward_wei + bonds, 0)


def test_only_who_is_listed(base: SessionDriver) -> None:
    for account in (base.stranger, base.owner):
        with reverts("session: not on the whitelist"):
            base.register(account)


def test_only_once(base: SessionDriver) -> None:
    account = base.listed[0]
    base.register(account)
    with reverts("session: already registered"):
        base.register(account)


def test_the_value_is_the_bond(base: SessionDriver) -> None:
    account, bond = base.listed[0], base.params.bond_wei
    for wei in (0, bond - 1, bond + 1, 2 * bond):
        with reverts("session: value other than the bond"):
            base.contract.register(base.keys(account), [], 0, sender=account, value=wei)


def test_a_transport_key_is_for_recover_alone(base: SessionDriver) -> None:
    account, bond = base.listed[0], base.params.bond_wei
    keys = base.keys(account)
    with reverts("register: transport key with abort"):
        base.contract.register(keys._replace(transport=b"\1" * 32), [], 0, sender=account, value=bond)


def test_recover_asks_for_a_transport_key(new_recover: RecoverFactory) -> None:
    """Any but zero: a key that nothing can be sealed to is its owner's loss."""
    session = new_recover().to(Stage.REGISTER)
    account, bond = session.listed[0], session.params.bond_wei
    keys = session.keys(account)
    with reverts("register: no transport key"):
        session.contract.register(keys._replace(transport=bytes(32)), [], 0, sender=account, value=bond)
    for number, transport in enumerate((keys.transport, bytes(31) + b"\1", b"\xff" * 32)):
        joining = session.listed[number]
        given = session.keys(joining)._replace(transport=transport)
        receipt = session.contract.register(given, [], 0, sender=joining, value=bond)
        assert receipt.only("Registered").transport == transport


@pytest.mark.parametrize("stage", [Stage.SETUP, Stage.COMMIT, Stage.FINISHED])
def test_only_while_registration_is_open(new_session: Factory, stage: Stage) -> None:
    session = new_session(7).to(stage)
    with reverts("session: wrong stage"):
        session.contract.register(session.keys(session.listed[6]), [], 0, sender=session.listed[6], value=0)


def test_the_last_second_and_the_next(base: SessionDriver) -> None:
    base.chain.next_at(base.deadline())
    base.register(base.listed[0])
    with reverts("session: the window is over"):
        base.register(base.listed[1])


def test_greedy_closes_when_every_seat_is_taken(new_session: Factory) -> None:
    session = new_session(8).to(Stage.REGISTER)
    session.register_all(session.listed[:5])
    receipt = session.register(session.listed[5])
    closed, drawn = receipt.only("RegistrationClosed"), receipt.only("Drawn")
    assert (closed.registered, closed.draw_block) == (6, 0)
    assert (drawn.seed, drawn.groups, drawn.unseated) == (bytes(32), 2, 0)
    assert drawn.commit_deadline == session.deadline() == session.chain.time + session.params.commit_secs
    assert session.stage() == Stage.COMMIT
    for index, account in enumerate(session.listed[:6]):
        seat = session.member(account)
        assert (seat.seated, seat.group, seat.place) == (True, index // 3, index % 3)


def test_it_closes_when_everybody_is_in(new_session: Factory) -> None:
    session = new_session(4).to(Stage.REGISTER)
    session.register_all(session.listed[:3])
    drawn = session.register(session.listed[3]).only("Drawn")
    assert (drawn.groups, drawn.unseated) == (1, 1)
    assert session.credit_of(session.listed[3]) == session.params.bond_wei
    session.contract.withdraw(sender=session.listed[3])
    assert not session.member(session.listed[3]).seated


def test_a_proof_with_a_list(base: SessionDriver) -> None:
    account = base.listed[0]
    with reverts("session: proof with a list"):
        base.contract.register(base.keys(account), [bytes(32)], 0, sender=account, value=base.params.bond_wei)


def test_a_cohort_with_greedy(base: SessionDriver) -> None:
    account = base.listed[0]
    with reverts("session: cohort with greedy"):
        base.contract.register(base.keys(account), [], 1, sender=account, value=base.params.bond_wei)


def test_more_than_the_capacity(base: SessionDriver, new_session: Factory) -> None:
    """The last one that fits closes registration; were it open all the same, nobody more would get in."""
    session = new_session(8).to(Stage.REGISTER)
    session.register(session.listed[0])
    where = slot_of("progress", "_progress_slot")
    packed = boa.env.get_storage(session.contract.address, where)
    registered, capacity = packed >> 104 & 0xFFFF, packed >> 88 & 0xFFFF
    assert (registered, capacity) == (1, 8)
    boa.env.set_storage(session.contract.address, where, packed + (7 << 104))
    assert (session.registered_count(), session.stage()) == (8, Stage.REGISTER)
    with reverts("session: session is full"):
        session.register(session.listed[1])


def slot_of(module: str, name: str) -> int:
    """Where a session keeps a variable."""
    return int(session_type().layout["storage_layout"][module][name]["slot"])


def test_shuffled_takes_everybody_on_the_list(shuffled: SessionDriver) -> None:
    shuffled.register_all(shuffled.listed[:7])
    assert shuffled.stage() == Stage.REGISTER
    event = shuffled.register(shuffled.listed[7]).only("RegistrationClosed")
    assert shuffled.stage() == Stage.DRAW
    assert event.draw_block == shuffled.draw_block() == shuffled.chain.height + 4
    assert (shuffled.state(), shuffled.deadline()) == (1, 0)


def test_too_few_and_all_is_refunded(new_session: Factory) -> None:
    session = new_session(5, min_rounds=1).to(Stage.REGISTER)
    session.register_all(session.listed[:2])
    receipt = session.pass_deadline()
    assert receipt.only("RegistrationClosed").registered == 2
    cancelled = receipt.only("Cancelled")
    assert (cancelled.by, cancelled.groups) == (session.stranger, 0)
    assert receipt.only("Finished").owner_credit_wei == session.params.reward_wei
    assert session.stage() == Stage.FINISHED
    assert [session.credit_of(a) for a in session.listed[:3]] == [session.params.bond_wei] * 2 + [0]
    assert session.money().locked == 0
