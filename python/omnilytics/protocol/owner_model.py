"""The model owner's model from session to session: what it offers, what it takes in, how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import EncodingError
from omnilytics.model.split import Split
from omnilytics.protocol.judging import Fits
from omnilytics.protocol.progress import Accuracy
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.voting import JUDGE
from omnilytics.seeds import Seeds
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset
from omnilytics.train.evaluate import accuracy
from omnilytics.train.pretend import announced_clip, pretend_steps
from omnilytics.train.server import ServerMomentum
from omnilytics.types import Encoding, FloatVec, Rule, SessionParams


@dataclass(slots=True, kw_only=True)
class OwnerModel:
    """A model, and how its owner improves it.

    Attributes:
        split: the model; it is changed in place.
        data: the owner's samples.
        training: how data owners train.
        owner_training: how the owner adapts its private part (the paper's MOEp).
        momentum: of its steps.
        seeds: its own.
    """

    split: Split
    data: Dataset
    training: TrainConfig
    owner_training: TrainConfig
    momentum: ServerMomentum
    seeds: Seeds

    def params(self, terms: Terms, number: int) -> SessionParams:
        """The argument of `start` for session 1, 2, ..., with C as announced for it.

        Raises:
            InputError: terms that can't work.
        """
        clip = 0.0
        if terms.encoding is Encoding.DELTA:
            clip = announced_clip(
                self.split, self.data, terms.group_size, terms.samples, self.training, self.seeds, number
            )
        return terms.params(self.split.parameter_count, clip)

    def fits(self, params: SessionParams, number: int) -> Fits | None:
        """What it takes in of session 1, 2, ..., at the W^p of that session; None: all that it pays for.

        With rule `norm+vote` it looks at the groups itself: where attackers have half of the votes, it pays for what
        would ruin its model. It takes what goes the way of its pretend members, whose steps C comes from too.
        """
        if params.rule is not Rule.NORM_VOTE:
            return None
        # a copy: with split `layers` what pretend members train is part of the model that is measured
        split = deepcopy(self.split)
        steps = pretend_steps(split, self.data, params.members, params.samples, self.training, self.seeds, number)
        step = np.stack(steps).sum(axis=0, dtype=np.float64) * (params.bound / params.clip_value)
        return lambda sums: JUDGE.along(sums, step)

    def take(self, published: FloatVec, update: FloatVec, encoding: Encoding) -> None:
        """Steps to the next W^p.

        Args:
            published: W^p that the data owners started from, shape (d,).
            update: as `ModelOwner.mean_update` gives it, shape (d,).
            encoding: the session's.

        Raises:
            InputError, EncodingError: another shape, or a value that isn't finite.
        """
        step = update - published if encoding is Encoding.WEIGHTS else update
        self.split.load_public(self.momentum.step(published, step))

    def adapt(self, number: int) -> None:
        """Local adaptation after session `number`; 0: before the first."""
        self.split.adapt(self.data, self.owner_training, self.seeds.numpy("adapt", number))

    def measure(self, test: Dataset) -> Accuracy:
        """How good it is on samples that nobody has trained on.

        Raises:
            InputError: there are none.
        """
        public, whole = self.split.public_logits(test.x), self.split.logits(test.x)
        return Accuracy(accuracy(public, test.y), accuracy(whole, test.y))

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next session begins with, by name: `Split.state`, and `velocity` after a first step."""
        velocity = self.momentum.velocity
        return self.split.state() | ({} if velocity is None else {"velocity": velocity})

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Becomes what `state` gave.

        Raises:
            EncodingError: an array is missing or of another shape or type, or isn't finite.
        """
        velocity = state.get("velocity")
        if velocity is not None:
            count = self.split.parameter_count
            if velocity.dtype != np.float32 or velocity.shape != (count,) or not np.isfinite(velocity).all():
                raise EncodingError(
                    f"velocity: expected finite float32 ({count},), got {velocity.dtype} {velocity.shape}"
                )
        self.split.restore(state)
        self.momentum.velocity = velocity
