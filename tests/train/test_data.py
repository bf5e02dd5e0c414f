"""Data sets, partitions, idx files."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from omnilytics.errors import DataError, InputError
from omnilytics.train.data import (
    MNIST_FILES,
    Dataset,
    gunzip,
    load_digits,
    load_mnist,
    parse_idx,
    partition_dirichlet,
    partition_iid,
)

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST files are not on this machine")


def test_digits() -> None:
    digits = load_digits()
    assert digits.x.shape == (1797, 1, 8, 8)
    assert (digits.x.min(), digits.x.max()) == (0, 1)
    assert sorted(set(digits.y.tolist())) == list(range(10))


@needs_mnist
def test_mnist() -> None:
    train, test = load_mnist(MNIST)
    assert (train.x.shape, test.x.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert (test.x.min(), test.x.max()) == (0, 1)


def test_missing_files_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: expected this file .* data fetch mnist"):
        load_mnist(tmp_path)


@needs_mnist
@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: raw[:500] + b"x" + raw[501:]])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    for name in MNIST_FILES:
        shutil.copy(MNIST / f"{name}.gz", tmp_path)
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    labels.chmod(0o644)
    labels.write_bytes(damage(labels.read_bytes()))
    with pytest.raises(DataError, match="expected md5 ec29112dd5afa0611ce80d1b7f02629c, got "):
        load_mnist(tmp_path)


@needs_mnist
def test_a_plain_file_does_too(tmp_path: Path) -> None:
    for name in MNIST_FILES:
        packed = (MNIST / f"{name}.gz").read_bytes()
        (tmp_path / name).write_bytes(gzip.decompress(packed))
    assert len(load_mnist(tmp_path)[1]) == 10_000


def idx(*shape: int, content: bytes, magic: int | None = None) -> bytes:
    return struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape) if magic is None else magic, *shape) + content


def test_idx() -> None:
    assert parse_idx(idx(2, 3, content=bytes(range(6))), 2).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\0\0\x08", "expected a header of 12 bytes, got 3"),
        (idx(2, 3, content=bytes(6), magic=0x803), "expected magic number 0x802, got 0x803"),
        (idx(2, 3, content=bytes(5)), r"expected 18 bytes for shape \(2, 3\), got 17"),
        (idx(2, 3, content=bytes(7)), r"expected 18 bytes for shape \(2, 3\), got 19"),
        (idx(2**31, 2**31, content=b""), "got 12"),
    ],
)
def test_bad_idx(raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_idx(raw, 2)


@pytest.mark.parametrize("raw", [b"", b"nothing", gzip.compress(bytes(100), mtime=0)[:-9]])
def test_bad_gzip(raw: bytes) -> None:
    if not raw:
        assert gunzip(raw, Path("a.gz")) == b""
        return
    with pytest.raises(DataError, match=r"a\.gz: expected a whole gzip file"):
        gunzip(raw, Path("a.gz"))


def numbered(n: int) -> Dataset:
    x = np.arange(n, dtype=np.float32)[:, None]
    return Dataset(x, np.arange(n, dtype=np.int64) % 10, 10, "numbered")


def test_even_parts_are_disjoint_and_repeat() -> None:
    first, again = (partition_iid(numbered(100), 7, 13, np.random.default_rng(1)) for _ in range(2))
    everything = np.concatenate([part.x[:, 0] for part in first])
    assert len(set(everything.tolist())) == 91
    assert all(np.array_equal(a.x, b.x) for a, b in zip(first, again, strict=True))
    assert all(np.array_equal(part.x[:, 0] % 10, part.y) for part in first)


@pytest.mark.parametrize("alpha", [0.05, 100.0])
def test_skewed_parts_are_disjoint(alpha: float) -> None:
    parts = partition_dirichlet(numbered(1000), 20, 50, alpha, np.random.default_rng(1))
    assert len(set(np.concatenate([part.x[:, 0] for part in parts]).tolist())) == 1000
    largest = np.mean([np.bincount(part.y).max() / 50 for part in parts])
    assert largest > 0.4 if alpha < 1 else largest < 0.3


def test_parts_of_some_samples_are_those_of_a_data_set_of_them_alone() -> None:
    everything, some = numbered(1000), np.random.default_rng(0).permutation(1000)[:300]
    alone = everything.take(some)
    pairs = [
        (partition_iid(everything, 7, 13, rng(), some), partition_iid(alone, 7, 13, rng())),
        (partition_dirichlet(everything, 7, 13, 0.5, rng(), some), partition_dirichlet(alone, 7, 13, 0.5, rng())),
    ]
    for found, expected in pairs:
        assert all(np.array_equal(a.x, b.x) and np.array_equal(a.y, b.y) for a, b in zip(found, expected, strict=True))


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_partitions_that_cannot_work_are_refused() -> None:
    with pytest.raises(InputError, match="expected 110 samples for 11 parts of 10, got 100"):
        partition_iid(numbered(100), 11, 10, rng())
    with pytest.raises(InputError, match="expected at least 1 part of 1 sample, got 0 of 3"):
        partition_iid(numbered(100), 0, 3, rng())
    with pytest.raises(InputError, match="alpha: expected a finite number above 0, got 0"):
        partition_dirichlet(numbered(100), 2, 3, 0, rng())
    with pytest.raises(InputError, match="expected 91 samples for 7 parts of 13, got 90"):
        partition_iid(numbered(100), 7, 13, rng(), np.arange(90))


@pytest.mark.parametrize(
    ("x", "y", "classes", "message"),
    [
        (np.zeros((2, 1)), np.zeros(2, dtype=np.int64), 2, "expected x as float32"),
        (np.zeros((2, 1, 1), dtype=np.float32), np.zeros(2, dtype=np.int64), 2, "expected x as float32"),
        (np.zeros((2, 1), dtype=np.float32), np.zeros(3, dtype=np.int64), 2, r"expected y as int64 \(2,\)"),
        (np.zeros((2, 1), dtype=np.float32), np.array([0, 2]), 2, r"expected labels 0\.\.1, got 0\.\.2"),
        (np.zeros((2, 1), dtype=np.float32), np.array([0, 0]), 1, "expected at least 2 classes"),
        (np.full((2, 1), np.nan, dtype=np.float32), np.array([0, 1]), 2, "expected finite x"),
    ],
)
def test_data_that_does_not_fit_is_refused(x: object, y: object, classes: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Dataset(x, y, classes, "data")  # type: ignore[arg-type]
