"""The golden vectors of the Gram matrix, the selection rules and the new model: selection.json."""

from __future__ import annotations

import math
import random

from tests.vectors.notation import Json, hexadecimal, label_bytes, patterns
from tests.vectors.reference import codec
from tests.vectors.reference import selection as rules


def gram_case(bits: int, parameter_count: int, groups: int) -> Json:
    length = math.ceil(parameter_count / (256 // bits))
    aggregates = [b"".join(label_bytes(f"{bits} {r} {i}") for i in range(length)) for r in range(groups)]
    vectors = [codec.unpack(words, bits, parameter_count) for words in aggregates]
    return {
        "name": f"{bits} bits, {parameter_count} parameters",
        "lane_bits": bits,
        "parameter_count": parameter_count,
        "aggregates": [hexadecimal(words) for words in aggregates],
        "norms": [str(rules.inner(vector, vector)) for vector in vectors],
        "products": [str(pair) for pair in rules.products(vectors)],
    }


def norm_case(name: str, members: int, d: int, bound: int) -> Json:
    counts = [count for count in range(1, members + 1) for _ in range(3)]
    norms = [rules.norm_limit(count, members, d, bound) + shift % 3 for shift, count in enumerate(counts)]
    norms = [max(0, norm - 1) for norm in norms]
    accepted = [rules.norm_accepts(g, u, members, d, bound) for g, u in zip(norms, counts, strict=True)]
    return {
        "name": name,
        "members": members,
        "parameter_count": d,
        "bound": bound,
        "counts": counts,
        "norms": [str(norm) for norm in norms],
        "limits": [str(rules.norm_limit(count, members, d, bound)) for count in counts],
        "accepted": accepted,
    }


def vote_case(name: str, members: int, counts: list[int], against: list[int], cast: int, loud: set[int]) -> Json:
    """`loud`: groups that `norm` refuses, by one unit."""
    d, bound = 5705, 7
    norms = [rules.norm_limit(count, members, d, bound) + (r in loud) for r, count in enumerate(counts)]
    passed = [rules.norm_accepts(g, u, members, d, bound) for g, u in zip(norms, counts, strict=True)]
    accepted = [p and not rules.voted_out(n, cast, counts) for p, n in zip(passed, against, strict=True)]
    return {
        "name": name,
        "members": members,
        "parameter_count": d,
        "bound": bound,
        "counts": counts,
        "norms": [str(norm) for norm in norms],
        "against": against,
        "cast": cast,
        "accepted": accepted,
    }


def vote_cases() -> list[Json]:
    """Ties and borders of both comparisons, with 4 groups of 4 and with others."""
    four, many = [4] * 4, [16, 15, *[9] * 62]
    return [
        vote_case("nobody votes", 4, four, [0, 0, 0, 0], 0, set()),
        vote_case("everybody votes: half is a tie, and passes", 4, four, [0, 8, 9, 16], 16, set()),
        vote_case("exactly half have voted: a quorum", 4, four, [3, 4, 5, 8], 8, set()),
        vote_case("one less than half", 4, four, [3, 4, 5, 7], 7, set()),
        vote_case("an odd number of votes", 4, four, [4, 5, 9, 0], 9, set()),
        vote_case("norm refuses, whatever is voted", 4, four, [0, 0, 16, 16], 16, {0, 2}),
        vote_case("norm refuses all", 4, four, [0, 8, 9, 16], 16, {0, 1, 2, 3}),
        vote_case("everybody is against everything", 4, four, [16, 16, 16, 16], 16, set()),
        vote_case("groups of other sizes: half of 11 is 6", 4, [4, 3, 2, 2], [2, 3, 4, 5], 6, set()),
        vote_case("groups of other sizes: 5 of 11 aren't half", 4, [4, 3, 2, 2], [2, 3, 4, 5], 5, set()),
        vote_case("one group", 2, [2], [1], 1, set()),
        vote_case("64 groups, lanes in five words", 16, many, [(7 * r) % 400 for r in range(64)], 400, {1, 63}),
        vote_case("64 groups of 16: the most votes", 16, [16] * 64, [1024, *[512] * 31, *[513] * 32], 1024, set()),
        vote_case("no group", 4, [], [], 0, set()),
    ]


def krum_case(name: str, vectors: list[list[int]], mu_bps: int, m: int, strict: bool) -> Json:
    norms = [rules.inner(vector, vector) for vector in vectors]
    pairs = rules.products(vectors)
    return {
        "name": f"{name}, mu {mu_bps}, m {m}, {'strict' if strict else 'paper'}",
        "mu_bps": mu_bps,
        "m": m,
        "m_rule": 0 if strict else 1,
        "norms": [str(norm) for norm in norms],
        "products": [str(pair) for pair in pairs],
        "scores": [str(score) for score in rules.krum_scores(norms, pairs, mu_bps)],
        "accepted": rules.krum(norms, pairs, mu_bps, m, strict),
    }


def cloud(label: str, groups: int, size: int) -> list[list[int]]:
    source = random.Random(label)
    return [[source.randint(-size, size) for _ in range(12)] for _ in range(groups)]


def krum_cases() -> list[Json]:
    honest = cloud("honest", 8, 20)
    outliers = [vector if r not in (2, 5) else [1000 * v for v in vector] for r, vector in enumerate(honest)]
    line = [[r] for r in range(7)]
    corners = [[2**31 - 1 if r % 2 else -(2**31)] * 3 for r in range(16)]
    cases = [
        krum_case("8 groups, 2 outliers", outliers, mu, m, strict)
        for mu in (0, 1, 2500, 5000)
        for m in (1, 2, 4, 5, 8, 1000)
        for strict in (True, False)
    ]
    for size in range(8):
        for m, strict in ((1, True), (1, False), (3, False)):
            cases.append(krum_case(f"{size} of the groups", outliers[:size], 1250, m, strict))
    cases += [
        krum_case("all equal: the lowest ids win", [[3, -4]] * 8, 1250, 3, False),
        krum_case("a line: ties between mirror images", line, 0, 4, False),
        krum_case("a line: ties between mirror images", line, 0, 4, True),
        krum_case("16 groups at the corners of 32-bit lanes", corners, 2500, 9, False),
        krum_case("16 groups", cloud("sixteen", 16, 2**31), 2000, 5, True),
    ]
    return cases


# ---- counts that differ: policy `recover` ----


def counted_case(
    name: str, members: int, counts: list[int], norms: list[int], pairs: list[int], mu_bps: int, m: int, strict: bool
) -> Json:
    scale = math.lcm(*range(1, members + 1))
    scaled = rules.per_member(norms, pairs, counts, scale)
    return {
        "name": f"{name}, mu {mu_bps}, m {m}, {'strict' if strict else 'paper'}",
        "members": members,
        "counts": counts,
        "scale": scale,
        "mu_bps": mu_bps,
        "m": m,
        "m_rule": 0 if strict else 1,
        "norms": [str(norm) for norm in norms],
        "products": [str(pair) for pair in pairs],
        "scores": [str(score) for score in rules.krum_scores(*scaled, mu_bps)],
        "accepted": rules.krum(*scaled, mu_bps, m, strict),
    }


def vectors_case(
    name: str, members: int, counts: list[int], vectors: list[list[int]], mu_bps: int, m: int, strict: bool = False
) -> Json:
    """The aggregates `vectors` of groups of `counts` members."""
    norms = [rules.inner(vector, vector) for vector in vectors]
    return counted_case(name, members, counts, norms, rules.products(vectors), mu_bps, m, strict)


def times(counts: list[int], means: list[list[int]]) -> list[list[int]]:
    """The sums whose means are given."""
    return [[count * v for v in vector] for count, vector in zip(counts, means, strict=True)]


def counted_cases() -> list[Json]:
    mixed, sixteen = [4, 3, 4, 3, 3, 4, 4, 3], [16, 15, 9, 13, 11, 14, 10, 12]
    means = cloud("means", 8, 20)
    outliers = [vector if r not in (2, 5) else [1000 * v for v in vector] for r, vector in enumerate(means)]
    near = [[1 + r // 2 * count] for r, count in enumerate(sixteen)]
    corners = [[2**31 - 1 if r % 2 else -(2**31)] * 3 for r in range(16)]
    signs = [-(2**82) if (r + s) % 2 else 2**82 for r in range(16) for s in range(r + 1, 16)]
    return [
        vectors_case("two outliers, everybody delivered", 4, [4] * 8, times([4] * 8, outliers), 2500, 3),
        *(
            vectors_case("two outliers, some dropped", 4, mixed, times(mixed, outliers), mu, m, strict)
            for mu in (0, 1, 2500)
            for m in (1, 2, 5, 1000)
            for strict in (True, False)
        ),
        vectors_case("all sums equal: the small groups are outliers", 4, [3, *[4] * 6, 3], [[60, -24]] * 8, 2500, 3),
        vectors_case("all means equal: the lowest ids win", 4, mixed, times(mixed, [[3, -4]] * 8), 1250, 3),
        vectors_case(
            "means on a line: ties between mirror images", 6, [6, 4, 5, 6, 5, 4, 6], line([6, 4, 5, 6, 5, 4, 6]), 0, 4
        ),
        vectors_case("means that differ by fractions", 16, sixteen, near, 0, 5),
        vectors_case("means that differ by fractions", 16, sixteen, near, 2500, 2),
        vectors_case("16 groups at the corners of 32-bit lanes", 16, [*range(2, 17), 16], corners, 2500, 9),
        counted_case("the largest entries", 16, [2] * 16, [2**82] * 16, signs, 0, 14, False),
        counted_case("the largest entries", 16, [*range(2, 17), 2], [2**82] * 16, signs, 2500, 9, False),
        vectors_case("too few groups", 4, [3, 4], times([3, 4], means[:2]), 0, 1),
        vectors_case("no group", 4, [], [], 0, 1),
    ]


def line(counts: list[int]) -> list[list[int]]:
    """Means 0, 1, 2, ..."""
    return times(counts, [[r] for r in range(len(counts))])


# ---- the new model ----


def mean_case(
    name: str, members: int, bound: int, clip: float | None, counts: list[int], values: list[list[int]]
) -> Json:
    """Clip None: `weights`."""
    bits = codec.smallest_lane_bits(members, bound)
    clip = None if clip is None else codec.to_float32(clip)
    totals, denominator = rules.mean(values, counts)
    unit = (1.0, 1e8) if clip is None else (clip, float(bound))
    return {
        "name": name,
        "encoding": 1 if clip is None else 0,
        "members": members,
        "bound": bound,
        "lane_bits": bits,
        "clip": patterns([clip or 0.0]),
        "parameter_count": len(values[0]),
        "counts": counts,
        "aggregates": [hexadecimal(codec.pack(vector, bits)) for vector in values],
        "totals": [str(total) for total in totals],
        "denominator": str(denominator),
        "mean": patterns(rules.in_weights(totals, denominator, unit)),
    }


def sums(label: str, counts: list[int], bound: int, d: int) -> list[list[int]]:
    """Aggregates of that many members, borders among them."""
    source = random.Random(label)
    found = []
    for count in counts:
        most = count * bound
        found.append([source.choice((most, -most, 0, 1, -1, source.randint(-most, most))) for _ in range(d)])
    return found


def mean_cases() -> list[Json]:
    cases = []
    for members, bound, clip, counts in (
        (4, 7, 0.05, [4, 4, 4]),
        (4, 7, 0.05, [3]),
        (4, 7, 0.05, [3, 3]),
        (4, 7, 0.05, [4, 3]),
        (6, 5, 0.0123, [6, 4, 5, 4]),
        (16, 127, 1.0, [9, 16, 11, 13]),
        (16, 2**27 - 1, 3.0, [*range(2, 17), 16]),
        (4, (2**31 - 1) // 4, None, [4, 4]),
        (4, (2**31 - 1) // 4, None, [2, 3, 4]),
        (16, (2**31 - 1) // 16, None, [*range(16, 1, -1), 2]),
    ):
        name = f"{'weights' if clip is None else 'delta'}, N {members}, Q {bound}, counts {counts}"
        cases.append(mean_case(name, members, bound, clip, counts, sums(name, counts, bound, 25)))
    counts, top, bottom = [*range(2, 17), 2], 2**31 - 1, -(2**31)
    borders = [[bottom, top, bottom if r % 2 else top, r] for r in range(16)]
    cases.append(mean_case("garbage at the borders of 32-bit lanes", 16, 2**27 - 1, 3.0, counts, borders))
    return cases


def selection() -> Json:
    grams = [gram_case(bits, 3 * (256 // bits) - 2, 4) for bits in codec.TABLE]
    norms = [
        norm_case("the default", 4, 5705, 7),
        norm_case("one parameter", 2, 1, 1),
        norm_case("the largest", 16, 64 * 720 * 8, 2**27 - 1),
        norm_case("six members", 6, 7, 3),
        norm_case("three members: the limit isn't whole", 3, 101, 5),
    ]
    return {
        "gram": grams,
        "norm": norms,
        "norm_vote": vote_cases(),
        "krum": krum_cases(),
        "krum_counts": counted_cases(),
        "mean": mean_cases(),
    }
