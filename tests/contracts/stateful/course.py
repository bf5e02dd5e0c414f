"""Histories with policy `recover` that keep to its course: what each stage is for, done by all, by a few, or badly.

The machine of `recovering.py` tries everything in every stage, and so seldom comes far; here chance chooses among the
rules of the machine that fit.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, ClassVar

from hypothesis import note

from tests.contracts.harness import Stage
from tests.contracts.harness.dealing import places
from tests.contracts.stateful import cheats
from tests.contracts.stateful.cheats import RIGHT
from tests.contracts.stateful.dealings import Deal
from tests.contracts.stateful.pairs import Site
from tests.contracts.stateful.recovering import BEGINNINGS, REVEAL_SECS, TERMS, Recovering

Play = tuple[str, dict[str, Any]]
"""A rule of the machine and its arguments."""


class Course:
    """One session from its beginning to its end.

    Args:
        site: where.
        chance: draws everything.
    """

    machine_type: ClassVar[type[Recovering]] = Recovering
    weight: ClassVar[int] = 3
    """Of what a stage is for, beside what may be done at any time."""

    def __init__(self, site: Site, chance: Random) -> None:
        self.chance = chance
        self.records: dict[tuple[str, str], int] = {}
        self.slow: set[int] = set()
        """Who never uploads its last chunk."""
        self.silent: set[int] = set()
        """Who reveals nothing."""
        self.machine: Any = type("Bound", (self.machine_type,), {"site": site})()

    def play(self, steps: int) -> None:
        """So many steps, and all that is promised after each of them, and at the end."""
        try:
            self._begin()
            for _ in range(steps):
                self.promises()
                call, given = self.chance.choice(self._plays())
                note(f"{call} {given}")
                getattr(self.machine, call)(**given)
            self.promises()
            self.machine.records_move_by_sessions_of_their_owner_alone()
        finally:
            self.machine.teardown()

    def promises(self) -> None:
        self.machine.money_is_kept()
        self.machine.it_stands_where_the_twin_stands()
        if self.records != self.machine.ledger.suspicions:
            self.records = dict(self.machine.ledger.suspicions)
            self.machine.records_move_by_sessions_of_their_owner_alone()
        self.machine.groups_are_the_twins()
        self.machine.nobody_is_unmasked()

    def _begin(self) -> None:
        given = {
            "members": self.chance.randint(3, 5),
            "more": self._below(12),
            "rounds": self.chance.choice([1, 2, 2, 3, 4]),
            "terms": self.chance.choice(TERMS),
            "chunks": self.chance.randint(1, 2),
            "decoy": self._rarely(),
            "begin": self.chance.choice(BEGINNINGS),
        }
        cheats = self._few(10)
        self.slow, self.silent = (cheats if self._below(2) else self._few(10) for _ in range(2))
        ways = {"gone": self.slow, "cheats": cheats, "how": self._deal()}
        note(f"create {given | ways}, silent {self.silent}")
        self.machine.create(**given, **ways)

    # Draws.

    def _below(self, bound: int) -> int:
        return self.chance.randrange(bound)

    def _rarely(self) -> bool:
        return self._below(6) == 0

    def _one(self) -> int:
        """An account."""
        return self._below(len(self.machine.real.listed))

    def _few(self, size: int | None = None) -> set[int]:
        """Accounts."""
        of = range(size or len(self.machine.real.listed))
        return set(self.chance.sample(of, self.chance.choice([0, 0, 1, 1, 2])))

    def _way(self, table: dict[str, Any]) -> str:
        return self.chance.choice([RIGHT, self.chance.choice(list(table))])

    def _deal(self) -> Deal:
        return self.chance.choice([*Deal, Deal.UNEVEN, Deal.UNEVEN, Deal.FOREIGN, Deal.FOREIGN])

    # What may be done.

    def _plays(self) -> list[Play]:
        by = {"by": self._below(6)}
        over: Play = ("its_time_is_over", by)
        stages, stage = self._stages(), self.machine.twin.stage
        found = stages[stage](over) if stage in stages else [("go_on", {"missing": self._few(), **by})]
        return [*found * self.weight, *self._asides()]

    def _stages(self) -> dict[Stage, Callable[[Play], list[Play]]]:
        """What a stage is for; it gets the play that ends it."""
        return {
            Stage.SHARE: self._objections if self.machine.twin.objecting else self._shares,
            Stage.UPLOAD: self._uploads,
            Stage.REVEAL: self._secrets,
            Stage.AGGREGATE: self._sums,
        }

    def _asides(self) -> list[Play]:
        return [
            ("reprice", {"price": self.chance.choice([0, 1, 7, 50])}),
            ("decoys_behave", {"mode": self._below(3)}),
            ("settle", {"group": self._below(3), "by": self._below(6)}),
            ("withdraw", {"index": self._one(), "by_a_stranger": True}),
            ("sleep", {"seconds": self.chance.choice([1, 1_000])}),
            ("mine", {"blocks": 50}),
            ("calls_of_the_other_policy", {"index": self._one(), "group": self._below(3)}),
        ]

    def _shares(self, over: Play) -> list[Play]:
        right: dict[str, Any] = {"cheats": set()}
        return [
            ("share", {"missing": self._few(), **right}),
            ("share", {"missing": set(), **right}),
            ("share", {"missing": self._few(), "cheats": self._few(), "how": self._deal()}),
            ("share", {"missing": set(), "cheats": self._few(), "how": self._deal()}),
            self.chance.choice([("decline", {"index": self._one()}), ("break_up", {"place": self._below(5)})]),
            over,
        ]

    def _objections(self, over: Play) -> list[Play]:
        objection: Play = ("object", {"index": self._one(), "place": self._below(5)})
        return [over, over, over, self.chance.choice([objection, ("break_up", {"place": self._below(5)})])]

    def _uploads(self, over: Play) -> list[Play]:
        size = {"chunk": self._below(2), "size": self.chance.choice([32, 64, 96, 256])}
        garbage = {**size, "hashes": self._rarely(), "copied": bool(self._below(2))}
        return [
            ("upload", {"missing": self._few() | self.slow, "partly": True}),
            ("upload", {"missing": self._few() | self.slow}),
            ("upload", {"missing": self._few()}),
            ("upload_garbage", {"index": self._one(), **garbage}),
            over,
        ]

    def _secrets(self, over: Play) -> list[Play]:
        """By parts of the window: half, a quarter, a quarter."""
        left = self.machine.twin.deadline - self.machine.chain.time - 1
        account = {"index": self._one(), "other": self._below(5)}
        again: Play = ("repeat", {"index": self._one(), "pick": self._below(10)})
        reveals: list[Play] = [
            ("reveal", {"missing": self._few() | self.silent}),
            ("reveal_bent", {**account, "how": self._way(cheats.REVEALS)}),
        ]
        loans: list[Play] = [
            ("reveal_shares", {"missing": self._few()}),
            ("reveal_shares_bent", {**account, "how": self._way(cheats.LOANS)}),
        ]
        everything: Play = ("rebuild_all", {"pick": self._below(10), "public": bool(self._below(2))})
        rebuilds = [self._rebuild(), self._rebuild()]
        if left >= REVEAL_SECS // 2:
            return [*reveals, *reveals, *rebuilds, again, ("to_its_part", {"part": 2, "late": not self._rarely()})]
        if left >= REVEAL_SECS // 4:
            last: Play = ("to_its_part", {"part": 4, "late": self._rarely()})
            return [*loans, *loans, *rebuilds, everything, again, last, self.chance.choice(reveals)]
        return [*rebuilds, everything, over, self.chance.choice(loans)]

    def _rebuild(self) -> Play:
        """Of somebody whose secret isn't known, or of anybody."""
        real, groups = self.machine.real, self.machine.twin.groups
        wanted = [g.members[i] for g in groups if not g.failed for i in places(g.committed & ~g.opened)]
        index = self._one() if not wanted or self._rarely() else real.listed.index(self.chance.choice(wanted))
        how = {"how": self._way(cheats.REBUILDS), "swapped": self._rarely()}
        return ("rebuild", {"index": index, "pick": self._below(10), "by": self._below(6), **how})

    def _sums(self, over: Play) -> list[Play]:
        group = {"index": self._below(3), "by": self._below(6)}
        whole: Play = ("aggregate", {"by": self._below(6)})
        return [
            over if self._rarely() else whole,
            ("disclose", {**group, "how": self._way(cheats.DISCLOSURES)}),
            ("disclose", {**group, "how": self._way(cheats.DISCLOSURES)}),
            ("unmask", {**group, "how": self._way(cheats.UNMASKS), "ahead": int(self._rarely())}),
            ("unmask", {**group, "how": self._way(cheats.UNMASKS), "ahead": int(self._rarely())}),
        ]
