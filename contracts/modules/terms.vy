# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The terms of a session, packed into four slots
@license Apache-2.0
@notice What `start` was given (docs/PROTOCOL.md section 2), after `SessionTerms.check` has found every field within its range.
    With rule `norm+vote`, which has no numbers of Krum's, `vote_secs` has their room.
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from . import bounds


struct Chunk:
    count: uint256              # chunks of a vector
    size: uint256               # of this chunk, bytes; 0 beyond the last
    last_lanes: uint256         # parameters in its last word


struct Stake:
    reward_wei: uint256         # 97 bits
    bond_wei: uint256           # 101
    records: uint256            # 58: `record_constants` (section 10)


struct Fees:
    cap_wei: uint256            # 40 bits
    table: uint256              # 216 (E17)


GREEDY: constant(uint256) = 0
ABORT: constant(uint256) = 0
RECOVER: constant(uint256) = 1
KECCAK: constant(uint256) = 1
CALLDATA: constant(uint256) = 0
BLOBS: constant(uint256) = 1
NORM: constant(uint256) = 0
KRUM: constant(uint256) = 1
NORM_VOTE: constant(uint256) = 2

# Limits of calls: where they stand in the fee table (E17).
LIMIT_REGISTER: constant(uint256) = 40
LIMIT_COMMIT: constant(uint256) = 56
LIMIT_SELECT: constant(uint256) = 72
LIMIT_SETTLE: constant(uint256) = 88
LIMIT_MOVE: constant(uint256) = 104
LIMIT_UPLOAD: constant(uint256) = 120
LIMIT_AGGREGATE: constant(uint256) = 152
LIMIT_GRAM: constant(uint256) = 184
LIMIT_NONE: constant(uint256) = 216     # behind the table: nothing
MOST_MOVES: constant(uint256) = 8       # changes of stage between Register and Payment (section 9)
MORE_MOVES: constant(uint256) = 3       # ... with `recover`: two ends of sharing, the end of revealing
VOTE_MOVES: constant(uint256) = 2       # ... with `norm+vote`: the end of voting, that of opening
BLOB_MOVES: constant(uint256) = 2       # ... with blobs: the end of accusing, that of refuting
CORRECT_MOVES: constant(uint256) = 1    # ... with blobs and `recover`: the end of correcting
VOTE_CALLS: constant(uint256) = 2       # of a member, paid as a commitment: `vote`, `open_vote`

REGISTER: constant(uint256) = 0
COMMIT: constant(uint256) = 1
UPLOAD: constant(uint256) = 2
AGGREGATE: constant(uint256) = 3
SELECT: constant(uint256) = 4
REVEAL: constant(uint256) = 5
VOTE: constant(uint256) = 6


PACKED_BITS: constant(uint256) = 12     # of a lane in an element of a blob
PACKED_LANES: constant(uint256) = 21    # L: 252 bits are below q

VOTE_SECS: constant(uint256) = 184      # where `vote_secs` is in the first slot
PAYS: constant(uint256) = 219           # ... and whether calls are paid at all


# [0]: `Shape`, its fields in order, lowest first. [1]: samples, epochs, batch_size, then the five windows in seconds, 32 bits each.
# [2]: `Stake`. [3]: `Fees`.
_slots: uint256[4]


@pure
@internal
def _packed_shape(p: ISecModelUpdate.SessionParams) -> uint256:
    """
    @param p Checked parameters.
    @return `Shape` in its slot.
    """
    shape: uint256 = p.parameter_count | (p.rounds << 24) | (p.min_rounds << 32) | (p.members << 40)
    shape |= (p.threshold << 48) | (p.colluders << 56) | (p.encoding << 64) | (p.clip << 72) | (p.bound << 104)
    shape |= (p.lane_bits << 136) | (p.chunk_words << 144) | (p.suite << 160) | (p.assignment << 168) | (p.rule << 176)
    shape |= (p.krum_mu_bps << 184) | (p.krum_m << 200) | (p.krum_m_rule << 208) | (p.unsafe_small << 216)
    if p.fee_cap_wei != 0:
        shape |= 1 << PAYS
    shape |= (p.mode << 217) | (p.policy << 220) | (p.reveal_secs << 224)
    shape |= p.vote_secs << VOTE_SECS
    return shape


