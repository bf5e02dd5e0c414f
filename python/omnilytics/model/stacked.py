"""Forward and backward pass of many networks of one shape, as few large matrix products.

The batch of a network lies innermost, (m, channels, height, width, batch), so that a convolution's patches are copied
in long runs, a layer of all networks is one batched product, and its result is the next layer's input as it is. Buffers
are kept from step to step. Autograd does the same work in two to three times the time (docs/EXPERIMENTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import nn

State = dict[str, torch.Tensor]
"""Parameters by name."""

KINDS = ("weight", "bias")
"""The parameters of a layer."""

_where_positive = torch.ops.aten.threshold_backward.grad_input
"""(g, z, 0, grad_input=out): g where z > 0, else 0."""


class _Layer(Protocol):
    def forward(self, x: torch.Tensor) -> torch.Tensor: ...

    def backward(self, g: torch.Tensor, below: bool) -> torch.Tensor:
        """The loss's gradient by the input, from that by the output; not needed unless `below`."""


class Buffers:
    """Tensors that networks of one shape compute in, one after the other; each is made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, tuple[int, ...]], torch.Tensor] = {}

    def __call__(self, name: str, shape: Sequence[int], like: torch.Tensor) -> torch.Tensor:
        """Zeros the first time, and from then on what was written there last."""
        key = (name, tuple(shape))
        if key not in self._made:
            self._made[key] = like.new_zeros(shape)
        return self._made[key]


class _Own:
    """A layer's part of the buffers."""

    def __init__(self, name: str, buffers: Buffers) -> None:
        self._name, self._buffers = name, buffers

    def __call__(self, name: str, shape: Sequence[int], like: torch.Tensor) -> torch.Tensor:
        return self._buffers(f"{self._name}.{name}", shape, like)


