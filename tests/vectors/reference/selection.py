"""Gram matrix and selection rules: section 7, E15 and E16."""

from fractions import Fraction
from math import ceil


def inner(a: list[int], b: list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def products(vectors: list[list[int]]) -> list[int]:
    """G_rs of r < s, row by row."""
    return [inner(a, b) for r, a in enumerate(vectors) for b in vectors[r + 1 :]]


def norm_accepts(norm: int, count: int, members: int, d: int, bound: int) -> bool:
    """E15."""
    return 4 * members**2 * norm <= count**2 * d * bound**2


def norm_limit(count: int, members: int, d: int, bound: int) -> int:
    """The largest norm that E15 accepts."""
    return count**2 * d * bound**2 // (4 * members**2)


def distance(norms: list[int], pairs: list[int], r: int, s: int) -> int:
    r, s = min(r, s), max(r, s)
    row = sum(len(norms) - 1 - i for i in range(r))
    return norms[r] - 2 * pairs[row + s - r - 1] + norms[s]


def score(norms: list[int], pairs: list[int], r: int, rest: list[int], f: int) -> int:
    distances = sorted(distance(norms, pairs, r, s) for s in rest if s != r)
    return sum(distances[: len(rest) - f - 2])


def krum_scores(norms: list[int], pairs: list[int], mu_bps: int) -> list[int]:
    """All scores before the first pick, or none where nothing is left to measure."""
    rest = list(range(len(norms)))
    f = ceil(Fraction(mu_bps * len(norms), 10_000))
    return [score(norms, pairs, r, rest, f) for r in rest] if len(rest) - f - 2 >= 1 else []


def krum(norms: list[int], pairs: list[int], mu_bps: int, m: int, strict: bool) -> list[bool] | None:
    """E16; None where the rule isn't defined."""
    groups = len(norms)
    mu = Fraction(mu_bps, 10_000)
    f = ceil(mu * groups)
    if strict and not m < (1 - 2 * mu) * groups - 2:
        return None
    picks = m if strict else min(m, sum(size - f - 2 >= 1 for size in range(1, groups + 1)))
    if picks == 0:
        return None
    rest, accepted = list(range(groups)), [False] * groups
    for _ in range(picks):
        best = min(rest, key=lambda r: (score(norms, pairs, r, rest, f), r))
        rest.remove(best)
        accepted[best] = True
    return accepted
