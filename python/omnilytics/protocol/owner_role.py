"""A model owner that follows a session by itself, from its opening to its money, also when it is started anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from omnilytics.protocol.chores import Chores
from omnilytics.protocol.owner import ModelOwner, SessionPlan
from omnilytics.protocol.steps import Action, Decision, Done, Waiting
from omnilytics.protocol.watch import Watch, at_a_glance
from omnilytics.types import Stage


@dataclass(slots=True, kw_only=True)
class OwnerRole:
    """One model owner in one session; the members don't need it once the session is started.

    Attributes:
        watch: of the session.
        owner: the model owner.
        plan: what it opens the session with; None: it only follows one that has been started.
    """

    watch: Watch
    owner: ModelOwner
    plan: SessionPlan | None = None
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
            return Done("the session is finished, and owes this account nothing")
        return Action("withdraw", (), partial(self.owner.withdraw, session), f"takes out {credit} wei")
