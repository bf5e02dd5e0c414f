# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The blobs of a transaction
@license Apache-2.0
"""


from . import bounds
from . import kzg


@view
@internal
def _taken(due: uint256, before: bytes32) -> (DynArray[bytes32, bounds.MAX_BLOBS], bytes32):
    """
    @notice Refuses a transaction with more or fewer blobs than are due.
    @param due How many, 1..6.
    @param before The fold of those before them; zero where there are none.
    @return Their versioned hashes; the fold with them.
    """
    assert blobhash(due) == empty(bytes32), "blobs: more blobs than are due"
    hashes: DynArray[bytes32, bounds.MAX_BLOBS] = []
    folded: bytes32 = before
    for i: uint256 in range(due, bound=bounds.MAX_BLOBS):
        versioned: bytes32 = blobhash(i)
        assert versioned != empty(bytes32), "blobs: fewer blobs than are due"
        hashes.append(versioned)
        folded = kzg._folded(folded, versioned)
    return hashes, folded
