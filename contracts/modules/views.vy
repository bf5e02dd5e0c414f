# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What a session tells of itself
@license Apache-2.0
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from . import groups
from . import libraries
from . import progress
from . import registry
from . import seats
from . import terms

uses: groups
uses: libraries
uses: progress
uses: registry
uses: seats
uses: terms


STATES: constant(uint256) = 92578592727312   # 0x543322222110: the state of stage k is hexadecimal digit k


@view
@external
def stage() -> uint256:
    """
    @return docs/PROTOCOL.md section 6.
    """
    return progress._load().stage


@view
@external
def state() -> uint256:
    """
    @return The paper's state, 0..5.
    """
    return (STATES >> (4 * progress._load().stage)) & 15


@view
@external
def deadline() -> uint256:
    """
    @return Unix time after which `advance` moves the current stage; 0 when it has none.
    """
    return progress._load().deadline


@view
@external
def published_words() -> uint256:
    """
    @return Words of W^p published.
    """
    return progress._load().published_words


@view
@external
def whitelist_count() -> uint256:
    """
    @return Accounts on the whitelist.
    """
    return progress._load().listed


@view
@external
def registered_count() -> uint256:
    """
    @return Members registered.
    """
    return progress._load().registered


@view
@external
def draw_block() -> uint256:
    """
    @return The block whose hash the draw takes; 0 while there is none.
    """
    return progress._load().draw_block


@view
@external
def group_count() -> uint256:
    """
    @return Groups that were seated.
    """
    return progress._load().groups


@view
@external
def member(account: address) -> ISecModelUpdate.MemberView:
    """
    @param account Anybody.
    @return What the session knows of it.
    """
    p: progress.Progress = progress._load()
    m: registry.Member = registry._load(account)
    shape: ISessionRules.Shape = terms._shape()
    found: ISecModelUpdate.MemberView = empty(ISecModelUpdate.MemberView)
    found.listed = m.listed
    found.withdrawn = m.withdrawn
    if m.number != 0:
        found.registered = True
        found.index = m.number - 1
        found.key_address = m.key_address
        found.chunks_delivered = m.chunks
        seat: seats.Seat = seats._seat(p, shape, m)
        if seat.number != 0:
            found.seated = True
            found.group = seat.group
            found.place = seat.place
            found.committed = (groups._load(found.group).committed >> found.place) & 1 == 1
    return found


@view
@external
def group(group_id: uint256) -> ISecModelUpdate.GroupView:
    """
    @param group_id Group id.
    @return What the session knows of it; zeros where there is none.
    """
    p: progress.Progress = progress._load()
    v: progress.Verdict = progress._verdict()
    g: groups.Group = groups._load(group_id)
    found: ISecModelUpdate.GroupView = empty(ISecModelUpdate.GroupView)
    found.status = self._status(p, v, g, group_id)
    if group_id < p.groups:
        found.committed = g.committed
        found.delivered = g.delivered
        found.chunks_aggregated = g.chunks_aggregated
        found.squared_norm = g.squared_norm
        found.accepted = (v.accepted >> group_id) & 1 == 1
        found.settled = (v.settled >> group_id) & 1 == 1
    return found


@view
@external
def accepted() -> uint256:
    """
    @return Bitmap over group ids: the groups that the rule accepted.
    """
    return progress._verdict().accepted


@view
@external
def unselected() -> bool:
    """
    @return Whether the session ended without a selection, and all delivered groups are paid.
    """
    return progress._load().unselected


@view
@external
def params() -> ISecModelUpdate.SessionParams:
    """
    @return What `start` was given; zeros before.
    """
    return staticcall libraries.RULES.unpacked(terms._slots)


@view
@internal
def _status(p: progress.Progress, v: progress.Verdict, g: groups.Group, group_id: uint256) -> uint256:
    """
    @return The group's status, docs/PROTOCOL.md section 6.
    """
    if p.stage == progress.REGISTER or p.stage == progress.DRAW:
        return 1 if group_id < terms._shape().rounds else 0
    if group_id >= p.groups:
        return 0
    if (progress._live(p, v) >> group_id) & 1 == 0:
        return 8
    if p.stage == progress.COMMIT:
        return 2
    shape: ISessionRules.Shape = terms._shape()
    sizes: terms.Chunk = terms._chunk(shape, 0)
    if g.chunks_aggregated == sizes.count:
        return 7
    return 6 if g.delivered == (1 << shape.members) - 1 else 4
