# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The rules of all sessions: which parameters can work, and which groups are accepted
@license Apache-2.0
@notice Stateless. Every session asks it; it is a contract of its own so that a session stays below EIP-170's limit.
@custom:contract-name SessionRules
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from modules import bounds
from modules import draw
from modules import escrow
from modules import terms

implements: ISessionRules


PUBLISHED_LANES: constant(uint256) = 8
MAX_CLIP: constant(uint256) = 2139095039        # the largest finite float32, as a bit pattern
MAX_REWARD_WEI: constant(uint256) = 2**96       # keeps every sum of the session below 2^127
BPS: constant(uint256) = 10_000

DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f6b65792f3100000000000000000000000000000000  # omnilytics/key/1
CURVE_ORDER: constant(uint256) = 115792089237316195423570985008687907852837564279074904382605163141518161494337


@view
@external
def check(p: ISecModelUpdate.SessionParams, s: ISessionRules.Setting) -> uint256[3]:
    """
    @notice Refuses parameters that can't work (docs/PROTOCOL.md section 2), each with its own reason.
    @param p What `start` was given.
    @param s What the session knows by then.
    @return The parameters packed, as the session stores them.
    """
    self._check_training(p)
    self._check_groups(p)
    self._check_encoding(p)
    self._check_rule(p)
    self._check_windows(p, s.min_window_secs)
    self._check_money(p, s.value_wei)
    self._check_calls(p)
    assert s.listed != 0, "start: the whitelist is empty"
    assert s.listed >= p.min_rounds * p.members, "start: whitelist below min_rounds * members"
    words: uint256 = (p.parameter_count + PUBLISHED_LANES - 1) // PUBLISHED_LANES
    assert s.published_words == words, "start: published words other than ceil(d / 8)"
    assert s.published_top <= p.parameter_count - (words - 1) * PUBLISHED_LANES, "start: published lanes beyond d"
    return terms._packed(p)


@pure
@external
def unpacked(slots: uint256[3]) -> ISecModelUpdate.SessionParams:
    """
    @param slots What `check` returned.
    @return The parameters.
    """
    return terms._unpacked(slots)


@view
@external
def key_address(keys: ISecModelUpdate.Keys, account: address) -> address:
    """
    @notice Checks a mask key and its signature (E8), made for the session that asks.
    @param keys What `register` was given.
    @param account Who registers.
    @return addr(PK).
    """
    assert keys.transport == empty(bytes32), "register: transport key is reserved"
    assert keys.self_mask == empty(address), "register: self mask is reserved"
    assert keys.x != 0 and keys.x < CURVE_ORDER, "register: x out of range"
    assert keys.parity <= 1, "register: parity out of range"
    # ecrecover(0, v, r, s) is addr(s/r R), R the point with x coordinate r: with r = s = x that is addr(PK)
    found: address = ecrecover(empty(bytes32), 27 + keys.parity, keys.x, keys.x)
    assert found != empty(address), "register: x isn't on the curve"
    digest: bytes32 = keccak256(abi_encode(DOMAIN, chain.id, msg.sender, account))
    assert ecrecover(digest, keys.v, keys.r, keys.s) == found, "register: key signature"
    return found


@pure
@external
def accepted(
    shape: ISessionRules.Shape,
    live: uint256,
    norms: DynArray[uint256, bounds.MAX_GROUPS],
    products: DynArray[int256, bounds.MAX_PRODUCTS],
) -> uint256:
    """
    @notice Asks the rule of a session which groups it accepts. u_r = N for all of them, under policy `abort`.
    @param shape The terms of the session.
    @param live P as a bitmap over group ids.
    @param norms G_rr of the groups of P, in order of id.
    @param products With `krum`: G_rs for r < s in P, row by row.
    @return Bitmap over group ids; zero where nothing is accepted or the rule is undefined on P.
    """
    positions: uint256 = 0
    if shape.rule == terms.NORM:
        positions = self._norm(norms, shape.parameter_count * shape.bound**2)
    else:
        picks: uint256 = self._krum_picks(len(norms), shape.krum_mu_bps, shape.krum_m, shape.krum_m_rule)
        positions = self._krum(norms, products, shape.krum_mu_bps, picks)
    found: uint256 = 0
    position: uint256 = 0
    for i: uint256 in range(bounds.MAX_GROUPS):
        if (live >> i) & 1 == 1:
            found |= ((positions >> position) & 1) << i
            position += 1
    return found


