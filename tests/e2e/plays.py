"""Plays: what the roles of a session do, and what happens to them, in an order that hypothesis chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from omnilytics.protocol.history import History
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.steps import Decision, Role
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.verify import verify_session
from omnilytics.types import Address, Assignment, DropoutPolicy, KrumPicks, Rule, Stage
from tests.e2e.roles import Cast
from tests.e2e.shared import Sent, Shared

MEMBERS = 8
SIZE = 400
"""Parameters: with chunks of 8 words two chunks."""

ABORT = Terms(
    reward_wei=10**18 + 1,
    rounds=2,
    min_rounds=1,
    group_size=4,
    colluders=1,
    assignment=Assignment.GREEDY,
    rule=Rule.NORM,
)
RECOVER = replace(ABORT, policy=DropoutPolicy.RECOVER)
TERMS = {
    "abort": ABORT,
    "recover": RECOVER,
    "shuffled": replace(RECOVER, assignment=Assignment.SHUFFLED, chunk_words=8),
    "vote": replace(ABORT, rule=Rule.NORM_VOTE),
    "vote-recover": replace(RECOVER, rule=Rule.NORM_VOTE),
    "krum": replace(
        ABORT, rounds=4, group_size=2, unsafe_small=True, rule=Rule.KRUM, krum_m=1, krum_m_rule=KrumPicks.PAPER
    ),
}
QUARTER_SECS = ABORT.commit_secs // 4

FEW, MANY = 6, 400
"""Plays of a test by day, and of the same by night."""

AGAIN: Mapping[str, Callable[[list[Sent]], list[Sent]]] = {
    "back": lambda sent: [],
    "same": lambda sent: sent,
    "turned": lambda sent: sent[::-1],
    "some": lambda sent: sent[1::2],
}
"""What the chain mines again, after it has gone back, of what it had."""


class Op(NamedTuple):
    """What happens next.

    `all` act so many times; one of them acts, `slow` upon what it saw so many ops ago; `crash`, `leave`; somebody pays
    one of them `out`; so many blocks or quarters of a window pass; the chain goes back by so many blocks, in one of the
    ways of `AGAIN`.
    """

    kind: str
    who: int
    count: int


def ops(kinds: Sequence[str], most: int, longest: int) -> st.SearchStrategy[list[Op]]:
    """A course of at most so many ops."""
    one = st.builds(Op, st.sampled_from(kinds), st.integers(0, MEMBERS), st.integers(1, longest))
    return st.lists(one, max_size=most)


def repeat(many: int, play: Callable[..., None], **given_: st.SearchStrategy[Any]) -> None:
    """Plays it so many times. A course that fails is printed as it was: to shrink one takes minutes."""
    settings(max_examples=many, phases=[Phase.explicit, Phase.generate], print_blob=True)(given(**given_)(play))()


@dataclass
class Slow:
    """A role between its decision and its call, while others go on."""

    role: Role
    play: Play
    meanwhile: Iterator[Op]
    asked: bool = False

    def decide(self) -> Decision:
        decision = self.role.decide()
        if not self.asked:
            self.asked = True
            self.play.through(self.meanwhile)
        return decision


@dataclass
class Play(Cast):
    """A cast whose order somebody else chooses."""

    busy: set[Address] = field(default_factory=set)

    def through(self, course: Iterator[Op]) -> None:
        for op in course:
            self._happens(op, course)

    def _happens(self, op: Op, course: Iterator[Op]) -> None:
        chain = self.fair.world.chain
        if op.kind in AGAIN:
            assert isinstance(chain, Shared)
            chain.turn_back(op.count, AGAIN[op.kind])
        elif op.kind == "blocks":
            chain.wait_blocks(op.count)
        elif op.kind == "secs":
            chain.wait_until(chain.timestamp() + op.count * QUARTER_SECS)
        elif op.kind == "all":
            for account in [*self.roles] * op.count:
                self._acts(account, Op("act", 0, 0), course)
        elif op.kind == "out":
            self._pays_out((*self.fair.members, self.fair.world.owner)[op.who])
        else:
            self._acts((*self.fair.members, self.fair.world.owner)[op.who], op, course)

    def _pays_out(self, account: Address) -> None:
        if self.session.credit_of(account):
            self.session.withdraw_for(self.fair.members[0], account)

    def _acts(self, account: Address, op: Op, course: Iterator[Op]) -> None:
        if account in self.busy or account not in self.roles:
            return
        if op.kind == "crash":
            self.again(account)
        elif op.kind == "leave":
            del self.roles[account]
        else:
            self.busy.add(account)
            self.step(account, Slow(self.roles[account], self, islice(course, op.count), asked=op.kind != "slow"))
            self.busy.discard(account)


def check(cast: Cast) -> None:
    """It has ended, its logs hold, and every wei is taken out, burnt, or owed to somebody who is gone.

    Unless nobody is left who has money in it.
    """
    fair, session = cast.fair, cast.session
    if not any(a == fair.world.owner or session.member(a).registered for a in cast.roles):
        return
    assert session.stage() is Stage.FINISHED
    logs = tuple(fair.world.chain.logs(session.address))
    verify_session(SessionRecord(1, fair.world.chain.chain_id, session.address, fair.world.owner, logs), History())
    owed = {account: session.credit_of(account) for account in (*fair.members, fair.world.owner)}
    assert not any(owed[account] for account in cast.roles)
    assert cast.ending().left_wei == sum(owed.values())
