"""The package's own small networks, each with the shape of a sample, for tests of how they are trained."""

from __future__ import annotations

from torch import nn

from omnilytics.model.nets import DigitsNet, DigitsPrivate, DigitsSide, FeatureNet, LeNet, SideConv


def networks() -> list[tuple[nn.Module, tuple[int, ...]]]:
    return [
        (SideConv(), (1, 28, 28)),
        (LeNet(), (1, 28, 28)),
        (DigitsNet(), (1, 8, 8)),
        (DigitsSide(), (1, 8, 8)),
        (DigitsPrivate((3, 9, 7)), (3, 9, 7)),
        (FeatureNet(11, 5, 4), (11,)),
    ]
