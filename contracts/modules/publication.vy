# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What the owner has published of W^p
@license Apache-2.0
@notice Two slots; the words are in the events.
"""


from interfaces import ISecModelUpdate


struct Publication:
    chunks: uint256     # 8 bits
    words: uint256      # 24
    top: uint256        # 8: lanes of the last word up to its highest one that isn't zero


published_hash: public(bytes32)     # E7
_publication_slot: uint256


@view
@internal
def _load() -> Publication:
    """
    @return What is there so far.
    """
    s: uint256 = self._publication_slot
    return Publication(chunks=s & 255, words=(s >> 8) & (2**24 - 1), top=s >> 32)


@internal
def _add(chunk: uint256, words: uint256, top: uint256, words_hash: bytes32):
    """
    @notice Takes in the next chunk.
    @param chunk Its number.
    @param words How many it has.
    @param top Lanes of its last word up to the highest one that isn't zero.
    @param words_hash Of it.
    """
    known: Publication = self._load()
    assert chunk == known.chunks, "session: published out of turn"
    assert known.chunks < 255, "session: too many chunks"
    self._publication_slot = (known.chunks + 1) | ((known.words + words) << 8) | (top << 32)
    self.published_hash = keccak256(concat(self.published_hash, words_hash))


@view
@internal
def _model_hash(params: ISecModelUpdate.SessionParams) -> bytes32:
    """
    @return E1.
    """
    return keccak256(concat(abi_encode(params), self.published_hash))
