"""One session from first to last, driven for all its data owners in one process.

Each step is a method in the order in which it happens. Steps that anyone may do are done by the member whose turn it
is, so that its gas is paid back; a step whose window passes without everybody is moved on by `advance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.codec import Codec
from omnilytics.errors import ProtocolError
from omnilytics.protocol import events, turns
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import DataOwner
from omnilytics.protocol.merkle import MerkleTree
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import Randomness
from omnilytics.protocol.reporter import Reporter
from omnilytics.protocol.scores import distances, score_groups
from omnilytics.protocol.seating import Seating, ranks
from omnilytics.types import Address, FloatVec, GroupStatus, Rule, SessionParams, Stage

Train = Callable[[Sequence[int], FloatVec], Sequence[FloatVec]]
"""(indices of members, W^p) -> their trained vectors, in the same order."""

NO_COHORTS: Mapping[Address, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended. Group ids in ascending order; `update` as `ModelOwner.mean_update` gives it.

    Money in wei: deposited_wei + bonds_wei = paid_wei + fees_wei + refunded_wei + burnt_wei + left_wei.

    Attributes:
        groups: members of each group in order of place; those of the second commitment round follow the first's.
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
    ) -> None:
        self._chain = chain
        self._session = session
        self._owner = owner
        self._members = list(members)
        self._by_account = {member.account: member for member in members}
        self._listed = [member.account for member in members] if listed is None else listed
        self._cohorts = cohorts
        self._params: SessionParams = session.params()
        self._codec = Codec(self._params)
        self._tell = Reporter(chain, session, self._params, sink, number)
        self._reserve_wei = session.reserve()
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
        self._tell.staged()
        proof = self._proofs()
        for index, member in enumerate(self._members):
            if self._session.stage() is not Stage.REGISTER:
                break
            account = member.account
            cohort = self._cohorts.get(account, 0)
            self._tell.did(member.register(self._session, randomness(index), proof(account), cohort))
            self._tell.member(account, "registered")
        if self._session.stage() is Stage.REGISTER:
            self._pass_deadline()
        self._tell.books()

    def draw(self) -> None:
        """Waits for the draw's block and draws; with `greedy` the seats are those of registration."""
        self._tell.staged()
        self._await_draw()
        if self._session.stage() is Stage.FINISHED:
            self._tell.note("Too few data owners came: everybody has their money back.")
            return
        seats = self._seats()
        for account in seats.unseated:
            self._tell.member(account, "unseated")
        self._seated(range(len(seats.groups)))

    def commit(self, published: FloatVec, train: Train) -> None:
        """All who have a seat look at their group, train, mask and commit to their words; survivors once more.

        A member alone trains before it registers; here only those who were drawn are trained: the words are the same.
        """
        trained: dict[Address, FloatVec] = {}
        self._tell.staged()
        self._commit_round(range(self._session.group_count()), published, train, trained)
        if self._session.first_groups() == 0:
            self._pass_deadline()
        first = self._session.first_groups()
        if self._session.stage() not in (Stage.DRAW, Stage.COMMIT):
            return
        self._tell.staged()
        self._await_draw()
        self._tell.staged()
        self._redrawn(first)
        self._commit_round(range(first, self._session.group_count()), published, train, trained)
        if self._session.stage() is Stage.COMMIT:
            self._pass_deadline()

    def upload(self) -> None:
        """All who committed upload, after the barrier."""
        self._tell.staged()
        if self._session.stage() is not Stage.UPLOAD:
            return
        for group, accounts in enumerate(self._tell.seats.groups):
            if self._session.group(group).status is not GroupStatus.UPLOAD:
                continue
            for place, account in enumerate(accounts):
                for receipt in self._by_account[account].upload():
                    self._tell.did(receipt)
                self._tell.member(account, "uploaded", group, place)
            self._tell.group(group)
        if self._session.stage() is Stage.UPLOAD:
            self._pass_deadline()

    def aggregate(self) -> None:
        """A member of each delivered group re-supplies its uploads; the contract adds them."""
        self._tell.staged()
        if self._session.stage() is not Stage.AGGREGATE:
            return
        ledger = self._ledger()
        for group in range(len(self._tell.seats.groups)):
            if self._session.group(group).status is not GroupStatus.DELIVERED:
                continue
            for chunk in range(self._codec.chunks):
                caller = self._one_of(group)
                self._tell.did(self._session.aggregate(caller, group, chunk, ledger.uploads[group, chunk]))
            self._tell.group(group)

    def select(self) -> None:
        """A seated member has the contract compare the aggregates and apply the rule."""
        self._tell.staged()
        if self._session.stage() is not Stage.SELECT:
            return
        ledger = self._ledger()
        complete = self._aggregated()
        if self._params.rule is Rule.KRUM:
            for chunk in range(self._codec.chunks):
                words = [ledger.aggregates[group, chunk] for group in complete]
                products = ledger.products if chunk else []
                self._tell.did(self._session.gram(self._one_seated(), chunk, words, products))
                ledger = self._ledger()
        self._tell.did(self._session.select(self._one_seated(), ledger.products))
        self._score(ledger, complete)

    def settle(self) -> None:
        """A member of each group turns its fate into credits and records, in order of id: the first round's first."""
        self._tell.staged()
        if self._session.stage() is Stage.PAYMENT:
            for group, accounts in enumerate(self._tell.seats.groups):
                self._tell.did(self._session.settle(self._one_of(group), group, accounts))
                self._tell.group(group, "settled")
        self._tell.staged()
        self._tell.books()

    def withdraw(self) -> tuple[int, int]:
        """Everybody takes out what is theirs; returns (rewards of members, all that was taken out), wei."""
        paid = taken = 0
        ledger = self._ledger()
        for member in self._members:
            credit = self._session.credit_of(member.account)
            if not credit:
                continue
            seat = self._tell.seats.seat_of(member.account)
            chosen = ledger.selected
            reward = chosen.share_wei if chosen and seat is not None and chosen.paid >> seat[0] & 1 else 0
            due = credit - self._session.member(member.account).fees_wei
            self._tell.did(member.withdraw())
            paid, taken = paid + reward, taken + credit
            if due and not self._session.member(member.account).declined:
                status = "paid" if reward else "refunded"
                self._tell.member(member.account, status, *(seat or (-1, -1)), credit=due)
        owner_credit = self._session.credit_of(self._owner.account)
        if owner_credit:
            self._tell.did(self._owner.withdraw(self._session))
        self._tell.books()
        return paid, taken + owner_credit

    def _outcome(self, update: FloatVec | None, paid: int, taken: int) -> Outcome:
        groups = range(self._session.group_count())
        accepted = tuple(g for g in groups if self._session.accepted() >> g & 1)
        failed = tuple(g for g in groups if self._session.group(g).status is GroupStatus.FAILED)
        rejected = tuple(g for g in groups if g not in accepted and g not in failed)
        unselected = self._session.unselected()
        money = self._session.money()
        deposited = self._params.reward_wei + self._reserve_wei
        ledger = self._ledger()
        fees = sum(ledger.fees.values())
        burnt = ledger.selected.burnt_wei if ledger.selected else 0
        self._tell.finished(accepted, rejected, failed, unselected, fees, burnt)
        return Outcome(
            accepted,
            rejected,
            failed,
            unselected,
            self._tell.seats.groups,
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
        self._decline(groups)
        ledger, seats = self._ledger(), self._tell.seats
        if self._session.stage() is not Stage.COMMIT:
            return
        alive = {a for g in groups if self._session.group(g).status is GroupStatus.COMMIT for a in seats.groups[g]}
        fresh = [i for i, m in enumerate(self._members) if m.account in alive and m.account not in trained]
        for index, weights in zip(fresh, train(fresh, published), strict=True):
            trained[self._members[index].account] = weights
        for member in self._members:
            if member.account not in alive:
                continue
            group, place = self._seat(member.account)
            receipt = member.commit(trained[member.account], published, seats, ledger)
            if receipt is not None:
                self._tell.did(receipt)
                self._tell.member(member.account, "committed", group, place, clipped=member.clipped)

    def _decline(self, groups: Sequence[int]) -> None:
        """Members that object to their group dissolve it, one of each."""
        for group in groups:
            for account in self._tell.seats.groups[group]:
                reason = self._by_account[account].objection(self._tell.seats)
                if reason is not None and self._session.group(group).status is GroupStatus.COMMIT:
                    self._tell.did(self._by_account[account].decline(), reason)
                    break

    def _redrawn(self, first: int) -> None:
        """Says who of the failed groups sits where now."""
        before, seats = self._tell.seats, self._seats()
        again = {account for group in seats.groups[first:] for account in group}
        survivors = {a for g, did in self._ledger().failed.items() for a in _did(before.groups[g], did)}
        self._tell.redrawn(first, len(seats.groups) - first, len(survivors - again))
        self._seated(range(first, len(seats.groups)))

    def _seated(self, groups: Sequence[int]) -> None:
        for group in groups:
            self._tell.group(group)
            for place, account in enumerate(self._tell.seats.groups[group]):
                self._tell.member(account, "seated", group, place)

    def _await_draw(self) -> None:
        while self._session.stage() is Stage.DRAW:
            self._chain.wait_blocks(max(0, self._session.draw_block() + 1 - self._chain.block_number()))
            self._tell.did(self._session.draw(self._anyone()))

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
        chosen = self._ledger().selected
        if chosen is None:
            raise ProtocolError("select left no Selected event")
        norms = [self._codec.squared_norm(words) for words in aggregates]
        products = self._codec.products(aggregates)
        for scored in score_groups(self._tell.number, self._codec, complete, norms, products, chosen):
            self._tell.sink(scored)
        self._tell.sink(distances(self._tell.number, self._codec, complete, norms, products))

    def _aggregated(self) -> list[int]:
        return [
            g for g in range(self._session.group_count()) if self._session.group(g).status is GroupStatus.AGGREGATED
        ]

    def _anyone(self) -> Address:
        """Whose turn it is before `draw` and at a deadline; if nobody's here, the first member, unpaid for a while."""
        if self._tell.seats.groups:
            return self._one_seated()
        ledger = self._ledger()
        for account in turns.of_registered(ranks(self._params, ledger.registrations), self._block()):
            if account in self._by_account:
                return account
        return self._members[0].account

    def _one_seated(self) -> Address:
        """Whose turn it is among all seated."""
        turn = turns.of_session(self._tell.seats, self._ledger().committed, self._block())
        return turn if turn in self._by_account else self._members[0].account

    def _one_of(self, group: int) -> Address:
        """Whose turn it is within a group."""
        turn = turns.of_group(self._tell.seats, self._ledger().committed, group, self._block())
        return turn if turn in self._by_account else self._tell.seats.groups[group][0]

    def _block(self) -> int:
        """The block that the next transaction is expected in."""
        return self._chain.block_number() + 1

    def _seat(self, account: Address) -> tuple[int, int]:
        seat = self._tell.seats.seat_of(account)
        if seat is None:
            raise ProtocolError(f"{account} has no seat in this session")
        return seat

    def _seats(self) -> Seating:
        """Who sits where by now, for the reporter too."""
        self._tell.seats = self._ledger().seats(self._params, self._place)
        return self._tell.seats

    def _place(self, cohort: int, account: Address) -> int:
        """A member's place in the group of an earlier session that it came back with."""
        return self._chain.session(Address(f"0x{cohort >> 8:040x}")).alumnus(account).place

    def _ledger(self) -> Ledger:
        """The session's ledger up to the newest block."""
        logs = self._chain.logs(self._session.address, self._next_block)
        self._next_block = self._chain.block_number() + 1
        self._known.extend(log for _, log in logs)
        return self._known

    def _pass_deadline(self) -> None:
        self._chain.wait_until(self._session.deadline() + 1)
        self._tell.did(self._session.advance(self._anyone()))


def _did(group: Sequence[Address], did: int) -> list[Address]:
    return [account for place, account in enumerate(group) if did >> place & 1]
