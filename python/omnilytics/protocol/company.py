"""The data owners of one process in one session: what they know of it, who is still here, whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import IntEnum

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.errors import ProtocolError
from omnilytics.protocol import events, turns
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.reporter import Reporter
from omnilytics.protocol.seating import Seating, ranks
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, FloatVec, GroupStatus, Stage

Train = Callable[[Sequence[int], FloatVec], Sequence[FloatVec]]
"""(indices of members, W^p) -> their trained vectors, in the same order."""


class Step(IntEnum):
    """What a member does with policy `recover`, in order."""

    SHARE = 0
    UPLOAD = 1
    REVEAL = 2
    LEND = 3


Dropouts = Callable[[Seating], Mapping[Address, Step]]
"""Seats of the first draw -> who is gone, and from which step on. Simulations alone know that beforehand."""


def nobody(seats: Seating) -> Mapping[Address, Step]:
    """Nobody drops out."""
    return {}


class Company:
    """All data owners that this process speaks for, in one session.

    Args:
        chain: where it is.
        session: it.
        members: in the order in which they register.
        sink: gets the event stream.
        number: the session's, within the run.
        dropouts: who will be gone.
    """

    def __init__(
        self,
        chain: ChainPort,
        session: SessionPort,
        members: Sequence[DataOwner],
        sink: events.Sink,
        number: int,
        dropouts: Dropouts = nobody,
    ) -> None:
        self.chain = chain
        self.session = session
        self.members = list(members)
        self.by_account = {member.account: member for member in members}
        self.watch = Watch(chain, session)
        self.params, self.codec = self.watch.params, self.watch.codec
        self.tell = Reporter(
            chain=chain,
            session=session,
            params=self.params,
            sink=sink,
            number=number,
            reserve_wei=session.reserve(),
        )
        self.gone: Mapping[Address, Step] = {}
        self._dropouts = dropouts

    def ledger(self) -> Ledger:
        """The session's ledger up to the newest block."""
        return self.watch.ledger()

    def take_seats(self) -> Seating:
        """Who sits where by now, for the reporter too."""
        before = self.tell.seats
        self.tell.seats = self.watch.seats()
        if not before.groups:
            self.gone = self._dropouts(self.tell.seats)
        return self.tell.seats

    def seat(self, account: Address) -> tuple[int, int]:
        """(group, place) of a member that has one."""
        seat = self.tell.seats.seat_of(account)
        if seat is None:
            raise ProtocolError(f"{account} has no seat in this session")
        return seat

    def groups(self, status: GroupStatus) -> list[int]:
        """The groups that stand there, by id."""
        return self.watch.groups(status)

    def here(self, account: Address, step: Step) -> bool:
        """Whether a member does that step."""
        return self.gone.get(account, len(Step)) > step

    def correctors(self, group: int) -> list[Address]:
        """Who may correct a group in blobs, and is here: has delivered and revealed, and isn't blamed."""
        view, accounts = self.session.group(group), self.tell.seats.groups[group]
        loyal = of_bitmap(accounts, view.revealed & ~view.blamed)
        return [account for account in loyal if self.here(account, Step.LEND)]

    def say_seated(self, groups: Collection[int]) -> None:
        """Reports who sits in these groups."""
        for group in groups:
            self.tell.moved(group)
            for place, account in enumerate(self.tell.seats.groups[group]):
                self.tell.member(account, "seated", group, place)

    def await_draw(self) -> None:
        """Draws as soon as the block of the draw is there, if one is due."""
        while self.session.stage() is Stage.DRAW:
            self.chain.wait_blocks(max(0, self.session.draw_block() + 1 - self.chain.block_number()))
            self.tell.did(self.session.draw(self.anyone()))

    def draw_again(self) -> range:
        """Seats the survivors of failed groups, and says who of them sits where now; the new groups' ids."""
        self.tell.staged()
        self.await_draw()
        self.tell.staged()
        before, first, seats = self.tell.seats, self.session.first_groups(), self.take_seats()
        again = {account for group in seats.groups[first:] for account in group}
        survivors = {a for g, did in self.ledger().failed.items() for a in of_bitmap(before.groups[g], did)}
        fresh = range(first, len(seats.groups))
        self.tell.redrawn(first, len(fresh), len(survivors - again))
        self.say_seated(fresh)
        return fresh

    def decline(self, groups: Collection[int]) -> None:
        """Members that object to their group dissolve it, one of each."""
        for group in groups:
            for account in self.tell.seats.groups[group]:
                member = self.by_account[account]
                reason = member.objection(self.tell.seats) if self.here(account, Step.SHARE) else None
                if reason is not None and self.session.group(group).status is GroupStatus.COMMIT:
                    self.tell.did(member.decline(), reason)
                    break

    def train(self, train: Train, accounts: Collection[Address], published: FloatVec) -> dict[Address, FloatVec]:
        """These members' trained vectors."""
        indices = [index for index, member in enumerate(self.members) if member.account in accounts]
        vectors = zip(indices, train(indices, published), strict=True)
        return {self.members[index].account: weights for index, weights in vectors}

    def anyone(self) -> Address:
        """Whose turn it is before `draw` and at a deadline; if nobody's here, the first member, unpaid for a while."""
        if self.tell.seats.groups:
            return self.one_seated()
        ledger = self.ledger()
        for account in turns.of_registered(ranks(self.params, ledger.registrations), self.watch.next_block()):
            if account in self.by_account:
                return account
        return self.members[0].account

    def one_seated(self) -> Address:
        """Whose turn it is among all seated."""
        turn = turns.of_session(self.tell.seats, self.ledger().committed, self.watch.next_block())
        return self._turn_or(turn, [member.account for member in self.members])

    def one_of(self, group: int) -> Address:
        """Whose turn it is within a group."""
        turn = turns.of_group(self.tell.seats, self.ledger().committed, group, self.watch.next_block())
        return self._turn_or(turn, self.tell.seats.groups[group])

    def pass_deadline(self) -> None:
        """Waits until the stage's window is over, and moves the session on."""
        self.chain.wait_until(self.session.deadline() + 1)
        self.tell.did(self.session.advance(self.anyone()))

    def _turn_or(self, turn: Address | None, others: Sequence[Address]) -> Address:
        """Whose turn it is, if it is one of ours and here; else the first of the others that is."""
        if turn in self.by_account and turn not in self.gone:
            return turn
        return next((account for account in others if account not in self.gone), others[0])


def of_bitmap(group: Sequence[Address], places: int) -> list[Address]:
    """The members of a group whose places are set."""
    return [account for place, account in enumerate(group) if places >> place & 1]
