# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What a session tells of itself
@license Apache-2.0
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from interfaces import ISessionVote
from . import bounds
from . import credits
from . import escrow
from . import groups
from . import libraries
from . import parties
from . import progress
from . import publication
from . import registry
from . import seats
from . import tally
from . import terms

uses: credits
uses: escrow
uses: groups
uses: libraries
uses: parties
uses: progress
uses: publication
uses: registry
uses: seats
uses: terms


STATES: constant(uint256) = 9662727800889616   # 0x22543322222110: the state of stage k is hexadecimal digit k


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
    p: progress.Progress = progress._load()
    if p.stage == progress.PAYMENT or p.stage == progress.FINISHED:
        return 0
    return p.deadline


@view
@external
def published_words() -> uint256:
    """
    @return Words of W^p published.
    """
    return publication._load().words


@view
@external
def capacity() -> uint256:
    """
    @return How many may register.
    """
    return progress._load().capacity


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
    @return Groups that were seated, of both commitment rounds.
    """
    return progress._load().groups


@view
@external
def first_groups() -> uint256:
    """
    @return Groups of the first commitment round; 0 while it isn't over.
    """
    return progress._load().first_groups


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
    found.fees_wei = m.fees_gwei * bounds.GWEI_WEI
    if m.key_address != empty(address):
        found.registered = True
        found.pool = m.pool
        found.rank = m.rank
        found.key_address = m.key_address
        found.chunks_delivered = m.chunks
        if shape.mode == terms.BLOBS:
            found.chunks_delivered = m.chunks * bounds.MAX_BLOBS
        found.declined = m.declined
        seat: uint256 = seats._newest(p, progress._verdict(), shape, m, seats._first(p, shape, m))
        if seat != 0:
            found.seated = True
            found.group = (seat - 1) // shape.members
            found.place = (seat - 1) % shape.members
            g: groups.Group = groups._load(found.group)
            found.committed = not g.dissolved and (g.committed >> found.place) & 1 == 1
            if shape.mode == terms.BLOBS and (g.delivered >> found.place) & 1 == 1:
                found.chunks_delivered = terms._blobs(shape)
    return found


@view
@external
def alumnus(account: address) -> ISecModelUpdate.Alumnus:
    """
    @param account Anybody.
    @return Its seat in a group that the rule accepted and in which it has delivered, for a later session that it joins with its
        cohort (E29).
    """
    p: progress.Progress = progress._load()
    v: progress.Verdict = progress._verdict()
    shape: ISessionRules.Shape = terms._shape()
    found: ISecModelUpdate.Alumnus = empty(ISecModelUpdate.Alumnus)
    m: registry.Member = registry._load(account)
    seat: uint256 = seats._newest(p, v, shape, m, seats._first(p, shape, m))
    if seat != 0:
        found.group = (seat - 1) // shape.members
        found.place = (seat - 1) % shape.members
        found.members = shape.members
        delivered: uint256 = groups._load(found.group).delivered
        found.accepted = (v.accepted >> found.group) & (delivered >> found.place) & 1 == 1
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
        if terms._shape().mode == terms.CALLDATA:
            found.chunks_aggregated = g.chunks_aggregated
        found.squared_norm = g.squared_norm
        found.accepted = (v.accepted >> group_id) & 1 == 1
        found.settled = (v.settled >> group_id) & 1 == 1
        found.dissolved = g.dissolved
        found.objected = (v.failed_commit >> group_id) & 1 == 1 and g.blamed != 0
        found.revealed = g.revealed
        found.opened = g.opened
        found.lent = g.lent
        found.blamed = g.blamed
        found.seeds_hash = groups._seeds(group_id)
    return found


@view
@external
def ballot(account: address) -> ISessionVote.Ballot:
    """
    @param account Anybody.
    @return Its vote.
    """
    m: registry.Member = registry._load(account)
    found: ISessionVote.Ballot = ISessionVote.Ballot(commitment=empty(bytes32), opened=m.opened)
    if m.voted:
        found.commitment = registry._commitments[m.key_address]
    return found


@view
@external
def votes_cast() -> uint256:
    """
    @return Votes that were opened.
    """
    return progress._load().cast


@view
@external
def votes_against(group_id: uint256) -> uint256:
    """
    @param group_id Group id.
    @return Votes against it.
    """
    if group_id >= bounds.MAX_GROUP_IDS:
        return 0
    return tally._against(progress._tallies[group_id // tally.LANES], group_id)


@view
@external
def accusation(account: address) -> bytes32:
    """
    @param account Anybody.
    @return With blobs, its accusation that isn't opened; zero where there is none.
    """
    return groups._accusation(account)


@view
@external
def correction(group_id: uint256) -> bytes32:
    """
    @param group_id Group id.
    @return With blobs and `recover`, the fold of the versioned hashes of its correction; zero where there is none.
    """
    if terms._shape().mode != terms.BLOBS:
        return empty(bytes32)
    return groups._hash(group_id, 0)


@view
@external
def sums_root() -> bytes32:
    """
    @return With blobs, the root of the sums so far (docs/BLOBS.md B2).
    """
    if terms._shape().mode != terms.BLOBS:
        return empty(bytes32)
    return progress.products_hash


@view
@external
def refuted_count() -> uint256:
    """
    @return With blobs, how many groups were refuted.
    """
    if terms._shape().mode != terms.BLOBS:
        return 0
    return progress._load().gram_chunks


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
    return staticcall libraries.TERMS.unpacked(terms._slots)


@view
@external
def model_hash() -> bytes32:
    """
    @return E1; zero before `start`.
    """
    given: ISecModelUpdate.SessionParams = staticcall libraries.TERMS.unpacked(terms._slots)
    if given.rounds == 0:
        return empty(bytes32)
    return publication._model_hash(given)


@view
@external
def reserve() -> uint256:
    """
    @return Wei left for fees.
    """
    return escrow._reserve()


@view
@external
def credit_of(account: address) -> uint256:
    """
    @param account Anybody.
    @return What `withdraw` would pay it now, wei.
    """
    m: registry.Member = registry._load(account)
    credit_wei: uint256 = credits._due(progress._load(), progress._verdict(), terms._shape(), m)
    credit_wei += m.fees_gwei * bounds.GWEI_WEI
    if account == parties.owner:
        credit_wei += escrow._owner_credit
    return credit_wei


@view
@external
def money() -> ISecModelUpdate.Money:
    """
    @return The session's books, wei.
    """
    credited: uint256 = 0
    withdrawn: uint256 = 0
    credited, withdrawn = escrow._totals()
    return ISecModelUpdate.Money(
        deposited=escrow.deposited, credits=credited, locked=escrow._locked(), withdrawn=withdrawn
    )


@view
@internal
def _status(p: progress.Progress, v: progress.Verdict, g: groups.Group, group_id: uint256) -> uint256:
    """
    @return The group's status, docs/PROTOCOL.md section 6.
    """
    if p.stage == progress.REGISTER or (p.stage == progress.DRAW and p.first_groups == 0):
        return 1 if group_id < terms._shape().rounds else 0
    if group_id >= p.groups:
        return 0
    if (progress._live(p, v) >> group_id) & 1 == 0:
        return 8
    if p.stage <= progress.SHARE:
        return 2
    shape: ISessionRules.Shape = terms._shape()
    if shape.mode == terms.BLOBS:
        # sums are added in order of id
        if progress._count(progress._live(p, v) & ((1 << group_id) - 1)) < p.aggregated:
            return 7
    elif g.chunks_aggregated == terms._chunks(shape):
        return 7
    if p.stage == progress.UPLOAD and g.delivered != g.committed:
        return 4
    if p.stage == progress.REVEAL and g.opened != g.committed:
        return 5
    return 6
