"""What the calls of a session cost whose vectors are in blobs, beside those that any session has (`gas`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from omnilytics.blobs.blob import MOST_BLOBS
from omnilytics.protocol.blob_proofs import Part, Shape
from omnilytics.protocol.blob_sums import groups_in_call
from omnilytics.protocol.gas import NEW_SLOT, Gas, GasModel, line
from omnilytics.types import Assignment, Rule


@dataclass(frozen=True, slots=True)
class BlobGas(GasModel):
    """The gas of honest calls of one session in blobs, as their receipts have it; without that of the blobs.

    Measured as those of `GasModel`, on 40 sessions: R 2 to 32, N 3 to 8, 1 to 13 blobs a vector, all rules, with and
    without fees and draw.
    """

    def post(self, blobs: int, *, first: bool = True, last: bool = True) -> Gas:
        """One transaction of so many blobs. The first of several writes the slot of the upload's fold.

        `first`, `last`: it is the member's first one, its last.
        """
        gas = 69_600 + 625 * blobs if self.paid else 51_000 + 625 * blobs
        if not last:
            return Gas(gas + 900 + (0 if self.paid else 2_800) + (NEW_SLOT if first else 0))
        return Gas(gas if first else gas + 2_500)

    def posts(self) -> list[Gas]:
        """Each transaction of one member."""
        return self._transactions(self.post)

    def _transactions(self, call: Callable[..., Gas]) -> list[Gas]:
        """One vector by `post`, or a call like it: six blobs each, the last time what is left."""
        *firsts, last = range(0, self.params.chunks, MOST_BLOBS)
        return [
            *(call(MOST_BLOBS, first=chunk == 0, last=False) for chunk in firsts),
            call(self.params.chunks - last, first=last == 0),
        ]

    def add_sums(self, groups: int) -> Gas:
        """The commitments of so many groups added, and the end of stage Accuse."""
        accounts = self.params.members * groups
        commitments = accounts * self.params.chunks
        if self.paid:
            return Gas(119_600 + 1_000 * groups + 6_700 * accounts + 4_850 * commitments)
        return Gas(99_400 + 1_000 * groups + 6_600 * accounts + 4_300 * commitments)

    def all_sums(self, groups: int) -> list[Gas]:
        """The calls that add so many groups."""
        most = groups_in_call(self.params)
        return [self.add_sums(min(most, groups - first)) for first in range(0, groups, most)]

    def proof_calls(self) -> list[tuple[str, Gas]]:
        """The calls that prove the sums of all R groups, by name; the last has the rule. Rare: as in `select`."""
        return [(part.call, self._part(part)) for part in Shape.of(self.params, self.params.rounds).parts()]

    def _part(self, part: Part) -> Gas:
        if part.last:
            whole, state = self._selected(part.sums), 12_000
            if part.packed:
                state = 40_000 if self.paid else 20_000
            return whole if part.first else whole._replace(usual=whole.usual + state)
        if part.packed:
            gas = 176_000 + 19_000 * part.sums - (0 if self.paid else 25_000 + 940 * part.sums)
        else:
            gas = 116_000 + 12_690 * part.sums - (0 if self.paid else 8_000 + 600 * part.sums)
        return Gas(gas + (NEW_SLOT if part.first else 0))

    def moves(self) -> tuple[int, ...]:
        """As `GasModel.moves`; the ends of Accuse and Aggregate are part of `add_sums`, as its limit has them."""
        closing = 1 if self.params.assignment is Assignment.GREEDY else 2
        before = super(BlobGas, self).moves()
        return (*before[: closing + 1], 8_500 + 135 * self.params.rounds, *before[closing + 3 :])

    def post_limits(self) -> tuple[int, int]:
        """The limits of a blob transaction, and of a blob in it."""
        blobs = min(MOST_BLOBS, self.params.chunks)
        return line(self.post(0), max(self.posts(), key=lambda post: post.limit), blobs)

    def sum_limits(self, size: int) -> tuple[int, int]:
        """The limits of `add_sums` and of a commitment in it; `size` are those of one upload."""
        return line(
            self.add_sums(0), self.add_sums(self.params.rounds), self.params.rounds * self.params.members * size
        )

    def proof_limits(self) -> tuple[int, int]:
        """The limits of a proof, whose calls are paid together, and of a sum in it."""
        calls = [gas for _, gas in self.proof_calls()]
        proof = calls[-1]._replace(usual=sum(gas.usual for gas in calls))
        return line(self._selected(0), proof, self.params.rounds * self.params.lanes)

    def _selected(self, sums: int) -> Gas:
        """The rule, behind so many sums and the end of their proof; packed, lanes."""
        if self.params.packed:
            return self._selected_packed(sums)
        groups, rule = self.params.rounds, super(BlobGas, self).select()
        saved = 0 if self.paid else 11_200 + 600 * sums
        if self.params.rule is Rule.KRUM:
            return Gas(rule.usual + 147_600 + 3_400 * groups + 11_400 * sums - saved, 0, rule.rare)
        votes = self._votes if self.params.rule is Rule.NORM_VOTE else 0
        return Gas(self._metered(311_000 + 2_970 * groups + votes) + 12_690 * sums - saved)

    def _selected_packed(self, lanes: int) -> Gas:
        """The same where values are packed: of a lane there are a point, half a helper and an opening."""
        groups, rule = self.params.rounds, super(BlobGas, self).select()
        saved = 0 if self.paid else 12_100 + 940 * lanes
        if self.params.rule is Rule.KRUM:
            return Gas(rule.usual + 200_500 + 3_700 * groups + 19_400 * lanes - saved, 0, rule.rare)
        votes = self._votes if self.params.rule is Rule.NORM_VOTE else 0
        return Gas(self._metered(363_600 + 2_950 * groups + votes) + 19_400 * lanes - saved)
