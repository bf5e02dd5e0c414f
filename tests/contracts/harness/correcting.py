"""Drives sessions in blobs with policy `recover`: `blobbing`, `recovering`, and corrections (docs/BLOBS.md B11)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from eth_utils import keccak

from omnilytics.blobs import scheme
from omnilytics.blobs.scheme import ELEMENTS

from . import blobs as b
from .blobbing import MOST_BLOBS, BlobDriver, commit, spoil
from .contract import Receipt
from .dealing import places
from .recovering import RecoverDriver
from .reference import dom
from .session import Stage, Status

Seeds = tuple[tuple[bytes, int], ...]
"""Each with the sign that its stream is added with."""


@functools.lru_cache(maxsize=64)
def _correction(offset: int, lanes: tuple[int, ...], packed: bool, seeds: Seeds) -> tuple[bytes, ...]:
    """B11: the same number everywhere under streams; `lanes` of each chunk."""
    blobs = (
        (np.full(ELEMENTS * count, -1, np.int32), offset + 1, ELEMENTS * chunk, seeds)
        for chunk, count in enumerate(lanes)
    )
    return tuple(scheme.masked_blob(*blob, packed=packed) for blob in blobs)


def in_blobs(seed: bytes) -> bytes:
    """A seed of E10 or E34 as blob mode has it (B1)."""
    return bytes(keccak(dom("omnilytics/blob-mask/1") + seed))


class CorrectDriver(BlobDriver, RecoverDriver):
    """A session with mode `blob` and policy `recover`; see `SessionDriver`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wrong: dict[int, dict[int, int]] = {}
        """What is added to elements of a group's correction, by index, modulo q."""

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin.wrong = dict(self.wrong)
        return twin

    # What a member does by itself.

    def mask_seeds(self, group: int, place: int) -> list[tuple[bytes, int]]:
        """E35, as blob mode has it: with all of S, and its own."""
        scope, members = self.scope(group), self.members_of(group)
        own = self.secret(members[place])
        others = [i for i in places(scope.sharers) if i != place]
        pairs = [(scope.pair_seed(place, i, own, self.secret(members[i])), 1 if i > place else -1) for i in others]
        mine = scope.self_seed(place, self.self_secret(members[place]))
        return [(in_blobs(seed), sign) for seed, sign in [*pairs, (mine, 1)]]

    def correction(self, group: int) -> list[bytes]:
        """The blobs that take a group's masks off, and add Q for each that hasn't delivered (B11)."""
        minus, plus = self.expected_seeds(group)
        seeds = tuple((in_blobs(s), -1) for s in minus) + tuple((in_blobs(s), 1) for s in plus)
        missing = self.params.members - len(self.delivered(group))
        lanes = tuple(map(self.lanes_of, range(self.chunk_count)))
        made = _correction(missing * self.params.bound, lanes, self.packed, seeds)
        return spoil(made, self.wrong.get(group, {}).items())

    def correction_hashes(self, group: int) -> list[bytes]:
        """Their versioned hashes."""
        return [b.versioned(commit(blob)) for blob in self.correction(group)]

    # One honest step.

    def upload_rest(self, account: str) -> None:
        self.upload_all(account)

    def correct(self, account: str, hashes: Sequence[bytes]) -> Receipt:
        """Posts blobs of its group's correction."""
        with self.chain.carrying(hashes):
            return self._send("correct", sender=account)

    def correct_all(self, group: int, account: str | None = None) -> list[Receipt]:
        """Discloses a group's seeds and posts its correction; the first of those who have delivered, unless told."""
        if self.contract.group(group).seeds_hash == bytes(32):
            self.disclose(group)
        poster, hashes = account or self.delivered(group)[0], self.correction_hashes(group)
        return [self.correct(poster, hashes[i : i + MOST_BLOBS]) for i in range(0, len(hashes), MOST_BLOBS)]

    def refutation(self, group: int, index: int) -> list[Any]:
        """What `refute_correction` takes of an element."""
        chunk, place = divmod(index, ELEMENTS)
        blobs = self.correction(group)
        element, witness = scheme.open_at(blobs[chunk], place)
        return [
            group,
            index,
            element,
            witness,
            commit(blobs[chunk]),
            self.correction_hashes(group),
            *self.expected_seeds(group),
        ]

    def refute_correction(self, account: str, *arguments: Any) -> Receipt:
        return self._send("refute_correction", *arguments, sender=account)

    # What comes out.

    def delivered(self, group: int) -> list[str]:
        members = self.members_of(group)
        return [members[i] for i in places(self.contract.group(group).delivered)]

    def rows(self, group: int) -> list[list[bytes]]:
        return [*super().rows(group), self.correction(group)]

    # Whole stages.

    def steps(self) -> dict[Stage, Callable[[], object]]:
        return super().steps() | {Stage.CORRECT: self.finish_correct}

    def finish_correct(self) -> None:
        for group in self.live_groups(Status.DELIVERED):
            if self.contract.correction(group) == bytes(32):
                self.correct_all(group)
