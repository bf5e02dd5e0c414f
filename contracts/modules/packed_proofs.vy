# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Proofs of norms and Gram matrices of packed sums, whose lanes are proven to be in range
@license Apache-2.0
@notice docs/BLOBS.md section 3, B12-B15: the sumcheck of gram_proofs.vy over lanes, a logarithmic derivative that compares all elements of all
    lanes with the numbers 0 to 4095, and one batched opening. The evidence is read where it lies, in calldata, and is whole in one call.
@custom:security What has to vanish on the whole domain has a challenge of its own, drawn after [S]: within S only its sum would be checked.
"""


from interfaces import IBlobVerifier
from . import bounds
from . import gram_proofs
from . import kzg


PACKED_NORMS: constant(uint256) = 3
PACKED_GRAM: constant(uint256) = 4
LANES: constant(uint256) = 21               # L, of an element
LANE_BITS: constant(uint256) = 12
LANE_RANGE: constant(uint256) = 4096        # above 2 N Q
MAX_LANES: constant(uint256) = 576          # of all groups: 224 bytes each, and 928, are bounds.MAX_CALL_BYTES at most
MAX_HELPERS: constant(uint256) = 288
OTHER_POINTS: constant(uint256) = 7         # [m], [g], [S], [q0], [q1] and the two witnesses
LAST_TERMS: constant(uint256) = 8           # these without the second witness; [id], the generator
MAX_TERMS: constant(uint256) = 872
# the commitment of the blob whose element t is t
IDENTITY: constant(Bytes[128]) = x"0000000000000000000000000000000016b9804594a3ec4d0d6a7233d9daa1bf152b10c35eabe8925197e97bcfa406dc5a369748dfefa3eb3f0b54fc6a0508610000000000000000000000000000000010b35e2a9a788b658b08f8c52f1db3d13cdeb3d6f0b379b226e38d6f7d45db7e39063f2a20f720b43aa4ed9ce950f1ed"


struct Challenges:
    base: gram_proofs.Challenges
    xi: uint256         # where logarithmic derivatives are compared
    zeta: uint256       # weighs their difference
    eta: uint256        # weighs what vanishes on the domain


struct Places:
    lanes: uint256              # K
    helpers: uint256            # I
    points_at: uint256          # where the points of lanes are in calldata, behind them [m], helpers, [g], [S], [q0], [q1]
    last_at: uint256            # ... [g]
    openings_at: uint256        # ... of all lanes and of the identity
    witnesses_at: uint256


@pure
@internal
def _check_shape(claim: IBlobVerifier.Claim, products: uint256, size: uint256):
    """
    @param claim What is claimed; its chunks are M, the lanes of a group.
    @param products How many there are.
    @param size Bytes of evidence.
    """
    assert claim.kind == PACKED_NORMS or claim.kind == PACKED_GRAM, "blobs: kind out of 3..4"
    most: uint256 = bounds.MAX_KRUM_GROUPS if claim.kind == PACKED_GRAM else bounds.MAX_GROUPS
    assert claim.groups >= 1 and claim.groups <= most, "blobs: groups out of range"
    kzg._check_members(claim.members, claim.chunks)
    assert claim.bound >= 1 and claim.bound <= bounds.MAX_BOUND, "blobs: bound out of range"
    assert 2 * claim.members * claim.bound < LANE_RANGE, "blobs: sums don't fit a lane"
    entries: uint256 = claim.groups * (claim.groups + 1) // 2 if claim.kind == PACKED_GRAM else claim.groups
    assert products == entries, "blobs: number of products"
    lanes: uint256 = claim.groups * claim.chunks
    points: uint256 = lanes + (lanes + 1) // 2 + OTHER_POINTS
    assert size == kzg.POINT_BYTES * points + 32 * (lanes + 1), "blobs: length of the evidence"


@view
@internal
def _check(claim: IBlobVerifier.Claim, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], argument: uint256):
    """
    @notice Refuses what isn't proven. The shape has been checked.
    @param claim What is claimed.
    @param products The norms or the matrix.
    @param argument Words of calldata before the place of the evidence.
    """
    p: Places = self._places(claim, argument)
    x: Challenges = self._challenges(claim, products, p)
    plain: IBlobVerifier.Claim = claim
    plain.kind -= PACKED_NORMS - gram_proofs.NORMS
    constant_term: uint256 = uint256_mulmod(
        gram_proofs._weighted(plain, products, x.base), gram_proofs.SHARE, kzg.ORDER
    )
    products_at_z: uint256 = self._products_at_z(claim, x.base, p.openings_at)
    total: Bytes[kzg.POINT_BYTES] = self._combined(claim.chunks, x, p, constant_term, products_at_z)
    at_zero: Bytes[kzg.POINT_BYTES] = kzg._product(
        slice(msg.data, p.witnesses_at + kzg.POINT_BYTES, 128), x.base.gamma
    )
    witness: Bytes[kzg.POINT_BYTES] = kzg._sum(slice(msg.data, p.witnesses_at, 128), at_zero)
    holds: bool = kzg._opens(kzg._compressed(total), 0, 0, kzg._compressed(witness))
    assert holds, "blobs: the proof doesn't hold"


@view
@internal
def _places(claim: IBlobVerifier.Claim, argument: uint256) -> Places:
    lanes: uint256 = claim.groups * claim.chunks
    helpers: uint256 = (lanes + 1) // 2
    points_at: uint256 = kzg._place(argument)
    last_at: uint256 = points_at + kzg.POINT_BYTES * (lanes + helpers + 1)
    openings_at: uint256 = last_at + 4 * kzg.POINT_BYTES
    return Places(
        lanes=lanes,
        helpers=helpers,
        points_at=points_at,
        last_at=last_at,
        openings_at=openings_at,
        witnesses_at=openings_at + 32 * (lanes + 1),
    )


@view
@internal
def _challenges(
    claim: IBlobVerifier.Claim, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], p: Places
) -> Challenges:
    """
    @notice The transcript (docs/BLOBS.md B14).
    """
    listed: bytes32 = keccak256(slice(abi_encode(products), 64, 32 * len(products)))
    helpers_at: uint256 = p.points_at + kzg.POINT_BYTES * (p.lanes + 1)
    seed: bytes32 = keccak256(
        concat(
            abi_encode(claim.context, claim.kind, self._root(claim, p.points_at), listed),
            slice(msg.data, helpers_at - kzg.POINT_BYTES, 128),
        )
    )
    x: Challenges = empty(Challenges)
    x.base.alpha = convert(seed, uint256) % kzg.ORDER
    second: bytes32 = keccak256(seed)
    x.base.beta = convert(second, uint256) % kzg.ORDER
    x.xi = convert(keccak256(second), uint256) % kzg.ORDER
    place: uint256 = helpers_at
    for _: uint256 in range(p.helpers + 1, bound=MAX_HELPERS + 1):
        seed = keccak256(concat(seed, slice(msg.data, place, 128)))
        place = unsafe_add(place, kzg.POINT_BYTES)
    x.zeta = convert(seed, uint256) % kzg.ORDER
    seed = keccak256(concat(seed, slice(msg.data, place, 128)))
    x.eta = convert(seed, uint256) % kzg.ORDER
    seed = keccak256(concat(seed, slice(msg.data, place + kzg.POINT_BYTES, 256)))
    x.base.z = convert(seed, uint256) % kzg.ORDER
    seed = gram_proofs._folded(seed, p.openings_at, p.lanes + 1)
    x.base.delta = convert(seed, uint256) % kzg.ORDER
    x.base.gamma = convert(keccak256(concat(seed, slice(msg.data, p.witnesses_at, 256))), uint256) % kzg.ORDER
    return x


@view
@internal
def _root(claim: IBlobVerifier.Claim, points_at: uint256) -> bytes32:
    """
    @notice Refuses other sums than the claim's.
    @return The fold of all groups' folds of all lanes' points, those of whole sums among them.
    """
    lanes: bytes32 = empty(bytes32)
    sums: bytes32 = empty(bytes32)
    place: uint256 = points_at
    for _: uint256 in range(claim.groups, bound=bounds.MAX_GROUPS):
        group_lanes: bytes32 = empty(bytes32)
        group_sums: bytes32 = empty(bytes32)
        digit: uint256 = 0
        for m: uint256 in range(claim.chunks, bound=MAX_LANES):
            point: Bytes[kzg.POINT_BYTES] = slice(msg.data, place, 128)
            group_lanes = keccak256(concat(group_lanes, point))
            if digit == 0:
                group_sums = keccak256(concat(group_sums, point))
                digit = LANES
            # places are within calldata, digits are 1 to LANES
            digit = unsafe_sub(digit, 1)
            place = unsafe_add(place, kzg.POINT_BYTES)
        lanes = kzg._folded(lanes, group_lanes)
        sums = kzg._folded(sums, group_sums)
    assert sums == claim.root, "blobs: not the sums of the root"
    return lanes


@view
@internal
def _products_at_z(claim: IBlobVerifier.Claim, x: gram_proofs.Challenges, openings_at: uint256) -> uint256:
    """
    @return F(z): of each lane the combination of all groups' squares, or the product of two combinations.
    """
    offset: uint256 = kzg.ORDER - claim.members * claim.bound
    stride: uint256 = 32 * claim.chunks
    total: uint256 = 0
    first_at: uint256 = openings_at
    for _: uint256 in range(claim.chunks, bound=MAX_LANES):
        place: uint256 = first_at
        left: uint256 = 0       # of norms the sum of squares, of a matrix that of alpha^r U_r
        right: uint256 = 0
        a: uint256 = 1
        b: uint256 = 1
        for r: uint256 in range(claim.groups, bound=bounds.MAX_GROUPS):
            value: uint256 = uint256_addmod(kzg._word(place), offset, kzg.ORDER)
            if claim.kind == PACKED_GRAM:
                right = uint256_addmod(right, uint256_mulmod(b, value, kzg.ORDER), kzg.ORDER)
                b = uint256_mulmod(b, x.beta, kzg.ORDER)
            else:
                value = uint256_mulmod(value, value, kzg.ORDER)
            left = uint256_addmod(left, uint256_mulmod(a, value, kzg.ORDER), kzg.ORDER)
            a = uint256_mulmod(a, x.alpha, kzg.ORDER)
            place = unsafe_add(place, stride)
        if claim.kind == PACKED_GRAM:
            left = uint256_mulmod(left, right, kzg.ORDER)
        total = uint256_addmod(total, left, kzg.ORDER)
        first_at = unsafe_add(first_at, 32)
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
    lanes: uint256, x: Challenges, p: Places, constant_term: uint256, products_at_z: uint256
) -> Bytes[kzg.POINT_BYTES]:
    """
    @notice Both openings as one commitment, C, which opens to zero at zero with the witness pi + gamma pi_0 if they hold.
    @param lanes M.
    @param x The challenges.
    @param p Where what is.
    @param constant_term v / n.
    @param products_at_z F(z).
    """
    last: uint256 = kzg._power(x.base.delta, p.lanes + 1)       # D
    of_table: uint256 = uint256_mulmod(last, kzg._power(x.eta, p.helpers + 1), kzg.ORDER)
    vanishing: uint256 = gram_proofs._vanishing(x.base.z)
    value: uint256 = uint256_mulmod(last, kzg.ORDER - products_at_z, kzg.ORDER)     # of W at z, less what is to come
    value = uint256_addmod(value, uint256_mulmod(x.base.gamma, constant_term, kzg.ORDER), kzg.ORDER)
    power: uint256 = 1          # delta^k
    weight: uint256 = last      # D eta^i
    first: uint256 = 0          # delta^k of the digit that is implied
    scale: uint256 = 0          # 2^12 to the digit
    lane: uint256 = 0
    terms: uint256 = p.lanes + p.helpers + LAST_TERMS
    total: Bytes[kzg.POINT_BYTES] = kzg.INFINITY
    batch: uint256[5][kzg.BATCH_TERMS] = empty(uint256[5][kzg.BATCH_TERMS])
    filled: uint256 = 0
    place: uint256 = p.points_at
    opening_at: uint256 = p.openings_at
    for k: uint256 in range(terms, bound=MAX_TERMS):
        # places are within calldata, counters below MAX_TERMS, scales below 2^252
        rest: uint256 = unsafe_sub(terms, k)
        factor: uint256 = power
        point: Bytes[kzg.POINT_BYTES] = kzg.GENERATOR
        if rest > 3:
            point = slice(msg.data, place, 128)
            place = unsafe_add(place, kzg.POINT_BYTES)
        if k < p.lanes:
            opening: uint256 = kzg._word(opening_at)
            value = uint256_addmod(value, uint256_mulmod(power, opening, kzg.ORDER), kzg.ORDER)
            opening_at = unsafe_add(opening_at, 32)
            scale <<= LANE_BITS
            if lane == 0 or scale >> LANE_BITS * LANES != 0:
                first = power
                scale = 1
            else:
                factor = uint256_addmod(power, kzg.ORDER - uint256_mulmod(scale, first, kzg.ORDER), kzg.ORDER)
            lane = unsafe_add(lane, 1)
            if lane == lanes:
                lane = 0
            power = uint256_mulmod(power, x.base.delta, kzg.ORDER)
        elif k == p.lanes:
            factor = kzg.ORDER - of_table
            opening_at = p.openings_at
        elif k <= unsafe_add(p.lanes, p.helpers):
            denominator: uint256 = 0
            numerator: uint256 = 0
            weight = uint256_mulmod(weight, x.eta, kzg.ORDER)
            denominator, numerator = self._fraction(
                x.xi, opening_at, unsafe_sub(p.witnesses_at, opening_at) == 64
            )
            opening_at = unsafe_add(opening_at, 64)
            value = uint256_addmod(value, uint256_mulmod(weight, numerator, kzg.ORDER), kzg.ORDER)
            factor = uint256_addmod(
                uint256_mulmod(last, x.zeta, kzg.ORDER), uint256_mulmod(weight, denominator, kzg.ORDER), kzg.ORDER
            )
        else:
            # 7 terms are left: [g], [S], [q0], [q1], pi, [id], the generator
            identity: uint256 = kzg._word(p.witnesses_at - 32)
            if rest == 7:
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
                value = uint256_addmod(value, uint256_mulmod(power, identity, kzg.ORDER), kzg.ORDER)
            else:
                factor = kzg.ORDER - value
        batch[filled] = abi_decode(concat(point, convert(factor, bytes32)), uint256[5])
        filled = unsafe_add(filled, 1)
        if filled == kzg.BATCH_TERMS or rest == 1:
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
    return total