@pure
@internal
def _packed(p: ISecModelUpdate.SessionParams) -> uint256[4]:
    """
    @param p Checked parameters.
    @return What the session stores.
    """
    work: uint256 = p.samples | (p.epochs << 32) | (p.batch_size << 64)
    work |= (p.register_secs << 96) | (p.commit_secs << 128) | (p.upload_secs << 160)
    work |= (p.aggregate_secs << 192) | (p.select_secs << 224)
    return [
        self._packed_shape(p),
        work,
        p.reward_wei | (p.bond_wei << 97) | (p.record_constants << 198),
        p.fee_cap_wei | (p.fee_table << 40),
    ]


@view
@internal
def _shape() -> ISessionRules.Shape:
    """
    @return Sizes, encoding and rules.
    """
    return self._shape_of(self._slots[0])


@pure
@internal
def _shape_of(s: uint256) -> ISessionRules.Shape:
    return ISessionRules.Shape(
        parameter_count=s & (2**24 - 1),
        rounds=(s >> 24) & 255,
        min_rounds=(s >> 32) & 255,
        members=(s >> 40) & 255,
        threshold=(s >> 48) & 255,
        colluders=(s >> 56) & 255,
        encoding=(s >> 64) & 255,
        clip=(s >> 72) & (2**32 - 1),
        bound=(s >> 104) & (2**32 - 1),
        lane_bits=(s >> 136) & 255,
        chunk_words=(s >> 144) & (2**16 - 1),
        suite=(s >> 160) & 255,
        assignment=(s >> 168) & 255,
        rule=(s >> 176) & 255,
        krum_mu_bps=(s >> 184) & (2**16 - 1),
        krum_m=(s >> 200) & 255,
        krum_m_rule=(s >> 208) & 255,
        unsafe_small=(s >> 216) & 1,
        mode=(s >> 217) & 3,
        policy=(s >> 220) & 15,
        reveal_secs=s >> 224,
    )


@view
@internal
def _stake() -> Stake:
    """
    @return Reward and bond, wei; the constants of the records.
    """
    return self._stake_of(self._slots[2])


@pure
@internal
def _stake_of(s: uint256) -> Stake:
    return Stake(reward_wei=s & (2**97 - 1), bond_wei=(s >> 97) & (2**101 - 1), records=s >> 198)


@view
@internal
def _fees() -> Fees:
    """
    @return What calls are paid.
    """
    # most calls have read the first slot before: who pays nothing needn't read the other
    if (self._slots[0] >> PAYS) & 1 == 0:
        return empty(Fees)
    s: uint256 = self._slots[3]
    return Fees(cap_wei=s & (2**40 - 1), table=s >> 40)


@pure
@internal
def _limit(table: uint256, call: uint256) -> uint256:
    """
    @param table The fee table.
    @param call LIMIT_REGISTER to LIMIT_MOVE, or one with a price a word.
    @return What that call is paid at most, gas, without its words.
    """
    return 100 * ((table >> call) & (2**16 - 1))


@pure
@internal
def _limit_of_words(table: uint256, call: uint256, words: uint256) -> uint256:
    """
    @param table The fee table.
    @param call LIMIT_REGISTER to LIMIT_GRAM, or LIMIT_NONE.
    @param words Of vectors in the call; 0 where it has no price a word.
    @return What that call is paid at most, gas.
    """
    return self._limit(table, call) + words * ((table >> (call + 16)) & (2**16 - 1))


