"""The model owner's role in one session: open it, and read the new public model out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from omnilytics import codec
from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
from omnilytics.codec import Codec
from omnilytics.errors import ProtocolError
from omnilytics.protocol.judging import Fits, Sums
from omnilytics.protocol.merkle import MerkleTree
from omnilytics.protocol.steps import Action
from omnilytics.protocol.terms import MAX_CAPACITY, check_params
from omnilytics.protocol.watch import Watch
from omnilytics.types import Address, FloatVec, Receipt, SessionParams, Stage, reserve_wei

LARGEST_LIST = 256
"""Addresses in one `whitelist` call; who lets in more sets a Merkle root, which costs the same for any number."""

PUBLISH_BATCH = 720 * 32
"""Bytes of W^p in one `publish` call."""


class ModelOwner:
    """One model owner's account on one chain."""

    def __init__(self, chain: ChainPort, market: MarketPort, account: Address) -> None:
        self.account = account
        self._chain = chain
        self._market = market

    def open(
        self, members: Sequence[Address], published: FloatVec, params: SessionParams
    ) -> tuple[SessionPort, list[Receipt]]:
        """Creates a session, lists its members, publishes W^p, deposits reward and reserve, and starts.

        More than 256 members are listed by a Merkle root (E28), and give a proof of theirs when they register.

        Raises:
            InputError: parameters that the contract would refuse, nobody to list, or an account twice; nothing is sent.
            EncodingError: W^p isn't finite.
        """
        plan = SessionPlan(self._market, members, published, params)
        session, receipt = self.create()
        watch = Watch(self._chain, session)
        receipts = [receipt]
        while session.stage() is Stage.SETUP:
            receipts.append(plan.next(self.account, watch).send())
        return session, receipts

    def create(self) -> tuple[SessionPort, Receipt]:
        """A session of its own, which is not yet open."""
        address, receipt = self._market.create_session(self.account)
        return self._chain.session(address), receipt

    def mean_update(self, session: SessionPort, fits: Fits | None = None) -> FloatVec | None:
        """The mean of the accepted groups' decoded aggregates, shape (d,): an update (`delta`) or weights (`weights`).

        Args:
            session: once it has selected.
            fits: what of it the owner takes in; None: all.

        Returns:
            None when there is nothing: W^p stays as it was.
        """
        accepted = session.accepted()
        if not accepted:
            return None
        vectors = Codec(session.params())
        ledger = Watch(self._chain, session).ledger()
        groups = sorted({group for group, _ in ledger.aggregates})
        counts = {group: session.group(group).delivered.bit_count() for group in groups}
        aggregates = {group: ledger.aggregate(group, vectors.chunks) for group in groups}
        return taken_in(vectors, aggregates, counts, [g for g in groups if accepted >> g & 1], fits)

    def withdraw(self, session: SessionPort) -> Receipt:
        """Takes out what the session owes the model owner."""
        return session.withdraw(self.account)


def taken_in(
    vectors: Codec,
    aggregates: Mapping[int, bytes],
    counts: Mapping[int, int],
    accepted: Sequence[int],
    fits: Fits | None,
) -> FloatVec | None:
    """What a model owner makes of a session.

    Args:
        vectors: the session's encoding.
        aggregates: all sums, by group.
        counts: members in each.
        accepted: the groups whose sums are paid for.
        fits: see `ModelOwner.mean_update`.

    Returns:
        As `ModelOwner.mean_update`.
    """
    own = set(accepted) if fits is None else set(fits(Sums.of(vectors, aggregates, counts)))
    groups = [group for group in accepted if group in own]
    return vectors.mean_update([aggregates[g] for g in groups], [counts[g] for g in groups]) if groups else None


class SessionPlan:
    """What a session is opened with, and which call comes next, by what the chain has of it already.

    Args:
        market: where it is.
        members: who may register.
        published: W^p, shape (d,).
        params: its terms.

    Raises:
        InputError: parameters that the contract would refuse, nobody to list, or an account twice.
        EncodingError: W^p isn't finite.
    """

    def __init__(
        self, market: MarketPort, members: Sequence[Address], published: FloatVec, params: SessionParams
    ) -> None:
        self._words = codec.float_words(published)
        self._members, self._params = members, params
        self._capacity = min(len(members), MAX_CAPACITY)
        check_params(params, self._capacity, market.min_window_secs())

    @property
    def capacity(self) -> int:
        """How many may register."""
        return self._capacity

    @property
    def deposit_wei(self) -> int:
        """Reward and reserve."""
        return self._params.reward_wei + reserve_wei(self._params, self._capacity)

    def next(self, owner: Address, watch: Watch) -> Action:
        """The next call of a session in stage Setup.

        Raises:
            ProtocolError: the session has been given another whitelist or other words.
        """
        session, capacity = watch.session, watch.session.capacity()
        if not capacity:
            return Action("whitelist", (), partial(self._let_in, session, owner), f"lets {self._capacity} register")
        if capacity != self._capacity:
            raise ProtocolError(f"capacity: expected {self._capacity}, got a session for {capacity}")
        there = watch.ledger().published
        if b"".join(there) != self._words[: sum(map(len, there))]:
            raise ProtocolError("published: expected the words of this model, got a session with others")
        first = sum(map(len, there))
        if first < len(self._words):
            words = self._words[first : first + PUBLISH_BATCH]
            send = partial(session.publish, owner, len(there), words)
            return Action("publish", (len(there),), send, f"publishes part {len(there)} of the model")
        send = partial(session.start, owner, self._params, self.deposit_wei)
        return Action("start", (), send, f"starts the session, with {self.deposit_wei} wei")

    def _let_in(self, session: SessionPort, owner: Address) -> Receipt:
        if self._capacity > LARGEST_LIST:
            return session.set_whitelist_root(owner, MerkleTree(self._members).root, self._capacity)
        return session.whitelist(owner, self._members)
