"""Small networks whose public part fits a block, and how they are initialised."""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import nn

from omnilytics.errors import InputError


class LeNet(nn.Sequential):
    """The paper's network, as far as Table 3 tells it: images (n, 1, 28, 28) -> logits (n, 10), 36,677 parameters.

    conv1, conv2, linear1, linear2, linear3 have 156, 3,020, 30,816, 2,425 and 260. The paper publishes conv2, linear2
    and linear3: 5,705.
    """

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(1, 6, 5),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(6, 20, 5),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                linear1=nn.Linear(320, 96),
                relu3=nn.ReLU(),
                linear2=nn.Linear(96, 25),
                relu4=nn.ReLU(),
                linear3=nn.Linear(25, 10),
            )
        )


class SideConv(nn.Sequential):
    """The public model for 28x28 images: (n, 1, 28, 28) -> logits (n, 10).

    Args:
        first: channels of the first convolution.
        second: channels of the second. (8, 16) has 5,386 parameters, (4, 8) has 2,410.
    """

    def __init__(self, first: int = 8, second: int = 16) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(1, first, 5),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(first, second, 3),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                linear=nn.Linear(second * 25, 10),
            )
        )


class DigitsNet(nn.Sequential):
    """A whole model for 8x8 digits: (n, 1, 8, 8) -> logits (n, 10), layers named as in `LeNet`."""

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(1, 8, 3, padding=1),
                relu1=nn.ReLU(),
                conv2=nn.Conv2d(8, 16, 3),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                linear1=nn.Linear(144, 48),
                relu3=nn.ReLU(),
                linear2=nn.Linear(48, 24),
                relu4=nn.ReLU(),
                linear3=nn.Linear(24, 10),
            )
        )


class DigitsPrivate(nn.Sequential):
    """The private model for small images: (n, c, h, w) -> logits (n, classes); for 8x8 digits 9,930 parameters.

    Args:
        shape: (c, h, w).
        classes: of the samples.
    """

    def __init__(self, shape: tuple[int, int, int] = (1, 8, 8), classes: int = 10) -> None:
        channels, height, width = shape
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(channels, 16, 3, padding=1),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(16, 32, 3, padding=1),
                relu2=nn.ReLU(),
                flatten=nn.Flatten(),
                linear=nn.Linear(32 * (height // 2) * (width // 2), classes),
            )
        )


class DigitsSide(nn.Sequential):
    """The public model for small images: (n, c, h, w) -> logits (n, classes); for 8x8 digits 1,370 parameters.

    Args:
        channels: of the convolution.
        shape: (c, h, w).
        classes: of the samples.
    """

    def __init__(self, channels: int = 8, shape: tuple[int, int, int] = (1, 8, 8), classes: int = 10) -> None:
        colours, height, width = shape
        super().__init__(
            OrderedDict(
                conv=nn.Conv2d(colours, channels, 3, padding=1),
                relu=nn.ReLU(),
                pool=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                linear=nn.Linear(channels * (height // 2) * (width // 2), classes),
            )
        )


class FeatureNet(nn.Sequential):
    """A model for features: (n, f) -> logits (n, classes).

    Args:
        features: f.
        hidden: units of its one hidden layer.
        classes: of the samples.
    """

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__(
            OrderedDict(
                linear1=nn.Linear(features, hidden),
                relu=nn.ReLU(),
                linear2=nn.Linear(hidden, classes),
            )
        )


def initialise(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draw all parameters anew from `generator`, by PyTorch's default rules, and return the module.

    Linear and convolution layers: uniform within 1/sqrt(fan_in). Other layers must have `reset_parameters`, which runs
    under a forked global state seeded from `generator`.

    Raises:
        InputError: a layer with parameters of its own can't be initialised.
    """
    for name, layer in module.named_modules():
        if not any(True for _ in layer.parameters(recurse=False)):
            continue
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            _uniform(layer, generator)
        elif callable(getattr(layer, "reset_parameters", None)):
            seed = int(torch.randint(2**62, (), generator=generator))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                layer.reset_parameters()
        else:
            raise InputError(f"layer {name or '(top)'}: expected one with reset_parameters, got {type(layer).__name__}")
    return module


def _uniform(layer: nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d, generator: torch.Generator) -> None:
    limit = 1 / math.sqrt(layer.weight[0].numel())
    with torch.no_grad():
        for parameter in layer.parameters(recurse=False):
            parameter.uniform_(-limit, limit, generator=generator)
