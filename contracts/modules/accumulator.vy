# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The sums of the groups' uploads
@license Apache-2.0
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from interfaces import IVectorMath
from . import bounds
from . import groups
from . import progress
from . import terms

uses: groups
uses: progress
uses: terms


VECTOR_MATH: immutable(address)


@deploy
def __init__(vector_math: address):
    VECTOR_MATH = vector_math


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
    chunks: uint256 = 0
    count: uint256 = 0
    last_lanes: uint256 = 0
    chunks, count, last_lanes = terms._chunk_sizes(shape, chunk)
    assert chunk == g.chunks_aggregated and chunk < chunks, "aggregate: chunk out of turn"
    size: uint256 = 32 * count
    assert len(words) == shape.members * size, "aggregate: length of the words"
    digest: bytes32 = empty(bytes32)
    for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
        digest = keccak256(concat(digest, keccak256(slice(words, i * size, size))))
    assert digest == groups._hash(group, chunk), "aggregate: not the uploaded words"

    sums: DynArray[uint256, bounds.MAX_CHUNK_WORDS] = []
    for j: uint256 in range(count, bound=bounds.MAX_CHUNK_WORDS):
        total: uint256 = 0
        for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
            # sums of words are taken modulo 2^256 (E12)
            total = unsafe_add(total, extract32(words, i * size + 32 * j, output_type=uint256))
        sums.append(total)
    encoded: Bytes[bounds.MAX_ENCODED_BYTES] = slice(abi_encode(sums), 64, size)
    groups._set_hash(group, chunk, keccak256(encoded))
    g.squared_norm += staticcall IVectorMath(VECTOR_MATH).squared_norm(sums, shape.lane_bits, last_lanes)
    g.chunks_aggregated += 1
    groups._store(group, g)
    log ISecModelUpdate.Aggregated(group=group, chunk=chunk, squared_norm=g.squared_norm, words=encoded)
    if g.chunks_aggregated == chunks:
        p.aggregated += 1
        if p.stage == progress.AGGREGATE and p.aggregated == progress._count(progress._live(p, progress._verdict())):
            progress._open_selection(p, terms._window(terms.SELECT))
        else:
            progress._store(p)
