"""Pools, seats and the second draw (PROTOCOL.md sections 6.1 and 6.2), as the page has them, nothing else."""

from __future__ import annotations

from typing import NamedTuple

from tests.vectors.reference.codec import permutation, word
from tests.vectors.reference.keccak import keccak256

CLEAR, SUSPECT, COHORT = 0, 1, 2


class Registered(NamedTuple):
    """Who registered: its pool; with `COHORT`, the cohort's number and the place that the member had in it."""

    pool: int
    cohort: int = 0
    place: int = 0


def branch(seed: bytes, k: int) -> bytes:
    """s_k."""
    return keccak256(seed + word(k))


def seats(registered: list[Registered], members: int, rounds: int, seed: bytes) -> list[list[int]]:
    """Each group's members by place, as orders of registration (E21-E23)."""
    ranks = [sum(1 for other in registered[:i] if other.pool == one.pool) for i, one in enumerate(registered)]
    n, k = len(registered), sum(one.pool == COHORT for one in registered)
    c = sum(one.pool == CLEAR for one in registered)
    complete = in_order_of_completion(registered, members)
    loose_groups = (n - k) // members
    units = len(complete) + loose_groups
    groups = min(rounds, units)
    whole = len(complete)
    if units > rounds:
        whole = (rounds * whole + int.from_bytes(branch(seed, 3), "big") % units) // units
    free = (groups - whole) * members
    found = [[-1] * members for _ in range(groups)]
    for i, one in enumerate(registered):
        if one.pool == COHORT:
            if one.cohort in complete:
                g = permutation(branch(seed, 2), len(complete), complete.index(one.cohort))
                if g < whole:
                    found[g][one.place] = i
            continue
        j = line(one.pool == SUSPECT, ranks[i], n - k, c, free, members, seed)
        if j < free:
            q = permutation(branch(seed, 1), free, j)
            found[whole + q // members][q % members] = i
    return found


def line(suspect: bool, rank: int, loose: int, clear: int, free: int, members: int, seed: bytes) -> int:
    """E22."""
    if clear < 2 * members or loose - clear < 2 * members:
        return permutation(branch(seed, 0), loose, clear + rank if suspect else rank)
    if suspect:
        return clear + permutation(branch(seed, 0), loose - clear, rank)
    return rank if clear <= free else permutation(branch(seed, 0), clear, rank)


def in_order_of_completion(registered: list[Registered], members: int) -> list[int]:
    """The complete cohorts' numbers."""
    seen: dict[int, int] = {}
    complete = []
    for one in registered:
        if one.pool == COHORT:
            seen[one.cohort] = seen.get(one.cohort, 0) + 1
            if seen[one.cohort] == members:
                complete.append(one.cohort)
    return complete


def greedy(n: int, members: int, rounds: int) -> list[list[int]]:
    """Without a draw."""
    groups = min(rounds, n // members)
    return [list(range(g * members, (g + 1) * members)) for g in range(groups)]


def second(survivors: int, members: int, seed: bytes | None) -> list[list[int]]:
    """The second draw's groups by place, as numbers of survivors (E24); None for a seed: `greedy`."""
    groups = survivors // members
    found = [[-1] * members for _ in range(groups)]
    for i in range(survivors):
        q = i if seed is None else permutation(seed, survivors, i)
        if q < groups * members:
            found[q // members][q % members] = i
    return found
