"""Fees, records and the Merkle tree (PROTOCOL.md sections 9 to 11), as the page has them, nothing else."""

from __future__ import annotations

from tests.vectors.reference.codec import word
from tests.vectors.reference.keccak import keccak256

LIMITS = ("register", "commit", "select", "settle", "move")
BY_WORDS = ("upload", "aggregate", "gram")
SHARE, UPLOAD, REVEAL = 4, 5, 6
"""Stages in which a group fails under policy `recover`."""

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


def member_fees_with_recover(table: Table, words: int, chunks: int, cap: int) -> int:
    """F under policy `recover`: three calls at most of a commitment's price."""
    gas = 100 * table["register"] + 3 * 100 * table["commit"] + upload_gas(table, words, chunks)
    return gas * cap


def reserve_with_recover(
    table: Table, capacity: int, rounds: int, members: int, words: int, chunks: int, krum: bool, cap: int
) -> int:
    """E18 under policy `recover`: R (5 N + 1) calls of a commitment's price, 11 changes of stage."""
    without = reserve(table, capacity, rounds, members, words, chunks, krum, cap)
    commits = rounds * (5 * members + 1) - 2 * rounds * members
    return without + cap * 100 * (commits * table["commit"] + (11 - 8) * table["move"])


def rewards_with_recover(
    reward: int, rounds: int, members: int, counts: list[int], paid: list[bool], krum: bool
) -> tuple[int, int, int]:
    """E30 under policy `recover`, `counts` the |U| of the groups that were opened, `paid` all of them if `unselected`.

    What each member of U of a paid group has, what is burnt, what is the owner's: wei.
    """
    seat = reward // (rounds * members)
    delivered, kept = sum(counts), sum(count for count, is_paid in zip(counts, paid, strict=True) if is_paid)
    if kept == 0:
        return 0, 0, reward
    each = seat * delivered // kept if krum else seat
    burnt = 0 if krum else seat * (delivered - kept)
    return each, burnt, reward - burnt - each * kept


def did_their_part(stage: int | None, shared: int, delivered: int, revealed: int, blamed: int) -> int:
    """Who did, as a bitmap; `stage` is that in which the group failed, None for a group that went on."""
    if stage == SHARE:
        return shared
    if stage == UPLOAD:
        return delivered
    return delivered & revealed & ~blamed


def bonds_back(bond: int, members: int, did: int) -> list[int]:
    """Section 8: what each place has back of the bonds; all of them where nobody did its part."""
    doers = [place for place in range(members) if did >> place & 1]
    if not doers:
        return [bond] * members
    each, left = divmod((members - len(doers)) * bond, len(doers))
    return [bond + each + int(doers.index(i) < left) if i in doers else 0 for i in range(members)]


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
