"""A member uploads late, twice, another chunk, or words of another member, group, round or session."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import Reverted, SessionDriver, Stage, Status, reverts
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
    wealth, honest = Wealth(session), honest_profits(session)
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
    told = wealth.tell("the last chunk a second too late", late, honest=[honest[late]])
    assert told.loses
    assert told.honest_loss == 0


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


def test_a_wrong_chunk_hurts_who_sends_it_alone(session: SessionDriver) -> None:
    """It tries whatever it has, is refused each time, delivers at last, and has paid for the gas."""
    wealth, honest = Wealth(session), honest_profits(session)
    member, peer, *_ = session.seated()
    words, hashes = session.words(member), session.chunk_hashes(member)
    wrong = [
        (0, session.chunk(words, 1), hashes),
        (1, session.chunk(words, 1), hashes),
        (0, session.chunk(session.words(peer), 0), hashes),
        (0, session.chunk(words, 0)[:-32], hashes),
        (0, session.chunk(words, 0) + bytes(32), hashes),
        (0, session.chunk(words, 0), hashes[:1]),
        (0, session.chunk(words, 0), [*hashes, bytes(32)]),
        (2, b"", hashes),
    ]
    for chunk, data, claimed in wrong:
        with pytest.raises(Reverted):
            session.contract.upload(chunk, data, claimed, sender=member)
    session.to(Stage.FINISHED)
    told = wealth.tell("eight wrong uploads, then the right one", member, honest=[honest[member]])
    assert told.over_honest < 0
    assert told.honest_loss == 0


def test_who_failed_in_the_first_round_uploads_nothing(new_session: Factory) -> None:
    """Nor does who wasn't drawn again; who was uploads what it committed to in the second round."""
    session = new_session(rounds=4, assignment=1).to(Stage.COMMIT)
    missing = [session.members_of(g)[0] for g in (0, 1)]
    peers = [a for g in (0, 1) for a in session.members_of(g)[1:]]
    for account in session.seated():
        if account not in missing:
            session.commit(account)
    first_words = {a: (session.chunk(session.words(a), 0), session.chunk_hashes(a)) for a in peers}
    session.pass_deadline()
    session.draw()
    again = session.members_of(4)
    session.finish_commit()
    with reverts("session: no commitment"):
        session.upload(missing[0], 0)
    for account in peers:
        words, hashes = first_words[account]
        reason = "session: hashes don't give root" if account in again else "session: the group has failed"
        with reverts(reason):
            session.contract.upload(0, words, hashes, sender=account)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b11100
