# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The sums of the groups' uploads
@license Apache-2.0
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import fees
from . import groups
from . import libraries
from . import progress
from . import sums as accumulated
from . import terms

uses: calls
uses: fees
uses: groups
uses: libraries
uses: progress
uses: accumulated
uses: terms


BLOCK_BYTES: constant(uint256) = 256    # eight words at a time: four times as fast as one by one
MAX_BLOCKS: constant(uint256) = 90      # MAX_CHUNK_BYTES / BLOCK_BYTES


@external
def aggregate(group: uint256, chunk: uint256, words: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice Adds the N uploads of one chunk of a group, which everybody can supply from the `Uploaded` events, and measures the
        sum. Anyone may call it, once the group has delivered, in stages Upload and Aggregate; chunks in order.
    @param group Group id.
    @param chunk Number of the chunk.
    @param words The uploads of that chunk, one after another, in the order in which they were uploaded.
    @custom:gas On the calldata floor (EIP-7623) from chunks of about 130 words on, N = 4: 1,280 a word of the uploads.
    """
    gas_at_start: uint256 = msg.gas
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
        # a statement of its own: nested, the buffers of both would lie one after the other, at 55,000 gas of memory
        words_hash: bytes32 = keccak256(slice(words, i * sizes.size, sizes.size))
        digest = keccak256(concat(digest, words_hash))
    assert digest == groups._hash(group, chunk), "aggregate: not the uploaded words"

    sums: DynArray[uint256, bounds.MAX_CHUNK_WORDS] = []
    blocks: uint256 = sizes.size // BLOCK_BYTES
    for k: uint256 in range(blocks, bound=MAX_BLOCKS):
        totals: uint256[8] = empty(uint256[8])
        for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
            # below len(words); sums of words are taken modulo 2^256 (E12)
            at: uint256 = unsafe_add(unsafe_mul(i, sizes.size), unsafe_mul(k, BLOCK_BYTES))
            w: uint256[8] = abi_decode(slice(words, at, BLOCK_BYTES), uint256[8])
            totals[0] = unsafe_add(totals[0], w[0])
            totals[1] = unsafe_add(totals[1], w[1])
            totals[2] = unsafe_add(totals[2], w[2])
            totals[3] = unsafe_add(totals[3], w[3])
            totals[4] = unsafe_add(totals[4], w[4])
            totals[5] = unsafe_add(totals[5], w[5])
            totals[6] = unsafe_add(totals[6], w[6])
            totals[7] = unsafe_add(totals[7], w[7])
        for total: uint256 in totals:
            sums.append(total)
    for j: uint256 in range(8 * blocks, sizes.size // 32, bound=7):
        total: uint256 = 0
        for i: uint256 in range(shape.members, bound=bounds.MAX_MEMBERS):
            total = unsafe_add(total, extract32(words, i * sizes.size + 32 * j, output_type=uint256))
        sums.append(total)
    encoded: Bytes[bounds.MAX_ENCODED_BYTES] = slice(abi_encode(sums), 64, sizes.size)
    squared_norm: uint256 = staticcall libraries.VECTOR_MATH.squared_norm(sums, shape.lane_bits, sizes.last_lanes)
    squared_norm = accumulated._measured(group, chunk, g, keccak256(encoded), squared_norm)
    log ISecModelUpdate.Aggregated(group=group, chunk=chunk, squared_norm=squared_norm, words=encoded)
    accumulated._close(p, chunk + 1 == sizes.count, g.delivered)
    calls._end(gas_at_start, p, terms.LIMIT_AGGREGATE, len(words) // 32, fees._turn_to_aggregate(p, shape, group))
