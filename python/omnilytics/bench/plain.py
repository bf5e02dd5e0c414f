"""Encoding and masking as numpy and `cryptography` do them: what the kernels are measured against.

Written to be fast: arrays in chunks that stay in the cache, few temporary ones, AES by OpenSSL, and carries of 256-bit
words counted while neighbours are added, so that they move once. The results are those of the kernels (docs/PROTOCOL.md
sections 3 and 5: E2, E4, E5, E11, E12), and a test holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from omnilytics.types import FloatVec

CHUNK_BYTES = 65_536
"""Of float64 and of words: so much of each stays in a second-level cache."""

LIMBS = 4
BLOCK_BYTES = 16
KEY_BYTES = 16
WORD_BYTES = 8 * LIMBS
SHRINK_STEP = 0.98

Words = NDArray[np.uint64]
"""256-bit words, shape (words, 4), the lowest limb first."""

Stream = Callable[[memoryview], Any]
"""Writes the next bytes of a keystream over a buffer, which has `BLOCK_BYTES` to spare."""


def counter_mode(seed: bytes, longest: int) -> Stream:
    """AES-128-CTR as `cryptography` has it, and fastest: its counters are big-endian, so its bits aren't E11's."""
    encryptor = Cipher(algorithms.AES(seed[:KEY_BYTES]), modes.CTR(bytes(BLOCK_BYTES))).encryptor()
    zeros = memoryview(bytes(longest))
    return lambda out: encryptor.update_into(zeros[: len(out) - BLOCK_BYTES], out)


def counter_blocks(seed: bytes, longest: int) -> Stream:
    """AES-128 of counters that are little-endian, as E11 has them."""
    encryptor = Cipher(algorithms.AES(seed[:KEY_BYTES]), modes.ECB()).encryptor()
    done = 0

    def fill(out: memoryview) -> None:
        nonlocal done
        blocks = np.zeros(((len(out) - 1) // BLOCK_BYTES, 2), dtype="<u8")
        blocks[:, 0] = np.arange(done, done + len(blocks))
        encryptor.update_into(blocks.tobytes(), out)
        done += len(blocks)

    return fill


@dataclass(frozen=True, slots=True)
class Plain:
    """Encoding `delta` in 8-bit lanes, rule `norm`, suite `aes`.

    Attributes:
        clip: C, in units of a weight.
        bound: Q.
        members: N, with N Q < 128.
        stream: how a seed becomes a keystream, at most so many bytes at once.
        chunk_bytes: how much of an array is worked on at once.
        shrink: whether a long difference is scaled down (E4).
    """

    clip: float
    bound: int
    members: int
    stream: Callable[[bytes, int], Stream] = counter_mode
    chunk_bytes: int = CHUNK_BYTES
    shrink: bool = True

    def encode(self, weights: FloatVec, published: FloatVec, rounding_seed: bytes) -> tuple[Words, int, float]:
        """The words of two vectors of shape (d,), d a multiple of 32, the values clipped and the scale (E2, E4, E5).

        Raises:
            ValueError: a difference that isn't finite.
        """
        draws = self.stream(rounding_seed, min(self.chunk_bytes, 8 * len(weights)))
        lanes = np.empty(len(weights), dtype=np.int8)
        corner = len(weights) * self.bound**2
        clipped, norm = self._round(weights, published, 1.0, draws, lanes)
        scale = 1.0
        while self.shrink and norm > corner // (4 * self.members**2):
            scale *= min(SHRINK_STEP, (corner / (4 * self.members**2 * norm)) ** 0.5)
            norm = self._round(weights, published, scale, draws, lanes)[1]
        return packed(lanes), clipped, scale

    def _round(
        self, weights: FloatVec, published: FloatVec, scale: float, draws: Stream, lanes: NDArray[np.int8]
    ) -> tuple[int, int]:
        """Fills `lanes` with integers in [-Q, Q]; the values clipped and the squared norm."""
        clipped = norm = 0
        count = self.chunk_bytes // 8
        for start in range(0, len(weights), count):
            chunk = slice(start, start + count)
            x = weights[chunk] - published[chunk]
            y = x.astype(np.float64)
            np.abs(x, out=x)
            if not x.max() < np.inf:
                raise ValueError("a difference isn't finite")
            clipped += int(np.count_nonzero(x > np.float32(self.clip)))
            y *= scale
            np.clip(y, -self.clip, self.clip, out=y)
            y *= self.bound
            y /= self.clip
            np.clip(y, -self.bound, self.bound, out=y)
            raw = np.empty(8 * len(x) + BLOCK_BYTES, dtype=np.uint8)
            draws(raw.data)
            k = raw[: 8 * len(x)].view("<u8")
            k >>= np.uint64(11)
            down = np.floor(y)
            y -= down
            down += k * 2.0**-53 < y
            np.copyto(lanes[chunk], down, casting="unsafe")
            down *= down
            norm += int(down.sum())
        return clipped, norm

    def mask(self, words: Words, seeds: Sequence[bytes], place: int) -> None:
        """Takes the streams of the first `place` seeds off `words` and adds the others, where they stand (E12)."""
        longest = min(self.chunk_bytes, words.nbytes)
        streams = [self.stream(seed, longest) for seed in seeds]
        raw = np.empty(longest + BLOCK_BYTES, dtype=np.uint8)
        count = self.chunk_bytes // WORD_BYTES
        for start in range(0, len(words), count):
            sums = words[start : start + count]
            size = sums.nbytes
            summand = raw[:size].view("<u8").reshape(sums.shape)
            flags, carries = np.empty(sums.shape, dtype=np.bool_), np.zeros(sums.shape, dtype=np.int8)
            for index, fill in enumerate(streams):
                fill(raw[: size + BLOCK_BYTES].data)
                if index < place:
                    np.less(sums, summand, out=flags)
                    sums -= summand
                    carries -= flags.view(np.int8)
                else:
                    sums += summand
                    np.less(sums, summand, out=flags)
                    carries += flags.view(np.int8)
            carry(sums, carries)


def packed(lanes: NDArray[np.int8]) -> Words:
    """Eight-bit lanes, shape (d,), as words: unsigned ones less 128 in each (E5). It writes over the lanes."""
    lanes ^= np.int8(-128)
    words: Words = lanes.view("<u8").reshape(-1, LIMBS)
    bias = np.uint64(0x8080_8080_8080_8080)
    borrows = -(words < bias).astype(np.int8)
    words -= bias
    carry(words, borrows)
    return words


def carry(words: Words, carries: NDArray[np.int8]) -> None:
    """Adds to each limb the carries of the one below; negative ones are borrows. It writes over `carries`."""
    for limb in range(1, LIMBS):
        below = carries[:, limb - 1].astype(np.int64)
        before = words[:, limb].copy()
        words[:, limb] += below.view(np.uint64)
        carries[:, limb] += (below > 0) & (words[:, limb] < before)
        carries[:, limb] -= (below < 0) & (words[:, limb] > before)


def on_the_wire(words: Words) -> bytes:
    """The words as 32 big-endian bytes each."""
    return words[:, ::-1].astype(">u8").tobytes()
