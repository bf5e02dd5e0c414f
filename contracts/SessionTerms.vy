# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title The terms of all sessions: which parameters can work
@license Apache-2.0
@notice Stateless. `start` asks it, and it says what was expected and what was given.
@custom:contract-name SessionTerms
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from interfaces import ISessionTerms
from modules import bounds
from modules import krum
from modules import records
from modules import terms

implements: ISessionTerms


PUBLISHED_LANES: constant(uint256) = 8
MAX_PACKED_SUM: constant(uint256) = 2047        # N Q: 2 N Q is a lane's digit
MAX_CLIP: constant(uint256) = 2139095039        # the largest finite float32, as a bit pattern
MAX_REWARD_WEI: constant(uint256) = 2**96       # keeps every sum of the session below 2^127
MAX_FEE_CAP_WEI: constant(uint256) = 2**40 - 1
MAX_FEE_TABLE: constant(uint256) = 2**216 - 1
MAX_RECORD_CONSTANTS: constant(uint256) = 2**58 - 1
MAX_RESERVE_WEI: constant(uint256) = 2**41 * bounds.GWEI_WEI    # keeps every account's fees within 42 bits of gwei


@pure
@external
def check(p: ISecModelUpdate.SessionParams, s: ISessionTerms.Setting) -> (uint256[4], uint256):
    """
    @notice Refuses parameters that can't work (docs/PROTOCOL.md section 2), each with its own reason and the numbers.
    @param p What `start` was given.
    @param s What the session knows by then.
    @return The parameters packed, as the session stores them; the reserve, wei.
    """
    self._check_training(p)
    self._check_groups(p)
    self._check_encoding(p)
    self._check_rule(p)
    self._check_windows(p, s.min_window_secs)
    self._check_fees(p)
    self._check_records(p)
    self._check_calls(p)
    least: uint256 = p.min_rounds * p.members
    assert s.capacity != 0, self._told("start: the capacity is zero", 1, 0)
    assert s.capacity >= least, self._told("start: capacity below min_rounds * members", least, s.capacity)
    words: uint256 = (p.parameter_count + PUBLISHED_LANES - 1) // PUBLISHED_LANES
    top: uint256 = p.parameter_count - (words - 1) * PUBLISHED_LANES
    assert s.published_words == words, self._told("start: published words other than ceil(d / 8)", words, s.published_words)
    assert s.published_top <= top, self._told("start: published lanes beyond d", top, s.published_top)
    return self._check_money(p, s)


@pure
@external
def unpacked(slots: uint256[4]) -> ISecModelUpdate.SessionParams:
    """
    @param slots What `check` returned.
    @return The parameters.
    """
    return terms._unpacked(slots)


@pure
@internal
def _told(reason: String[80], expected: uint256, given: uint256) -> String[256]:
    """
    @return The reason with both numbers.
    """
    return concat(reason, ": expected ", uint2str(expected), ", given ", uint2str(given))


@pure
@internal
def _within(given: uint256, least: uint256, most: uint256, reason: String[80]):
    assert given >= least, self._told(reason, least, given)
    assert given <= most, self._told(reason, most, given)


@pure
@internal
def _is(given: uint256, expected: uint256, reason: String[80]):
    assert given == expected, self._told(reason, expected, given)


@pure
@internal
def _check_training(p: ISecModelUpdate.SessionParams):
    self._within(p.parameter_count, 1, bounds.MAX_PARAMETERS, "start: parameter_count out of 1..2^20")
    self._within(p.samples, 1, bounds.MAX_COUNT, "start: samples out of 1..2^32-1")
    self._within(p.epochs, 1, bounds.MAX_COUNT, "start: epochs out of 1..2^32-1")
    self._within(p.batch_size, 1, bounds.MAX_COUNT, "start: batch_size out of 1..2^32-1")


@pure
@internal
def _check_groups(p: ISecModelUpdate.SessionParams):
    self._within(p.rounds, 1, bounds.MAX_GROUPS, "start: rounds out of 1..64")
    self._within(p.min_rounds, 1, p.rounds, "start: min_rounds out of 1..rounds")
    self._within(p.members, 2, bounds.MAX_MEMBERS, "start: members out of 2..16")
    self._within(p.policy, 0, terms.RECOVER, "start: unknown policy")
    if p.policy == terms.ABORT:
        self._is(p.threshold, p.members, "start: threshold other than members")
    self._within(p.mode, 0, terms.BLOBS, "start: unknown mode")
    self._within(p.unsafe_small, 0, 1, "start: unsafe_small out of 0..1")
    self._within(p.colluders, 1, p.members, "start: colluders out of 1..members")
    self._within(p.threshold, 2, p.members, "start: threshold out of 2..members")
    if p.unsafe_small == 0:
        self._within(p.threshold, p.colluders + 2, bounds.MAX_MEMBERS, "start: threshold below colluders + 2")
    self._within(p.assignment, 0, 1, "start: unknown assignment")


