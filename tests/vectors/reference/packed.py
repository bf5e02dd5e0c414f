"""The proof of packed sums (docs/BLOBS.md, B12-B15): slow, and able to prove what isn't true as far as that goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from eth_utils import keccak

from tests.vectors.reference.blobs import (
    GRAM,
    NORMS,
    N,
    Polynomial,
    Q,
    _columns,
    combined,
    fold,
    interpolated,
    point,
    powers,
    quotient,
    root_of,
    root_of_unity,
    value_at,
    word,
)

LANES, LANE_BITS = 21, 12
PACKED_NORMS, PACKED_GRAM = 3, 4
PLAIN = {PACKED_NORMS: NORMS, PACKED_GRAM: GRAM}

Lane = list[int]
"""4,096 elements."""


@dataclass(frozen=True)
class Proof:
    """What the aggregator publishes, and what it was made with."""

    products: list[int]
    root: bytes
    challenges: dict[str, int]
    lanes: list[bytes]
    """As they stand in the evidence."""
    points: list[bytes]
    """[m], helpers, [g], [S], [q0], [q1]."""
    openings: list[int]
    pi: bytes
    pi0: bytes

    def evidence(self) -> bytes:
        return b"".join([*self.lanes, *self.points, *map(word, self.openings), self.pi, self.pi0])


def packed(lanes: list[Lane]) -> list[Lane]:
    """The elements of the sums' blobs."""
    chunks = [lanes[at : at + LANES] for at in range(0, len(lanes), LANES)]
    return [
        [sum(x << LANE_BITS * i for i, x in enumerate(row)) % Q for row in zip(*one, strict=True)] for one in chunks
    ]


def divided(polynomial: Polynomial) -> tuple[Polynomial, Polynomial, Polynomial]:
    """Less than 3 n coefficients by Z: the remainder, the quotient's lower and upper half."""
    low, middle, high, beyond = (polynomial[N * i : N * (i + 1)] for i in range(4))
    assert not any(beyond)
    return combined([(1, low), (1, middle), (1, high)]), combined([(1, middle), (1, high)]), high


class Values:
    """Polynomials by their values at the 4 n-th roots of unity, where sums and products of some are at hand."""

    ROOT = root_of_unity(4 * N)

    @staticmethod
    def of(polynomials: list[Polynomial]) -> Any:
        """Shape (4 n, polynomials)."""
        columns = np.zeros((4 * N, len(polynomials)), dtype=object)
        for i, f in enumerate(polynomials):
            columns[: len(f), i] = f
        return _columns(columns, Values.ROOT)

    @staticmethod
    def polynomial(values: Any) -> Polynomial:
        columns = _columns(values[:, None], pow(Values.ROOT, -1, Q))
        share = pow(4 * N, -1, Q)
        return [int(c) * share % Q for c in columns[:, 0]]


def challenge(seed: bytes) -> int:
    return int.from_bytes(seed, "big") % Q


def true_products(kind: int, groups: list[list[Lane]], offset: int) -> list[int]:
    """Of the sums, as far as elements say what they are."""
    rows = [[x - offset for lane in group for x in lane] for group in groups]
    pairs = [(r, s) for r in range(len(rows)) for s in range(r, len(rows)) if kind == PACKED_GRAM or r == s]
    return [sum(x * y for x, y in zip(rows[r], rows[s], strict=True)) % Q for r, s in pairs]


def balanced_helper(lanes: list[Lane], xi: int, helper: Lane, missing: int) -> Lane:
    """A helper whose elements sum to `missing` more, and whose constraint sums to zero over H, but isn't zero on it."""
    denominators = [(xi + a) * (xi + b) % Q for a, b in zip(*lanes, strict=True)]
    (first, second), excess = denominators[:2], missing
    # x + y = excess, first x + second y = 0
    x = -second * excess * pow(first - second, -1, Q) % Q
    changed = [(helper[0] + x) % Q, (helper[1] + excess - x) % Q, *helper[2:]]
    wrong = [h * d - a - b - 2 * xi for h, d, a, b in zip(changed, denominators, *lanes, strict=True)]
    assert sum(wrong) % Q == 0
    assert any(w % Q for w in wrong)
    return changed


