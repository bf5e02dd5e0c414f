"""The model owner's role in one session: open it, and read the new public model out of it."""

from __future__ import annotations

from collections.abc import Sequence

from omnilytics import codec
from omnilytics.chain.base import ChainPort, MarketPort, SessionPort
from omnilytics.codec import Codec
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.merkle import MerkleTree
from omnilytics.protocol.terms import MAX_CAPACITY, check_params
from omnilytics.types import Address, FloatVec, Receipt, SessionParams, reserve_wei

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
        words = codec.float_words(published)
        capacity = min(len(members), MAX_CAPACITY)
        check_params(params, capacity, self._market.min_window_secs())
        address, receipt = self._market.create_session(self.account)
        receipts = [receipt]
        session = self._chain.session(address)
        if capacity > LARGEST_LIST:
            receipts.append(session.set_whitelist_root(self.account, MerkleTree(members).root, capacity))
        else:
            receipts.append(session.whitelist(self.account, members))
        for chunk, first in enumerate(range(0, len(words), PUBLISH_BATCH)):
            receipts.append(session.publish(self.account, chunk, words[first : first + PUBLISH_BATCH]))
        value = params.reward_wei + reserve_wei(params, capacity)
        receipts.append(session.start(self.account, params, value))
        return session, receipts

    def mean_update(self, session: SessionPort) -> FloatVec | None:
        """The mean of the accepted groups' decoded aggregates, shape (d,): an update (`delta`) or weights (`weights`).

        None when the session selected nothing: W^p stays as it was.
        """
        accepted = session.accepted()
        if not accepted:
            return None
        vectors = Codec(session.params())
        ledger = Ledger.read(log for _, log in self._chain.logs(session.address))
        groups = [g for g in range(session.group_count()) if accepted >> g & 1]
        counts = [session.group(g).delivered.bit_count() for g in groups]
        return vectors.mean_update([ledger.aggregate(g, vectors.chunks) for g in groups], counts)

    def withdraw(self, session: SessionPort) -> Receipt:
        """Takes out what the session owes the model owner."""
        return session.withdraw(self.account)
