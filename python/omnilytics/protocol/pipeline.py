"""The paper's pipeline: update W^p through the market, adapt locally, repeat until the accuracy stops improving."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import InputError, ProtocolError
from omnilytics.model.split import Split
from omnilytics.protocol import events
from omnilytics.protocol.clock import Stopwatch
from omnilytics.protocol.member_role import TrainAlone
from omnilytics.protocol.owner_model import OwnerModel
from omnilytics.protocol.session import Outcome
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.venue import Venue
from omnilytics.seeds import Seeds
from omnilytics.train.batched import train_batched
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset
from omnilytics.train.evaluate import accuracy
from omnilytics.train.server import ServerMomentum
from omnilytics.types import FloatVec

IMAGE_MOMENTUM = 0.8
"""Server momentum for images, unless told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a model owner sets out to do.

    `sessions` is the most model updates; with `patience` the run ends earlier, once so many sessions in a row brought
    no smaller loss on the owner's own samples. `owner_training` is how the owner adapts its private part (MOEp).
    `server_momentum` is beta of the owner's steps from session to session; None: 0.8 if the data are images, else 0.
    With `fit_rounds` the owner offers no more groups than members fill who aren't suspect, but `terms.least_rounds`.
    """

    sessions: int
    terms: Terms
    training: TrainConfig
    owner_training: TrainConfig
    server_momentum: float | None = None
    patience: int | None = None
    fit_rounds: bool = False

    def __post_init__(self) -> None:
        if self.sessions < 1:
            raise InputError(f"sessions: expected at least 1, got {self.sessions}")
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience: expected at least 1, got {self.patience}")


@dataclass(frozen=True, slots=True)
class Improvement:
    """What a run came to.

    Accuracies are in per cent of the test samples. `start` is the owner's model as it enters the market, `alone` the
    same after as many adaptations as the run has, without the market; `public` is what any observer gets from W^p
    alone, `final` the owner's model in the end.
    """

    alone: float
    start: float
    public: float
    final: float
    by_session: tuple[tuple[float, float], ...]
    weight: float
    outcomes: tuple[Outcome, ...]
    model: Split


class _Patience:
    """Counts sessions in a row without a smaller loss."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._best = float("inf")
        self._waited = 0

    def lost(self, loss: float) -> bool:
        if loss < self._best:
            self._best, self._waited = loss, 0
            return False
        self._waited += 1
        return self._limit is not None and self._waited >= self._limit


