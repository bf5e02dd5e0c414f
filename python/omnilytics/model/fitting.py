"""Stochastic gradient descent on one network, and on many of one shape at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from omnilytics.errors import InputError
from omnilytics.model.augment import distort, drawn
from omnilytics.model.compiled import can_compile, descended
from omnilytics.model.stacked import Buffers, Stacked, State, can_stack, without_pooling
from omnilytics.model.vector import parameter_names, select_parameters

_EVALUATION_BATCH = 500

_SMALL = 1_000_000
"""Parameters below which several threads cost more than they bring."""


class Samples(Protocol):
    """What is trained on: x float32 (n, ...), y int64 (n,)."""

    @property
    def x(self) -> NDArray[np.float32]: ...

    @property
    def y(self) -> NDArray[np.int64]: ...


class Settings(Protocol):
    """How is trained (`train.config.TrainConfig`)."""

    @property
    def epochs(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def momentum(self) -> float: ...

    @property
    def augment(self) -> bool | None: ...

    @property
    def distortion(self) -> float: ...


def training_device() -> torch.device:
    """CUDA when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Layers that draw from PyTorch's global state (dropout) draw from `seed` inside; outside nothing changes."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside: small computations are faster so, and don't depend on the number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def steady(module: nn.Module) -> Iterator[None]:
    """Results that repeat: cuDNN's deterministic algorithms in full float32, and one thread for a small network."""
    small = sum(p.numel() for p in module.parameters()) < _SMALL
    with (
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        one_thread() if small else nullcontext(),
    ):
        yield


