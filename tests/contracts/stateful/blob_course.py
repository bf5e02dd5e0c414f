"""Histories in blobs that keep to their course, as those of `course.py` do: with either policy, packed or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import note

from tests.contracts.harness import Stage
from tests.contracts.stateful import blobbing
from tests.contracts.stateful.blobbing import Blobbing
from tests.contracts.stateful.cheats import DISCLOSURES, RIGHT
from tests.contracts.stateful.course import Course, Play
from tests.contracts.stateful.dealings import Deal
from tests.contracts.stateful.recovering import TERMS, Recovering

BEGINNINGS = [Stage.REGISTER, Stage.COMMIT, Stage.UPLOAD, Stage.AGGREGATE, *[Stage.CORRECT] * 3, *[Stage.ACCUSE] * 2]
SIZES = ["one", "one", "one", "packed", "long"]
PLACES = [0, 3, 40, 4_095, 4_096]
"""Elements that may be looked at, beside those that are spoilt."""


class BlobCourse(Course):
    """One session in blobs from its beginning to its end."""

    machine_type: ClassVar[type[Recovering]] = Blobbing
    weight: ClassVar[int] = 6

    def _begin(self) -> None:
        policy, size = self._below(2), self.chance.choice(SIZES)
        members = 3 + self._below(2) if policy else 2 + self._below(2)
        rounds = self.chance.choice([1, 2, 2, 3, 4])
        if size == "long":
            policy, members, rounds = 0, 2, 1
        elif rounds == 4:
            members = 2 + policy
        cheats = self._few(rounds * members)
        self.slow, self.silent = (cheats if self._below(2) else self._few(rounds * members) for _ in range(2))
        deals = [deal for deal in Deal if deal != Deal.COPIED]
        given: dict[str, Any] = {
            "policy": policy,
            "members": members,
            "rounds": rounds,
            "terms": self.chance.choice(TERMS),
            "size": size,
            "threshold": 2 + self.chance.choice([0, 0, self._below(members - 1)]),
            "spare": self._below(2),
            "price": self.chance.choice([7, 0, 50]),
            "begin": self.chance.choice(BEGINNINGS),
            "gone": self.slow if self._below(2) else set(),
            "cheats": cheats,
            "how": self.chance.choice([*[Deal.RIGHT] * len(deals), *deals]),
            "spoilt": {index: self._spoil() for index in self._few(rounds * members)},
            "wrong": self._wrong(),
        }
        note(f"begin {given}, silent {self.silent}")
        self.machine.begin(**given)

    def _spoil(self) -> str:
        return self.chance.choice(blobbing.SPOILS)

    def _wrong(self) -> dict[int, int]:
        """What is added to a correction."""
        return {self.chance.choice([3, 4_000]): self.chance.choice([1, 2**200])} if self._below(3) == 0 else {}

    def _deal(self) -> Deal:
        return self.chance.choice([deal for deal in Deal if deal != Deal.COPIED])

    def _bent(self, ways: tuple[str, ...]) -> str:
        """More often than not as it should be."""
        return self.chance.choice([RIGHT, RIGHT, self.chance.choice(ways)])

    def _stages(self) -> dict[Stage, Callable[[Play], list[Play]]]:
        return super()._stages() | {
            Stage.COMMIT: self._commitments,
            Stage.CORRECT: self._corrections,
            Stage.ACCUSE: self._openings if self.machine.twin.objecting else self._accusations,
            Stage.SELECT: self._proofs,
        }

    def _commitments(self, over: Play) -> list[Play]:
        return [
            ("spoil", {"index": self._one(), "how": self._spoil()}),
            ("commit", {"missing": self._few(), "noise": self._few()}),
            ("commit", {"missing": self._few(), "noise": set()}),
            self.chance.choice([("decline", {"index": self._one()}), over]),
        ]

    def _shares(self, over: Play) -> list[Play]:
        return [*super()._shares(over), ("spoil", {"index": self._one(), "how": self._spoil()})]

    def _uploads(self, over: Play) -> list[Play]:
        account = self.machine.account(self._one())
        return [
            ("upload", {"missing": self._few() | self.slow, "partly": True}),
            ("upload", {"missing": self._few()}),
            ("post_one", {"account": account, "how": self._bent(blobbing.POSTS)}),
            over,
        ]

    def _corrections(self, over: Play) -> list[Play]:
        account = self.machine.account(self._one())
        wrong, by = self._wrong(), {"by": self._below(6)}
        return [
            ("disclose", {"index": self._below(3), **by, "how": self._way(DISCLOSURES)}),
            ("disclose", {"index": self._below(3), **by, "how": RIGHT}),
            ("correct_one", {"account": account, "how": self._bent(blobbing.CORRECTIONS), "wrong": wrong}),
            ("correct_one", {"account": account, "wrong": wrong}),
            ("correct", {"wrong": wrong}),
            *([over] if self._rarely() else []),
        ]

    def _element(self) -> tuple[int, int]:
        """A group and an element of it: one that something was added to, or any."""
        twin = self.machine.twin
        spoilt = [(group, element) for group, extra in twin.extras.items() for element in extra]
        if spoilt and not self._rarely():
            return self.chance.choice(spoilt)
        return self._below(max(1, len(twin.groups))), self.chance.choice(PLACES)

    def _refutation(self) -> Play:
        group, element = self._element()
        account = self.machine.account(self._one())
        return ("refute_correction_one", {"account": account, "index": group, "element": element})

    def _accusations(self, over: Play) -> list[Play]:
        group, element = self._element()
        ways = {"account": self.machine.account(self._below(12)), "how": self._bent(blobbing.ACCUSATIONS)}
        return [
            ("accuse_one", {"group": group, "index": element, **ways}),
            ("accuse_one", {"group": group, "index": element, **ways}),
            *([self._refutation()] * 2 if self.machine.recovers else []),
            ("add", {"by": self._below(6)}) if self._rarely() else over,
        ]

    def _openings(self, over: Play) -> list[Play]:
        accusers = [*self.machine.twin.accusations, self.machine.account(self._one())]
        return [
            *[("refute_one", {"account": self.chance.choice(accusers), "how": RIGHT})] * 2,
            ("refute_one", {"account": self.chance.choice(accusers), "how": self._bent(blobbing.REFUTATIONS)}),
            self._refutation(),
            over if self._below(2) else ("add", {"by": self._below(6)}),
        ]

    def _sums(self, over: Play) -> list[Play]:
        count = {"count": 1 + self._below(3), "by": self._below(6)}
        return [
            ("add", {**count, "how": self._bent(blobbing.SUMS)}),
            ("add", count),
            over if self._rarely() else ("add", count),
        ]

    def _proofs(self, over: Play) -> list[Play]:
        by = {"by": self._below(6)}
        return [
            ("prove", {**by, "how": self._bent(blobbing.PROOFS)}),
            self.chance.choice([over, ("prove", by), ("prove_in_parts", {**by, "cut": self._below(7)})]),
        ]

    def promises(self) -> None:
        super().promises()
        self.machine.blobs_are_the_twins()