@pure
@internal
def _words(shape: ISessionRules.Shape) -> uint256:
    """
    @return Words of a vector in calldata.
    """
    lanes: uint256 = 256 // shape.lane_bits
    return (shape.parameter_count + lanes - 1) // lanes


@pure
@internal
def _chunks(shape: ISessionRules.Shape) -> uint256:
    """
    @return Chunks of a vector in calldata.
    """
    return (self._words(shape) + shape.chunk_words - 1) // shape.chunk_words


@pure
@internal
def _lanes(shape: ISessionRules.Shape) -> uint256:
    """
    @return M, lanes of a vector in blobs: all that a proof knows of a sum, whether they share elements or not.
    """
    return (shape.parameter_count + bounds.BLOB_ELEMENTS - 1) // bounds.BLOB_ELEMENTS


@pure
@internal
def _blobs(shape: ISessionRules.Shape) -> uint256:
    """
    @return c, blobs of a vector.
    """
    lanes: uint256 = self._lanes(shape)
    return lanes if shape.lane_bits == 0 else (lanes + PACKED_LANES - 1) // PACKED_LANES


@pure
@internal
def _sizes(shape: ISessionRules.Shape) -> (uint256, uint256):
    """
    @return Chunks and words of a vector, as fees count them: with blobs c and c, commitments being the words.
    """
    if shape.mode == BLOBS:
        return self._blobs(shape), self._blobs(shape)
    return self._chunks(shape), self._words(shape)


@pure
@internal
def _whole(table: uint256, call: uint256, chunks: uint256, words: uint256) -> uint256:
    """
    @return What the calls for all chunks of a vector are paid at most, gas.
    """
    return chunks * self._limit(table, call) + words * ((table >> (call + 16)) & (2**16 - 1))


@pure
@internal
def _member_fees(fees: Fees, shape: ISessionRules.Shape) -> uint256:
    """
    @return F, the most that a member is paid for its own calls, wei (E20).
    """
    commits: uint256 = 1
    if shape.policy == RECOVER:
        commits = 3
    if shape.rule == NORM_VOTE:
        commits += VOTE_CALLS
    gas_limit: uint256 = self._limit(fees.table, LIMIT_REGISTER) + commits * self._limit(fees.table, LIMIT_COMMIT)
    chunks: uint256 = 0
    words: uint256 = 0
    chunks, words = self._sizes(shape)
    gas_limit += self._whole(fees.table, LIMIT_UPLOAD, chunks, words)
    return gas_limit * fees.cap_wei


@pure
@internal
def _reserve(fees: Fees, shape: ISessionRules.Shape, capacity: uint256) -> uint256:
    """
    @param fees What calls are paid.
    @param shape Sizes and rule.
    @param capacity Accounts that may register.
    @return The most that all calls of a session are paid, wei (E18).
    """
    chunks: uint256 = 0
    words: uint256 = 0
    chunks, words = self._sizes(shape)
    seats: uint256 = shape.rounds * shape.members
    total: uint256 = capacity * self._limit(fees.table, LIMIT_REGISTER)
    commits: uint256 = 2 * seats
    moves: uint256 = MOST_MOVES
    if shape.policy == RECOVER:
        commits = 5 * seats + shape.rounds
        moves += MORE_MOVES
    if shape.rule == NORM_VOTE:
        commits += VOTE_CALLS * seats
        moves += VOTE_MOVES
    total += commits * self._limit(fees.table, LIMIT_COMMIT)
    total += seats * self._whole(fees.table, LIMIT_UPLOAD, chunks, words)
    rows: uint256 = shape.members
    if shape.mode == BLOBS and shape.policy == RECOVER:
        # each group has a correction, which is one more upload
        rows += 1
        moves += CORRECT_MOVES
        total += shape.rounds * self._whole(fees.table, LIMIT_UPLOAD, chunks, words)
    total += shape.rounds * self._whole(fees.table, LIMIT_AGGREGATE, chunks, rows * words)
    if shape.mode == BLOBS:
        moves += BLOB_MOVES
        words = self._lanes(shape)
    if shape.rule == KRUM or shape.mode == BLOBS:
        total += self._whole(fees.table, LIMIT_GRAM, chunks, shape.rounds * words)
    total += self._limit(fees.table, LIMIT_SELECT) + 2 * shape.rounds * self._limit(fees.table, LIMIT_SETTLE)
    total += moves * self._limit(fees.table, LIMIT_MOVE)
    return total * fees.cap_wei


