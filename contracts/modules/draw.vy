# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The draw: permutations that are computed, not stored (E14)
@license Apache-2.0
"""


MAX_HALF_BITS: constant(uint256) = 6    # 2^(2*6) = MAX_CAPACITY
MAX_WALK: constant(uint256) = 4096      # a cycle has at most 2^(2h) elements


@internal
@pure
def _derived(seed: bytes32, purpose: uint256) -> bytes32:
    """
    @return s_k, the seed of one of the draw's permutations (section 6.1).
    """
    return keccak256(concat(seed, convert(purpose, bytes32)))


@internal
@pure
def _permuted(seed: bytes32, index: uint256, n: uint256) -> uint256:
    """
    @notice pi(seed, index, n), the Feistel permutation of section 6.1 over [0, n), by walking its cycles on [0, 2^(2h)).
    @param seed Of the draw, or derived from it.
    @param index Below n.
    @param n 1..4096.
    @return Below n.
    """
    half_bits: uint256 = 1
    for _: uint256 in range(MAX_HALF_BITS):  # dev: 4^6 is as much as n may be
        if (1 << (2 * half_bits)) >= n:
            break
        half_bits += 1
    mask: uint256 = (1 << half_bits) - 1
    x: uint256 = index
    for _: uint256 in range(MAX_WALK):  # dev: a cycle comes back below n
        left: uint256 = x >> half_bits
        right: uint256 = x & mask
        for k: uint256 in range(4):
            digest: bytes32 = keccak256(concat(seed, convert(4 * right + k, bytes32)))
            next_right: uint256 = left ^ (convert(digest, uint256) & mask)
            left = right
            right = next_right
        x = (left << half_bits) | right
        if x < n:
            break
    return x
