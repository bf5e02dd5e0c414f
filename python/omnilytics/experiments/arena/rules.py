"""Rules: which groups of a session are accepted. Built-in ones ask the code that the contract is held against."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from omnilytics.codec import Codec
from omnilytics.errors import InputError
from omnilytics.protocol.judging import Judge, Sums
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.voting import JUDGE
from omnilytics.types import FloatVec, KrumPicks, Rule


@dataclass(kw_only=True, repr=False)
class Judged:
    """What a rule decides on. Groups are numbered from 0; members go by their index.

    Attributes:
        codec: the session's.
        groups: who sits in each, by place; all have delivered.
        aggregates: each group's sum, `32 * codec.words` bytes.
        words: what each honest member has uploaded, before masking: who votes votes with it.
        against: the groups that each attacker votes against.
        owner_steps: gives the steps of the model owner's pretend members, before encoding, shape (d,) each.
        rng: for this session.
    """

    codec: Codec
    groups: Sequence[Sequence[int]]
    aggregates: Sequence[bytes]
    words: Mapping[int, bytes]
    against: Mapping[int, Collection[int]]
    owner_steps: Callable[[], Sequence[FloatVec]]
    rng: np.random.Generator

    @property
    def counts(self) -> list[int]:
        """Members of each group."""
        return [len(group) for group in self.groups]

    @cached_property
    def norms(self) -> list[int]:
        """G_rr, exact."""
        return [self.codec.squared_norm(words) for words in self.aggregates]

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """The aggregates' integers, shape (groups, d)."""
        return np.stack([self.codec.decode(words) for words in self.aggregates]).astype(np.float64)


class GroupRule:
    """A rule that accepts everything: the mean. Override `accept`, and `terms` where members must know of it."""

    def terms(self, terms: Terms) -> Terms:
        """What a session with this rule offers: by default that of `norm`, whose members shrink their steps (E4)."""
        return replace(terms, rule=Rule.NORM)

    def accept(self, judged: Judged) -> Sequence[bool] | None:
        """Whether each group is accepted; None: the rule isn't defined on so few."""
        return [True] * len(judged.groups)


class Norm(GroupRule):
    """Rule `norm` (E15)."""

    def accept(self, judged: Judged) -> Sequence[bool] | None:
        return judged.codec.select_norm(judged.norms, judged.counts)


@dataclass(frozen=True, slots=True)
class NormVote(Norm):
    """Rule `norm+vote`: `norm`, and no group against which more than half of the votes speak, if half of all vote.

    Attributes:
        flip: probability with which an honest member turns each of its bits.
        silence: that it doesn't vote.
        tolerance: of `protocol.judging.Judge`, as the next three.
        quietest: see there.
        loudest: see there.
        likeness: see there.
    """

    flip: float = 0.0
    silence: float = 0.0
    tolerance: float = JUDGE.tolerance
    quietest: float = JUDGE.quietest
    loudest: float = JUDGE.loudest
    likeness: float = JUDGE.likeness

    def __post_init__(self) -> None:
        for name in ("flip", "silence"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name}: expected 0 <= {name} < 1, got {getattr(self, name)}")
        self._judge()

    def terms(self, terms: Terms) -> Terms:
        return replace(terms, rule=Rule.NORM_VOTE)

    def accept(self, judged: Judged) -> Sequence[bool] | None:
        count, judge = len(judged.groups), self._judge()
        sums = Sums.of(judged.codec, dict(enumerate(judged.aggregates)), dict(enumerate(judged.counts)))
        against, cast = np.zeros(count, dtype=np.int64), len(judged.against)
        for groups in judged.against.values():
            against[list(groups)] += 1
        for own, members in enumerate(judged.groups):
            for member in members:
                if member not in judged.words or judged.rng.random() < self.silence:
                    continue
                bits = judged.rng.random(count) < self.flip
                bits[list(judge.against(sums, own, judged.words[member]))] ^= True
                against, cast = against + bits, cast + 1
        quorum = 2 * cast >= sum(judged.counts)
        within = judged.codec.select_norm(judged.norms, judged.counts)
        return [ok and not (quorum and 2 * no > cast) for ok, no in zip(within, against.tolist(), strict=True)]

    def _judge(self) -> Judge:
        return Judge(tolerance=self.tolerance, quietest=self.quietest, loudest=self.loudest, likeness=self.likeness)


@dataclass(frozen=True, slots=True)
class Krum(GroupRule):
    """Rule `krum` (E16), the paper's Algorithm 1.

    Attributes:
        mu: assumed share of bad groups.
        m: groups that it picks.
        picks: strict | paper, what bounds `m`.
    """

    mu: float = 0.25
    m: int = 1
    picks: str = "paper"

    def terms(self, terms: Terms) -> Terms:
        if self.picks not in ("strict", "paper"):
            raise InputError(f"picks: expected strict or paper, got {self.picks!r}")
        mu_bps = round(self.mu * 10_000)
        return replace(
            terms, rule=Rule.KRUM, krum_mu_bps=mu_bps, krum_m=self.m, krum_m_rule=KrumPicks[self.picks.upper()]
        )

    def accept(self, judged: Judged) -> Sequence[bool] | None:
        return judged.codec.select_krum(judged.norms, judged.codec.products(judged.aggregates), judged.counts)


class Greedy(GroupRule):
    """`norm`, and what goes the owner's way: it commits to S before uploads, then adds what has the largest cosine to S
    to it, as long as that is positive."""

    def accept(self, judged: Judged) -> Sequence[bool] | None:
        within = judged.codec.select_norm(judged.norms, judged.counts)
        direction = np.sum(judged.owner_steps(), axis=0).astype(np.float64)
        direction *= judged.codec.params.bound / judged.codec.params.clip_value
        left, chosen = [g for g, ok in enumerate(within) if ok], set()
        lengths = np.sqrt(np.array(judged.norms, dtype=np.float64))
        while left:
            cosines = {g: float(judged.sums[g] @ direction) / max(lengths[g], 1.0) for g in left}
            best = max(left, key=cosines.__getitem__)
            if cosines[best] <= 0:
                break
            left.remove(best)
            chosen.add(best)
            direction += judged.sums[best]
        return [g in chosen for g in range(len(judged.groups))]


@dataclass(frozen=True, slots=True)
class GeometricMedian(GroupRule):
    """The share `keep` of the groups nearest to the geometric median of all (Pillutla, Kakade, Harchaoui, 2022)."""

    keep: float = 0.5

    def accept(self, judged: Judged) -> Sequence[bool] | None:
        means = judged.sums / np.array(judged.counts)[:, None]
        distances = np.linalg.norm(means - geometric_median(means), axis=1)
        count = max(1, round(self.keep * len(distances)))
        nearest = set(np.argsort(distances, kind="stable")[:count].tolist())
        return [g in nearest for g in range(len(distances))]


SMALLEST_DISTANCE = 0.1
"""In Weiszfeld's steps: as byzfl has it."""


def geometric_median(points: NDArray[np.float64], steps: int = 100) -> NDArray[np.float64]:
    """The point with the least sum of distances to these, (n, d) -> (d,), by Weiszfeld's smoothed steps."""
    centre = points.mean(axis=0)
    for _ in range(steps):
        weights = 1 / np.maximum(np.linalg.norm(points - centre, axis=1), SMALLEST_DISTANCE)
        centre = weights @ points / weights.sum()
    return np.asarray(centre)
