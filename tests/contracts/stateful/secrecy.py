"""What must never be known of a session with policy `recover`, and what its events and views must say."""

from __future__ import annotations

from typing import Any

from hypothesis.stateful import invariant

from tests.contracts.harness import Receipt, SessionDriver, Stage
from tests.contracts.harness import reference as ref
from tests.contracts.stateful.recovery import SharedGroup
from tests.contracts.stateful.steps import Steps


class Secrecy(Steps):
    """Steps, with somebody who reads everything that they make public."""

    def __init__(self) -> None:
        super().__init__()
        self.fixed: dict[int, int] = {}
        """U of groups of which something is known, as it was when the first was."""

    def saw(self, real: SessionDriver, receipt: Receipt) -> None:
        if real is not self.real or not self.recovers:
            return
        for event in receipt.events:
            self._event_is_the_twins(type(event).__name__, event)
        self.watcher.read(receipt)
        for group in self.watcher.told - set(self.fixed):
            assert self.twin.stage >= Stage.REVEAL, "nothing is known before U is fixed"
            self.fixed[group] = self.twin.groups[group].delivered

    def _event_is_the_twins(self, name: str, event: Any) -> None:
        if name == "Selected":
            assert (event.share_wei, event.burnt_wei) == (self.twin.seat_share, self.twin.burnt)
        elif name == "RevealClosed":
            assert event.open_groups == sum(1 << i for i, g in enumerate(self.twin.groups) if not g.failed)
        if name not in ("GroupFailed", "Revealed", "Rebuilt", "DealerBlamed", "Disclosed", "Aggregated"):
            return
        group: SharedGroup = self.twin.groups[event.group]
        if name == "GroupFailed":
            assert (event.stage, event.did_their_part) == (group.failed_at, group.blameless), (event, group)
        elif name in ("Revealed", "Rebuilt"):
            assert group.secrets[event.place] == event.secret
        elif name == "DealerBlamed":
            assert group.blamed >> event.place & 1
        elif name == "Disclosed":
            assert group.seeds == (event.minus, event.plus)
        else:
            at = event.chunk * self.real.params.chunk_words
            assert ref.from_bytes(event.words) == group.words[at : at + self.real.params.chunk_words]

    @invariant()
    def groups_are_the_twins(self) -> None:
        if not self.recovers:
            return
        for index, group in enumerate(self.twin.groups):
            view, values = self.real.group(index), self.twin.unmasked(group)
            assert (view.dissolved, view.objected) == (group.declined != 0, group.objected != 0)
            assert view.committed == (group.did if group.declined else group.committed)
            found = view.delivered, view.revealed, view.opened, view.lent, view.blamed
            assert found == (group.delivered, group.revealed, group.opened, group.lent, group.blamed | group.objected)
            assert (view.chunks_aggregated, view.squared_norm) == (group.chunks, ref.dot(values, values))
            assert (view.accepted, view.settled) == (group.accepted, group.settled)
            assert (view.seeds_hash == bytes(32)) == (group.seeds is None)
            assert self.fixed.get(index, view.delivered) == view.delivered, "U stays as it was"

    @invariant()
    def nobody_is_unmasked(self) -> None:
        """Of nobody both secrets are known, and of nobody the mask: neither of who delivered nor of who did in part."""
        if not self.recovers:
            return
        known = self.watcher.known
        keys = {a: self.real.secret(a) in known for a in self.real.listed}
        selves = {a: self.real.self_secret(a) in known for a in self.real.listed}
        assert not any(keys[a] and selves[a] for a in self.real.listed)
        for group in self.twin.groups:
            for place in {i for _, i in group.uploads}:
                account = group.members[place]
                inside = [a for i, a in enumerate(group.members) if group.committed >> i & 1 and a != account]
                assert not selves[account] or not all(keys[account] or keys[a] for a in inside)
