"""The networks' sizes, and that their start depends on the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from omnilytics.errors import InputError
from omnilytics.model.nets import DigitsNet, DigitsPrivate, DigitsSide, LeNet, SideConv, initialise
from omnilytics.model.vector import to_vector


@pytest.mark.parametrize(
    ("net", "side", "parameters"),
    [
        (LeNet(), 28, 36_677),
        (SideConv(), 28, 5_386),
        (SideConv(4, 8), 28, 2_410),
        (DigitsNet(), 8, 9_634),
        (DigitsPrivate(), 8, 9_930),
        (DigitsSide(), 8, 1_370),
    ],
)
def test_sizes(net: nn.Module, side: int, parameters: int) -> None:
    assert len(to_vector(net)) == parameters
    assert net(torch.zeros(3, 1, side, side)).shape == (3, 10)


def test_the_papers_public_layers() -> None:
    public = [n for n in dict(LeNet().named_parameters()) if n.split(".")[0] in ("conv2", "linear2", "linear3")]
    assert len(to_vector(LeNet(), public)) == 5_705


def test_a_start_repeats() -> None:
    first, again, other = (to_vector(initialise(SideConv(), torch.Generator().manual_seed(seed))) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_start_leaves_the_global_state_alone() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Embedding(3, 2))
    before = torch.get_rng_state()
    initialise(net, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_other_layers_repeat_too() -> None:
    first, again = (to_vector(initialise(nn.Embedding(3, 2), torch.Generator().manual_seed(5))) for _ in range(2))
    assert np.array_equal(first, again)


def test_a_layer_that_cannot_start_is_named() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

    with pytest.raises(InputError, match=r"layer 1: expected one with reset_parameters, got Scale"):
        initialise(nn.Sequential(nn.Linear(1, 1), Scale()), torch.Generator())
