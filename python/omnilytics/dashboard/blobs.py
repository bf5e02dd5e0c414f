"""A session's vectors in blobs, as pictures show them: posted, corrected, accused, added up, proven (docs/BLOBS.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from omnilytics.dashboard.words import count, ether, gas
from omnilytics.protocol import events as ev

STAGES = ("upload", "correct", "accuse", "aggregate", "select")
"""In which there is something to be said of blobs."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What somebody has posted of what lifts the masks of a group's sum. `index` of a wrong element: it is refuted."""

    account: str
    group: int
    blobs: int = 0
    whole: bool = False
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Accusation:
    """Somebody says that a group's sum isn't in range. `group` and `index` of the element: once it is refuted."""

    account: str
    group: int | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Blobs:
    """One session's. `gas` and `wei` are blob gas and its price in all, 0 where nobody tells of transactions.

    `refuting`: nobody can accuse any more. `added`: groups whose commitments the contract has added; `products`:
    numbers that are proven of the sums.
    """

    gas: int = 0
    wei: int = 0
    corrections: tuple[Correction, ...] = ()
    accusations: tuple[Accusation, ...] = ()
    refuting: bool = False
    added: tuple[int, ...] = ()
    products: int = 0

    @property
    def price_wei(self) -> int:
        """Of a blob gas, on average."""
        return self.wei // self.gas if self.gas else 0

    @property
    def refuted(self) -> int:
        """Accusations that were opened, and are true."""
        return sum(1 for one in self.accusations if one.group is not None)

    @property
    def cost(self) -> str:
        """Blob gas and its price in words; empty where it isn't known."""
        return f"blob gas {gas(self.gas)} at {ether(self.price_wei)}" if self.gas else ""

    @property
    def corrected(self) -> tuple[int, ...]:
        """Groups whose correction is whole and isn't refuted."""
        return tuple(sorted(one.group for one in self.corrections if one.whole and one.index is None))

    def progress(self, stage: str, posted: int, due: int, groups: int) -> str:
        """What there is to be said in one of `STAGES`.

        Args:
            stage: by its name.
            posted: blobs.
            due: blobs of all groups that passed the barrier.
            groups: that have a sum.
        """
        if stage == "upload":
            return f"{posted:,} of {count(due, 'blob')} posted"
        if stage == "correct":
            blobs = count(sum(one.blobs for one in self.corrections), "blob")
            return f"{len(self.corrected)} of {count(groups, 'group')} corrected, {blobs} posted"
        if stage == "accuse":
            accused = count(len(self.accusations), "accusation")
            wrong = sum(1 for one in self.corrections if one.index is not None)
            also = f", {count(wrong, 'wrong correction')}" if wrong else ""
            said = f"refuting: {self.refuted} of {accused} true" if self.refuting else f"accusing: {accused} so far"
            return said + also
        if stage == "aggregate":
            return f"sums of {len(self.added)} of {count(groups, 'group')} added"
        return f"{count(self.products, 'product')} proven" if self.products else "the sums wait for their proof"


NO_BLOBS = Blobs()


def summed(sessions: Iterable[Blobs]) -> Blobs:
    """Gas and price of several sessions."""
    every = list(sessions)
    return Blobs(gas=sum(one.gas for one in every), wei=sum(one.wei for one in every))


def after(blobs: Blobs, event: ev.Event) -> Blobs:
    """What an event makes of them; pure, and any other event only passes through."""
    match event:
        case ev.GasUsed(blob_gas=used, blob_gas_wei=price) if used:
            return replace(blobs, gas=blobs.gas + used, wei=blobs.wei + used * price)
        case ev.Corrected():
            return replace(blobs, corrections=_posted(blobs.corrections, event))
        case ev.CorrectionRefuted(group=group, index=index):
            told = [replace(one, index=index) if one.group == group and one.whole else one for one in blobs.corrections]
            return replace(blobs, corrections=tuple(told))
        case ev.Accused(account=account):
            return replace(blobs, accusations=(*blobs.accusations, Accusation(account)))
        case ev.Refuted(account=account, group=group, index=index):
            found = [
                Accusation(account, group, index) if one == Accusation(account) else one for one in blobs.accusations
            ]
            return replace(blobs, accusations=tuple(found))
        case ev.SumsAdded(groups=groups):
            return replace(blobs, added=(*blobs.added, *groups))
        case ev.SumsProven(products=products):
            return replace(blobs, products=products)
        case _:
            return blobs


def _posted(corrections: tuple[Correction, ...], event: ev.Corrected) -> tuple[Correction, ...]:
    """With more blobs of somebody's; a seat has one correction at most."""
    begun = {(one.account, one.group): one for one in corrections}
    key = event.member, event.group
    before = begun.get(key, Correction(*key))
    return tuple({**begun, key: replace(before, blobs=before.blobs + event.blobs, whole=event.whole)}.values())
