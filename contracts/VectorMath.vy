# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The vector mathematics of all sessions: norms and inner products of sums
@license Apache-2.0
@notice Stateless. A contract of its own so that a session stays below EIP-170's limit, and so that the loops can be compiled for gas.
@custom:contract-name VectorMath
"""


from interfaces import IVectorMath
from modules import bounds
from modules import lanes

implements: IVectorMath


BLOCK_WORDS: constant(uint256) = 4
ONE_A_LANE: constant(uint256) = max_value(uint256) // (2**32 - 1)        # float32 lanes
EXPONENTS: constant(uint256) = (2**31 - 2**23) * ONE_A_LANE
LOWEST_EXPONENTS: constant(uint256) = 2**23 * ONE_A_LANE
SIGNS: constant(uint256) = 2**31 * ONE_A_LANE
MAX_BLOCKS: constant(uint256) = 180     # MAX_CHUNK_WORDS / BLOCK_WORDS


@pure
@external
def float_lanes(words: Bytes[bounds.MAX_CHUNK_BYTES]) -> uint256:
    """
    @notice Checks words of eight float32 bit patterns (docs/PROTOCOL.md section 4): all finite.
    @param words Whole words, at least one.
    @return Lanes of the last word up to its highest one that isn't zero, 0..8.
    """
    carries: uint256 = 0
    last: uint256 = 0
    for i: uint256 in range(len(words) // 32, bound=bounds.MAX_CHUNK_WORDS):
        last = extract32(words, 32 * i, output_type=uint256)
        # an exponent of all ones, and nothing else, carries into the sign bit of its own lane; no lane reaches the next
        carries |= unsafe_add(last & EXPONENTS, LOWEST_EXPONENTS)
    assert carries & SIGNS == 0, "publish: NaN or infinity"
    top: uint256 = 0
    for lane: uint256 in range(8):
        if last >> (32 * lane) != 0:
            top = lane + 1
    return top


@pure
@external
def squared_norm(words: DynArray[uint256, bounds.MAX_CHUNK_WORDS], lane_bits: uint256, last_lanes: uint256) -> uint256:
    """
    @notice The squared length of a sum.
    @param words At least one word of signed lanes (E6).
    @param lane_bits b: 6, 8, 10, 12, 16 or 32.
    @param last_lanes Lanes of the last word that count, 1..L: those beyond are taken as zero.
    @return In squared units of the encoding, exact.
    """
    lay: lanes.Layout = lanes._layout(lane_bits)
    v: DynArray[uint256, bounds.MAX_CHUNK_WORDS] = words
    last: uint256 = len(words) - 1
    v[last] = lanes._without_tail(v[last], last_lanes, lay)
    return lanes._squared_norm(v, lay)


@pure
@external
def products(
    words: Bytes[bounds.MAX_CALL_BYTES], rows: uint256, lane_bits: uint256, last_lanes: uint256
) -> DynArray[int256, bounds.MAX_PRODUCTS]:
    """
    @notice The inner products of all pairs of rows.
    @param words Rows of equal length, one after another, each at least one word of signed lanes (E6).
    @param rows 1..16.
    @param lane_bits b: 6, 8, 10, 12, 16 or 32.
    @param last_lanes Lanes of each row's last word that count, 1..L: those beyond are taken as zero.
    @return <row r, row s> for r < s, row by row, in squared units of the encoding, exact.
    @custom:gas About 500 a word, and 190 a word and pair.
    """
    size: uint256 = len(words) // rows
    count: uint256 = size // 32
    lay: lanes.Layout = lanes._layout(lane_bits)
    sums: uint256[16] = empty(uint256[16])
    raw: uint256[120] = empty(uint256[120])
    x: uint256[24][16] = empty(uint256[24][16])
    y: uint256[24][16] = empty(uint256[24][16])
    blocks: uint256 = (count + BLOCK_WORDS - 1) // BLOCK_WORDS
    for k: uint256 in range(blocks, bound=MAX_BLOCKS):
        for r: uint256 in range(rows, bound=bounds.MAX_KRUM_GROUPS):
            block_words: uint256[4] = empty(uint256[4])
            here: uint256 = min(BLOCK_WORDS, count - BLOCK_WORDS * k)
            for i: uint256 in range(here, bound=BLOCK_WORDS):
                block_words[i] = extract32(words, r * size + 32 * (BLOCK_WORDS * k + i), output_type=uint256)
            if k == blocks - 1:
                block_words[here - 1] = lanes._without_tail(block_words[here - 1], last_lanes, lay)
            row_sums: uint256 = 0
            x[r], y[r], row_sums = lanes._row(block_words, lay)
            # unit fields of 720 words of at most 6 digits below 2^b
            sums[r] = unsafe_add(sums[r], row_sums)
        pair: uint256 = 0
        for r: uint256 in range(rows, bound=bounds.MAX_KRUM_GROUPS):
            a: uint256[24] = x[r]
            for s: uint256 in range(r + 1, rows, bound=bounds.MAX_KRUM_GROUPS):
                b: uint256[24] = y[s]
                # products are wanted modulo 2^256; the lower coefficients of 24 of them stay below 2^unit (see `lanes._row`)
                t: uint256 = 0
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[0], b[0]), unsafe_mul(a[1], b[1])),
                    unsafe_add(unsafe_mul(a[2], b[2]), unsafe_mul(a[3], b[3])),
                ))
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[4], b[4]), unsafe_mul(a[5], b[5])),
                    unsafe_add(unsafe_mul(a[6], b[6]), unsafe_mul(a[7], b[7])),
                ))
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[8], b[8]), unsafe_mul(a[9], b[9])),
                    unsafe_add(unsafe_mul(a[10], b[10]), unsafe_mul(a[11], b[11])),
                ))
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[12], b[12]), unsafe_mul(a[13], b[13])),
                    unsafe_add(unsafe_mul(a[14], b[14]), unsafe_mul(a[15], b[15])),
                ))
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[16], b[16]), unsafe_mul(a[17], b[17])),
                    unsafe_add(unsafe_mul(a[18], b[18]), unsafe_mul(a[19], b[19])),
                ))
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[20], b[20]), unsafe_mul(a[21], b[21])),
                    unsafe_add(unsafe_mul(a[22], b[22]), unsafe_mul(a[23], b[23])),
                ))
                # at most 720 words of 42 products below 2^64
                raw[pair] = unsafe_add(raw[pair], (t >> lay.middle) & lay.unit_mask)
                pair = unsafe_add(pair, 1)

    # <v_r, v_s> = <u_r, u_s> - H (sum u_r + sum u_s) + lanes H^2
    for r: uint256 in range(rows, bound=bounds.MAX_KRUM_GROUPS):
        sums[r] = lanes._lane_sum(sums[r], lay)
    constant_part: uint256 = blocks * BLOCK_WORDS * lay.lanes * lay.half**2
    found: DynArray[int256, bounds.MAX_PRODUCTS] = []
    pair: uint256 = 0
    for r: uint256 in range(rows, bound=bounds.MAX_KRUM_GROUPS):
        for s: uint256 in range(r + 1, rows, bound=bounds.MAX_KRUM_GROUPS):
            product: int256 = convert(raw[pair] + constant_part, int256) - convert(lay.half * (sums[r] + sums[s]), int256)
            found.append(product)
            pair += 1
    return found
