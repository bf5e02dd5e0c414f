# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy off
"""
@title What calldata costs
@license Apache-2.0
@notice Stateless. A session forwards what it was called with.
@custom:contract-name Meter
"""


BLOCK_BYTES: constant(uint256) = 256
MAX_BLOCKS: constant(uint256) = 512                                     # 128 KiB

ONES: constant(uint256) = max_value(uint256) // 255                     # the lowest bit of every byte
SEVENS: constant(uint256) = ONES * 127                                  # the other seven
PAIRS: constant(uint256) = max_value(uint256) // 65535                  # the lowest bit of every second byte
EVEN_BYTES: constant(uint256) = PAIRS * 255


@external
@raw_return
def __default__() -> Bytes[32]:
    """
    @notice Counts the tokens of whatever bytes it is called with (EIP-7623): a zero byte is one, any other four.
    @return One word.
    @custom:gas About 100 for each word in a block of eight.
    """
    size: uint256 = len(msg.data)
    filled: uint256 = 0     # bytes that aren't zero
    blocks: uint256 = size // BLOCK_BYTES
    for k: uint256 in range(blocks, bound=MAX_BLOCKS):
        w: uint256[8] = abi_decode(slice(msg.data, unsafe_mul(k, BLOCK_BYTES), BLOCK_BYTES), uint256[8])
        # a byte's lower seven bits and 127 add up to at most 254, and to 128 or more unless all are zero; with the byte itself
        # the highest bit tells whether it is zero, and eight words count at most 8 in each byte: nothing wraps
        marks: uint256 = ((unsafe_add(w[0] & SEVENS, SEVENS) | w[0]) >> 7) & ONES
        marks = unsafe_add(marks, ((unsafe_add(w[1] & SEVENS, SEVENS) | w[1]) >> 7) & ONES)
        marks = unsafe_add(marks, ((unsafe_add(w[2] & SEVENS, SEVENS) | w[2]) >> 7) & ONES)
        marks = unsafe_add(marks, ((unsafe_add(w[3] & SEVENS, SEVENS) | w[3]) >> 7) & ONES)
        marks = unsafe_add(marks, ((unsafe_add(w[4] & SEVENS, SEVENS) | w[4]) >> 7) & ONES)
        marks = unsafe_add(marks, ((unsafe_add(w[5] & SEVENS, SEVENS) | w[5]) >> 7) & ONES)
        marks = unsafe_add(marks, ((unsafe_add(w[6] & SEVENS, SEVENS) | w[6]) >> 7) & ONES)
        marks = unsafe_add(marks, ((unsafe_add(w[7] & SEVENS, SEVENS) | w[7]) >> 7) & ONES)
        # 16 pairs of at most 16: the product's highest two bytes hold their sum, at most 256
        pairs: uint256 = unsafe_add(marks & EVEN_BYTES, (marks >> 8) & EVEN_BYTES)
        filled = unsafe_add(filled, unsafe_mul(pairs, PAIRS) >> 240)
    at: uint256 = blocks * BLOCK_BYTES
    if size < 32:
        for i: uint256 in range(size, bound=32):
            if slice(msg.data, i, 1) != b"\x00":
                filled += 1
        return abi_encode(size + 3 * filled)
    for _: uint256 in range((size - at) // 32, bound=8):
        filled += self._filled(convert(slice(msg.data, at, 32), uint256))
        at += 32
    # the last bytes are the lowest of the last 32
    filled += self._filled(convert(slice(msg.data, size - 32, 32), uint256) & ((1 << (8 * (size - at))) - 1))
    return abi_encode(size + 3 * filled)


@pure
@internal
def _filled(word: uint256) -> uint256:
    """
    @return Bytes of the word that aren't zero.
    """
    marks: uint256 = ((unsafe_add(word & SEVENS, SEVENS) | word) >> 7) & ONES
    # the product's highest byte holds their sum, at most 32
    return unsafe_mul(marks, ONES) >> 248