@pure
@internal
def _vote_secs_of(s: uint256) -> uint256:
    if (s >> 176) & 255 != NORM_VOTE:
        return 0
    return (s >> VOTE_SECS) & (2**32 - 1)


@view
@internal
def _window(which: uint256) -> uint256:
    """
    @param which REGISTER, COMMIT, UPLOAD, AGGREGATE, SELECT, REVEAL or VOTE.
    @return The length of that window, seconds; of VOTE 0 where there is no vote.
    """
    if which == REVEAL:
        return self._slots[0] >> 224
    if which == VOTE:
        return self._vote_secs_of(self._slots[0])
    return (self._slots[1] >> (96 + 32 * which)) & (2**32 - 1)


@pure
@internal
def _chunk(shape: ISessionRules.Shape, number: uint256) -> Chunk:
    """
    @param shape Of the session.
    @param number Of the chunk, any.
    @return Its sizes. Reverts with blobs, which have no lanes.
    """
    lanes: uint256 = 256 // shape.lane_bits
    words: uint256 = self._words(shape)
    found: Chunk = Chunk(count=self._chunks(shape), size=0, last_lanes=lanes)
    if number < found.count:
        found.size = 32 * shape.chunk_words
        if number == found.count - 1:
            found.size = 32 * (words - number * shape.chunk_words)
            found.last_lanes = shape.parameter_count - (words - 1) * lanes
    return found


@pure
@internal
def _unpacked(slots: uint256[4]) -> ISecModelUpdate.SessionParams:
    """
    @param slots What `_packed` gave.
    @return What it was given.
    """
    shape: ISessionRules.Shape = self._shape_of(slots[0])
    w: uint256 = slots[1]
    stake: Stake = self._stake_of(slots[2])
    if shape.rule == NORM_VOTE:
        shape.krum_mu_bps = 0
        shape.krum_m = 0
        shape.krum_m_rule = 0
    return ISecModelUpdate.SessionParams(
        parameter_count=shape.parameter_count,
        samples=w & (2**32 - 1),
        epochs=(w >> 32) & (2**32 - 1),
        batch_size=(w >> 64) & (2**32 - 1),
        rounds=shape.rounds,
        min_rounds=shape.min_rounds,
        members=shape.members,
        threshold=shape.threshold,
        colluders=shape.colluders,
        encoding=shape.encoding,
        clip=shape.clip,
        bound=shape.bound,
        lane_bits=shape.lane_bits,
        chunk_words=shape.chunk_words,
        suite=shape.suite,
        assignment=shape.assignment,
        rule=shape.rule,
        krum_mu_bps=shape.krum_mu_bps,
        krum_m=shape.krum_m,
        krum_m_rule=shape.krum_m_rule,
        policy=shape.policy,
        register_secs=(w >> 96) & (2**32 - 1),
        commit_secs=(w >> 128) & (2**32 - 1),
        upload_secs=(w >> 160) & (2**32 - 1),
        aggregate_secs=(w >> 192) & (2**32 - 1),
        select_secs=w >> 224,
        reveal_secs=shape.reveal_secs,
        vote_secs=self._vote_secs_of(slots[0]),
        reward_wei=stake.reward_wei,
        bond_wei=stake.bond_wei,
        fee_cap_wei=slots[3] & (2**40 - 1),
        fee_table=slots[3] >> 40,
        record_constants=stake.records,
        unsafe_small=shape.unsafe_small,
        mode=shape.mode,
    )
