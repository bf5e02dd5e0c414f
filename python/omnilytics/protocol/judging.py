"""How a data owner votes: which groups' sums don't fit its own step, or each other, as honest sums would.

Every sum of a session is public, so a member can compare all of them; its own step alone it can trust. It looks at
inner products only, and at three things: direction, length, likeness. Votes are opinions: nobody checks them, and a
client may form its own; what refuses a group is a majority.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnilytics.codec import Codec
from omnilytics.errors import InputError


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Sums:
    """The sums of a session's groups, which everybody can read, measured once for all that judge them in a process.

    Attributes:
        codec: the session's.
        groups: their ids.
        within: those that `norm` lets through (E15), R of them: what follows is of these.
        members: how many each has, (R,).
        integers: A_r, (R, d).
        products: <A_r, A_s>, (R, R); exact below 2^53.
    """

    codec: Codec
    groups: tuple[int, ...]
    within: tuple[int, ...]
    members: NDArray[np.float64]
    integers: NDArray[np.float64]
    products: NDArray[np.float64]

    @classmethod
    def of(cls, codec: Codec, aggregates: Mapping[int, bytes], counts: Mapping[int, int]) -> Sums:
        """From words and numbers of members, by group.

        Raises:
            EncodingError: words of another length.
            InputError: a sum without a count, a count without a sum, or one outside 1..N.
        """
        if aggregates.keys() != counts.keys():
            raise InputError(f"judge: expected a count for each sum of {sorted(aggregates)}, got {sorted(counts)}")
        groups = tuple(aggregates)
        quiet = codec.select_norm([codec.squared_norm(aggregates[g]) for g in groups], [counts[g] for g in groups])
        within = tuple(group for group, passed in zip(groups, quiet, strict=True) if passed)
        integers = np.empty((len(within), codec.params.parameter_count))
        for row, group in zip(integers, within, strict=True):
            row[:] = codec.decode(aggregates[group])
        members = np.array([counts[group] for group in within], dtype=np.float64)
        return cls(codec, groups, within, members, integers, integers @ integers.T)

    def beside(self, step: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All inner products with a member's step (d,) in the last place, (R + 1, R + 1), and a copy of `members`."""
        along = self.integers @ step
        return np.block([[self.products, along[:, None]], [along, step @ step]]), self.members.copy()


Fits = Callable[[Sums], Collection[int]]
"""Which of the groups' sums, by id, a model owner takes in, if it pays for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What a member holds against a group.

    It is against all that `norm` refuses (E15), and looks at the others alone: one loud sum would drown them. With
    groups of n members, v its own step, S a sum, v left out of its own:

    Direction: S = v; the sum with the largest cosine to S is added to it, as long as that is above `-tolerance`. It is
    against what is left over (greedy selection after a trusted direction, as FLTrust has one: Cao et al., NDSS 2021).
    Length: p, the mean of <v, A_r> / n over what was added, estimates the inner product of two members' steps. What is
    each member's own, |v|^2 - p, adds up to n (|v|^2 - p) in an honest sum, beside n^2 p that all have in common. It is
    against what has less than `quietest` times that, or more than `loudest` times.
    Likeness: of two honest sums <A_r, A_s> is about n^2 p, and what exceeds it is chance. It is against two sums whose
    remainders have a cosine above `likeness` (sybils resemble each other more: Fung et al., FoolsGold, RAID 2020).

    Attributes:
        tolerance: 0 <= tolerance < 1. Late in training honest sums are nearly orthogonal.
        quietest: 0 <= quietest < 1.
        loudest: > 1.
        likeness: 0 < likeness <= 1; 1: any.
    """

    tolerance: float = 0.1
    quietest: float = 0.25
    loudest: float = 2.25
    likeness: float = 0.5

    def __post_init__(self) -> None:
        within = 0 <= self.tolerance < 1 and 0 <= self.quietest < 1 < self.loudest and 0 < self.likeness <= 1
        if not within:
            raise InputError(
                "judge: expected 0 <= tolerance < 1, 0 <= quietest < 1 < loudest, 0 < likeness <= 1, "
                f"got {self.tolerance}, {self.quietest}, {self.loudest} and {self.likeness}"
            )

    def against(self, sums: Sums, own: int, step: bytes) -> frozenset[int]:
        """The groups, by id, that a member votes against.

        Args:
            sums: of all groups.
            own: the member's group.
            step: what it has uploaded itself, as words without a mask.

        Raises:
            EncodingError: words of another length.
            InputError: no such group.
        """
        if own not in sums.groups:
            raise InputError(f"judge: expected the member's group among {', '.join(map(str, sums.groups))}, got {own}")
        products, members = sums.beside(sums.codec.decode(step).astype(np.float64))
        if own in sums.within:
            # leaves the member's own part out of its group's sum
            at = sums.within.index(own)
            products[at] -= products[-1]
            products[:, at] -= products[:, -1]
            members[at] -= 1
        fits = ~self._refused(products, members)
        return frozenset(sums.groups) - {group for group, good in zip(sums.within, fits, strict=True) if good}

    def along(self, sums: Sums, step: NDArray[np.float64]) -> frozenset[int]:
        """The groups, by id, that go the way of a step (d,), in the session's integers: direction alone."""
        products, _ = sums.beside(step)
        return frozenset(g for g, added in zip(sums.within, self._gathered(products), strict=True) if added)

    def _refused(self, products: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.bool_]:
        """From inner products (R + 1, R + 1), the member's step last, and R numbers of members."""
        sums, mine, length = products[:-1, :-1], products[-1, :-1], products[-1, -1]
        added = self._gathered(products)
        shared = mine[added] / np.maximum(members[added], 1)
        common = float(np.clip(shared.mean(), 0, length)) if len(shared) else 0.0
        rest = sums - np.outer(members, members) * common
        own = members * (length - common)
        loudness = np.maximum(rest.diagonal(), 0)
        odd = (loudness < self.quietest * own) | (loudness > self.loudest * own)
        scale = np.sqrt(loudness)
        alike = rest > self.likeness * np.outer(scale, scale)
        np.fill_diagonal(alike, False)
        alike[:, ~added] = False
        return np.asarray(~added | odd | alike.any(axis=1))

    def _gathered(self, products: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which sums are added to the member's step, shape (R,)."""
        lengths = np.sqrt(np.maximum(products.diagonal(), 0))
        chosen = np.zeros(len(products), dtype=np.bool_)
        chosen[-1] = True
        while not chosen.all():
            along = products[:, chosen].sum(axis=1)
            scale = lengths * np.sqrt(max(float(along[chosen].sum()), 0.0))
            cosines = np.divide(along, scale, out=np.zeros_like(along), where=scale > 0)
            cosines[chosen] = -np.inf
            best = int(cosines.argmax())
            if cosines[best] <= -self.tolerance:
                break
            chosen[best] = True
        return chosen[:-1]