def prove(
    kind: int,
    context: bytes,
    groups: list[list[Lane]],
    offset: int,
    products: list[int] | None = None,
    cheat: str | None = None,
) -> Proof:
    """The proof for lanes by group, whose elements are `offset` too large.

    Args:
        products: what is claimed, if not those of the lanes.
        cheat: None or "sum": everything is what it is, the claim maybe not; "constant": S gets the constant term that
            the claim needs; "degree": that, and q0 gets what X^n = Z + 1 makes of X^(n-1) in a quotient of S by X;
            "multiplicities": one more of a number, and "constant"; "helper": the first one balances the sums, and is
            wrong everywhere; "balanced": it is wrong, but its constraint sums to zero.
    """
    lanes = [lane for group in groups for lane in group]
    T, M, R, K = [interpolated(lane) for lane in lanes], len(groups[0]), len(groups), len(lanes)
    identity = interpolated(list(range(N)))
    sums = [[point(interpolated(blob)) for blob in packed(group)] for group in groups]
    listed = [[sums[r][m // LANES] if m % LANES == 0 else point(T[r * M + m]) for m in range(M)] for r in range(R)]
    products = true_products(kind, groups, offset) if products is None else products
    counts = [0] * N
    for x in (x for lane in lanes for x in lane if x < N):
        counts[x] += 1
    counts[5] += cheat == "multiplicities"
    m = interpolated(counts)

    claimed = keccak(b"".join(map(word, products)))
    t0 = keccak(context + word(kind) + root_of(listed) + claimed + point(m))
    second = keccak(t0)
    alpha, beta, xi = challenge(t0), challenge(second), challenge(keccak(second))
    inverse = [[pow(xi + x, -1, Q) for x in lane] for lane in lanes]
    helper_values = [[sum(x) % Q for x in zip(*inverse[k : k + 2], strict=True)] for k in range(0, K, 2)]
    table_values = [count * pow(xi + t, -1, Q) % Q for t, count in enumerate(counts)]
    missing = sum(table_values) - sum(map(sum, helper_values))
    assert cheat or missing % Q == 0
    if cheat == "helper":
        helper_values[0] = [(h + missing * pow(N, -1, Q)) % Q for h in helper_values[0]]
    elif cheat == "balanced":
        helper_values[0] = balanced_helper(lanes[:2], xi, helper_values[0], missing)
    h, g = [interpolated(values) for values in helper_values], interpolated(table_values)
    t1 = fold(t0, [point(f) for f in (*h, g)])
    zeta = challenge(t1)

    a, b = powers(alpha, R), powers(beta, R)
    v = weighted(kind, a, b, products)
    at = Values.of([*T, *h, g, m, identity])
    at_T, at_h, (at_g, at_m, at_id) = at.T[:K], at.T[K : K + len(h)], at.T[K + len(h) :]
    F = products_at(kind, a, b, [[at_T[r * M + i] - offset for i in range(M)] for r in range(R)])
    summed = (F + zeta * (sum(at_h) - at_g)) % Q
    S = divided(Values.polynomial(summed))[0]
    constant = v * pow(N, -1, Q) % Q
    excess = (S[0] - constant) % Q
    forced = cheat in ("constant", "degree", "multiplicities")
    assert forced or cheat == "sum" or excess == 0
    if forced:
        S[0] = constant
    ts = keccak(t1 + point(S))
    eta = challenge(ts)
    etas = powers(eta, len(h) + 2)
    E = summed + etas[-1] * (at_g * (xi + at_id) - at_m)
    for i, (step, f) in enumerate(zip(etas[1:], at_h, strict=False)):
        E = (E + step * fraction(f, [xi + x for x in at_T[2 * i : 2 * i + 2]])) % Q
    _, q0, q1 = divided(Values.polynomial(E % Q))
    q0[0] = (q0[0] - excess * (cheat == "degree")) % Q
    t2 = keccak(ts + point(q0) + point(q1))
    z = challenge(t2)
    vanishing = pow(z, N, Q) - 1
    openings = [value_at(f, z) for f in (*T, identity)]
    t3 = fold(t2, list(map(word, openings)))
    delta = challenge(t3)
    *steps, D = powers(delta, K + 2)

    shifted = [(xi + x) % Q for x in openings]
    pairs = [shifted[k : min(k + 2, K)] for k in range(0, K, 2)]
    denominators = [p[0] * p[-1] % Q if len(p) == 2 else p[0] for p in pairs]
    W = combined(
        [
            *zip(steps, (*T, identity), strict=True),
            *((D * (zeta + e * d) % Q, f) for e, d, f in zip(etas[1:], denominators, h, strict=False)),
            (D * (etas[-1] * shifted[K] - zeta) % Q, g),
            (-D * etas[-1] % Q, m),
            (-D % Q, S),
            (-D * vanishing % Q, q0),
            (-D * vanishing * (vanishing + 1) % Q, q1),
        ]
    )
    pi, pi0 = point(quotient(W, z)), point(S[1:])
    gamma = challenge(keccak(t3 + pi + pi0))
    names = ("alpha", "beta", "xi", "zeta", "eta", "z", "delta", "gamma")
    found = dict(zip(names, (alpha, beta, xi, zeta, eta, z, delta, gamma), strict=True))
    points = [point(f) for f in (m, *h, g, S, q0, q1)]
    return Proof(products, root_of(sums), found, [p for one in listed for p in one], points, openings, pi, pi0)


def weighted(kind: int, a: list[int], b: list[int], products: list[int]) -> int:
    """v."""
    if kind == PACKED_NORMS:
        return sum(x * y for x, y in zip(a, products, strict=True)) % Q
    pairs = [(r, s) for r in range(len(a)) for s in range(r, len(a))]
    weights = [a[r] * b[s] + (r != s) * a[s] * b[r] for r, s in pairs]
    return sum(x * y for x, y in zip(weights, products, strict=True)) % Q


def products_at(kind: int, a: list[int], b: list[int], centred: list[list[Any]]) -> Any:
    """F, from the values of all lanes by group."""
    total: Any = 0
    for row in zip(*centred, strict=True):
        left = sum(x * u for x, u in zip(a, row, strict=True)) % Q
        right = sum(x * u for x, u in zip(b, row, strict=True)) % Q
        squares = sum(x * u * u for x, u in zip(a, row, strict=True))
        total = (total + (left * right if kind == PACKED_GRAM else squares)) % Q
    return total


def fraction(helper: Any, denominators: list[Any]) -> Any:
    """What is zero where the helper is the sum of the inverses."""
    if len(denominators) == 1:
        return helper * denominators[0] - 1
    first, second = denominators
    return helper * (first * second % Q) - first - second
