"""Fees, records and the Merkle tree (PROTOCOL.md sections 9 to 11), as the page has them, nothing else."""

from __future__ import annotations

from tests.vectors.reference.codec import word
from tests.vectors.reference.keccak import keccak256

LIMITS = ("register", "commit", "select", "settle", "move")
BY_WORDS = ("upload", "aggregate", "gram")

Table = dict[str, int]
"""As it is packed: limits in hundreds of gas, `*_word` in gas."""


def pack_table(table: Table) -> int:
    """E17."""
    widths = [("token_gas", 8), ("floor_gas", 8), ("base_gas", 24)]
    widths += [(name, 16) for name in LIMITS]
    widths += [(f"{name}{suffix}", 16) for name in BY_WORDS for suffix in ("", "_word")]
    packed = place = 0
    for name, bits in widths:
        packed += table[name] << place
        place += bits
    return packed


def upload_gas(table: Table, words: int, chunks: int) -> int:
    """u."""
    return 100 * chunks * table["upload"] + table["upload_word"] * words


def member_fees(table: Table, words: int, chunks: int, cap: int) -> int:
    """F (E20), wei."""
    return (100 * table["register"] + 100 * table["commit"] + upload_gas(table, words, chunks)) * cap


def reserve(
    table: Table, capacity: int, rounds: int, members: int, words: int, chunks: int, krum: bool, cap: int
) -> int:
    """E18, wei."""
    gas = capacity * 100 * table["register"] + 2 * rounds * members * 100 * table["commit"]
    gas += rounds * members * upload_gas(table, words, chunks)
    gas += rounds * (100 * chunks * table["aggregate"] + table["aggregate_word"] * members * words)
    if krum:
        gas += 100 * chunks * table["gram"] + table["gram_word"] * rounds * words
    gas += 100 * table["select"] + 2 * rounds * 100 * table["settle"] + 8 * 100 * table["move"]
    return cap * gas


def pack_constants(decay: int, weight: int, newcomer: int, threshold: int) -> int:
    """Section 10."""
    return decay + (weight << 16) + (newcomer << 24) + (threshold << 41)


def decayed(suspicion: int, decay: int) -> int:
    """E26."""
    return suspicion if decay == 0 else suspicion - suspicion // decay


def after(suspicion: int, weight: int, blamed: bool) -> int:
    """E27."""
    return (suspicion * (weight - 1) + (2**16 if blamed else 0)) // weight


def leaf(account: bytes) -> bytes:
    """E28."""
    return keccak256(keccak256(word(int.from_bytes(account, "big"))))


def merkle(leaves: list[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """The root, and each leaf's proof, leaves taken in ascending order (E28)."""
    level = sorted(leaves)
    at = {one: level.index(one) for one in leaves}
    proofs: dict[bytes, list[bytes]] = {one: [] for one in leaves}
    while len(level) > 1:
        for one, place in at.items():
            if (place ^ 1) < len(level):
                proofs[one].append(level[place ^ 1])
            at[one] = place // 2
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [keccak256(min(pair) + max(pair)) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0], [proofs[one] for one in leaves]
