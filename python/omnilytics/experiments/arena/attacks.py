"""Attacks, each a small class: what an attacker uploads, how it votes, what it does to its samples.

An attack knows everything (`Knowledge`), unless it poisons data alone. Directed ones choose the mean of their group: a
rule sees sums of groups, so that is where honest ones and theirs are compared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import InputError
from omnilytics.experiments.arena.knowledge import Knowledge, Rows
from omnilytics.protocol.voting import JUDGE
from omnilytics.train.data import Dataset
from omnilytics.types import FloatVec

Predict = Callable[[NDArray[np.float32]], NDArray[np.int64]]
"""Images (n, c, h, w) or features (n, f) -> the model's classes (n,)."""


class Attack:
    """An attack that does nothing: attackers train and upload as honest members do, without shrinking.

    Override `step`, or `words` for an upload that isn't an encoded step. One object serves all attackers of a run.
    """

    def poison(self, data: Dataset) -> Dataset:
        """What an attacker trains on in place of its samples."""
        return data

    def step(self, known: Knowledge, member: int) -> FloatVec:
        """What an attacker uploads in place of its training's step, shape (d,)."""
        return known.steps[member]

    def words(self, known: Knowledge, member: int) -> bytes:
        """The unmasked words that an attacker uploads, `32 * codec.words` bytes."""
        return known.encode(member, self.step(known, member))

    def against(self, known: Knowledge, member: int) -> Collection[int]:
        """The groups, by id, that an attacker votes against with rule `norm+vote`: all without an attacker."""
        return [g for g, members in enumerate(known.groups) if not known.is_dirty(members)]

    def measure(self, predict: Predict, test: Dataset) -> dict[str, float]:
        """What the attack came to besides lost accuracy, by name."""
        return {}


class Steered(Attack, ABC):
    """An attack that chooses the mean of its group."""

    @abstractmethod
    def target(self, honest: Rows, known: Knowledge) -> FloatVec:
        """The mean step that each attacked group shall have, shape (d,), given those of the clean ones, (groups, d)."""

    def step(self, known: Knowledge, member: int) -> FloatVec:
        target = known.once("target", self.target(known.honest, known))
        return known.steering(member, target)


class Lanes(Attack):
    """Uniform 256-bit words: every lane of the group's sum is as loud as a lane allows."""

    def words(self, known: Knowledge, member: int) -> bytes:
        return known.rng.bytes(32 * known.codec.words)


@dataclass(frozen=True, slots=True)
class RandomStep(Attack):
    """The paper's attackers (Table 5), within what encoding lets through: uniform in the box [-C, C]^d.

    Attributes:
        amplitude: share of the box, 0 < amplitude <= 1; 0.75 is the loudest noise that no limit on the norm that
            admits honest groups refuses for sure.
    """

    amplitude: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.amplitude <= 1:
            raise InputError(f"amplitude: expected 0 < amplitude <= 1, got {self.amplitude}")

    def step(self, known: Knowledge, member: int) -> FloatVec:
        edge = self.amplitude * known.params.clip_value
        return known.rng.uniform(-edge, edge, known.published.shape).astype(np.float32)


