# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Values in the elements of blobs: one in each, or lanes of them
@license Apache-2.0
@notice docs/BLOBS.md B12. With lanes, value i is in lane i // 4096 at index i % 4096; 21 lanes are the digits of a chunk's elements, lowest
    first. The last chunk may have fewer.
"""


from interfaces import ISessionRules
from . import bounds
from . import terms


DIGIT: constant(uint256) = 2**terms.PACKED_BITS - 1


@pure
@internal
def _lanes_of(shape: ISessionRules.Shape, chunk: uint256) -> uint256:
    """
    @param shape Of a session in blobs, packed.
    @param chunk Below c.
    @return Lanes that the chunk has.
    """
    return min(terms.PACKED_LANES, terms._lanes(shape) - terms.PACKED_LANES * chunk)


@pure
@internal
def _is_malformed(shape: ISessionRules.Shape, index: uint256, element: uint256) -> bool:
    """
    @param shape Of a session in blobs.
    @param index Of the element in all chunks, below 4096 c.
    @param element Of a group's sum.
    @return Whether no uploads in range add up to it: a value above 2 N Q, or beyond d other than N Q; with lanes, anything above
        them too.
    """
    middle: uint256 = shape.members * shape.bound
    if shape.lane_bits == 0:
        return element != middle if index >= shape.parameter_count else element > 2 * middle
    chunk: uint256 = index // bounds.BLOB_ELEMENTS
    value: uint256 = terms.PACKED_LANES * bounds.BLOB_ELEMENTS * chunk + index % bounds.BLOB_ELEMENTS
    rest: uint256 = element
    for _: uint256 in range(self._lanes_of(shape, chunk), bound=terms.PACKED_LANES):
        digit: uint256 = rest & DIGIT
        if digit > 2 * middle or (value >= shape.parameter_count and digit != middle):
            return True
        value += bounds.BLOB_ELEMENTS
        rest >>= terms.PACKED_BITS
    return rest != 0


@pure
@internal
def _everywhere(shape: ISessionRules.Shape, index: uint256, number: uint256) -> uint256:
    """
    @param shape Of a session in blobs.
    @param index Of an element in all chunks, below 4096 c.
    @param number In range of a lane.
    @return The element that has it in each of its lanes.
    """
    if shape.lane_bits == 0:
        return number
    lanes: uint256 = self._lanes_of(shape, index // bounds.BLOB_ELEMENTS)
    # 1 + 2^12 + 2^24 and so on
    return number * (((1 << (terms.PACKED_BITS * lanes)) - 1) // DIGIT)
