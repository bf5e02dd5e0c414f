"""A member's secret mask key, and the group that it is for (PROTOCOL.md section 5, E8-E10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from omnilytics import _omnicore
from omnilytics.errors import InputError
from omnilytics.types import Address, Keys

FIELD = 2**256 - 2**32 - 977
"""The prime of secp256k1's coordinates (SEC 2)."""


def key_address(x: int, parity: int) -> Address:
    """addr(PK) of the point of secp256k1 with this x and the parity of its y (PROTOCOL.md section 5).

    Raises:
        InputError: there is no such point.
    """
    y = pow(x**3 + 7, (FIELD + 1) // 4, FIELD)
    if y * y % FIELD != (x**3 + 7) % FIELD:
        raise InputError(f"mask key: expected a point of secp256k1, got x = {x:#x}")
    y = y if y % 2 == parity else FIELD - y
    return Address("0x" + _omnicore.keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[-20:].hex())


class MaskKey:
    """A secret secp256k1 mask key, fresh for each registration (PROTOCOL.md section 5); its repr is its address."""

    __slots__ = ("_secret",)
    _secret: _omnicore.MaskKey

    def __init__(self) -> None:
        raise TypeError("expected MaskKey.generate() or MaskKey.from_seed(seed), got MaskKey()")

    @classmethod
    def generate(cls) -> MaskKey:
        """A key from the operating system's randomness."""
        return cls._of(_omnicore.MaskKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> MaskKey:
        """The key that simulations draw from 32 bytes; it is as secret as they are.

        Raises:
            InputError: `seed` isn't 32 bytes.
        """
        return cls._of(_omnicore.MaskKey.from_seed(seed))

    @classmethod
    def _of(cls, secret: _omnicore.MaskKey) -> MaskKey:
        key = cls.__new__(cls)
        key._secret = secret
        return key

    @property
    def x(self) -> int:
        """x of PK = sk G, 0 < x < n."""
        return int.from_bytes(self._secret.x, "big")

    @property
    def parity(self) -> int:
        """The parity of PK's y, 0 or 1."""
        return self._secret.parity

    @property
    def address(self) -> Address:
        """addr(PK)."""
        return Address("0x" + self._secret.address.hex())

    def sign(self, chain_id: int, session: Address, sender: Address, transport: bytes = bytes(32)) -> Keys:
        """What `sender` registers in `session`: the key, its signature (E8), with policy `recover` the transport key.

        Raises:
            InputError: not an address, or a chain id that isn't a 64-bit number.
        """
        v, r, s = self._secret.sign(chain_id, session, sender)
        return Keys(self.x, self.parity, v, int.from_bytes(r, "big"), int.from_bytes(s, "big"), transport)

    def blob_seeds(self, context: GroupContext) -> list[tuple[bytes, int]]:
        """The seeds that its owner shares with each peer in blob mode, in place order (docs/BLOBS.md, B1).

        Each is 32 secret bytes, with 1 where its stream is added (to a higher place), -1 where it is taken off.

        Raises:
            InputError: the key isn't the member's own, a key twice, one that is no point.
        """
        return self._secret.blob_seeds(context)

    def __repr__(self) -> str:
        return f"MaskKey({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a MaskKey can't be copied or pickled")


@dataclass(frozen=True, slots=True)
class GroupContext:
    """The group that a mask is for (E9, E10).

    `peers` are (x, parity) of all N members in place order, the member's own included; `place` is the member's own.
    """

    chain_id: int
    session: Address
    group: int
    place: int
    model_hash: bytes
    peers: tuple[tuple[int, int], ...]
