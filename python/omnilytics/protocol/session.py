"""One session from first to last, driven for all its data owners in one process.

Each step is a method in the order in which it happens; with policy `recover` those between the draw and the sums are in
`recovery_driver`, the vote of rule `norm+vote` is in `vote_driver`. Steps that anyone may do are done by the member
whose turn it is, so that its gas is paid back; a step whose window passes without everybody is moved on by `advance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.errors import ProtocolError
from omnilytics.protocol import events
from omnilytics.protocol.blob_driver import BlobDriver
from omnilytics.protocol.company import Company, Dropouts, Step, Train, nobody
from omnilytics.protocol.judging import Fits
from omnilytics.protocol.ledger import Ledger, Selection
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.merkle import MerkleTree
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import Randomness
from omnilytics.protocol.recovery_driver import RecoveryDriver
from omnilytics.protocol.scores import tell_scores
from omnilytics.protocol.vote_driver import VoteDriver
from omnilytics.types import Address, DropoutPolicy, FloatVec, GroupStatus, Mode, Rule, Stage

NO_COHORTS: Mapping[Address, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended. Group ids in ascending order; `update` as `ModelOwner.mean_update` gives it.

    Money in wei: deposited_wei + bonds_wei = paid_wei + fees_wei + refunded_wei + burnt_wei + left_wei.

    Attributes:
        groups: members of each group in order of place; those of the second commitment round follow the first's.
        counts: members whose words are in each group's sum; 0 where there is none.
        dropped: who was gone from which step on; `recover` only.
        deposited_wei: reward and reserve.
        reserve_wei: what of it was set aside for fees.
        bonds_wei: of all who registered.
        paid_wei: rewards.
        fees_wei: paid back for gas.
        refunded_wei: bonds and shares of lost ones, and what of reward and reserve went back to the owner.
        burnt_wei: what refused groups would have had.
        left_wei: not taken out.
    """

    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
    failed: tuple[int, ...]
    unselected: bool
    groups: tuple[tuple[Address, ...], ...]
    counts: tuple[int, ...]
    dropped: Mapping[Address, Step]
    update: FloatVec | None
    deposited_wei: int
    reserve_wei: int
    bonds_wei: int
    paid_wei: int
    fees_wei: int
    refunded_wei: int
    burnt_wei: int
    left_wei: int


