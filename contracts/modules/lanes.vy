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
    shift2: uint256     # 2b, and so on
    shift3: uint256
    shift4: uint256
    shift5: uint256
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
    @return What VectorMath needs.
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
        shift2=2 * bits,
        shift3=3 * bits,
        shift4=4 * bits,
        shift5=5 * bits,
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
