# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Points of BLS12-381's first group, commitments of blobs and openings
@license Apache-2.0
@notice EIP-2537 and EIP-4844. A precompile that is called with what it refuses takes all gas of the call: each call has the gas
    that its EIP asks for, and no more. Where there is no precompile a call succeeds and answers nothing.
@custom:security Points are checked to be on the curve by `_sum`, and to be in the subgroup by `_product` and `_opens`.
"""


from . import bounds


ORDER: constant(uint256) = 52435875175126190479447740508185965837690552500527637822603658699938581184513     # q
WORD_RANGE: constant(uint256) = 10920338887063814464675503992315976177888879664585288394250266608035967270910     # 2^256 mod q
ROOT: constant(uint256) = 39033254847818212395286706435128746857159659164139250548781411570340225835782    # 7^((q - 1) / 4096)
ELEMENTS: constant(uint256) = 4096      # n, of a blob
LOG_ELEMENTS: constant(uint256) = 12
EXPONENT_BITS: constant(uint256) = 16
POINT_BYTES: constant(uint256) = 128
COMPRESSED_BYTES: constant(uint256) = 48
TERM_BYTES: constant(uint256) = 160
BATCH_TERMS: constant(uint256) = 64     # more would cost more memory than EIP-2537 has discount
POINTS_ARGUMENT: constant(uint256) = 3  # words of calldata before the place of `points` in `check_sum`

GENERATOR: constant(Bytes[128]) = x"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
INFINITY: constant(Bytes[128]) = x"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
HALF_HIGH: constant(uint256) = 17282741772707453034394598013407712875       # (p - 1) / 2
HALF_LOW: constant(uint256) = 80617075055843030690312053732876818007934237714091801549733396136033114903893
COMPRESSED: constant(uint256) = 128 << 120      # flags of the first byte of 48, in the word before the last one
INFINITE: constant(uint256) = 192 << 120
LARGER_Y: constant(uint256) = 160 << 120

EVALUATION: constant(address) = 0x000000000000000000000000000000000000000A
ADDITION: constant(address) = 0x000000000000000000000000000000000000000b
COMBINATION: constant(address) = 0x000000000000000000000000000000000000000C
EVALUATION_GAS: constant(uint256) = 50_000
ADDITION_GAS: constant(uint256) = 375
COMBINATION_GAS: constant(uint256) = 26_100     # with TERM_GAS for each of 5..64 terms the least line above EIP-2537's table
TERM_GAS: constant(uint256) = 6_720
PRODUCT_GAS: constant(uint256) = 12_000

VERSION: constant(uint256) = 1 << 248
WITHOUT_VERSION: constant(uint256) = VERSION - 1


@view
@internal
def _place(argument: uint256) -> uint256:
    """
    @param argument How many words of calldata stand before the word that says where a list of bytes is.
    @return Where its first byte is.
    """
    # the call's own arguments have been decoded: the place is within calldata
    return unsafe_add(self._word(unsafe_add(4, unsafe_mul(32, argument))), 36)


@view
@internal
def _word(at: uint256) -> uint256:
    """
    @param at A place in calldata.
    """
    return convert(slice(msg.data, at, 32), uint256)


@pure
@internal
def _folded(folded: bytes32, hashed: bytes32) -> bytes32:
    """
    @return One more step of a fold: lists are hashed item by item, so that their length needn't be known.
    """
    return keccak256(concat(folded, hashed))


@pure
@internal
def _check_members(members: uint256, chunks: uint256):
    assert members >= 2 and members <= bounds.MAX_MEMBERS, "blobs: members out of 2..16"
    assert chunks >= 1 and chunks <= bounds.MAX_BLOB_CHUNKS, "blobs: chunks out of 1..1016"


@pure
@internal
def _check_points(members: uint256, chunks: uint256, size: uint256):
    self._check_members(members, chunks)
    assert size == POINT_BYTES * members * chunks, "blobs: length of the points"


@view
@internal
def _check_sum(chunks: uint256, uploads: DynArray[bytes32, bounds.MAX_MEMBERS], group: bytes32):
    """
    @notice `check_sum` of BlobVerifier.vy, from its calldata.
    """
    found: DynArray[bytes32, bounds.MAX_ROWS] = []
    total: bytes32 = empty(bytes32)
    found, total = self._aggregated(len(uploads), chunks, self._place(POINTS_ARGUMENT))
    for i: uint256 in range(len(uploads), bound=bounds.MAX_MEMBERS):
        assert found[i] == uploads[i], "blobs: not the upload's commitments"
    assert total == group, "blobs: not the group's sums"


@view
@internal
def _aggregated(rows: uint256, chunks: uint256, at: uint256) -> (DynArray[bytes32, bounds.MAX_ROWS], bytes32):
    """
    @notice Adds the commitments of one group's uploads.
    @param rows Uploads, and a correction: at least 2, so that whatever is added is checked.
    @param chunks c.
    @param at Where the points are in calldata, upload by upload.
    @return The fold of each upload's versioned hashes; the fold of the sums.
    """
    uploads: DynArray[bytes32, bounds.MAX_ROWS] = []
    for _: uint256 in range(rows, bound=bounds.MAX_ROWS):
        uploads.append(empty(bytes32))
    group: bytes32 = empty(bytes32)
    stride: uint256 = POINT_BYTES * chunks
    for chunk: uint256 in range(chunks, bound=bounds.MAX_BLOB_CHUNKS):
        place: uint256 = at + POINT_BYTES * chunk
        total: Bytes[POINT_BYTES] = b""
        for i: uint256 in range(rows, bound=bounds.MAX_ROWS):
            point: Bytes[POINT_BYTES] = slice(msg.data, place, 128)
            total = point if i == 0 else self._sum(total, point)
            uploads[i] = self._folded(uploads[i], self._versioned(self._compressed(point)))
            place += stride
        group = keccak256(concat(group, total))
    return uploads, group


@view
@internal
def _total(rows: uint256, chunks: uint256, at: uint256, chunk: uint256) -> Bytes[POINT_BYTES]:
    """
    @param rows Uploads, and a correction.
    @param chunks c.
    @param at Where the points are in calldata, upload by upload.
    @param chunk Which, below c.
    @return The sum of one chunk of a group's uploads.
    """
    total: Bytes[POINT_BYTES] = INFINITY
    for i: uint256 in range(rows, bound=bounds.MAX_ROWS):
        total = self._sum(total, slice(msg.data, at + POINT_BYTES * (chunks * i + chunk), 128))
    return total


@pure
@internal
def _compressed(point: Bytes[POINT_BYTES]) -> Bytes[COMPRESSED_BYTES]:
    """
    @param point On the curve.
    @return As EIP-4844 has it.
    """
    x: uint256 = extract32(point, 0, output_type=uint256)
    y: uint256 = extract32(point, 64, output_type=uint256)
    flags: uint256 = COMPRESSED
    if y >= HALF_HIGH:
        if y > HALF_HIGH or extract32(point, 96, output_type=uint256) > HALF_LOW:
            flags = LARGER_Y
    elif y == 0:
        # no point has the y coordinate zero: x^3 = -4 has no root
        if extract32(point, 96, output_type=uint256) == 0:
            flags = INFINITE
    return slice(concat(convert(x | flags, bytes32), extract32(point, 32)), 16, 48)


@pure
@internal
def _versioned(commitment: Bytes[COMPRESSED_BYTES]) -> bytes32:
    """
    @return EIP-4844's versioned hash.
    """
    return convert(convert(sha256(commitment), uint256) & WITHOUT_VERSION | VERSION, bytes32)


@view
@internal
def _sum(a: Bytes[POINT_BYTES], b: Bytes[POINT_BYTES]) -> Bytes[POINT_BYTES]:
    """
    @return Of two points on the curve; refuses any others.
    """
    success: bool = False
    total: Bytes[POINT_BYTES] = b""
    success, total = raw_call(
        ADDITION, concat(a, b), max_outsize=128, gas=ADDITION_GAS, is_static_call=True, revert_on_failure=False
    )
    assert success and len(total) == POINT_BYTES, "blobs: not on the curve"
    return total


@view
@internal
def _product(point: Bytes[POINT_BYTES], factor: uint256) -> Bytes[POINT_BYTES]:
    """
    @return Of a point of the subgroup; refuses any other.
    """
    success: bool = False
    product: Bytes[POINT_BYTES] = b""
    success, product = raw_call(
        COMBINATION,
        concat(point, convert(factor, bytes32)),
        max_outsize=128,
        gas=PRODUCT_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    assert success and len(product) == POINT_BYTES, "blobs: not in the subgroup"
    return product


@view
@internal
def _opens(commitment: Bytes[COMPRESSED_BYTES], z: uint256, y: uint256, proof: Bytes[COMPRESSED_BYTES]) -> bool:
    """
    @return Whether the polynomial has the value y at z: e(C - y G1, G2) = e(proof, (tau - z) G2), all canonical.
    """
    success: bool = False
    answer: Bytes[64] = b""
    success, answer = raw_call(
        EVALUATION,
        concat(self._versioned(commitment), convert(z, bytes32), convert(y, bytes32), commitment, proof),
        max_outsize=64,
        gas=EVALUATION_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 64


@pure
@internal
def _domain_point(index: uint256) -> uint256:
    """
    @param index 0..4095.
    @return Where a blob's polynomial has its element of that index: the root of unity to the index with its bits reversed.
    """
    z: uint256 = 1
    for i: uint256 in range(LOG_ELEMENTS):
        z = uint256_mulmod(z, z, ORDER)
        if (index >> i) & 1 == 1:
            z = uint256_mulmod(z, ROOT, ORDER)
    return z


@pure
@internal
def _mask_at(seed: bytes32, index: uint64) -> uint256:
    """
    @param seed Of a mask (B1).
    @param index Of the element in the whole vector.
    @return The mask's element there: 512 bits of the seed's stream modulo q.
    """
    place: Bytes[40] = concat(seed, convert(index, bytes8))
    high: uint256 = convert(keccak256(concat(place, b"\x00")), uint256)
    low: uint256 = convert(keccak256(concat(place, b"\x01")), uint256)
    return uint256_addmod(uint256_mulmod(high, WORD_RANGE, ORDER), low, ORDER)


@pure
@internal
def _power(base: uint256, exponent: uint256) -> uint256:
    """
    @param exponent Below 2^16.
    """
    power: uint256 = 1
    square: uint256 = base      # to the power 2^i
    rest: uint256 = exponent
    for _: uint256 in range(EXPONENT_BITS):  # dev: a group's uploads fit a call, so that R c is at most 64 * 508
        if rest == 0:
            break
        if rest & 1 == 1:
            power = uint256_mulmod(power, square, ORDER)
        square = uint256_mulmod(square, square, ORDER)
        rest >>= 1
    return power
