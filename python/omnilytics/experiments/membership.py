"""Was this sample somebody's? Membership inference by an observer, from W^p and from the sums of groups.

A model fits what it was trained on better than other samples of the same kind: whoever has a sample compares its loss
(Yeom et al., Privacy risk in machine learning: analyzing the connection to overfitting, CSF 2018, arXiv 1709.01604).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import InputError
from omnilytics.experiments.observer import GroupSum, session_means
from omnilytics.model.combine import log_softmax
from omnilytics.train.data import Dataset
from omnilytics.types import FloatVec

Logits = Callable[[FloatVec, NDArray[np.float32]], NDArray[np.float32]]
"""(W^p, x) -> what the public model says, (n, classes)."""

CHANCE = 0.5
"""The area under the curve of who only guesses."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Areas under the ROC curve of telling a data owner's samples from strangers': 0.5 is guessing, 1 is certain.

    Attributes:
        model: by their loss under the last W^p alone.
        group: by how much better the mean of one group's steps fits them than that of all groups; mean over groups.
        followed: the same, added up over all groups that a data owner sat in; mean over data owners.
        solved: by how much its reconstructed own part improves them; mean over data owners.
    """

    model: float
    group: float
    followed: float
    solved: float


def auc(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float:
    """The chance that a score inside is above one outside, ties counted half (Mann and Whitney).

    Raises:
        InputError: no scores on a side.
    """
    if not len(inside) or not len(outside):
        raise InputError(f"scores: expected some on both sides, got {len(inside)} and {len(outside)}")
    below = np.searchsorted(np.sort(outside), inside, side="left")
    upto = np.searchsorted(np.sort(outside), inside, side="right")
    return float((below + upto).sum() / (2 * len(inside) * len(outside)))


def infer(
    logits: Logits,
    published: Mapping[int, FloatVec],
    last: FloatVec,
    sums: Sequence[GroupSum],
    solved: Mapping[int, FloatVec],
    data: Sequence[Dataset],
    strangers: Dataset,
) -> Membership:
    """How far an observer gets who has samples and wonders whose they were.

    Args:
        logits: the public model.
        published: W^p by session.
        last: W^p after the last session.
        sums: of all groups.
        solved: each data owner's own part, as `reconstruction.solve` has it.
        data: each data owner's samples.
        strangers: samples of the same kind that nobody trained on.
    """

    def losses(weights: FloatVec, samples: Dataset) -> NDArray[np.float64]:
        likely = log_softmax(logits(weights, samples.x))
        return -likely[np.arange(len(samples)), samples.y].astype(np.float64)

    means, end = session_means(sums), max(published)
    everybody = [losses(last, one) for one in data]
    area = auc(-np.concatenate(everybody), -losses(last, strangers))
    by_group: list[float] = []
    inside: dict[int, NDArray[np.float64]] = {}
    outside: dict[int, NDArray[np.float64]] = {}
    for one in sums:
        start = published[one.session]
        all_groups, this = start + means[one.session], start + one.mean
        gain = [losses(all_groups, data[m]) - losses(this, data[m]) for m in one.members]
        strange = losses(all_groups, strangers) - losses(this, strangers)
        by_group.append(auc(np.concatenate(gain), strange))
        for member, own in zip(one.members, gain, strict=True):
            inside[member] = inside.get(member, 0) + own
            outside[member] = outside.get(member, 0) + strange
    base = published[end] + means[end]
    alone = []
    for member, part in solved.items():
        own, strange = (losses(base, s) - losses(base + part, s) for s in (data[member], strangers))
        alone.append(auc(own, strange))
    return Membership(
        model=area,
        group=float(np.mean(by_group)),
        followed=float(np.mean([auc(inside[m], outside[m]) for m in inside])),
        solved=float(np.mean(alone)),
    )
