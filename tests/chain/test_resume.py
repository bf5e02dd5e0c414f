"""Every entry is brought to an end, wherever its transaction is: the places are enumerated, not sampled."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnilytics.chain.intents import MemoryJournal, Pending
from omnilytics.chain.resume import Standing, State, free_nonce, look, resume
from omnilytics.types import Receipt
from tests.chain.pool import CHAIN_ID, SENDER, Chain, attempt, hash_of, intent, signed

CONFIRMATIONS = 2
ATTEMPTS = (signed(0, 100), signed(0, 120), signed(0, 150))
REVERTING = tuple(signed(0, fee, reverts=True) for fee in (100, 120, 150))
RIVAL = signed(0, 110, "somebody else's")
DEAR_RIVAL = signed(0, 1_000, "somebody else's")
DEPTHS = (0, 1, 2, 3)


class Notes(MemoryJournal):
    """A journal that keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[tuple[int, bytes]] = []
        self.closed: dict[int, Receipt | str] = {}

    def mined(self, entry: int, tx_hash: bytes, block: int, block_hash: bytes) -> None:
        self.blocks.append((block, block_hash))

    def close(self, entry: int, outcome: Receipt | str) -> None:
        super().close(entry, outcome)
        assert entry not in self.closed
        self.closed[entry] = outcome


def journal_of(raws: Sequence[bytes]) -> tuple[Notes, Pending]:
    journal = Notes()
    entry = journal.intend(intent(0), attempt(raws[0]))
    for raw in raws[1:]:
        journal.replace(entry, attempt(raw))
    return journal, journal.pending(CHAIN_ID, SENDER)[0]


def in_block(raw: bytes, depth: int) -> Chain:
    chain = Chain()
    chain.pool[0] = raw
    for _ in range(1 + depth):
        chain.mine()
    return chain


def in_pool(raw: bytes) -> Chain:
    chain = Chain()
    chain.pool[0] = raw
    return chain


def resumed(journal: Notes, chain: Chain, passes: int = 20) -> list[Standing]:
    """Resumes while the chain goes on by a block for each look."""
    left = iter(range(passes))

    def wait(open_entries: Sequence[Standing]) -> None:
        assert open_entries
        next(left)
        chain.mine()

    return resume(journal, chain, CHAIN_ID, SENDER, CONFIRMATIONS, wait)


OWN = [(count, mined, depth) for count in (1, 2, 3) for mined in range(count) for depth in DEPTHS]


@pytest.mark.parametrize(("count", "mined", "depth"), OWN)
@pytest.mark.parametrize("raws", [ATTEMPTS, REVERTING], ids=["succeeds", "reverts"])
def test_an_attempt_in_a_block_is_taken_and_nothing_sent(
    raws: tuple[bytes, ...], count: int, mined: int, depth: int
) -> None:
    journal, pending = journal_of(raws[:count])
    chain = in_block(raws[mined], depth)
    standing = look(journal, chain, pending, CONFIRMATIONS)
    end = State.DONE if raws is ATTEMPTS else State.REVERTED
    assert standing.state == (end if depth >= CONFIRMATIONS else State.SHALLOW)
    assert standing.state.ends == (pending.entry in journal.closed)
    assert [block for block, _ in journal.blocks] == [1]
    ends = [standing] if standing.state.ends else resumed(journal, chain)
    assert [one.state for one in ends] == [end]
    assert chain.sent == []
    outcome = journal.closed[pending.entry]
    if isinstance(outcome, Receipt):
        assert (outcome.tx_hash, outcome.block) == (hash_of(raws[mined]), 1)
    else:
        assert outcome == "upload reverted: odd"


@pytest.mark.parametrize("blind", range(1, 12))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_receipt_that_a_node_has_not_got_yet_is_no_sign_of_another_transaction(count: int, blind: int) -> None:
    """The nonce is used, by ours, and whoever is asked for receipts is behind: nothing is given up, nothing sent."""
    journal, pending = journal_of(ATTEMPTS[:count])
    chain = in_block(ATTEMPTS[0], CONFIRMATIONS)
    chain.blind = blind
    standing = look(journal, chain, pending, CONFIRMATIONS)
    assert standing.state == (State.SHALLOW if blind >= 2 * count else State.DONE)
    if not standing.state.ends:
        assert [one.state for one in resumed(journal, chain)] == [State.DONE]
    assert chain.sent == []


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_nonce_that_another_transaction_used_is_given_up_once_that_is_deep(count: int, depth: int) -> None:
    journal, pending = journal_of(ATTEMPTS[:count])
    chain = in_block(RIVAL, depth)
    standing = look(journal, chain, pending, CONFIRMATIONS)
    assert standing.state == (State.REPLACED if depth >= CONFIRMATIONS else State.SHALLOW)
    if not standing.state.ends:
        assert [one.state for one in resumed(journal, chain)] == [State.REPLACED]
    assert chain.sent == []
    assert journal.closed == {pending.entry: f"nonce 0 of {SENDER} was used by another transaction"}


IN_NO_BLOCK = [(count, held) for count in (1, 2, 3) for held in (None, RIVAL, *ATTEMPTS[:count])]


