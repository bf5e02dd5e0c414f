"""Clients that check no shares, in plain Python: what becomes of a group in which nobody objects to bad ones.

Shares are sealed to nobody, and one process knows all mask keys, which masks are made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnilytics.codec import Codec, Dealing, GroupContext, MaskedInput, Reveal
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.types import Address, FloatVec, Keys
from tests.contracts.harness import dealing as plain
from tests.contracts.harness.keys import CURVE_ORDER, key_digest, public, sign

SECRETS: dict[tuple[int, int], int] = {}
"""Mask keys by x and parity."""


@dataclass(frozen=True)
class Key:
    """A mask key; as much of `codec.MaskKey` as clients ask for."""

    secret: int

    def sign(self, chain_id: int, session: Address, sender: Address, transport: bytes) -> Keys:
        x, parity, _ = public(self.secret)
        SECRETS[x, parity] = self.secret
        return Keys(x, parity, *sign(self.secret, key_digest(chain_id, session, sender)), transport)


@dataclass(frozen=True)
class Secrets:
    """Mask key and self mask b; `wrong`: holder's place -> what its shares of both are off by."""

    key: Key
    self_mask: int
    wrong: Mapping[int, tuple[int, int]]
    transport: bytes = b"\x01" * 32


@dataclass(frozen=True)
class Careless:
    """`Randomness` of a member whose shares are off by what `wrong` says."""

    seeded: SeededRandomness
    wrong: Mapping[int, tuple[int, int]]

    @property
    def rounding_seed(self):  # type: ignore[no-untyped-def]
        return self.seeded.rounding_seed

    def vote_seed(self) -> bytes:
        return self.seeded.vote_seed()

    def sharing_seed(self, group: int, members: Sequence[Address]) -> bytes | None:
        return self.seeded.sharing_seed(group, members)

    def member_secrets(self) -> Secrets:
        seed = int.from_bytes(self.seeded.rounding_seed(), "big")
        return Secrets(Key(seed % CURVE_ORDER or 1), (seed >> 1) % CURVE_ORDER or 1, self.wrong)


class Recovery:
    """The steps of `codec.Recovery`, without a check."""

    def __init__(self, codec: Codec, secrets: Secrets, context: GroupContext, transports: Sequence[bytes]) -> None:
        self._codec, self._secrets, self._context = codec, secrets, context
        self._got: dict[int, tuple[int, int]] = {}

    def deal(self, seed: bytes | None) -> Dealing:
        threshold, members, place = self._codec.params.threshold, len(self._context.peers), self._context.place
        f = plain.coefficients(self._secrets.key.secret, threshold, f"f {seed!r}")
        g = plain.coefficients(self._secrets.self_mask, threshold, f"g {seed!r}")
        shares = plain.shares(f, g, place, members)
        for holder, off in self._secrets.wrong.items():
            one, two = shares[holder]
            shares[holder] = (one + off[0]) % CURVE_ORDER, (two + off[1]) % CURVE_ORDER
        points = plain.deal(self._secrets.self_mask, shares).points
        sealed = b"".join(one.to_bytes(32, "big") + two.to_bytes(80, "big") for one, two in shares.values())
        dealing = Dealing.from_points(points, sealed, b"")
        self._dealing = Dealing(points, sealed, dealing.addresses, plain.keccak(dealing.addresses))
        return self._dealing

    def receive(self, dealings: Mapping[int, Dealing]) -> dict[int, str]:
        place = self._context.place
        self._sharers = 1 << place | sum(1 << dealer for dealer in dealings)
        for dealer, dealing in dealings.items():
            at = 112 * (place - (place > dealer))
            one, two = dealing.sealed[at : at + 32], dealing.sealed[at + 32 : at + 112]
            self._got[dealer] = int.from_bytes(one, "big"), int.from_bytes(two, "big")
        return {}

    def encode(self, weights: FloatVec, published: FloatVec, rounding_seed: bytes) -> MaskedInput:
        c = self._context
        scope = plain.Scope(c.chain_id, c.session, c.group, c.model_hash, c.peers, self._sharers)
        secrets = {place: SECRETS[peer] for place, peer in enumerate(c.peers)}
        mask = plain.mask(scope, c.place, secrets, self._secrets.self_mask, self._codec.words)
        words = self._codec.encode_plain(weights, published, rounding_seed).words
        return self._codec.split(self._codec.sum([words, b"".join(word.to_bytes(32, "big") for word in mask)]))

    def reveal(self, delivered: int) -> Reveal:
        self._delivered = delivered
        missing = plain.places(self._sharers & ~delivered)
        return Reveal(self._secrets.self_mask, self._dealing.addresses, {j: self._got[j][0] for j in missing})

    def reveal_shares(self, opened: int) -> dict[int, int]:
        return {j: self._got[j][1] for j in plain.places(self._delivered & ~opened)}
