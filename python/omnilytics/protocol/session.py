"""One session from first to last, driven for all its data owners in one process.

Each step is a method in the order in which it happens. Steps that anyone may do are done by a member of the session; a
step whose window passes without everybody is moved on by `advance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.codec import Codec
from omnilytics.errors import ProtocolError
from omnilytics.protocol import events
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import Randomness
from omnilytics.protocol.scores import distances, score_groups
from omnilytics.protocol.seating import Seating, seating
from omnilytics.types import Address, FloatVec, GroupStatus, Receipt, Rule, SessionParams, Stage

Train = Callable[[Sequence[int], FloatVec], Sequence[FloatVec]]
"""(indices of members, W^p) -> their trained vectors, in the same order."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended. Group ids in ascending order; `update` as `ModelOwner.mean_update` gives it."""

    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
    failed: tuple[int, ...]
    unselected: bool
    groups: tuple[tuple[Address, ...], ...]
    update: FloatVec | None
    deposited_wei: int
    bonds_wei: int
    paid_wei: int
    refunded_wei: int
    left_wei: int


class SessionDriver:
    """Runs one started session to its end. `number` is the session's number within the run, for the event stream."""

    def __init__(
        self,
        chain: ChainPort,
        session: SessionPort,
        owner: ModelOwner,
        members: Sequence[DataOwner],
        sink: events.Sink,
        number: int,
    ) -> None:
        self._chain = chain
        self._session = session
        self._owner = owner
        self._members = list(members)
        self._by_account = {member.account: member for member in members}
        self._sink = sink
        self._number = number
        self._params: SessionParams = session.params()
        self._codec = Codec(self._params)
        self._stage: Stage | None = None
        self._seating = Seating((), ())
        self._known = Ledger()
        self._next_block = 0

    def run(self, published: FloatVec, train: Train, randomness: Callable[[int], Randomness]) -> Outcome:
        """Registers, draws, trains, commits, uploads, aggregates, selects, settles and withdraws."""
        self.register(randomness)
        self.draw()
        if self._session.stage() is not Stage.FINISHED:
            self.commit(published, train)
            self.upload()
            self.aggregate()
            self.select()
        update = self._owner.mean_update(self._session)
        self.settle()
        return self._outcome(update, *self.withdraw())

    def register(self, randomness: Callable[[int], Randomness]) -> None:
        """Every member checks the offer and joins; `randomness(i)` is member i's."""
        self._staged()
        for index, member in enumerate(self._members):
            if self._session.stage() is not Stage.REGISTER:
                break
            self._did(member.register(self._session, randomness(index)))
            self._member(member.account, "registered")
        if self._session.stage() is Stage.REGISTER:
            self._pass_deadline()
        self._books()

    def draw(self) -> None:
        """Waits for the draw's block and draws; with `greedy` the seats are those of registration."""
        self._staged()
        while self._session.stage() is Stage.DRAW:
            self._chain.wait_blocks(max(0, self._session.draw_block() + 1 - self._chain.block_number()))
            self._did(self._session.draw(self._anyone()))
        ledger = self._ledger()
        if self._session.stage() is Stage.FINISHED:
            self._sink(events.Note(self._number, "Too few data owners came: everybody has their money back."))
            return
        self._seating = seating(self._params, list(ledger.keys), self._session.seed())
        for account in self._seating.unseated:
            self._member(account, "unseated")
        for group, accounts in enumerate(self._seating.groups):
            self._group(group)
            for place, account in enumerate(accounts):
                self._member(account, "seated", group, place)

    def commit(self, published: FloatVec, train: Train) -> None:
        """All who have a seat train, mask and commit to their words.

        A member alone trains before it registers; here only those who were drawn are trained: the words are the same.
        """
        self._staged()
        ledger = self._ledger()
        seated = [i for i, m in enumerate(self._members) if self._seating.seat_of(m.account) is not None]
        for index, weights in zip(seated, train(seated, published), strict=True):
            member = self._members[index]
            group, place = self._seat(member.account)
            receipt = member.commit(weights, published, self._seating, ledger)
            if receipt is None:
                self._member(member.account, "missed", group, place)
                continue
            self._did(receipt)
            self._member(member.account, "committed", group, place, clipped=member.clipped)
        if self._session.stage() is Stage.COMMIT:
            self._pass_deadline()

    def upload(self) -> None:
        """All who committed upload, after the barrier."""
        self._staged()
        if self._session.stage() is not Stage.UPLOAD:
            return
        for group, accounts in enumerate(self._seating.groups):
            if self._session.group(group).status is not GroupStatus.UPLOAD:
                continue
            for place, account in enumerate(accounts):
                for receipt in self._by_account[account].upload():
                    self._did(receipt)
                self._member(account, "uploaded", group, place)
            self._group(group)
        if self._session.stage() is Stage.UPLOAD:
            self._pass_deadline()

    def aggregate(self) -> None:
        """A member of each delivered group re-supplies its uploads; the contract adds them."""
        self._staged()
        if self._session.stage() is not Stage.AGGREGATE:
            return
        ledger = self._ledger()
        for group, accounts in enumerate(self._seating.groups):
            if self._session.group(group).status is not GroupStatus.DELIVERED:
                continue
            for chunk in range(self._codec.chunks):
                self._did(self._session.aggregate(accounts[0], group, chunk, ledger.uploads[group, chunk]))
            self._group(group)

    def select(self) -> None:
        """Anyone has the contract compare the aggregates and apply the rule."""
        self._staged()
        if self._session.stage() is not Stage.SELECT:
            return
        ledger = self._ledger()
        complete = self._aggregated()
        if self._params.rule is Rule.KRUM:
            for chunk in range(self._codec.chunks):
                words = [ledger.aggregates[group, chunk] for group in complete]
                self._did(self._session.gram(self._anyone(), chunk, words, ledger.products if chunk else []))
                ledger = self._ledger()
        self._did(self._session.select(self._anyone(), ledger.products))
        self._score(ledger, complete)

    def settle(self) -> None:
        """Anyone turns each group's fate into credits."""
        self._staged()
        if self._session.stage() is Stage.PAYMENT:
            for group in range(self._session.group_count()):
                self._did(self._session.settle(self._anyone(), group))
                self._group(group, "settled")
        self._staged()
        self._books()

    def withdraw(self) -> tuple[int, int]:
        """Everybody takes out what is theirs; returns (rewards paid to members, returned bonds and reward), wei."""
        paid = refunded = 0
        selected = self._ledger().selected
        for member in self._members:
            credit = self._session.credit_of(member.account)
            if not credit:
                continue
            seat = self._seating.seat_of(member.account)
            was_paid = seat is not None and selected is not None and selected.paid >> seat[0] & 1
            reward = selected.share_wei if was_paid and selected else 0
            self._did(self._session.withdraw(member.account))
            paid, refunded = paid + reward, refunded + credit - reward
            self._member(member.account, "paid" if reward else "refunded", *(seat or (-1, -1)), credit=credit)
        owner_credit = self._session.credit_of(self._owner.account)
        if owner_credit:
            self._did(self._owner.withdraw(self._session))
        self._books()
        return paid, refunded + owner_credit

    def _outcome(self, update: FloatVec | None, paid: int, refunded: int) -> Outcome:
        groups = range(self._session.group_count())
        accepted = tuple(g for g in groups if self._session.accepted() >> g & 1)
        failed = tuple(g for g in groups if self._session.group(g).status is GroupStatus.FAILED)
        rejected = tuple(g for g in groups if g not in accepted and g not in failed)
        unselected = self._session.unselected()
        money = self._session.money()
        self._sink(events.SessionFinished(self._number, list(accepted), list(rejected), list(failed), unselected))
        return Outcome(
            accepted,
            rejected,
            failed,
            unselected,
            self._seating.groups,
            update,
            deposited_wei=self._params.reward_wei,
            bonds_wei=money.deposited - self._params.reward_wei,
            paid_wei=paid,
            refunded_wei=refunded,
            left_wei=money.deposited - money.withdrawn,
        )

    def _score(self, ledger: Ledger, complete: Sequence[int]) -> None:
        aggregates = [ledger.aggregate(group, self._codec.chunks) for group in complete]
        chosen = self._ledger().selected
        if chosen is None:
            raise ProtocolError("select left no Selected event")
        norms = [self._codec.squared_norm(words) for words in aggregates]
        products = self._codec.products(aggregates)
        for scored in score_groups(self._number, self._codec, complete, norms, products, chosen):
            self._sink(scored)
        self._sink(distances(self._number, self._codec, complete, norms, products))

    def _aggregated(self) -> list[int]:
        return [
            g for g in range(self._session.group_count()) if self._session.group(g).status is GroupStatus.AGGREGATED
        ]

    def _anyone(self) -> Address:
        return self._members[0].account

    def _seat(self, account: Address) -> tuple[int, int]:
        seat = self._seating.seat_of(account)
        if seat is None:
            raise ProtocolError(f"{account} has no seat in this session")
        return seat

    def _ledger(self) -> Ledger:
        """The session's ledger up to the newest block."""
        logs = self._chain.logs(self._session.address, self._next_block)
        self._next_block = self._chain.block_number() + 1
        self._known.extend(log for _, log in logs)
        return self._known

    def _pass_deadline(self) -> None:
        self._chain.wait_until(self._session.deadline() + 1)
        self._did(self._session.advance(self._anyone()))

    def _did(self, receipt: Receipt) -> None:
        self._sink(events.GasUsed(self._number, receipt.call, receipt.gas_used, receipt.calldata_bytes))

    def _staged(self) -> None:
        stage = self._session.stage()
        if stage is not self._stage:
            self._stage = stage
            self._sink(
                events.StageChanged(self._number, stage.name.lower(), self._session.deadline(), self._chain.timestamp())
            )

    def _member(
        self, account: Address, status: str, group: int = -1, place: int = -1, *, credit: int = 0, clipped: int = 0
    ) -> None:
        self._sink(events.MemberChanged(self._number, account, status, group, place, credit, clipped))

    def _group(self, group: int, status: str | None = None) -> None:
        name = status or self._session.group(group).status.name.lower()
        self._sink(events.GroupChanged(self._number, group, name, [str(a) for a in self._seating.groups[group]]))

    def _books(self) -> None:
        m = self._session.money()
        self._sink(events.MoneyMoved(self._number, m.deposited, m.credits, m.locked, m.withdrawn))
