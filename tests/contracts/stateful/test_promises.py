"""The three promises of a session (money, liveness, no evasion) under any order of calls, against a plain-Python twin.

Members register, miss, deliver, or deliver noise; the owner leaves; time jumps; ether is forced in; calls come in the
wrong stage. STATEFUL_EXAMPLES sets how many histories are tried.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.contracts.harness import Chain, Reverted, SessionDriver, Stage, Status
from tests.contracts.harness import reference as ref
from tests.contracts.harness.fixtures import Factory
from tests.contracts.stateful.twin import Now, Refused, Twin

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "12"))
NORM = {"parameter_count": 6, "members": 2, "rounds": 2, "reward_wei": 1_003}
SESSIONS = [
    (5, NORM),
    (5, NORM | {"assignment": 1}),
    (4, NORM | {"min_rounds": 2}),
    (8, NORM | {"rounds": 4, "rule": 1, "krum_mu_bps": 2_000, "krum_m_rule": 1}),
]
PLACES = st.sets(st.integers(0, 7))
ACCOUNTS = st.integers(0, 9)


class Session(RuleBasedStateMachine):
    """One session and its twin; every rule is tried in every stage."""

    chain: ClassVar[Chain]
    make: ClassVar[Factory]

    def __init__(self) -> None:
        super().__init__()
        self.forced = 0

    @initialize(kind=st.sampled_from(SESSIONS))
    def create(self, kind: tuple[int, dict[str, int]]) -> None:
        listed, params = kind
        self.snapshot = self.chain.snapshot()
        self.real: SessionDriver = type(self).make(listed, **params)
        self.twin = Twin(self.real.params, self.real.owner, self.real.listed, self.chain.time)

    def now(self) -> Now:
        """The block that the next transaction runs in."""
        seed = ref.draw_seed(self.chain.block_hash(self.twin.draw_block), self.real.contract.address)
        return Now(self.chain.time + 1, self.chain.height + 1, seed)

    def both(self, expected: Callable[[Now], Any], actual: Callable[[], Any]) -> bool:
        """Makes the same call to both; they agree on whether it is allowed."""
        try:
            expected(self.now())
        except Refused:
            with pytest.raises(Reverted):
                actual()
            return False
        actual()
        return True

    def account(self, index: int) -> str:
        """A member, the owner, or a stranger."""
        everybody = [*self.real.listed, self.real.owner, self.real.stranger]
        return everybody[index % len(everybody)]

    # Calls.

    @rule()
    def start(self) -> None:
        if self.twin.stage == Stage.SETUP and not self.real.whitelist_count():
            self.real.whitelist()
            self.real.publish()
        self.both(self.twin.start, self.real.start)

    @rule(places=PLACES)
    def register(self, places: set[int]) -> None:
        for account in [a for i, a in enumerate(self.real.listed) if i in places]:
            self.both(lambda now, a=account: self.twin.register(a, now), lambda a=account: self.real.register(a))

    @rule(missing=PLACES)
    def register_nearly_all(self, missing: set[int]) -> None:
        self.register(set(range(8)) - {min(missing, default=8)})

    @rule(missing=PLACES, noise=PLACES)
    def commit(self, missing: set[int], noise: set[int]) -> None:
        missing = set(sorted(missing)[:2])
        for index, account in enumerate(self.real.listed):
            if index in missing:
                continue
            if index in noise and self.twin.stage == Stage.COMMIT:
                self.real.payloads.setdefault(account, [random.Random(index).getrandbits(256)])
            self.both(lambda now, a=account: self.twin.commit(a, now), lambda a=account: self.real.commit(a))

    @rule(missing=PLACES)
    def upload(self, missing: set[int]) -> None:
        missing = set(sorted(missing)[:1])
        for account in [a for i, a in enumerate(self.real.listed) if i not in missing]:
            self.both(lambda now, a=account: self.twin.upload(a, now), lambda a=account: self.real.upload(a, 0))

    @rule()
    def aggregate(self) -> None:
        for group in range(self.real.params.rounds):
            words = self.real.order.get((group, 0), [])
            total = ref.add([ref.from_bytes(w) for w in words]) if words else []
            decoded = ref.unpack(total, self.real.params.lane_bits, self.real.params.parameter_count)
            self.both(
                lambda now, g=group, t=decoded: self.twin.aggregate(g, t, now),
                lambda g=group, w=words: self.real.contract.aggregate(g, 0, b"".join(w), sender=self.real.stranger),
            )

    @rule()
    def select(self) -> None:
        if self.real.params.rule == 1:
            self.both(self.twin.gram, lambda: self.real.gram(0))
        self.both(self.twin.select, self.real.select)

    @rule(group=st.integers(0, 4))
    def settle(self, group: int) -> None:
        self.both(lambda _: self.twin.settle(group), lambda: self.real.settle(group))

    @rule(index=ACCOUNTS, by_a_stranger=st.booleans())
    def withdraw(self, index: int, by_a_stranger: bool) -> None:
        account = self.account(index)
        before = self.chain.balance(account)
        owed = self.twin.credits.get(account, 0)
        contract, stranger = self.real.contract, self.real.stranger
        paid = self.both(
            lambda _: self.twin.withdraw(account),
            lambda: (
                contract.withdraw_for(account, sender=stranger) if by_a_stranger else contract.withdraw(sender=account)
            ),
        )
        assert self.chain.balance(account) == before + (owed if paid else 0)

    @rule(by_the_owner=st.booleans())
    def exit(self, by_the_owner: bool) -> None:
        if by_the_owner:
            self.both(self.twin.exit, lambda: self.real.contract.exit(sender=self.real.owner))
        else:
            with pytest.raises(Reverted):
                self.real.contract.exit(sender=self.real.stranger)

    @rule(call=st.sampled_from(["advance", "draw"]))
    def move(self, call: str) -> None:
        self.both(getattr(self.twin, call), lambda: getattr(self.real.contract, call)(sender=self.real.stranger))

    @rule(seconds=st.sampled_from([1, 1_000, 86_400, 90_000]))
    def sleep(self, seconds: int) -> None:
        self.chain.sleep(seconds)

    @rule(blocks=st.sampled_from([4, 260]))
    def mine(self, blocks: int) -> None:
        self.chain.mine(blocks)

    @rule(wei=st.integers(1, 10**18))
    def force_ether(self, wei: int) -> None:
        self.chain.set_balance(self.real.contract.address, self.chain.balance(self.real.contract.address) + wei)
        self.forced += wei

    # Promises.

    @invariant()
    def money_is_kept(self) -> None:
        money = self.real.money()
        assert tuple(money) == self.twin.money()
        assert money.deposited == money.credits + money.locked + money.withdrawn
        credits = {a: self.real.credit_of(a) for a in (self.real.owner, *self.real.listed)}
        assert credits == {a: self.twin.credits.get(a, 0) for a in credits}
        assert sum(credits.values()) == money.credits
        assert self.chain.balance(self.real.contract.address) == money.deposited - money.withdrawn + self.forced

    @invariant()
    def it_stands_where_the_twin_stands(self) -> None:
        assert (self.real.stage(), self.real.deadline()) == (self.twin.stage, self.twin.deadline)
        for group in range(self.real.params.rounds):
            assert self.real.group(group).status == self.twin.status(group)
        assert self.real.unselected() == self.twin.unselected

    def teardown(self) -> None:
        if hasattr(self, "real"):
            try:
                self.anybody_finishes_it()
                self.no_reward_came_back()
            finally:
                self.snapshot.revert()

    def anybody_finishes_it(self) -> None:
        """Liveness: a stranger alone brings it to Finished, and every credit is paid."""
        for _ in range(8):
            stage = self.twin.stage
            if stage == Stage.PAYMENT:
                for group in range(len(self.twin.groups)):
                    self.settle(group)
            elif stage != Stage.FINISHED:
                self.chain.sleep(max(1, self.twin.deadline - self.chain.time))
                self.chain.mine(4)
                self.move("advance")
        assert self.real.stage() == Stage.FINISHED
        for account in (self.real.owner, *self.real.listed):
            if self.twin.credits.get(account):
                self.both(
                    lambda _, a=account: self.twin.withdraw(a),
                    lambda a=account: self.real.contract.withdraw_for(a, sender=self.real.stranger),
                )
        self.money_is_kept()
        assert self.chain.balance(self.real.contract.address) == self.forced

    def no_reward_came_back(self) -> None:
        """No evasion: once a group has delivered, the owner gets no more than what a division leaves."""
        everybody = (1 << self.real.params.members) - 1
        if any(self.real.group(g).delivered == everybody for g in range(self.real.group_count())):
            assert self.twin.owner_total < self.real.params.rounds * self.real.params.members
        elif self.twin.deposited:
            assert self.twin.owner_total == self.real.params.reward_wei


def machine_on(chain: Chain, make: Factory) -> type[Session]:
    """The machine, bound to a chain and a market."""
    return type("Machine", (Session,), {"chain": chain, "make": staticmethod(make)})


def run(machine: type[Session], examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=checks,
            derandomize=True,
        ),
    )


def test_the_promises_hold_whatever_happens(chain: Chain, new_session: Factory) -> None:
    run(machine_on(chain, new_session), EXAMPLES, 16)


@pytest.mark.slow
def test_the_promises_hold_in_longer_histories(chain: Chain, new_session: Factory) -> None:
    run(machine_on(chain, new_session), 4 * EXAMPLES, 40)


class TestHistories:
    """Histories that chance rarely finds, through the same machine."""

    @pytest.fixture
    def machine(self, chain: Chain, new_session: Factory) -> Session:
        return machine_on(chain, new_session)()

    def play(self, machine: Session, *steps: Callable[[], None]) -> None:
        for step in steps:
            step()
            machine.money_is_kept()
            machine.it_stands_where_the_twin_stands()
        machine.teardown()

    @pytest.mark.parametrize("kind", SESSIONS, ids=["greedy", "shuffled", "all or none", "krum"])
    @pytest.mark.parametrize("noise", [set(), {0}, {0, 2}, {0, 1, 2, 3, 4, 5, 6, 7}])
    def test_everybody_delivers(self, machine: Session, kind: tuple[int, dict[str, int]], noise: set[int]) -> None:
        m = machine
        m.create(kind)
        self.play(
            m,
            m.start,
            lambda: m.register(set(range(8))),
            lambda: m.mine(4),
            lambda: m.move("draw"),
            lambda: m.commit(set(), noise),
            lambda: m.upload(set()),
            lambda: m.commit(set(), set()),
            m.aggregate,
            lambda: m.settle(0),
            lambda: m.exit(True),
            lambda: m.upload(set()),
            m.select,
            lambda: m.settle(1),
            lambda: m.withdraw(2, True),
            lambda: m.settle(0),
        )

    @pytest.mark.parametrize("missing", [{0}, {0, 3}])
    def test_a_failed_group_is_settled_while_others_go_on(self, machine: Session, missing: set[int]) -> None:
        m = machine
        m.create((4, NORM))
        self.play(
            m,
            m.start,
            lambda: m.register(set(range(8))),
            lambda: m.commit(missing, set()),
            lambda: m.sleep(90_000),
            lambda: m.move("advance"),
            lambda: m.settle(0),
            lambda: m.withdraw(1, False),
            lambda: m.upload({2}),
            lambda: m.sleep(90_000),
            lambda: m.move("advance"),
            lambda: m.settle(1),
        )
        assert all(m.twin.status(g) == Status.FAILED for g in range(2))
