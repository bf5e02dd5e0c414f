"""Data sets as arrays, and how they are dealt out to owners."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omnilytics.errors import DataError, InputError


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled samples.

    Attributes:
        x: float32, images (n, c, h, w) in [0, 1] or features (n, f).
        y: int64 (n,), 0 <= y < classes.
        classes: number of classes, >= 2.
        name: for messages and results.

    Raises:
        InputError: the arrays don't fit each other or the description above.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    classes: int
    name: str

    def __post_init__(self) -> None:
        if self.x.dtype != np.float32 or self.x.ndim not in (2, 4):
            raise InputError(
                f"{self.name}: expected x as float32 (n, c, h, w) or (n, f), got {self.x.dtype} {self.x.shape}"
            )
        if self.y.dtype != np.int64 or self.y.shape != self.x.shape[:1]:
            raise InputError(
                f"{self.name}: expected y as int64 ({self.x.shape[0]},), got {self.y.dtype} {self.y.shape}"
            )
        if self.classes < 2:
            raise InputError(f"{self.name}: expected at least 2 classes, got {self.classes}")
        if len(self.y) and not (self.y.min() >= 0 and self.y.max() < self.classes):
            raise InputError(f"{self.name}: expected labels 0..{self.classes - 1}, got {self.y.min()}..{self.y.max()}")
        if not np.isfinite(self.x).all():
            raise InputError(f"{self.name}: expected finite x, got NaN or infinity")

    def __len__(self) -> int:
        return len(self.y)

    def take(self, indices: NDArray[np.int64]) -> Dataset:
        """The samples at `indices`, in that order."""
        return replace(self, x=self.x[indices], y=self.y[indices])


def load_digits() -> Dataset:
    """The 1,797 handwritten digits that scikit-learn ships, 8x8 pixels, no download."""
    from sklearn.datasets import load_digits as sklearn_digits

    bunch = sklearn_digits()
    x = (bunch.images[:, None] / 16).astype(np.float32)
    return Dataset(x, bunch.target.astype(np.int64), 10, "digits")


LARGEST_FILE = 1 << 31
"""Bytes of the arrays of a file of samples."""


def load_samples(path: Path, classes: int) -> Dataset:
    """Samples of one's own, in numpy's format `.npz`: `x` and `y`; nothing of the file is run.

    `x` has numbers, features (n, f) or images (n, c, h, w) in [0, 1]; `y` integers (n,), 0 <= y < classes.

    Raises:
        DataError: no such file, or its arrays aren't that.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if size > LARGEST_FILE:
            raise DataError(f"{path}: expected at most {LARGEST_FILE:,} bytes of arrays, got {size:,}")
        with np.load(path, allow_pickle=False) as file:
            x, y = file["x"], file["y"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected a file of the arrays x and y (numpy.savez), got: {error}") from None
    if x.dtype.kind not in "fiu" or y.dtype.kind not in "iu":
        raise DataError(f"{path}: expected numbers in x and integers in y, got {x.dtype} and {y.dtype}")
    if not len(x):
        raise DataError(f"{path}: expected at least 1 sample, got 0")
    try:
        with np.errstate(over="ignore"):
            found = Dataset(x.astype(np.float32), y.astype(np.int64), classes, str(path))
    except InputError as error:
        raise DataError(str(error)) from None
    if x.ndim == 4 and not (found.x.min() >= 0 and found.x.max() <= 1):
        raise DataError(f"{path}: expected images in [0, 1], got {found.x.min():g}..{found.x.max():g}")
    return found


MNIST_FILES = {
    "train-images-idx3-ubyte": ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
    "train-labels-idx1-ubyte": ("d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
    "t10k-images-idx3-ubyte": ("9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
    "t10k-labels-idx1-ubyte": ("ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
}
"""The four files, with the md5 of the gzip file and of its content."""


def load_mnist(directory: Path) -> tuple[Dataset, Dataset]:
    """The 60,000 training and 10,000 test images from the original idx files, gzip or plain.

    Raises:
        DataError: a file is missing, truncated or not the original (md5).
    """
    parts = {name: _read_checked(Path(directory), name, *sums) for name, sums in MNIST_FILES.items()}
    train, test = (
        Dataset(
            (parse_idx(parts[f"{half}-images-idx3-ubyte"], 3)[:, None] / np.float32(255)).astype(np.float32),
            parse_idx(parts[f"{half}-labels-idx1-ubyte"], 1).astype(np.int64),
            10,
            f"mnist-{half}",
        )
        for half in ("train", "t10k")
    )
    return train, test


def _read_checked(directory: Path, name: str, packed_md5: str, plain_md5: str) -> bytes:
    packed, plain = directory / f"{name}.gz", directory / name
    path, expected = (packed, packed_md5) if packed.is_file() else (plain, plain_md5)
    if not path.is_file():
        raise DataError(f"{packed}: expected this file (or {name}), got none; `omnilytics data fetch mnist` gets it")
    raw = path.read_bytes()
    given = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if given != expected:
        raise DataError(f"{path}: expected md5 {expected}, got {given} ({len(raw)} bytes); fetch it again")
    return gunzip(raw, path) if path == packed else raw


def gunzip(raw: bytes, source: Path) -> bytes:
    """The content of a gzip file.

    Raises:
        DataError: not gzip, or truncated.
    """
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{source}: expected a whole gzip file, got {len(raw)} bytes ({error})") from None


def parse_idx(raw: bytes, dimensions: int) -> NDArray[np.uint8]:
    """The array of an idx file of unsigned bytes with so many dimensions.

    Raises:
        DataError: wrong magic number or length.
    """
    header = 4 + 4 * dimensions
    magic = 0x800 + dimensions
    if len(raw) < header:
        raise DataError(f"idx: expected a header of {header} bytes, got {len(raw)}")
    given, *shape = struct.unpack_from(f">{1 + dimensions}I", raw)
    if given != magic:
        raise DataError(f"idx: expected magic number {magic:#x}, got {given:#x}")
    size = int(np.prod(shape, dtype=np.int64))
    if len(raw) != header + size:
        raise DataError(f"idx: expected {header + size} bytes for shape {tuple(shape)}, got {len(raw)}")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def partition_iid(
    dataset: Dataset, parts: int, samples: int, rng: np.random.Generator, among: NDArray[np.int64] | None = None
) -> list[Dataset]:
    """`parts` disjoint data sets of `samples` each, drawn uniformly.

    Args:
        dataset: what is dealt.
        parts: how many.
        samples: of each.
        rng: decides.
        among: the indices of what is dealt; all by default.

    Raises:
        InputError: there are too few samples.
    """
    among = _dealt(dataset, parts, samples, among)
    order = rng.permutation(len(among))[: parts * samples]
    return [dataset.take(among[np.sort(part)]) for part in order.reshape(parts, samples)]


def partition_dirichlet(
    dataset: Dataset,
    parts: int,
    samples: int,
    alpha: float,
    rng: np.random.Generator,
    among: NDArray[np.int64] | None = None,
) -> list[Dataset]:
    """`parts` disjoint data sets of `samples` each, their class shares drawn from Dirichlet(alpha).

    The smaller alpha, the more skewed. When a class is used up its share goes to the classes that are left.

    Args:
        dataset: what is dealt.
        parts: how many.
        samples: of each.
        alpha: the concentration.
        rng: decides.
        among: the indices of what is dealt; all by default.

    Raises:
        InputError: alpha <= 0, or there are too few samples.
    """
    among = _dealt(dataset, parts, samples, among)
    if not (np.isfinite(alpha) and alpha > 0):
        raise InputError(f"alpha: expected a finite number above 0, got {alpha}")
    stock = [list(rng.permutation(np.flatnonzero(dataset.y[among] == c))) for c in range(dataset.classes)]
    result = []
    for _ in range(parts):
        shares = rng.dirichlet(np.full(dataset.classes, alpha))
        chosen = [_draw_one(stock, shares, rng) for _ in range(samples)]
        result.append(dataset.take(among[np.sort(np.array(chosen, dtype=np.int64))]))
    return result


def _draw_one(stock: list[list[int]], shares: NDArray[np.float64], rng: np.random.Generator) -> int:
    left = shares * np.array([len(s) > 0 for s in stock])
    if left.sum() == 0:
        left = np.array([float(len(s)) for s in stock])
    return stock[int(rng.choice(len(stock), p=left / left.sum()))].pop()


def _dealt(dataset: Dataset, parts: int, samples: int, among: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """The indices of what is dealt, if that is enough."""
    dealt = np.arange(len(dataset)) if among is None else among
    if parts < 1 or samples < 1:
        raise InputError(f"partition: expected at least 1 part of 1 sample, got {parts} of {samples}")
    if parts * samples > len(dealt):
        raise InputError(
            f"{dataset.name}: expected {parts * samples} samples for {parts} parts of {samples}, got {len(dealt)}"
        )
    return dealt