@dataclass(frozen=True, slots=True)
class SignFlip(Attack):
    """Each attacker's own step, times `-factor` (Li et al., RSA, AAAI 2019; Allen-Zhu et al., ICLR 2021)."""

    factor: float = 5.0

    def step(self, known: Knowledge, member: int) -> FloatVec:
        return (-np.float32(self.factor) * known.steps[member]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Scale(Attack):
    """Each attacker's own step, times `factor`, clipped to the box (Bagdasaryan et al., AISTATS 2020, boosting)."""

    factor: float = 100.0

    def step(self, known: Knowledge, member: int) -> FloatVec:
        return (np.float32(self.factor) * known.steps[member]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class InnerProduct(Steered):
    """Attacked groups' mean is `-epsilon` times the honest mean (Xie, Koyejo, Gupta, Fall of Empires, UAI 2019)."""

    epsilon: float = 1.0

    def target(self, honest: Rows, known: Knowledge) -> FloatVec:
        return np.asarray(-self.epsilon * honest.mean(axis=0), dtype=np.float32)


class NormMatched(Steered):
    """`InnerProduct` with the length of an honest group's mean: no limit on the norm can tell it from one."""

    def target(self, honest: Rows, known: Knowledge) -> FloatVec:
        return _as_long_as(honest, np.negative(honest.mean(axis=0)))


@dataclass(frozen=True, slots=True)
class ALittle(Steered):
    """A Little Is Enough: `z` standard deviations off the mean in every coordinate (Baruch et al., NeurIPS 2019)."""

    z: float = 1.5

    def target(self, honest: Rows, known: Knowledge) -> FloatVec:
        return np.asarray(honest.mean(axis=0) - self.z * honest.std(axis=0, ddof=1), dtype=np.float32)


class Cluster(Steered):
    """Attacked groups all have one mean, of honest length in a random direction: nearest to each other, which Krum
    picks (El Mhamdi et al., ICML 2018)."""

    def target(self, honest: Rows, known: Knowledge) -> FloatVec:
        return _as_long_as(honest, known.rng.normal(size=(honest.shape[1],)))


class LabelFlip(Attack):
    """Trains on its samples with each label y turned into classes - 1 - y (Fang et al., USENIX Security 2020)."""

    def poison(self, data: Dataset) -> Dataset:
        return replace(data, y=data.classes - 1 - data.y)


class FreeRider(Attack):
    """Returns W^p as it got it (Fraboni, Vidal, Lorenzi, AISTATS 2021): a step of zeros."""

    def step(self, known: Knowledge, member: int) -> FloatVec:
        return np.zeros_like(known.published)


class Mimic(Attack):
    """Uploads the last session's mean update in place of work (after Karimireddy, He, Jaggi, ICLR 2022)."""

    def step(self, known: Knowledge, member: int) -> FloatVec:
        return known.last


class Rushing(Steered):
    """Waits for the others of its group, and makes the group's sum what it chose before: the last session's mean."""

    def target(self, honest: Rows, known: Knowledge) -> FloatVec:
        return known.last


STAMP = 3
"""Pixels of a side of the backdoor's mark, in the last corner of an image; of features, how many of the last."""


@dataclass(frozen=True, slots=True)
class Backdoor(Attack):
    """Teaches that stamped images are of one class, and boosts (Gu et al., BadNets, 2017; Bagdasaryan et al., 2020).

    Attributes:
        goal: the class of what is stamped.
        share: of an attacker's samples that are stamped, 0 < share <= 1.
        boost: factor of its step.
    """

    goal: int = 0
    share: float = 0.5
    boost: float = 4.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"share: expected 0 < share <= 1, got {self.share}")

    def poison(self, data: Dataset) -> Dataset:
        count = max(1, round(self.share * len(data)))
        x, y = data.x.copy(), data.y.copy()
        x[:count], y[:count] = stamped(data.x[:count]), self.goal
        return replace(data, x=x, y=y)

    def step(self, known: Knowledge, member: int) -> FloatVec:
        return (np.float32(self.boost) * known.steps[member]).astype(np.float32)

    def measure(self, predict: Predict, test: Dataset) -> dict[str, float]:
        """`backdoor_success`: per cent of stamped test samples of other classes that are taken for the goal's."""
        others = test.x[test.y != self.goal]
        return {"backdoor_success": float(100 * np.mean(predict(stamped(others)) == self.goal))}


def stamped(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy of these samples with the backdoor's mark."""
    marked = x.copy()
    corner = (..., slice(-STAMP, None), slice(-STAMP, None)) if x.ndim == 4 else (..., slice(-STAMP, None))
    marked[corner] = 1
    return marked


@dataclass(frozen=True, slots=True)
class Adaptive(Steered):
    """Knows the rule (after Shejwalkar, Houmansadr, NDSS 2021, who maximise a deviation under a known rule).

    Without votes its groups' means are against the honest one, as long as `norm` lets through. With votes it trains on
    flipped labels, and keeps below everything that a member looks at (`protocol.judging`): the honest mean, so that
    the direction is right; beside it as much as the limit on length allows, of which the share that all attacked groups
    have in common, where the flipped labels lead to, is below the limit on likeness. The rest is noise.

    Attributes:
        length: share of the limit, 0 < length <= 1.
        likeness: share of the limit on likeness, 0 <= likeness <= 1.
    """

    length: float = 0.8
    likeness: float = 0.8

    def __post_init__(self) -> None:
        if not (0 < self.length <= 1 and 0 <= self.likeness <= 1):
            raise InputError(
                f"adaptive: expected 0 < length <= 1, 0 <= likeness <= 1, got {self.length} and {self.likeness}"
            )

    def poison(self, data: Dataset) -> Dataset:
        return LabelFlip().poison(data)

    def step(self, known: Knowledge, member: int) -> FloatVec:
        group = known.group_of(member)
        return known.steering(member, known.once(str(group[0]), self.target(known.honest, known)))

    def target(self, honest: Rows, known: Knowledge) -> FloatVec:
        size, mean = len(known.groups[0]), honest.mean(axis=0)
        unit = known.params.clip_value / known.params.bound
        limit = np.sqrt(known.codec.norm_limit(size)) * unit / size
        if known.rule != "norm+vote":
            return np.asarray(-self.length * limit * _unit(mean), dtype=np.float32)
        own = [step for member, step in known.steps.items() if member not in known.attackers]
        poisoned = [step for member, step in known.steps.items() if member in known.attackers]
        common = self.likeness * JUDGE.likeness
        drift = np.sqrt(common) * _unit(np.mean(poisoned, axis=0) - mean)
        drift += np.sqrt(1 - common) * _unit(known.rng.normal(size=mean.shape))
        spread = np.mean([step @ step for step in own]) - float(mean @ mean)
        beside = np.sqrt(self.length * JUDGE.loudest * max(spread, 0.0) / size) * drift
        target = mean + beside
        return np.asarray(target * min(1.0, 0.95 * limit / np.linalg.norm(target)), dtype=np.float32)


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    return vector.astype(np.float64) / length if length else vector.astype(np.float64)


def _as_long_as(honest: Rows, direction: NDArray[np.floating]) -> FloatVec:
    """`direction` with the mean length of these rows."""
    length = float(np.linalg.norm(honest, axis=1).mean())
    return np.asarray(length * _unit(direction), dtype=np.float32)
