"""What anybody may do to lift a group's masks with policy `recover`, out of what the logs say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from omnilytics.protocol.ledger import Ledger
from omnilytics.protocol.seating import Seating
from omnilytics.protocol.sharing import places_of
from omnilytics.types import Address, Disclosure, GroupView


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """The arguments of `rebuild` for one dealer."""

    place: int
    dealer: Address
    addresses: bytes
    holders: int
    shares: list[int]


def rebuildings(view: GroupView, group: int, seats: Seating, ledger: Ledger, threshold: int) -> Iterator[Rebuilding]:
    """Every secret of a group that isn't known and of which T shares are, or whose dealer they name; by place."""
    sharing = ledger.sharing[group]
    for place in places_of(view.committed & ~view.opened & ~view.blamed):
        dealer = seats.groups[group][place]
        delivered = view.delivered >> place & 1
        expected = sharing.self_mask(place) if delivered else ledger.key_addresses[dealer]
        chosen = sharing.holders(place, threshold, expected)
        if chosen is not None:
            yield Rebuilding(place, dealer, sharing.addresses(place), *chosen)


def disclosures(view: GroupView, group: int, seats: Seating, ledger: Ledger) -> list[Disclosure]:
    """The argument of `disclose` for a group whose secrets are all known."""
    sharing, accounts = ledger.sharing[group], seats.groups[group]
    return [
        Disclosure(
            accounts[place],
            *ledger.keys[accounts[place]],
            sharing.secrets[place],
            sharing.addresses(place) if view.delivered >> place & 1 else b"",
        )
        for place in places_of(view.committed)
    ]


def uploads(view: GroupView, group: int, chunk: int, ledger: Ledger) -> list[bytes]:
    """A chunk of all who have delivered, as `unmask` wants it: in order of place."""
    return [ledger.uploaded[group, place][chunk] for place in places_of(view.delivered)]
