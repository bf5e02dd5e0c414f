"""What the calls of a session with policy `recover` cost, beside those that any session has (`gas`)."""

from __future__ import annotations

from dataclasses import dataclass

from omnilytics.blobs.blob import MOST_BLOBS
from omnilytics.protocol.blob_gas import BlobGas
from omnilytics.protocol.gas import NEW_SLOT, Gas, GasModel, line
from omnilytics.types import Assignment, DropoutPolicy, Mode, Rule, SessionParams

KEPT_FOLD = 20_700
"""What the fold of an upload in blobs costs to keep, instead of holding it against a commitment."""


@dataclass(frozen=True, slots=True)
class RecoveryGas(GasModel):
    """The gas of honest calls of one session with policy `recover`, as their receipts have it.

    Measured as those of `GasModel`, on 200 sessions: N 3 to 16, T from half of N up, d 40 to 9,000, R 2 to 24, nobody
    gone or up to N - T at every step. In every group all have shared, and all but `gone` of them delivered.
    """

    def share(self) -> Gas:
        """Sharing: a commitment, and points and sealed shares in calldata and event."""
        commit = self.commit()
        return Gas(commit.usual + 5_000 + 6_700 * self.params.members, commit.first, commit.rare)

    def upload(self, words: int, *, last: bool = True) -> Gas:
        """As `GasModel.upload`: every upload has a slot of its own, and no list of hashes. Dearer: a group's last."""
        execution = 91_900 + 930 * words + (6_600 if last else 0)
        return Gas(self._carrying(execution, words), 3_600, 4_000)

    def reveal(self, gone: int = 0) -> Gas:
        """Revealing a self mask, and shares of the mask keys of those who are gone. Dearer: a group's last."""
        members = self.params.members
        execution = 88_900 + 815 * members + (11_950 + 1_045 * members) * gone
        return Gas(self._carrying(execution, (1 + gone) * self._opening_words), 3_600)

    def reveal_shares(self, gone: int = 1) -> Gas:
        """Lending shares of so many self masks."""
        execution = 78_600 + (14_250 + 930 * self.params.members) * gone
        return Gas(self._carrying(execution, gone * self._opening_words))

    def rebuild(self) -> Gas:
        """Rebuilding one secret from T shares."""
        members, threshold = self.params.members, self.params.threshold
        execution = 100_000 + 610 * members + 1_320 * threshold + 413 * threshold**2
        return Gas(self._carrying(execution, self._opening_words + threshold))

    def disclose(self, gone: int = 0) -> Gas:
        """Deriving the seeds of the masks in one group's sum."""
        members = self.params.members
        delivered = members - gone
        execution = 124_000 + 16_600 * members + (3_480 + 870 * members) * delivered + 4_800 * gone * delivered
        return Gas(self._carrying(execution, delivered * self._opening_words + 5 * gone))

    def unmask(self, words: int, gone: int = 0) -> Gas:
        """One chunk of so many words of each of U in a group: added, and all streams of masks taken off."""
        delivered = self.params.members - gone
        seeds = delivered * (1 + gone)
        execution = 428_000 + 140 * self.params.rounds + 3_230 * delivered + 890 * seeds
        execution += (1_670 + 887 * delivered + 216 * seeds) * words
        return Gas(self._carrying(execution, delivered * words + seeds))

    def select(self) -> Gas:
        """As `GasModel.select`; groups of several sizes are compared by their means."""
        groups, usual = self.params.rounds, super(RecoveryGas, self).select()
        if self.params.rule is not Rule.KRUM:
            return Gas(usual.usual + (1_300 + 270 * self.params.members) * groups)
        return Gas(usual.usual + 9_000 + 2_000 * groups + 150 * groups**2, usual.first, usual.rare)

    def settle(self, *, recorded: bool = True) -> Gas:
        """As `GasModel.settle`; a group's deliveries and secrets say what each member is owed."""
        usual = super(RecoveryGas, self).settle(recorded=recorded)
        return Gas(usual.usual + 700 + 4_800 * self.params.members, usual.first, usual.rare)

    def moves(self) -> tuple[int, ...]:
        """As `GasModel.moves`: sharing closes with the last share, objecting by `advance`, revealing with a secret."""
        groups = self.params.rounds
        before = super(RecoveryGas, self).moves()
        closing = 1 if self.params.assignment is Assignment.GREEDY else 2
        barrier = self._metered(83_000 + 215 * groups)
        return (*before[:closing], 1_500, barrier, 4_900 + 110 * groups, 7_400 + 120 * groups, *before[closing + 2 :])

    @property
    def _opening_words(self) -> int:
        """Words of calldata of one secret or share with the addresses that it is held against."""
        return 6 + -(-20 * (2 * self.params.members - 1) // 32)

    def commit_limit(self) -> int:
        """The largest of all calls that are paid as a commitment, with as many gone as a group can do without."""
        most_gone = self.params.members - self.params.threshold
        gone = range(most_gone + 1)
        calls = [self.share(), self.rebuild(), self.reveal(most_gone), self.reveal_shares(most_gone)]
        most = max(call.limit for call in (*calls, *(self.disclose(some) for some in gone)))
        return max(most, super(RecoveryGas, self).commit_limit())

    def sum_limits(self, size: int) -> tuple[int, int]:
        """Those of `unmask`: the fewer words a call carries, the more seeds there are."""
        gone = range(self.params.members - self.params.threshold + 1)
        empty = max(self.unmask(0, some).limit for some in gone)
        rows = ((self.unmask(size, some).limit - empty, size * (self.params.members - some)) for some in gone)
        return empty, max(-(-more // words) for more, words in rows)


@dataclass(frozen=True, slots=True)
class CorrectionGas(RecoveryGas, BlobGas):
    """The gas of honest calls of one session in blobs with policy `recover`: where they differ from both.

    Measured as those of `BlobGas`, on the sessions of tests/gas/test_correction_fee_model.py.
    """

    def post(self, blobs: int, *, first: bool = True, last: bool = True) -> Gas:
        """As `BlobGas.post`; the last transaction keeps the upload's fold in a slot of its own."""
        gas = super(CorrectionGas, self).post(blobs, first=first, last=last)
        more = KEPT_FOLD if last else 0
        return Gas(gas.usual + more - (NEW_SLOT if last and not first else 0))

    def correct(self, blobs: int, *, first: bool = True, last: bool = True) -> Gas:
        """One transaction of a correction, of so many blobs. Only who completes it is paid."""
        gas = 95_800 + 625 * blobs - (0 if self.paid and last else 18_700)
        return Gas(gas + (NEW_SLOT if first or last else 0) + (2_100 if last and not first else 0))

    def corrects(self) -> list[Gas]:
        """Each transaction of one correction."""
        return self._transactions(self.correct)

    def add_sums(self, groups: int) -> Gas:
        """As `BlobGas.add_sums`; in each group a correction is added too."""
        gas = super(CorrectionGas, self).add_sums(groups).usual
        rows = groups * self.params.chunks
        return Gas(gas + 7_000 * groups + (4_850 if self.paid else 4_300) * rows)

    def vote(self) -> Gas:
        """As `GasModel.vote`; the group's slot says who has delivered."""
        return Gas(super(CorrectionGas, self).vote().usual + 2_600)

    def _selected(self, sums: int) -> Gas:
        """As `BlobGas._selected`; groups of several sizes are compared by their means."""
        groups, gas = self.params.rounds, super(CorrectionGas, self)._selected(sums)
        return Gas(gas.usual + (3_500 + 270 * self.params.members) * groups, 0, gas.rare)

    def moves(self) -> tuple[int, ...]:
        """Those of `RecoveryGas` to the end of revealing, then that of correcting; as `BlobGas.moves` from there on."""
        groups = self.params.rounds
        closing = 1 if self.params.assignment is Assignment.GREEDY else 2
        before = RecoveryGas.moves(self)[: closing + 4]
        return (*before, 8_500, 8_500 + 135 * groups, *BlobGas.moves(self)[closing + 2 :])

    def post_limits(self) -> tuple[int, int]:
        """Those of `post` and `correct`, which are paid alike."""
        blobs = min(MOST_BLOBS, self.params.chunks)
        dearest = max((*self.posts(), *self.corrects()), key=lambda call: call.limit)
        return line(max(self.post(0), self.correct(0), key=lambda call: call.limit), dearest, blobs)

    def sum_limits(self, size: int) -> tuple[int, int]:
        """Those of `add_sums`; `size` are the commitments of one upload."""
        rows = self.params.rounds * (self.params.members + 1)
        return line(self.add_sums(0), self.add_sums(self.params.rounds), rows * size)

    def select(self) -> Gas:
        """That of the rule in blobs."""
        return BlobGas.select(self)


def gas_model(params: SessionParams, paid: bool = True, proof: int = 0, registered: int = 0) -> GasModel:
    """The model of a session's calls, by its mode and policy; arguments as `GasModel` has them."""
    blobs, recover = params.mode is Mode.BLOB, params.policy is DropoutPolicy.RECOVER
    kind = CorrectionGas if blobs and recover else RecoveryGas if recover else BlobGas if blobs else GasModel
    return kind(params, paid, proof, registered)
