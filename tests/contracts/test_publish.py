"""publish(chunk, words): W^p as float32 patterns, hashed and emitted (docs/PROTOCOL.md section 4)."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.harness import SessionDriver, Stage, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory

FINITE = [0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x00000001, 0x807FFFFF]
NOT_FINITE = [0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF]


@pytest.fixture
def session(new_session: Factory) -> SessionDriver:
    return new_session()


def words(*lanes: int) -> bytes:
    return ref.to_bytes(ref.pack(lanes, 32))


def test_the_hash_chain_and_the_event(session: SessionDriver) -> None:
    chunks = [words(*FINITE), words(1, 2, 3) + words(4)]
    for number, chunk in enumerate(chunks):
        event = session.contract.publish(number, chunk, sender=session.owner).only("Published")
        assert (event.chunk, event.words_hash, event.words) == (number, keccak(chunk), chunk)
        assert session.published_hash() == ref.publish_hash(chunks[: number + 1])
    assert session.published_words() == 3


def test_720_words_a_chunk(session: SessionDriver) -> None:
    session.contract.publish(0, bytes(720 * 32), sender=session.owner)
    with reverts():
        session.contract.publish(1, bytes(721 * 32), sender=session.owner)


@pytest.mark.parametrize("lane", range(8))
@pytest.mark.parametrize("pattern", NOT_FINITE)
def test_nan_and_infinity(session: SessionDriver, pattern: int, lane: int) -> None:
    lanes = [*FINITE]
    lanes[lane] = pattern
    with reverts("publish: NaN or infinity"):
        session.contract.publish(0, words(1) + words(*lanes) + words(2), sender=session.owner)
    assert session.published_words() == 0


@pytest.mark.parametrize("pattern", FINITE)
def test_every_finite_pattern_in_every_lane(session: SessionDriver, pattern: int) -> None:
    session.contract.publish(0, words(*[pattern] * 8), sender=session.owner)
    assert session.published_words() == 1


@pytest.mark.parametrize("length", [0, 1, 31, 33, 63])
def test_whole_words(session: SessionDriver, length: int) -> None:
    with reverts("session: not whole words"):
        session.contract.publish(0, bytes(length), sender=session.owner)


def test_chunks_in_order(session: SessionDriver) -> None:
    for chunk in (1, 2**256 - 1):
        with reverts("session: published out of turn"):
            session.contract.publish(chunk, words(1), sender=session.owner)
    session.contract.publish(0, words(1), sender=session.owner)
    with reverts("session: published out of turn"):
        session.contract.publish(0, words(1), sender=session.owner)


def test_255_chunks_at_most(session: SessionDriver) -> None:
    for chunk in range(255):
        session.contract.publish(chunk, bytes(32), sender=session.owner)
    with reverts("session: too many chunks"):
        session.contract.publish(255, bytes(32), sender=session.owner)


def test_only_the_owner(session: SessionDriver) -> None:
    with reverts("session: only the owner"):
        session.contract.publish(0, words(1), sender=session.stranger)


@pytest.mark.parametrize("stage", [Stage.REGISTER, Stage.UPLOAD, Stage.FINISHED])
def test_only_in_setup(session: SessionDriver, stage: Stage) -> None:
    session.to(stage)
    with reverts("session: wrong stage"):
        session.contract.publish(1, words(1), sender=session.owner)
