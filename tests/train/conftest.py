"""A little data."""

from __future__ import annotations

import numpy as np
import pytest

from omnilytics.train.data import Dataset, load_digits


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """Forty digits."""
    return load_digits().take(np.arange(40))
