"""Why each group was accepted or rejected, in numbers and in a sentence, for people to see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from omnilytics.codec import Codec
from omnilytics.protocol.events import DistancesMeasured, Event, GroupScored
from omnilytics.protocol.ledger import Selection
from omnilytics.protocol.voting import Tally
from omnilytics.types import Encoding, Rule

WEIGHTS_SCALE = 10**8
"""Integers per unit of weight with encoding `weights` (E3)."""


def tell_scores(
    session: int,
    codec: Codec,
    groups: Sequence[int],
    aggregates: Sequence[bytes],
    counts: Sequence[int],
    selection: Selection,
    tally: Tally | None = None,
) -> Iterator[Event]:
    """Verdict and score of each of `groups`, whose aggregates and members are given in the same order; distances.

    `tally`: the votes, with rule `norm+vote`.
    """
    norms = [codec.squared_norm(words) for words in aggregates]
    products = codec.products(aggregates)
    yield from score_groups(session, codec, groups, norms, products, counts, selection, tally)
    yield distances(session, codec, groups, norms, products, counts)


def score_groups(
    session: int,
    codec: Codec,
    groups: Sequence[int],
    norms: Sequence[int],
    products: Sequence[int],
    counts: Sequence[int],
    selection: Selection,
    tally: Tally | None = None,
) -> Iterator[GroupScored]:
    """One event for each of `groups`, whose squared norms, inner products and members are given in the same order.

    `norm`, `norm+vote`: the score is G_rr, the limit the largest that passes (E15). `krum`: the score is that of the
    first pick (E16), the limit the largest score among the accepted.
    """
    params = codec.params
    accepted = [bool(selection.accepted >> group & 1) for group in groups]
    if params.rule is not Rule.KRUM:
        scores, limits = list(norms), [codec.norm_limit(count) for count in counts]
    else:
        first_pick = dict(codec.krum_scores(norms, products, counts))
        scores = [first_pick.get(position, 0) for position in range(len(groups))]
        limits = [max((s for s, a in zip(scores, accepted, strict=True) if a), default=0)] * len(groups)
    for group, score, limit, passed in zip(groups, scores, limits, accepted, strict=True):
        paid = bool(selection.paid >> group & 1)
        reason = _reason(params.rule, score, limit, passed, selection.unselected)
        if tally is not None:
            reason += tally.words(group)
        yield GroupScored(session, group, passed, paid, str(score), str(limit), reason)


def _reason(rule: Rule, score: int, limit: int, accepted: bool, unselected: bool) -> str:
    if unselected:
        return "the rule accepts no group here: everyone who delivered is paid and the model stays"
    if rule is not Rule.KRUM:
        share = 100 * score // limit if limit else 0
        return f"squared length {share} % of the limit" + (": louder than honest members can be" * (score > limit))
    return "among Krum's picks: close to the other groups" if accepted else "not among Krum's picks"


def distances(
    session: int,
    codec: Codec,
    groups: Sequence[int],
    norms: Sequence[int],
    products: Sequence[int],
    counts: Sequence[int],
) -> DistancesMeasured:
    """Squared distances between the groups' mean members, in units of weights squared."""
    params = codec.params
    pairs = iter(products)
    common = math.lcm(*counts)
    unit = (1 / WEIGHTS_SCALE if params.encoding is Encoding.WEIGHTS else params.clip_value / params.bound) / common
    table = [[0.0] * len(groups) for _ in groups]
    for r in range(len(groups)):
        for s in range(r + 1, len(groups)):
            first, second = common // counts[r], common // counts[s]
            squared = first**2 * norms[r] - 2 * first * second * next(pairs) + second**2 * norms[s]
            table[r][s] = table[s][r] = float(squared) * unit * unit
    return DistancesMeasured(session, list(groups), table)
