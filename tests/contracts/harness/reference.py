"""docs/PROTOCOL.md in plain Python, written from the page alone: lanes, hashes, the draw, norm, krum.

`economy.py` has its money, records and lists.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from eth_abi import encode
from eth_utils import keccak

WORD = 1 << 256
LANE_BITS = (6, 8, 10, 12, 16, 32)


def dom(text: str) -> bytes:
    """A domain: ASCII, zero bytes on the right, 32 in all."""
    return text.encode().ljust(32, b"\0")


def lanes(bits: int) -> int:
    return 256 // bits


def word_count(parameters: int, bits: int) -> int:
    return -(-parameters // lanes(bits))


def smallest_lane(members: int, bound: int) -> int:
    """The smallest legal width with members * bound < 2^(b-1)."""
    return next(b for b in LANE_BITS if members * bound < 1 << (b - 1))


def pack(values: Sequence[int], bits: int) -> list[int]:
    """Integers to words (E5)."""
    size = lanes(bits)
    return [
        sum(v << (bits * lane) for lane, v in enumerate(values[i : i + size])) % WORD
        for i in range(0, len(values), size)
    ]


def unpack(words: Sequence[int], bits: int, parameters: int) -> list[int]:
    """Words to integers (E6); lanes beyond the last parameter are dropped."""
    values = []
    for word in words:
        x = word % (1 << (bits * lanes(bits)))
        for _ in range(lanes(bits)):
            d = (x + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
            x = (x - d) >> bits
            values.append(d)
    return values[:parameters]


def to_bytes(words: Sequence[int]) -> bytes:
    """Words on the wire: 32 bytes each, big-endian."""
    return b"".join(w.to_bytes(32, "big") for w in words)


def from_bytes(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]


def add(vectors: Sequence[Sequence[int]]) -> list[int]:
    """The sum of vectors of words, modulo 2^256."""
    return [sum(column) % WORD for column in zip(*vectors, strict=True)]


def chunk_hashes(words: Sequence[int], chunk_words: int) -> list[bytes]:
    return [keccak(to_bytes(words[i : i + chunk_words])) for i in range(0, len(words), chunk_words)]


def upload_hash(hashes: Sequence[bytes]) -> bytes:
    """Of a member's chunk hashes (E13)."""
    return keccak(encode(["bytes32[]"], [hashes]))


def commitment(account: str, upload: bytes) -> bytes:
    """What an account commits to: the hash of its upload (E13, B2)."""
    return keccak(encode(["address"], [account]) + upload)


def publish_hash(chunks: Sequence[bytes]) -> bytes:
    """The hash chain over the published chunks (E7)."""
    value = bytes(32)
    for chunk in chunks:
        value = keccak(value + keccak(chunk))
    return value


def model_hash(params: Sequence[int], published_hash: bytes) -> bytes:
    """(E1)"""
    return keccak(encode(["uint256"] * len(params), params) + published_hash)


def draw_seed(block_hash: bytes, session: str) -> bytes:
    return keccak(block_hash + bytes.fromhex(session[2:]).rjust(32, b"\0"))


def permute(seed: bytes, index: int, size: int) -> int:
    """pi(index) over [0, size) (E14)."""
    half = next(h for h in range(1, 129) if 1 << (2 * h) >= size)
    left, right = index >> half, index & ((1 << half) - 1)
    while True:
        for k in range(4):
            digest = int.from_bytes(keccak(seed + (4 * right + k).to_bytes(32, "big")), "big")
            left, right = right, left ^ (digest % (1 << half))
        place = (left << half) + right
        if place < size:
            return place


def derived_seed(seed: bytes, k: int) -> bytes:
    """s_k."""
    return keccak(seed + k.to_bytes(32, "big"))


class Pool(IntEnum):
    """docs/PROTOCOL.md section 6.1."""

    CLEAR = 0
    SUSPECT = 1
    COHORT = 2


class Joined(NamedTuple):
    """Who registered, in order of registration; the last two only with a cohort: its name and the place in it."""

    account: str
    pool: int = Pool.CLEAR
    cohort: int = 0
    place: int = 0


Seats = dict[str, tuple[int, int]]
"""Account -> (group, place)."""


