# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title How a member commits: with `abort` to its words, with `recover` to its shares
@license Apache-2.0
"""


from interfaces import ISessionRules
from . import groups
from . import progress
from . import registry
from . import seats

uses: groups
uses: progress
uses: registry
uses: seats


@internal
def _take(p: progress.Progress, shape: ISessionRules.Shape, root: bytes32) -> (uint256, uint256):
    """
    @notice Takes in the caller's commitment. It has a seat in a live group and hasn't committed in this round.
    @param p The session, in the stage and the window for it.
    @param root E13 or E32.
    @return Its group and place.
    """
    m: registry.Member = registry._load(msg.sender)
    first: uint256 = seats._first(p, shape, m)
    seat: uint256 = seats._to_commit(p, progress._failures(), shape, m, first)
    group: uint256 = (seat - 1) // shape.members
    place: uint256 = (seat - 1) % shape.members
    g: groups.Group = groups._load(group)
    assert (g.committed >> place) & 1 == 0, "session: already committed"
    seats._check_round(p, group)
    # the root takes the slot that the first seat may have been computed from
    m.seat = first
    if seat != first:
        m.second = seat
    registry._commit(m.key_address, root)
    registry._store(msg.sender, m)
    g.committed |= 1 << place
    groups._store(group, g)
    return group, place
