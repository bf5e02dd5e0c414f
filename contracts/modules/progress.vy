# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Where a session stands: stage, deadline, counters, and the verdict over its groups
@license Apache-2.0
@notice Four slots. Bitmaps are over group ids.
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionVote
from . import bounds
from . import groups
from . import tally
from . import terms


struct Progress:
    stage: uint256          # 8 bits
    deadline: uint256       # 40: unix time, 0 = none; in stage Payment when that began
    draw_block: uint256     # 40
    capacity: uint256       # 16: accounts that may register
    registered: uint256     # 16
    groups: uint256         # 8: of both commitment rounds
    pending: uint256        # 16: commitments (stages Commit, Vote), opened votes, groups' deliveries (Upload), secrets (Reveal), corrections (Correct), or refutations (Accuse) that are awaited
    aggregated: uint256     # 8: groups
    gram_chunks: uint256    # 8; with blobs: groups that were refuted
    cancelled: bool
    unselected: bool
    first_groups: uint256   # 8: groups of the first commitment round; 0 until it is closed
    cohort_groups: uint256  # 8: cohorts with a seat, the first groups
    clear: uint256          # 13: members in pool `clear`
    cohort_members: uint256 # 13: members in pool `cohort`
    cohorts: uint256        # 12: complete ones
    survivors: uint256      # 11: members to be drawn again
    objecting: bool         # stage Share: sharing is closed; stage Vote: voting is closed, votes are opened; stage Accuse: refuting
    voters: uint256         # 11: members of U in groups that are aggregated
    cast: uint256           # 11: votes opened


struct Verdict:
    failed_commit: uint256  # 128 bits each
    failed_upload: uint256
    accepted: uint256
    settled: uint256


SETUP: constant(uint256) = 0
REGISTER: constant(uint256) = 1
DRAW: constant(uint256) = 2
COMMIT: constant(uint256) = 3
SHARE: constant(uint256) = 4
UPLOAD: constant(uint256) = 5
REVEAL: constant(uint256) = 6
AGGREGATE: constant(uint256) = 7
SELECT: constant(uint256) = 8
VOTE: constant(uint256) = 9
PAYMENT: constant(uint256) = 10
FINISHED: constant(uint256) = 11
ACCUSE: constant(uint256) = 12   # between Upload and Aggregate, with blobs
CORRECT: constant(uint256) = 13  # between Reveal and Accuse, with blobs and `recover`


_tallies: uint256[bounds.MAX_TALLIES]   # votes against groups (`tally`)
products_hash: bytes32      # of the inner products over all chunks of `gram` so far; with blobs the root of the sums so far
_progress_slot: uint256
_failed_slot: uint256
_decided_slot: uint256


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
        capacity=(s >> 88) & (2**16 - 1),
        registered=(s >> 104) & (2**16 - 1),
        groups=(s >> 120) & 255,
        pending=(s >> 128) & (2**16 - 1),
        aggregated=(s >> 144) & 255,
        gram_chunks=(s >> 152) & 255,
        cancelled=(s >> 160) & 1 == 1,
        unselected=(s >> 161) & 1 == 1,
        first_groups=(s >> 162) & 255,
        cohort_groups=(s >> 170) & 255,
        clear=(s >> 178) & (2**13 - 1),
        cohort_members=(s >> 191) & (2**13 - 1),
        cohorts=(s >> 204) & (2**12 - 1),
        survivors=(s >> 216) & (2**11 - 1),
        objecting=(s >> 227) & 1 == 1,
        voters=(s >> 228) & (2**11 - 1),
        cast=(s >> 239) & (2**11 - 1),
    )


@internal
def _store(p: Progress):
    """
    @param p Every field within its bits: `bounds` limits the counts, and times and blocks stay below 2^40.
    """
    s: uint256 = p.stage | (p.deadline << 8) | (p.draw_block << 48) | (p.capacity << 88) | (p.registered << 104)
    s |= (p.groups << 120) | (p.pending << 128) | (p.aggregated << 144) | (p.gram_chunks << 152)
    s |= (p.first_groups << 162) | (p.cohort_groups << 170) | (p.clear << 178) | (p.cohort_members << 191)
    s |= (p.cohorts << 204) | (p.survivors << 216) | (p.voters << 228) | (p.cast << 239)
    if p.cancelled:
        s |= 1 << 160
    if p.unselected:
        s |= 1 << 161
    if p.objecting:
        s |= 1 << 227
    self._progress_slot = s


@view
@internal
def _verdict() -> Verdict:
    """
    @return What became of the groups.
    """
    failed: uint256 = self._failed_slot
    decided: uint256 = self._decided_slot
    return Verdict(
        failed_commit=failed & (2**128 - 1),
        failed_upload=failed >> 128,
        accepted=decided & (2**128 - 1),
        settled=decided >> 128,
    )


