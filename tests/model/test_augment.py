"""Random affine distortion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from omnilytics.errors import InputError
from omnilytics.model import augment
from omnilytics.model.augment import distort, drawn
from omnilytics.train.data import Dataset


def test_it_repeats_and_keeps_shape_and_range(digits: Dataset) -> None:
    x = torch.from_numpy(digits.x)
    first, again, other = (distort(x, drawn(len(x), np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == x.shape
    assert first.dtype == torch.float32
    assert 0 <= float(first.min()) <= float(first.max()) <= 1 + 1e-6


@pytest.mark.parametrize("size", [(28, 28), (8, 8), (9, 7), (1, 3)])
def test_pixels_come_from_where_pytorch_says(size: tuple[int, int]) -> None:
    matrices = torch.from_numpy(augment._matrices(drawn(50, np.random.default_rng(1))))
    expected = torch.nn.functional.affine_grid(matrices, [50, 1, *size], align_corners=False)
    assert torch.equal(augment._grid(matrices, *size), expected)


def test_images_are_distorted_one_by_one(digits: Dataset) -> None:
    x = torch.from_numpy(digits.x[:1]).repeat(2, 1, 1, 1)
    first, second = distort(x, drawn(len(x), np.random.default_rng(1)))
    assert not torch.equal(first, second)


def test_how_many_are_distorted_at_once_changes_nothing(digits: Dataset) -> None:
    x, u = torch.from_numpy(digits.x).repeat(8, 1, 1, 1), drawn(320, np.random.default_rng(1))
    parts = [distort(x[at : at + 50], u[:, at : at + 50]) for at in range(0, 320, 50)]
    assert torch.equal(distort(x, u), torch.cat(parts))


def test_nothing_moves_when_all_ranges_are_zero(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHIFT", "ROTATION", "SHEAR", "SCALE"):
        monkeypatch.setattr(augment, name, 0.0)
    x = torch.from_numpy(digits.x)
    assert torch.allclose(distort(x, drawn(len(x), np.random.default_rng(1))), x, atol=1e-6)


def test_a_shift_moves_by_at_most_a_pixel_of_28(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROTATION", "SHEAR", "SCALE"):
        monkeypatch.setattr(augment, name, 0.0)
    x = torch.zeros(200, 1, 28, 28)
    x[:, :, 14, 14] = 1
    moved = distort(x, drawn(len(x), np.random.default_rng(1)))
    assert float(moved[:, :, 13:16, 13:16].sum(dim=(1, 2, 3)).min()) == pytest.approx(1, abs=1e-4)
    assert float(moved[:, :, 14, 14].min()) < 0.3


def test_features_are_not_images() -> None:
    with pytest.raises(InputError, match=r"expected images \(n, c, h, w\), got shape \(3, 4\)"):
        distort(torch.zeros(3, 4), drawn(3, np.random.default_rng(1)))
