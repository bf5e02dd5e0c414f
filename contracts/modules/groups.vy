# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The groups: who has committed and delivered, the hashes of their words, the norm of their sum
@license Apache-2.0
@notice One slot a group, and one slot for each of its chunks: the hash chain of its uploads, in the order in which they came,
    and, once they are added, the hash of their sum. Bitmaps are over places.
"""


struct Group:
    committed: uint256          # 16 bits
    delivered: uint256          # 16
    chunks_aggregated: uint256  # 8
    dissolved: bool             # somebody declined; `committed` is then everybody else
    offset: uint256             # 16: members of failed groups before it who did their part
    squared_norm: uint256       # 128: at most 2^20 lanes of at most 2^31


_groups: HashMap[uint256, uint256]
_hashes: HashMap[uint256, bytes32]      # group * 64 + chunk


@view
@internal
def _load(group_id: uint256) -> Group:
    """
    @param group_id Any number.
    @return The group; zeros where there is none.
    """
    s: uint256 = self._groups[group_id]
    return Group(
        committed=s & (2**16 - 1),
        delivered=(s >> 16) & (2**16 - 1),
        chunks_aggregated=(s >> 32) & 255,
        dissolved=(s >> 40) & 1 == 1,
        offset=(s >> 48) & (2**16 - 1),
        squared_norm=s >> 128,
    )


@internal
def _store(group_id: uint256, g: Group):
    s: uint256 = g.committed | (g.delivered << 16) | (g.chunks_aggregated << 32) | (g.offset << 48) | (g.squared_norm << 128)
    if g.dissolved:
        s |= 1 << 40
    self._groups[group_id] = s


@view
@internal
def _hash(group_id: uint256, chunk: uint256) -> bytes32:
    """
    @return The hash chain of that chunk's uploads, or the hash of their sum once it is there.
    """
    return self._hashes[group_id * 64 + chunk]


@internal
def _set_hash(group_id: uint256, chunk: uint256, digest: bytes32):
    self._hashes[group_id * 64 + chunk] = digest


@internal
def _chain(group_id: uint256, chunk: uint256, words_hash: bytes32):
    """
    @notice Adds an upload to the hash chain of its chunk.
    """
    key: uint256 = group_id * 64 + chunk
    self._hashes[key] = keccak256(concat(self._hashes[key], words_hash))
