"""Uploads that are late, twice, of another chunk, member, group or session: each is refused and moves no money."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, conserved
from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Two chunks of eight words a member."""
    return new_session(parameter_count=42 * 16).to(Stage.UPLOAD)


@pytest.fixture
def session(base: SessionDriver) -> SessionDriver:
    return base.copy()


def test_the_same_chunk_twice(session: SessionDriver) -> None:
    member = session.seated()[0]
    session.upload(member, 0)
    with reverts("session: chunk out of turn"):
        session.upload(member, 0)
    session.upload(member, 1)
    for chunk in (0, 1, 2):
        with reverts("session: chunk out of turn"):
            session.contract.upload(
                chunk, session.chunk(session.words(member), chunk), session.chunk_hashes(member), sender=member
            )


def test_chunks_in_another_order(session: SessionDriver) -> None:
    with reverts("session: chunk out of turn"):
        session.upload(session.seated()[0], 1)


def test_words_of_another_chunk(session: SessionDriver) -> None:
    member = session.seated()[0]
    words, hashes = session.words(member), session.chunk_hashes(member)
    with reverts("session: words don't give hash"):
        session.contract.upload(0, session.chunk(words, 1), hashes, sender=member)


def test_words_of_a_peer(session: SessionDriver) -> None:
    member, peer, *_ = session.seated()
    with reverts("session: hashes don't give root"):
        session.contract.upload(0, session.chunk(session.words(peer), 0), session.chunk_hashes(peer), sender=member)


def test_somebody_who_has_no_seat(session: SessionDriver) -> None:
    member = session.seated()[0]
    words, hashes = session.words(member), session.chunk_hashes(member)
    for outsider in (session.owner, session.stranger):
        with reverts("session: no commitment"):
            session.contract.upload(0, session.chunk(words, 0), hashes, sender=outsider)


def test_after_the_deadline(session: SessionDriver) -> None:
    wealth = Wealth(session)
    *prompt, late = session.seated()
    for member in prompt:
        session.upload_all(member)
    session.upload(late, 0)
    session.chain.next_at(session.deadline() + 1)
    with reverts("session: the window is over"):
        session.upload(late, 1)
    session.advance(sender=session.stranger)
    with reverts("session: wrong stage"):
        session.upload(late, 1)
    assert session.group(1).status == Status.FAILED
    session.to(Stage.FINISHED)
    assert wealth.of(late) == -session.params.bond_wei
    assert wealth.nobody_lost(late)
    assert conserved(session)


def test_in_the_last_second(session: SessionDriver) -> None:
    *prompt, late = session.seated()
    for member in prompt:
        session.upload_all(member)
    session.upload(late, 0)
    session.chain.next_at(session.deadline())
    session.upload(late, 1)
    assert session.stage() == Stage.AGGREGATE


def test_words_of_the_same_member_in_another_session(session: SessionDriver, new_session: Factory) -> None:
    """What was committed there was not committed here."""
    other = new_session(parameter_count=42 * 16).to(Stage.UPLOAD)
    member = session.seated()[0]
    assert other.words(member) != session.words(member)
    with reverts("session: hashes don't give root"):
        session.contract.upload(0, other.chunk(other.words(member), 0), other.chunk_hashes(member), sender=member)
