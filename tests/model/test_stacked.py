"""Many networks as a few products: the gradients are autograd's, whatever the layers and whatever is trained."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from omnilytics.model.nets import DigitsNet, LeNet
from omnilytics.model.stacked import Buffers, Stacked, can_stack, without_pooling
from tests.model.networks import networks

M, B = 3, 4


def cases() -> list[tuple[nn.Module, tuple[int, ...]]]:
    no_bias = nn.Sequential(
        OrderedDict(a=nn.Conv2d(2, 3, (2, 3), bias=False), b=nn.MaxPool2d(2), c=nn.Flatten(), d=nn.Linear(9, 3))
    )
    no_pool = nn.Sequential(nn.Conv2d(2, 3, 3, padding=(0, 2)), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.Flatten())
    return [
        *networks(),
        (no_bias, (2, 4, 9)),
        (no_pool, (2, 4, 5)),
    ]


def material(module: nn.Module, shape: tuple[int, ...], device: str) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """m states around the module's own parameters, and images with blank parts, where pooling meets equal values."""
    torch.manual_seed(1)
    module.double().to(device)
    state = {n: (p + 0.1 * torch.randn(M, *p.shape).to(p)).detach() for n, p in module.named_parameters()}
    x = torch.rand(M, B, *shape).double().to(device)
    x[..., : shape[-1] // 3] = 0
    return state, x


def compare(
    module: nn.Module, state: dict[str, torch.Tensor], x: torch.Tensor, names: list[str], rounds: int = 2
) -> None:
    y = torch.arange(M * B, device=x.device).view(M, B) % 3
    buffers = Buffers()
    for _ in range(rounds):  # the second meets what the first left behind
        stacked = Stacked(module, {n: state[n] for n in names}, buffers)
        found = dict(zip(names, stacked.gradients(x, y), strict=True))
    for m in range(M):
        own = {n: (state[n][m] if n in names else p.detach()) for n, p in module.named_parameters()}
        leaves = {n: own[n].clone().requires_grad_() for n in names}
        loss = cross_entropy(torch.func.functional_call(module, own | leaves, (x[m],)), y[m])
        for name, gradient in zip(names, torch.autograd.grad(loss, list(leaves.values())), strict=True):
            assert torch.allclose(found[name][m], gradient, rtol=1e-9, atol=1e-12), name


@pytest.mark.parametrize(("module", "shape"), cases())
def test_gradients_are_those_of_autograd(module: nn.Module, shape: tuple[int, ...]) -> None:
    assert can_stack(module)
    state, x = material(module, shape, "cpu")
    compare(module, state, x, list(state))


def test_what_is_not_trained_is_taken_from_the_module() -> None:
    module = LeNet()
    state, x = material(module, (1, 28, 28), "cpu")
    public = [n for n in state if n.split(".")[0] in ("conv2", "linear2", "linear3")]
    for names in (public, ["linear3.bias"], ["conv1.weight"], public[::-1]):
        compare(module, state, x, names)


@pytest.mark.parametrize(("module", "shape"), cases())
def test_without_pooling_the_outputs_are_the_same(module: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(5, *shape).float()
    module.float()
    with torch.no_grad():
        assert torch.equal(without_pooling(module)(x), module(x))


def test_a_smaller_last_batch() -> None:
    module = DigitsNet()
    state, x = material(module, (1, 8, 8), "cpu")
    y = torch.zeros(M, B, dtype=torch.int64)
    buffers = Buffers()
    stacked = Stacked(module, state, buffers)
    before = [g.clone() for g in stacked.gradients(x, y)]
    stacked.gradients(x[:, :1], y[:, :1])
    assert all(torch.equal(a, b) for a, b in zip(before, stacked.gradients(x, y), strict=True))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 2, 3, stride=2),
        nn.Conv2d(2, 2, 3, groups=2),
        nn.Conv2d(1, 2, 3, padding="same"),
        nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"),
        nn.MaxPool2d(3),
        nn.MaxPool2d(2, stride=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(0),
        nn.Tanh(),
        nn.Dropout(),
    ],
)
def test_other_layers_are_left_to_autograd(layer: nn.Module) -> None:
    assert not can_stack(nn.Sequential(nn.ReLU(), layer))


def test_a_network_with_a_way_of_its_own_is_left_to_autograd() -> None:
    class Twice(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            once: torch.Tensor = super().forward(x)
            return once + once

    assert not can_stack(Twice(nn.Linear(2, 2)))
    assert not can_stack(nn.Linear(2, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("module", "shape"), cases())
def test_gradients_on_a_gpu(module: nn.Module, shape: tuple[int, ...]) -> None:
    state, x = material(module, shape, "cuda")
    compare(module, state, x, list(state))
