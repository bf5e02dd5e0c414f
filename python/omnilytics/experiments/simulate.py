"""A whole run on the embedded chain: accounts, market, owner and data owners in one process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from time import thread_time
from typing import Any

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.model.split import Split
from omnilytics.protocol import events
from omnilytics.protocol.clock import Stopwatch
from omnilytics.protocol.company import Dropouts
from omnilytics.protocol.member import Behaviour, Policy
from omnilytics.protocol.member_role import TrainAlone
from omnilytics.protocol.pipeline import Improvement, Pipeline, Plan
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.venue import OnChain
from omnilytics.seeds import Seeds
from omnilytics.train.data import Dataset
from omnilytics.types import Address, Receipt

OWNER_WEI = 10**32
MEMBER_WEI = 10**30
"""What the simulated accounts start with: far more than any run's deposits, bonds and gas."""


class ClockedChain(EmbeddedChain):
    """An embedded chain that knows what processor time it took to execute.

    Attributes:
        seconds: by contract function.
    """

    def __init__(self) -> None:
        super().__init__(charge_gas=True)
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def send(self, call: str, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> Receipt:
        begin = thread_time()
        try:
            return super().send(call, sender, to, data, value_wei)
        finally:
            self.seconds[call] += thread_time() - begin


class Simulation:
    """An embedded chain, on which gas costs, with one model owner and `members` data owners."""

    def __init__(self, members: int) -> None:
        self.chain = ClockedChain()
        self.owner: Address = self.chain.create_account("model-owner", OWNER_WEI)
        self.members: list[Address] = [
            self.chain.create_account(f"data-owner-{index}", MEMBER_WEI) for index in range(members)
        ]
        self.market = self.chain.deploy_market(self.owner, 0)

    def venue(self, seeds: Seeds, sink: events.Sink, **options: Any) -> OnChain:
        """Its sessions, with the other options of `OnChain`."""
        return OnChain(
            chain=self.chain,
            market=self.market,
            owner=self.owner,
            members=self.members,
            seeds=seeds,
            sink=sink,
            **options,
        )


def simulate(
    split: Split,
    plan: Plan,
    *,
    owner_data: Dataset,
    member_data: Sequence[Dataset],
    test_data: Dataset,
    seed: int = 0,
    sink: events.Sink | None = None,
    behaviours: Mapping[int, Behaviour] | None = None,
    trainers: Mapping[int, TrainAlone] | None = None,
    dropouts: Callable[[int], Dropouts] | None = None,
    policy: Policy | None = None,
    record: Callable[[SessionRecord], None] | None = None,
    clock: Stopwatch | None = None,
    simulation: Simulation | None = None,
) -> Improvement:
    """Improves `split` through a market of its own on the embedded chain.

    Args:
        split: the owner's model in two parts; it is changed in place.
        plan: sessions, terms and training.
        owner_data: what the model owner has.
        member_data: what each data owner has; one data owner an entry.
        test_data: what accuracy is measured on; nobody trains on it.
        seed: drives keys, masks, rounding and training; the same seed gives the same run.
        sink: gets the event stream.
        behaviours: members (by index) that don't do as the protocol says.
        trainers: members (by index) that train in a way of their own, with `plan.training` or without.
        dropouts: by session, who drops out in it, policy `recover` only; None: nobody.
        policy: what members accept before they put in their bonds.
        record: is told of every finished session.
        clock: adds up where the time goes.
        simulation: a chain made before, with as many members.

    Raises:
        InputError: a value that can't work.
        ProtocolError, ChainError: a session went wrong.
    """
    world = simulation or Simulation(len(member_data))
    seeds, heard = Seeds(seed), sink or ignore
    venue = world.venue(
        seeds, heard, behaviours=behaviours or {}, policy=policy or Policy(), dropouts=dropouts, record=record
    )
    return Pipeline(
        venue=venue,
        split=split,
        owner_data=owner_data,
        member_data=member_data,
        test_data=test_data,
        plan=plan,
        seeds=seeds,
        sink=heard,
        trainers=trainers or {},
        clock=clock or Stopwatch(),
    ).run()


def ignore(event: events.Event) -> None:
    """The sink of a run that nobody watches."""
