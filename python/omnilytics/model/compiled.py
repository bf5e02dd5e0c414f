"""Many networks of one shape, trained on a processor by the compiled core (rust/train) rather than by PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from omnilytics._omnicore import descend
from omnilytics.model.stacked import KINDS, State, can_stack


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer with parameters and what is done to its outputs."""

    name: str
    own: nn.Conv2d | nn.Linear
    pool: bool = False
    relu: bool = False

    def plan(self) -> tuple[int, tuple[int, int] | None, tuple[int, int], bool, bool]:
        """Outputs, kernel (None: linear), padding, pooling, ReLU."""
        match self.own:
            case nn.Conv2d(kernel_size=(int(high), int(wide)), padding=(int(top), int(left))):
                return self.own.out_channels, (high, wide), (top, left), self.pool, self.relu
            case _:
                return int(self.own.weight.shape[0]), None, (0, 0), False, self.relu


def can_compile(module: nn.Module, sample: Sequence[int]) -> bool:
    """Whether the core trains the module on samples of that shape: convolutions, then linear layers, ReLU, pooling."""
    return bool(_layers(module, sample))


def _layers(module: nn.Module, sample: Sequence[int]) -> list[_Layer]:
    """In order; none where the core doesn't train the module."""
    if not can_stack(module):
        return []
    found: list[_Layer] = []
    flat = len(sample) == 1
    for name, child in module.named_children():
        last = found[-1] if found else None
        match child:
            case nn.Flatten():
                flat = True
            case nn.Conv2d() if not flat:
                found.append(_Layer(name, child))
            case nn.Linear() if flat:
                found.append(_Layer(name, child))
            case nn.ReLU() if last is not None:
                found[-1] = replace(last, relu=True)
            case nn.MaxPool2d() if last is not None and isinstance(last.own, nn.Conv2d) and not (flat or last.pool):
                found[-1] = replace(last, pool=True)
            case _:
                return []
    return found if found and isinstance(found[-1].own, nn.Linear) else []


def descended(
    module: nn.Module,
    together: State,
    x: torch.Tensor,
    y: torch.Tensor,
    batch_size: int,
    momentum: float,
    learning_rate: float,
) -> State:
    """The parameters of m networks after SGD with momentum on the mean cross-entropy of each batch.

    On as many threads as PyTorch has (`torch.set_num_threads`); results don't depend on it.

    Args:
        module: the shape of all (`can_compile`), and the parameters that aren't trained.
        together: those that are, each (m, ...).
        x: what they see, (m, epochs, n, ...), float32 or float64.
        y: labels (m, epochs, n).
        batch_size: samples a step; the last batch of an epoch may be smaller.
        momentum: of the steps.
        learning_rate: of the steps.

    Returns:
        What was trained, each (m, ...).

    Raises:
        InputError: a label without a class, or samples that don't fit the network.
    """
    layers = _layers(module, x.shape[3:])
    given = [_values(layer, kind, together, x) for layer in layers for kind in KINDS]
    sample = x.shape[3:] if x.dim() == 6 else (x.shape[3], 1, 1)
    found = descend(
        tuple(sample),
        [layer.plan() for layer in layers],
        given,
        x.flatten(3).contiguous().numpy(),
        y.contiguous().numpy(),
        batch=batch_size,
        momentum=momentum,
        rate=learning_rate,
        threads=torch.get_num_threads(),
    )
    names = [f"{layer.name}.{kind}" for layer in layers for kind in KINDS]
    trained = dict(zip((name for name in names if name in together), found, strict=True))
    return {name: torch.from_numpy(trained[name]).view_as(value) for name, value in together.items()}


def _values(layer: _Layer, kind: str, together: State, x: torch.Tensor) -> tuple[NDArray[Any], bool]:
    """A row of a parameter's values for each network, or one for all; whether it is trained."""
    own = together.get(f"{layer.name}.{kind}")
    trained = own is not None
    if own is None:
        shared = getattr(layer.own, kind)
        own = x.new_zeros(1, len(layer.own.weight)) if shared is None else shared.detach()[None]
    return np.ascontiguousarray(own.flatten(1).to(x.dtype).numpy()), trained