@pytest.mark.parametrize(("count", "held"), IN_NO_BLOCK)
def test_what_is_in_no_block_is_sent_again(count: int, held: bytes | None) -> None:
    journal, pending = journal_of(ATTEMPTS[:count])
    chain = Chain() if held is None else in_pool(held)
    standing = look(journal, chain, pending, CONFIRMATIONS)
    # a rival in the pool bids 110: the first attempt doesn't beat it, nor the second by enough
    lost = held == RIVAL and count < 3
    assert standing.state == (State.REFUSED if lost else State.SENT)
    assert chain.sent == [ATTEMPTS[count - 1]]
    assert journal.closed == {}
    assert [one.state for one in resumed(journal, chain)] == [State.REPLACED if lost else State.DONE]
    assert chain.executed() == [RIVAL if lost else ATTEMPTS[count - 1]]


def test_the_bytes_sent_are_those_written_down() -> None:
    journal, _ = journal_of(ATTEMPTS)
    chain = in_pool(DEAR_RIVAL)
    resumed(journal, chain)
    assert set(chain.sent) <= set(ATTEMPTS)


@pytest.mark.parametrize("keep", [True, False], ids=["to the pool", "forgotten"])
@pytest.mark.parametrize(("depth", "back"), [(d, b) for d in DEPTHS[:2] for b in range(1, 4) if b <= d + 1])
def test_a_chain_that_goes_back_before_the_end(depth: int, back: int, keep: bool) -> None:
    """Seen in a block, which is then no more: it's mined once all the same, and the block that counts is the last."""
    journal, pending = journal_of(ATTEMPTS[:1])
    chain = in_block(ATTEMPTS[0], depth)
    assert look(journal, chain, pending, CONFIRMATIONS).state == State.SHALLOW
    chain.go_back(back, keep=keep)
    chain.mine()
    assert [one.state for one in resumed(journal, chain)] == [State.DONE]
    assert chain.executed() == [ATTEMPTS[0]]
    found = chain.found(pending.intent, hash_of(ATTEMPTS[0]))
    assert found is not None
    assert journal.blocks[-1] == (found.block, found.block_hash)


@pytest.mark.parametrize("depth", DEPTHS[:2])
def test_a_rival_of_the_other_branch(depth: int) -> None:
    """Ours was in a block, the chain went back, and the other branch has another transaction of that nonce."""
    journal, pending = journal_of(ATTEMPTS[:1])
    chain = in_block(ATTEMPTS[0], depth)
    assert look(journal, chain, pending, CONFIRMATIONS).state == State.SHALLOW
    chain.go_back(depth + 1, keep=False)
    chain.pool[0] = RIVAL
    chain.mine()
    assert [one.state for one in resumed(journal, chain)] == [State.REPLACED]


RANKS = {"deep": 0, "block": 1, "rival": 1, "pool": 2, "nowhere": 2}
ORDERED = [
    places for places in itertools.product(RANKS, repeat=3) if list(places) == sorted(places, key=RANKS.__getitem__)
]


@pytest.mark.parametrize("places", ORDERED, ids="-".join)
def test_several_entries_in_every_combination(places: tuple[str, ...]) -> None:
    """Three nonces, each anywhere, but used after those before it: all end, with each nonce used once."""
    chain, journal = Chain(), Notes()
    entries, expected = [], []
    raws = [signed(nonce, what=f"call {nonce}") for nonce in range(3)]
    for nonce, raw in enumerate(raws):
        entries.append(journal.intend(intent(nonce, f"call {nonce}"), attempt(raw)))
    for nonce, (place, raw) in enumerate(zip(places, raws, strict=True)):
        expected.append(State.REPLACED if place == "rival" else State.DONE)
        if place in ("deep", "block", "rival"):
            chain.pool[nonce] = signed(nonce, 110, "rival") if place == "rival" else raw
            chain.mine()
        if place == "deep":
            for _ in range(CONFIRMATIONS):
                chain.mine()
    chain.pool.update({nonce: raw for nonce, raw in enumerate(raws) if places[nonce] == "pool"})
    ended = {one.pending.entry: one.state for one in resumed(journal, chain)}
    assert [ended[entry] for entry in entries] == expected
    assert len(chain.executed()) == 3
    assert journal.pending(CHAIN_ID, SENDER) == []


def test_patience_ends_by_what_wait_raises() -> None:
    journal, _ = journal_of(ATTEMPTS[:1])
    chain = Chain()
    with pytest.raises(TimeoutError):
        resume(journal, chain, CHAIN_ID, SENDER, CONFIRMATIONS, _out_of_patience)
    assert len(journal.pending(CHAIN_ID, SENDER)) == 1


def _out_of_patience(_: Sequence[Standing]) -> None:
    raise TimeoutError


@given(taken=st.sets(st.integers(0, 30)), used=st.integers(0, 30))
def test_a_free_nonce_is_the_least_that_nobody_has(taken: set[int], used: int) -> None:
    pending = [Pending(nonce, intent(nonce), (attempt(signed(nonce)),)) for nonce in sorted(taken)]
    free = free_nonce(pending, used)
    assert free >= used
    assert free not in taken
    assert set(range(used, free)) <= taken
