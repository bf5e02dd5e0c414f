"""Who uploads last chooses its words by the others' sum, or copies a group that was earlier."""

from __future__ import annotations

import pytest

from tests.attacks.wealth import Wealth, honest_profits
from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def at_commit(new_session: Factory) -> SessionDriver:
    return new_session(parameter_count=60).to(Stage.COMMIT)


@pytest.fixture(scope="module")
def at_upload(new_session: Factory) -> SessionDriver:
    return new_session(parameter_count=60).to(Stage.UPLOAD)


def test_no_upload_before_every_group_has_committed(at_commit: SessionDriver) -> None:
    session = at_commit.copy()
    *early, late = session.seated()
    for account in early:
        session.commit(account)
    with reverts("session: wrong stage"):
        session.upload(early[0], 0)
    session.commit(late)
    session.upload(early[0], 0)


def test_no_commitment_after_the_barrier(at_commit: SessionDriver) -> None:
    """A late group can't wait for an early group's words: it has failed by then."""
    session = at_commit.copy()
    late = session.seated()[3]
    for account in session.seated():
        if account != late:
            session.commit(account)
    session.pass_deadline()
    assert session.live_groups(Status.UPLOAD) == [0]
    with reverts("session: wrong stage"):
        session.commit(late)


def test_no_upload_while_a_second_round_commits(new_session: Factory) -> None:
    """Groups that are complete wait for those that are drawn again: the barrier is behind both rounds."""
    session = new_session(rounds=4, parameter_count=60).to(Stage.COMMIT)
    for account in session.seated():
        if account not in (session.members_of(2)[0], session.members_of(3)[0]):
            session.commit(account)
    session.pass_deadline()
    assert (session.stage(), session.first_groups(), session.group_count()) == (Stage.COMMIT, 4, 5)
    with reverts("session: wrong stage"):
        session.upload(session.members_of(0)[0], 0)
    session.finish_commit()
    assert session.stage() == Stage.UPLOAD
    session.upload(session.members_of(0)[0], 0)


def test_a_chosen_sum_is_not_what_was_committed(at_upload: SessionDriver) -> None:
    """The attacker reads its peers' words, and picks its own so that the group's sum is the vector that it wants."""
    session = at_upload.copy()
    wealth, honest = Wealth(session), honest_profits(session)
    first, second, attacker = session.members_of(0)
    for account in (first, second):
        session.upload_all(account)
    wanted = ref.pack([1] * session.params.parameter_count, session.params.lane_bits)
    seen = ref.add([session.words(first), session.words(second)])
    chosen = [(w - s) % ref.WORD for w, s in zip(wanted, seen, strict=True)]
    committed = session.chunk_hashes(attacker)
    session.payloads[attacker] = chosen
    with reverts("session: hashes don't give root"):
        session.upload(attacker, 0)
    with reverts("session: words don't give hash"):
        session.contract.upload(0, session.chunk(chosen, 0), committed, sender=attacker)
    assert session.member(attacker).chunks_delivered == 0

    session.finish_upload_of(1)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert wealth.of(attacker) == -session.params.bond_wei, "it has looked, and delivered nothing"
    told = wealth.tell("the last uploader looks and delivers nothing", attacker, honest=[honest[attacker]])
    assert told.loses
    assert told.honest_loss == 0


def test_a_copied_commitment_gives_no_words(at_commit: SessionDriver) -> None:
    """A root binds to who commits: who copies a peer's can't upload its words, when it sees them."""
    session, honest = at_commit.copy(), honest_profits(at_commit)
    wealth = Wealth(session)
    victim, copier, third = session.members_of(0)
    session.commit(victim)
    session.contract.commit(session.root(victim), sender=copier)
    for account in (third, *session.members_of(1)):
        session.commit(account)
    for account in (victim, third):
        session.upload_all(account)
    words, hashes = session.chunk(session.words(victim), 0), session.chunk_hashes(victim)
    with reverts("session: hashes don't give root"):
        session.contract.upload(0, words, hashes, sender=copier)
    session.finish_upload_of(1)
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b10
    told = wealth.tell("a peer's root and words, copied", copier, honest=[honest[copier]])
    assert told.loses
    assert told.honest_loss == 0


def test_the_words_of_another_group_are_noise_in_ones_own(at_commit: SessionDriver) -> None:
    """Masks are of one group: a copied upload leaves some in the sum that nothing cancels."""
    session, honest = at_commit.copy(), honest_profits(at_commit)
    wealth = Wealth(session)
    early, late = session.members_of(0), session.members_of(1)
    for account in early:
        session.commit(account)
    copier = late[2]
    session.payloads[copier] = session.words(early[2])
    for account in late:
        session.commit(account)
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b01
    told = wealth.tell("one member copies another group's words", copier, honest=[honest[copier]])
    assert told.loses
    assert told.honest_loss == 0


def test_a_whole_group_that_copies_another_ones_commitments_has_no_words(at_commit: SessionDriver) -> None:
    """Masks of copied words would cancel as they do in the other group: its sum would be paid twice, for no work."""
    session, honest = at_commit.copy(), honest_profits(at_commit)
    wealth = Wealth(session)
    early, late = session.members_of(0), session.members_of(1)
    for account in early:
        session.commit(account)
    for victim, copier in zip(early, late, strict=True):
        session.contract.commit(session.root(victim), sender=copier)
    for victim, copier in zip(early, late, strict=True):
        session.upload_all(victim)
        with reverts("session: hashes don't give root"):
            session.contract.upload(
                0, session.chunk(session.words(victim), 0), session.chunk_hashes(victim), sender=copier
            )
    session.pass_deadline()
    session.to(Stage.FINISHED)
    assert session.accepted() == 0b01
    told = wealth.tell("a whole group copies another one's commitments", *late, honest=[honest[a] for a in late])
    assert told.loses
    assert told.honest_loss == 0