@dataclass(slots=True, kw_only=True)
class RunState:
    """What a run has come to after some of its sessions.

    Attributes:
        model: the owner's, with its momentum.
        start: as in `Improvement`; likewise `alone`, `public`, `final`.
        history: public and final, as far as they were measured.
        outcomes: of the sessions so far.
        patience: what is left of it.
        over: whether there is no session more.
    """

    model: OwnerModel
    start: float
    alone: float
    patience: _Patience
    public: float = 0.0
    final: float = 0.0
    history: list[tuple[float, float]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    over: bool = False


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """One model owner and its data owners, at a venue.

    Attributes:
        venue: where sessions are held.
        split: the owner's model in two parts; it is changed in place.
        owner_data: what the model owner has.
        member_data: what each data owner has, in the venue's order.
        test_data: what accuracy is measured on.
        plan: sessions, terms and training.
        seeds: of training and adaptation.
        sink: gets the event stream.
        trainers: members, by index, that train in a way of their own, all others as the plan says.
        clock: adds up where the time goes.
        measure_every: accuracy is measured after every so many sessions, and after the last.
        state: how far it has come; None: not begun.
        after: is called after each session, when `state` is whole.
    """

    venue: Venue
    split: Split
    owner_data: Dataset
    member_data: Sequence[Dataset]
    test_data: Dataset
    plan: Plan
    seeds: Seeds
    sink: events.Sink
    trainers: Mapping[int, TrainAlone] = field(default_factory=dict)
    clock: Stopwatch = field(default_factory=Stopwatch)
    measure_every: int = 1
    state: RunState | None = None
    after: Callable[[Pipeline], None] | None = None

    def run(self) -> Improvement:
        """Runs all sessions, or those that are left.

        Raises:
            InputError: members and data sets don't match.
            NotFiniteError: training diverged; `ended` gives what there is.
            ProtocolError, ChainError: a session went wrong.
        """
        if len(self.venue.members) != len(self.member_data):
            raise InputError(
                f"members: expected one data set each, got {len(self.member_data)} for {len(self.venue.members)}"
            )
        terms = self.plan.terms
        least = terms.group_size * terms.least_rounds
        if len(self.venue.members) < least:
            raise InputError(
                f"members: expected at least {least} for {terms.least_rounds} groups of {terms.group_size}, "
                f"got {len(self.venue.members)}"
            )
        state = self.state = self.state or self._begun()
        while not state.over:
            self._next(state)
            if self.after is not None:
                self.after(self)
        self.sink(events.RunFinished(0, state.final, self.split.weight))
        return self._improvement(state)

    def ended(self) -> Improvement:
        """What a run comes to that can't go on, with the model as it is now.

        Raises:
            ProtocolError: it hasn't begun.
        """
        if self.state is None:
            raise ProtocolError("run: expected one that has begun, got none")
        self._take_stock(self.state, len(self.state.outcomes))
        return self._improvement(self.state)

    def _improvement(self, state: RunState) -> Improvement:
        return Improvement(
            state.alone,
            state.start,
            state.public,
            state.final,
            tuple(state.history),
            self.split.weight,
            tuple(state.outcomes),
            self.split,
        )

    def _begun(self) -> RunState:
        """Before the first session."""
        model = OwnerModel(
            split=self.split,
            data=self.owner_data,
            training=self.plan.training,
            owner_training=self.plan.owner_training,
            momentum=ServerMomentum(self._beta()),
            seeds=self.seeds,
        )
        self._adapt(model, 0)
        start = self._measure("start", self.split.alone_logits(self.test_data.x), 0)
        return RunState(model=model, start=start, alone=self._alone(model), patience=_Patience(self.plan.patience))

    def _next(self, state: RunState) -> None:
        """One session more."""
        number = len(state.outcomes) + 1
        with self.clock.of("chain"):
            state.outcomes.append(self._session(number, state.model))
        self._adapt(state.model, number)
        tired = state.patience.lost(self._own_loss())
        state.over = tired or number == self.plan.sessions
        if state.over or number % self.measure_every == 0:
            self._take_stock(state, number)
        if tired:
            self.sink(events.Note(number, "The model no longer improves on the owner's own samples: done."))

    def _take_stock(self, state: RunState, number: int) -> None:
        state.public = self._measure("public", self.split.public_logits(self.test_data.x), number)
        state.final = self._measure("final", self.split.logits(self.test_data.x), number)
        state.history.append((state.public, state.final))

    def _session(self, number: int, model: OwnerModel) -> Outcome:
        published = self.split.public_vector()
        with self.clock.of("training"):
            params = model.params(self._terms(), number)
            fits = model.fits(params, number)

        def train(indices: Sequence[int], start: FloatVec) -> Sequence[FloatVec]:
            ours = [i for i in indices if i not in self.trainers]
            data = [self.member_data[i] for i in ours]
            with self.clock.of("training"):
                batch = train_batched(self.split, ours, data, start, self.plan.training, self.seeds, number)
                trained = dict(zip(ours, batch, strict=True))
                return [self.trainers[i](start) if i in self.trainers else trained[i] for i in indices]

        outcome = self.venue.hold(number, published, params, train, fits)
        if outcome.update is not None:
            model.take(published, outcome.update, self.plan.terms.encoding)
        return outcome

    def _terms(self) -> Terms:
        terms = self.plan.terms
        if not self.plan.fit_rounds or terms.records is None:
            return terms
        return terms.with_rounds(self.venue.clear(terms.records) // terms.group_size)

    def _beta(self) -> float:
        if self.plan.server_momentum is not None:
            return self.plan.server_momentum
        return IMAGE_MOMENTUM if self.owner_data.x.ndim == 4 else 0.0

    def _alone(self, model: OwnerModel) -> float:
        """What the owner reaches with its own samples and as many adaptations as the run has, without the market."""
        alone = replace(model, split=copy.deepcopy(self.split))
        for number in range(1, self.plan.sessions + 1):
            self._adapt(alone, number)
        return self._measure("alone", alone.split.alone_logits(self.test_data.x), 0)

    def _adapt(self, model: OwnerModel, number: int) -> None:
        with self.clock.of("training"):
            model.adapt(number)

    def _own_loss(self) -> float:
        """Mean negative log likelihood of the owner's own samples under the public model."""
        logits = self.split.public_logits(self.owner_data.x).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[np.arange(len(self.owner_data)), self.owner_data.y]
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen))

    def _measure(self, what: str, logits: NDArray[np.float32], number: int) -> float:
        value = accuracy(logits, self.test_data.y)
        self.sink(events.AccuracyMeasured(number, what, value))
        return value
