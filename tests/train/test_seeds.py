"""Named random streams."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from omnilytics.errors import InputError
from omnilytics.seeds import Seeds


def test_a_stream_depends_on_seed_and_labels_alone() -> None:
    assert Seeds(1).bytes("a", 2) == Seeds(1).bytes("a", 2)
    streams = [Seeds(1).bytes(*labels) for labels in ((), ("a",), ("a", 2), ("a", "2"), ("a2",), (2, "a"), ("", "a"))]
    assert len(set(streams)) == len(streams)
    assert Seeds(2).bytes("a") != Seeds(1).bytes("a")
    assert all(len(s) == 32 for s in streams)


def test_the_bytes_are_fixed() -> None:
    expected = "c8f0627abd6c62c6b8dc0a6dbdb0a479b5ab502a37fe4dfcd6b2915d9020b657"
    assert Seeds(7).bytes("train", 3).hex() == expected


def test_generators_repeat() -> None:
    seeds = Seeds(5)
    assert seeds.numpy("x").random() == seeds.numpy("x").random()
    assert torch.equal(*(torch.rand(3, generator=seeds.torch("x", 1)) for _ in range(2)))
    assert 0 <= seeds.integer("x") < 2**63


@pytest.mark.parametrize("seed", [-1, 2**64, True, 1.5, "1"])
def test_seeds_out_of_range_are_refused(seed: object) -> None:
    with pytest.raises(InputError, match="expected an integer 0 <= seed < 2\\^64"):
        Seeds(seed)  # type: ignore[arg-type]


def test_labels_are_text_or_integers() -> None:
    with pytest.raises(InputError, match=r"label: expected text or an integer, got 1\.5"):
        Seeds(1).bytes(1.5)  # type: ignore[arg-type]


def test_seeds_do_not_import_torch() -> None:
    script = "import sys, omnilytics.seeds; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
