"""What a model owner publishes, what it keeps, and what a data owner trains in its place."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from omnilytics.errors import EncodingError, InputError
from omnilytics.model.combine import choose_weight, combine, folds
from omnilytics.model.fitting import Samples, Settings, fit, fit_each, load_state, module_logits, state_of
from omnilytics.model.nets import initialise
from omnilytics.model.stacked import State
from omnilytics.model.vector import load_arrays, load_vector, parameter_names, select_parameters, to_arrays, to_vector
from omnilytics.seeds import Seeds
from omnilytics.types import FloatVec


@dataclass(frozen=True, slots=True)
class MemberModel:
    """What one data owner trains.

    Attributes:
        module: a network of its own.
        public_names: the parameters that it uploads, in the order of the vector.
        private_names: those that it trains and keeps.
    """

    module: nn.Module
    public_names: tuple[str, ...]
    private_names: tuple[str, ...] = ()

    @property
    def trained_names(self) -> tuple[str, ...]:
        """Everything that its training changes."""
        return self.public_names + self.private_names


class Split(Protocol):
    """A model in two parts: W^p, that the market sees, and W^s, that it doesn't."""

    @property
    def name(self) -> str:
        """side | layers."""

    @property
    def reveals(self) -> str:
        """What others learn of the model, in one sentence."""

    @property
    def owner_trains_public(self) -> bool:
        """Whether `adapt` changes W^p too, so that W^p fits the owner's samples better than anybody else's."""

    @property
    def public_names(self) -> tuple[str, ...]:
        """The parameters of W^p, in the order of the vector."""

    @property
    def parameter_count(self) -> int:
        """d, the length of the vector."""

    @property
    def weight(self) -> float:
        """How much the private model counts beside the public one; 0 where that isn't a question."""

    def public_vector(self) -> FloatVec:
        """W^p, shape (d,)."""

    def load_public(self, vector: FloatVec) -> None:
        """Replace W^p.

        Raises:
            EncodingError: wrong shape, NaN or infinity.
        """

    def outgoing(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter that leaves the model owner, by name."""

    def member_model(self, member_index: int, seeds: Seeds) -> MemberModel:
        """A fresh copy of what this data owner trains, with what it kept from its last session."""

    def private_state(self, member_index: int, seeds: Seeds) -> State:
        """What this data owner trains and doesn't upload: kept from its last session, or its start; maybe nothing."""

    def keep(self, member_index: int, state: State) -> None:
        """Remember what this data owner trained and didn't upload."""

    def adapt(self, data: Samples, config: Settings, generator: np.random.Generator) -> None:
        """The owner's own training, on its own samples, after an update of W^p."""

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the owner's whole model says, (n, classes)."""

    def public_logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """What anybody who followed the session can say with W^p alone, (n, classes)."""

    def alone_logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the owner says without the market, (n, classes): of a split that only `adapt` has changed."""

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        """The owner's classes, (n,)."""

    def state(self) -> dict[str, NDArray[Any]]:
        """The owner's whole model as arrays: `public.NAME` and `private.NAME`, and what it knows of its fit.

        What data owners keep isn't in it.
        """

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` gave; without what it knows of its fit, `adapt` fits anew.

        Raises:
            EncodingError: an array is missing or of another shape or type, or isn't finite.
        """


class SideSplit:
    """W^p is a complete small network that data owners train by itself; W^s is a network that never leaves the owner.

    The owner adds their log probabilities, with a weight that it chooses by cross-validation on its own samples. That
    is honest because W^p is never trained on them.

    Args:
        private: W^s, any module with logits (n, classes).
        public: W^p, the same.

    Raises:
        InputError: the public network can't travel as a vector.
    """

    name = "side"
    owner_trains_public = False
    reveals = "the public model, whole; nothing of the private one"

    def __init__(self, private: nn.Module, public: nn.Module) -> None:
        self.public_names = parameter_names(public)
        _check_public(public, self.public_names)
        self.private = private
        self.public = public
        self.weight = 0.0
        self._untrained = state_of(private)
        self._fitted_to = b""
        self._held_out = np.empty((0, 0), dtype=np.float32)

    @property
    def parameter_count(self) -> int:
        return _count(self.public, self.public_names)

    def public_vector(self) -> FloatVec:
        return to_vector(self.public, self.public_names)

    def load_public(self, vector: FloatVec) -> None:
        load_vector(self.public, vector, self.public_names)

    def outgoing(self) -> dict[str, NDArray[np.float32]]:
        return to_arrays(self.public, self.public_names)

    def member_model(self, member_index: int, seeds: Seeds) -> MemberModel:
        return MemberModel(copy.deepcopy(self.public), self.public_names)

    def private_state(self, member_index: int, seeds: Seeds) -> State:
        return {}

    def keep(self, member_index: int, state: State) -> None:
        """A member of this split keeps nothing."""

    def adapt(self, data: Samples, config: Settings, generator: np.random.Generator) -> None:
        """Fit W^s to `data`, the first time they are seen, then choose the weight for the present W^p."""
        digest = _digest(data)
        if digest != self._fitted_to:
            self._held_out = self._cross_validate(data, config, generator)
            load_state(self.private, self._untrained)
            fit(self.private, data, config, generator)
            self._fitted_to = digest
        self.weight = choose_weight(self.public_logits(data.x), self._held_out, data.y)

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        public = self.public_logits(x)
        return combine(public, module_logits(self.private, x), self.weight) if self.weight else public

    def public_logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return module_logits(self.public, x)

    def alone_logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return module_logits(self.private, x)

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.asarray(self.logits(x).argmax(axis=1), dtype=np.int64)

    def state(self) -> dict[str, NDArray[Any]]:
        return {
            **_named("public", to_arrays(self.public, self.public_names)),
            **_named("private", to_arrays(self.private, parameter_names(self.private))),
            "weight": np.array(self.weight),
            "fitted_to": np.frombuffer(self._fitted_to, dtype=np.uint8),
            "held_out": self._held_out,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        weight = state.get("weight")
        if weight is None or weight.shape != () or weight.dtype != np.float64 or not 0 <= weight <= 1:
            raise EncodingError(f"weight: expected a number from 0 to 1, got {weight}")
        load_arrays(self.public, _of("public", state), self.public_names)
        load_arrays(self.private, _of("private", state), parameter_names(self.private))
        self.weight = float(weight)
        self._fitted_to, self._held_out = b"", np.empty((0, 0), dtype=np.float32)
        if "fitted_to" in state and "held_out" in state:
            self._fitted_to, self._held_out = state["fitted_to"].tobytes(), state["held_out"]

    def _cross_validate(self, data: Samples, config: Settings, generator: np.random.Generator) -> NDArray[np.float32]:
        """Logits (n, classes) of each sample, from a copy of W^s fitted to the other folds."""
        everyone = np.arange(len(data.y))
        held_out = folds(len(everyone), generator)
        rest = [np.setdiff1d(everyone, fold) for fold in held_out]
        copies = [copy.deepcopy(self.private) for _ in held_out]
        for module in copies:
            load_state(module, self._untrained)
        fit_each(copies, [_Part(data.x[r], data.y[r]) for r in rest], config, generator)
        parts = [module_logits(m, data.x[fold]) for m, fold in zip(copies, held_out, strict=True)]
        return np.concatenate(parts)[np.argsort(np.concatenate(held_out))]


@dataclass(frozen=True, slots=True)
class _Part:
    x: NDArray[np.float32]
    y: NDArray[np.int64]


def _digest(data: Samples) -> bytes:
    return hashlib.sha256(data.x.tobytes() + data.y.tobytes()).digest()


class StandIn(StrEnum):
    """What a data owner computes with in place of the private layers that it must not see (notes: design 4)."""

    SHARED = "shared"
    """The owner's W^s itself: the paper's accuracy, without the paper's privacy."""
    OWN = "own"
    """Layers of its own, from its own random start, trained and kept by it."""
    OWN_COMMON = "own-common"
    """Layers of its own, from a random start that all share, trained and kept by each."""


_REVEALS = {
    StandIn.SHARED: "everything: data owners compute with the private layers, so the owner sends them too",
    StandIn.OWN: "the public layers; nothing of the private ones",
    StandIn.OWN_COMMON: "the public layers; of the private ones only a random start that is drawn from a public seed",
}


PRETRAINING = 20
"""The paper's number of epochs before the first session (Table 2)."""


class LayersSplit:
    """The paper's split: W^p is some layers of one model, by name; the others are W^s.

    Args:
        model: any module with logits (n, classes). With `own-common` its start should come from `common_start`, as the
            members' does.
        public_layers: names of submodules or of single parameters, e.g. ("conv2", "linear2", "linear3").
        stand_in: what data owners use for the rest.
        pretraining: epochs of the first adaptation (the paper's MOPreEp).

    Raises:
        InputError: a layer doesn't exist (the message lists those that do) or can't travel as a vector.
    """

    name = "layers"
    owner_trains_public = True
    weight = 0.0

    def __init__(
        self, model: nn.Module, public_layers: Sequence[str], stand_in: StandIn, pretraining: int = PRETRAINING
    ) -> None:
        if pretraining < 1:
            raise InputError(f"pretraining: expected at least 1 epoch, got {pretraining}")
        self.pretraining = pretraining
        self.stand_in = StandIn(stand_in)
        self.reveals = _REVEALS[self.stand_in]
        self.model = model
        self.public_names = _layer_parameters(model, public_layers)
        _check_public(model, self.public_names)
        self.private_names = tuple(n for n in parameter_names(model) if n not in self.public_names)
        self._adapted = False
        self._kept: dict[int, State] = {}
        self._outsider: State | None = None

    @property
    def parameter_count(self) -> int:
        return _count(self.model, self.public_names)

    def public_vector(self) -> FloatVec:
        return to_vector(self.model, self.public_names)

    def load_public(self, vector: FloatVec) -> None:
        load_vector(self.model, vector, self.public_names)

    def outgoing(self) -> dict[str, NDArray[np.float32]]:
        names = self.public_names + (self.private_names if self.stand_in is StandIn.SHARED else ())
        return to_arrays(self.model, names)

    def member_model(self, member_index: int, seeds: Seeds) -> MemberModel:
        module = copy.deepcopy(self.model)
        if self.stand_in is StandIn.SHARED:
            return MemberModel(module, self.public_names)
        load_state(module, self.private_state(member_index, seeds))
        return MemberModel(module, self.public_names, self.private_names)

    def private_state(self, member_index: int, seeds: Seeds) -> State:
        if self.stand_in is StandIn.SHARED:
            return {}
        if self._outsider is None:
            self._outsider = self._start(self.model, seeds, -1)
        return self._kept.get(member_index) or self._start(self.model, seeds, member_index)

    def keep(self, member_index: int, state: State) -> None:
        if self.stand_in is not StandIn.SHARED:
            self._kept[member_index] = state

    def adapt(self, data: Samples, config: Settings, generator: np.random.Generator) -> None:
        """Train the combined model on `data`: first the paper's pre-training, later its local adaptation."""
        fit(self.model, data, config, generator, epochs=None if self._adapted else self.pretraining)
        self._adapted = True

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return module_logits(self.model, x)

    def public_logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        module = copy.deepcopy(self.model)
        if self.stand_in is not StandIn.SHARED:
            load_state(module, self._outsider or self._start(module, Seeds(0), -1))
        return module_logits(module, x)

    def alone_logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.logits(x)

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.asarray(self.logits(x).argmax(axis=1), dtype=np.int64)

    def state(self) -> dict[str, NDArray[Any]]:
        return {
            **_named("public", to_arrays(self.model, self.public_names)),
            **_named("private", to_arrays(self.model, self.private_names)),
            "adapted": np.array(self._adapted),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        load_arrays(self.model, _of("public", state), self.public_names)
        load_arrays(self.model, _of("private", state), self.private_names)
        self._adapted = bool(state.get("adapted", np.array(False)))

    def _start(self, module: nn.Module, seeds: Seeds, member_index: int) -> State:
        fresh = copy.deepcopy(module)
        if self.stand_in is StandIn.OWN_COMMON:
            common_start(fresh, seeds)
        else:
            initialise(fresh, seeds.torch("stand-in", member_index))
        return state_of(fresh, self.private_names)


def _named(part: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{part}.{name}": array for name, array in arrays.items()}


def _of(part: str, state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}."): array for name, array in state.items() if name.startswith(f"{part}.")}


def common_start(model: nn.Module, seeds: Seeds) -> nn.Module:
    """Draw all parameters of `model` from the public stream of `own-common`, and return it."""
    return initialise(model, seeds.torch("stand-in", "common"))


def _layer_parameters(model: nn.Module, layers: Sequence[str]) -> tuple[str, ...]:
    every = parameter_names(model)
    existing = [name for name, layer in model.named_modules() if name and any(True for _ in layer.parameters())]
    names: list[str] = []
    for layer in layers:
        found = [name for name in every if name == layer or name.startswith(f"{layer}.")]
        if not found:
            raise InputError(f"public layers: expected some of {', '.join(existing)}; got {layer!r}")
        names += found
    if not names:
        raise InputError(f"public layers: expected some of {', '.join(existing)}; got none")
    return tuple(names)


def _check_public(module: nn.Module, names: Sequence[str]) -> None:
    select_parameters(module, names)
    for name, layer in module.named_modules():
        public = any(f"{name}.{parameter}" in names for parameter, _ in layer.named_parameters(recurse=False))
        if public and isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.track_running_stats:
            raise InputError(
                f"public layer {name}: expected one without running statistics, which no vector carries "
                f"(GroupNorm, LayerNorm), got {type(layer).__name__}"
            )


def _count(module: nn.Module, names: Sequence[str]) -> int:
    return sum(p.numel() for p in select_parameters(module, names).values())
