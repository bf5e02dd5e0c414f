# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The groups: who has committed and delivered, the hashes of their words, the norm of their sum
@license Apache-2.0
@notice One slot a group, and one slot for each of its chunks: with `abort` the hash chain of its uploads, in the order in which
    they came; once they are added, the hash of their sum. With `recover` an upload has a slot of its own, because some of them may
    never be completed, and a group one for the seeds of its masks; with blobs an upload or a correction of several transactions has
    one until it is complete, an accusation, and a proof that an account has begun. Bitmaps are over places.
"""


struct Group:
    committed: uint256          # 16 bits; with `recover` who has shared
    delivered: uint256          # 16
    chunks_aggregated: uint256  # 8; with blobs and `recover` 1 + the place of who has corrected it, 0 until then
    dissolved: bool             # somebody declined; `committed` is then everybody else
    offset: uint256             # 16: members of failed groups before it who did their part
    revealed: uint256           # 16: who has revealed its self mask
    opened: uint256             # 16: whose secret is known, revealed or rebuilt
    lent: uint256               # 16: who has revealed its shares of those who stayed away
    blamed: uint256             # 16: whose committed shares give another secret, whose correction is refuted; in a group that fails by an objection both sides, by a malformed sum all
    squared_norm: uint256       # 128: at most 2^20 lanes of at most 2^31


UPLOADS: constant(uint256) = 2**13      # + (group * 64 + chunk) * 16 + place
SEEDS: constant(uint256) = 2**18        # + group
ACCUSATIONS: constant(uint256) = 2**160     # + account
PROOFS: constant(uint256) = 2**161          # + account


_groups: HashMap[uint256, uint256]
_hashes: HashMap[uint256, bytes32]      # group * 64 + chunk, and beyond UPLOADS, SEEDS, ACCUSATIONS and PROOFS


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
        revealed=(s >> 64) & (2**16 - 1),
        opened=(s >> 80) & (2**16 - 1),
        lent=(s >> 96) & (2**16 - 1),
        blamed=(s >> 112) & (2**16 - 1),
        squared_norm=s >> 128,
    )


@internal
def _store(group_id: uint256, g: Group):
    s: uint256 = g.committed | (g.delivered << 16) | (g.chunks_aggregated << 32) | (g.offset << 48) | (g.squared_norm << 128)
    s |= (g.revealed << 64) | (g.opened << 80) | (g.lent << 96) | (g.blamed << 112)
    if g.dissolved:
        s |= 1 << 40
    self._groups[group_id] = s


@view
@internal
def _hash(group_id: uint256, chunk: uint256) -> bytes32:
    """
    @return The hash chain of that chunk's uploads, or the hash of their sum once it is there; with blobs, at chunk 0, the fold of the
        group's correction.
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


@pure
@internal
def _loyal(g: Group) -> uint256:
    """
    @return With `recover`, who has delivered and revealed, whose shares are what they should be, and who has stood in for others
        where a self mask isn't known in the end.
    """
    loyal: uint256 = g.revealed & ~g.blamed
    if g.delivered & ~g.opened != 0:
        loyal &= g.lent
    return loyal


@pure
@internal
def _survivors(g: Group) -> uint256:
    """
    @return Of a group that failed before the barrier, who is drawn again.
    """
    return g.committed & ~g.blamed


@view
@internal
def _upload(group_id: uint256, chunk: uint256, place: uint256) -> bytes32:
    """
    @return With `recover`, the hash of what that place has uploaded; with blobs, at chunk 0, the fold of what it has posted so far, at
        chunk 1 of its correction.
    """
    return self._hashes[UPLOADS + (group_id * 64 + chunk) * 16 + place]


@internal
def _set_upload(group_id: uint256, chunk: uint256, place: uint256, words_hash: bytes32):
    self._hashes[UPLOADS + (group_id * 64 + chunk) * 16 + place] = words_hash


@view
@internal
def _seeds(group_id: uint256) -> bytes32:
    """
    @return The hash of the seeds of the group's masks; zero before they are disclosed.
    """
    return self._hashes[SEEDS + group_id]


@internal
def _set_seeds(group_id: uint256, digest: bytes32):
    self._hashes[SEEDS + group_id] = digest


@view
@internal
def _accusation(account: address) -> bytes32:
    """
    @return With blobs, what the account has committed to; zero when it is opened.
    """
    return self._hashes[ACCUSATIONS + convert(account, uint256)]


@internal
def _set_accusation(account: address, commitment: bytes32):
    self._hashes[ACCUSATIONS + convert(account, uint256)] = commitment


@view
@internal
def _proof(account: address) -> bytes32:
    """
    @return With blobs, the hash of the proof that the account has begun; zero where there is none.
    """
    return self._hashes[PROOFS + convert(account, uint256)]


@internal
def _set_proof(account: address, digest: bytes32):
    self._hashes[PROOFS + convert(account, uint256)] = digest
