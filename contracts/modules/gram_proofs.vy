# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Proofs of norms and Gram matrices of sums that are known by their KZG commitments
@license Apache-2.0
@notice One univariate sumcheck and one batched opening (docs/BLOBS.md section 3). Sums are centred here: N Q is taken off every element, which
    costs one scalar of the generator, the commitment of the constant polynomial 1.
    A proof may come in several calls: what is in so far is a `PartialProof`, whose seeds the last call checks.
@custom:security S, not its quotient by X, is committed and opened at zero: the 4,096 powers of the setup bound its degree, so that its
    constant term is the sum over the domain. A bound on the quotient's degree would be one short (docs/BLOBS.md section 4).
"""


from interfaces import IBlobVerifier
from interfaces import ISessionBlobs
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


struct Last:
    proof_at: uint256           # where [S] and [h] are in calldata; 0: there are sums to come
    witnesses_at: uint256       # ... and the witnesses
    constant_term: uint256      # v / n


@pure
@internal
def _openings(claim: IBlobVerifier.Claim) -> uint256:
    """
    @return M: a Gram matrix is proven by an opening a chunk, norms by one of each sum.
    """
    return claim.chunks if claim.kind == GRAM else claim.groups * claim.chunks


@pure
@internal
def _check_shape(claim: IBlobVerifier.Claim, products: uint256, size: uint256, begun: uint256):
    """
    @param claim What is claimed.
    @param products How many there are.
    @param size Bytes of evidence.
    @param begun Sums that are in.
    """
    assert claim.kind == NORMS or claim.kind == GRAM, "blobs: kind out of 1..2"
    most: uint256 = bounds.MAX_KRUM_GROUPS if claim.kind == GRAM else bounds.MAX_GROUPS
    assert claim.groups >= 1 and claim.groups <= most, "blobs: groups out of range"
    kzg._check_members(claim.members, claim.chunks)
    assert claim.bound >= 1 and claim.bound <= bounds.MAX_BOUND, "blobs: bound out of range"
    entries: uint256 = claim.groups * (claim.groups + 1) // 2 if claim.kind == GRAM else claim.groups
    assert products == entries, "blobs: number of products"
    left: uint256 = claim.groups * claim.chunks - begun
    points: uint256 = POINTS_OF_PROOF + kzg.POINT_BYTES * left
    assert size == points + 32 * self._openings_of(claim, left), "blobs: length of the evidence"


@pure
@internal
def _openings_of(claim: IBlobVerifier.Claim, sums: uint256) -> uint256:
    """
    @return How many openings come with so many sums.
    """
    return claim.chunks if claim.kind == GRAM else sums


@view
@internal
def _check(claim: IBlobVerifier.Claim, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], argument: uint256):
    """
    @notice Refuses what isn't proven, in one call. The shape has been checked.
    @param claim What is claimed.
    @param products The norms or the matrix.
    @param argument Words of calldata before the place of the evidence.
    """
    self._finish(claim, empty(ISessionBlobs.PartialProof), products, argument)


@view
@internal
def _finish(
    claim: IBlobVerifier.Claim,
    begun: ISessionBlobs.PartialProof,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    argument: uint256,
):
    """
    @notice Refuses what isn't proven by what is in and by this call. The shape has been checked.
    @param begun What is in; if there is nothing, the whole proof is in this call.
    """
    left: uint256 = claim.groups * claim.chunks - begun.sums
    sums_at: uint256 = kzg._place(argument)
    proof_at: uint256 = sums_at + kzg.POINT_BYTES * left
    witnesses_at: uint256 = proof_at + 256 + 32 * self._openings_of(claim, left)
    seeds: bytes32[3] = self._seeds(claim, begun, products, proof_at, witnesses_at)
    s: ISessionBlobs.PartialProof = begun
    if begun.sums == 0:
        s = self._begin(seeds)
    else:
        same: bool = seeds[0] == begun.seeds[0] and seeds[1] == begun.seeds[1] and seeds[2] == begun.seeds[2]
        assert same, "blobs: another proof than was begun"
    x: Challenges = self._challenges(seeds)
    x.gamma = convert(keccak256(concat(seeds[2], slice(msg.data, witnesses_at, 256))), uint256) % kzg.ORDER
    constant_term: uint256 = uint256_mulmod(self._weighted(claim, products, x), SHARE, kzg.ORDER)
    last: Last = Last(proof_at=proof_at, witnesses_at=witnesses_at, constant_term=constant_term)
    s = self._combined(claim, x, s, left, sums_at, proof_at + 256, last)
    assert s.root == claim.root, "blobs: not the sums of the root"
    at_zero: Bytes[kzg.POINT_BYTES] = kzg._product(slice(msg.data, witnesses_at + kzg.POINT_BYTES, 128), x.gamma)
    witness: Bytes[kzg.POINT_BYTES] = kzg._sum(slice(msg.data, witnesses_at, 128), at_zero)
    holds: bool = kzg._opens(kzg._compressed(self._point(s)), 0, 0, kzg._compressed(witness))
    assert holds, "blobs: the proof doesn't hold"


@view
@internal
def _continue(
    claim: IBlobVerifier.Claim, begun: ISessionBlobs.PartialProof, size: uint256, argument: uint256
) -> ISessionBlobs.PartialProof:
    """
    @notice Takes in the next sums of a proof, one or more. Nothing of them is checked yet but that they are points of the subgroup, and that a
        matrix has the openings that were hashed.
    @param claim What is claimed.
    @param begun What is in; if there is nothing, its seeds alone count.
    @param size Bytes of evidence: sums, then a matrix's openings, or those of these sums.
    @param argument Words of calldata before the place of the evidence.
    """
    s: ISessionBlobs.PartialProof = begun
    if begun.sums == 0:
        s = self._begin(begun.seeds)
    fixed: uint256 = 32 * claim.chunks if claim.kind == GRAM else 0
    each: uint256 = kzg.POINT_BYTES if claim.kind == GRAM else kzg.POINT_BYTES + 32
    more: uint256 = (max(size, fixed) - fixed) // each
    assert more != 0 and size == fixed + each * more, "blobs: length of the evidence"
    assert s.sums + more <= claim.groups * claim.chunks, "blobs: more sums than are left"
    sums_at: uint256 = kzg._place(argument)
    openings_at: uint256 = sums_at + kzg.POINT_BYTES * more
    if claim.kind == GRAM:
        openings: bytes32 = self._folded(s.seeds[1], openings_at, claim.chunks)
        assert openings == s.seeds[2], "blobs: another proof than was begun"
    else:
        s.openings = self._folded(s.openings, openings_at, more)
    return self._combined(claim, self._challenges(s.seeds), s, more, sums_at, openings_at, empty(Last))


@pure
@internal
def _begin(seeds: bytes32[3]) -> ISessionBlobs.PartialProof:
    """
    @param seeds t0, t1, t2.
    @return A proof none of whose sums is in.
    """
    s: ISessionBlobs.PartialProof = empty(ISessionBlobs.PartialProof)
    s.seeds = seeds
    s.openings = seeds[1]
    s.alpha = 1
    s.beta = 1
    s.power = 1
    return s


@view
@internal
def _seeds(
    claim: IBlobVerifier.Claim,
    begun: ISessionBlobs.PartialProof,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    proof_at: uint256,
    witnesses_at: uint256,
) -> bytes32[3]:
    """
    @notice The transcript (docs/BLOBS.md section 3): t0, t1, t2.
    """
    listed: bytes32 = keccak256(slice(abi_encode(products), 64, 32 * len(products)))
    seeds: bytes32[3] = empty(bytes32[3])
    seeds[0] = keccak256(abi_encode(claim.context, claim.kind, claim.root, listed))
    seeds[1] = keccak256(concat(seeds[0], slice(msg.data, proof_at, 256)))
    first: bytes32 = seeds[1]
    if begun.sums != 0 and claim.kind == NORMS:
        first = begun.openings
    seeds[2] = self._folded(first, proof_at + 256, (witnesses_at - proof_at) // 32 - 8)
    return seeds


@view
@internal
def _folded(folded: bytes32, at: uint256, count: uint256) -> bytes32:
    """
    @param folded Before them.
    @param at Where openings are in calldata.
    @param count How many.
    """
    seed: bytes32 = folded
    place: uint256 = at
    for _: uint256 in range(count, bound=bounds.MAX_BLOB_CHUNKS):
        opening: uint256 = kzg._word(place)
        assert opening < kzg.ORDER, "blobs: opening isn't below q"
        seed = kzg._folded(seed, convert(opening, bytes32))
        place = unsafe_add(place, 32)
    return seed


@pure
@internal
def _challenges(seeds: bytes32[3]) -> Challenges:
    """
    @return All but gamma.
    """
    return Challenges(
        alpha=convert(seeds[0], uint256) % kzg.ORDER,
        beta=convert(keccak256(seeds[0]), uint256) % kzg.ORDER,
        z=convert(seeds[1], uint256) % kzg.ORDER,
        delta=convert(seeds[2], uint256) % kzg.ORDER,
        gamma=0,
    )


@pure
@internal
def _point(s: ISessionBlobs.PartialProof) -> Bytes[kzg.POINT_BYTES]:
    """
    @return What is combined so far.
    """
    return slice(abi_encode(s.point), 0, 128)


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
def _combined(
    claim: IBlobVerifier.Claim,
    x: Challenges,
    begun: ISessionBlobs.PartialProof,
    more: uint256,
    sums_at: uint256,
    openings_at: uint256,
    last: Last,
) -> ISessionBlobs.PartialProof:
    """
    @notice Adds sums to the combination; behind the last one it is both openings as one commitment, C', which opens to zero at zero with
        the witness pi + gamma pi_0 if they hold.
    @param claim What is claimed.
    @param x The challenges.
    @param begun What is in.
    @param more Sums in this call.
    @param sums_at Where they are in calldata.
    @param openings_at Where a matrix's openings are, or those of these sums.
    @param last What closes the proof.
    """
    s: ISessionBlobs.PartialProof = begun
    gram: bool = claim.kind == GRAM
    closing: uint256 = kzg._power(x.delta, self._openings(claim))      # delta^M
    chunk: uint256 = s.sums % claim.chunks
    weight: uint256 = 0             # of a sum's opening in its factor
    opening_at: uint256 = openings_at
    if chunk != 0:
        weight = uint256_mulmod(closing, s.beta if gram else s.alpha, kzg.ORDER)
        if gram:
            opening_at += 32 * chunk
    terms: uint256 = more
    if last.proof_at != 0:
        terms += LAST_TERMS
    total: Bytes[kzg.POINT_BYTES] = self._point(s)
    batch: uint256[5][kzg.BATCH_TERMS] = empty(uint256[5][kzg.BATCH_TERMS])
    filled: uint256 = 0
    for m: uint256 in range(terms, bound=MAX_TERMS):
        point: Bytes[kzg.POINT_BYTES] = kzg.GENERATOR
        factor: uint256 = 0
        if m < more:
            # places are within calldata, counters below MAX_TERMS
            point = slice(msg.data, unsafe_add(sums_at, unsafe_mul(kzg.POINT_BYTES, m)), 128)
            if chunk == 0:
                s.group = empty(bytes32)
                weight = uint256_mulmod(closing, s.beta if gram else s.alpha, kzg.ORDER)
                if gram:
                    s.power = s.alpha
                    opening_at = openings_at
            opening: uint256 = kzg._word(opening_at)
            factor = uint256_addmod(s.power, uint256_mulmod(weight, opening, kzg.ORDER), kzg.ORDER)
            s.factors = uint256_addmod(s.factors, factor, kzg.ORDER)
            if not gram or unsafe_add(s.sums, m) < claim.chunks:
                s.evaluation = uint256_addmod(s.evaluation, uint256_mulmod(s.power, opening, kzg.ORDER), kzg.ORDER)
            s.power = uint256_mulmod(s.power, x.delta, kzg.ORDER)
            opening_at = unsafe_add(opening_at, 32)
            s.group = keccak256(concat(s.group, point))
            chunk = unsafe_add(chunk, 1)
            if chunk == claim.chunks:
                s.root = kzg._folded(s.root, s.group)
                s.alpha = uint256_mulmod(s.alpha, x.alpha, kzg.ORDER)
                s.beta = uint256_mulmod(s.beta, x.beta, kzg.ORDER)
                chunk = 0
        elif m == more:
            point = slice(msg.data, last.proof_at, 128)
            factor = uint256_addmod(x.gamma, kzg.ORDER - closing, kzg.ORDER)
        elif m == more + 1:
            point = slice(msg.data, last.proof_at + kzg.POINT_BYTES, 128)
            factor = uint256_mulmod(kzg.ORDER - closing, self._vanishing(x.z), kzg.ORDER)
        elif m == more + 2:
            point = slice(msg.data, last.witnesses_at, 128)
            factor = x.z
        else:
            offset: uint256 = uint256_mulmod(claim.members * claim.bound, s.factors, kzg.ORDER)
            at_zero: uint256 = uint256_mulmod(x.gamma, last.constant_term, kzg.ORDER)
            factor = kzg.ORDER - uint256_addmod(uint256_addmod(s.evaluation, at_zero, kzg.ORDER), offset, kzg.ORDER)
        batch[filled] = abi_decode(concat(point, convert(factor, bytes32)), uint256[5])
        filled = unsafe_add(filled, 1)
        if filled == kzg.BATCH_TERMS or m == unsafe_sub(terms, 1):
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
    s.sums += more
    s.point = abi_decode(total, uint256[4])
    return s


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
