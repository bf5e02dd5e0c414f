# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Proofs of norms and Gram matrices of sums that are known by their KZG commitments
@license Apache-2.0
@notice One univariate sumcheck and one batched opening (docs/BLOBS.md section 3). Sums are centred here: N Q is taken off every element, which
    costs one scalar of the generator, the commitment of the constant polynomial 1.
@custom:security S, not its quotient by X, is committed and opened at zero: the 4,096 powers of the setup bound its degree, so that its
    constant term is the sum over the domain. A bound on the quotient's degree would be one short (docs/BLOBS.md section 4).
"""


from interfaces import IBlobVerifier
from . import bounds
from . import kzg


NORMS: constant(uint256) = 1
GRAM: constant(uint256) = 2
SHARE: constant(uint256) = 52423073447788513186850219087163459498374710080483563692275874603576291491841     # 1 / 4096 mod q
POINTS_OF_PROOF: constant(uint256) = 512     # bytes of [S], [h] and the two witnesses
LAST_TERMS: constant(uint256) = 4           # [S], [h], the witness at z, the generator
MAX_TERMS: constant(uint256) = 1020         # bounds.MAX_BLOB_CHUNKS and these


struct Challenges:
    alpha: uint256
    beta: uint256
    z: uint256
    delta: uint256
    gamma: uint256


@pure
@internal
def _openings(claim: IBlobVerifier.Claim) -> uint256:
    """
    @return M: a Gram matrix is proven by an opening a chunk, norms by one of each sum.
    """
    return claim.chunks if claim.kind == GRAM else claim.groups * claim.chunks


@pure
@internal
def _check_shape(claim: IBlobVerifier.Claim, products: uint256, size: uint256):
    """
    @param claim What is claimed.
    @param products How many there are.
    @param size Bytes of evidence.
    """
    assert claim.kind == NORMS or claim.kind == GRAM, "blobs: kind out of 1..2"
    most: uint256 = bounds.MAX_KRUM_GROUPS if claim.kind == GRAM else bounds.MAX_GROUPS
    assert claim.groups >= 1 and claim.groups <= most, "blobs: groups out of range"
    kzg._check_members(claim.members, claim.chunks)
    assert claim.bound >= 1 and claim.bound <= bounds.MAX_BOUND, "blobs: bound out of range"
    entries: uint256 = claim.groups * (claim.groups + 1) // 2 if claim.kind == GRAM else claim.groups
    assert products == entries, "blobs: number of products"
    points: uint256 = POINTS_OF_PROOF + kzg.POINT_BYTES * claim.groups * claim.chunks
    assert size == points + 32 * self._openings(claim), "blobs: length of the evidence"


@view
@internal
def _check(claim: IBlobVerifier.Claim, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], argument: uint256):
    """
    @notice Refuses what isn't proven. The shape has been checked.
    @param claim What is claimed.
    @param products The norms or the matrix.
    @param argument Words of calldata before the place of the evidence.
    """
    sums_at: uint256 = kzg._place(argument)
    proof_at: uint256 = sums_at + kzg.POINT_BYTES * claim.groups * claim.chunks
    x: Challenges = self._challenges(claim, products, proof_at)
    total: uint256 = self._weighted(claim, products, x)
    constant_term: uint256 = uint256_mulmod(total, SHARE, kzg.ORDER)
    commitment: Bytes[kzg.POINT_BYTES] = self._linearised(claim, x, constant_term, proof_at, sums_at)
    witnesses_at: uint256 = proof_at + 256 + 32 * self._openings(claim)
    at_zero: Bytes[kzg.POINT_BYTES] = kzg._product(slice(msg.data, witnesses_at + kzg.POINT_BYTES, 128), x.gamma)
    witness: Bytes[kzg.POINT_BYTES] = kzg._sum(slice(msg.data, witnesses_at, 128), at_zero)
    holds: bool = kzg._opens(kzg._compressed(commitment), 0, 0, kzg._compressed(witness))
    assert holds, "blobs: the proof doesn't hold"


@view
@internal
def _challenges(
    claim: IBlobVerifier.Claim, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], proof_at: uint256
) -> Challenges:
    """
    @notice The transcript (docs/BLOBS.md section 3).
    """
    listed: bytes32 = keccak256(slice(abi_encode(products), 64, 32 * len(products)))
    seed: bytes32 = keccak256(abi_encode(claim.context, claim.kind, claim.root, listed))
    x: Challenges = empty(Challenges)
    x.alpha = convert(seed, uint256) % kzg.ORDER
    x.beta = convert(keccak256(seed), uint256) % kzg.ORDER
    seed = keccak256(concat(seed, slice(msg.data, proof_at, 256)))
    x.z = convert(seed, uint256) % kzg.ORDER
    place: uint256 = proof_at + 256
    for _: uint256 in range(self._openings(claim), bound=bounds.MAX_BLOB_CHUNKS):
        opening: uint256 = kzg._word(place)
        assert opening < kzg.ORDER, "blobs: opening isn't below q"
        seed = kzg._folded(seed, convert(opening, bytes32))
        place = unsafe_add(place, 32)
    x.delta = convert(seed, uint256) % kzg.ORDER
    x.gamma = convert(keccak256(concat(seed, slice(msg.data, place, 256))), uint256) % kzg.ORDER
    return x


@pure
@internal
def _weighted(
    claim: IBlobVerifier.Claim, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], x: Challenges
) -> uint256:
    """
    @return v, the sum of alpha^r G_r or of alpha^r beta^s G_rs over all r and s.
    """
    limit: uint256 = claim.chunks * kzg.ELEMENTS * (claim.members * claim.bound)**2
    total: uint256 = 0
    a: uint256 = 1
    if claim.kind == NORMS:
        for norm: uint256 in products:
            assert norm <= limit, "blobs: norm out of range"
            total = uint256_addmod(total, uint256_mulmod(a, norm, kzg.ORDER), kzg.ORDER)
            a = uint256_mulmod(a, x.alpha, kzg.ORDER)
        return total
    # powers of alpha and beta, of r as of s
    alphas: uint256[bounds.MAX_KRUM_GROUPS] = empty(uint256[bounds.MAX_KRUM_GROUPS])
    betas: uint256[bounds.MAX_KRUM_GROUPS] = empty(uint256[bounds.MAX_KRUM_GROUPS])
    b: uint256 = 1
    for r: uint256 in range(claim.groups, bound=bounds.MAX_KRUM_GROUPS):
        alphas[r] = a
        betas[r] = b
        a = uint256_mulmod(a, x.alpha, kzg.ORDER)
        b = uint256_mulmod(b, x.beta, kzg.ORDER)
    r: uint256 = 0
    s: uint256 = 0
    for entry: uint256 in products:
        # a square is none below zero; entry < q by the second alternative
        assert entry <= limit or (s != r and entry < kzg.ORDER and kzg.ORDER - entry <= limit), "blobs: product out of range"
        weight: uint256 = uint256_mulmod(alphas[r], betas[s], kzg.ORDER)
        if s != r:
            weight = uint256_addmod(weight, uint256_mulmod(alphas[s], betas[r], kzg.ORDER), kzg.ORDER)
        total = uint256_addmod(total, uint256_mulmod(weight, entry, kzg.ORDER), kzg.ORDER)
        s += 1
        if s == claim.groups:
            r += 1
            s = r
    return total


@view
@internal
def _linearised(
    claim: IBlobVerifier.Claim, x: Challenges, constant_term: uint256, proof_at: uint256, sums_at: uint256
) -> Bytes[kzg.POINT_BYTES]:
    """
    @notice Both openings as one commitment, C': it opens to zero at zero with the witness pi + gamma pi_0 if they hold.
    @param claim What is claimed; that the sums are those of its root is checked here.
    @param x The challenges.
    @param constant_term v / n.
    @param proof_at Where the proof is in calldata.
    @param sums_at Where the sums are.
    """
    gram: bool = claim.kind == GRAM
    sums: uint256 = claim.groups * claim.chunks
    last: uint256 = kzg._power(x.delta, self._openings(claim))      # delta^M
    vanishing: uint256 = self._vanishing(x.z)
    root: bytes32 = empty(bytes32)
    group: bytes32 = empty(bytes32)
    chunk: uint256 = 0
    alpha: uint256 = 1              # alpha^r
    beta: uint256 = 1               # beta^r
    weight: uint256 = 0             # of a sum's opening in its factor
    power: uint256 = 1              # alpha^r delta^j of a matrix, delta^m of norms
    opening_at: uint256 = proof_at
    evaluation: uint256 = 0         # y
    factors: uint256 = 0            # of all sums
    total: Bytes[kzg.POINT_BYTES] = kzg.INFINITY
    batch: uint256[5][kzg.BATCH_TERMS] = empty(uint256[5][kzg.BATCH_TERMS])
    filled: uint256 = 0
    for m: uint256 in range(sums + LAST_TERMS, bound=MAX_TERMS):
        point: Bytes[kzg.POINT_BYTES] = kzg.GENERATOR
        factor: uint256 = 0
        if m < sums:
            point = slice(msg.data, sums_at + kzg.POINT_BYTES * m, 128)
            if chunk == 0:
                group = empty(bytes32)
                weight = uint256_mulmod(last, beta if gram else alpha, kzg.ORDER)
                if gram or m == 0:
                    power = alpha
                    opening_at = proof_at + 256
            opening: uint256 = kzg._word(opening_at)
            factor = uint256_addmod(power, uint256_mulmod(weight, opening, kzg.ORDER), kzg.ORDER)
            factors = uint256_addmod(factors, factor, kzg.ORDER)
            if not gram or m < claim.chunks:
                evaluation = uint256_addmod(evaluation, uint256_mulmod(power, opening, kzg.ORDER), kzg.ORDER)
            power = uint256_mulmod(power, x.delta, kzg.ORDER)
            opening_at += 32
            group = keccak256(concat(group, point))
            chunk += 1
            if chunk == claim.chunks:
                root = kzg._folded(root, group)
                alpha = uint256_mulmod(alpha, x.alpha, kzg.ORDER)
                beta = uint256_mulmod(beta, x.beta, kzg.ORDER)
                chunk = 0
        elif m == sums:
            point = slice(msg.data, proof_at, 128)
            factor = uint256_addmod(x.gamma, kzg.ORDER - last, kzg.ORDER)
        elif m == sums + 1:
            point = slice(msg.data, proof_at + kzg.POINT_BYTES, 128)
            factor = uint256_mulmod(kzg.ORDER - last, self._vanishing(x.z), kzg.ORDER)
        elif m == sums + 2:
            point = slice(msg.data, opening_at, 128)
            factor = x.z
        else:
            offset: uint256 = uint256_mulmod(claim.members * claim.bound, factors, kzg.ORDER)
            at_zero: uint256 = uint256_mulmod(x.gamma, constant_term, kzg.ORDER)
            factor = kzg.ORDER - uint256_addmod(uint256_addmod(evaluation, at_zero, kzg.ORDER), offset, kzg.ORDER)
        batch[filled] = abi_decode(concat(point, convert(factor, bytes32)), uint256[5])
        filled += 1
        if filled == kzg.BATCH_TERMS or m == sums + LAST_TERMS - 1:
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
    assert root == claim.root, "blobs: not the sums of the root"
    return total


@pure
@internal
def _vanishing(z: uint256) -> uint256:
    """
    @return Z(z) = z^n - 1; nobody can find a transcript that makes it zero.
    """
    power: uint256 = z
    for _: uint256 in range(kzg.LOG_ELEMENTS):
        power = uint256_mulmod(power, power, kzg.ORDER)
    assert power != 1  # dev: a hash would have to hit one of 4,096 numbers
    return power + kzg.ORDER - 1
