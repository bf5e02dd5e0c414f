"""Samples of one's own, read from a file: what they must be is said, nothing of the file is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omnilytics.errors import DataError
from omnilytics.train import data
from omnilytics.train.data import load_samples

X, Y = np.linspace(-2, 3, 12).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2])


def write(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "my.npz", **arrays)
    return folder / "my.npz"


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int8])
@pytest.mark.parametrize("labels", [np.int64, np.uint8])
def test_numbers_of_any_kind_are_taken(tmp_path: Path, dtype: type, labels: type) -> None:
    found = load_samples(write(tmp_path, x=X.astype(dtype), y=Y.astype(labels)), 3)
    assert (found.x.dtype, found.y.dtype, found.classes) == (np.float32, np.int64, 3)
    assert np.array_equal(found.x, X.astype(dtype).astype(np.float32))
    assert np.array_equal(found.y, Y)


def test_images_are_taken(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((6, 3, 4, 5))
    assert load_samples(write(tmp_path, x=images, y=Y), 3).x.shape == (6, 3, 4, 5)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, r"expected a file of the arrays x and y \(numpy.savez\), got: .*y"),
        ({"x": X, "y": Y[:5]}, r"expected y as int64 \(6,\), got int64 \(5,\)"),
        ({"x": X, "y": Y / 2}, "expected numbers in x and integers in y, got float64 and float64"),
        ({"x": X.astype(str), "y": Y}, "expected numbers in x and integers in y, got <U"),
        ({"x": X, "y": Y + 1}, r"expected labels 0\.\.2, got 1\.\.3"),
        ({"x": X[:, 0], "y": Y}, r"expected x as float32 \(n, c, h, w\) or \(n, f\), got float32 \(6,\)"),
        ({"x": np.full((6, 2), np.nan), "y": Y}, "expected finite x"),
        ({"x": np.full((6, 2), 1e300), "y": Y}, "expected finite x"),
        ({"x": np.full((6, 1, 2, 2), 255), "y": Y}, r"expected images in \[0, 1\], got 255\.\.255"),
        ({"x": X[:0], "y": Y[:0]}, "expected at least 1 sample, got 0"),
        ({"x": np.array([[print]] * 6), "y": Y}, "expected a file of the arrays x and y"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = write(tmp_path, **arrays)
    with pytest.raises(DataError, match=f"my.npz: {message}"):
        load_samples(path, 3)


def test_what_is_no_file_of_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my.npz").write_bytes(b"x,y\n1,2\n")
    for path in (tmp_path / "my.npz", tmp_path / "none.npz", tmp_path):
        with pytest.raises(DataError, match="expected a file of the arrays x and y"):
            load_samples(path, 3)


def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "LARGEST_FILE", 1_000)
    np.savez_compressed(tmp_path / "my.npz", x=np.zeros((6, 1_000)), y=Y)
    assert (tmp_path / "my.npz").stat().st_size < 1_000
    with pytest.raises(DataError, match="expected at most 1,000 bytes of arrays, got"):
        load_samples(tmp_path / "my.npz", 3)
