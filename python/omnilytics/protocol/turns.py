"""Whose turn it is to do what anybody may do: in the first quarter of its time only that caller is paid (section 9).

A turn lasts 50 blocks. Pure functions; the block is the one that the call will be mined in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from omnilytics.protocol.seating import Seating
from omnilytics.types import Address

BLOCKS_A_TURN = 50
"""Blocks after which it is the next one's turn."""

BLOCKS_OF_A_DRAW = 64
"""Blocks from `draw_block` in which `draw` is paid to the one whose turn it is."""


def of_group(seats: Seating, committed: Collection[tuple[int, int]], group: int, block: int) -> Address | None:
    """Who aggregates or settles a group (place b mod N); None where that seat never committed.

    Args:
        seats: of the session.
        committed: (group, place) of every commitment.
        group: its id.
        block: number of the block that the call is mined in.
    """
    place = _number(block) % len(seats.groups[group])
    return _who(seats, committed, group, place)


def of_session(seats: Seating, committed: Collection[tuple[int, int]], block: int) -> Address | None:
    """Who calls `gram`, `select`, the second `draw` or `advance` (seat b mod (groups N)); None as in `of_group`."""
    if not seats.groups:
        return None
    members = len(seats.groups[0])
    group, place = divmod(_number(block) % (len(seats.groups) * members), members)
    return _who(seats, committed, group, place)


def of_registered(ranks: Mapping[Address, int], block: int) -> list[Address]:
    """Who closes registration or calls the first `draw`: rank b mod registered, in any pool.

    Args:
        ranks: of all who registered, in their pools.
        block: as in `of_group`.
    """
    if not ranks:
        return []
    turn = _number(block) % len(ranks)
    return [account for account, rank in ranks.items() if rank == turn]


def _number(block: int) -> int:
    return block // BLOCKS_A_TURN


def _who(seats: Seating, committed: Collection[tuple[int, int]], group: int, place: int) -> Address | None:
    """The seat's member, if this is the newest seat in which it committed."""
    if (group, place) not in committed:
        return None
    member = seats.groups[group][place]
    newest = seats.seat_of(member)
    return None if newest != (group, place) and newest in committed else member
