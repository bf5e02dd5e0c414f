"""What anybody who follows a run sees of its data owners: the sum of each group, and who sat in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from omnilytics.chain.base import ChainPort
from omnilytics.protocol.member import Behaviour, Honest, Masked, Upload, check_published
from omnilytics.protocol.record import SessionRecord
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, FloatVec


@dataclass(frozen=True, slots=True, eq=False)
class GroupSum:
    """One group of one session.

    Attributes:
        session: the session's number in the run, from 1.
        members: indices of those whose words are in the sum.
        mean: of their differences to W^p as the contract has it, in units of a weight, shape (d,).
    """

    session: int
    members: tuple[int, ...]
    mean: FloatVec


@dataclass(slots=True)
class Observer:
    """Reads the sums of finished sessions off the chain; `seen` is for `OnChain.record`.

    Only for encoding `delta`, whose sums are of differences.

    Attributes:
        chain: where the sessions are.
        accounts: the data owners, in order of their indices.
        sums: of all groups so far, whether they were accepted or not.
        published: W^p by session, shape (d,).
        numbers: of the sessions, by address.
    """

    chain: ChainPort
    accounts: Sequence[Address]
    sums: list[GroupSum] = field(default_factory=list)
    published: dict[int, FloatVec] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def seen(self, record: SessionRecord) -> None:
        """Takes in a finished session."""
        watch = Watch(self.chain, self.chain.session(record.address))
        codec, ledger, seats = watch.codec, watch.ledger(), watch.seats()
        self.numbers[record.address] = record.number
        self.published[record.number] = check_published(watch.session, ledger, watch.params)
        for group in sorted({group for group, _ in ledger.aggregates}):
            delivered = watch.session.group(group).delivered
            members = tuple(
                self.accounts.index(account)
                for place, account in enumerate(seats.groups[group])
                if delivered >> place & 1
            )
            mean = codec.decode_sum(ledger.aggregate(group, codec.chunks), len(members))
            self.sums.append(GroupSum(record.number, members, mean))


@dataclass(slots=True)
class Confidant(Behaviour):
    """An honest member that tells a study its steps; no observer knows them.

    Attributes:
        steps: its difference to W^p before encoding, shape (d,), by the address of the session.
    """

    steps: dict[str, FloatVec] = field(default_factory=dict)

    def masked_input(self, upload: Upload) -> Masked:
        self.steps[upload.context.session] = np.subtract(upload.weights, upload.published)
        return Honest().masked_input(upload)


def session_means(sums: Sequence[GroupSum]) -> dict[int, FloatVec]:
    """The mean difference of all members of a session whose sums are known, shape (d,), by its number."""
    rows: dict[int, list[GroupSum]] = {}
    for one in sums:
        rows.setdefault(one.session, []).append(one)
    return {
        session: np.average([g.mean for g in groups], axis=0, weights=[len(g.members) for g in groups]).astype(
            np.float32
        )
        for session, groups in rows.items()
    }
