"""A bigger model in the market: adapters and a head for a residual network that everybody has, on generated pictures.

The network is trained on shapes that the market isn't about, by rule and from a public seed, so that every party has
the same one without being sent it. W^p are its adapters and its new head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from omnilytics.model.fitting import fit
from omnilytics.model.nets import initialise
from omnilytics.model.resnet import ResNet18, adapted
from omnilytics.seeds import Seeds
from omnilytics.train.config import TrainConfig
from omnilytics.train.data import Dataset
from omnilytics.train.shapes import shapes

CLASSES = range(10)
"""The shapes that the market is about."""

TEST = 1_000
"""Pictures that nobody trains on."""

POOL = 4_000
"""Pictures that are dealt."""

COMMON = Seeds(0)
"""Of everything that all parties have."""


TRAIN = TrainConfig(epochs=2, batch_size=25, learning_rate=0.05, momentum=0.9, augment=False)
"""Of the frozen network."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """How the frozen network comes about.

    Attributes:
        width: of `ResNet18`.
        classes: shapes that it is trained to tell apart, none of the market's.
        samples: pictures of them.
        train: how.
    """

    width: int = 16
    classes: range = range(10, 40)
    samples: int = 4_500
    train: TrainConfig = TRAIN


FOUNDATION = Foundation()
"""CPU minutes; with width 64 it takes ten times as long."""

RANK = 2
"""Of the adapters."""


@cache
def trained(how: Foundation) -> ResNet18:
    """The network after its training; made once in a process, and not to be changed."""
    data = shapes(how.samples, how.classes, COMMON.numpy("foundation", "shapes"))
    model = ResNet18(len(how.classes), how.width)
    initialise(model, COMMON.torch("foundation"))
    fit(model, data, how.train, COMMON.numpy("foundation", "train"))
    return model


def adapters() -> ResNet18:
    """W^p: the frozen network with adapters and a head for the market's shapes."""
    return adapted(trained(FOUNDATION), len(CLASSES), RANK, COMMON.torch("adapters"))


def pool() -> tuple[Dataset, Dataset]:
    """What is dealt, and what is tested on."""
    return shapes(POOL, CLASSES, COMMON.numpy("shapes", "pool")), shapes(TEST, CLASSES, COMMON.numpy("shapes", "test"))