class _Affine:
    """What a layer computes from (m, k, n) with a matrix (m, o, k) and a bias, and the gradients of both."""

    def __init__(self, buffers: _Own, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        self.buffers, self.weight, self.bias, self.trained = buffers, weight, bias, False
        self.gradients: list[torch.Tensor] = []
        self.input = weight

    @property
    def matrix(self) -> torch.Tensor:
        return self.weight.flatten(2)

    def times(self, x: torch.Tensor) -> torch.Tensor:
        self.input = x
        out = self.buffers("out", (len(x), self.weight.shape[1], x.shape[2]), x)
        if self.bias is None:
            return torch.bmm(self.matrix, x, out=out)
        return torch.baddbmm(self.bias.unsqueeze(2), self.matrix, x, out=out)

    def back(self, g: torch.Tensor, below: bool) -> torch.Tensor:
        if self.trained:
            weight = torch.bmm(g, self.input.transpose(1, 2)).view_as(self.weight)
            self.gradients = [weight] if self.bias is None else [weight, g.sum(2)]
        if not below:
            return g
        return torch.bmm(self.matrix.transpose(1, 2), g, out=self.buffers("back", self.input.shape, g))


class _Linear(_Affine):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.times(x)

    def backward(self, g: torch.Tensor, below: bool) -> torch.Tensor:
        return self.back(g, below)


class _Conv(_Affine):
    """Stride 1; zeros are laid around the input."""

    def __init__(
        self, buffers: _Own, weight: torch.Tensor, bias: torch.Tensor | None, padding: tuple[int, int]
    ) -> None:
        super().__init__(buffers, weight, bias)
        self.padding = padding
        self.shape: tuple[int, ...] = ()

    def _patches(self, x: torch.Tensor) -> tuple[int, ...]:
        m, channels, height, width, batch = x.shape
        high, wide = self.weight.shape[3:]
        return m, channels, high, wide, height - high + 1, width - wide + 1, batch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = self._padded(x)
        shape = self._patches(padded)
        m, c, h, w, b = padded.stride()
        columns = self.buffers("columns", shape, x)
        columns.copy_(padded.as_strided(shape, (m, c, h, w, h, w, b)))
        self.shape = tuple(padded.shape)
        return self.times(columns.flatten(1, 3).flatten(2)).view(len(x), -1, *shape[4:])

    def _padded(self, x: torch.Tensor) -> torch.Tensor:
        if self.padding == (0, 0):
            return x.contiguous()
        m, channels, height, width, batch = x.shape
        shape = (m, channels, height + 2 * self.padding[0], width + 2 * self.padding[1], batch)
        padded = self.buffers("padded", shape, x)
        self._inner(padded).copy_(x)
        return padded

    def _inner(self, padded: torch.Tensor) -> torch.Tensor:
        (top, left), (height, width) = self.padding, padded.shape[2:4]
        return padded[:, :, top : height - top, left : width - left]

    def backward(self, g: torch.Tensor, below: bool) -> torch.Tensor:
        height, width = g.shape[2:4]
        columns = self.back(g.reshape(*g.shape[:2], -1), below)
        if not below:
            return g
        padded = self.buffers("spread", self.shape, g).zero_()
        patches = columns.view(self._patches(padded))
        for i in range(patches.shape[2]):
            for j in range(patches.shape[3]):
                padded[:, :, i : i + height, j : j + width].add_(patches[:, :, i, j])
        return self._inner(padded)


class _Relu:
    def __init__(self, buffers: _Own) -> None:
        self.buffers = buffers
        self.output = torch.empty(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.output = x.relu()
        return self.output

    def backward(self, g: torch.Tensor, below: bool) -> torch.Tensor:
        out: torch.Tensor = _where_positive(g, self.output, 0.0, grad_input=self.buffers("g", g.shape, g))
        return out


class _Pool:
    """The largest of 2x2, first by rows, then by columns; of equal ones the gradient goes to the last."""

    def __init__(self, buffers: _Own) -> None:
        self.buffers = buffers
        self.shape = torch.Size()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shape = x.shape
        upper, lower = self._rows(x)
        shape = upper.shape
        torch.sub(upper, lower, out=self.buffers("rows", shape, x))
        rows = torch.maximum(upper, lower, out=self.buffers("row", shape, x))
        left, right = self._columns(rows)
        torch.sub(left, right, out=self.buffers("columns", left.shape, x))
        return torch.maximum(left, right)

    def _rows(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
        return x[:, :, 0:height:2, :width], x[:, :, 1:height:2, :width]

    def _columns(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return rows[:, :, :, 0::2], rows[:, :, :, 1::2]

    def backward(self, g: torch.Tensor, below: bool) -> torch.Tensor:
        out = self.buffers("g", self.shape, g)
        upper, lower = self._rows(out)
        halves = self._shares(g, self.buffers("columns", g.shape, g))
        rows = torch.stack(halves, 4, out=self.buffers("g columns", (*g.shape[:4], 2, g.shape[4]), g)).flatten(3, 4)
        _where_positive(rows, self.buffers("rows", rows.shape, g), 0.0, grad_input=upper)
        torch.sub(rows, upper, out=lower)
        return out

    @staticmethod
    def _shares(g: torch.Tensor, ahead: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """g to the first of two where it is ahead, else to the second."""
        first = torch.ops.aten.threshold_backward(g, ahead, 0.0)
        return first, g - first


class _Flatten:
    shape = torch.Size()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shape = x.shape
        return x.flatten(1, -2)

    def backward(self, g: torch.Tensor, below: bool) -> torch.Tensor:
        return g.view(self.shape)


def can_stack(module: nn.Module) -> bool:
    """Whether the module is a plain sequence of the layers that are known here."""
    return type(module).forward is nn.Sequential.forward and all(map(_known, module.children()))


def _known(layer: nn.Module) -> bool:
    match layer:
        case nn.Conv2d():
            plain = (layer.stride, layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), (1, 1), 1, "zeros")
            return plain and isinstance(layer.padding, tuple)
        case nn.MaxPool2d():
            halves = all(value in (2, (2, 2)) for value in (layer.kernel_size, layer.stride))
            return halves and layer.padding in (0, (0, 0)) and layer.dilation in (1, (1, 1)) and not layer.ceil_mode
        case nn.Flatten():
            return (layer.start_dim, layer.end_dim) == (1, -1)
        case _:
            return isinstance(layer, nn.ReLU | nn.Linear)


class _Largest(nn.Module):
    """`MaxPool2d(2)` bit for bit, without a gradient: on a processor in a fraction of its time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
        rows = torch.maximum(x[:, :, 0:height:2, :width], x[:, :, 1:height:2, :width])
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


def without_pooling(module: nn.Module) -> nn.Module:
    """The same function of a module that `can_stack`, with its own layers, only quicker at what has no parameters."""
    return nn.Sequential(*(_Largest() if isinstance(one, nn.MaxPool2d) else one for one in module.children()))


class Stacked:
    """m networks of one shape.

    Args:
        module: the shape (`can_stack`), and the parameters that aren't trained.
        state: those that are trained, each (m, ...); changed by whoever trains.
        buffers: what it computes in.
    """

    def __init__(self, module: nn.Module, state: State, buffers: Buffers) -> None:
        members = len(next(iter(state.values())))
        self.state, self._buffers = state, buffers
        self._layers: list[_Layer] = []
        self._affine: dict[str, _Affine] = {}
        named = list(module.named_children())
        for place, (name, layer) in enumerate(named):
            before, after = (named[p][1] if 0 <= p < len(named) else None for p in (place - 1, place + 1))
            if isinstance(layer, nn.ReLU) and isinstance(after, nn.MaxPool2d):
                continue  # the largest first: the same, on a quarter of the numbers
            self._layers.append(self._made(name, layer, members))
            if isinstance(layer, nn.MaxPool2d) and isinstance(before, nn.ReLU):
                self._layers.append(_Relu(_Own(f"{name}.relu", buffers)))
        trained = [isinstance(layer, _Affine) and layer.trained for layer in self._layers]
        self._below = [any(trained[:place]) for place in range(len(trained))]

    def _made(self, name: str, layer: nn.Module, members: int) -> _Layer:
        own = _Own(name, self._buffers)
        made: _Linear | _Conv
        match layer:
            case nn.Linear():
                made = _Linear(own, *self._values(name, layer, members))
            case nn.Conv2d(padding=(int(top), int(left))):
                made = _Conv(own, *self._values(name, layer, members), (top, left))
            case nn.MaxPool2d():
                return _Pool(own)
            case nn.Flatten():
                return _Flatten()
            case _:
                return _Relu(own)
        made.trained = any(f"{name}.{kind}" in self.state for kind in KINDS)
        self._affine[name] = made
        return made

    def _values(
        self, name: str, layer: nn.Linear | nn.Conv2d, members: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        def value(kind: str, own: torch.Tensor) -> torch.Tensor:
            frozen = own.detach()
            return self.state.get(f"{name}.{kind}", frozen.expand(members, *frozen.shape))

        return value("weight", layer.weight), None if layer.bias is None else value("bias", layer.bias)

    def gradients(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Of each network's mean cross-entropy, by the trained parameters in the state's order, each (m, ...).

        Args:
            x: a batch for each network, (m, b, ...).
            y: labels (m, b).
        """
        a = x.movedim(1, -1).contiguous()
        for layer in self._layers:
            a = layer.forward(a)
        g = a.softmax(1)
        g.sub_(nn.functional.one_hot(y, a.shape[1]).movedim(2, 1)).div_(y.shape[1])
        for layer, below in zip(reversed(self._layers), reversed(self._below), strict=True):
            g = layer.backward(g, below)
            if not below:
                break
        by_name = {
            f"{name}.{kind}": gradient
            for name, layer in self._affine.items()
            for kind, gradient in zip(KINDS, layer.gradients, strict=False)
        }
        return [by_name[name] for name in self.state]
