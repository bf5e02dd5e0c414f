# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title How vectors are delivered that travel in blobs
@license Apache-2.0
"""


from interfaces import ISessionBlobs
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import groups
from . import lifecycle
from . import progress
from . import registry
from . import sidecar
from . import terms

uses: calls
uses: groups
uses: lifecycle
uses: progress
uses: registry
uses: terms


@external
def post():
    """
    @notice Delivers the blobs of this transaction as the caller's next chunks: six, the last time what is left. Members of live groups,
        in stage Upload. An upload of several transactions keeps the fold of what is in; when it is complete, it must be what the
        caller has committed to: with its account, so that nobody commits to blobs of others that it doesn't know yet. With
        `recover`, which has no such commitment, the fold is kept.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.UPLOAD)
    shape: ISessionRules.Shape = terms._shape()
    assert shape.mode == terms.BLOBS, "session: vectors are in calldata"
    m: registry.Member = registry._load(msg.sender)
    seat: uint256 = registry._committed_seat(m)
    assert seat != 0, "session: no commitment"
    group: uint256 = (seat - 1) // shape.members
    place: uint256 = (seat - 1) % shape.members
    assert (progress._failures().failed_commit >> group) & 1 == 0, "session: the group has failed"
    g: groups.Group = groups._load(group)
    assert (g.delivered >> place) & 1 == 0, "blobs: all chunks are in"
    first: uint256 = m.chunks * bounds.MAX_BLOBS
    left: uint256 = terms._blobs(shape) - first
    due: uint256 = min(left, bounds.MAX_BLOBS)
    folded: bytes32 = empty(bytes32)
    if m.chunks != 0:
        folded = groups._upload(group, 0, place)
    hashes: DynArray[bytes32, bounds.MAX_BLOBS] = []
    hashes, folded = sidecar._taken(due, folded)
    log ISessionBlobs.Posted(member=msg.sender, group=group, place=place, chunk=first, hashes=hashes)
    if due == left:
        if shape.policy == terms.RECOVER:
            groups._set_upload(group, 0, place, folded)
        else:
            bound: bytes32 = keccak256(concat(convert(msg.sender, bytes32), folded))
            assert bound == registry._commitments[m.key_address], "blobs: not the committed blobs"
        g.delivered |= 1 << place
        groups._store(group, g)
        if g.delivered == g.committed:
            q: progress.Progress = p
            q.pending -= 1
            if q.pending == 0:
                lifecycle._close_upload(q, shape)
            else:
                progress._store(q)
    else:
        groups._set_upload(group, 0, place, folded)
        m.chunks += 1
        registry._store(msg.sender, m)
    calls._end(gas_at_start, p, terms.LIMIT_UPLOAD, due, True)
