"""What a verifier may conclude from the sessions before, and what it takes as it is told."""

from __future__ import annotations

from omnilytics.protocol.history import History, Past
from omnilytics.protocol.seating import Seating
from omnilytics.types import Address, RecordConstants

OWNER, OTHER, A, B = (Address(f"0x{i:040x}") for i in range(1, 5))
CONSTANTS = RecordConstants()


def test_a_newcomer_stays_one_until_a_session_says_something() -> None:
    history = History()
    assert not history.registered(OWNER, A, 2**14, CONSTANTS)
    assert history.registered(OWNER, A, 2**14, CONSTANTS)
    history.settled(OWNER, A, True, CONSTANTS)
    after = 28_672 - 28_672 // 50
    assert history.registered(OWNER, A, after, CONSTANTS)
    assert not history.registered(OWNER, A, after, CONSTANTS)


def test_what_may_be_a_newcomer_may_be_a_record_too() -> None:
    history = History()
    history.registered(OWNER, A, 2**14, CONSTANTS)
    assert history.registered(OWNER, A, 2**14 - 2**14 // 50, CONSTANTS)


def test_a_record_fades_at_each_registration() -> None:
    history = History()
    history.registered(OWNER, A, 50_000, CONSTANTS)
    assert history.registered(OWNER, A, 49_000, CONSTANTS)
    history.settled(OWNER, A, False, CONSTANTS)
    assert history.registered(OWNER, A, 36_750 - 735, CONSTANTS)


def test_what_doesnt_follow_is_where_it_goes_on_from() -> None:
    history = History()
    history.registered(OWNER, A, 50_000, CONSTANTS)
    assert not history.registered(OWNER, A, 100, CONSTANTS)
    assert history.registered(OWNER, A, 98, CONSTANTS)


def test_owners_dont_share_what_they_know() -> None:
    history = History()
    history.registered(OWNER, A, 50_000, CONSTANTS)
    assert not history.registered(OTHER, A, 49_000, CONSTANTS)
    history.settled(OTHER, B, True, CONSTANTS)
    assert not history.registered(OTHER, B, 2**14, CONSTANTS)


def test_places_in_accepted_groups() -> None:
    past = Past(OWNER, 2, Seating(((A, B), (B, A)), (), 1), accepted={1: 0b11})
    assert past.place(1, A) == 1
    assert past.place(0, A) is None
    assert past.place(1, OTHER) is None
    assert Past(OWNER, 2, past.seats, accepted={}).place(1, A) is None
    late = Past(OWNER, 2, past.seats, accepted={1: 0b10})
    assert (late.place(1, A), late.place(1, B)) == (1, None)
