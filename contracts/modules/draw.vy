# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The draw: a permutation that is computed, not stored (E14)
@license Apache-2.0
"""


MAX_HALF_BITS: constant(uint256) = 6    # 2^(2*6) = MAX_WHITELIST
MAX_WALK: constant(uint256) = 4096      # a cycle has at most 2^(2h) elements


@internal
@pure
def _permuted(seed: bytes32, index: uint256, n: uint256) -> uint256:
    """
    @notice pi(index), pi the Feistel permutation of section 6.1 over [0, n), by walking its cycles on [0, 2^(2h)).
    @param seed The drawn seed.
    @param index Order of registration, below n.
    @param n Members registered, 1..4096.
    @return The member's place among all groups, below n.
    """
    half_bits: uint256 = 1
    for _: uint256 in range(MAX_HALF_BITS):
        if (1 << (2 * half_bits)) >= n:
            break
        half_bits += 1
    mask: uint256 = (1 << half_bits) - 1
    x: uint256 = index
    for _: uint256 in range(MAX_WALK):
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
