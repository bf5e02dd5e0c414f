# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Votes against groups, packed
@license Apache-2.0
@notice 15 lanes of 16 bits a word, lane i mod 15 of word i div 15 that of group id i. A lane counts to 1,024, the members of 64 groups
    of 16. The sixteenth lane is empty.
"""


LANES: constant(uint256) = 15
SPREAD: constant(uint256) = 1645554775667631445946654566302660034402731066166604967259963393    # 2^(15 j) for j = 0..14
ONES: constant(uint256) = 26960358049567167613997062649621095839284106155117402275449854296065     # 1 in every lane


@pure
@internal
def _spread(bits: uint256) -> uint256:
    """
    @notice Puts bit i into lane i. Bit i times 2^(15 j) is bit i + 15 j, another one for each i and j below 15, so that nothing carries;
        among those bits the ones whose number 16 divides have i = j.
    @param bits 15 of them.
    @return A word with 1 in the lanes of the bits that are set.
    """
    return (bits * SPREAD) & ONES


@pure
@internal
def _against(word: uint256, group_id: uint256) -> uint256:
    """
    @param word The one with that group's lane.
    @return Votes against the group.
    """
    return (word >> (16 * (group_id % LANES))) & (2**16 - 1)
