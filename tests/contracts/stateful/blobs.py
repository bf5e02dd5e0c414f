"""What mode `blob` changes in the twin, from docs/BLOBS.md sections 2 and 7: posts, corrections, accusations, sums.

The twin knows values and no blobs: `extra` is what an upload, or a correction, has beside its values, by element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.contracts.harness import Stage
from tests.contracts.harness import blobs as b
from tests.contracts.harness.blobs import Q
from tests.contracts.harness.reference import ceil_div
from tests.contracts.stateful.recovery import RecoverTwin, SharedGroup
from tests.contracts.stateful.twin import Group, Now, Twin, require

ELEMENTS = 4_096
LANES, LANE_BITS = 21, 12
MOST_BLOBS = 6

Extra = Mapping[int, int]
"""What is added to elements, modulo q, by index over all chunks."""


class Blobs(Twin):
    """A session in blobs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.committed_to: dict[str, bytes] = {}
        self.posted: dict[tuple[int, int], list[bytes]] = {}
        """Versioned hashes, by group and place."""
        self.values: dict[int, list[Sequence[int]]] = {}
        """Of uploads that are complete, by group."""
        self.extras: dict[int, dict[int, int]] = {}
        """Of the sums."""
        self.accusations: dict[str, bytes] = {}
        """Commitments that aren't opened."""
        self.refuted = 0
        self.correctors: dict[int, int] = {}
        """With `recover`, the place of who has corrected a group."""
        self.wrong: dict[int, Extra] = {}
        """What is wrong of its correction."""

    @property
    def kept(self) -> int:
        """Also bonds of accusations that nobody has opened."""
        return super().kept + self.params.bond_wei * len(self.accusations)

    # Sizes (B12).

    @property
    def packed(self) -> bool:
        return self.params.lane_bits != 0

    @property
    def lane_count(self) -> int:
        """M."""
        return ceil_div(self.params.parameter_count, ELEMENTS)

    @property
    def blob_count(self) -> int:
        """c."""
        return ceil_div(self.lane_count, LANES) if self.packed else self.lane_count

    @property
    def element_count(self) -> int:
        return ELEMENTS * self.blob_count

    def places_of(self, index: int) -> list[int]:
        """The values of an element; some may be beyond d."""
        chunk, at = divmod(index, ELEMENTS)
        if not self.packed:
            return [index]
        lanes = range(LANES * chunk, min(LANES * (chunk + 1), self.lane_count))
        return [ELEMENTS * lane + at for lane in lanes]

    # Uploads.

    def commit(self, account: str, root: bytes, now: Now) -> None:
        super().commit(account, now)
        self.committed_to[account] = root

    def post(self, account: str, hashes: Sequence[bytes], values: Sequence[int], extra: Extra, now: Now) -> None:
        """`values` and `extra` are those of the blobs that complete the upload."""
        require(self.stage == Stage.UPLOAD and now.time <= self.deadline and account in self.seats)
        index, place = self.seats[account]
        group = self.groups[index]
        require(not group.failed and bool(group.committed >> place & 1))
        require(not group.delivered >> place & 1)
        before = self.posted.get((index, place), [])
        left = self.blob_count - len(before)
        require(len(hashes) == min(left, MOST_BLOBS))
        whole = [*before, *hashes]
        if len(hashes) == left:
            require(self._is_whole(account, whole))
            group.delivered |= 1 << place
            self.values.setdefault(index, []).append(values)
            self._add(index, extra)
        self.posted[index, place] = whole
        self._close_upload_if_all_are_in(now)

    def _is_whole(self, account: str, hashes: list[bytes]) -> bool:
        """Whether that is the upload that was committed to."""
        return b.bound(account, hashes) == self.committed_to[account]

    def _add(self, index: int, extra: Extra) -> None:
        found = self.extras.setdefault(index, {})
        for element, more in extra.items():
            found[element] = (found.get(element, 0) + more) % Q

    def upload(self, *_: Any) -> None:
        require(False)

    def _open_aggregation(self, now: Now) -> None:
        if self._live() and self.stage == Stage.UPLOAD:
            self._enter(Stage.ACCUSE, now, self.params.reveal_secs)
        elif self._live() and self.stage == Stage.ACCUSE:
            self._enter(Stage.AGGREGATE, now, self.params.aggregate_secs)
        else:
            super()._open_aggregation(now)

    # Sums.

    def element(self, group: int, index: int) -> int:
        """Of a group's sum (B2, B11, B12)."""
        p, whole = self.params, 0
        for lane, place in enumerate(self.places_of(index)):
            column = sum(v[place] for v in self.values.get(group, [])) if place < p.parameter_count else 0
            whole += column + p.members * p.bound << LANE_BITS * lane
        return (whole + self.extras.get(group, {}).get(index, 0)) % Q

    def read(self, index: int, element: int) -> dict[int, int] | None:
        """The values of an element by place; None if it is malformed (B12)."""
        p, found, rest = self.params, {}, element
        for place in self.places_of(index):
            digit = rest % (1 << LANE_BITS) if self.packed else rest
            rest = rest >> LANE_BITS if self.packed else 0
            value = digit - p.members * p.bound
            if value > p.members * p.bound or (value and place >= p.parameter_count):
                return None
            found[place] = value
        return None if rest else found

    def is_malformed(self, group: int) -> bool:
        """Whether a sum is that nobody can prove anything of."""
        return any(self.read(i, self.element(group, i)) is None for i in self.extras.get(group, {}))

    def total(self, group: int) -> list[int]:
        """The sum's integers, where they are in range."""
        found = [sum(column) for column in zip(*self.values[group], strict=True)]
        for index in self.extras[group]:
            values = self.read(index, self.element(group, index)) or {}
            for place in values.keys() & range(self.params.parameter_count):
                found[place] = values[place]
        return found

    def aggregate(self, *_: Any) -> None:
        require(False)

    def waiting(self) -> list[int]:
        """Live groups whose sums aren't added, in order of id."""
        return [i for i, g in enumerate(self.groups) if not g.failed and not g.aggregated]

    def add_sums(self, groups: Sequence[int], now: Now) -> None:
        if self.stage == Stage.ACCUSE and now.time > self.deadline:
            require((self.objecting or not self.accusations) and bool(self._live()))
        else:
            require(self.stage == Stage.AGGREGATE and now.time <= self.deadline)
        require(len(groups) > 0 and list(groups) == self.waiting()[: len(groups)])
        if self.stage == Stage.ACCUSE:
            self._close_accusing(now)
        for index in groups:
            group = self.groups[index]
            group.aggregated, group.total = True, self.total(index)
        if not self.waiting():
            self._close_aggregation(now)

    def prove(self, now: Now) -> None:
        """`select_proven`, `select_packed`, `finish_proof`, of a proof of these sums."""
        require(self.stage == Stage.SELECT and now.time <= self.deadline)
        require(not any(self.is_malformed(i) for i, g in enumerate(self.groups) if not g.failed))
        self.gram_done = True
        super().select(now)

    def select(self, *_: Any) -> None:
        require(False)

    def gram(self, *_: Any) -> None:
        require(False)

    def priced(self) -> int:
        return super().priced() + self.refuted * self.params.members

    # Accusing and refuting.

    def accuse(self, account: str, digest: bytes, wei: int, now: Now) -> None:
        require(self.stage == Stage.ACCUSE and not self.objecting and now.time <= self.deadline)
        require(wei == self.params.bond_wei and digest != bytes(32) and account not in self.accusations)
        self.accusations[account] = digest
        self.deposited += wei

    def refute(self, account: str, digest: bytes, index: int, place: int, element: int, now: Now) -> None:
        """`digest` is what the opening is the commitment of, `place` of the element."""
        require(self.stage == Stage.ACCUSE and self.objecting and now.time <= self.deadline)
        require(self.accusations.get(account) == digest and index < len(self.groups))
        group = self.groups[index]
        require(self._has_sum(index) and place < self.element_count)
        require(element == self.element(index, place) and self.read(place, element) is None)
        del self.accusations[account]
        self.withdrawn += self.params.bond_wei
        if not group.failed:
            self._fail_refuted(group)
        if not self.accusations:
            self._close_accusing(now)

    def _has_sum(self, index: int) -> bool:
        return self.groups[index].delivered == self.groups[index].everybody

    def _fail_refuted(self, group: Group) -> None:
        group.failed_at = Stage.ACCUSE
        self.refuted += 1

    def refute_correction(self, *_: Any) -> None:
        require(False)

    def _close_accusing(self, now: Now) -> None:
        """Accusing, then refuting."""
        self.objecting = not self.objecting and bool(self.accusations)
        if self.objecting:
            self._enter(Stage.ACCUSE, now, self.params.reveal_secs)
        else:
            self._open_aggregation(now)

    def advance(self, now: Now) -> None:
        if self.stage == Stage.ACCUSE:
            require(now.time > self.deadline)
            self._close_accusing(now)
        else:
            super().advance(now)


