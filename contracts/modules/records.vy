# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What the market remembers of a data owner with a model owner (docs/PROTOCOL.md section 10)
@license Apache-2.0
@notice A suspicion is an integer, 0 (clear) to 2^16. Its constants come packed into 58 bits, as `start` was given them.
"""


WORST: constant(uint256) = 2**16


struct Constants:
    decay: uint256          # 16 bits; 0 = none
    weight: uint256         # 8; at least 2
    newcomer: uint256       # 17: of who has no record
    threshold: uint256      # 17: at or above it a member is suspect


@pure
@internal
def _constants(packed: uint256) -> Constants:
    """
    @param packed `record_constants`.
    """
    return Constants(
        decay=packed & (2**16 - 1),
        weight=(packed >> 16) & 255,
        newcomer=(packed >> 24) & (2**17 - 1),
        threshold=packed >> 41,
    )


@pure
@internal
def _decayed(suspicion: uint256, decay: uint256) -> uint256:
    """
    @return The suspicion when its member registers (E26).
    """
    if decay == 0:
        return suspicion
    return suspicion - suspicion // decay


@pure
@internal
def _updated(suspicion: uint256, weight: uint256, blamed: bool) -> uint256:
    """
    @return The suspicion after a settlement (E27).
    """
    fresh: uint256 = 0
    if blamed:
        fresh = WORST
    return (suspicion * (weight - 1) + fresh) // weight
