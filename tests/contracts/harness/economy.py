"""docs/PROTOCOL.md sections 8 to 11 in plain Python, from the page alone: bonds, fees, records, lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eth_utils import keccak

from .reference import ceil_div, word_count

GWEI = 10**9
FULL_SUSPICION = 1 << 16
MAX_RESERVE_WEI = (1 << 41) * GWEI
MAX_FEE_CAP_WEI = (1 << 40) - 1
CHANGES_OF_STAGE = (8, 11)
"""Most of a session before its last settlement, by policy: two draws, and each of the other stages after Register once;
with `recover` sharing ends twice before objecting does, and there is stage Reveal."""
VOTES = 2
"""With `norm+vote`: so many more changes of stage, and calls of a member that are paid as a commitment."""

ACCUSING = 2
"""With blobs: so many more changes of stage, the end of accusing and that of refuting."""


class FeeTable(NamedTuple):
    """Section 9, from the lowest bit. The three prices are gas; every limit but those a word is in 100 gas."""

    token_gas: int = 4
    floor_gas: int = 10
    base_gas: int = 21_000
    register: int = 2_500
    commit: int = 1_500
    select: int = 20_000
    settle: int = 10_000
    move: int = 20_000
    upload: int = 2_000
    upload_word: int = 1_400
    aggregate: int = 4_000
    aggregate_word: int = 1_500
    gram: int = 8_000
    gram_word: int = 5_000

    def packed(self) -> int:
        """The field of `SessionParams`."""
        bits = (8, 8, 24, *[16] * 11)
        table, shift = 0, 0
        for value, width in zip(self, bits, strict=True):
            if not 0 <= value < 1 << width:
                raise ValueError(f"expected 0..{(1 << width) - 1}, got {value}")
            table |= value << shift
            shift += width
        return table

    @classmethod
    def unpacked(cls, table: int) -> FeeTable:
        """What `packed` gave."""
        found, shift = [], 0
        for width in (8, 8, 24, *[16] * 11):
            found.append((table >> shift) & ((1 << width) - 1))
            shift += width
        return cls(*found)

    def limit(self, call: str, words: int = 0) -> int:
        """Most gas that a call is paid for, `words` of vectors in it."""
        return 100 * int(getattr(self, call)) + words * int(getattr(self, f"{call}_word", 0))


def fee_table(**limits: int) -> int:
    """A packed fee table: Osaka's prices and generous limits, `limits` overrides entries."""
    return FeeTable(**limits).packed()


class RecordConstants(NamedTuple):
    """Section 10, from the lowest bit."""

    decay: int = 50
    weight: int = 4
    newcomer: int = 1 << 14
    threshold: int = 1 << 15

    def packed(self) -> int:
        """The field of `SessionParams`."""
        return self.decay | self.weight << 16 | self.newcomer << 24 | self.threshold << 41

    @classmethod
    def unpacked(cls, constants: int) -> RecordConstants:
        """What `packed` gave."""
        return cls(constants & 0xFFFF, constants >> 16 & 0xFF, constants >> 24 & 0x1FFFF, constants >> 41 & 0x1FFFF)


def record_constants(**given: int) -> int:
    """Packed constants of the records; `given` overrides the page's values."""
    return RecordConstants(**given).packed()


def decayed(suspicion: int, decay: int) -> int:
    """(E26)"""
    return suspicion - suspicion // decay if decay else suspicion


def recorded(suspicion: int, weight: int, blamed: bool) -> int:
    """(E27)"""
    return (suspicion * (weight - 1) + FULL_SUSPICION * blamed) // weight


# Fees: `p` has the fields of SessionParams.


def lanes(p: Any) -> int:
    """M: 4,096 values each, with blobs."""
    return ceil_div(p.parameter_count, 4096)


def _vector(p: Any) -> tuple[int, int]:
    """w and k: words and chunks of a vector; with blobs both are its blobs."""
    if p.mode == 1 and p.lane_bits:
        return (blobs := ceil_div(lanes(p), 21)), blobs
    if p.mode == 1:
        return (blobs := ceil_div(p.parameter_count, 4096)), blobs
    words = word_count(p.parameter_count, p.lane_bits)
    return words, ceil_div(words, p.chunk_words)


def _upload_gas(p: Any) -> int:
    """u: what all uploads of a member are paid at most, gas."""
    table, (words, chunks) = FeeTable.unpacked(p.fee_table), _vector(p)
    return 100 * chunks * table.upload + table.upload_word * words


