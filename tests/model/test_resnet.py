"""The frozen network says what it said; adapters start from nothing, average, and are all that is trained."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from omnilytics.errors import InputError
from omnilytics.model.fitting import fit, module_logits
from omnilytics.model.nets import initialise
from omnilytics.model.resnet import ResNet18, adapted
from omnilytics.model.split import SideSplit
from omnilytics.model.vector import load_vector, parameter_names, to_vector
from omnilytics.seeds import Seeds
from omnilytics.train.batched import train_batched
from omnilytics.train.config import TrainConfig
from omnilytics.train.local import train_local
from omnilytics.train.shapes import shapes

CONFIG = TrainConfig(epochs=1, batch_size=8, learning_rate=0.05, momentum=0.5, augment=False)


def drawn() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.fixture(scope="module")
def base() -> ResNet18:
    """Trained a little, so that its statistics are no longer those of a new one."""
    model = ResNet18(4, width=4)
    initialise(model, drawn())
    fit(model, shapes(32, range(4), np.random.default_rng(1), 8), CONFIG, np.random.default_rng(2))
    return model


def test_it_has_the_parameters_of_a_resnet18() -> None:
    convolutions = (
        64 * 3 * 9 + 4 * 64 * 64 * 9 + sum((c // 2) * c * 9 + 3 * c * c * 9 + (c // 2) * c for c in (128, 256, 512))
    )
    norms = 2 * (64 * 5 + sum(5 * c for c in (128, 256, 512)))
    assert sum(p.numel() for p in ResNet18(10).parameters()) == convolutions + norms + 512 * 10 + 10


def test_frozen_it_says_what_it_said(base: ResNet18) -> None:
    x = shapes(16, range(4), np.random.default_rng(3), 8).x
    model = adapted(base, 4, 2, drawn())
    model.head = base.head
    np.testing.assert_allclose(module_logits(model, x), module_logits(base, x), atol=1e-5)


def test_only_adapters_and_the_head_travel(base: ResNet18) -> None:
    model = adapted(base, 10, 2, drawn())
    assert {name.rsplit(".", 1)[-1] for name in parameter_names(model) if not name.startswith("head")} == {"up"}
    outputs = 4 + 4 * 4 + 5 * (8 + 16 + 32)
    assert to_vector(model).size == 2 * outputs + 32 * 10 + 10
    assert set(parameter_names(base)) != set(parameter_names(model))


def test_all_parties_have_the_same(base: ResNet18) -> None:
    first, second = adapted(base, 10, 2, drawn()), adapted(base, 10, 2, drawn())
    for one, other in zip(first.buffers(), second.buffers(), strict=True):
        assert torch.equal(one, other)


def test_the_mean_of_adapters_is_the_adapter_of_the_mean(base: ResNet18) -> None:
    """Layer by layer: what goes through rectifiers after isn't linear."""
    x = torch.randn(2, 3, 8, 8, generator=drawn())
    layers = [copy.deepcopy(adapted(base, 4, 2, drawn()).stem) for _ in range(3)]
    rng = np.random.default_rng(5)
    vectors = [rng.normal(size=to_vector(layer).size).astype(np.float32) for layer in layers]
    said = []
    for layer, vector in zip(layers, vectors, strict=True):
        load_vector(layer, vector)
        said.append(layer(x).detach())
    load_vector(layers[0], np.mean(vectors, axis=0))
    torch.testing.assert_close(layers[0](x).detach(), torch.stack(said).mean(0), atol=1e-5, rtol=1e-4)


def test_members_train_it_together_as_alone(base: ResNet18) -> None:
    split = SideSplit(ResNet18(4, width=4), initialise(adapted(base, 4, 1, drawn()), drawn()))
    data = [shapes(8, range(4), np.random.default_rng(i), 8) for i in range(2)]
    start, seeds = split.public_vector(), Seeds(4)
    frozen = [b.clone() for b in split.public.buffers()]
    together = train_batched(split, [0, 1], data, start, CONFIG, seeds, 3)
    for member in (0, 1):
        alone = train_local(split, member, data[member], start, CONFIG, seeds, 3)
        np.testing.assert_allclose(together[member], alone, atol=1e-5)
        assert not np.array_equal(alone, start)
    assert all(torch.equal(a, b) for a, b in zip(frozen, split.public.buffers(), strict=True))


@pytest.mark.parametrize(("classes", "rank"), [(1, 2), (10, 0)])
def test_adapters_of_nothing(base: ResNet18, classes: int, rank: int) -> None:
    with pytest.raises(InputError, match=f"got {rank} and {classes}"):
        adapted(base, classes, rank, drawn())
