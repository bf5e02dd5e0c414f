"""The data owner's role in one session: check the offer, register, mask, commit, upload, withdraw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from omnilytics import codec
from omnilytics.chain.base import ChainPort, SessionPort
from omnilytics.codec import Codec, GroupContext, MaskedInput, MaskKey
from omnilytics.errors import ProtocolError
from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.randomness import Randomness
from omnilytics.protocol.seating import Seating
from omnilytics.types import Address, FloatVec, Receipt, SessionParams


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """All that a member's masked input is made from: secrets, so it has no repr."""

    codec: Codec
    published: FloatVec
    weights: FloatVec
    key: MaskKey
    context: GroupContext
    rounding_seed: bytes | None


class Behaviour(Protocol):
    """How a member turns its weights into words. Honest members encode and mask; attackers do something else."""

    def masked_input(self, upload: Upload) -> MaskedInput | None:
        """The words to commit to and upload; None: the member drops out."""


class Honest:
    """Encodes and masks as the protocol says (E2-E12)."""

    def masked_input(self, upload: Upload) -> MaskedInput:
        return upload.codec.encode(upload.weights, upload.published, upload.key, upload.context, upload.rounding_seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a client accepts before it puts its bond in.

    `largest_bond_wei` None accepts any. `largest_clip` bounds C: a huge box hides noise in a sum.
    """

    largest_bond_wei: int | None = None
    largest_clip: float = 1.0
    shortest_window_secs: int = 1
    accept_unsafe_small: bool = False

    def check(self, params: SessionParams) -> None:
        """Raises ProtocolError when the offer is not acceptable, with the number expected and the number given."""
        if params.unsafe_small and not self.accept_unsafe_small:
            raise ProtocolError("the session is marked unsafe_small: a single colluder could learn a member's model")
        if self.largest_bond_wei is not None and params.bond_wei > self.largest_bond_wei:
            raise ProtocolError(f"bond: expected at most {self.largest_bond_wei} wei, got {params.bond_wei}")
        if params.clip_value > self.largest_clip:
            raise ProtocolError(f"clip: expected at most {self.largest_clip}, got {params.clip_value}")
        window = min(params.commit_secs, params.upload_secs)
        if window < self.shortest_window_secs:
            raise ProtocolError(f"window: expected at least {self.shortest_window_secs} s, got {window}")


class DataOwner:
    """One data owner. It keeps its key and its masked words for one session at a time and never masks twice.

    A seeded `randomness` is refused on any chain that isn't simulated.
    """

    def __init__(
        self, chain: ChainPort, account: Address, behaviour: Behaviour | None = None, policy: Policy | None = None
    ) -> None:
        self.account = account
        self._chain = chain
        self._behaviour = behaviour or Honest()
        self._policy = policy or Policy()
        self._session: SessionPort | None = None
        self._key: MaskKey | None = None
        self._rounding_seed: bytes | None = None
        self._masked: MaskedInput | None = None

    def register(self, session: SessionPort, randomness: Randomness) -> Receipt:
        """Checks the offer against the client's policy and joins with a fresh key and the bond.

        Raises:
            ProtocolError: the offer isn't acceptable, or what is published isn't what was hashed.
            Reverted: the contract refused.
        """
        if randomness.seeded and not self._chain.simulated:
            raise ProtocolError("keys from a seed: expected the operating system's randomness on a real chain")
        params = session.params()
        self._policy.check(params)
        check_published(session, self._ledger(session), params)
        self._session = session
        self._key = randomness.mask_key()
        self._rounding_seed = randomness.rounding_seed()
        self._masked = None
        keys = self._key.sign(self._chain.chain_id, session.address, self.account)
        return session.register(self.account, keys, params.bond_wei)

    def commit(self, weights: FloatVec, published: FloatVec, seats: Seating, ledger: Ledger) -> Receipt | None:
        """Encodes and masks the trained weights, keeps the words, commits to them; None when the member drops out."""
        session = self._joined()
        if self._masked is None:
            self._masked = self._mask(session, weights, published, seats, ledger)
        return None if self._masked is None else session.commit(self.account, self._masked.root)

    def upload(self) -> list[Receipt]:
        """Uploads the committed words, chunk by chunk: these bytes or nothing."""
        session, masked = self._joined(), self._committed()
        return [
            session.upload(self.account, chunk, words, masked.chunk_hashes) for chunk, words in enumerate(masked.chunks)
        ]

    def withdraw(self) -> Receipt:
        """Takes out what the session owes this account."""
        return self._joined().withdraw(self.account)

    @property
    def clipped(self) -> int:
        """How many values of the committed input were clipped."""
        return self._committed().clipped

    def _mask(
        self, session: SessionPort, weights: FloatVec, published: FloatVec, seats: Seating, ledger: Ledger
    ) -> MaskedInput | None:
        seat = seats.seat_of(self.account)
        if seat is None or self._key is None:
            raise ProtocolError(f"{self.account} has no seat in this session")
        group, place = seat
        context = GroupContext(
            chain_id=self._chain.chain_id,
            session=session.address,
            group=group,
            place=place,
            model_hash=session.model_hash(),
            peers=tuple(ledger.keys[peer] for peer in seats.groups[group]),
        )
        upload = Upload(Codec(session.params()), published, weights, self._key, context, self._rounding_seed)
        return self._behaviour.masked_input(upload)

    def _ledger(self, session: SessionPort) -> Ledger:
        return Ledger.read(log for _, log in self._chain.logs(session.address))

    def _joined(self) -> SessionPort:
        if self._session is None:
            raise ProtocolError(f"{self.account} has not registered for a session")
        return self._session

    def _committed(self) -> MaskedInput:
        if self._masked is None:
            raise ProtocolError(f"{self.account} has not committed to any words")
        return self._masked


def check_published(session: SessionPort, ledger: Ledger, params: SessionParams) -> FloatVec:
    """W^p as published, shape (d,), after checking it and the parameters against the contract's hashes (E1, E7).

    Raises:
        ProtocolError: a hash differs.
    """
    published = codec.published_hash(ledger.published)
    if published != session.published_hash():
        raise ProtocolError("published_hash: the words in the events aren't the ones that the contract hashed")
    if codec.model_hash(params, published) != session.model_hash():
        raise ProtocolError("model_hash: parameters and published words don't give the contract's hash")
    return codec.from_float_words(b"".join(ledger.published), params.parameter_count)
