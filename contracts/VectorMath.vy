# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The vector mathematics of all sessions: norms and inner products of sums
@license Apache-2.0
@notice Stateless. A contract of its own so that a session stays below EIP-170's limit, and so that the loops are compiled for gas.
    lanes.vy has the method.
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
    @custom:gas About 850 a word.
    """
    lay: lanes.Layout = lanes._layout(lane_bits)
    v: DynArray[uint256, bounds.MAX_CHUNK_WORDS] = words
    last: uint256 = len(words) - 1
    v[last] = lanes._without_tail(v[last], last_lanes, lay)
    squares: uint256 = 0
    sums: uint256 = 0
    for w: uint256 in v:
        # modulo 2^256, as E5
        u: uint256 = unsafe_add(w, lay.offset) & lay.box
        r: uint256 = ((u & lay.swap_a) >> lay.by_a) | ((u << lay.by_a) & lay.swap_a) | (u & lay.keep_a)
        r = ((r & lay.swap_b) >> lay.by_b) | ((r << lay.by_b) & lay.swap_b) | (r & lay.keep_b)
        if lay.swap_c != 0:
            r = ((r & lay.swap_c) >> lay.by_c) | ((r << lay.by_c) & lay.swap_c) | (r & lay.keep_c)
        x0: uint256 = u & lay.mask
        x1: uint256 = (u >> lay.shift) & lay.mask
        x2: uint256 = (u >> lay.shift2) & lay.mask
        x3: uint256 = (u >> lay.shift3) & lay.mask3
        x4: uint256 = (u >> lay.shift4) & lay.mask4
        x5: uint256 = (u >> lay.shift5) & lay.mask5
        # products are wanted modulo 2^256; one word's lower coefficients stay below 2^unit (see `products`)
        p: uint256 = unsafe_add(unsafe_mul(x0, r & lay.mask), unsafe_mul(x1, (r >> lay.shift) & lay.mask))
        p = unsafe_add(p, unsafe_mul(x2, (r >> lay.shift2) & lay.mask))
        p = unsafe_add(p, unsafe_mul(x3, (r >> lay.shift3) & lay.mask3))
        p = unsafe_add(p, unsafe_mul(x4, (r >> lay.shift4) & lay.mask4))
        p = unsafe_add(p, unsafe_mul(x5, (r >> lay.shift5) & lay.mask5))
        # 720 words of at most 42 squares below 2^64; unit fields of 720 words of at most 6 digits below 2^b
        squares = unsafe_add(squares, (p >> lay.middle) & lay.unit_mask)
        sums = unsafe_add(sums, unsafe_add(unsafe_add(unsafe_add(x0, x1), unsafe_add(x2, x3)), unsafe_add(x4, x5)))
    return squares + len(words) * lay.lanes * lay.half**2 - 2 * lay.half * lanes._lane_sum(sums, lay)


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
    @custom:gas About 1,350 a word, and 215 a word and pair.
    """
    size: uint256 = len(words) // rows
    count: uint256 = size // 32
    lay: lanes.Layout = lanes._layout(lane_bits)
    sums: uint256[16] = empty(uint256[16])
    raw: uint256[120] = empty(uint256[120])
    x: uint256[6][4][16] = empty(uint256[6][4][16])
    y: uint256[6][4][16] = empty(uint256[6][4][16])
    last: uint256 = count - 1
    blocks: uint256 = (count + BLOCK_WORDS - 1) // BLOCK_WORDS
    for k: uint256 in range(blocks, bound=MAX_BLOCKS):
        for r: uint256 in range(rows, bound=bounds.MAX_KRUM_GROUPS):
            xr: uint256[6][4] = empty(uint256[6][4])
            yr: uint256[6][4] = empty(uint256[6][4])
            digits: uint256 = 0
            for i: uint256 in range(BLOCK_WORDS):
                # k < 180, i < 4, r < 16 and size < 2^17 stay far below 2^256
                at: uint256 = unsafe_add(unsafe_mul(BLOCK_WORDS, k), i)
                w: uint256 = 0
                if at < count:
                    w = extract32(words, unsafe_add(unsafe_mul(r, size), unsafe_mul(32, at)), output_type=uint256)
                if at == last:
                    w = lanes._without_tail(w, last_lanes, lay)
                # modulo 2^256, as E5
                u: uint256 = unsafe_add(w, lay.offset) & lay.box
                v: uint256 = ((u & lay.swap_a) >> lay.by_a) | ((u << lay.by_a) & lay.swap_a) | (u & lay.keep_a)
                v = ((v & lay.swap_b) >> lay.by_b) | ((v << lay.by_b) & lay.swap_b) | (v & lay.keep_b)
                if lay.swap_c != 0:
                    v = ((v & lay.swap_c) >> lay.by_c) | ((v << lay.by_c) & lay.swap_c) | (v & lay.keep_c)
                x0: uint256 = u & lay.mask
                x1: uint256 = (u >> lay.shift) & lay.mask
                x2: uint256 = (u >> lay.shift2) & lay.mask
                x3: uint256 = (u >> lay.shift3) & lay.mask3
                x4: uint256 = (u >> lay.shift4) & lay.mask4
                x5: uint256 = (u >> lay.shift5) & lay.mask5
                xr[i] = [x0, x1, x2, x3, x4, x5]
                yr[i] = [
                    v & lay.mask,
                    (v >> lay.shift) & lay.mask,
                    (v >> lay.shift2) & lay.mask,
                    (v >> lay.shift3) & lay.mask3,
                    (v >> lay.shift4) & lay.mask4,
                    (v >> lay.shift5) & lay.mask5,
                ]
                # unit fields of 720 words of at most 6 digits below 2^b
                digits = unsafe_add(
                    digits, unsafe_add(unsafe_add(unsafe_add(x0, x1), unsafe_add(x2, x3)), unsafe_add(x4, x5))
                )
            x[r] = xr
            y[r] = yr
            sums[r] = unsafe_add(sums[r], digits)
        pair: uint256 = 0
        for r: uint256 in range(rows, bound=bounds.MAX_KRUM_GROUPS):
            a: uint256[6][4] = x[r]
            for s: uint256 in range(r + 1, rows, bound=bounds.MAX_KRUM_GROUPS):
                b: uint256[6][4] = y[s]
                # Products are wanted modulo 2^256. Nothing carries into the middle coefficient: with digits up to 2^b - 1 a
                # coefficient of the sum is at most 4 L (2^b - 1)^2, below 2^unit for each width (666,792 < 2^36, 8.4e6 < 2^32,
                # 1.1e8 < 2^50, 1.5e9 < 2^36, 2.8e11 < 2^64, 6.0e20 < 2^128).
                t: uint256 = unsafe_add(
                    unsafe_add(unsafe_mul(a[0][0], b[0][0]), unsafe_mul(a[0][1], b[0][1])),
                    unsafe_add(
                        unsafe_add(unsafe_mul(a[0][2], b[0][2]), unsafe_mul(a[0][3], b[0][3])),
                        unsafe_add(unsafe_mul(a[0][4], b[0][4]), unsafe_mul(a[0][5], b[0][5])),
                    ),
                )
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[1][0], b[1][0]), unsafe_mul(a[1][1], b[1][1])),
                    unsafe_add(
                        unsafe_add(unsafe_mul(a[1][2], b[1][2]), unsafe_mul(a[1][3], b[1][3])),
                        unsafe_add(unsafe_mul(a[1][4], b[1][4]), unsafe_mul(a[1][5], b[1][5])),
                    ),
                ))
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[2][0], b[2][0]), unsafe_mul(a[2][1], b[2][1])),
                    unsafe_add(
                        unsafe_add(unsafe_mul(a[2][2], b[2][2]), unsafe_mul(a[2][3], b[2][3])),
                        unsafe_add(unsafe_mul(a[2][4], b[2][4]), unsafe_mul(a[2][5], b[2][5])),
                    ),
                ))
                t = unsafe_add(t, unsafe_add(
                    unsafe_add(unsafe_mul(a[3][0], b[3][0]), unsafe_mul(a[3][1], b[3][1])),
                    unsafe_add(
                        unsafe_add(unsafe_mul(a[3][2], b[3][2]), unsafe_mul(a[3][3], b[3][3])),
                        unsafe_add(unsafe_mul(a[3][4], b[3][4]), unsafe_mul(a[3][5], b[3][5])),
                    ),
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
