"""What a session in blobs with policy `recover` has beside both, held against everything before it: corrections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omnilytics.protocol.blob_replay import BlobReplay
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.recovery_replay import RecoveryReplay
from omnilytics.types import Stage


@dataclass
class CorrectionReplay(RecoveryReplay, BlobReplay):
    """The session's state: besides that of either, what its groups' corrections are.

    Attributes:
        corrections: versioned hashes by (group, place) of who posts them.
        correctors: by corrected group, the place of who was first with all of them.
        correcting: whether stage Correct isn't over.
    """

    corrections: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    correctors: dict[int, int] = field(default_factory=dict)
    correcting: bool = True

    @property
    def stage(self) -> Stage:
        if not self.over:
            return super().stage
        return Stage.CORRECT if self.correcting else Stage.ACCUSE

    def is_lost(self, group: int) -> bool:
        if not self.over:
            return RecoveryReplay.is_lost(self, group)
        return group not in self.correctors if self.correcting else group in self.refuted

    def on_corrected(self, v: dict[str, Any]) -> None:
        group, seat = v["group"], (v["group"], v["place"])
        self.expect("corrections when secrets are known", self.stage, Stage.CORRECT)
        self.expect("corrections of live groups", group in self._delivered_groups(), True)
        self.expect("seats of those who correct", self.seats.seat_of(v["member"]), seat)
        self.expect("corrections by who did its part", self.did(group) >> v["place"] & 1, 1)
        self.expect("corrections of disclosed groups", bool(self._sharing(group).minus), True)
        self.expect("one correction a group", group in self.correctors, False)
        hashes = self.corrections.setdefault(seat, [])
        self.expect("blobs of corrections in order", v["chunk"], len(hashes))
        hashes += v["hashes"]
        self.expect("blobs of a correction", len(hashes) <= self.terms.chunks, True)
        if len(hashes) == self.terms.chunks:
            self.correctors[group] = v["place"]

    def on_correctingclosed(self, v: dict[str, Any]) -> None:
        self.expect("corrected groups", v["corrected_groups"], sum(1 << g for g in self._delivered_groups()))
        self.expect("groups without a correction", [g for g in self._delivered_groups() if self.is_lost(g)], [])
        self.correcting = False

    def on_correctionrefuted(self, v: dict[str, Any]) -> None:
        group = v["group"]
        self.expect("corrections refuted before sums are added", self.stage is Stage.ACCUSE and not self.added, True)
        self.expect("corrections refuted once", group in self._delivered_groups(), True)
        if self.blobs is None:
            self.taken["refuted corrections"] += 1
        else:
            self.expect(
                "wrong elements of corrections",
                self.sums.is_wrong(self._ledger(), group, v["index"], v["element"]),
                True,
            )
        self._blame(group, 1 << self.correctors[group])
        self.refuted.add(group)

    def on_refuted(self, v: dict[str, Any]) -> None:
        if v["group"] in self._delivered_groups():
            self._blame(v["group"], self.committed(v["group"]))
        BlobReplay.on_refuted(self, v)

    def on_sumsadded(self, v: dict[str, Any]) -> None:
        BlobReplay.on_sumsadded(self, v)
        for group in self._delivered_groups() if self.blobs is not None else []:
            if v["groups"] >> group & 1:
                wrong = self.sums.wrong(self._ledger(), group)
                self.expect("corrections equal to what the seeds give", wrong, None)

    def _blame(self, group: int, places: int) -> None:
        self.blamed[group] = self.blamed.get(group, 0) | places

    def _words_in_call(self, name: str, v: dict[str, Any]) -> int:
        if name == "Corrected":
            return len(v["hashes"])
        if name == "SumsAdded":
            groups = [g for g in range(len(self.seats.groups)) if v["groups"] >> g & 1]
            return sum(self.delivered(g).bit_count() + 1 for g in groups) * self.terms.chunks
        return BlobReplay._words_in_call(self, name, v)

    def _ledger(self) -> Ledger:
        return Ledger(
            posted=self.uploads, corrected=self.corrections, sharing=self.sharing, failed=dict(self.fates.failed)
        )
