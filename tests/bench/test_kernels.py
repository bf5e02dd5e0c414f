"""Suite `kernels` on small sizes: equal results, rows and ratios, and competitors that are missing."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest

from omnilytics.bench import kernels, plain
from omnilytics.bench.report import Report
from omnilytics.codec import PairSeeds, encode_words, mask_words
from omnilytics.errors import VerificationError
from omnilytics.types import Suite
from tests.cli.conftest import valid

SMALL = kernels.Sizes(words=100, values=3_200, keccak_words=20, repetitions=1, openssl_seconds=1)


@pytest.fixture
def fixed_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "openssl_rate", lambda seconds: 1e9 * seconds)


def small_report(said: list[str] | None = None) -> Report:
    report = kernels.run([].append if said is None else said.append, SMALL)
    valid(json.loads(json.dumps(report.to_json())), "bench-1")
    return report


@pytest.mark.usefixtures("fixed_openssl")
def test_rows_and_ratios() -> None:
    said: list[str] = []
    report = small_report(said)
    assert set(report.ratios) == set(report.bounds) == {"mask_vs_openssl", "encode_mask_vs_numpy"}
    assert all(row.ratio is not None for row in report.rows)
    assert any("code paths: AES" in note for note in report.notes)
    assert len(said) == 3


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_openssl_tells_its_rate() -> None:
    assert kernels.openssl_rate(1) > 1e6


def test_a_missing_openssl_is_named_and_its_ratio_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    report = small_report()
    assert set(report.ratios) == {"encode_mask_vs_numpy"}
    assert [row.anchor for row in report.rows if row.name == "mask, suite aes"] == [None]
    assert any(note.startswith("openssl:") for note in report.notes)


@pytest.mark.usefixtures("fixed_openssl")
def test_a_missing_cryptography_is_named_and_its_rows_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "omnilytics.bench.plain")
    monkeypatch.delattr(sys.modules["omnilytics.bench"], "plain")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    report = small_report()
    assert set(report.ratios) == {"mask_vs_openssl"}
    assert [row.anchor for row in report.rows if row.name.startswith("encode")] == [None, None]
    assert any(note.startswith("cryptography") for note in report.notes)


def test_other_words_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "counter_blocks", plain.counter_mode)
    with pytest.raises(VerificationError, match="expected the words of numpy"):
        kernels.check_same(320)


@pytest.mark.parametrize("chunk_bytes", [256, 8 * 352, 1 << 20])
@pytest.mark.parametrize("step", [kernels.STEP, 0.02])
def test_numpy_and_kernels_give_the_same(chunk_bytes: int, step: float) -> None:
    """Through chunks that fit and that don't, shrunk or not, clipped or not."""
    rng = np.random.default_rng(5)
    published = rng.standard_normal(1_600, dtype=np.float32)
    weights = published + np.float32(step) * rng.standard_normal(1_600, dtype=np.float32)
    coding, pairs = kernels.CODING, kernels.pairs(Suite.AES)
    way = plain.Plain(coding.clip, coding.bound, coding.members, plain.counter_blocks, chunk_bytes)
    words, clipped, scale = way.encode(weights, published, b"r" * 32)
    unmasked = PairSeeds(Suite.AES, [], 0)
    assert encode_words(weights, published, coding, unmasked, b"r" * 32) == (plain.on_the_wire(words), clipped, scale)
    assert (scale < 1, clipped > 0) == ((step > 0.01,) * 2)
    ours = np.frombuffer(plain.on_the_wire(words), dtype=np.uint8).reshape(-1, 32).copy()
    mask_words(ours, pairs)
    way.mask(words, pairs.seeds, pairs.place)
    assert ours.tobytes() == plain.on_the_wire(words)
    assert encode_words(weights, published, coding, pairs, b"r" * 32)[0] == ours.tobytes()


def test_a_difference_without_end_is_refused() -> None:
    weights = np.array([np.inf] * 32, dtype=np.float32)
    with pytest.raises(ValueError, match="finite"):
        plain.Plain(0.05, 7, 16).encode(weights, np.zeros(32, dtype=np.float32), bytes(32))
