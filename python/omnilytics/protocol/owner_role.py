"""A model owner that follows a session by itself, from its opening to its money, also when it is started anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
from omnilytics.protocol.chores import Chores
from omnilytics.protocol.finality import end_left, until_final
from omnilytics.protocol.owner import ModelOwner, SessionPlan
from omnilytics.protocol.steps import Action, Decision, Done, Waiting
from omnilytics.protocol.watch import Watch, at_a_glance
from omnilytics.types import Receipt, Stage

PATIENCE_BLOCKS = 2
"""How long a session that was made may be gone before another one is made: its transaction may be mined again."""


@dataclass(slots=True, kw_only=True)
class OwnerRole:
    """One model owner in one session; the members don't need it once the session is started.

    Attributes:
        watch: of the session.
        owner: the model owner.
        plan: what it opens the session with; None: it only follows one that has been started.
        finality_blocks: how deep the session's end must be before it is done: who left before would miss what comes
            where the chain goes back behind it. None: 96, where the chain is simulated 0.
    """

    watch: Watch
    owner: ModelOwner
    plan: SessionPlan | None = None
    finality_blocks: int | None = None
    _chores: Chores = field(init=False)

    def __post_init__(self) -> None:
        self._chores = Chores(self.watch, self.owner.account)

    @at_a_glance
    def decide(self) -> Decision:
        """What is to be done now."""
        session, stage = self.watch.session, self.watch.session.stage()
        if stage is Stage.SETUP:
            if self.plan is None:
                return Waiting("the session to be started")
            return self.plan.next(self.owner.account, self.watch)
        if stage is not Stage.FINISHED:
            return self._chores.decide(stage)
        credit = session.credit_of(self.owner.account)
        if not credit:
            if left := end_left(self.watch.chain, session, self.finality_blocks):
                return until_final(self.watch.chain, left)
            return Done("the session is finished, and owes this account nothing")
        return Action("withdraw", (), partial(self.owner.withdraw, session), f"takes out {credit} wei")


@dataclass(slots=True, kw_only=True)
class OpeningRole:
    """One model owner that makes a session and starts it; where the chain goes back behind that, it does so again.

    Attributes:
        chain: where it is.
        market: makes it.
        owner: the model owner.
        plan: what it opens the session with.
        session: the one that it opens; None: there is none yet.
    """

    chain: ChainPort
    market: MarketPort
    owner: ModelOwner
    plan: SessionPlan
    session: SessionPort | None = None
    _watch: Watch | None = None
    _gone_at: int | None = None

    def decide(self) -> Decision:
        """What is to be done now."""
        with self.chain.steady():
            return self._decide()

    def _decide(self) -> Decision:
        found = self._found()
        if found is None:
            head = self.chain.block_number()
            if self.session is not None:
                self._gone_at = head if self._gone_at is None else self._gone_at
                if 0 <= head - self._gone_at < PATIENCE_BLOCKS:
                    return Waiting("the session to be there again", block=self._gone_at + PATIENCE_BLOCKS)
            return Action("create_session", (), self._create, "makes a session")
        self._gone_at = None
        if self._watch is None or self._watch.session.address != found.address:
            self.session, self._watch = found, Watch(self.chain, found)
        if found.stage() is not Stage.SETUP:
            return Done(f"session {found.address} is open")
        return self.plan.next(self.owner.account, self._watch)

    def _found(self) -> SessionPort | None:
        """The session that it knows, or one of its own that isn't started: a call that is mined again may make it."""
        own = [self.chain.session(one) for one, owner in self.market.opened() if owner == self.owner.account]
        known = None if self.session is None else self.session.address
        return next((one for one in reversed(own) if one.address == known or one.stage() is Stage.SETUP), None)

    def _create(self) -> Receipt:
        self.session, receipt = self.owner.create()
        self._gone_at = None
        return receipt