@pure
@external
def permuted(seed: bytes32, index: uint256, n: uint256) -> uint256:
    """
    @notice pi(index), the draw (E14).
    @param seed The drawn seed.
    @param index Order of registration, below n.
    @param n Members registered, 1..4096.
    @return The member's place among all groups, below n.
    """
    return draw._permuted(seed, index, n)


@pure
@external
def bond_back(bond_wei: uint256, members: uint256, did: uint256, place: uint256) -> uint256:
    """
    @notice A member's part of the bonds of a failed group: those who did their part share the bonds of those who didn't; the
        remainder of that division goes one wei each to the lowest places; if nobody did, all get their own back.
    @param bond_wei The bond of each.
    @param members N.
    @param did Bitmap over places.
    @param place The member's.
    @return Wei. Over all places it adds up to N * bond_wei.
    """
    return escrow._bond_back(bond_wei, members, did, place)


@pure
@internal
def _norm(norms: DynArray[uint256, bounds.MAX_GROUPS], limit: uint256) -> uint256:
    """
    @notice Rule `norm` (E15), whose N^2 cancels where u_r = N: 4 G_rr <= d Q^2.
    @param norms G_rr.
    @param limit d Q^2.
    @return Bitmap over the positions in P.
    """
    positions: uint256 = 0
    for r: uint256 in range(len(norms), bound=bounds.MAX_GROUPS):
        if 4 * norms[r] <= limit:
            positions |= 1 << r
    return positions


@pure
@internal
def _krum(
    norms: DynArray[uint256, bounds.MAX_GROUPS],
    products: DynArray[int256, bounds.MAX_PRODUCTS],
    mu_bps: uint256,
    picks: uint256,
) -> uint256:
    """
    @notice Rule `krum` (E16).
    @param norms G_rr, at most 16.
    @param products G_rs for r < s, row by row.
    @param mu_bps mu in 1/10,000.
    @param picks What `_krum_picks` gives for |P|.
    @return Bitmap over the positions in P.
    """
    if picks == 0:
        return 0
    count: uint256 = len(norms)
    distances: uint256[16][16] = empty(uint256[16][16])
    pair: uint256 = 0
    for r: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
        for s: uint256 in range(r + 1, count, bound=bounds.MAX_KRUM_GROUPS):
            distance: uint256 = convert(convert(norms[r] + norms[s], int256) - 2 * products[pair], uint256)
            distances[r][s] = distance
            distances[s][r] = distance
            pair += 1
    nearest: uint256[16][16] = self._nearest(distances, count)
    faulty: uint256 = self._faulty(count, mu_bps)
    chosen: uint256 = 0
    for pick: uint256 in range(picks, bound=bounds.MAX_KRUM_GROUPS):
        neighbours: uint256 = count - pick - faulty - 2
        best: uint256 = count
        best_score: uint256 = 0
        for r: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
            if (chosen >> r) & 1 == 1:
                continue
            score: uint256 = 0
            left: uint256 = neighbours
            for k: uint256 in range(count - 1, bound=bounds.MAX_KRUM_GROUPS):
                if left == 0:
                    break
                s: uint256 = nearest[r][k]
                if (chosen >> s) & 1 == 0:
                    score += distances[r][s]
                    left -= 1
            if best == count or score < best_score:
                best = r
                best_score = score
        chosen |= 1 << best
    return chosen


