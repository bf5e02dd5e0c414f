# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The transitions of a session, and what each does to its money
@license Apache-2.0
@notice Every function takes the progress as it is, and stores it as it becomes. Who makes a session Finished calls `_finish` when
    its call has been paid.
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionBlobs
from interfaces import ISessionRecovery
from interfaces import ISessionRules
from . import bounds
from . import escrow
from . import groups
from . import libraries
from . import progress
from . import seats
from . import terms

uses: escrow
uses: groups
uses: libraries
uses: progress
uses: seats
uses: terms


@internal
def _advance(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice The one transition that is due.
    """
    due: bool = p.stage != progress.PAYMENT and p.stage != progress.FINISHED and progress._over(p)
    if p.stage == progress.DRAW:
        due = block.number > p.draw_block
    assert due, "session: nothing to advance"
    if p.stage == progress.SETUP:
        self._cancel(p, 0)
    elif p.stage == progress.REGISTER:
        self._close_registration(p, shape)
    elif p.stage == progress.DRAW:
        self._draw(p, shape)
    elif p.stage == progress.COMMIT or p.stage == progress.SHARE:
        self._close_round(p, shape)
    elif p.stage == progress.UPLOAD:
        self._close_upload(p, shape)
    elif p.stage == progress.REVEAL:
        self._close_reveal(p, shape)
    elif p.stage == progress.CORRECT:
        self._fail_uncorrected(p, shape)
    elif p.stage == progress.ACCUSE:
        self._close_accusing(p, shape)
    elif p.stage == progress.VOTE:
        progress._close_vote(p, terms._window(terms.SELECT), terms._window(terms.VOTE))
    else:
        self._end_selection(p, shape, 0)


@pure
@internal
def _full_groups(p: progress.Progress, shape: ISessionRules.Shape) -> uint256:
    """
    @return Groups that the registered can fill.
    """
    return min(shape.rounds, p.cohorts + (p.registered - p.cohort_members) // shape.members)


@internal
def _close_registration(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice Nobody registers any more: too few refunds all, `greedy` seats at once, `shuffled` fixes the block of the draw.
    """
    q: progress.Progress = p
    full: uint256 = self._full_groups(q, shape)
    enough: bool = full >= shape.min_rounds
    if enough and shape.assignment != terms.GREEDY:
        q.draw_block = block.number + bounds.DRAW_DELAY
    log ISecModelUpdate.RegistrationClosed(registered=q.registered, draw_block=q.draw_block)
    if not enough:
        self._cancel(q, full)
    elif shape.assignment == terms.GREEDY:
        self._seat_all(q, shape, empty(bytes32))
    else:
        self._await_draw(q)


@internal
def _await_draw(p: progress.Progress):
    q: progress.Progress = p
    q.stage = progress.DRAW
    q.deadline = 0
    progress._store(q)


@internal
def _draw(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice Draws from the hash of draw_block, or sets a later one if the chain has forgotten it.
    """
    if block.number - p.draw_block > bounds.HASHES_KEPT:
        q: progress.Progress = p
        q.draw_block = block.number + bounds.DRAW_DELAY
        progress._store(q)
        log ISecModelUpdate.DrawPostponed(draw_block=q.draw_block)
        return
    seed: bytes32 = keccak256(concat(blockhash(p.draw_block), convert(self, bytes32)))
    if p.first_groups == 0:
        seats.seed = seed
        self._seat_all(p, shape, seed)
    else:
        seats.second_seed = seed
        self._seat_again(p, shape, seed)


@internal
def _seat_all(p: progress.Progress, shape: ISessionRules.Shape, seed: bytes32):
    """
    @notice Opens the first commitment round. Who has no seat gets its bond back.
    """
    q: progress.Progress = p
    q.groups = self._full_groups(q, shape)
    if q.cohorts != 0:
        loose_groups: uint256 = (q.registered - q.cohort_members) // shape.members
        q.cohort_groups = staticcall libraries.RULES.cohort_groups(seed, shape.rounds, q.cohorts, loose_groups)
    unseated: uint256 = q.registered - q.groups * shape.members
    escrow._credit(unseated * terms._stake().bond_wei)
    q = self._open_commit(q, q.groups, shape)
    log ISecModelUpdate.Drawn(seed=seed, groups=q.groups, unseated=unseated, commit_deadline=q.deadline)


@internal
def _seat_again(p: progress.Progress, shape: ISessionRules.Shape, seed: bytes32):
    """
    @notice Opens the second commitment round (section 6.2). Who has no seat gets its bond back when its first group is settled.
    """
    q: progress.Progress = p
    fresh: uint256 = q.survivors // shape.members
    q.groups += fresh
    q = self._open_commit(q, fresh, shape)
    log ISecModelUpdate.Redrawn(
        seed=seed,
        first_group=q.first_groups,
        groups=fresh,
        unseated=q.survivors - fresh * shape.members,
        commit_deadline=q.deadline,
    )


@internal
def _open_commit(p: progress.Progress, fresh: uint256, shape: ISessionRules.Shape) -> progress.Progress:
    """
    @param fresh Groups that commit.
    @return The progress as it is stored.
    """
    q: progress.Progress = p
    q.pending = fresh * shape.members
    q.stage = progress.COMMIT
    if shape.policy == terms.RECOVER:
        q.stage = progress.SHARE
    q.deadline = block.timestamp + terms._window(terms.COMMIT)
    progress._store(q)
    return q


@internal
def _cancel(p: progress.Progress, full: uint256):
    """
    @notice Ends the session before anybody has a seat: everybody is refunded.
    """
    q: progress.Progress = p
    q.stage = progress.FINISHED
    q.deadline = 0
    q.cancelled = True
    progress._store(q)
    stake: terms.Stake = terms._stake()
    escrow._credit(q.registered * stake.bond_wei)
    escrow._fix(0, stake.reward_wei)
    log ISecModelUpdate.Cancelled(by=msg.sender, groups=full)


@internal
def _fail_missing(p: progress.Progress, shape: ISessionRules.Shape) -> progress.Verdict:
    """
    @notice Fails the live groups in which fewer than T members have committed or shared (stages Commit and Share) or delivered
        (stage Upload), or somebody's secret isn't known (stage Reveal). With `abort` T is N.
    @return The verdict, stored.
    """
    v: progress.Verdict = progress._verdict()
    if p.pending == 0:
        return v
    live: uint256 = progress._live(p, v)
    for i: uint256 in range(p.groups, bound=bounds.MAX_GROUP_IDS):
        if (live >> i) & 1 == 0:
            continue
        g: groups.Group = groups._load(i)
        did: uint256 = g.committed
        if p.stage == progress.UPLOAD:
            did = g.delivered
        elif p.stage == progress.REVEAL:
            did = groups._loyal(g)
        if p.stage == progress.REVEAL and g.opened == g.committed:
            continue
        if p.stage != progress.REVEAL and progress._count(did) >= shape.threshold:
            continue
        if p.stage < progress.UPLOAD:
            v.failed_commit |= 1 << i
        else:
            v.failed_upload |= 1 << i
        log ISecModelUpdate.GroupFailed(group=i, stage=p.stage, did_their_part=did)
    progress._set_failed(v)
    return v


@internal
def _number_survivors(p: progress.Progress, v: progress.Verdict) -> uint256:
    """
    @notice Numbers those of the failed groups who are drawn again, by group, then place.
    @return How many they are.
    """
    survivors: uint256 = 0
    for i: uint256 in range(p.groups, bound=bounds.MAX_GROUPS):
        if (v.failed_commit >> i) & 1 == 1:
            g: groups.Group = groups._load(i)
            again: uint256 = groups._survivors(g)
            if again != 0:
                g.offset = survivors
                groups._store(i, g)
                survivors += progress._count(again)
    return survivors


@internal
def _close_round(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice Ends what members are doing in a commitment round: committing, or sharing, or objecting.
    """
    if p.stage == progress.SHARE and not p.objecting:
        self._close_sharing(p)
    else:
        self._close_commit(p, shape)


@internal
def _close_sharing(p: progress.Progress):
    """
    @notice No share after this: whose masks a group's are is fixed. Its members may object to what they got.
    """
    q: progress.Progress = p
    q.objecting = True
    q.deadline = block.timestamp + terms._window(terms.COMMIT)
    progress._store(q)
    log ISessionRecovery.SharingClosed(object_deadline=q.deadline)


@internal
def _close_commit(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice Ends a commitment round: the first one may lead to a second, every other one to the barrier.
    """
    q: progress.Progress = p
    q.objecting = False
    v: progress.Verdict = self._fail_missing(p, shape)
    if q.first_groups == 0:
        q.first_groups = q.groups
        q.survivors = self._number_survivors(q, v)
        if q.survivors >= shape.members:
            greedy: bool = shape.assignment == terms.GREEDY
            if not greedy:
                q.draw_block = block.number + bounds.DRAW_DELAY
            log ISecModelUpdate.RoundClosed(survivors=q.survivors, draw_block=q.draw_block)
            if greedy:
                self._seat_again(q, shape, empty(bytes32))
            else:
                self._await_draw(q)
            return
    self._pass_barrier(q, v, shape)


@internal
def _pass_barrier(p: progress.Progress, v: progress.Verdict, shape: ISessionRules.Shape):
    """
    @notice No commitment after this, no upload before it.
    """
    q: progress.Progress = p
    live: uint256 = progress._live(q, v)
    q.pending = progress._count(live)
    q.stage = progress.UPLOAD
    q.deadline = block.timestamp + terms._window(terms.UPLOAD)
    log ISecModelUpdate.BarrierPassed(live_groups=live, upload_deadline=q.deadline)
    if live == 0:
        self._close_upload(q, shape)
    else:
        progress._store(q)


@internal
def _close_upload(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice No upload after this: with `recover` it is fixed whose words count, and their masks are lifted next; with blobs sums that
        are malformed may be named next.
    """
    q: progress.Progress = p
    v: progress.Verdict = self._fail_missing(p, shape)
    live: uint256 = progress._live(q, v)
    if live != 0 and shape.reveal_secs != 0:
        q.pending = progress._count(live)
        q.stage = progress.REVEAL
        if shape.policy == terms.ABORT:
            q.pending = 0
            q.stage = progress.ACCUSE
        q.deadline = block.timestamp + shape.reveal_secs
        progress._store(q)
        log ISecModelUpdate.UploadClosed(delivered_groups=live, deadline=q.deadline)
        return
    q = self._await_aggregates(q)
    log ISecModelUpdate.UploadClosed(delivered_groups=live, deadline=q.deadline)
    self._open_aggregation(q, shape, live)


@internal
def _close_reveal(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice No secret after this. Groups whose masks can't be lifted fail. With blobs corrections are next.
    """
    v: progress.Verdict = self._fail_missing(p, shape)
    live: uint256 = progress._live(p, v)
    q: progress.Progress = self._await_aggregates(p)
    if shape.mode == terms.BLOBS:
        q.pending = progress._count(live)
        q.stage = progress.CORRECT
        q.deadline = block.timestamp + shape.reveal_secs
    log ISessionRecovery.RevealClosed(open_groups=live, aggregate_deadline=q.deadline)
    self._open_aggregation(q, shape, live)


@internal
def _fail_uncorrected(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice Ends stage Correct when its window is over: groups that nobody has corrected fail.
    """
    v: progress.Verdict = progress._verdict()
    live: uint256 = progress._live(p, v)
    for i: uint256 in range(p.groups, bound=bounds.MAX_GROUP_IDS):
        if (live >> i) & 1 == 0:
            continue
        g: groups.Group = groups._load(i)
        if g.chunks_aggregated == 0:
            v.failed_upload |= 1 << i
            log ISecModelUpdate.GroupFailed(group=i, stage=progress.CORRECT, did_their_part=groups._loyal(g))
    progress._set_failed(v)
    self._close_correcting(p, shape)


@internal
def _close_correcting(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice No correction after this: what the sums are is fixed, and they may be accused, corrections refuted.
    """
    q: progress.Progress = p
    live: uint256 = progress._live(q, progress._failures())
    q.pending = 0
    q.stage = progress.ACCUSE
    q.deadline = block.timestamp + shape.reveal_secs
    log ISessionBlobs.CorrectingClosed(corrected_groups=live, accuse_deadline=q.deadline)
    self._open_aggregation(q, shape, live)


@internal
def _close_accusing(p: progress.Progress, shape: ISessionRules.Shape):
    """
    @notice Ends what the stage is for: accusing, after which accusations are opened, if there are any; or refuting.
    """
    q: progress.Progress = p
    if not q.objecting and q.pending != 0:
        q.objecting = True
        q.deadline = block.timestamp + shape.reveal_secs
        progress._store(q)
        log ISessionBlobs.AccusingClosed(accusations=q.pending, refute_deadline=q.deadline)
        return
    q.objecting = False
    live: uint256 = progress._live(q, progress._failures())
    q = self._await_aggregates(q)
    log ISessionBlobs.RefutingClosed(live_groups=live, aggregate_deadline=q.deadline)
    self._open_aggregation(q, shape, live)


@view
@internal
def _await_aggregates(p: progress.Progress) -> progress.Progress:
    q: progress.Progress = p
    q.pending = 0
    q.stage = progress.AGGREGATE
    q.deadline = block.timestamp + terms._window(terms.AGGREGATE)
    return q


@internal
def _open_aggregation(p: progress.Progress, shape: ISessionRules.Shape, live: uint256):
    """
    @param live Groups to be aggregated, or corrected before, some of which may be; without any the owner gets its reward back.
    """
    q: progress.Progress = p
    if live == 0:
        self._end_selection(q, shape, 0)
    elif q.aggregated == progress._count(live):
        progress._close_aggregation(q, terms._window(terms.SELECT), terms._window(terms.VOTE))
    else:
        progress._store(q)


@internal
def _end_selection(p: progress.Progress, shape: ISessionRules.Shape, accepted: uint256):
    """
    @notice Fixes who is paid, and what: the accepted groups, or all delivered ones where there is none. Opens stage Payment.
    @param accepted Bitmap over group ids.
    """
    q: progress.Progress = p
    v: progress.Verdict = progress._verdict()
    live: uint256 = progress._live(q, v)
    v.accepted = accepted
    q.unselected = accepted == 0 and live != 0
    paid: uint256 = live if q.unselected else accepted
    share_wei: uint256 = 0
    burnt_wei: uint256 = 0
    delivered: uint256 = self._delivered(q, shape, live)
    if shape.mode == terms.BLOBS:
        # of groups that were refuted nothing returns to the owner, who might have had them spoilt
        delivered += q.gram_chunks * shape.members
    share_wei, burnt_wei = self._divide(shape, delivered, self._delivered(q, shape, paid))
    q.stage = progress.PAYMENT
    q.deadline = block.timestamp
    log ISecModelUpdate.Selected(
        accepted=accepted, paid=paid, unselected=q.unselected, share_wei=share_wei, burnt_wei=burnt_wei
    )
    progress._set_decided(v)
    self._close_payment(q, v)


@internal
def _divide(shape: ISessionRules.Shape, delivered: uint256, paid: uint256) -> (uint256, uint256):
    """
    @notice Divides the reward (E30). A seat in a delivered group has a price that nobody's failure or refusal changes: what
        refused groups would have had is burnt, so that nobody gains by refusing or spoiling them. Krum accepts a fixed number of
        groups, which share the price of all. The price of groups that weren't seated or failed returns to the owner.
    @param delivered Members that delivered, of live groups and, with blobs, of refuted ones.
    @param paid Those of paid groups; none only where none has delivered.
    @return The share of a member of a paid group; what stays locked for ever: wei.
    """
    reward_wei: uint256 = terms._stake().reward_wei
    share_wei: uint256 = reward_wei // (shape.rounds * shape.members)
    burnt_wei: uint256 = (delivered - paid) * share_wei
    if paid == 0:
        share_wei = 0
    elif shape.rule == terms.KRUM:
        share_wei = share_wei * delivered // paid
        burnt_wei = 0
    escrow._fix(share_wei, reward_wei - paid * share_wei - burnt_wei)
    return share_wei, burnt_wei


@view
@internal
def _delivered(p: progress.Progress, shape: ISessionRules.Shape, bitmap: uint256) -> uint256:
    """
    @param bitmap Over group ids: groups that have delivered.
    @return How many members have, in them.
    """
    if shape.policy == terms.ABORT:
        return progress._count(bitmap) * shape.members
    count: uint256 = 0
    for i: uint256 in range(p.groups, bound=bounds.MAX_GROUP_IDS):
        if (bitmap >> i) & 1 == 1:
            count += progress._count(groups._load(i).delivered)
    return count


@internal
def _close_payment(p: progress.Progress, v: progress.Verdict):
    """
    @notice The last settlement makes the session Finished.
    """
    q: progress.Progress = p
    if v.settled == (1 << p.groups) - 1:
        q.stage = progress.FINISHED
        q.deadline = 0
    progress._store(q)


@internal
def _finish():
    """
    @notice Credits the owner with what is left. Once, when the call that made the session Finished has been paid.
    """
    log ISecModelUpdate.Finished(owner_credit_wei=escrow._end())