class Draw:
    """How many groups a shuffled session has, and of which kind (docs/PROTOCOL.md section 6.1).

    Args:
        joined: everybody, in order of registration.
        rounds: R.
        members: N.
    """

    def __init__(self, joined: Sequence[Joined], rounds: int, members: int) -> None:
        self.members = members
        self.pools = {pool: [j.account for j in joined if j.pool == pool] for pool in Pool}
        inside: dict[int, dict[str, int]] = {}
        self.complete: list[dict[str, int]] = []
        for one in joined:
            if one.pool == Pool.COHORT:
                inside.setdefault(one.cohort, {})[one.account] = one.place
                if len(inside[one.cohort]) == members:
                    self.complete.append(inside[one.cohort])
        self.loose = len(self.pools[Pool.CLEAR]) + len(self.pools[Pool.SUSPECT])
        self.units = len(self.complete) + self.loose // members
        self.groups = min(rounds, self.units)

    def kept(self, seed: bytes) -> int:
        """K': cohorts that are seated."""
        complete = len(self.complete)
        if self.units <= self.groups:
            return complete
        odd = int.from_bytes(derived_seed(seed, 3), "big") % self.units
        return (self.groups * complete + odd) // self.units

    def line(self, seed: bytes, pool: int, rank: int, seats: int) -> int:
        """j of a loose member; `seats` is S' (E22)."""
        clear, suspect = len(self.pools[Pool.CLEAR]), len(self.pools[Pool.SUSPECT])
        first = derived_seed(seed, 0)
        if min(clear, suspect) < 2 * self.members:
            return permute(first, rank if pool == Pool.CLEAR else clear + rank, self.loose)
        if pool == Pool.SUSPECT:
            return clear + permute(first, rank, suspect)
        return rank if clear <= seats else permute(first, rank, clear)

    def seats(self, seed: bytes) -> Seats:
        """Who sits where (E21, E22, E23)."""
        kept = self.kept(seed)
        found: Seats = {}
        for number, cohort in enumerate(self.complete):
            group = permute(derived_seed(seed, 2), number, len(self.complete))
            if group < kept:
                found |= {account: (group, place) for account, place in cohort.items()}
        seats = (self.groups - kept) * self.members
        for pool in (Pool.CLEAR, Pool.SUSPECT):
            for rank, account in enumerate(self.pools[pool]):
                line = self.line(seed, pool, rank, seats)
                if line < seats:
                    group, place = divmod(permute(derived_seed(seed, 1), line, seats), self.members)
                    found[account] = (kept + group, place)
        return found


def greedy_seats(accounts: Sequence[str], groups: int, members: int) -> Seats:
    return {a: divmod(i, members) for i, a in enumerate(accounts[: groups * members])}


def survivors(seats: Mapping[str, tuple[int, int]], did: Mapping[int, int]) -> list[str]:
    """Who may be drawn again, by group, then place; `did` has the failed groups: who did its part (section 6.2)."""
    found = [(seat, a) for a, seat in seats.items() if did.get(seat[0], 0) >> seat[1] & 1]
    return [a for _, a in sorted(found)]


def second_seats(seed: bytes | None, again: Sequence[str], first: int, members: int) -> Seats:
    """Seats of the second round (E24); no seed with `greedy`."""
    count = len(again)
    groups = count // members
    found: Seats = {}
    for i, account in enumerate(again):
        place = i if seed is None else permute(seed, i, count)
        if place < groups * members:
            found[account] = (first + place // members, place % members)
    return found


def dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def gram(vectors: Sequence[Sequence[int]]) -> list[list[int]]:
    """Exact inner products of decoded aggregates."""
    return [[dot(a, b) for b in vectors] for a in vectors]


def upper(matrix: Sequence[Sequence[int]]) -> list[int]:
    """Entries right of the diagonal, row by row."""
    return [row[s] for r, row in enumerate(matrix) for s in range(r + 1, len(matrix))]


def norm_accepts(square: int, members: int, parameters: int, bound: int, count: int | None = None) -> bool:
    """(E15) with u_r members that delivered, `count`; all of them unless given."""
    delivered = members if count is None else count
    return 4 * members**2 * square <= delivered**2 * parameters * bound**2


def voted_out(against: int, cast: int, voters: int) -> bool:
    """(E37)"""
    return 2 * cast >= voters and 2 * against > cast


def vote_commitment(chain_id: int, session: str, member: str, bits: int, salt: bytes) -> bytes:
    """(E38)"""
    fields = ["bytes32", "uint256", "address", "address", "uint256", "bytes32"]
    return keccak(encode(fields, [dom("omnilytics/vote/1"), chain_id, session, member, bits, salt]))


def means(vectors: Sequence[Sequence[int]], counts: Sequence[int]) -> list[list[int]]:
    """S_r / u_r times the least common multiple of 1..16, what Krum compares with `recover` (E16)."""
    scale = math.lcm(*range(1, 17))
    return [[scale // count * v for v in vector] for vector, count in zip(vectors, counts, strict=True)]


def krum_picks(count: int, mu_bps: int, m: int, strict: bool) -> int:
    """How many groups Krum picks from `count`; 0: undefined, the session ends unselected (E16)."""
    f = -(-mu_bps * count // 10_000)
    if strict:
        return m if 10_000 * m < (10_000 - 2 * mu_bps) * count - 20_000 else 0
    return max(0, min(m, count - f - 2))


def krum(matrix: Sequence[Sequence[int]], mu_bps: int, m: int, strict: bool) -> list[int]:
    """Indices accepted by the paper's Algorithm 1, in the order in which they were picked (E16)."""
    f = -(-mu_bps * len(matrix) // 10_000)
    left, picked = list(range(len(matrix))), []
    for _ in range(krum_picks(len(matrix), mu_bps, m, strict)):
        scores = []
        for r in left:
            distances = sorted(matrix[r][r] - 2 * matrix[r][s] + matrix[s][s] for s in left if s != r)
            scores.append((sum(distances[: len(left) - f - 2]), r))
        best = min(scores)[1]
        left.remove(best)
        picked.append(best)
    return picked


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)
