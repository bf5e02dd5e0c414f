"""Parameters as one vector and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from omnilytics.errors import EncodingError, InputError
from omnilytics.model.nets import DigitsNet
from omnilytics.model.vector import load_vector, parameter_names, to_vector


def test_a_vector_goes_back_where_it_came_from() -> None:
    model = DigitsNet()
    vector = np.arange(len(to_vector(model)), dtype=np.float32)
    load_vector(model, vector)
    assert np.array_equal(to_vector(model), vector)
    assert float(model.conv1.weight.detach().flatten()[1]) == 1.0


def test_names_choose_and_order() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1))
    load_vector(model, np.array([9, 1, 2], dtype=np.float32), ["1.bias", "0.weight"])
    assert parameter_names(model) == ("0.weight", "0.bias", "1.weight", "1.bias")
    assert to_vector(model, ["0.weight", "1.bias"]).tolist() == [1, 2, 9]


def test_a_vector_is_a_copy() -> None:
    model = nn.Linear(1, 1)
    vector = to_vector(model)
    vector[:] = 7
    assert not np.array_equal(to_vector(model), vector)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_only_finite_values_go_in_or_out(bad: float) -> None:
    model = nn.Linear(2, 1)
    before = to_vector(model)
    with pytest.raises(EncodingError, match=f"expected finite values, got {bad} at position 1"):
        load_vector(model, np.array([0, bad, 0], dtype=np.float32))
    assert np.array_equal(to_vector(model), before)
    with torch.no_grad():
        model.weight[0, 0] = bad
    with pytest.raises(EncodingError, match=f"got {bad} at position 0"):
        to_vector(model)


def test_the_length_must_fit() -> None:
    with pytest.raises(EncodingError, match=r"expected shape \(3,\), got \(4,\)"):
        load_vector(nn.Linear(2, 1), np.zeros(4, dtype=np.float32))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["weigth"], "expected some of weight, bias; got weigth"),
        (["bias", "bias"], "expected each name once"),
        ([], "expected at least one, got none"),
    ],
)
def test_names_must_exist(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_vector(nn.Linear(2, 1), names)


def test_only_single_precision_travels() -> None:
    with pytest.raises(InputError, match=r"expected float32, got torch\.float64"):
        to_vector(nn.Linear(2, 1).double())
