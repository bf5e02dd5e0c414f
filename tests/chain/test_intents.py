"""The journal that ends with the process, and what it shows of what it holds."""

from __future__ import annotations

import pytest

from omnilytics.chain.intents import Attempt, Intent, MemoryJournal, Pending
from omnilytics.errors import InputError
from omnilytics.types import Address

ALICE, BOB = (Address("0x" + digit * 40) for digit in "ab")


def intent(nonce: int, sender: Address = ALICE, chain_id: int = 1) -> Intent:
    return Intent(chain_id, "reveal", sender, nonce, BOB, b"the secret", 0, 21_000)


def attempt(fee: int = 1) -> Attempt:
    return Attempt(bytes([fee]) * 32, b"signed, with the secret", fee, fee)


def test_what_is_open_comes_in_order_of_nonce() -> None:
    journal = MemoryJournal()
    entries = {nonce: journal.intend(intent(nonce), attempt()) for nonce in (7, 5, 6)}
    journal.intend(intent(5, BOB), attempt())
    journal.intend(intent(5, ALICE, 2), attempt())
    journal.replace(entries[6], attempt(2))
    journal.mined(entries[7], bytes(32), 1, bytes(32))
    journal.close(entries[5], "refused")
    assert journal.pending(1, ALICE) == [
        Pending(entries[6], intent(6), (attempt(), attempt(2))),
        Pending(entries[7], intent(7), (attempt(),)),
    ]


def test_a_nonce_has_one_open_entry() -> None:
    journal = MemoryJournal()
    entry = journal.intend(intent(5), attempt())
    with pytest.raises(InputError, match=f"nonce 5 of {ALICE} has an entry that isn't done"):
        journal.intend(intent(5), attempt())
    journal.close(entry, "refused")
    assert journal.intend(intent(5), attempt()) != entry


def test_secrets_that_a_call_publishes_arent_shown_before() -> None:
    said = repr(Pending(1, intent(5), (attempt(),)))
    assert "secret" not in said
    assert "reveal" in said
