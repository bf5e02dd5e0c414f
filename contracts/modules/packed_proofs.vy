# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Proofs of norms and Gram matrices of packed sums, whose lanes are proven to be in range
@license Apache-2.0
@notice docs/BLOBS.md section 3, B12-B15: the sumcheck of gram_proofs.vy over lanes, a logarithmic derivative that compares all elements of all
    lanes with the numbers 0 to 4095, and one batched opening. The evidence is read where it lies, in calldata.
    A proof may come in several calls, each with whole columns: lanes of all groups with one number. What is in so far is a `PartialPacked`,
    whose seeds the last call checks.
@custom:security What has to vanish on the whole domain has a challenge of its own, drawn after [S]: within S only its sum would be checked.
"""


from interfaces import IBlobVerifier
from interfaces import ISessionBlobs
from . import bounds
from . import gram_proofs
from . import kzg


PACKED_NORMS: constant(uint256) = 3
PACKED_GRAM: constant(uint256) = 4
LANES: constant(uint256) = 21               # L, of an element
LANE_BITS: constant(uint256) = 12
LANE_RANGE: constant(uint256) = 4096        # above 2 N Q
MAX_LANES: constant(uint256) = 580          # of a call: LANE_BYTES each are bounds.MAX_CALL_BYTES at most
MAX_HELPERS: constant(uint256) = 290
LANE_BYTES: constant(uint256) = 224         # a point, an opening, half a helper
OTHER_POINTS: constant(uint256) = 7         # [m], [g], [S], [q0], [q1] and the two witnesses
LAST_TERMS: constant(uint256) = 8           # these without the second witness; [id], the generator
MAX_TERMS: constant(uint256) = 872          # 576 lanes, which fit a call with all of these
# the commitment of the blob whose element t is t
IDENTITY: constant(Bytes[128]) = x"0000000000000000000000000000000016b9804594a3ec4d0d6a7233d9daa1bf152b10c35eabe8925197e97bcfa406dc5a369748dfefa3eb3f0b54fc6a0508610000000000000000000000000000000010b35e2a9a788b658b08f8c52f1db3d13cdeb3d6f0b379b226e38d6f7d45db7e39063f2a20f720b43aa4ed9ce950f1ed"


struct Challenges:
    base: gram_proofs.Challenges
    xi: uint256         # where logarithmic derivatives are compared
    zeta: uint256       # weighs their difference
    eta: uint256        # weighs what vanishes on the domain


struct Places:
    lanes: uint256              # in this call
    points_at: uint256          # where their points are in calldata
    helpers_at: uint256         # ... their helpers
    last_at: uint256            # ... [m], [g], [S], [q0], [q1]
    openings_at: uint256        # ... the openings of these lanes, with the last ones that of the identity
    witnesses_at: uint256       # ... the witnesses; 0: there are lanes to come


@pure
@internal
def _check_claim(claim: IBlobVerifier.Claim):
    """
    @notice Refuses what no session claims.
    @param claim What is claimed; its chunks are M, the lanes of a group.
    """
    assert claim.kind == PACKED_NORMS or claim.kind == PACKED_GRAM, "blobs: kind out of 3..4"
    most: uint256 = bounds.MAX_KRUM_GROUPS if claim.kind == PACKED_GRAM else bounds.MAX_GROUPS
    assert claim.groups >= 1 and claim.groups <= most, "blobs: groups out of range"
    kzg._check_members(claim.members, claim.chunks)
    assert claim.bound >= 1 and claim.bound <= bounds.MAX_BOUND, "blobs: bound out of range"
    assert 2 * claim.members * claim.bound < LANE_RANGE, "blobs: sums don't fit a lane"


@pure
@internal
def _check_lengths(claim: IBlobVerifier.Claim, products: uint256, size: uint256, begun: uint256):
    """
    @param claim In range.
    @param products How many there are.
    @param size Bytes of evidence.
    @param begun Lanes that are in.
    """
    entries: uint256 = claim.groups * (claim.groups + 1) // 2 if claim.kind == PACKED_GRAM else claim.groups
    assert products == entries, "blobs: number of products"
    left: uint256 = claim.groups * claim.chunks - begun
    points: uint256 = left + (left + 1) // 2 + OTHER_POINTS
    assert size == kzg.POINT_BYTES * points + 32 * (left + 1), "blobs: length of the evidence"


@view
@internal
def _check(claim: IBlobVerifier.Claim, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], argument: uint256):
    """
    @notice Refuses what isn't proven, in one call. Claim and lengths have been checked.
    @param claim What is claimed.
    @param products The norms or the matrix.
    @param argument Words of calldata before the place of the evidence.
    """
    self._finish(claim, empty(ISessionBlobs.PartialPacked), products, argument)


@view
@internal
def _finish(
    claim: IBlobVerifier.Claim,
    begun: ISessionBlobs.PartialPacked,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    argument: uint256,
):
    """
    @notice Refuses what isn't proven by what is in and by this call. Claim and lengths have been checked.
    @param begun What is in; if there is nothing, the whole proof is in this call.
    """
    p: Places = self._places(claim.groups * claim.chunks - begun.lanes, argument, True)
    s: ISessionBlobs.PartialPacked = begun
    if begun.lanes == 0:
        s = self._begin(empty(bytes32[5]))
    s = self._hashed(claim, s, p)
    root: bytes32 = empty(bytes32)
    for group: uint256 in range(claim.groups, bound=bounds.MAX_GROUPS):
        root = kzg._folded(root, s.groups[group])
    assert root == claim.root, "blobs: not the sums of the root"
    seeds: bytes32[5] = self._seeds(claim, s, products, p)
    if begun.lanes != 0:
        for i: uint256 in range(5):
            assert seeds[i] == begun.seeds[i], "blobs: another proof than was begun"
    x: Challenges = self._challenges(seeds)
    x.base.gamma = convert(keccak256(concat(seeds[4], slice(msg.data, p.witnesses_at, 256))), uint256) % kzg.ORDER
    plain: IBlobVerifier.Claim = claim
    plain.kind -= PACKED_NORMS - gram_proofs.NORMS
    constant_term: uint256 = uint256_mulmod(
        gram_proofs._weighted(plain, products, x.base), gram_proofs.SHARE, kzg.ORDER
    )
    s = self._combined(claim, x, s, p, constant_term)
    at_zero: Bytes[kzg.POINT_BYTES] = kzg._product(
        slice(msg.data, p.witnesses_at + kzg.POINT_BYTES, 128), x.base.gamma
    )
    witness: Bytes[kzg.POINT_BYTES] = kzg._sum(slice(msg.data, p.witnesses_at, 128), at_zero)
    total: Bytes[kzg.POINT_BYTES] = slice(abi_encode(s.point), 0, 128)
    holds: bool = kzg._opens(kzg._compressed(total), 0, 0, kzg._compressed(witness))
    assert holds, "blobs: the proof doesn't hold"


@view
@internal
def _continue(
    claim: IBlobVerifier.Claim, begun: ISessionBlobs.PartialPacked, size: uint256, argument: uint256
) -> ISessionBlobs.PartialPacked:
    """
    @notice Takes in the next lanes of a proof, whole ones of all groups. Nothing of them is checked yet but that they and their helpers are
        points of the subgroup.
    @param claim What is claimed.
    @param begun What is in; if there is nothing, its seeds alone count.
    @param size Bytes of evidence: lanes, their helpers, their openings.
    @param argument Words of calldata before the place of the evidence.
    """
    s: ISessionBlobs.PartialPacked = begun
    if begun.lanes == 0:
        s = self._begin(begun.seeds)
    lanes: uint256 = size // LANE_BYTES
    left: uint256 = claim.groups * claim.chunks - s.lanes
    assert lanes <= left, "blobs: more lanes than are left"
    # the last helper of all may have one lane: 64 bytes that another one would have a part in
    whole: bool = lanes != 0 and lanes % claim.groups == 0 and (lanes % 2 == 0 or lanes == left)
    assert whole and size == LANE_BYTES * lanes + lanes % 2 * 64, "blobs: length of the evidence"
    p: Places = self._places(lanes, argument, False)
    s = self._hashed(claim, s, p)
    s.helpers = self._folded_helpers(s.helpers, p)
    s.openings = gram_proofs._folded(s.openings, p.openings_at, lanes)
    return self._combined(claim, self._challenges(s.seeds), s, p, 0)


@pure
@internal
def _begin(seeds: bytes32[5]) -> ISessionBlobs.PartialPacked:
    """
    @param seeds t0 to t4; empty ones where they are not known yet.
    @return A proof none of whose lanes is in.
    """
    s: ISessionBlobs.PartialPacked = empty(ISessionBlobs.PartialPacked)
    s.seeds = seeds
    s.helpers = seeds[0]
    s.openings = seeds[3]
    s.power = 1
    s.weight = 1
    return s


@view
@internal
def _places(lanes: uint256, argument: uint256, closing: bool) -> Places:
    """
    @param lanes In this call.
    @param argument Words of calldata before the place of the evidence.
    @param closing Whether these are the last ones.
    """
    p: Places = empty(Places)
    p.lanes = lanes
    # all of it is within calldata
    p.points_at = kzg._place(argument)
    p.helpers_at = unsafe_add(p.points_at, unsafe_mul(kzg.POINT_BYTES, lanes))
    p.last_at = unsafe_add(p.helpers_at, unsafe_mul(kzg.POINT_BYTES, unsafe_add(lanes, 1) // 2))
    p.openings_at = p.last_at
    if closing:
        p.openings_at = unsafe_add(p.last_at, 5 * kzg.POINT_BYTES)
        p.witnesses_at = unsafe_add(p.openings_at, unsafe_mul(32, unsafe_add(lanes, 1)))
    return p


@view
@internal
def _hashed(claim: IBlobVerifier.Claim, begun: ISessionBlobs.PartialPacked, p: Places) -> ISessionBlobs.PartialPacked:
    """
    @return With the folds of all lanes' points, and of those of whole sums among them by group, gone on.
    """
    s: ISessionBlobs.PartialPacked = begun
    digit: uint256 = s.lanes // claim.groups % LANES
    group: uint256 = 0
    place: uint256 = p.points_at
    for _: uint256 in range(p.lanes, bound=MAX_LANES):
        point: Bytes[kzg.POINT_BYTES] = slice(msg.data, place, 128)
        s.root = keccak256(concat(s.root, point))
        if digit == 0:
            s.groups[group] = keccak256(concat(s.groups[group], point))
        # places are within calldata, counters below MAX_LANES
        place = unsafe_add(place, kzg.POINT_BYTES)
        group = unsafe_add(group, 1)
        if group == claim.groups:
            group = 0
            digit = unsafe_add(digit, 1) % LANES
    return s


@view
@internal
def _folded_helpers(folded: bytes32, p: Places) -> bytes32:
    """
    @param folded Before them.
    """
    seed: bytes32 = folded
    place: uint256 = p.helpers_at
    for _: uint256 in range(unsafe_add(p.lanes, 1) // 2, bound=MAX_HELPERS):
        seed = keccak256(concat(seed, slice(msg.data, place, 128)))
        place = unsafe_add(place, kzg.POINT_BYTES)
    return seed


@view
@internal
def _seeds(
    claim: IBlobVerifier.Claim,
    s: ISessionBlobs.PartialPacked,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    p: Places,
) -> bytes32[5]:
    """
    @notice The transcript (docs/BLOBS.md B14): t0 to t4.
    @param s With all lanes hashed, but their helpers and openings only as far as calls before have had them.
    """
    listed: bytes32 = keccak256(slice(abi_encode(products), 64, 32 * len(products)))
    seeds: bytes32[5] = empty(bytes32[5])
    seeds[0] = keccak256(
        concat(abi_encode(claim.context, claim.kind, s.root, listed), slice(msg.data, p.last_at, 128))
    )
    helpers: bytes32 = self._folded_helpers(seeds[0] if s.lanes == 0 else s.helpers, p)
    seeds[1] = keccak256(concat(helpers, slice(msg.data, unsafe_add(p.last_at, kzg.POINT_BYTES), 128)))
    seeds[2] = keccak256(concat(seeds[1], slice(msg.data, unsafe_add(p.last_at, 2 * kzg.POINT_BYTES), 128)))
    seeds[3] = keccak256(concat(seeds[2], slice(msg.data, unsafe_add(p.last_at, 3 * kzg.POINT_BYTES), 256)))
    seeds[4] = gram_proofs._folded(seeds[3] if s.lanes == 0 else s.openings, p.openings_at, p.lanes + 1)
    return seeds


@pure
@internal
def _challenges(seeds: bytes32[5]) -> Challenges:
    """
    @return All but gamma.
    """
    x: Challenges = empty(Challenges)
    second: bytes32 = keccak256(seeds[0])
    x.base.alpha = convert(seeds[0], uint256) % kzg.ORDER
    x.base.beta = convert(second, uint256) % kzg.ORDER
    x.base.z = convert(seeds[3], uint256) % kzg.ORDER
    x.base.delta = convert(seeds[4], uint256) % kzg.ORDER
    x.xi = convert(keccak256(second), uint256) % kzg.ORDER
    x.zeta = convert(seeds[1], uint256) % kzg.ORDER
    x.eta = convert(seeds[2], uint256) % kzg.ORDER
    return x


@view
@internal
def _products_at_z(claim: IBlobVerifier.Claim, x: gram_proofs.Challenges, p: Places) -> uint256:
    """
    @return What these lanes add to F(z): at each place the combination of all groups' squares, or the product of two combinations.
    """
    offset: uint256 = kzg.ORDER - claim.members * claim.bound
    total: uint256 = 0
    place: uint256 = p.openings_at
    for _: uint256 in range(p.lanes // claim.groups, bound=MAX_LANES):
        left: uint256 = 0       # of norms the sum of squares, of a matrix that of alpha^r U_r
        right: uint256 = 0
        a: uint256 = 1
        b: uint256 = 1
        for _r: uint256 in range(claim.groups, bound=bounds.MAX_GROUPS):
            value: uint256 = uint256_addmod(kzg._word(place), offset, kzg.ORDER)
            if claim.kind == PACKED_GRAM:
                right = uint256_addmod(right, uint256_mulmod(b, value, kzg.ORDER), kzg.ORDER)
                b = uint256_mulmod(b, x.beta, kzg.ORDER)
            else:
                value = uint256_mulmod(value, value, kzg.ORDER)
            left = uint256_addmod(left, uint256_mulmod(a, value, kzg.ORDER), kzg.ORDER)
            a = uint256_mulmod(a, x.alpha, kzg.ORDER)
            place = unsafe_add(place, 32)
        if claim.kind == PACKED_GRAM:
            left = uint256_mulmod(left, right, kzg.ORDER)
        total = uint256_addmod(total, left, kzg.ORDER)
    return total


@view
@internal
def _fraction(xi: uint256, place: uint256, single: bool) -> (uint256, uint256):
    """
    @param place Where the openings of two lanes are, or that of the last lane alone.
    @return The denominator and the numerator of the sum of their inverses.
    """
    first: uint256 = uint256_addmod(xi, kzg._word(place), kzg.ORDER)
    if single:
        return first, 1
    second: uint256 = uint256_addmod(xi, kzg._word(unsafe_add(place, 32)), kzg.ORDER)
    return uint256_mulmod(first, second, kzg.ORDER), uint256_addmod(first, second, kzg.ORDER)


@pure
@internal
def _factor_of_quotient(first: uint256, vanishing: uint256, rest: uint256) -> uint256:
    """
    @param first Of [S], the remainder.
    @param vanishing Z(z).
    @param rest 6 for [S], 5 for [q0], 4 for [q1].
    """
    factor: uint256 = first
    if rest < 6:
        factor = uint256_mulmod(factor, vanishing, kzg.ORDER)
    if rest == 4:
        factor = uint256_mulmod(factor, vanishing + 1, kzg.ORDER)
    return factor


@view
@internal
def _combined(
    claim: IBlobVerifier.Claim,
    x: Challenges,
    begun: ISessionBlobs.PartialPacked,
    p: Places,
    constant_term: uint256,
) -> ISessionBlobs.PartialPacked:
    """
    @notice Adds lanes and their helpers to the combination; behind the last one it is both openings as one commitment, C, which opens to
        zero at zero with the witness pi + gamma pi_0 if they hold.
    @param claim What is claimed.
    @param x The challenges.
    @param begun What is in.
    @param p Where what is.
    @param constant_term v / n.
    """
    s: ISessionBlobs.PartialPacked = begun
    last: uint256 = kzg._power(x.base.delta, claim.groups * claim.chunks + 1)   # D
    terms: uint256 = unsafe_add(p.lanes, unsafe_add(p.lanes, 1) // 2)
    points: uint256 = terms     # that are read one behind the other
    vanishing: uint256 = 0
    if p.witnesses_at != 0:
        vanishing = gram_proofs._vanishing(x.base.z)
        points = unsafe_add(terms, LAST_TERMS - 3)
        terms = unsafe_add(terms, LAST_TERMS)
    difference: uint256 = kzg.ORDER - self._products_at_z(claim, x.base, p)     # of y, what D weighs
    of_table: uint256 = 0
    group: uint256 = 0
    digit: uint256 = s.lanes // claim.groups % LANES
    scale: uint256 = 1 << LANE_BITS * digit
    implied: uint256 = kzg._power(x.base.delta, s.lanes - claim.groups * digit)     # delta^k of the first group's
    first: uint256 = 0          # ... of this group's
    total: Bytes[kzg.POINT_BYTES] = slice(abi_encode(s.point), 0, 128)
    batch: uint256[5][kzg.BATCH_TERMS] = empty(uint256[5][kzg.BATCH_TERMS])
    filled: uint256 = 0
    place: uint256 = p.points_at
    opening_at: uint256 = p.openings_at
    for k: uint256 in range(terms, bound=MAX_TERMS):
        # places are within calldata, counters below MAX_TERMS, scales below 2^252
        factor: uint256 = s.power
        point: Bytes[kzg.POINT_BYTES] = kzg.GENERATOR
        if k < points:
            point = slice(msg.data, place, 128)
            place = unsafe_add(place, kzg.POINT_BYTES)
        if k < p.lanes:
            opening: uint256 = kzg._word(opening_at)
            s.evaluation = uint256_addmod(s.evaluation, uint256_mulmod(s.power, opening, kzg.ORDER), kzg.ORDER)
            opening_at = unsafe_add(opening_at, 32)
            if group == 0:
                if digit == 0:
                    implied = s.power
                    scale = 1
                first = implied
            if digit != 0:
                factor = uint256_addmod(factor, kzg.ORDER - uint256_mulmod(scale, first, kzg.ORDER), kzg.ORDER)
                first = uint256_mulmod(first, x.base.delta, kzg.ORDER)
            s.power = uint256_mulmod(s.power, x.base.delta, kzg.ORDER)
            group = unsafe_add(group, 1)
            if group == claim.groups:
                group = 0
                scale <<= LANE_BITS
                digit = unsafe_add(digit, 1) % LANES
        elif place <= p.last_at:
            if k == p.lanes:
                opening_at = p.openings_at
            denominator: uint256 = 0
            numerator: uint256 = 0
            single: bool = unsafe_add(p.openings_at, unsafe_mul(32, p.lanes)) == unsafe_add(opening_at, 32)
            denominator, numerator = self._fraction(x.xi, opening_at, single)
            opening_at = unsafe_add(opening_at, 64)
            s.weight = uint256_mulmod(s.weight, x.eta, kzg.ORDER)
            difference = uint256_addmod(difference, uint256_mulmod(s.weight, numerator, kzg.ORDER), kzg.ORDER)
            factor = uint256_addmod(x.zeta, uint256_mulmod(s.weight, denominator, kzg.ORDER), kzg.ORDER)
            factor = uint256_mulmod(last, factor, kzg.ORDER)
        else:
            # 8 terms are left: [m], [g], [S], [q0], [q1], pi, [id], the generator
            rest: uint256 = unsafe_sub(terms, k)
            identity: uint256 = kzg._word(unsafe_sub(p.witnesses_at, 32))
            if rest == 8:
                of_table = uint256_mulmod(last, uint256_mulmod(s.weight, x.eta, kzg.ORDER), kzg.ORDER)
                factor = kzg.ORDER - of_table
            elif rest == 7:
                factor = uint256_mulmod(of_table, uint256_addmod(x.xi, identity, kzg.ORDER), kzg.ORDER)
                factor = uint256_addmod(factor, kzg.ORDER - uint256_mulmod(last, x.zeta, kzg.ORDER), kzg.ORDER)
            elif rest > 3:
                factor = self._factor_of_quotient(kzg.ORDER - last, vanishing, rest)
                if rest == 6:
                    factor = uint256_addmod(x.base.gamma, factor, kzg.ORDER)
            elif rest == 3:
                point = slice(msg.data, p.witnesses_at, 128)
                factor = x.base.z
            elif rest == 2:
                point = IDENTITY
                s.evaluation = uint256_addmod(s.evaluation, uint256_mulmod(factor, identity, kzg.ORDER), kzg.ORDER)
            else:
                at_zero: uint256 = uint256_mulmod(x.base.gamma, constant_term, kzg.ORDER)
                factor = uint256_addmod(s.evaluation, uint256_mulmod(last, difference, kzg.ORDER), kzg.ORDER)
                factor = kzg.ORDER - uint256_addmod(factor, at_zero, kzg.ORDER)
        batch[filled] = abi_decode(concat(point, convert(factor, bytes32)), uint256[5])
        filled = unsafe_add(filled, 1)
        if filled == kzg.BATCH_TERMS or k == unsafe_sub(terms, 1):
            success: bool = False
            combined: Bytes[kzg.POINT_BYTES] = b""
            success, combined = raw_call(
                kzg.COMBINATION,
                slice(abi_encode(batch), 0, kzg.TERM_BYTES * filled),
                max_outsize=128,
                gas=kzg.COMBINATION_GAS + kzg.TERM_GAS * filled,
                is_static_call=True,
                revert_on_failure=False,
            )
            assert success and len(combined) == kzg.POINT_BYTES, "blobs: not in the subgroup"
            total = kzg._sum(total, combined)
            filled = 0
    s.lanes += p.lanes
    s.evaluation = uint256_addmod(s.evaluation, uint256_mulmod(last, difference, kzg.ORDER), kzg.ORDER)
    s.point = abi_decode(total, uint256[4])
    return s
