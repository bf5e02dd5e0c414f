"""One model owner and its data owners without any training: steps are random, sessions are driven one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
from omnilytics.codec import Codec
from omnilytics.experiments.simulate import Simulation
from omnilytics.protocol.company import Dropouts, nobody
from omnilytics.protocol.events import Event
from omnilytics.protocol.history import History
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.member import Behaviour, DataOwner, Policy
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import Randomness, SeededRandomness
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.session import NO_COHORTS, Outcome, SessionDriver
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.verify import Findings, verify_session
from omnilytics.seeds import Seeds
from omnilytics.types import Address, FloatVec

D, CLIP = 100, 0.5
SEEDS = Seeds(11)


class World(Protocol):
    """Where a market is."""

    @property
    def chain(self) -> ChainPort: ...
    @property
    def market(self) -> MarketPort: ...
    @property
    def owner(self) -> Address: ...
    @property
    def members(self) -> list[Address]: ...


@dataclass
class Fair:
    """A market with `count` data owners, each of whom may behave in its own way."""

    count: int
    policy: Policy = field(default_factory=lambda: Policy(accept_near_repeats=True))
    behaviours: Mapping[int, Behaviour] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    records: list[SessionRecord] = field(default_factory=list)
    size: int = D
    sessions: list[SessionPort] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = self.settle()
        self.members = self.world.members
        self.owner = ModelOwner(self.world.chain, self.world.market, self.world.owner)
        self.roles = [self.role(i, account) for i, account in enumerate(self.members)]

    def settle(self) -> World:
        """A chain with a market and accounts."""
        return Simulation(self.count)

    def role(self, index: int, account: Address) -> DataOwner:
        return DataOwner(self.world.chain, account, self.behaviours.get(index), self.policy)

    def randomness(self, index: int, session: int) -> Randomness:
        return SeededRandomness(SEEDS, index, session)

    def open(self, terms: Terms, listed: Sequence[Address] | None = None) -> SessionPort:
        published = np.zeros(self.size, dtype=np.float32)
        params = terms.params(self.size, CLIP)
        session, _ = self.owner.open(self.members if listed is None else listed, published, params)
        self.sessions.append(session)
        return session

    def run(
        self,
        terms: Terms,
        cohorts: Mapping[Address, int] = NO_COHORTS,
        listed: Sequence[Address] | None = None,
        who: Sequence[int] | None = None,
        dropouts: Dropouts = nobody,
    ) -> Outcome:
        """One session of all data owners, or of those numbered `who`, in that order."""
        session = self.open(terms, listed)
        number = len(self.sessions)
        roles = self.roles if who is None else [self.roles[i] for i in who]
        driver = SessionDriver(
            self.world.chain, session, self.owner, roles, self.events.append, number, listed, cohorts, dropouts
        )
        outcome = driver.run(np.zeros(self.size, dtype=np.float32), steps, lambda i: self.randomness(i, number))
        logs = tuple(self.world.chain.logs(session.address))
        self.records.append(SessionRecord(number, self.world.chain.chain_id, session.address, self.world.owner, logs))
        check_money(outcome)
        return outcome

    def verify(self) -> Findings:
        """All sessions, one after another; what was found in the last."""
        history = History()
        return [verify_session(record, history) for record in self.records][-1]

    def ledger(self, number: int = 1) -> Ledger:
        """What the logs of a session say."""
        return Ledger.read(log for _, log in self.records[number - 1].logs)

    def plain_sum(self, members: Sequence[Address], number: int = 1) -> bytes:
        """What the uploads of these members add up to without their masks, if they are honest."""
        codec, published = Codec(self.sessions[number - 1].params()), np.zeros(self.size, dtype=np.float32)
        indices = [self.members.index(member) for member in members]
        seeds = [SeededRandomness(SEEDS, index, number).rounding_seed() for index in indices]
        vectors = zip(steps(indices, published), seeds, strict=True)
        return codec.sum([codec.encode_plain(weights, published, seed).words for weights, seed in vectors])

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def steps(indices: Sequence[int], published: FloatVec) -> list[FloatVec]:
    """Each member's weights after its training: half of each step is what all of them learn."""
    common = SEEDS.numpy("common").normal(scale=CLIP / 11, size=published.size)
    own = (SEEDS.numpy("step", index).normal(scale=CLIP / 11, size=published.size) for index in indices)
    return [published + (common + one).astype(np.float32) for one in own]


def check_money(outcome: Outcome) -> None:
    """To the wei."""
    came = outcome.deposited_wei + outcome.bonds_wei
    assert came == outcome.paid_wei + outcome.fees_wei + outcome.refunded_wei + outcome.burnt_wei + outcome.left_wei
    assert outcome.left_wei == 0
    assert 0 <= outcome.fees_wei <= outcome.reserve_wei <= outcome.deposited_wei
