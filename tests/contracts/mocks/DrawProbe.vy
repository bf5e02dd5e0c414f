# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The draw's permutation, for everybody to call
@license Apache-2.0
"""


from modules import draw


@view
@external
def permuted(seed: bytes32, index: uint256, n: uint256) -> uint256:
    return draw._permuted(seed, index, n)


@view
@external
def places(seed: bytes32, n: uint256) -> DynArray[uint256, 64]:
    result: DynArray[uint256, 64] = []
    for index: uint256 in range(n, bound=64):
        result.append(draw._permuted(seed, index, n))
    return result
