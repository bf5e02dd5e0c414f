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
    """Helpers, [m], [g], [S], [q0], [q1]."""
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


class Lanes:
    """The lanes of all groups in a row, number by number, and all that is committed to beside them."""

    def __init__(self, groups: list[list[Lane]], cheat: str | None) -> None:
        self.cheat, self.R, self.M = cheat, len(groups), len(groups[0])
        self.values = [lane for column in zip(*groups, strict=True) for lane in column]
        self.polynomials = [interpolated(lane) for lane in self.values]
        self.identity = interpolated(list(range(N)))
        self.sums = [[point(interpolated(blob)) for blob in packed(group)] for group in groups]
        self.counts = [0] * N
        for x in (x for lane in self.values for x in lane if x < N):
            self.counts[x] += 1
        self.counts[5] += cheat == "multiplicities"
        self.m = interpolated(self.counts)

    def listed(self) -> list[bytes]:
        """Points as they stand in the evidence."""
        return [
            self.sums[r][m // LANES] if m % LANES == 0 else point(self.polynomials[m * self.R + r])
            for m in range(self.M)
            for r in range(self.R)
        ]

    def helpers(self, xi: int) -> tuple[list[Polynomial], Polynomial]:
        """Helpers and g."""
        inverse = [[pow(xi + x, -1, Q) for x in lane] for lane in self.values]
        helpers = [[sum(x) % Q for x in zip(*inverse[k : k + 2], strict=True)] for k in range(0, len(inverse), 2)]
        table = [count * pow(xi + t, -1, Q) % Q for t, count in enumerate(self.counts)]
        missing = sum(table) - sum(map(sum, helpers))
        assert self.cheat or missing % Q == 0
        if self.cheat == "helper":
            helpers[0] = [(h + missing * pow(N, -1, Q)) % Q for h in helpers[0]]
        elif self.cheat == "balanced":
            helpers[0] = balanced_helper(self.values[:2], xi, helpers[0], missing)
        return [interpolated(values) for values in helpers], interpolated(table)


class Identity:
    """E, by values, and what S and E div Z are made of."""

    def __init__(self, kind: int, lanes: Lanes, offset: int, t0: bytes, h: list[Polynomial], g: Polynomial) -> None:
        self.xi, self.count, R, M = xi_of(t0), len(h), lanes.R, lanes.M
        at = Values.of([*lanes.polynomials, *h, g, lanes.m, lanes.identity])
        self.T, self.h = at.T[: R * M], at.T[R * M : R * M + len(h)]
        self.g, self.m, self.identity = at.T[R * M + len(h) :]
        self.centred = [[self.T[m * R + r] - offset for m in range(M)] for r in range(R)]
        self.F = products_at(kind, *factors(t0, R), self.centred)

    def summed(self, zeta: int) -> Any:
        """Whose sum over H is v."""
        return (self.F + zeta * (sum(self.h) - self.g)) % Q

    def zeros(self, eta: int) -> Any:
        """What is zero on all of H."""
        etas = powers(eta, self.count + 2)
        E = etas[-1] * (self.g * (self.xi + self.identity) - self.m) % Q
        for i, helper in enumerate(self.h):
            pair = [(self.xi + x) % Q for x in self.T[2 * i : 2 * i + 2]]
            E = (E + etas[i + 1] * fraction(helper, pair)) % Q
        return E


def xi_of(t0: bytes) -> int:
    return challenge(keccak(keccak(t0)))


def factors(t0: bytes, groups: int) -> tuple[list[int], list[int]]:
    """Powers of alpha and of beta."""
    return powers(challenge(t0), groups), powers(challenge(keccak(t0)), groups)


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
    lanes = Lanes(groups, cheat)
    listed = lanes.listed()
    products = true_products(kind, groups, offset) if products is None else products
    claimed = keccak(b"".join(map(word, products)))
    t0 = keccak(context + word(kind) + fold(bytes(32), listed) + claimed + point(lanes.m))
    h, g = lanes.helpers(xi_of(t0))
    t1 = fold(t0, [point(f) for f in (*h, g)])
    identity, zeta = Identity(kind, lanes, offset, t0, h, g), challenge(t1)

    summed = identity.summed(zeta)
    S = divided(Values.polynomial(summed))[0]
    constant = weighted(kind, *factors(t0, lanes.R), products) * pow(N, -1, Q) % Q
    excess = (S[0] - constant) % Q
    forced = cheat in ("constant", "degree", "multiplicities")
    assert forced or cheat == "sum" or excess == 0
    S[0] = constant if forced else S[0]
    t2 = keccak(t1 + point(S))
    eta = challenge(t2)
    _, q0, q1 = divided(Values.polynomial((summed + identity.zeros(eta)) % Q))
    q0[0] = (q0[0] - excess * (cheat == "degree")) % Q
    t3 = keccak(t2 + point(q0) + point(q1))
    z = challenge(t3)

    openings = [value_at(f, z) for f in (*lanes.polynomials, lanes.identity)]
    t4 = fold(t3, list(map(word, openings)))
    delta = challenge(t4)
    terms = weights(xi_of(t0), zeta, eta, z, delta, openings)
    polynomials = [*lanes.polynomials, lanes.identity, *h, g, lanes.m, S, q0, q1]
    W = combined(list(zip(terms, polynomials, strict=True)))
    pi, pi0 = point(quotient(W, z)), point(S[1:])
    gamma = challenge(keccak(t4 + pi + pi0))
    alpha, beta = challenge(t0), challenge(keccak(t0))
    found = {"alpha": alpha, "beta": beta, "xi": xi_of(t0), "zeta": zeta, "eta": eta, "z": z, "delta": delta}
    points = [point(f) for f in (*h, lanes.m, g, S, q0, q1)]
    return Proof(products, root_of(lanes.sums), {**found, "gamma": gamma}, listed, points, openings, pi, pi0)


def weights(xi: int, zeta: int, eta: int, z: int, delta: int, openings: list[int]) -> list[int]:
    """Of lanes, id, helpers, g, m, S, q0 and q1 in W."""
    *steps, D = powers(delta, len(openings) + 1)
    *lanes, identity = [(xi + x) % Q for x in openings]
    denominators = [lanes[k] * (lanes[k + 1] if k + 1 < len(lanes) else 1) % Q for k in range(0, len(lanes), 2)]
    etas = powers(eta, len(denominators) + 2)
    power = pow(z, N, Q)
    return [
        *steps,
        *(D * (zeta + e * d) % Q for e, d in zip(etas[1:], denominators, strict=False)),
        D * (etas[-1] * identity - zeta) % Q,
        -D * etas[-1] % Q,
        -D % Q,
        -D * (power - 1) % Q,
        -D * (power - 1) * power % Q,
    ]


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
