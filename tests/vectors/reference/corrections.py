"""Uploads in blobs with policy `recover`, and the corrections that lift their masks: slow (docs/BLOBS.md B11, B12)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from eth_utils import keccak

from tests.vectors.reference.blobs import N, Q, mask_at
from tests.vectors.reference.packed import LANE_BITS, LANES

MASK = b"omnilytics/blob-mask/1".ljust(32, b"\0")

Elements = list[int]
"""Those of all blobs of a vector, 4,096 each."""


@dataclass(frozen=True)
class Group:
    """Who shared, all N of them, and with which seeds they mask (E10, E34)."""

    members: int
    bound: int
    lane_bits: int
    parameters: int
    pair_seeds: dict[tuple[int, int], bytes]
    """By two places, the lower one first."""
    own_seeds: list[bytes]

    def lanes(self) -> list[int]:
        """Values in an element of each blob."""
        lanes = -(-self.parameters // N)
        if self.lane_bits == 0:
            return [1] * lanes
        return [min(LANES, lanes - first) for first in range(0, lanes, LANES)]

    def upload(self, place: int, values: list[int]) -> Elements:
        """What a member posts that has these values."""
        found = self._offset(values)
        for other in range(self.members):
            if other != place:
                seed = self.pair_seeds[min(place, other), max(place, other)]
                found = _added(found, 1 if other > place else -1, stream(seed, len(found)))
        return _added(found, 1, stream(self.own_seeds[place], len(found)))

    def seeds(self, delivered: list[int]) -> tuple[list[bytes], list[bytes]]:
        """E36: what is left of the masks in the sum of these uploads, added (minus) and taken off (plus)."""
        minus, plus = [self.own_seeds[place] for place in delivered], []
        for place in delivered:
            for gone in range(self.members):
                if gone not in delivered:
                    (minus if gone > place else plus).append(self.pair_seeds[min(place, gone), max(place, gone)])
        return minus, plus

    def correction(self, delivered: list[int]) -> Elements:
        """What is added to the sum of these uploads."""
        missing = (self.members - len(delivered)) * self.bound
        found = [
            missing * sum(1 << LANE_BITS * lane for lane in range(lanes)) for lanes in self.lanes() for _ in range(N)
        ]
        minus, plus = self.seeds(delivered)
        for sign, seeds in ((-1, minus), (1, plus)):
            for seed in seeds:
                found = _added(found, sign, stream(seed, len(found)))
        return found

    def _offset(self, values: list[int]) -> Elements:
        """Values with Q added, the padding's too, in their elements."""
        found, lanes = [], self.lanes()
        for chunk, count in enumerate(lanes):
            for at in range(N):
                first = N * sum(lanes[:chunk]) + at
                places = (first + N * lane for lane in range(count))
                digits = [(values[i] if i < len(values) else 0) + self.bound for i in places]
                found.append(sum(digit << LANE_BITS * lane for lane, digit in enumerate(digits)))
        return found

    def total(self, values: list[list[int]]) -> Elements:
        """V + N Q in each lane: what the uploads of those who delivered and the correction add up to."""
        whole = [sum(one) + (self.members - 1) * self.bound for one in zip(*values, strict=True)]
        padding = [(self.members - 1) * self.bound] * (N * sum(self.lanes()) - len(whole))
        return self._offset(whole + padding)


def _added(elements: Elements, sign: int, masks: list[int]) -> Elements:
    return [(a + sign * m) % Q for a, m in zip(elements, masks, strict=True)]


@functools.cache
def stream(seed: bytes, count: int) -> list[int]:
    """The masks of a seed of E10 or E34, which blob mode hashes first (B1)."""
    hashed = keccak(MASK + seed)
    return [mask_at(hashed, i) for i in range(count)]
