"""aggregate(group, chunk, words): anybody supplies the uploads again; the contract adds them and measures the sum."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Group 0 has delivered its ten words in two chunks, last place first; group 1 is still uploading."""
    session = new_session(parameter_count=42 * 9 + 5).to(Stage.UPLOAD)
    for account in reversed(session.members_of(0)):
        session.upload_all(account)
    return session


@pytest.fixture
def session(base: SessionDriver) -> SessionDriver:
    return base.copy()


def exact_norm(session: SessionDriver, chunks: int) -> int:
    """The sum of squares of the decoded sum's first chunks, from the members' plain integers."""
    lanes = ref.lanes(session.params.lane_bits)
    reach = min(chunks * session.params.chunk_words * lanes, session.params.parameter_count)
    total = [sum(column) for column in zip(*(session.vector(a) for a in session.members_of(0)), strict=True)]
    return ref.dot(total[:reach], total[:reach])


def test_it_adds_and_measures(session: SessionDriver) -> None:
    for chunk in (0, 1):
        event = session.aggregate(0, chunk).only("Aggregated")
        assert (event.group, event.chunk) == (0, chunk)
        assert event.words == session.chunk(session.sum_of(0), chunk)
        assert event.squared_norm == session.group(0).squared_norm == exact_norm(session, chunk + 1)
        assert session.group(0).chunks_aggregated == chunk + 1
    assert session.group(0).status == Status.AGGREGATED
    assert session.stage() == Stage.UPLOAD, "while others upload"


def test_the_masks_cancel(session: SessionDriver) -> None:
    members = session.members_of(0)
    plain = [sum(column) for column in zip(*(session.vector(a) for a in members), strict=True)]
    assert ref.unpack(session.sum_of(0), session.params.lane_bits, session.params.parameter_count) == plain


def test_each_chunk_has_its_own_order(session: SessionDriver) -> None:
    """Members upload side by side: the words of a chunk come in the order of that chunk's uploads."""
    first, second, third = session.members_of(1)
    for account, chunk in ((first, 0), (second, 0), (second, 1), (third, 0), (third, 1), (first, 1)):
        session.upload(account, chunk)
    assert session.order[1, 0] != session.order[1, 1]
    with reverts("aggregate: not the uploaded words"):
        words = [session.chunk(session.words(a), 0) for a in (second, third, first)]
        session.contract.aggregate(1, 0, b"".join(words), sender=session.stranger)
    for chunk in (0, 1):
        session.aggregate(1, chunk)
    assert session.group(1).status == Status.AGGREGATED


def test_the_last_group_opens_selection(session: SessionDriver) -> None:
    session.finish_upload_of(1)
    for chunk in (0, 1):
        session.aggregate(1, chunk)
    session.aggregate(0, 0)
    assert session.stage() == Stage.AGGREGATE
    event = session.aggregate(0, 1).only("AggregationClosed")
    assert event.select_deadline == session.deadline() == session.chain.time + session.params.select_secs
    assert (session.stage(), session.state()) == (Stage.SELECT, 3)


def test_the_last_upload_opens_selection_if_all_others_are_added(session: SessionDriver) -> None:
    """Group 1 fails at the upload deadline, group 0 is aggregated by then: nothing is left to wait for."""
    for chunk in (0, 1):
        session.aggregate(0, chunk)
    receipt = session.pass_deadline()
    assert receipt.only("UploadClosed").delivered_groups == 0b01
    assert receipt.only("AggregationClosed").select_deadline == session.deadline()
    assert session.stage() == Stage.SELECT


def test_chunks_in_order_and_once(session: SessionDriver) -> None:
    with reverts("aggregate: chunk out of turn"):
        session.aggregate(0, 1)
    session.aggregate(0, 0)
    with reverts("aggregate: chunk out of turn"):
        session.aggregate(0, 0)
    session.aggregate(0, 1)
    for chunk in (1, 2, 2**256 - 1):
        with reverts("aggregate: chunk out of turn"):
            session.contract.aggregate(0, chunk, b"", sender=session.stranger)


def test_only_groups_that_have_delivered(session: SessionDriver) -> None:
    words = b"".join(session.order[0, 0])
    for group in (1, 2, 63, 2**256 - 1):
        with reverts("aggregate: group isn't delivered"):
            session.contract.aggregate(group, 0, words, sender=session.stranger)


@pytest.mark.parametrize("length", [0, 32, 3 * 8 * 32 - 1, 3 * 8 * 32 + 32, 4 * 8 * 32])
def test_the_length_of_the_words(session: SessionDriver, length: int) -> None:
    with reverts("aggregate: length of the words"):
        session.contract.aggregate(0, 0, bytes(length), sender=session.stranger)


def test_words_that_nobody_uploaded(session: SessionDriver) -> None:
    uploads = session.order[0, 0]
    forged = [bytes(len(uploads[0])), *uploads[1:]]
    for words in (forged, uploads[::-1], [uploads[0]] * 3, session.order[0, 0][1:] + session.order[0, 0][:1]):
        with reverts("aggregate: not the uploaded words"):
            session.contract.aggregate(0, 0, b"".join(words), sender=session.stranger)
    swapped = bytearray(b"".join(uploads))
    swapped[-1] ^= 1
    with reverts("aggregate: not the uploaded words"):
        session.contract.aggregate(0, 0, bytes(swapped), sender=session.stranger)


def test_the_sum_is_not_an_upload(session: SessionDriver) -> None:
    """A slot that held the uploads' hash chain holds the sum's hash now: nothing passes for both."""
    session.aggregate(0, 0)
    with reverts("aggregate: chunk out of turn"):
        session.contract.aggregate(0, 0, session.chunk(session.sum_of(0), 0) * 3, sender=session.stranger)


def test_the_last_second_and_the_next(session: SessionDriver) -> None:
    session.finish_upload_of(1)
    session.chain.next_at(session.deadline())
    session.aggregate(0, 0)
    with reverts("session: the window is over"):
        session.aggregate(0, 1)


@pytest.mark.parametrize("stage", [Stage.COMMIT, Stage.SELECT, Stage.PAYMENT, Stage.FINISHED])
def test_only_in_stages_upload_and_aggregate(new_session: Factory, stage: Stage) -> None:
    session = new_session().to(stage)
    with reverts("aggregate: wrong stage"):
        session.contract.aggregate(0, 0, b"", sender=session.stranger)


def test_a_failed_group_is_not_added(session: SessionDriver) -> None:
    session.pass_deadline()
    with reverts("aggregate: group isn't delivered"):
        session.contract.aggregate(1, 0, b"".join(session.order[0, 0]), sender=session.stranger)