class SessionDriver:
    """Runs one started session to its end.

    Args:
        chain: where it is.
        session: open for registration.
        owner: its model owner.
        members: who registers, in this order.
        sink: gets the event stream.
        number: the session's, within the run.
        listed: who may register, all of them; None: the members.
        cohorts: who comes back with its group of an earlier session (E29).
        dropouts: who will be gone; `recover` only.
    """

    def __init__(
        self,
        chain: ChainPort,
        session: SessionPort,
        owner: ModelOwner,
        members: Sequence[DataOwner],
        sink: events.Sink,
        number: int,
        listed: Sequence[Address] | None = None,
        cohorts: Mapping[Address, int] = NO_COHORTS,
        dropouts: Dropouts = nobody,
    ) -> None:
        self._session = session
        self._owner = owner
        self._listed = [member.account for member in members] if listed is None else listed
        self._cohorts = cohorts
        self._all = Company(chain, session, members, sink, number, dropouts)
        self._params, self._codec, self._tell = self._all.params, self._all.codec, self._all.tell
        self._reserve_wei = session.reserve()

    def run(
        self,
        published: FloatVec,
        train: Train,
        randomness: Callable[[int], Randomness],
        fits: Fits | None = None,
    ) -> Outcome:
        """Registers, draws, trains, commits, uploads, aggregates, votes, selects, settles and withdraws."""
        self.register(randomness)
        self.draw()
        if self._session.stage() is not Stage.FINISHED:
            if self._params.policy is DropoutPolicy.RECOVER:
                RecoveryDriver(self._all).run(published, train)
            else:
                self.commit(published, train)
                self.upload()
                BlobDriver(self._all).run()
                self.aggregate()
            VoteDriver(self._all).run()
            self.select()
        update = self._owner.mean_update(self._session, fits)
        self.settle()
        return self._outcome(update, *self.withdraw())

    def register(self, randomness: Callable[[int], Randomness]) -> None:
        """Every member checks the offer and joins; `randomness(i)` is member i's."""
        self._tell.staged()
        proof = self._proofs()
        for index, member in enumerate(self._all.members):
            if self._session.stage() is not Stage.REGISTER:
                break
            account = member.account
            cohort = self._cohorts.get(account, 0)
            self._tell.did(member.register(self._session, randomness(index), proof(account), cohort))
            self._tell.member(account, "registered")
        if self._session.stage() is Stage.REGISTER:
            self._all.pass_deadline()
        self._tell.books()

    def draw(self) -> None:
        """Waits for the draw's block and draws; with `greedy` the seats are those of registration."""
        self._tell.staged()
        self._all.await_draw()
        if self._session.stage() is Stage.FINISHED:
            self._tell.note("Too few data owners came: everybody has their money back.")
            return
        seats = self._all.take_seats()
        for account in seats.unseated:
            self._tell.member(account, "unseated")
        self._all.say_seated(range(len(seats.groups)))

    def commit(self, published: FloatVec, train: Train) -> None:
        """All who have a seat look at their group, train, mask and commit to their words; survivors once more.

        A member alone trains before it registers; here only those who were drawn are trained: the words are the same.
        """
        trained: dict[Address, FloatVec] = {}
        self._tell.staged()
        self._commit_round(range(self._session.group_count()), published, train, trained)
        if self._session.first_groups() == 0:
            self._all.pass_deadline()
        if self._session.stage() not in (Stage.DRAW, Stage.COMMIT):
            return
        self._commit_round(self._all.draw_again(), published, train, trained)
        if self._session.stage() is Stage.COMMIT:
            self._all.pass_deadline()

    def upload(self) -> None:
        """All who committed upload, after the barrier."""
        self._tell.staged()
        if self._session.stage() is not Stage.UPLOAD:
            return
        for group, accounts in enumerate(self._tell.seats.groups):
            if self._session.group(group).status is not GroupStatus.UPLOAD:
                continue
            for place, account in enumerate(accounts):
                for receipt in self._all.by_account[account].upload():
                    self._tell.did(receipt)
                self._tell.member(account, "uploaded", group, place)
            self._tell.moved(group)
        if self._session.stage() is Stage.UPLOAD:
            self._all.pass_deadline()

    def aggregate(self) -> None:
        """A member of each delivered group re-supplies its uploads; the contract adds them."""
        self._tell.staged()
        if self._session.stage() is not Stage.AGGREGATE or self._params.mode is Mode.BLOB:
            return
        ledger = self._all.ledger()
        for group in range(len(self._tell.seats.groups)):
            if self._session.group(group).status is not GroupStatus.DELIVERED:
                continue
            for chunk in range(self._codec.chunks):
                caller = self._all.one_of(group)
                self._tell.did(self._session.aggregate(caller, group, chunk, ledger.uploads[group, chunk]))
            self._tell.moved(group)

    def select(self) -> None:
        """A seated member has the contract compare the aggregates and apply the rule."""
        self._tell.staged()
        if self._session.stage() is not Stage.SELECT:
            return
        ledger = self._all.ledger()
        complete = self._all.groups(GroupStatus.AGGREGATED)
        if self._params.mode is Mode.BLOB:
            self._tell.did(BlobDriver(self._all).select(complete))
            self._score(ledger, complete)
            return
        if self._params.rule is Rule.KRUM:
            for chunk in range(self._codec.chunks):
                words = [ledger.aggregates[group, chunk] for group in complete]
                products = ledger.products if chunk else []
                self._tell.did(self._session.gram(self._all.one_seated(), chunk, words, products))
                ledger = self._all.ledger()
        self._tell.did(self._session.select(self._all.one_seated(), ledger.products))
        self._score(ledger, complete)

    def settle(self) -> None:
        """A member of each group has everybody of it paid and remembered, in order of id: the first round's first."""
        self._tell.staged()
        if self._session.stage() is Stage.PAYMENT:
            for group, accounts in enumerate(self._tell.seats.groups):
                self._tell.did(self._session.settle(self._all.one_of(group), group, accounts))
                self._tell.group(group, "settled")
        self._tell.staged()
        self._tell.books()

    def withdraw(self) -> tuple[int, int]:
        """Who has a credit still takes it out; returns (rewards of members, all that was paid out), wei."""
        for member in self._all.members:
            if self._session.credit_of(member.account):
                self._tell.did(member.withdraw())
        if self._session.credit_of(self._owner.account):
            self._tell.did(self._owner.withdraw(self._session))
        rewards, ledger = 0, self._all.ledger()
        for account in self._all.by_account:
            seat = self._tell.seats.seat_of(account)
            chosen = ledger.selected
            reward = chosen.share_wei if chosen and seat is not None and self._is_paid(chosen, *seat) else 0
            due = ledger.withdrawn[account] - ledger.fees[account]
            rewards += reward
            if due and not self._session.member(account).declined:
                status = "paid" if reward else "refunded"
                self._tell.member(account, status, *(seat or (-1, -1)), credit=due)
        self._tell.books()
        return rewards, self._session.money().withdrawn

    def _is_paid(self, chosen: Selection, group: int, place: int) -> bool:
        return bool(chosen.paid >> group & self._session.group(group).delivered >> place & 1)

    def _outcome(self, update: FloatVec | None, paid: int, taken: int) -> Outcome:
        groups = range(self._session.group_count())
        accepted = tuple(g for g in groups if self._session.accepted() >> g & 1)
        failed = tuple(g for g in groups if self._session.group(g).status is GroupStatus.FAILED)
        rejected = tuple(g for g in groups if g not in accepted and g not in failed)
        unselected = self._session.unselected()
        money = self._session.money()
        deposited = self._params.reward_wei + self._reserve_wei
        ledger = self._all.ledger()
        fees = sum(ledger.fees.values())
        burnt = ledger.selected.burnt_wei if ledger.selected else 0
        self._tell.finished(accepted, rejected, failed, unselected, fees, burnt)
        return Outcome(
            accepted,
            rejected,
            failed,
            unselected,
            self._tell.seats.groups,
            tuple(0 if g in failed else self._session.group(g).delivered.bit_count() for g in groups),
            self._all.gone,
            update,
            deposited_wei=deposited,
            reserve_wei=self._reserve_wei,
            bonds_wei=money.deposited - deposited,
            paid_wei=paid,
            fees_wei=fees,
            refunded_wei=taken - paid - fees,
            burnt_wei=burnt,
            left_wei=money.deposited - money.withdrawn - burnt,
        )

    def _commit_round(
        self, groups: Sequence[int], published: FloatVec, train: Train, trained: dict[Address, FloatVec]
    ) -> None:
        """The members of `groups` decline or commit; who isn't `trained` is, and is added to it."""
        self._all.decline(groups)
        ledger, seats = self._all.ledger(), self._tell.seats
        if self._session.stage() is not Stage.COMMIT:
            return
        alive = {a for g in groups if self._session.group(g).status is GroupStatus.COMMIT for a in seats.groups[g]}
        trained.update(self._all.train(train, alive - trained.keys(), published))
        for member in self._all.members:
            if member.account not in alive:
                continue
            group, place = self._all.seat(member.account)
            receipt = member.commit(trained[member.account], published, seats, ledger)
            if receipt is not None:
                self._tell.did(receipt)
                self._tell.member(member.account, "committed", group, place, clipped=member.clipped)

    def _proofs(self) -> Callable[[Address], Sequence[bytes]]:
        """What an account gives to register: nothing with a list, its proof with a Merkle root."""
        root = self._session.whitelist_root()
        if not any(root):
            return lambda account: ()
        tree = MerkleTree(self._listed)
        if tree.root != root:
            raise ProtocolError(f"whitelist: expected the root 0x{root.hex()}, got 0x{tree.root.hex()} of the members")
        return tree.proof

    def _score(self, ledger: Ledger, complete: Sequence[int]) -> None:
        aggregates = [ledger.aggregate(group, self._codec.chunks) for group in complete]
        chosen = self._all.ledger().selected
        if chosen is None:
            raise ProtocolError("select left no Selected event")
        counts = [self._session.group(group).delivered.bit_count() for group in complete]
        tally = self._all.ledger().tally(self._params, dict(zip(complete, counts, strict=True)))
        for event in tell_scores(self._tell.number, self._codec, complete, aggregates, counts, chosen, tally):
            self._tell.sink(event)
