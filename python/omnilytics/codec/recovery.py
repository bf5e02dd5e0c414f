"""Policy `recover`: a member's steps, and what anybody makes of what members publish (PROTOCOL.md sections 5 and 6).

What is to stay secret stays in the Rust core; what comes out as a Python integer is about to be published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from omnilytics import _omnicore
from omnilytics._omnicore import share_addresses
from omnilytics.codec.keys import GroupContext, MaskKey
from omnilytics.errors import InputError, ProtocolError
from omnilytics.types import Address, DropoutPolicy, FloatVec, Suite

if TYPE_CHECKING:
    from omnilytics.codec import Codec, MaskedInput

__all__ = [
    "Dealing",
    "MemberSecrets",
    "Recovery",
    "Reveal",
    "Scope",
    "disclosed_seeds",
    "public_address",
    "rebuild",
    "rebuild_many",
    "share_address",
    "share_addresses",
]

ADDRESS_BYTES = 20


class MemberSecrets:
    """Mask key, transport key and self-mask secret b of a member for one session; its repr is the key's address."""

    __slots__ = ("_secrets",)
    _secrets: _omnicore.MemberSecrets

    def __init__(self) -> None:
        raise TypeError("expected MemberSecrets.generate() or MemberSecrets.from_seed(seed), got MemberSecrets()")

    @classmethod
    def generate(cls) -> MemberSecrets:
        """Secrets from the operating system's randomness."""
        return cls._of(_omnicore.MemberSecrets.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> MemberSecrets:
        """The secrets that simulations draw from 32 bytes; they are as secret as these.

        Raises:
            InputError: `seed` isn't 32 bytes.
        """
        return cls._of(_omnicore.MemberSecrets.from_seed(seed))

    @classmethod
    def _of(cls, secrets: _omnicore.MemberSecrets) -> MemberSecrets:
        member = cls.__new__(cls)
        member._secrets = secrets
        return member

    @property
    def key(self) -> MaskKey:
        """The mask key."""
        return MaskKey._of(self._secrets.key)

    @property
    def transport(self) -> bytes:
        """The public X25519 key (RFC 7748), 32 bytes."""
        return self._secrets.transport

    def __repr__(self) -> str:
        return f"MemberSecrets({self.key.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("MemberSecrets can't be copied or pickled")


@dataclass(frozen=True, slots=True)
class Dealing:
    """What a dealer publishes in a group of N.

    Attributes:
        points: 64 (2N - 1) bytes (E32).
        sealed: 112 (N - 1) bytes (E33).
        addresses: 20 (2N - 1) bytes, those of the points.
        root: the hash of the addresses, as the contract has it.
    """

    points: bytes
    sealed: bytes
    addresses: bytes
    root: bytes

    @classmethod
    def from_points(cls, points: bytes, sealed: bytes, root: bytes) -> Dealing:
        """A dealing as event `Shared` has it.

        Raises:
            InputError: `points` isn't 64 bytes for each.
        """
        return cls(points, sealed, share_addresses(points), root)


@dataclass(frozen=True, slots=True)
class Reveal:
    """What a member of U publishes first.

    Attributes:
        secret: its own b.
        addresses: those of its own dealing.
        shares: its share of sk of each place that shared and didn't deliver.
    """

    secret: int
    addresses: bytes
    shares: dict[int, int]


class Recovery:
    """One member's steps in one group: `deal`, `receive`, `encode` or `mask`, `reveal`, `reveal_shares`, in this order.

    `context.peers` and `transports` are the keys of all N members in place order, the member's own included.

    Raises:
        InputError: parameters with another policy, a group or keys that can't work.
    """

    __slots__ = ("_codec", "_recovery")
    _codec: Codec | None
    _recovery: _omnicore.Recovery

    def __init__(
        self, codec: Codec, secrets: MemberSecrets, context: GroupContext, transports: Sequence[bytes]
    ) -> None:
        params = codec.params
        if params.policy != DropoutPolicy.RECOVER:
            raise InputError(f"policy: expected 1 (recover), got {int(params.policy)}")
        if len(context.peers) != params.members:
            raise InputError(f"mask keys of the group: expected {params.members}, got {len(context.peers)}")
        self._codec = codec
        self._recovery = _omnicore.Recovery(params.threshold, secrets._secrets, context, transports)

    @classmethod
    def of_group(
        cls, threshold: int, secrets: MemberSecrets, context: GroupContext, transports: Sequence[bytes]
    ) -> Recovery:
        """The steps in a group of any size up to 255, outside a session: with `mask_words` instead of `encode`, `mask`.

        Raises:
            InputError: a threshold, group or keys that can't work.
        """
        recovery = cls.__new__(cls)
        recovery._codec = None
        recovery._recovery = _omnicore.Recovery(threshold, secrets._secrets, context, transports)
        return recovery

    def deal(self, seed: bytes | None = None) -> Dealing:
        """Shares sk and b with the group (E31-E33), once; `seed` (32 bytes) is for simulations alone.

        Raises:
            ProtocolError: not the first step.
            InputError: a seed of the wrong length.
        """
        return Dealing(*self._recovery.deal(seed))

    def receive(self, dealings: Mapping[int, Dealing]) -> dict[int, str]:
        """Opens and checks the dealings of the others that shared, by place; they and the member itself are S.

        Returns what there is to object to, by place; empty: nothing, go on. After an objection there is no next step.
        `addresses` of the dealings aren't used: they are made from the points and compared with the root.

        Raises:
            ProtocolError: the member hasn't dealt, or has received.
            InputError: the member's own place, one that the group doesn't have, fewer than T sharers.
        """
        return self._recovery.receive([(place, it.points, it.sealed, it.root) for place, it in dealings.items()])

    def encode(self, weights: FloatVec, published: FloatVec, rounding_seed: bytes | None = None) -> MaskedInput:
        """`Codec.encode` with the mask of S (E35); once, for a second plaintext under one mask would give away both.

        Raises:
            ProtocolError: there is a step to make before, or the member has masked its words.
            EncodingError: wrong dtype, shape or layout, a value that isn't finite; the step can be made again.
            InputError: a seed of the wrong length.
        """
        codec = self._session()
        return codec._masked_input(*self._recovery.encode(codec._codec, weights, published, rounding_seed))

    def mask(self, words: bytes) -> MaskedInput:
        """The same for words that somebody made by hand.

        Raises:
            ProtocolError: as `encode`.
            EncodingError: not `32 * words` bytes; the step can be made again.
        """
        codec = self._session()
        return codec._masked_input(*self._recovery.mask(codec._codec, words))

    def mask_words(self, words: NDArray[np.uint8], suite: Suite) -> None:
        """The same for words, shape (words, 32), where they stand, whatever their number.

        Raises:
            ProtocolError: as `encode`.
            EncodingError: not a writable, contiguous array of that shape; the step can be made again.
        """
        self._recovery.mask_words(words, suite)

    def blob_seeds(self) -> list[tuple[bytes, int]]:
        """The seeds of its mask in blob mode, of S in place order, then its own (docs/BLOBS.md, B1); once, as `encode`.

        Each is 32 secret bytes, with 1 where its stream is added, -1 where it is taken off.

        Raises:
            ProtocolError: as `encode`.
        """
        return self._recovery.blob_seeds()

    def _session(self) -> Codec:
        if self._codec is None:
            raise ProtocolError("step: expected mask_words in a group outside a session, got encode or mask")
        return self._codec

    def reveal(self, delivered: int) -> Reveal:
        """Takes the bitmap `delivered` for U, for good: no other secret of the dealers can be had after this.

        Raises:
            ProtocolError: the member hasn't masked its words, or has revealed for another U.
            InputError: the member isn't in U, U isn't within S, or has fewer than T members.
        """
        secret, addresses, shares = self._recovery.reveal(delivered)
        return Reveal(int.from_bytes(secret, "big"), addresses, _numbers(shares))

    def reveal_shares(self, opened: int) -> dict[int, int]:
        """The member's shares of b of the places of U that aren't in the bitmap `opened`.

        Raises:
            ProtocolError: the member hasn't revealed.
            InputError: a place outside U.
        """
        return _numbers(self._recovery.reveal_shares(opened))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Recovery can't be copied or pickled")


def _numbers(shares: Mapping[int, bytes]) -> dict[int, int]:
    return {place: int.from_bytes(share, "big") for place, share in shares.items()}


def rebuild(shares: Mapping[int, int], threshold: int) -> int:
    """The secret of the polynomial through the shares of the `threshold` lowest places (Lagrange at 0).

    Wrong shares give another secret: compare `public_address` of it.

    Raises:
        InputError: fewer than `threshold` shares, a place outside 0..254, a share outside 1..n-1.
    """
    return rebuild_many([shares], threshold)[0]


def rebuild_many(shares: Sequence[Mapping[int, int]], threshold: int) -> list[int]:
    """`rebuild` for many secrets with the same holders, whose Lagrange weights are made once.

    Raises:
        InputError: as for `rebuild`; mappings with different places.
    """
    if not shares:
        return []
    holders = sorted(shares[0])
    if any(row.keys() != shares[0].keys() for row in shares):
        raise InputError(f"shares: expected those of places {holders} for every secret, got those of others")
    try:
        rows = [b"".join(row[place].to_bytes(32, "big") for place in holders) for row in shares]
    except OverflowError as error:
        raise InputError("shares: expected integers from 1 to n-1, got one outside") from error
    if any(place < 0 for place in holders):
        raise InputError(f"places: expected 0 to 254, got {holders[0]}")
    secrets = _omnicore.rebuild([place + 1 for place in holders], rows, threshold)
    return [int.from_bytes(secret, "big") for secret in secrets]


def public_address(secret: int) -> Address:
    """addr(secret G).

    Raises:
        InputError: a secret outside 1..n-1.
    """
    return Address("0x" + _omnicore.public_address(secret).hex())


def share_address(addresses: bytes, dealer: int, holder: int, self_mask: bool) -> Address:
    """The address of a holder's share of b (`self_mask`) or of sk in a dealer's `addresses` (E32).

    Raises:
        InputError: the dealer itself, or a place that these addresses don't have.
    """
    members = (len(addresses) // ADDRESS_BYTES + 1) // 2
    if not (0 <= holder < members and 0 <= dealer < members and holder != dealer):
        raise InputError(f"holder: expected a place from 0 to {members - 1} other than {dealer}, got {holder}")
    start = ADDRESS_BYTES * (1 + 2 * (holder - (holder > dealer)) + self_mask)
    return Address("0x" + addresses[start : start + ADDRESS_BYTES].hex())


@dataclass(frozen=True, slots=True)
class Scope:
    """What the seeds of a group are bound to (E9, E10, E34): the keys of all N members, S and U as bitmaps."""

    chain_id: int
    session: Address
    group: int
    model_hash: bytes
    peers: tuple[tuple[int, int], ...]
    sharers: int
    delivered: int


def disclosed_seeds(scope: Scope, secrets: Mapping[int, int]) -> tuple[list[bytes], list[bytes]]:
    """The seeds of event `Disclosed`, (minus, plus), from the secrets of S: b of U, sk of the others (E36).

    Raises:
        InputError: not exactly the places of S, U outside S, a sk that isn't that of its key.
    """
    context = GroupContext(scope.chain_id, scope.session, scope.group, 0, scope.model_hash, scope.peers)
    return _omnicore.disclosed_seeds(context, scope.sharers, scope.delivered, secrets)
