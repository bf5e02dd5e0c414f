# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Where a session stands: stage, deadline, counters, and the verdict over its groups
@license Apache-2.0
@notice Two slots. Bitmaps are over group ids.
"""


from interfaces import ISecModelUpdate
from . import bounds


struct Progress:
    stage: uint256          # 8 bits
    deadline: uint256       # 40: unix time, 0 = none
    draw_block: uint256     # 40
    listed: uint256         # 16
    registered: uint256     # 16
    groups: uint256         # 8
    pending: uint256        # 16: commitments (stage Commit) or groups' deliveries (Upload) that are awaited
    aggregated: uint256     # 8: groups
    gram_chunks: uint256    # 8
    published_chunks: uint256   # 8
    published_words: uint256    # 24
    published_top: uint256  # 8: lanes of the last published word up to its highest one that isn't zero
    cancelled: bool
    unselected: bool


struct Verdict:
    failed_commit: uint256  # 64 bits each
    failed_upload: uint256
    accepted: uint256
    settled: uint256


SETUP: constant(uint256) = 0
REGISTER: constant(uint256) = 1
DRAW: constant(uint256) = 2
COMMIT: constant(uint256) = 3
UPLOAD: constant(uint256) = 5
AGGREGATE: constant(uint256) = 7
SELECT: constant(uint256) = 8
PAYMENT: constant(uint256) = 10
FINISHED: constant(uint256) = 11


_progress_slot: uint256
_verdict_slot: uint256


@view
@internal
def _load() -> Progress:
    """
    @return The session's stage and counters.
    """
    s: uint256 = self._progress_slot
    return Progress(
        stage=s & 255,
        deadline=(s >> 8) & (2**40 - 1),
        draw_block=(s >> 48) & (2**40 - 1),
        listed=(s >> 88) & (2**16 - 1),
        registered=(s >> 104) & (2**16 - 1),
        groups=(s >> 120) & 255,
        pending=(s >> 128) & (2**16 - 1),
        aggregated=(s >> 144) & 255,
        gram_chunks=(s >> 152) & 255,
        published_chunks=(s >> 160) & 255,
        published_words=(s >> 168) & (2**24 - 1),
        published_top=(s >> 192) & 255,
        cancelled=(s >> 200) & 1 == 1,
        unselected=(s >> 201) & 1 == 1,
    )


@internal
def _store(p: Progress):
    """
    @param p Every field within its bits: `bounds` limits the counts, and times and blocks stay below 2^40.
    """
    s: uint256 = p.stage | (p.deadline << 8) | (p.draw_block << 48) | (p.listed << 88) | (p.registered << 104)
    s |= (p.groups << 120) | (p.pending << 128) | (p.aggregated << 144) | (p.gram_chunks << 152)
    s |= (p.published_chunks << 160) | (p.published_words << 168) | (p.published_top << 192)
    if p.cancelled:
        s |= 1 << 200
    if p.unselected:
        s |= 1 << 201
    self._progress_slot = s


@view
@internal
def _verdict() -> Verdict:
    """
    @return What became of the groups.
    """
    s: uint256 = self._verdict_slot
    return Verdict(
        failed_commit=s & (2**64 - 1),
        failed_upload=(s >> 64) & (2**64 - 1),
        accepted=(s >> 128) & (2**64 - 1),
        settled=s >> 192,
    )


@internal
def _set_verdict(v: Verdict):
    self._verdict_slot = v.failed_commit | (v.failed_upload << 64) | (v.accepted << 128) | (v.settled << 192)


@pure
@internal
def _live(p: Progress, v: Verdict) -> uint256:
    """
    @return The groups that haven't failed; after the upload deadline these have delivered.
    """
    return ((1 << p.groups) - 1) & ~(v.failed_commit | v.failed_upload)


@pure
@internal
def _count(bitmap: uint256) -> uint256:
    """
    @param bitmap At most 64 bits.
    @return How many are set.
    """
    rest: uint256 = bitmap
    count: uint256 = 0
    for _: uint256 in range(bounds.MAX_GROUPS):
        if rest == 0:
            break
        # rest > 0, so rest - 1 doesn't wrap
        rest &= unsafe_sub(rest, 1)
        count += 1
    return count


@view
@internal
def _in_stage(stage: uint256) -> Progress:
    """
    @notice Refuses the call in every other stage.
    @return Where the session stands.
    """
    p: Progress = self._load()
    assert p.stage == stage, "session: wrong stage"
    return p


@view
@internal
def _in_window(stage: uint256) -> Progress:
    """
    @notice Refuses the call in every other stage, and when this one's window is over.
    @return Where the session stands.
    """
    p: Progress = self._in_stage(stage)
    assert not self._over(p), "session: the window is over"
    return p


@view
@internal
def _over(p: Progress) -> bool:
    """
    @return Whether the window of the current stage is over.
    """
    return block.timestamp > p.deadline


@internal
def _open_selection(p: Progress, select_secs: uint256):
    """
    @notice All delivered groups are aggregated: stage Select.
    @param p Where the session stands; it is stored.
    @param select_secs The window.
    """
    q: Progress = p
    q.stage = SELECT
    q.deadline = block.timestamp + select_secs
    self._store(q)
    log ISecModelUpdate.AggregationClosed(select_deadline=q.deadline)


@pure
@internal
def _is_paid(p: Progress, v: Verdict, group_id: uint256) -> bool:
    """
    @param group_id A group that hasn't failed, after the selection.
    """
    return p.unselected or (v.accepted >> group_id) & 1 == 1
