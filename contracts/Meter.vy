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
PAIRS: constant(uint256) = max_value(uint256) // 65535                  # the lowest bit of every second byte
EVEN_BYTES: constant(uint256) = PAIRS * 255


@external
@raw_return
def __default__() -> Bytes[32]:
    """
    @notice Counts the tokens of whatever bytes it is called with (EIP-7623): a zero byte is one, any other four.
    @return One word.
    """
    size: uint256 = len(msg.data)
    filled: uint256 = 0     # bytes that aren't zero
    blocks: uint256 = size // BLOCK_BYTES
    for k: uint256 in range(blocks, bound=MAX_BLOCKS):
        words: uint256[8] = abi_decode(slice(msg.data, unsafe_mul(k, BLOCK_BYTES), BLOCK_BYTES), uint256[8])
        marks: uint256 = 0
        for word: uint256 in words:
            # one in each byte that isn't zero; eight words add up to at most 8 in a byte
            marks = unsafe_add(marks, self._marks(word))
        filled = unsafe_add(filled, self._sum(marks))
    at: uint256 = blocks * BLOCK_BYTES
    for _: uint256 in range((size - at) // 32, bound=8):
        filled += self._sum(self._marks(convert(slice(msg.data, at, 32), uint256)))
        at += 32
    for i: uint256 in range(at, size, bound=32):
        if slice(msg.data, i, 1) != b"\x00":
            filled += 1
    return abi_encode(size + 3 * filled)


@pure
@internal
def _marks(word: uint256) -> uint256:
    """
    @return One in each byte that isn't zero in the word.
    """
    x: uint256 = word | (word >> 4)
    x |= x >> 2
    x |= x >> 1
    return x & ONES


@pure
@internal
def _sum(marks: uint256) -> uint256:
    """
    @param marks At most 8 in each byte.
    @return The sum of its bytes.
    """
    # 16 pairs of at most 16: the product's highest two bytes hold their sum, at most 256
    pairs: uint256 = (marks & EVEN_BYTES) + ((marks >> 8) & EVEN_BYTES)
    return unsafe_mul(pairs, PAIRS) >> 240
