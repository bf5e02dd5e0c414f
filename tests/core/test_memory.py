"""A data owner with 10^7 parameters never has more than three copies of its vector at a time, its own two included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PARAMETERS = 10_000_000
INTERPRETER_BYTES = 1 << 20
"""What Python and the allocator may need meanwhile, a fortieth of a vector."""

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from omnilytics.codec import Delta, PairSeeds, encode_words
from omnilytics.types import Suite

def kilobytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

count, bound = int(sys.argv[1]), int(sys.argv[2])
coding, pairs = Delta(0.05, bound, 16), PairSeeds(Suite.AES, [bytes([k]) * 32 for k in range(15)], 7)
def encoded(count):
    published = np.full(count, 0.25, dtype=np.float32)
    weights = np.full(count, 0.2501, dtype=np.float32)
    return encode_words(weights, published, coding, pairs, bytes(32))

encoded(1_000)
before = kilobytes("VmRSS:")
words, _, scale = encoded(count)
print(1024 * (kilobytes("VmHWM:") - before), len(words), scale)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system doesn't tell how much memory was used")
@pytest.mark.parametrize(("bound", "lane_bits", "scaled"), [(7, 8, False), (7, 8, True), (1 << 20, 32, False)])
def test_encoding_needs_no_copy_of_a_vector_but_its_words(bound: int, lane_bits: int, scaled: bool) -> None:
    script = SCRIPT.replace("0.2501", "0.26") if scaled else SCRIPT
    command = [sys.executable, "-c", script, str(PARAMETERS), str(bound)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, words, scale = (float(number) for number in run.stdout.split())
    assert words == 32 * -(-PARAMETERS // (256 // lane_bits))
    assert (scale < 1) == scaled
    assert peak <= 3 * 4 * PARAMETERS + INTERPRETER_BYTES
