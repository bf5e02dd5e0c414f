"""One session, its twin, and everybody who may do something to it; every rule is tried in every stage.

The machine runs on any chain that the harness knows.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contracts.harness import Receipt, Reverted, SessionDriver, Stage
from tests.contracts.harness import reference as ref
from tests.contracts.harness.economy import GWEI, fee_table, record_constants
from tests.contracts.stateful import pay
from tests.contracts.stateful.ledger import Ledger
from tests.contracts.stateful.pairs import Pairs
from tests.contracts.stateful.twin import Now, Refused

EVERYBODY = set(range(24))
PLACES = st.sets(st.integers(0, 7))
ACCOUNTS = st.integers(0, 9)
CALLERS = st.integers(0, 5)
REFUSE, BURN = 1, 2


@dataclass(frozen=True)
class Kind:
    """A session that histories begin with.

    Args:
        listed: how many may register, or are leaves of the tree.
        params: of `start`.
        capacity: with a tree.
        decoy: whether the first of them is a contract.
        earlier: whether the others come from an earlier session of the same owner, whose groups may come back.
    """

    listed: int
    params: dict[str, int] = field(default_factory=dict)
    capacity: int | None = None
    decoy: bool = False
    earlier: bool = False


NORM = {"parameter_count": 6, "members": 2, "rounds": 2, "reward_wei": 1_003}
KRUM = {"rounds": 4, "rule": 1, "krum_mu_bps": 2_000, "krum_m_rule": 1}
VOTE = {"rule": 2}
SHUFFLED = {"assignment": 1}
FEES = {"fee_cap_wei": 20 * GWEI, "fee_table": fee_table()}
RECORDS = {"record_constants": record_constants(decay=5)}
BRIEF = {f"{name}_secs": 1 for name in ("register", "commit", "upload", "aggregate", "select")}

KINDS = {
    "greedy": Kind(5, NORM | FEES),
    "shuffled": Kind(6, NORM | SHUFFLED | FEES | RECORDS, decoy=True),
    "all or none": Kind(4, NORM | {"min_rounds": 2}, decoy=True),
    "krum": Kind(8, NORM | KRUM | FEES),
    "vote": Kind(5, NORM | VOTE | FEES),
    "votes": Kind(6, NORM | VOTE | SHUFFLED | FEES | RECORDS, decoy=True),
    "three": Kind(7, NORM | SHUFFLED | RECORDS | {"rounds": 3, "members": 2}),
    "root": Kind(7, NORM | SHUFFLED | FEES | {"members": 3, "reward_wei": 60_003}, capacity=6),
    "cohorts": Kind(7, NORM | SHUFFLED | FEES | RECORDS, earlier=True),
    "brief": Kind(4, NORM | FEES | BRIEF),
}


class Machine(Pairs, RuleBasedStateMachine):
    """What everybody may do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.forced = 0
        self.decoys = []
        self.checked: Any = None

    # The beginning.

    @initialize(
        kind=st.sampled_from(list(KINDS.values())),
        price=st.sampled_from([7, 0, 1, 50]),
        begin=st.sampled_from([Stage.COMMIT, Stage.COMMIT, Stage.COMMIT, Stage.DRAW, Stage.REGISTER, Stage.SETUP]),
    )
    def create(self, kind: Kind, price: int = 7, begin: Stage = Stage.SETUP) -> None:
        site = self.site
        self.chain, self.snapshot = site.chain, site.chain.snapshot()
        self.ledger = Ledger()
        accounts = list(site.accounts[: kind.listed])
        if kind.decoy:
            self.decoys = [site.backend.new_decoy(site.accounts.deployer)]
            self.chain.set_balance(self.decoys[0], 1)  # so that it is offered what it is due, which takes more gas
            accounts[0] = self.decoys[0]
        self.cohorts = self._earlier_session(accounts[:4]) if kind.earlier else {}
        self.real: SessionDriver = site.make(
            accounts, rooted=kind.capacity is not None, capacity=kind.capacity, **kind.params
        )
        self.twin = self.twin_of(self.real)
        self.real.gas_price = price * GWEI
        self._bring_to(begin)

    def _bring_to(self, stage: Stage) -> None:
        """Everybody joins, with its cohort; a brief session is over before that."""
        if stage >= Stage.REGISTER:
            self.start()
        if stage >= Stage.DRAW:
            self.register(EVERYBODY, True)
            if self.twin.stage == Stage.REGISTER:
                self.its_time_is_over()
        if stage >= Stage.COMMIT and self.twin.stage == Stage.DRAW:
            self.go_on(set())

    def _earlier_session(self, accounts: list[str]) -> dict[str, int]:
        """Two groups that were accepted: who may come back, and as what."""
        real = self.site.make(accounts, **NORM)
        twin = self.twin_of(real)
        self.play_through(real, twin, set())
        session = int(real.contract.address, 16)
        assert all(twin.alumnus(a)[0] for a in accounts)
        return {a: session << 8 | twin.alumnus(a)[1] for a in accounts}

    # Calls to both.

    def both(
        self, call: str, sender: str, expected: Callable[[Now], Any], actual: Callable[[], Receipt], **what: int
    ) -> bool:
        """Makes the same call to the session and its twin; they agree on whether it is allowed, and what it is paid."""
        return self.pair(self.real, self.twin, call, sender, expected, actual, **what)

    def account(self, index: int) -> str:
        """A member, the owner, or a stranger."""
        everybody = [*self.real.listed, self.real.owner, self.real.stranger]
        return everybody[index % len(everybody)]

    def as_caller(self, by: int, call: str, group: int = 0) -> str:
        """Who makes a call that anybody may make: 0 a stranger, 1 whose turn it is, 2 the owner, then members."""
        now, before = self.now(self.twin, self.real), pay.Before.of(self.twin)
        entitled = [a for a in self.real.listed if pay.has_turn(self.twin, before, call, a, group, now)]
        choices = [self.real.stranger, *(entitled[:1] or [self.real.stranger]), self.real.owner, *self.real.listed]
        self.real.caller = choices[by % len(choices)]
        return self.real.caller

    @rule()
    def start(self) -> None:
        if self.twin.stage == Stage.SETUP and not self.real.contract.capacity():
            self.real.whitelist()
            self.real.publish()
        self.both("start", self.real.owner, self.twin.start, self.real.start)

    def register_one(self, account: str, cohort: int = 0) -> None:
        found = self.ledger.place_in(cohort, self.real.owner, account, self.real.params.members) if cohort else None
        if cohort:
            self.real.cohorts[account] = (cohort, found or 0)
        allowed = self.both(
            "register",
            account,
            lambda now: self.twin.register(account, now, cohort),
            lambda: self.real.register(account),
        )
        if cohort and not allowed:
            self.real.cohorts.pop(account, None)

    @rule(places=PLACES, together=st.booleans())
    def register(self, places: set[int], together: bool = False) -> None:
        """`together`: who has a cohort names it."""
        for account in [a for i, a in enumerate(self.real.listed) if i in places]:
            self.register_one(account, self.cohorts.get(account, 0) if together else 0)

    @rule(missing=PLACES, together=st.booleans())
    def register_nearly_all(self, missing: set[int], together: bool = True) -> None:
        self.register(EVERYBODY - set(sorted(missing)[:1]), together)

    def commit_one(self, account: str) -> None:
        self.both("commit", account, lambda now: self.twin.commit(account, now), lambda: self.real.commit(account))

    @rule(missing=PLACES, noise=PLACES)
    def commit(self, missing: set[int], noise: set[int]) -> None:
        """All but at most two of them, some of it noise."""
        missing = set(sorted(missing)[:2])
        for index, account in enumerate(self.real.listed):
            if index in noise and self.twin.waits_for(account):
                self.real.payloads.setdefault(account, [random.Random(index).getrandbits(256)])
            if index not in missing:
                self.commit_one(account)

    @rule(index=ACCOUNTS)
    def decline(self, index: int) -> None:
        account = self.account(index)
        self.both("decline", account, lambda now: self.twin.decline(account, now), lambda: self.real.decline(account))

    @rule(missing=PLACES)
    def upload(self, missing: set[int]) -> None:
        missing = set(sorted(missing)[:1])
        for account in [a for i, a in enumerate(self.real.listed) if i not in missing]:
            self.both(
                "upload",
                account,
                lambda now, a=account: self.twin.upload(a, now),
                lambda a=account: self.real.upload(a, 0),
                words=self.real.word_count,
            )

    @rule(by=CALLERS)
    def aggregate(self, by: int = 0) -> None:
        for group in range(len(self.twin.groups) + 1):
            words = self.real.order.get((group, 0), [])
            total = ref.add([ref.from_bytes(w) for w in words]) if words else []
            decoded = ref.unpack(total, self.real.params.lane_bits, self.real.params.parameter_count)
            caller = self.as_caller(by, "aggregate", group)
            self.both(
                "aggregate",
                caller,
                lambda now, g=group, t=decoded: self.twin.aggregate(g, t, now),
                lambda g=group, w=words, c=caller: self.send("aggregate", g, 0, b"".join(w), sender=c),
                words=len(words) * self.real.word_count,
                group=group,
            )

    def send(self, call: str, *args: Any, sender: str, value: int = 0) -> Receipt:
        """A call at the price of the history."""
        price = self.real.gas_price
        receipt: Receipt = getattr(self.real.contract, call)(*args, sender=sender, value=value, gas_price=price)
        return receipt

    @rule(missing=PLACES, bits=st.integers(0, 15))
    def vote(self, missing: set[int], bits: int = 0) -> None:
        """All but at most two of them, about every other one against some groups, which may not be there."""
        missing = set(sorted(missing)[:2])
        for index, account in enumerate(self.real.listed):
            if index in missing:
                continue
            if account not in self.twin.votes:
                self.real.votes[account] = bits >> 2 if bits >> (index % 4) & 1 else 0
            call = "open_vote" if self.twin.objecting else "vote"
            expected, actual = getattr(self.twin, call), getattr(self.real, call)
            own = (account, self.real.votes[account])
            self.both(call, account, lambda now, o=own, e=expected: e(*o, now), lambda o=own, a=actual: a(o[0]))

    @rule(index=ACCOUNTS, bits=st.integers(0, 3))
    def open_another_vote(self, index: int, bits: int) -> None:
        """Bits that weren't committed to, or by who hasn't voted, or at another time."""
        account = self.account(index)
        if self.twin.votes.get(account) != bits:
            with pytest.raises(Reverted):
                self.real.contract.open_vote(bits, self.real.salt(account), sender=account)

    @rule(by=CALLERS)
    def select(self, by: int = 0) -> None:
        live = sum(g.aggregated for g in self.twin.groups)
        if self.real.params.rule == 1:
            caller = self.as_caller(by, "gram")
            words = live * self.real.word_count
            self.both("gram", caller, self.twin.gram, self.gram, words=words)
        caller = self.as_caller(by, "select")
        self.both("select", caller, self.twin.select, self.real.select)

    def gram(self) -> Receipt:
        return self.real.gram(0)

    @rule(group=st.integers(0, 5), by=CALLERS, order=st.sampled_from([0, 0, 0, 1]))
    def settle(self, group: int, by: int = 0, order: int = 0) -> None:
        """`order`: how far the members are turned; only 0 is theirs."""
        found = self.twin.groups[group].members if group < len(self.twin.groups) else []
        members = [*found[order:], *found[:order]]
        caller = self.as_caller(by, "settle", group)
        before = {a: self.chain.balance(a) + self.twin.credits.get(a, 0) for a in members}
        earned = {a: self.twin.earned.get(a, 0) for a in members}
        self.both(
            "settle",
            caller,
            lambda now: self.twin.settle(group, members, now),
            lambda: self.send("settle", group, members, sender=caller),
            group=group,
        )
        for account in before.keys() - {caller, self.real.owner}:
            now = self.chain.balance(account) + self.twin.credits.get(account, 0)
            assert now - before[account] == self.twin.earned.get(account, 0) - earned[account]

    @rule(index=ACCOUNTS, by_a_stranger=st.booleans())
    def withdraw(self, index: int, by_a_stranger: bool) -> None:
        account = self.account(index)
        before = self.chain.balance(account)
        owed = self.twin.credits.get(account, 0)
        contract, stranger = self.real.contract, self.real.stranger

        def expected(_: Now) -> None:
            if account in self.decoys and self.mode_of(account):
                raise Refused
            self.twin.withdraw(account)

        paid = self.both(
            "withdraw",
            stranger if by_a_stranger else account,
            expected,
            lambda: (
                contract.withdraw_for(account, sender=stranger) if by_a_stranger else contract.withdraw(sender=account)
            ),
        )
        assert self.chain.balance(account) == before + (owed if paid else 0)

    @rule(by_the_owner=st.booleans())
    def exit(self, by_the_owner: bool) -> None:
        if by_the_owner:
            self.both("exit", self.real.owner, self.twin.exit, lambda: self.send("exit", sender=self.real.owner))
        else:
            with pytest.raises(Reverted):
                self.real.contract.exit(sender=self.real.stranger)

    @rule(call=st.sampled_from(["advance", "draw"]), by=CALLERS)
    def move(self, call: str, by: int = 0) -> None:
        caller = self.as_caller(by, call)
        self.both(call, caller, getattr(self.twin, call), lambda: self.send(call, sender=caller))

    # A session that goes on, so that histories reach its end.

    @rule(missing=PLACES, by=CALLERS)
    def go_on(self, missing: set[int], by: int = 0) -> None:
        """What the stage waits for; of those who are missing some stay so."""
        stage = self.twin.stage
        if stage == Stage.SETUP:
            self.start()
        elif stage == Stage.REGISTER:
            self.register_nearly_all(missing)
        elif stage == Stage.DRAW:
            self.chain.mine(4)
            self.move("draw", by)
        elif stage == Stage.COMMIT and by == 2:
            self.decline(min(missing, default=0))
        elif stage == Stage.COMMIT and by == 3:
            late = [g.members[len(missing) % len(g.members)] for g in self.twin.groups]
            self.commit({self.real.listed.index(a) for a in late}, set())
        elif stage == Stage.COMMIT:
            self.commit(missing if by == 0 else set(), missing if by == 1 else set())
        elif stage == Stage.UPLOAD:
            self.upload(missing if by == 0 else set())
        elif stage == Stage.AGGREGATE:
            self.aggregate(by)
        elif stage == Stage.VOTE:
            self.vote(missing if by == 0 else set(), 4 * len(missing) + by)
        elif stage == Stage.SELECT:
            self.select(by)
        else:
            self.settle(len(missing) % (len(self.twin.groups) + 1), by)

    @rule(by=CALLERS)
    def its_time_is_over(self, by: int = 0) -> None:
        """A second after the deadline, or much later, somebody says so."""
        if self.twin.deadline:
            late = 30_000 if by % 2 else 0
            self.chain.sleep(max(1, self.twin.deadline - self.chain.time + late))
            self.move("advance", by)

    @rule(missing=PLACES)
    def go_on_by_its_turn(self, missing: set[int]) -> None:
        self.go_on(missing, 1)

    # Time.

    @rule(seconds=st.sampled_from([1, 1_000, 22_000, 86_400]))
    def sleep(self, seconds: int) -> None:
        self.chain.sleep(seconds)

    @rule(blocks=st.sampled_from([4, 50, 70, 260]))
    def mine(self, blocks: int) -> None:
        """260: whoever may draw has let the hash be forgotten, and hopes for another one."""
        self.chain.mine(blocks)

    @rule()
    def to_the_last_second(self) -> None:
        """Whoever calls next is as late as it may be."""
        if self.twin.deadline > self.chain.time + 2:
            self.chain.sleep(self.twin.deadline - self.chain.time - 1)

    @rule(price=st.sampled_from([0, 1, 7, 50]))
    def reprice(self, price: int) -> None:
        self.real.gas_price = price * GWEI

    # What attackers do is in `attackers.py`; here is what they can't reach.

    def mode_of(self, decoy: str) -> int:
        """How a contract takes ether: 0 gladly."""
        return int(self.site.backend.artifact.at(decoy).mode())

    # Promises.

    @invariant()
    def money_is_kept(self) -> None:
        money = self.real.money()
        assert tuple(money) == self.twin.money()
        assert money.deposited == money.credits + money.locked + money.withdrawn
        everybody = dict.fromkeys((self.real.owner, self.real.stranger, *self.real.listed))
        credits = {a: self.real.credit_of(a) for a in everybody}
        assert credits == {a: self.twin.credits.get(a, 0) for a in credits}
        assert sum(credits.values()) == money.credits
        assert self.chain.balance(self.real.contract.address) == money.deposited - money.withdrawn + self.forced
        assert self.real.reserve() == self.twin.reserve

    @invariant()
    def it_stands_where_the_twin_stands(self) -> None:
        assert (self.real.stage(), self.real.deadline()) == (self.twin.stage, self.twin.deadline)
        assert self.real.group_count() == len(self.twin.groups)
        for group in range(len(self.twin.groups) + 1):
            assert self.real.group(group).status == self.twin.status(group)
        assert self.real.unselected() == self.twin.unselected
        assert self.real.votes_cast() == len(self.twin.opened)
        for group in range(len(self.twin.groups) if self.twin.opened else 0):
            assert self.real.votes_against(group) == self.twin.against(group)
        if self.checked != (self.twin.stage, self.twin.first):
            self.checked = (self.twin.stage, self.twin.first)
            self._seats_are_the_twins()

    def _seats_are_the_twins(self) -> None:
        for account in self.real.listed:
            seat = self.real.member(account)
            assert seat.seated == (account in self.twin.seats)
            if seat.seated:
                assert (seat.group, seat.place) == self.twin.seats[account]

    @invariant()
    def records_move_by_sessions_of_their_owner_alone(self) -> None:
        if not self.real.params.record_constants:
            return
        for owner in (self.real.owner, self.site.accounts.other_owner):
            for account in self.real.listed:
                found = self.site.market.suspicion(owner, account)
                assert tuple(found) == self.ledger.known(owner, account)

    def teardown(self) -> None:
        if hasattr(self, "real"):
            try:
                self.anybody_finishes_it()
                self.no_reward_came_back()
                self.who_did_its_part_lost_nothing()
            finally:
                self.snapshot.revert()

    def anybody_finishes_it(self) -> None:
        """Liveness: a stranger alone brings it to Finished, and every credit is paid."""
        for _ in range(20):
            stage = self.twin.stage
            if stage == Stage.PAYMENT:
                for group in range(len(self.twin.groups)):
                    self.settle(group)
            elif stage != Stage.FINISHED:
                self.chain.sleep(max(1, self.twin.deadline - self.chain.time))
                self.chain.mine(4)
                self.move("advance")
        assert self.real.stage() == Stage.FINISHED
        for decoy in self.decoys:
            self.site.backend.artifact.at(decoy).behave(0, sender=self.real.stranger)
        for index in range(len(self.real.listed) + 2):
            if self.twin.credits.get(self.account(index)):
                self.withdraw(index, True)
        self.money_is_kept()
        assert self.chain.balance(self.real.contract.address) == self.forced + self.twin.kept
        assert self.real.money().locked == self.twin.kept

    def no_reward_came_back(self) -> None:
        """No evasion: what a group that has delivered is worth never comes back, but for what divisions leave."""
        p, priced = self.real.params, self.twin.priced()
        if priced:
            others = (p.rounds * p.members - priced) * (p.reward_wei // (p.rounds * p.members))
            assert others <= self.twin.rest < others + 2 * p.rounds * p.members
        elif self.twin.deposited:
            assert self.twin.rest == p.reward_wei
        assert self.twin.owner_total + self.twin.fees_paid == self.twin.rest + self.twin.locked_for_fees

    def who_did_its_part_lost_nothing(self) -> None:
        """Whatever the others do, a member that does its part has its bond in the end, and its fees on top."""
        for one in self.twin.joined:
            seats = [(g, g.members.index(one.account)) for g in self.twin.groups if one.account in g.members]
            if all(g.did >> place & 1 for g, place in seats):
                assert self.twin.earned[one.account] >= self.real.params.bond_wei
