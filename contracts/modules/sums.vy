# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What a group's sum, once it is there, does to group and session
@license Apache-2.0
"""


from . import groups
from . import progress
from . import terms

uses: groups
uses: progress
uses: terms


@internal
def _measured(group: uint256, chunk: uint256, g: groups.Group, digest: bytes32, squared_norm: uint256) -> uint256:
    """
    @notice Keeps the hash of a chunk of the sum in place of that of its uploads, and adds its norm.
    @param g The group before.
    @return The squared norm of all chunks so far.
    """
    h: groups.Group = g
    h.squared_norm += squared_norm
    h.chunks_aggregated += 1
    groups._set_hash(group, chunk, digest)
    groups._store(group, h)
    return h.squared_norm


@internal
def _close(p: progress.Progress, last: bool, delivered: uint256):
    """
    @notice The last chunk of the last delivered group opens the selection, or the vote.
    @param p The session before the call.
    @param last Whether the chunk was its group's last.
    @param delivered Who has delivered in it, bitmap over places.
    """
    if not last:
        return
    q: progress.Progress = p
    q.aggregated += 1
    q.voters += progress._count(delivered)
    if q.stage == progress.AGGREGATE and q.aggregated == progress._count(progress._live(q, progress._verdict())):
        progress._close_aggregation(q, terms._window(terms.SELECT), terms._window(terms.VOTE))
    else:
        progress._store(q)
