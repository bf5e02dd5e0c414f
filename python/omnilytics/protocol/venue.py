"""Where a run's sessions are held: on a chain, where a contract decides, or anywhere else that keeps the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
from omnilytics.protocol import events
from omnilytics.protocol.company import Dropouts, Train, nobody
from omnilytics.protocol.judging import Fits
from omnilytics.protocol.member import Behaviour, DataOwner, Policy
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import Randomness, SeededRandomness
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.session import Outcome, SessionDriver
from omnilytics.seeds import Seeds
from omnilytics.types import Address, FloatVec, RecordConstants, SessionParams


class Venue(Protocol):
    """Holds the sessions of one model owner, one after another."""

    @property
    def members(self) -> Sequence[Address]:
        """The data owners that there are; in training they go by their index."""

    def clear(self, records: RecordConstants) -> int:
        """How many of the members would register without being suspect."""

    def hold(self, number: int, published: FloatVec, params: SessionParams, train: Train, fits: Fits | None) -> Outcome:
        """One session, from the offer to the last withdrawal.

        Args:
            number: 1, 2, ... within the run.
            published: W^p, shape (d,).
            params: its terms.
            train: trains those who are seated.
            fits: what of the accepted groups goes into `Outcome.update`; None: all.

        Raises:
            InputError: terms that can't work.
            ProtocolError, ChainError: the session went wrong.
        """


@dataclass(kw_only=True)
class OnChain:
    """One model owner and its data owners on one chain, all in this process: a `Venue`.

    Attributes:
        chain: it.
        market: of the contracts there.
        owner: the model owner's account.
        members: the data owners'.
        seeds: of keys, masks and rounding, unless `secrets` are given; only a simulated chain accepts seeds.
        sink: gets the event stream.
        behaviours: members, by index, that don't do as the protocol says.
        policy: what members accept.
        secrets: (member, session) -> its randomness.
        dropouts: by session, who drops out in it.
        cohorts: whether members come back with the group in which they were first accepted (E29).
        record: is told of every finished session.
    """

    chain: ChainPort
    market: MarketPort
    owner: Address
    members: Sequence[Address]
    seeds: Seeds
    sink: events.Sink
    behaviours: Mapping[int, Behaviour] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    secrets: Callable[[int, int], Randomness] | None = None
    dropouts: Callable[[int], Dropouts] | None = None
    cohorts: bool = False
    record: Callable[[SessionRecord], None] | None = None
    _cohorts: dict[Address, int] = field(default_factory=dict, init=False)

    def clear(self, records: RecordConstants) -> int:
        known = (self.market.suspicion(self.owner, account) for account in self.members)
        return sum(records.decayed(suspicion) < records.threshold for suspicion in known)

    def hold(self, number: int, published: FloatVec, params: SessionParams, train: Train, fits: Fits | None) -> Outcome:
        session, receipts = self._owner.open(self.members, published, params)
        self.sink(
            events.SessionCreated(
                number,
                session.address,
                params.reward_wei,
                session.reserve(),
                params.bond_wei,
                params.clip_value,
            )
        )
        for receipt in receipts:
            self.sink(events.GasUsed.of(number, receipt))

        def secrets(index: int) -> Randomness:
            return self.secrets(index, number) if self.secrets else SeededRandomness(self.seeds, index, number)

        dropouts = self.dropouts(number) if self.dropouts else nobody
        driver = SessionDriver(
            self.chain,
            session,
            self._owner,
            self._roles,
            self.sink,
            number,
            cohorts=self._cohorts,
            dropouts=dropouts,
        )
        outcome = driver.run(published, train, secrets, fits)
        self._stay_together(session, outcome)
        self._recorded(number, session)
        return outcome

    @cached_property
    def _owner(self) -> ModelOwner:
        return ModelOwner(self.chain, self.market, self.owner)

    @cached_property
    def _roles(self) -> list[DataOwner]:
        """The same from session to session: they remember their past groups."""
        return [
            DataOwner(self.chain, account, self.behaviours.get(index), self.policy)
            for index, account in enumerate(self.members)
        ]

    def _stay_together(self, session: SessionPort, outcome: Outcome) -> None:
        """Members of accepted groups will name them, unless one of a group has another cohort by now."""
        for group in outcome.accepted if self.cohorts else ():
            members = outcome.groups[group]
            if self._cohorts.keys().isdisjoint(members):
                self._cohorts.update(dict.fromkeys(members, int(session.address, 16) << 8 | group))

    def _recorded(self, number: int, session: SessionPort) -> None:
        if self.record is not None:
            logs = tuple(self.chain.logs(session.address))
            self.record(SessionRecord(number, self.chain.chain_id, session.address, self.owner, logs))
