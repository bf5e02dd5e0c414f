# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The sums of the groups' uploads
@license Apache-2.0
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from . import bounds
from . import groups
from . import libraries
from . import progress
from . import terms

uses: groups
uses: libraries
uses: progress
uses: terms


@external
def aggregate(group: uint256, chunk: uint256, words: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice Adds the N uploads of one chunk of a group, which everybody can supply from the `Uploaded` events, and measures the
        sum. Anyone may call it, once the group has delivered, in stages Upload and Aggregate; chunks in order.
    @param group Group id.
    @param chunk Number of the chunk.
    @param words The uploads of that chunk, one after another, in the order in which they were uploaded.
    @custom:gas On the calldata floor (EIP-7623) for chunks of 8 words and more: about 1,100 gas a word of the sum with N = 4.
    """
    p: progress.Progress = progress._load()
    assert p.stage == progress.UPLOAD or p.stage == progress.AGGREGATE, "aggregate: wrong stage"
    assert not progress._over(p), "session: the window is over"
    shape: ISessionRules.Shape = terms._shape()
    g: groups.Group = groups._load(group)
    assert group < p.groups and g.delivered == (1 << shape.members) - 1, "aggregate: group isn't delivered"
    sizes: terms.Chunk = terms._chunk(shape, chunk)
    assert chunk == g.chunks_aggregated and chunk < sizes.count, "aggregate: chunk out of turn"
    assert len(words) == shape.members * sizes.size, "aggregate: length of the words"
    digest: bytes32 = empty(bytes32)
    for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
        digest = keccak256(concat(digest, keccak256(slice(words, i * sizes.size, sizes.size))))
    assert digest == groups._hash(group, chunk), "aggregate: not the uploaded words"

    sums: DynArray[uint256, bounds.MAX_CHUNK_WORDS] = []
    for j: uint256 in range(sizes.size // 32, bound=bounds.MAX_CHUNK_WORDS):
        total: uint256 = 0
        for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
            # sums of words are taken modulo 2^256 (E12); the index is below len(words)
            total = unsafe_add(total, extract32(words, unsafe_add(unsafe_mul(i, sizes.size), unsafe_mul(32, j)), output_type=uint256))
        sums.append(total)
    encoded: Bytes[bounds.MAX_ENCODED_BYTES] = slice(abi_encode(sums), 64, sizes.size)
    groups._set_hash(group, chunk, keccak256(encoded))
    g.squared_norm += staticcall libraries.VECTOR_MATH.squared_norm(sums, shape.lane_bits, sizes.last_lanes)
    g.chunks_aggregated += 1
    groups._store(group, g)
    log ISecModelUpdate.Aggregated(group=group, chunk=chunk, squared_norm=g.squared_norm, words=encoded)
    if g.chunks_aggregated == sizes.count:
        p.aggregated += 1
        if p.stage == progress.AGGREGATE and p.aggregated == progress._count(progress._live(p, progress._verdict())):
            progress._open_selection(p, terms._window(terms.SELECT))
        else:
            progress._store(p)