@pure
@internal
def _krum_picks(count: uint256, mu_bps: uint256, m: uint256, m_rule: uint256) -> uint256:
    """
    @notice How many groups Krum takes out of |P|.
    @param count |P|.
    @param mu_bps mu in 1/10,000.
    @param m Picks wanted.
    @param m_rule 0 strict, 1 paper.
    @return m, or what the rule leaves of it; 0 where it is undefined.
    """
    if m_rule == 0:
        if BPS * m + 2 * BPS < (BPS - 2 * mu_bps) * count:
            return m
        return 0
    faulty: uint256 = self._faulty(count, mu_bps)
    if count <= faulty + 2:
        return 0
    return min(m, count - faulty - 2)


@pure
@internal
def _faulty(count: uint256, mu_bps: uint256) -> uint256:
    """
    @return f = ceil(mu |P|).
    """
    return (mu_bps * count + BPS - 1) // BPS


@pure
@internal
def _nearest(distances: uint256[16][16], count: uint256) -> uint256[16][16]:
    """
    @return For each row the other rows, the nearest first.
    """
    order: uint256[16][16] = empty(uint256[16][16])
    for r: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
        known: uint256 = 0
        for s: uint256 in range(count, bound=bounds.MAX_KRUM_GROUPS):
            if s == r:
                continue
            at: uint256 = known
            for _: uint256 in range(bounds.MAX_KRUM_GROUPS):
                if at == 0 or distances[r][order[r][at - 1]] <= distances[r][s]:
                    break
                order[r][at] = order[r][at - 1]
                at -= 1
            order[r][at] = s
            known += 1
    return order


@pure
@internal
def _check_training(p: ISecModelUpdate.SessionParams):
    assert p.parameter_count != 0 and p.parameter_count <= bounds.MAX_PARAMETERS, "start: parameter_count out of 1..2^20"
    assert p.samples != 0 and p.samples <= bounds.MAX_COUNT, "start: samples out of 1..2^32-1"
    assert p.epochs != 0 and p.epochs <= bounds.MAX_COUNT, "start: epochs out of 1..2^32-1"
    assert p.batch_size != 0 and p.batch_size <= bounds.MAX_COUNT, "start: batch_size out of 1..2^32-1"


@pure
@internal
def _check_groups(p: ISecModelUpdate.SessionParams):
    assert p.rounds != 0 and p.rounds <= bounds.MAX_GROUPS, "start: rounds out of 1..64"
    assert p.min_rounds != 0 and p.min_rounds <= p.rounds, "start: min_rounds out of 1..rounds"
    assert p.members >= 2 and p.members <= bounds.MAX_MEMBERS, "start: members out of 2..16"
    assert p.policy == 0, "start: policy is reserved"
    assert p.threshold == p.members, "start: threshold other than members"
    assert p.unsafe_small <= 1, "start: unsafe_small out of 0..1"
    assert p.colluders != 0 and p.colluders <= p.members, "start: colluders out of 1..members"
    assert p.unsafe_small == 1 or p.colluders + 2 <= p.members, "start: members below colluders + 2"
    assert p.assignment <= 1, "start: unknown assignment"


@pure
@internal
def _check_encoding(p: ISecModelUpdate.SessionParams):
    assert p.encoding <= 1, "start: unknown encoding"
    assert p.suite <= 1, "start: unknown suite"
    assert p.bound != 0 and p.bound <= bounds.MAX_BOUND, "start: bound out of 1..2^31-1"
    if p.encoding == 0:
        assert p.clip != 0 and p.clip <= MAX_CLIP, "start: clip isn't a positive finite float32"
        bits: uint256 = 0
        for width: uint256 in [6, 8, 10, 12, 16, 32]:
            if p.members * p.bound < 1 << (width - 1):
                bits = width
                break
        assert bits != 0, "start: members * bound doesn't fit 32 bits"
        assert p.lane_bits == bits, "start: lane_bits isn't the smallest that holds members * bound"
    else:
        assert p.clip == 0, "start: clip with weights"
        assert p.bound == bounds.MAX_BOUND // p.members, "start: bound other than floor((2^31-1) / members)"
        assert p.lane_bits == 32, "start: lane_bits other than 32 with weights"


