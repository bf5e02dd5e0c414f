"""Training by the compiled core: parameters are those of PyTorch's own SGD, whatever the layers and what is trained."""

from __future__ import annotations

import copy
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from omnilytics.errors import InputError
from omnilytics.model.compiled import can_compile, descended
from omnilytics.model.nets import FeatureNet, LeNet, SideConv
from omnilytics.model.stacked import State
from tests.model.networks import networks

M, EPOCHS, N, BATCH, MOMENTUM, RATE = 3, 2, 7, 4, 0.5, 0.1
PUBLIC = ("conv2", "linear2", "linear3")


def cases() -> list[tuple[nn.Module, tuple[int, ...]]]:
    odd = nn.Sequential(
        OrderedDict(
            a=nn.Conv2d(2, 3, (2, 3), padding=(0, 2), bias=False),
            b=nn.MaxPool2d(2),
            c=nn.Conv2d(3, 9, 2, padding=1),
            d=nn.ReLU(),
            e=nn.Flatten(),
            f=nn.Linear(9 * 3 * 5, 17),
            g=nn.ReLU(),
            h=nn.Linear(17, 3, bias=False),
        )
    )
    return [
        *networks(),
        (nn.Sequential(nn.Linear(3, 3)), (3,)),
        (odd, (2, 5, 7)),
    ]


def material(module: nn.Module, shape: tuple[int, ...]) -> tuple[State, torch.Tensor, torch.Tensor]:
    """m states around the module's own parameters, and images with blank parts, where pooling meets equal values."""
    torch.manual_seed(1)
    module.double()
    state = {n: (p + 0.1 * torch.randn(M, *p.shape).double()).detach() for n, p in module.named_parameters()}
    x = torch.rand(M, EPOCHS, N, *shape).double()
    x[..., : shape[-1] // 3] = 0
    return state, x, torch.arange(M * EPOCHS * N).view(M, EPOCHS, N) % 3


def by_pytorch(module: nn.Module, state: State, x: torch.Tensor, y: torch.Tensor) -> State:
    """One network after the other."""
    for m in range(M):
        network = copy.deepcopy(module)
        chosen = {n: p for n, p in network.named_parameters() if n in state}
        for name, parameter in chosen.items():
            parameter.data.copy_(state[name][m])
        velocity = {name: torch.zeros_like(p) for name, p in chosen.items()}
        for epoch in range(EPOCHS):
            for start in range(0, N, BATCH):
                part = slice(start, start + BATCH)
                loss = cross_entropy(network(x[m, epoch, part]), y[m, epoch, part])
                gradients = torch.autograd.grad(loss, list(chosen.values()))
                for (name, parameter), gradient in zip(chosen.items(), gradients, strict=True):
                    velocity[name] = MOMENTUM * velocity[name] + gradient
                    parameter.data -= RATE * velocity[name]
        for name, parameter in chosen.items():
            state[name][m] = parameter.detach()
    return state


def compare(module: nn.Module, names: list[str], state: State, x: torch.Tensor, y: torch.Tensor) -> None:
    assert can_compile(module, x.shape[3:])
    chosen = {name: state[name] for name in names}
    found = descended(module, chosen, x, y, BATCH, MOMENTUM, RATE)
    expected = by_pytorch(module, {name: value.clone() for name, value in chosen.items()}, x, y)
    assert list(found) == names
    for name in names:
        assert found[name].dtype == torch.float64
        assert torch.allclose(found[name], expected[name], rtol=1e-9, atol=1e-12), name
        assert not torch.equal(found[name], state[name])


@pytest.mark.parametrize(("module", "shape"), cases())
def test_networks_descend_as_by_pytorch(module: nn.Module, shape: tuple[int, ...]) -> None:
    state, x, y = material(module, shape)
    compare(module, list(state), state, x, y)


def test_what_is_not_trained_is_taken_from_the_module() -> None:
    module = LeNet()
    state, x, y = material(module, (1, 28, 28))
    public = [n for n in state if n.split(".")[0] in PUBLIC]
    for names in (public, ["linear3.bias"], ["conv1.weight"], ["conv2.bias"], public[::-1]):
        compare(module, names, state, x, y)


def test_single_precision_is_double_precision_rounded() -> None:
    module = SideConv()
    state, x, y = material(module, (1, 28, 28))
    exact = descended(module, state, x, y, BATCH, MOMENTUM, RATE)
    single = {name: value.float() for name, value in state.items()}
    found = descended(module.float(), single, x.float(), y, BATCH, MOMENTUM, RATE)
    for name, value in found.items():
        assert value.dtype == torch.float32
        assert torch.allclose(value.double(), exact[name], rtol=0, atol=1e-5), name


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.Flatten(), nn.Linear(18, 3)),
        nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)),
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3)),
        nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)),
        nn.Sequential(nn.Linear(8, 3), nn.Flatten()),
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Dropout()),
        nn.Sequential(nn.Flatten()),
        nn.Linear(8, 3),
    ],
)
def test_other_networks_are_left_to_pytorch(module: nn.Module) -> None:
    assert not can_compile(module, (1, 8, 8))


def test_a_network_that_diverges_is_not_a_number() -> None:
    module = SideConv()
    state = {n: p.detach()[None].clone() for n, p in module.named_parameters()}
    x, y = torch.rand(1, 3, 8, 1, 28, 28), torch.zeros(1, 3, 8, dtype=torch.int64)
    y[:, :, ::2] = 1
    found = descended(module, state, x, y, 4, 0.5, 1e30)
    assert not torch.isfinite(found["linear.weight"]).all()


def test_what_does_not_fit_is_refused() -> None:
    module = FeatureNet(3, 4, 2)
    state = {n: p.detach()[None].clone() for n, p in module.named_parameters()}
    x, y = torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 2, dtype=torch.int64)
    with pytest.raises(InputError, match=r"labels: expected 0\.\.2, got 2"):
        descended(module, state, x, y + 2, 2, 0.0, 0.1)
    with pytest.raises(InputError, match=r"labels: expected 0\.\.2, got -1"):
        descended(module, state, x, y - 1, 2, 0.0, 0.1)
    with pytest.raises(InputError, match=r"parameters: expected \[16, 4, 8, 2\], got \[12, 4, 8, 2\]"):
        descended(module, state, torch.zeros(1, 1, 2, 4), y, 2, 0.0, 0.1)
    with pytest.raises(InputError, match="labels: expected contiguous arrays for all networks"):
        descended(module, state, x, y[:, :, :1], 2, 0.0, 0.1)
    with pytest.raises(InputError, match="samples of a batch: expected at least 1, got 0"):
        descended(module, state, x, y, 0, 0.0, 0.1)
    with pytest.raises(InputError, match="samples: expected a float32 or float64 array"):
        descended(module, state, x.half(), y, 2, 0.0, 0.1)
    assert torch.isfinite(descended(module, state, x, y, 2, 0.0, 0.1)["linear1.weight"]).all()
