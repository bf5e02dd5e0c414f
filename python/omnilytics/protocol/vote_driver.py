"""What the members of a session with rule `norm+vote` do between the sums and the selection, step by step."""

from __future__ import annotations

from collections.abc import Iterator

from omnilytics.protocol.company import Company
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.sharing import places_of
from omnilytics.types import GroupStatus, Stage


class VoteDriver:
    """Takes a session from its aggregates to its selection; without stage Vote it does nothing."""

    def __init__(self, company: Company) -> None:
        self._all = company
        self._session, self._tell = company.session, company.tell

    def run(self) -> None:
        """All who have delivered commit to a vote on every group, and open it when nobody can commit any more."""
        self._tell.staged()
        if self._session.stage() is not Stage.VOTE:
            return
        sums, seats = self._all.watch.sums(), self._tell.seats
        voters = [member for member in self._electors() if member.judge(seats, sums)]
        for member in voters:
            self._tell.did(member.vote())
        if not self._all.ledger().opening:
            self._all.pass_deadline()
        self._tell.staged()
        for member in voters:
            self._tell.did(member.open_vote())
        if self._session.stage() is Stage.VOTE:
            self._all.pass_deadline()

    def _electors(self) -> Iterator[DataOwner]:
        """Who has delivered in a group that has a sum, and is still here."""
        for group in self._all.groups(GroupStatus.AGGREGATED):
            for place in places_of(self._session.group(group).delivered):
                account = self._tell.seats.groups[group][place]
                if account not in self._all.gone:
                    yield self._all.by_account[account]
