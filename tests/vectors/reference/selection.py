"""Gram matrix, selection rules and the new model: section 7, E15, E16 and E37."""

from fractions import Fraction
from math import ceil, lcm

from .codec import to_float32


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


def voted_out(against: int, cast: int, counts: list[int]) -> bool:
    """E37: whether `against` of the `cast` votes refuse a group; `counts` are the u_r of all groups."""
    return 2 * cast >= sum(counts) and 2 * against > cast


def distance(norms: list[int], pairs: list[int], r: int, s: int) -> int:
    r, s = min(r, s), max(r, s)
    row = sum(len(norms) - 1 - i for i in range(r))
    return norms[r] - 2 * pairs[row + s - r - 1] + norms[s]


def score(norms: list[int], pairs: list[int], r: int, rest: list[int], f: int) -> int:
    distances = sorted(distance(norms, pairs, r, s) for s in rest if s != r)
    return sum(distances[: len(rest) - f - 2])


def per_member(norms: list[int], pairs: list[int], counts: list[int], scale: int) -> tuple[list[int], list[int]]:
    """Norms and products of scale * S_r / u_r, whole for a multiple `scale` of all counts."""
    factors = [scale // count for count in counts]
    between = [p * q for r, p in enumerate(factors) for q in factors[r + 1 :]]
    scaled = [factor * factor * norm for factor, norm in zip(factors, norms, strict=True)]
    return scaled, [factor * pair for factor, pair in zip(between, pairs, strict=True)]


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


def mean(vectors: list[list[int]], counts: list[int]) -> tuple[list[int], int]:
    """The mean over groups of S_r / u_r, as whole numerators over one denominator: the counts' lcm K times |P'|."""
    scale = lcm(*counts)
    totals = [sum(scale // u * v for u, v in zip(counts, column, strict=True)) for column in zip(*vectors, strict=True)]
    return totals, scale * len(vectors)


def in_weights(totals: list[int], denominator: int, unit: tuple[float, float]) -> list[float]:
    """The mean in units of a weight, float32; `unit`: (C, Q), or (1, 10^8) with `weights`. Arithmetic in float64."""
    return [to_float32(float(total) * unit[0] / (unit[1] * float(denominator))) for total in totals]
