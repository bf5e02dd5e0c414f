# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The Gram matrix of the aggregates
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
from . import terms

uses: calls
uses: fees
uses: groups
uses: libraries
uses: progress
uses: terms


@external
def gram(chunk: uint256, words: Bytes[bounds.MAX_CALL_BYTES], products: DynArray[int256, bounds.MAX_PRODUCTS]):
    """
    @notice Adds one chunk to the inner products of all pairs of aggregates. Anyone, in stage Select with rule `krum`; chunks in order.
    @param chunk Number of the chunk.
    @param words The aggregates of that chunk of all groups of P, one after another, in order of id.
    @param products Those of the last `GramAdded`; empty at chunk 0.
    @custom:gas Above the calldata floor: see VectorMath.products.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = terms._shape()
    assert shape.rule == terms.KRUM, "gram: the rule needs none"
    sizes: terms.Chunk = terms._chunk(shape, chunk)
    assert chunk == p.gram_chunks and chunk < sizes.count, "gram: chunk out of turn"
    self._check_products(p, products)
    live: uint256 = progress._live(p, progress._verdict())
    rows: uint256 = progress._count(live)
    assert len(words) == rows * sizes.size, "gram: length of the words"
    row: uint256 = 0
    for i: uint256 in range(p.groups, bound=bounds.MAX_GROUP_IDS):
        if (live >> i) & 1 == 1:
            assert keccak256(slice(words, row * sizes.size, sizes.size)) == groups._hash(i, chunk), "gram: not the aggregated words"
            row += 1

    added: DynArray[int256, bounds.MAX_PRODUCTS] = []
    added = staticcall libraries.VECTOR_MATH.products(words, rows, shape.lane_bits, sizes.last_lanes)
    for k: uint256 in range(len(products), bound=bounds.MAX_PRODUCTS):
        added[k] += products[k]
    q: progress.Progress = p
    q.gram_chunks += 1
    progress._store(q)
    progress.products_hash = keccak256(abi_encode(added))
    log ISecModelUpdate.GramAdded(chunk=chunk, products=added)
    calls._end(gas_at_start, p, terms.LIMIT_GRAM, len(words) // 32, fees._turn_to_select(p, shape))


@view
@internal
def _check_products(p: progress.Progress, products: DynArray[int256, bounds.MAX_PRODUCTS]):
    """
    @notice Products are supplied again by the caller and checked against their hash.
    """
    if p.gram_chunks == 0:
        assert len(products) == 0, "gram: products before chunk 0"
    else:
        assert keccak256(abi_encode(products)) == progress.products_hash, "gram: not the last products"


@view
@internal
def _check_complete(p: progress.Progress, shape: ISessionRules.Shape, products: DynArray[int256, bounds.MAX_PRODUCTS]):
    """
    @param products What `select` was given: must be those over all chunks.
    """
    sizes: terms.Chunk = terms._chunk(shape, 0)
    assert p.gram_chunks == sizes.count, "gram: not all chunks are in"
    self._check_products(p, products)
