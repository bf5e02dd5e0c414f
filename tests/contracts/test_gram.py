"""gram(chunk, words, products): exact inner products of all pairs of aggregates, chunk by chunk."""

from __future__ import annotations

import pytest

from tests.contracts.harness import SessionDriver, Stage, Status, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

KRUM = {"rule": 1, "rounds": 5, "krum_mu_bps": 2_000, "krum_m": 2, "krum_m_rule": 1, "members": 2}


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    """Five groups of two, ten words in two chunks, all aggregated."""
    return new_session(parameter_count=42 * 9 + 5, **KRUM).to(Stage.SELECT)


@pytest.fixture
def session(base: SessionDriver) -> SessionDriver:
    return base.copy()


def decoded(session: SessionDriver, chunks: int) -> list[list[int]]:
    """The decoded aggregates, up to so many chunks."""
    reach = chunks * session.params.chunk_words
    count = min(session.params.parameter_count, reach * ref.lanes(session.params.lane_bits))
    groups = session.live_groups(Status.AGGREGATED)
    return [ref.unpack(session.sum_of(g)[:reach], session.params.lane_bits, count) for g in groups]


def test_it_adds_up_over_the_chunks(session: SessionDriver) -> None:
    for chunk in (0, 1):
        event = session.gram(chunk).only("GramAdded")
        assert event.chunk == chunk
        assert list(event.products) == ref.upper(ref.gram(decoded(session, chunk + 1)))


def test_some_products_are_negative(session: SessionDriver) -> None:
    session.gram(0)
    session.gram(1)
    assert min(session.products) < 0 < max(session.products)


def test_chunks_in_order_and_once(session: SessionDriver) -> None:
    with reverts("gram: chunk out of turn"):
        session.contract.gram(1, session.aggregates(1), [], sender=session.stranger)
    session.gram(0)
    with reverts("gram: chunk out of turn"):
        session.gram(0)
    session.gram(1)
    with reverts("gram: chunk out of turn"):
        session.contract.gram(2, b"", session.products, sender=session.stranger)


def test_products_are_those_of_the_last_call(session: SessionDriver) -> None:
    for products in ([0] * 10, [1]):
        with reverts("gram: products before chunk 0"):
            session.contract.gram(0, session.aggregates(0), products, sender=session.stranger)
    session.gram(0)
    wrong = [session.products[0] + 1, *session.products[1:]]
    for products in ([], wrong, session.products[:-1], [*session.products, 0], session.products[::-1]):
        with reverts("gram: not the last products"):
            session.contract.gram(1, session.aggregates(1), products, sender=session.stranger)


def test_words_that_nobody_aggregated(session: SessionDriver) -> None:
    words = session.aggregates(0)
    size = len(words) // 5
    for forged in (bytes(len(words)), words[size:] + words[:size], words[:-1] + bytes([words[-1] ^ 1])):
        with reverts("gram: not the aggregated words"):
            session.contract.gram(0, forged, [], sender=session.stranger)


@pytest.mark.parametrize("rows", [0, 4, 6])
def test_the_length_of_the_words(session: SessionDriver, rows: int) -> None:
    words = (session.aggregates(0) * 2)[: rows * 8 * 32]
    with reverts("gram: length of the words"):
        session.contract.gram(0, words, [], sender=session.stranger)
    with reverts("gram: length of the words"):
        session.contract.gram(0, session.aggregates(0)[:-1], [], sender=session.stranger)


def test_norm_needs_none(new_session: Factory) -> None:
    session = new_session().to(Stage.SELECT)
    with reverts("gram: the rule needs none"):
        session.contract.gram(0, session.aggregates(0), [], sender=session.stranger)


def test_the_last_second_and_the_next(session: SessionDriver) -> None:
    session.chain.next_at(session.deadline())
    session.gram(0)
    with reverts("session: the window is over"):
        session.gram(1)


@pytest.mark.parametrize("stage", [Stage.REGISTER, Stage.AGGREGATE, Stage.PAYMENT])
def test_only_in_stage_select(new_session: Factory, stage: Stage) -> None:
    session = new_session(**KRUM).to(stage)
    with reverts("session: wrong stage"):
        session.contract.gram(0, b"", [], sender=session.stranger)


def test_failed_groups_are_no_rows(new_session: Factory) -> None:
    session = new_session(parameter_count=60, **KRUM).to(Stage.UPLOAD)
    for group in (0, 1, 3, 4):
        session.finish_upload_of(group)
    session.pass_deadline()
    session.to(Stage.SELECT)
    assert session.live_groups(Status.AGGREGATED) == [0, 1, 3, 4]
    assert list(session.gram(0).only("GramAdded").products) == ref.upper(ref.gram(decoded(session, 1)))
