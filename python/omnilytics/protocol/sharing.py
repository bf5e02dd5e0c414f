"""What the logs say of one group's shares and secrets, with policy `recover`. All of it is public."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from omnilytics.codec import Dealing, public_address, rebuild
from omnilytics.errors import InputError
from omnilytics.types import Address

ADDRESS_BYTES = 20


@dataclass(slots=True)
class Sharing:
    """Shares and secrets of one group, by place.

    Attributes:
        dealings: of all who have shared, S.
        shares: by dealer, what holders have revealed: of the self mask of who delivered, of the mask key of who didn't.
        secrets: as revealed or rebuilt: the self mask of who delivered, the mask key of who didn't.
        minus: seeds whose streams are taken off the sum (E36), once they are disclosed.
        plus: seeds whose streams are added to it.
    """

    dealings: dict[int, Dealing] = field(default_factory=dict)
    shares: dict[int, dict[int, int]] = field(default_factory=dict)
    secrets: dict[int, int] = field(default_factory=dict)
    minus: list[bytes] = field(default_factory=list)
    plus: list[bytes] = field(default_factory=list)

    def add(self, name: str, values: Mapping[str, Any]) -> None:
        """Takes in an event of the group; those of other kinds are passed over."""
        match name:
            case "Shared":
                dealing = Dealing.from_points(values["points"], values["sealed"], values["root"])
                self.dealings[values["place"]] = dealing
            case "ShareRevealed":
                self.shares.setdefault(values["dealer"], {})[values["place"]] = values["share"]
            case "Revealed" | "Rebuilt":
                self.secrets[values["place"]] = values["secret"]
            case "Disclosed":
                self.minus, self.plus = values["minus"], values["plus"]
            case _:
                pass

    def addresses(self, place: int) -> bytes:
        """E32 of a place that has shared: the addresses of its points."""
        return self.dealings[place].addresses

    def self_mask(self, place: int) -> Address:
        """addr(B) of a place that has shared."""
        return Address("0x" + self.addresses(place)[:ADDRESS_BYTES].hex())

    def holders(self, dealer: int, threshold: int, expected: Address) -> tuple[int, list[int]] | None:
        """Which T shares to rebuild a dealer's secret from: (bitmap over places, shares in order of place).

        Those that give the secret whose point has the `expected` address; where none do, the lowest places', which
        name the dealer. None: there aren't T.
        """
        known = sorted(self.shares.get(dealer, {}).items())
        chosen = None
        for some in combinations(known, threshold):
            chosen = chosen or some
            if _gives(dict(some), threshold, expected):
                chosen = some
                break
        if chosen is None:
            return None
        return sum(1 << place for place, _ in chosen), [share for _, share in chosen]


def _gives(shares: Mapping[int, int], threshold: int, expected: Address) -> bool:
    try:
        return public_address(rebuild(shares, threshold)) == expected
    except InputError:
        return False


def places_of(bitmap: int) -> Sequence[int]:
    """The places of a bitmap, in order."""
    return [place for place in range(bitmap.bit_length()) if bitmap >> place & 1]