class CorrectTwin(Blobs, RecoverTwin):
    """A session in blobs with policy `recover`."""

    def commit(self, *_: Any) -> None:
        require(False)

    def unmask(self, *_: Any) -> None:
        require(False)

    def post(self, account: str, *args: Any) -> None:
        super().post(account, *args)
        group, place = self._sharer(account)
        group.uploads[0, place] = b""

    def _is_whole(self, account: str, hashes: list[bytes]) -> bool:
        return True

    def _open_aggregation(self, now: Now) -> None:
        if self._live() and self.stage in (Stage.UPLOAD, Stage.REVEAL, Stage.CORRECT):
            following = {Stage.UPLOAD: Stage.REVEAL, Stage.REVEAL: Stage.CORRECT, Stage.CORRECT: Stage.ACCUSE}
            self._enter(following[self.stage], now, self.params.reveal_secs)
        else:
            super()._open_aggregation(now)

    def _open_group(self, index: int, now: Now) -> SharedGroup:
        require(self.stage == Stage.CORRECT and now.time <= self.deadline and index < len(self.groups))
        require(not self.groups[index].failed)
        return self.groups[index]

    def lift(self, index: int) -> None:
        """Its values are in blobs."""

    def unmasked(self, group: SharedGroup) -> list[int]:
        return []

    def correct(self, account: str, hashes: Sequence[bytes], wrong: Extra, now: Now) -> None:
        """Of one blob at most."""
        require(self.stage == Stage.CORRECT and now.time <= self.deadline)
        group, place = self._sharer(account)
        index = self.seats[account][0]
        require(bool(group.did >> place & 1) and group.seeds is not None and index not in self.correctors)
        require(len(hashes) == self.blob_count)
        self.correctors[index], self.wrong[index] = place, wrong
        self._add(index, wrong)
        if all(i in self.correctors for i, g in enumerate(self.groups) if not g.failed):
            self._open_aggregation(now)

    def refute_correction(self, index: int, element: int, now: Now) -> None:
        require(self.stage == Stage.ACCUSE and now.time <= self.deadline and index in self.correctors)
        group = self.groups[index]
        require(not group.failed and self.wrong[index].get(element, 0) % Q != 0)
        group.blamed |= 1 << self.correctors[index]
        group.failed_at = Stage.ACCUSE
        self.refuted += 1

    def _has_sum(self, index: int) -> bool:
        return index in self.correctors

    def _fail_refuted(self, group: Group) -> None:
        super()._fail_refuted(group)
        assert isinstance(group, SharedGroup)
        group.blamed = group.committed

    def advance(self, now: Now) -> None:
        if self.stage != Stage.CORRECT:
            super().advance(now)
            return
        require(now.time > self.deadline)
        for index, group in enumerate(self.groups):
            if not group.failed and index not in self.correctors:
                group.failed_at = Stage.CORRECT
        self._open_aggregation(now)
