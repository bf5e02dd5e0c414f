# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Signed lanes in words: decoding, squared norms, inner products
@license Apache-2.0
@notice A word holds L = floor(256/b) signed lanes of b bits (docs/PROTOCOL.md section 3). With H = 2^(b-1), E6 gives lane l
    of a word w the value v_l = u_l - H, where u_l are the base-2^b digits of u = (w + offset) mod 2^(bL) and offset has H in
    every lane: the v_l are the only integers in [-H, H) whose sum v_l 2^(bl) is w mod 2^(bL). True for every w, honest or not.

    Inner products multiply many lanes at once. A word is cut into `units` of `unit` bits, each of `classes` lanes.
    Class c of u, x_c = (u >> bc) & mask, holds one lane a unit; y_c is the same of u with its units in reverse order. Then the
    coefficient of 2^(unit (units-1)) in x_c y_c is the inner product over the lanes of class c. Units of 36 bits (b = 6, 12),
    32 (8), 50 (10), 64 (16) and 128 (32) fill the bL bits exactly.
"""


from . import bounds


struct Layout:
    lanes: uint256      # L
    half: uint256       # H
    offset: uint256     # H in every lane
    box: uint256        # the lowest bL bits
    ones: uint256       # 1 in every unit
    shift: uint256      # b
    mask: uint256       # the lowest lane of every unit; classes 0, 1 and 2
    mask3: uint256      # the same, or zero where a unit has no such class
    mask4: uint256
    mask5: uint256
    middle: uint256     # unit * (units - 1)
    unit_mask: uint256  # the lowest unit
    swap_a: uint256     # three steps reverse the units: what `swap` covers changes place with what lies `by` bits below,
    by_a: uint256       # what `keep` covers stays
    keep_a: uint256
    swap_b: uint256
    by_b: uint256
    keep_b: uint256
    swap_c: uint256
    by_c: uint256
    keep_c: uint256


ONE: constant(uint256) = 1
U36: constant(uint256) = 2**36 - 1
U50: constant(uint256) = 2**50 - 1
U32: constant(uint256) = 2**32 - 1
U64: constant(uint256) = 2**64 - 1
U128: constant(uint256) = 2**128 - 1


@internal
@pure
def _layout(bits: uint256) -> Layout:
    """
    @notice The masks and shifts of lanes of a width.
    @param bits Lane width b: 6, 8, 10, 12, 16 or 32.
    @return What `_squared_norm` and `_row` need.
    """
    unit: uint256 = 36
    swap_a: uint256 = (2**108 - 1) << 144
    by_a: uint256 = 144
    swap_b: uint256 = (U36 << 216) | (U36 << 72)
    by_b: uint256 = 72
    swap_c: uint256 = 0
    if bits == 10:
        unit = 50
        swap_a = U50 << 200
        by_a = 200
        swap_b = U50 << 150
        by_b = 100
    elif bits == 8:
        unit = 32
        swap_a = U128 << 128
        by_a = 128
        swap_b = (U64 << 192) | (U64 << 64)
        by_b = 64
        swap_c = (U32 << 224) | (U32 << 160) | (U32 << 96) | (U32 << 32)
    elif bits == 16:
        unit = 64
        swap_a = U128 << 128
        by_a = 128
        swap_b = (U64 << 192) | (U64 << 64)
        by_b = 64
    elif bits == 32:
        unit = 128
        swap_a = U128 << 128
        by_a = 128
        swap_b = 0
    classes: uint256 = unit // bits
    lanes: uint256 = 256 // bits
    # 1 << 256 is 0, and 0 - 1 is the full word: right for widths that divide 256
    box: uint256 = unsafe_sub(ONE << (bits * lanes), 1)
    unit_mask: uint256 = (ONE << unit) - 1
    ones: uint256 = box // unit_mask
    lane_mask: uint256 = (ONE << bits) - 1
    mask: uint256 = ones * lane_mask
    return Layout(
        lanes=lanes,
        half=1 << (bits - 1),
        offset=(box // lane_mask) << (bits - 1),
        box=box,
        ones=ones,
        shift=bits,
        mask=mask,
        mask3=mask if classes > 3 else 0,
        mask4=mask if classes > 4 else 0,
        mask5=mask if classes > 5 else 0,
        middle=bits * lanes - unit,
        unit_mask=unit_mask,
        swap_a=swap_a,
        by_a=by_a,
        keep_a=~(swap_a | (swap_a >> by_a)),
        swap_b=swap_b,
        by_b=by_b,
        keep_b=~(swap_b | (swap_b >> by_b)),
        swap_c=swap_c,
        by_c=32,
        keep_c=~(swap_c | (swap_c >> 32)),
    )


@pure
@internal
def _reversed(u: uint256, lay: Layout) -> uint256:
    """
    @param u A word of digits.
    @param lay Of their width.
    @return The word with its units in reverse order.
    """
    r: uint256 = ((u & lay.swap_a) >> lay.by_a) | ((u << lay.by_a) & lay.swap_a) | (u & lay.keep_a)
    r = ((r & lay.swap_b) >> lay.by_b) | ((r << lay.by_b) & lay.swap_b) | (r & lay.keep_b)
    return ((r & lay.swap_c) >> lay.by_c) | ((r << lay.by_c) & lay.swap_c) | (r & lay.keep_c)


@pure
@internal
def _without_tail(word: uint256, used: uint256, lay: Layout) -> uint256:
    """
    @notice Zeroes the lanes beyond the last parameter.
    @param word The last word of a sum.
    @param used Lanes in use, 1..L.
    @param lay Of their width.
    @return A word whose lanes (E6) are the same up to `used` and zero beyond.
    """
    inside: uint256 = unsafe_sub(ONE << (used * lay.shift), 1) & lay.box
    # modulo 2^256, as E5
    digits: uint256 = (unsafe_add(word, lay.offset) & inside) | (lay.offset & ~inside)
    return unsafe_sub(digits, lay.offset)


@pure
@internal
def _lane_sum(sums: uint256, lay: Layout) -> uint256:
    """
    @param sums Sums of digits, one a unit.
    @return Their sum over all units.
    """
    # the middle coefficient of the product with 1 in every unit; each stays below 2^unit (720 words), so nothing carries
    return (unsafe_mul(sums, lay.ones) >> lay.middle) & lay.unit_mask


@pure
@internal
def _squared_norm(words: DynArray[uint256, bounds.MAX_CHUNK_WORDS], lay: Layout) -> uint256:
    """
    @notice The sum of v_l^2 over all lanes of all words.
    @param words Sums of a chunk; lanes beyond the last parameter zeroed.
    @param lay Of their width.
    @return In squared units of the encoding, exact.
    @custom:gas About 650 a word.
    """
    squares: uint256 = 0
    sums: uint256 = 0
    for w: uint256 in words:
        # modulo 2^256, as E5
        u: uint256 = unsafe_add(w, lay.offset) & lay.box
        r: uint256 = self._reversed(u, lay)
        x0: uint256 = u & lay.mask
        x1: uint256 = (u >> lay.shift) & lay.mask
        x2: uint256 = (u >> (2 * lay.shift)) & lay.mask
        x3: uint256 = (u >> (3 * lay.shift)) & lay.mask3
        x4: uint256 = (u >> (4 * lay.shift)) & lay.mask4
        x5: uint256 = (u >> (5 * lay.shift)) & lay.mask5
        # products are wanted modulo 2^256; one word's lower coefficients stay below 2^unit (see `_row_product`)
        p: uint256 = unsafe_add(unsafe_mul(x0, r & lay.mask), unsafe_mul(x1, (r >> lay.shift) & lay.mask))
        p = unsafe_add(p, unsafe_mul(x2, (r >> (2 * lay.shift)) & lay.mask))
        p = unsafe_add(p, unsafe_mul(x3, (r >> (3 * lay.shift)) & lay.mask3))
        p = unsafe_add(p, unsafe_mul(x4, (r >> (4 * lay.shift)) & lay.mask4))
        p = unsafe_add(p, unsafe_mul(x5, (r >> (5 * lay.shift)) & lay.mask5))
        # 720 words of at most 42 squares below 2^64; unit fields of 720 words of at most 6 digits below 2^b
        squares = unsafe_add(squares, (p >> lay.middle) & lay.unit_mask)
        sums = unsafe_add(sums, x0 + x1 + x2 + x3 + x4 + x5)
    return squares + len(words) * lay.lanes * lay.half**2 - 2 * lay.half * self._lane_sum(sums, lay)


@pure
@internal
def _row(words: uint256[4], lay: Layout) -> (uint256[24], uint256[24], uint256):
    """
    @notice The six classes of each of four words, and of the words reversed. The inner product of two blocks is the middle
        coefficient of the sum of the 24 products x[i] y[i]. Nothing carries into it: with digits up to 2^b - 1, a coefficient
        of that sum is at most 4 L (2^b - 1)^2, below 2^unit for each width (666,792 < 2^36, 8.4e6 < 2^32, 1.1e8 < 2^50,
        1.5e9 < 2^36, 2.8e11 < 2^64, 6.0e20 < 2^128).
    @param words Four words; lanes beyond the last parameter zeroed.
    @param lay Of their width.
    @return x; y; the digits' sums, one a unit.
    """
    # modulo 2^256, as E5
    u0: uint256 = unsafe_add(words[0], lay.offset) & lay.box
    r0: uint256 = self._reversed(u0, lay)
    # modulo 2^256, as E5
    u1: uint256 = unsafe_add(words[1], lay.offset) & lay.box
    r1: uint256 = self._reversed(u1, lay)
    # modulo 2^256, as E5
    u2: uint256 = unsafe_add(words[2], lay.offset) & lay.box
    r2: uint256 = self._reversed(u2, lay)
    # modulo 2^256, as E5
    u3: uint256 = unsafe_add(words[3], lay.offset) & lay.box
    r3: uint256 = self._reversed(u3, lay)
    x: uint256[24] = [
        u0 & lay.mask, (u0 >> lay.shift) & lay.mask, (u0 >> (2 * lay.shift)) & lay.mask,
        (u0 >> (3 * lay.shift)) & lay.mask3, (u0 >> (4 * lay.shift)) & lay.mask4, (u0 >> (5 * lay.shift)) & lay.mask5,
        u1 & lay.mask, (u1 >> lay.shift) & lay.mask, (u1 >> (2 * lay.shift)) & lay.mask,
        (u1 >> (3 * lay.shift)) & lay.mask3, (u1 >> (4 * lay.shift)) & lay.mask4, (u1 >> (5 * lay.shift)) & lay.mask5,
        u2 & lay.mask, (u2 >> lay.shift) & lay.mask, (u2 >> (2 * lay.shift)) & lay.mask,
        (u2 >> (3 * lay.shift)) & lay.mask3, (u2 >> (4 * lay.shift)) & lay.mask4, (u2 >> (5 * lay.shift)) & lay.mask5,
        u3 & lay.mask, (u3 >> lay.shift) & lay.mask, (u3 >> (2 * lay.shift)) & lay.mask,
        (u3 >> (3 * lay.shift)) & lay.mask3, (u3 >> (4 * lay.shift)) & lay.mask4, (u3 >> (5 * lay.shift)) & lay.mask5,
    ]
    y: uint256[24] = [
        r0 & lay.mask, (r0 >> lay.shift) & lay.mask, (r0 >> (2 * lay.shift)) & lay.mask,
        (r0 >> (3 * lay.shift)) & lay.mask3, (r0 >> (4 * lay.shift)) & lay.mask4, (r0 >> (5 * lay.shift)) & lay.mask5,
        r1 & lay.mask, (r1 >> lay.shift) & lay.mask, (r1 >> (2 * lay.shift)) & lay.mask,
        (r1 >> (3 * lay.shift)) & lay.mask3, (r1 >> (4 * lay.shift)) & lay.mask4, (r1 >> (5 * lay.shift)) & lay.mask5,
        r2 & lay.mask, (r2 >> lay.shift) & lay.mask, (r2 >> (2 * lay.shift)) & lay.mask,
        (r2 >> (3 * lay.shift)) & lay.mask3, (r2 >> (4 * lay.shift)) & lay.mask4, (r2 >> (5 * lay.shift)) & lay.mask5,
        r3 & lay.mask, (r3 >> lay.shift) & lay.mask, (r3 >> (2 * lay.shift)) & lay.mask,
        (r3 >> (3 * lay.shift)) & lay.mask3, (r3 >> (4 * lay.shift)) & lay.mask4, (r3 >> (5 * lay.shift)) & lay.mask5,
    ]
    # 24 fields of digits below 2^b: below 2^unit
    sums: uint256 = 0
    sums = unsafe_add(sums, unsafe_add(
        unsafe_add(unsafe_add(x[0], x[1]), unsafe_add(x[2], x[3])),
        unsafe_add(unsafe_add(x[4], x[5]), unsafe_add(x[6], x[7])),
    ))
    sums = unsafe_add(sums, unsafe_add(
        unsafe_add(unsafe_add(x[8], x[9]), unsafe_add(x[10], x[11])),
        unsafe_add(unsafe_add(x[12], x[13]), unsafe_add(x[14], x[15])),
    ))
    sums = unsafe_add(sums, unsafe_add(
        unsafe_add(unsafe_add(x[16], x[17]), unsafe_add(x[18], x[19])),
        unsafe_add(unsafe_add(x[20], x[21]), unsafe_add(x[22], x[23])),
    ))
    return x, y, sums
