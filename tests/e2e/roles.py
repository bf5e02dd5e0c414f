"""Roles that follow one session on the embedded chain, stepped in any order in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from omnilytics.chain.base import SessionPort
from omnilytics.protocol.member_role import MemberRole
from omnilytics.protocol.owner_role import OwnerRole
from omnilytics.protocol.steps import Acted, Done, Lost, Role, Step, Waiting, step
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, FloatVec, GroupStatus
from tests.e2e.market import Fair, steps

MOST_STEPS = 20_000


@dataclass(frozen=True)
class Ending:
    """What a session came to, but for fees, which go to whoever made a call."""

    accepted: int
    groups: tuple[tuple[Address, ...], ...]
    failed: tuple[int, ...]
    update: bytes | None
    credits: dict[Address, int]
    left_wei: int


@dataclass
class Cast:
    """The roles of one fair's newest session; `again` makes a member's role anew, as after a crash."""

    fair: Fair
    session: SessionPort
    roles: dict[Address, Role] = field(default_factory=dict)
    told: list[tuple[Address, Step]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for account in (*self.fair.members, self.fair.world.owner):
            self.again(account)

    def again(self, account: Address) -> None:
        watch = Watch(self.fair.world.chain, self.session)
        if account == self.fair.world.owner:
            self.roles[account] = OwnerRole(watch=watch, owner=self.fair.owner)
            return
        index, number = self.fair.members.index(account), len(self.fair.sessions)
        self.roles[account] = MemberRole(
            watch=watch,
            member=self.fair.role(index, account),
            randomness=self.fair.randomness(index, number),
            train=alone(index),
        )

    def step(self, account: Address, role: Role | None = None) -> Step:
        done = step(role or self.roles[account])
        self.told.append((account, done))
        return done

    def run(self, order: Callable[[Sequence[Address]], Iterable[Address]] = lambda accounts: accounts) -> None:
        """Steps all of them, round after round, until everybody is done; time moves when all of them wait."""
        left = list(self.roles)
        for _ in range(MOST_STEPS):
            round_ = {account: self.step(account) for account in order(left)}
            left = [a for a in left if a in self.roles and not isinstance(round_.get(a), Done)]
            if not left:
                return
            if not any(isinstance(one, Acted | Lost) for one in round_.values()):
                self.pass_time([one for one in round_.values() if isinstance(one, Waiting)])
        raise AssertionError("the session doesn't end")

    def pass_time(self, waiting: Sequence[Waiting]) -> None:
        chain = self.fair.world.chain
        blocks = [one.block for one in waiting if one.block]
        times = [one.until for one in waiting if one.until]
        assert blocks or times, waiting
        if blocks:
            chain.wait_blocks(max(1, min(blocks) - chain.block_number()))
        else:
            chain.wait_until(max(min(times), chain.timestamp() + 1))

    def ending(self) -> Ending:
        return ending(self.fair, self.session)


def alone(index: int) -> Callable[[FloatVec], FloatVec]:
    def train(published: FloatVec) -> FloatVec:
        (weights,) = steps([index], published)
        return weights

    return train


def ending(fair: Fair, session: SessionPort) -> Ending:
    watch = Watch(fair.world.chain, session)
    update = fair.owner.mean_update(session)
    ledger, chosen = watch.ledger(), watch.ledger().selected
    seats = watch.seats()
    share = chosen.share_wei if chosen else 0
    money = session.money()
    rewards = {}
    for account in fair.members:
        seat = seats.seat_of(account)
        paid = chosen is not None and seat is not None and chosen.paid >> seat[0] & 1
        delivered = seat is not None and session.group(seat[0]).delivered >> seat[1] & 1
        rewards[account] = share if paid and delivered else 0
    burnt = chosen.burnt_wei if chosen else 0
    assert ledger.failed.keys() == set(watch.groups(GroupStatus.FAILED))
    return Ending(
        session.accepted(),
        seats.groups,
        tuple(watch.groups(GroupStatus.FAILED)),
        None if update is None else update.tobytes(),
        rewards,
        money.deposited - money.withdrawn - burnt,
    )


def shuffled(seed: int) -> Callable[[Sequence[Address]], list[Address]]:
    random = Random(seed)
    return lambda accounts: random.sample(accounts, len(accounts))
