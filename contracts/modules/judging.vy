# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What a session's rule says of norms or products that are proven
@license Apache-2.0
"""


from interfaces import ISessionRules
from . import bounds
from . import kzg
from . import libraries
from . import lifecycle
from . import progress
from . import terms

uses: libraries
uses: lifecycle
uses: progress


@view
@internal
def _accepted_of(
    p: progress.Progress,
    shape: ISessionRules.Shape,
    live: uint256,
    count: uint256,
    proven: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
) -> uint256:
    """
    @notice Asks the session's rule.
    @param live P as a bitmap over group ids.
    @param count R: live groups.
    @param proven The norms or the matrix.
    @return Bitmap over group ids.
    """
    norms: DynArray[uint256, bounds.MAX_GROUPS] = []
    counts: DynArray[uint256, bounds.MAX_GROUPS] = []
    products: DynArray[int256, bounds.MAX_PRODUCTS] = []
    at: uint256 = 0
    rest: uint256 = live
    for r: uint256 in range(count, bound=bounds.MAX_GROUPS):
        norms.append(proven[at])
        counts.append(shape.members)
        if shape.policy == terms.RECOVER:
            # the lowest bit that is left; there are as many as are counted
            group: uint256 = rest & unsafe_sub(0, rest)
            rest ^= group
            counts[r] = lifecycle._delivered(p, shape, group)
        at += 1
        if shape.rule == terms.KRUM:
            for _: uint256 in range(count - r - 1, bound=bounds.MAX_KRUM_GROUPS):
                entry: int256 = convert(proven[at], int256)
                if proven[at] > kzg.ORDER // 2:
                    # below q, and far below q / 2 in size: what is proven is an inner product of sums in range
                    entry -= convert(kzg.ORDER, int256)
                products.append(entry)
                at += 1
    tallies: DynArray[uint256, bounds.MAX_TALLIES] = []
    if shape.rule == terms.NORM_VOTE:
        tallies = progress._tallies_of(p)
    return staticcall libraries.RULES.accepted(shape, live, norms, counts, products, p.cast, tallies)