@pure
@internal
def _check_encoding(p: ISecModelUpdate.SessionParams):
    self._within(p.encoding, 0, 1, "start: unknown encoding")
    self._within(p.suite, 0, 1, "start: unknown suite")
    if p.policy == terms.RECOVER:
        self._is(p.suite, terms.KECCAK, "start: recover with another suite than keccak")
    if p.mode == terms.BLOBS:
        self._is(p.suite, terms.KECCAK, "start: blobs with another suite than keccak")
    self._within(p.bound, 1, bounds.MAX_BOUND, "start: bound out of 1..2^31-1")
    if p.encoding == 0:
        self._within(p.clip, 1, MAX_CLIP, "start: clip isn't a positive finite float32")
        bits: uint256 = 0
        for width: uint256 in [6, 8, 10, 12, 16, 32]:
            if p.members * p.bound < 1 << (width - 1):
                bits = width
                break
        sum_bound: uint256 = p.members * p.bound
        assert bits != 0, self._told("start: members * bound doesn't fit 32 bits", bounds.MAX_BOUND, sum_bound)
        if p.mode == terms.CALLDATA:
            self._is(p.lane_bits, bits, "start: lane_bits isn't the smallest that holds members * bound")
        elif p.lane_bits != 0:
            self._is(p.lane_bits, terms.PACKED_BITS, "start: lane_bits other than 0 or 12 with blobs")
            self._within(sum_bound, 1, MAX_PACKED_SUM, "start: members * bound above 2047 with packing")
    else:
        self._is(p.clip, 0, "start: clip with weights")
        self._is(p.bound, bounds.MAX_BOUND // p.members, "start: bound other than floor((2^31-1) / members)")
        if p.mode == terms.CALLDATA:
            self._is(p.lane_bits, 32, "start: lane_bits other than 32 with weights")
        else:
            self._is(p.lane_bits, 0, "start: lane_bits with weights in blobs")


@pure
@internal
def _check_rule(p: ISecModelUpdate.SessionParams):
    self._within(p.rule, 0, terms.NORM_VOTE, "start: unknown rule")
    self._within(p.krum_m_rule, 0, 1, "start: unknown krum_m_rule")
    if p.rule != terms.KRUM:
        self._is(p.encoding, 0, "start: norm with weights")
        self._is(p.krum_mu_bps, 0, "start: krum's numbers with norm")
        self._is(p.krum_m, 0, "start: krum's numbers with norm")
        if p.rule == terms.NORM_VOTE:
            self._is(p.krum_m_rule, 0, "start: krum's numbers with norm")
    else:
        self._within(p.rounds, 1, bounds.MAX_KRUM_GROUPS, "start: krum with more than 16 rounds")
        self._within(p.krum_mu_bps, 0, krum.BPS // 2, "start: krum_mu_bps out of 0..5000")
        self._within(p.krum_m, 1, p.rounds, "start: krum_m out of 1..rounds")
        picks: uint256 = krum._picks(p.rounds, p.krum_mu_bps, p.krum_m, p.krum_m_rule)
        assert picks != 0, self._told("start: krum has no legal m", p.krum_m, picks)


@pure
@internal
def _check_windows(p: ISecModelUpdate.SessionParams, min_window_secs: uint256):
    least: uint256 = max(1, min_window_secs)
    for secs: uint256 in [p.register_secs, p.commit_secs, p.upload_secs, p.aggregate_secs, p.select_secs]:
        assert secs >= least, self._told("start: window below MIN_WINDOW", least, secs)
        assert secs <= bounds.MAX_WINDOW_SECS, self._told("start: window above one year", bounds.MAX_WINDOW_SECS, secs)
    if p.mode == terms.BLOBS:
        # to accuse, to refute; with `recover` before that to reveal, by quarters, and to correct
        reveals: uint256 = 2
        if p.policy == terms.RECOVER:
            reveals = 4
            least = max(4, least)
        self._within(p.reveal_secs, least, bounds.MAX_BLOB_WINDOWS_SECS, "start: reveal_secs out of MIN_WINDOW..ten days")
        all_secs: uint256 = p.upload_secs + reveals * p.reveal_secs + p.aggregate_secs + 2 * p.vote_secs + p.select_secs
        self._within(all_secs, 0, bounds.MAX_BLOB_WINDOWS_SECS, "start: windows from the upload on above ten days with blobs")
    elif p.policy == terms.ABORT:
        self._is(p.reveal_secs, 0, "start: reveal_secs with abort")
    else:
        # its quarters: two to reveal, one to stand in for others, one to rebuild
        self._within(p.reveal_secs, max(4, least), bounds.MAX_WINDOW_SECS, "start: reveal_secs out of MIN_WINDOW..one year")
    if p.rule == terms.NORM_VOTE:
        self._within(p.vote_secs, max(2, least), bounds.MAX_WINDOW_SECS, "start: vote_secs out of MIN_WINDOW..one year")
    else:
        self._is(p.vote_secs, 0, "start: vote_secs without norm+vote")


@pure
@internal
def _check_fees(p: ISecModelUpdate.SessionParams):
    self._within(p.fee_cap_wei, 0, MAX_FEE_CAP_WEI, "start: fee_cap_wei above 2^40-1")
    self._within(p.fee_table, 0, MAX_FEE_TABLE, "start: fee_table above 216 bits")
    if p.fee_cap_wei == 0:
        self._is(p.fee_table, 0, "start: fee_table without fee_cap_wei")
    else:
        self._within(p.fee_table, 1, MAX_FEE_TABLE, "start: fee_cap_wei without fee_table")


@pure
@internal
def _check_records(p: ISecModelUpdate.SessionParams):
    if p.record_constants == 0:
        return
    self._within(p.record_constants, 0, MAX_RECORD_CONSTANTS, "start: record_constants above 58 bits")
    c: records.Constants = records._constants(p.record_constants)
    self._within(c.weight, 2, 255, "start: weight below 2")
    self._within(c.newcomer, 0, records.WORST, "start: newcomer above 2^16")
    self._within(c.threshold, 1, records.WORST, "start: threshold out of 1..2^16")


@pure
@internal
def _check_calls(p: ISecModelUpdate.SessionParams):
    """
    @notice N chunks in `aggregate`, and R in `gram`, must fit a call. What fits 128 KiB fits 2^24 gas (EIP-7825) too: the
        most expensive call, `gram` on 16 groups of 254 words, takes less than 15 million (tests/gas/test_largest_calls.py).
    """
    if p.mode == terms.BLOBS:
        self._check_blob_calls(p)
        return
    self._within(p.chunk_words, bounds.MIN_CHUNK_WORDS, bounds.MAX_CHUNK_WORDS, "start: chunk_words out of 8..720")
    lanes: uint256 = 256 // p.lane_bits
    words: uint256 = (p.parameter_count + lanes - 1) // lanes
    self._within(words, 1, p.chunk_words * bounds.MAX_CHUNKS, "start: more than 64 chunks")
    chunk: uint256 = min(words, p.chunk_words)
    seeds: uint256 = 0
    if p.policy == terms.RECOVER:
        seeds = bounds.MAX_SEEDS
    self._within((p.members * chunk + seeds) * 32, 0, bounds.MAX_CALL_BYTES, "start: aggregate above 128 KiB")
    if p.rule == terms.KRUM:
        carried: uint256 = 0
        if words > chunk:
            # from the second chunk on the products so far come along
            carried = p.rounds * (p.rounds - 1) // 2
        self._within((p.rounds * chunk + carried) * 32, 0, bounds.MAX_CALL_BYTES, "start: gram above 128 KiB")


@pure
@internal
def _check_blob_calls(p: ISecModelUpdate.SessionParams):
    """
    @notice The N c commitments of a group, with `recover` those of its correction too, must fit a call. A proof that doesn't comes in
        several.
    """
    self._is(p.chunk_words, 0, "start: chunk_words with blobs")
    blobs: uint256 = (p.parameter_count + bounds.BLOB_ELEMENTS - 1) // bounds.BLOB_ELEMENTS
    if p.lane_bits != 0:
        blobs = (blobs + terms.PACKED_LANES - 1) // terms.PACKED_LANES
    # policy `recover` is 1: one row more
    commitments: uint256 = (p.members + p.policy) * blobs * bounds.POINT_BYTES
    self._within(commitments, 0, bounds.MAX_CALL_BYTES, "start: commitments of a group above 128 KiB")


@pure
@internal
def _check_money(p: ISecModelUpdate.SessionParams, s: ISessionTerms.Setting) -> (uint256[4], uint256):
    """
    @return The parameters packed; the reserve, wei.
    """
    seats: uint256 = p.rounds * p.members
    self._within(p.reward_wei, seats, max_value(uint256), "start: reward below one wei a seat")
    self._within(p.reward_wei, 0, MAX_REWARD_WEI, "start: reward above 2^96")
    fees: terms.Fees = terms.Fees(cap_wei=p.fee_cap_wei, table=p.fee_table)
    shape: ISessionRules.Shape = terms._shape_of(terms._packed_shape(p))
    reserve_wei: uint256 = terms._reserve(fees, shape, s.capacity)
    self._within(reserve_wei, 0, MAX_RESERVE_WEI, "start: reserve above 2^41 gwei")
    member_fees_wei: uint256 = terms._member_fees(fees, shape)
    least_wei: uint256 = ((p.members - 1) * p.reward_wei + seats - 1) // seats + member_fees_wei
    most_wei: uint256 = 2 * p.reward_wei // p.rounds + member_fees_wei
    self._within(p.bond_wei, least_wei, max_value(uint256), "start: bond below (members - 1) * reward / seats + fees")
    self._within(p.bond_wei, 0, most_wei, "start: bond above 2 * reward / rounds + fees")
    self._is(s.value_wei, p.reward_wei + reserve_wei, "start: value other than reward + reserve")
    return terms._packed(p), reserve_wei
