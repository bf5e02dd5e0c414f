"""Solving for single data owners from the sums of all groups of many sessions.

Who sits with whom is public, and changes from session to session: each sum is an equation in the members' steps. Where
a member's steps are alike from session to session, enough equations give each of them away (So et al., Securing secure
aggregation: mitigating multi-round privacy leakage in federated learning, AAAI 2023, arXiv 2106.03328).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import InputError
from omnilytics.experiments.observer import GroupSum, session_means
from omnilytics.types import FloatVec

Vectors = Mapping[int, FloatVec]
"""A vector (d,) for each data owner, by index."""

RIDGES = (0.0, 0.25, 1.0, 4.0, 16.0, 64.0)
"""Dampings that the observer is lent: that of the best result counts as well as 0."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near estimates come to the truth; means over data owners.

    Attributes:
        cosine: between estimate and truth.
        error: length of their difference over the truth's; 1 is that of knowing nothing.
        identified: share of the data owners whose estimate has its largest cosine with their own truth, 0 to 1.
    """

    cosine: float
    error: float
    identified: float


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What an observer makes of the sums of a run.

    Attributes:
        members: data owners who were in a sum.
        equations: groups.
        rank: unknowns that the equations fix.
        shared: cosine of the mean step of a session with that of its members, mean over all: what they have in common.
        group: taking for a member's own part the mean of its groups'.
        solved: least squares.
        damped: the best of `RIDGES`.
    """

    members: int
    equations: int
    rank: int
    shared: float
    group: Likeness
    solved: Likeness
    damped: Likeness


def own_parts(steps: Mapping[tuple[int, int], FloatVec], sums: Sequence[GroupSum]) -> dict[int, FloatVec]:
    """The truth: what each data owner's steps have on average beyond the mean of all in its session.

    Args:
        steps: by (data owner, session), of those in the sums.
        sums: what is public.
    """
    means, found = session_means(sums), _sessions(sums)
    return {
        member: np.mean([steps[member, session] - means[session] for session in sessions], axis=0)
        for member, sessions in found.items()
    }


def group_parts(sums: Sequence[GroupSum]) -> dict[int, FloatVec]:
    """For each data owner the mean over its groups of what their means have beyond that of all."""
    means = session_means(sums)
    parts: dict[int, list[FloatVec]] = {}
    for one in sums:
        for member in one.members:
            parts.setdefault(member, []).append(one.mean - means[one.session])
    return {member: np.mean(vectors, axis=0) for member, vectors in parts.items()}


def solve(sums: Sequence[GroupSum], ridge: float = 0.0) -> tuple[dict[int, FloatVec], int]:
    """Each data owner's own part by least squares, as if it were the same in each session; and the rank.

    What the sums leave open is taken as small as possible: members who always sit together get the same.

    Args:
        sums: of all sessions.
        ridge: damping >= 0, added for each unknown.

    Raises:
        InputError: no sums, or a negative damping.
    """
    if not sums or ridge < 0:
        raise InputError(f"reconstruction: expected sums and a damping of at least 0, got {len(sums)} and {ridge}")
    members = sorted(_sessions(sums))
    place = {member: column for column, member in enumerate(members)}
    means = session_means(sums)
    who = np.zeros((len(sums), len(members)))
    for row, one in enumerate(sums):
        who[row, [place[member] for member in one.members]] = 1
    sides = np.stack([len(one.members) * (one.mean - means[one.session]) for one in sums]).astype(np.float64)
    normal = who.T @ who
    inverse = np.linalg.inv(normal + ridge * np.eye(len(members))) if ridge else np.linalg.pinv(normal, hermitian=True)
    found = inverse @ (who.T @ sides)
    rank = int(np.linalg.matrix_rank(who))
    return {member: found[column].astype(np.float32) for member, column in place.items()}, rank


def likeness(estimates: Vectors, truth: Vectors) -> Likeness:
    """Compares estimates with the truth, both of the same data owners.

    Raises:
        InputError: they aren't.
    """
    if not truth or estimates.keys() != truth.keys():
        raise InputError(f"likeness: expected estimates of {sorted(truth)}, got {sorted(estimates)}")
    order = sorted(truth)
    guessed = np.stack([estimates[member] for member in order]).astype(np.float64)
    true = np.stack([truth[member] for member in order]).astype(np.float64)
    cosines = _directions(guessed) @ _directions(true).T
    lengths = np.maximum(np.linalg.norm(true, axis=1), np.finfo(np.float64).tiny)
    return Likeness(
        cosine=float(np.mean(np.diag(cosines))),
        error=float(np.mean(np.linalg.norm(guessed - true, axis=1) / lengths)),
        identified=float(np.mean(cosines.argmax(axis=1) == np.arange(len(order)))),
    )


def reconstruct(sums: Sequence[GroupSum], steps: Mapping[tuple[int, int], FloatVec]) -> Reconstruction:
    """What an observer of `sums` finds out, judged by the members' `steps`, by (data owner, session)."""
    truth, means = own_parts(steps, sums), session_means(sums)
    solved, rank = solve(sums)
    damped = [likeness(solve(sums, ridge)[0], truth) for ridge in RIDGES if ridge]
    plain = likeness(solved, truth)
    return Reconstruction(
        members=len(truth),
        equations=len(sums),
        rank=rank,
        shared=float(np.mean([_cosine(step, means[session]) for (_, session), step in steps.items()])),
        group=likeness(group_parts(sums), truth),
        solved=plain,
        damped=max([plain, *damped], key=lambda one: one.cosine),
    )


def _sessions(sums: Sequence[GroupSum]) -> dict[int, list[int]]:
    """The sessions in whose sums each data owner is."""
    found: dict[int, list[int]] = {}
    for one in sums:
        for member in one.members:
            found.setdefault(member, []).append(one.session)
    return found


def _directions(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1; zero rows stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float64).tiny), dtype=np.float64)


def _cosine(a: FloatVec, b: FloatVec) -> float:
    first, second = _directions(np.stack([a, b]).astype(np.float64))
    return float(first @ second)
