"""The vote of rule `norm+vote` in plain Python, from docs/PROTOCOL.md section 7.1: a part of the twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.contracts.harness import Stage
from tests.contracts.harness import reference as ref

if TYPE_CHECKING:
    from tests.contracts.stateful.twin import Group, Now


class Refused(Exception):
    """The protocol doesn't allow this now."""


def require(allowed: bool) -> None:
    if not allowed:
        raise Refused


class Voting:
    """Who has voted what, and who has opened its vote."""

    params: Any
    stage: Stage
    deadline: int
    objecting: bool
    groups: list[Group]

    def __init__(self) -> None:
        self.votes: dict[str, int] = {}
        """Bits by account."""
        self.opened: set[str] = set()

    if TYPE_CHECKING:

        def _live(self) -> list[Group]: ...

        def _enter(self, stage: Stage, now: Now, window: int | None = None) -> None: ...

    def _close_aggregation(self, now: Now) -> None:
        """All sums are there: the vote, or the selection."""
        if self.params.rule == 2:
            self._enter(Stage.VOTE, now, self.params.vote_secs)
        else:
            self._enter(Stage.SELECT, now, self.params.select_secs)

    @property
    def voters(self) -> set[str]:
        """U."""
        return {a for g in self._live() for place, a in enumerate(g.members) if g.delivered >> place & 1}

    def vote(self, account: str, bits: int, now: Now) -> None:
        require(self.stage == Stage.VOTE and not self.objecting and now.time <= self.deadline)
        require(account in self.voters - self.votes.keys())
        self.votes[account] = bits
        if self.votes.keys() == self.voters:
            self._close_vote(now)

    def open_vote(self, account: str, bits: int, now: Now) -> None:
        require(self.stage == Stage.VOTE and self.objecting and now.time <= self.deadline)
        require(self.votes.get(account) == bits and account not in self.opened)
        require(not bits & ~sum(1 << i for i, group in enumerate(self.groups) if not group.failed))
        self.opened.add(account)
        if self.votes.keys() == self.opened:
            self._close_vote(now)

    def _close_vote(self, now: Now) -> None:
        """Voting, then opening."""
        self.objecting = not self.objecting and bool(self.votes)
        if self.objecting:
            self._enter(Stage.VOTE, now, self.params.vote_secs)
        else:
            self._enter(Stage.SELECT, now, self.params.select_secs)

    def against(self, index: int) -> int:
        """Opened votes against a group."""
        return sum(self.votes[a] >> index & 1 for a in self.opened)

    def _is_kept(self, group: Group) -> bool:
        """(E37)"""
        against = self.against(self.groups.index(group))
        return not ref.voted_out(against, len(self.opened), len(self.voters))
