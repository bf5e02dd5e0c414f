"""upload(chunk, words, chunk_hashes): what was committed, chunk by chunk. tests/attacks has more refusals."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Ten words: a chunk of eight, one of two."""
    return new_session(parameter_count=42 * 9 + 5).to(Stage.UPLOAD)


@pytest.fixture
def session(base: SessionDriver) -> SessionDriver:
    return base.copy()


def test_it_delivers(session: SessionDriver) -> None:
    account = session.seated()[1]
    for chunk, size in enumerate((8, 2)):
        event = session.upload(account, chunk).only("Uploaded")
        assert (event.member, event.group, event.place, event.chunk) == (account, 0, 1, chunk)
        assert event.words == session.chunk(session.words(account), chunk)
        assert len(event.words) == 32 * size
        assert session.member(account).chunks_delivered == chunk + 1
    assert session.group(0).delivered == 0b010
    assert session.group(0).status == Status.UPLOAD


def test_a_group_delivers_with_its_last_chunk(session: SessionDriver) -> None:
    session.finish_upload_of(0)
    assert [session.group(g).status for g in range(2)] == [Status.DELIVERED, Status.UPLOAD]
    assert session.stage() == Stage.UPLOAD


def test_the_last_upload_closes(session: SessionDriver) -> None:
    *others, last = session.seated()
    for account in others:
        session.upload_all(account)
    session.upload(last, 0)
    event = session.upload(last, 1).only("UploadClosed")
    assert event.delivered_groups == 0b11
    assert event.deadline == session.deadline() == session.chain.time + session.params.aggregate_secs
    assert (session.stage(), session.state()) == (Stage.AGGREGATE, 2)


@pytest.mark.parametrize("length", [0, 31, 32, 7 * 32, 9 * 32, 255, 257])
def test_the_length_of_a_chunk(session: SessionDriver, length: int) -> None:
    account = session.seated()[0]
    with reverts("session: length of the chunk"):
        session.contract.upload(0, bytes(length), session.chunk_hashes(account), sender=account)


@pytest.mark.parametrize(("delivered", "chunk"), [(0, 1), (1, 0), (1, 2), (2, 1), (2, 2)])
def test_a_chunk_out_of_turn(session: SessionDriver, delivered: int, chunk: int) -> None:
    account = session.seated()[0]
    for turn in range(delivered):
        session.upload(account, turn)
    words = session.chunk(session.words(account), chunk)
    with reverts("session: chunk out of turn"):
        session.contract.upload(chunk, words, session.chunk_hashes(account), sender=account)


def test_another_number_of_hashes(new_session: Factory) -> None:
    """Who committed to three chunks of two can't deliver any."""
    session = new_session(parameter_count=42 * 9).to(Stage.COMMIT)
    account = session.seated()[0]
    hashes = [*session.chunk_hashes(account), keccak(b"one too many")]
    session.contract.commit(ref.commitment(account, ref.upload_hash(hashes)), sender=account)
    for other in session.seated()[1:]:
        session.commit(other)
    with reverts("session: number of hashes"):
        session.contract.upload(0, session.chunk(session.words(account), 0), hashes, sender=account)
    with reverts("session: hashes don't give root"):
        session.upload(account, 0)


def test_sixty_four_hashes_at_most(session: SessionDriver) -> None:
    account = session.seated()[0]
    with reverts():
        session.contract.upload(0, bytes(256), [bytes(32)] * 65, sender=account)


def test_words_other_than_committed(session: SessionDriver) -> None:
    account = session.seated()[0]
    words = [session.words(account)[0] ^ 1, *session.words(account)[1:]]
    with reverts("session: words don't give hash"):
        session.contract.upload(0, session.chunk(words, 0), session.chunk_hashes(account), sender=account)


def test_the_deadline_fails_who_is_late(session: SessionDriver) -> None:
    session.finish_upload_of(0)
    session.upload_all(session.members_of(1)[2])
    receipt = session.pass_deadline()
    failed, closed = receipt.only("GroupFailed"), receipt.only("UploadClosed")
    assert (failed.group, failed.stage, failed.did_their_part) == (1, 5, 0b100)
    assert closed.delivered_groups == 0b01
    assert [session.group(g).status for g in range(2)] == [Status.DELIVERED, Status.FAILED]


def test_nobody_delivered(session: SessionDriver) -> None:
    receipt = session.pass_deadline()
    assert receipt.only("UploadClosed").delivered_groups == 0
    assert receipt.only("Selected").paid == 0
    assert session.stage() == Stage.PAYMENT
    session.finish_payment()
    assert session.credit_of(session.owner) == session.params.reward_wei


@pytest.mark.parametrize("stage", [Stage.REGISTER, Stage.COMMIT, Stage.AGGREGATE, Stage.FINISHED])
def test_only_in_stage_upload(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("session: wrong stage"):
        session.contract.upload(0, bytes(32), [bytes(32)], sender=session.listed[0])