def member_fees(p: Any) -> int:
    """F, wei (E20): with `recover` three calls at most that are paid as a commitment."""
    table = FeeTable.unpacked(p.fee_table)
    commits = (3 if p.policy == 1 else 1) + VOTES * (p.rule == 2)
    return (table.limit("register") + commits * table.limit("commit") + _upload_gas(p)) * int(p.fee_cap_wei)


def reserve(p: Any, capacity: int) -> int:
    """What `start` locks for fees, wei (E18)."""
    t, (words, chunks) = FeeTable.unpacked(p.fee_table), _vector(p)
    seats = p.rounds * p.members
    commits = p.rounds * (5 * p.members + 1) if p.policy == 1 else 2 * seats
    commits += VOTES * seats * (p.rule == 2)
    gas = capacity * t.limit("register") + commits * t.limit("commit") + seats * _upload_gas(p)
    # with blobs and `recover` each group has one upload more, its correction
    corrected = p.mode == 1 and p.policy == 1
    gas += p.rounds * _upload_gas(p) * corrected
    gas += p.rounds * (100 * chunks * t.aggregate + t.aggregate_word * (p.members + corrected) * words)
    if p.rule == 1 or p.mode == 1:
        gas += 100 * chunks * t.gram + t.gram_word * p.rounds * (lanes(p) if p.mode == 1 else words)
    moves = CHANGES_OF_STAGE[p.policy] + VOTES * (p.rule == 2) + ACCUSING * (p.mode == 1) + corrected
    gas += t.limit("select") + 2 * p.rounds * t.limit("settle") + moves * t.limit("move")
    return gas * int(p.fee_cap_wei)


def fee(gas: int, limit: int, base_fee: int, fee_cap_wei: int) -> int:
    """What a useful call credits, wei (E25)."""
    return min(gas, limit) * min(base_fee, fee_cap_wei) // GWEI * GWEI


# The reward (E30).


def division(p: Any, delivered: int, paid: int) -> tuple[int, int, int]:
    """`rewards` where groups are whole: numbers of groups."""
    return rewards(p, delivered * p.members, paid * p.members)


def rewards(p: Any, delivered: int, paid: int) -> tuple[int, int, int]:
    """What each delivering member of a paid group has, what is burnt, what the owner has back: wei.

    Of the live groups `delivered` members have delivered, `paid` of them in groups that are paid; refuted groups count
    whole as delivered.
    """
    seat = p.reward_wei // (p.rounds * p.members)
    if paid == 0:
        return 0, seat * delivered, p.reward_wei - seat * delivered
    share = seat * delivered // paid if p.rule == 1 else seat
    burnt = 0 if p.rule == 1 else seat * (delivered - paid)
    return share, burnt, p.reward_wei - burnt - paid * share


# Bonds.


def least_bond(reward_wei: int, rounds: int, members: int) -> int:
    """Without F."""
    return ceil_div((members - 1) * reward_wei, rounds * members)


def bonds_back(bond_wei: int, members: int, did: int, lost_wei: int | None = None) -> list[int]:
    """What each place of a failed group gets: its bond, a share of what the others lose, odd wei to the lowest places.

    Who didn't do its part loses its bond, or `lost_wei` (in a dissolved group min(bond, F)).
    """
    doers = [place for place in range(members) if did >> place & 1]
    if not doers:
        return [bond_wei] * members
    lost = bond_wei if lost_wei is None else lost_wei
    each, left = divmod((members - len(doers)) * lost, len(doers))
    back = [bond_wei - lost] * members
    for rank, place in enumerate(doers):
        back[place] = bond_wei + each + (rank < left)
    return back


# Lists (E28).


def _leaf(account: str) -> bytes:
    return keccak(keccak(bytes.fromhex(account[2:]).rjust(32, b"\0")))


def _node(a: bytes, b: bytes) -> bytes:
    return keccak(min(a, b) + max(a, b))


def _levels(accounts: Sequence[str]) -> list[list[bytes]]:
    """The tree, leaves first, in ascending order; a node without a sibling moves up as it is."""
    levels = [sorted(_leaf(a) for a in accounts)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [below[i : i + 2] for i in range(0, len(below), 2)]
        levels.append([_node(*pair) if len(pair) == 2 else pair[0] for pair in pairs])
    return levels


def merkle_root(accounts: Sequence[str]) -> bytes:
    return _levels(accounts)[-1][0]


def merkle_proof(accounts: Sequence[str], account: str) -> list[bytes]:
    """The siblings from the leaf up."""
    levels = _levels(accounts)
    proof, index = [], levels[0].index(_leaf(account))
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1])
        index //= 2
    return proof
