"""Somebody who follows a session on a chain and only reads: the event stream as blocks come, from any stage on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.errors import VerificationError
from omnilytics.protocol import events
from omnilytics.protocol.chores import WAITS
from omnilytics.protocol.narrator import Narrator
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.steps import Decision, Done, Role, Waiting
from omnilytics.protocol.watch import Feed, places_on
from omnilytics.types import Log, Stage


class Spectator:
    """Tells what has happened since it looked last. Where the chain has gone back, it tells what is different now.

    Args:
        chain: where the session is.
        session: it.
        sink: gets the event stream; a `RunStarted` in it begins it anew.
        number: the session's.
    """

    def __init__(self, chain: ChainPort, session: SessionPort, sink: events.Sink, number: int = 1) -> None:
        self._chain = chain
        self._sink = sink
        self._feed = Feed(chain, session.address)
        self._record = SessionRecord(number, chain.chain_id, session.address, session.owner(), ())
        self._logs: list[tuple[int, Log]] = []
        self._narrator = self._anew()
        self._told: list[events.Event] = []
        self._doubt = False
        self._now = 0
        self._over = False

    @property
    def stage(self) -> Stage:
        """Where the session stood when it looked last."""
        return self._narrator.stage

    @property
    def deadline(self) -> int:
        """Of that stage, unix time; 0: none."""
        return self._narrator.deadline

    @property
    def finished(self) -> bool:
        """Whether the session was over."""
        return self._narrator.finished

    @property
    def checks(self) -> int:
        """How many checks its logs have stood."""
        return self._narrator.checks

    def record(self) -> SessionRecord:
        """What it has read."""
        return replace(self._record, logs=tuple(self._logs))

    def look(self) -> None:
        """Tells what is new.

        Raises:
            VerificationError: the logs contradict themselves or the protocol.
            ChainError: no answer.
        """
        with self._chain.steady():
            again, fresh = self._feed.fresh()
            now = self._chain.timestamp()
        if again:
            self._narrator, self._logs, self._doubt = self._anew(), [], True
        self._logs += fresh
        self._narrator.take(fresh)
        again = self._doubt and self._has_changed()
        if again:
            self._told = []
        for event in self._narrator.events[len(self._told) :]:
            self._told.append(event)
            self._sink(replace(event, now=now) if isinstance(event, events.StageChanged) else event)
        if again:
            self._sink(events.Note(self._record.number, "the chain has gone back: this is the session as it is now"))
        if now != self._now:
            self._now = now
            self._sink(events.TimePassed(self._record.number, now))
        if self.finished and not self._over:
            self._over = True
            self._sink(events.RunFinished(0, None, None))

    def _has_changed(self) -> bool:
        """Whether something else has happened than was told; what is only missing by now may still come."""
        happened = self._narrator.events
        common = min(len(happened), len(self._told))
        self._doubt = len(happened) < len(self._told)
        return happened[:common] != self._told[:common]

    def _anew(self) -> Narrator:
        return Narrator(self._record, place_of=places_on(self._chain))


@dataclass(slots=True)
class Onlooker:
    """A role that does nothing but look, until the session is over."""

    spectator: Spectator

    def decide(self) -> Decision:
        self.spectator.look()
        if self.spectator.finished:
            return Done(f"{self.spectator.checks:,} checks: all of it follows from the session's logs")
        return Waiting(_waits(self.spectator.stage), self.spectator.deadline)


@dataclass(slots=True)
class Watched:
    """Somebody else's role with an eye on the session. What its logs contradict is said, and doesn't end the role."""

    role: Role
    spectator: Spectator
    sink: events.Sink
    _blind: bool = False

    def decide(self) -> Decision:
        self.look()
        return self.role.decide()

    def look(self) -> None:
        """Tells what is new, as long as it can be told."""
        if self._blind:
            return
        try:
            self.spectator.look()
        except VerificationError as error:
            self._blind = True
            self.sink(events.Note(0, f"the session isn't shown any further: {error}"))


def _waits(stage: Stage) -> str:
    more = {Stage.SETUP: "the owner to start the session", Stage.DRAW: "the seats to be drawn"}
    return (WAITS | more)[stage]