@view
@internal
def _failures() -> Verdict:
    """
    @return The verdict without what a selection and settlements decide.
    """
    failed: uint256 = self._failed_slot
    return Verdict(failed_commit=failed & (2**128 - 1), failed_upload=failed >> 128, accepted=0, settled=0)


@internal
def _set_failed(v: Verdict):
    self._failed_slot = v.failed_commit | (v.failed_upload << 128)


@internal
def _set_decided(v: Verdict):
    self._decided_slot = v.accepted | (v.settled << 128)


@pure
@internal
def _first(p: Progress) -> uint256:
    """
    @return Groups of the first commitment round.
    """
    if p.first_groups == 0:
        return p.groups
    return p.first_groups


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
    @param bitmap At most 128 bits.
    @return How many are set.
    """
    rest: uint256 = bitmap
    count: uint256 = 0
    for _: uint256 in range(bounds.MAX_GROUP_IDS):  # dev: ids are below 2 R, so that one bit is never set
        if rest == 0:
            break
        # rest > 0, so rest - 1 doesn't wrap
        rest &= unsafe_sub(rest, 1)
        count += 1
    return count


@pure
@internal
def _commits(p: Progress) -> bool:
    """
    @return Whether members commit, or share.
    """
    return p.stage == COMMIT or (p.stage == SHARE and not p.objecting)


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
def _close_aggregation(p: Progress, select_secs: uint256, vote_secs: uint256):
    """
    @notice All delivered groups are aggregated: stage Select, with rule `norm+vote` stage Vote before it.
    @param p Where the session stands; it is stored.
    @param select_secs The window of the selection.
    @param vote_secs That of the votes; 0 where there are none.
    """
    q: Progress = p
    q.stage = SELECT
    q.deadline = block.timestamp + select_secs
    if vote_secs != 0:
        q.stage = VOTE
        q.deadline = block.timestamp + vote_secs
        q.pending = q.voters
    self._store(q)
    log ISecModelUpdate.AggregationClosed(select_deadline=q.deadline)


@internal
def _close_vote(p: Progress, select_secs: uint256, vote_secs: uint256):
    """
    @notice Ends what members are doing in stage Vote: voting, after which votes are opened; or opening them.
    @param p Where the session stands; it is stored.
    @param select_secs The window of the selection.
    @param vote_secs That of the votes, once more.
    """
    q: Progress = p
    if not q.objecting:
        q.objecting = True
        q.pending = q.voters - q.pending
        q.deadline = block.timestamp + vote_secs
        log ISessionVote.VotingClosed(votes=q.pending, open_deadline=q.deadline)
        if q.pending != 0:
            self._store(q)
            return
    q.objecting = False
    q.pending = 0
    q.stage = SELECT
    q.deadline = block.timestamp + select_secs
    self._store(q)
    log ISessionVote.VoteClosed(cast=q.cast, select_deadline=q.deadline)


@pure
@internal
def _is_paid(p: Progress, v: Verdict, group_id: uint256) -> bool:
    """
    @param group_id A group that hasn't failed, after the selection.
    """
    return p.unselected or (v.accepted >> group_id) & 1 == 1


@pure
@internal
def _did(v: Verdict, threshold: uint256, group_id: uint256, g: groups.Group) -> uint256:
    """
    @param threshold T.
    @param group_id A group that has failed or been decided; with `abort` one that has failed.
    @param g It.
    @return Who did their part in it, bitmap over places.
    """
    if (v.failed_commit >> group_id) & 1 == 1:
        return g.committed
    if (v.failed_upload >> group_id) & 1 == 1 and self._count(g.delivered) < threshold:
        return g.delivered
    return groups._loyal(g)


@pure
@internal
def _window_of(stage: uint256) -> uint256:
    """
    @param stage COMMIT, SHARE, UPLOAD, REVEAL, CORRECT, ACCUSE, AGGREGATE, VOTE or SELECT.
    @return The window of that stage, as `terms` numbers it.
    """
    if stage == COMMIT or stage == SHARE:
        return terms.COMMIT
    if stage == REVEAL or stage == ACCUSE or stage == CORRECT:
        return terms.REVEAL
    if stage == UPLOAD:
        return terms.UPLOAD
    if stage == AGGREGATE:
        return terms.AGGREGATE
    if stage == VOTE:
        return terms.VOTE
    return terms.SELECT


@view
@internal
def _tallies_of(p: Progress) -> DynArray[uint256, bounds.MAX_TALLIES]:
    """
    @return The words with the votes against all groups.
    """
    found: DynArray[uint256, bounds.MAX_TALLIES] = []
    for k: uint256 in range((p.groups + tally.LANES - 1) // tally.LANES, bound=bounds.MAX_TALLIES):
        found.append(self._tallies[k])
    return found