@pure
@internal
def _check_rule(p: ISecModelUpdate.SessionParams):
    assert p.rule <= terms.KRUM, "start: unknown rule"
    assert p.krum_m_rule <= 1, "start: unknown krum_m_rule"
    if p.rule == terms.NORM:
        assert p.encoding == 0, "start: norm with weights"
        assert p.krum_mu_bps == 0 and p.krum_m == 0, "start: krum's numbers with norm"
    else:
        assert p.rounds <= bounds.MAX_KRUM_GROUPS, "start: krum with more than 16 rounds"
        assert p.krum_mu_bps <= BPS // 2, "start: krum_mu_bps out of 0..5000"
        assert p.krum_m != 0 and p.krum_m <= p.rounds, "start: krum_m out of 1..rounds"
        picks: uint256 = self._krum_picks(p.rounds, p.krum_mu_bps, p.krum_m, p.krum_m_rule)
        assert picks != 0, "start: krum has no legal m"


@pure
@internal
def _check_windows(p: ISecModelUpdate.SessionParams, min_window_secs: uint256):
    least: uint256 = max(1, min_window_secs)
    for secs: uint256 in [p.register_secs, p.commit_secs, p.upload_secs, p.aggregate_secs, p.select_secs]:
        assert secs >= least, "start: window below MIN_WINDOW"
        assert secs <= bounds.MAX_WINDOW_SECS, "start: window above one year"
    assert p.reveal_secs == 0, "start: reveal_secs is reserved"
    assert p.vote_secs == 0, "start: vote_secs is reserved"


@pure
@internal
def _check_money(p: ISecModelUpdate.SessionParams, value_wei: uint256):
    seats: uint256 = p.rounds * p.members
    assert p.reward_wei >= seats, "start: reward below one wei a seat"
    assert p.reward_wei <= MAX_REWARD_WEI, "start: reward above 2^96"
    least_wei: uint256 = ((p.members - 1) * p.reward_wei + seats - 1) // seats
    assert p.bond_wei >= least_wei, "start: bond below (members - 1) * reward / seats"
    assert p.bond_wei <= 2 * p.reward_wei // p.rounds, "start: bond above 2 * reward / rounds"
    assert p.fee_cap_wei == 0, "start: fee_cap_wei is reserved"
    assert p.fee_table == 0, "start: fee_table is reserved"
    assert p.record_constants == 0, "start: record_constants is reserved"
    assert value_wei == p.reward_wei, "start: value other than the reward"


@pure
@internal
def _check_calls(p: ISecModelUpdate.SessionParams):
    """
    @notice N chunks in `aggregate`, and R in `gram`, must fit a call. What fits 128 KiB fits 2^24 gas (EIP-7825) too: the
        most expensive call, `gram` on 16 groups of 254 words, takes less than 15 million (tests/contracts/smoke).
    """
    assert p.chunk_words >= bounds.MIN_CHUNK_WORDS, "start: chunk_words below 8"
    assert p.chunk_words <= bounds.MAX_CHUNK_WORDS, "start: chunk_words above 720"
    lanes: uint256 = 256 // p.lane_bits
    words: uint256 = (p.parameter_count + lanes - 1) // lanes
    assert words <= p.chunk_words * bounds.MAX_CHUNKS, "start: more than 64 chunks"
    chunk: uint256 = min(words, p.chunk_words)
    assert p.members * chunk * 32 <= bounds.MAX_CALL_BYTES, "start: aggregate above 128 KiB"
    if p.rule == terms.KRUM:
        carried: uint256 = 0
        if words > chunk:
            # from the second chunk on the products so far come along
            carried = p.rounds * (p.rounds - 1) // 2
        assert (p.rounds * chunk + carried) * 32 <= bounds.MAX_CALL_BYTES, "start: gram above 128 KiB"
