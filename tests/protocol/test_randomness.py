"""A member's secrets on a real chain: the operating system's, and after a crash the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from eth_account import Account

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.chain.journal import FileJournal
from omnilytics.protocol.member_role import once
from omnilytics.protocol.randomness import DurableRandomness, Randomness
from omnilytics.types import Address

ACCOUNT = Account.from_key(b"\1" * 32)
SENDER = Address(ACCOUNT.address.lower())
SESSION = Address("0x" + "aa" * 20)
OTHER = Address("0x" + "bb" * 20)


def drawn(folder: Path, session: Address) -> tuple[Address, Address, bytes]:
    """What a member draws for a session, in a process of its own as far as the journal can tell."""
    with FileJournal(folder, EmbeddedChain().chain_id, [ACCOUNT]) as journal:
        randomness: Randomness = DurableRandomness(journal.of(SENDER), session)
        key, member_secrets = randomness.mask_key(), randomness.member_secrets()
        return key.address, member_secrets.key.address, randomness.rounding_seed()


def test_it_is_the_same_after_a_crash(tmp_path: Path) -> None:
    assert drawn(tmp_path, SESSION) == drawn(tmp_path, SESSION)


@pytest.mark.parametrize("place", range(3))
def test_it_differs_between_sessions_and_journals(tmp_path: Path, place: int) -> None:
    first = drawn(tmp_path / "one", SESSION)[place]
    assert first != drawn(tmp_path / "one", OTHER)[place]
    assert first != drawn(tmp_path / "two", SESSION)[place]


def test_secrets_of_one_session_differ(tmp_path: Path) -> None:
    key, other, _ = drawn(tmp_path, SESSION)
    assert key != other


def test_it_is_no_seed_and_polynomials_are_those_of_the_group(tmp_path: Path) -> None:
    with FileJournal(tmp_path, 1, [ACCOUNT]) as journal:
        randomness = DurableRandomness(journal.of(SENDER), SESSION)
        assert not randomness.seeded
        first, again, other = (randomness.sharing_seed(0, members) for members in ([SENDER], [SENDER], [SESSION]))
        assert first == again != other


def test_a_member_trains_once_for_a_session(tmp_path: Path) -> None:
    trained = iter(np.arange(6, dtype=np.float32).reshape(2, 3))
    published = np.zeros(3, dtype=np.float32)
    for session in (SESSION, SESSION, OTHER):
        with FileJournal(tmp_path, 1, [ACCOUNT]) as journal:
            weights = once(lambda start: start + next(trained), journal.of(SENDER), session)(published)
        assert weights.tolist() == ([0, 1, 2] if session == SESSION else [3, 4, 5])
        weights += 1