def passes(
    data: Sequence[Samples], settings: Settings, rngs: Sequence[np.random.Generator], epochs: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """What m networks see, shuffled and distorted: x (m, epochs, n, ...), y (m, epochs, n), on the training device.

    Args:
        data: of each, n samples of one shape.
        settings: epochs, whether images are distorted, and how strongly.
        rngs: of each.
        epochs: instead of the settings'.

    Raises:
        InputError: no samples.
    """
    n, rounds = len(data[0].y), epochs or settings.epochs
    if n == 0:
        raise InputError("training: expected at least 1 sample, got 0")
    distorted = data[0].x.ndim == 4 if settings.augment is None else settings.augment
    order, angles = [], []
    for rng in rngs:
        order.append(np.concatenate([rng.permutation(n) for _ in range(rounds)]))
        if distorted:
            angles.append(settings.distortion * drawn(rounds * n, rng))
    device = training_device()
    with one_thread():
        at = torch.from_numpy((n * np.arange(len(data))[:, None] + np.stack(order)).ravel()).to(device)
        x = torch.from_numpy(np.concatenate([part.x for part in data])).to(device)
        y = torch.from_numpy(np.concatenate([part.y for part in data])).to(device)[at]
        x = distort(x, np.concatenate(angles, 1), at) if distorted else x[at]
    return x.view(len(data), rounds, n, *x.shape[1:]), y.view(len(data), rounds, n)


def fit(
    module: nn.Module,
    data: Samples,
    settings: Settings,
    rng: np.random.Generator,
    names: Sequence[str] | None = None,
    learning_rate: float | None = None,
    epochs: int | None = None,
) -> None:
    """Train the parameters called `names` (all by default) of `module` in place; the others stay as they are.

    On a processor `model.compiled` trains what it can, all else PyTorch's autograd.

    Args:
        module: any module whose output are logits (n, classes).
        data: its samples.
        settings: epochs, batch size, learning rate, momentum, augmentation.
        rng: order, distortion and dropout.
        names: what is trained.
        learning_rate: instead of the settings'.
        epochs: instead of the settings'.
    """
    x, y = passes([data], settings, [rng], epochs)
    chosen = select_parameters(module, names)
    velocity: list[torch.Tensor] = []
    rate, seed = learning_rate or settings.learning_rate, int(rng.integers(2**62))
    if x.device.type == "cpu" and can_compile(module, x.shape[3:]):
        state = {name: value.detach()[None] for name, value in chosen.items()}
        found = descended(module, state, x, y, settings.batch_size, settings.momentum, rate)
        load_state(module, {name: value[0] for name, value in found.items()})
        return
    module.to(x.device).train()
    values = list(chosen.values())
    with steady(module), seeded(seed):
        for images, labels in _batches(x, y, settings.batch_size):
            loss = cross_entropy(module(images[0]), labels[0])
            _descend(values, velocity, torch.autograd.grad(loss, values), settings.momentum, rate)
    module.eval().to("cpu")


def fit_many(
    module: nn.Module,
    states: Sequence[State],
    x: torch.Tensor,
    y: torch.Tensor,
    settings: Settings,
    learning_rate: float,
) -> State:
    """Train m networks at once: `fit` for each, equal to it but for the order of float additions.

    On a processor `model.compiled` trains what it can. Else sequences of layers that `Stacked` knows are trained by it,
    all others through `torch.func.vmap`.

    Args:
        module: the shape of all, and the parameters that aren't trained.
        states: m times the parameters that are trained.
        x: what they see, (m, epochs, n, ...), as `passes` gives it.
        y: labels (m, epochs, n).
        settings: batch size and momentum.
        learning_rate: of the steps.

    Returns:
        What was trained, each (m, ...), on the CPU.
    """
    together = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    if x.device.type == "cpu" and can_compile(module, x.shape[3:]):
        return descended(module, together, x, y, settings.batch_size, settings.momentum, learning_rate)
    module.to(x.device).train()
    together = {name: value.to(x.device) for name, value in together.items()}
    gradients = Stacked(module, together, Buffers()).gradients if can_stack(module) else _by_autograd(module, together)
    velocity: list[torch.Tensor] = []
    with steady(module):
        for images, labels in _batches(x, y, settings.batch_size):
            _descend(list(together.values()), velocity, gradients(images, labels), settings.momentum, learning_rate)
    module.eval().to("cpu")
    return {name: value.detach().cpu() for name, value in together.items()}


def _by_autograd(module: nn.Module, state: State) -> Callable[[torch.Tensor, torch.Tensor], Sequence[torch.Tensor]]:
    """`Stacked.gradients` of any module that `can_batch`."""
    frozen = {n: p.detach() for n, p in (*module.named_parameters(), *module.named_buffers()) if n not in state}
    for value in state.values():
        value.requires_grad_()

    def forward(state: State, images: torch.Tensor) -> torch.Tensor:
        return functional_call(module, {**frozen, **state}, (images,))  # type: ignore[no-any-return]

    def gradients(images: torch.Tensor, labels: torch.Tensor) -> Sequence[torch.Tensor]:
        logits = torch.func.vmap(forward)(state, images)
        loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / labels.shape[1]
        return torch.autograd.grad(loss, list(state.values()))

    return gradients


def _descend(
    values: Sequence[torch.Tensor],
    velocity: list[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    momentum: float,
    learning_rate: float,
) -> None:
    """One step of SGD with momentum, in place; before the first, `velocity` is empty.

    `torch.optim` does the same, but importing it takes seconds. Gradients may share memory: they are never written to.
    """
    with torch.no_grad():
        for place, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            if place == len(velocity):
                velocity.append(gradient)
            else:
                velocity[place] = velocity[place].mul(momentum).add_(gradient)
            value.sub_(velocity[place], alpha=learning_rate)


def fit_each(
    modules: Sequence[nn.Module], data: Sequence[Samples], settings: Settings, rng: np.random.Generator
) -> None:
    """`fit` for each of these networks of one shape, together where that is possible."""
    if len({part.x.shape for part in data}) > 1 or not can_batch(modules[0]):
        for module, part in zip(modules, data, strict=True):
            fit(module, part, settings, rng)
        return
    x, y = passes(data, settings, [rng] * len(data))
    states = [state_of(module) for module in modules]
    trained = fit_many(modules[0], states, x, y, settings, settings.learning_rate)
    for place, module in enumerate(modules):
        load_state(module, {name: values[place] for name, values in trained.items()})


def _batches(x: torch.Tensor, y: torch.Tensor, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of all epochs of m networks: x (m, epochs, n, ...), y (m, epochs, n)."""
    for epoch in range(y.shape[1]):
        yield from zip(torch.split(x[:, epoch], size, 1), torch.split(y[:, epoch], size, 1), strict=True)


def can_batch(module: nn.Module) -> bool:
    """Whether `fit_many` equals `fit`: no layer draws random numbers or keeps statistics of what it sees."""
    random = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm, nn.RReLU, nn.RNNBase)
    return not any(isinstance(layer, random) for layer in module.modules())


def state_of(module: nn.Module, names: Sequence[str] | None = None) -> State:
    """Copies of the parameters called `names`, all by default."""
    chosen = parameter_names(module) if names is None else names
    return {n: p.detach().clone() for n, p in select_parameters(module, chosen).items()} if chosen else {}


def load_state(module: nn.Module, state: State) -> None:
    """Write parameters back."""
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in state.items():
            parameters[name].copy_(value)


def module_logits(module: nn.Module, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the module says about x: logits (n, classes), computed in batches."""
    device = training_device()
    module.to(device).eval()
    batches = (x[start : start + _EVALUATION_BATCH] for start in range(0, max(1, len(x)), _EVALUATION_BATCH))
    forward = without_pooling(module) if device.type == "cpu" and can_stack(module) else module
    with torch.no_grad(), steady(module):
        parts = [forward(torch.tensor(batch, device=device)).cpu() for batch in batches]
    module.to("cpu")
    return torch.cat(parts).numpy()
