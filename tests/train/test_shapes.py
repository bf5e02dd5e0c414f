"""Generated pictures: the same from the same seed, all classes, and told apart by their shape alone."""

from __future__ import annotations

import numpy as np
import pytest

from omnilytics.errors import InputError
from omnilytics.train.shapes import shapes


def test_pictures() -> None:
    data = shapes(23, range(5, 9), np.random.default_rng(1), 12)
    assert data.x.shape == (23, 3, 12, 12)
    assert 0 <= data.x.min() < 0.1
    assert 0.9 < data.x.max() <= 1
    assert sorted(np.bincount(data.y)) == [5, 6, 6, 6]
    assert data.classes == 4


def test_they_follow_from_the_seed() -> None:
    one, same, other = (shapes(8, range(4), np.random.default_rng(seed)).x for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_class_is_its_number() -> None:
    """The same random numbers, other numbers of shapes: the colours stay, the shapes change."""
    one, other = (shapes(8, classes, np.random.default_rng(1)).x for classes in (range(4), range(4, 8)))
    corner = one[:, :, 0, 0], other[:, :, 0, 0]
    np.testing.assert_allclose(*corner, atol=0.05)
    assert np.abs(one - other).max() > 0.3


@pytest.mark.parametrize(("samples", "classes", "size"), [(0, range(4), 8), (4, range(1), 8), (4, range(4), 1)])
def test_no_pictures(samples: int, classes: range, size: int) -> None:
    with pytest.raises(InputError, match=f"got {len(classes)}, {samples}, {size}"):
        shapes(samples, classes, np.random.default_rng(1), size)
