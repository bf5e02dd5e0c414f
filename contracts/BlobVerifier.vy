# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Sums of vectors in blobs, and what is proven about them
@license Apache-2.0
@notice Stateless. docs/BLOBS.md is the specification; gram_proofs.vy checks proofs, kzg.vy has points and openings. What is long is read
    where it lies, in calldata: it is the last argument of a call that has neither results nor variables, because whatever lies
    behind it in memory would cost its longest length.
@custom:contract-name BlobVerifier
@custom:security Every answer that says no is a revert, so that a call which is given too little gas proves nothing.
"""


from interfaces import IBlobVerifier
from modules import bounds
from modules import gram_proofs
from modules import kzg
from modules import packed_proofs

implements: IBlobVerifier


EVIDENCE_ARGUMENT: constant(uint256) = 8    # words of calldata before the place of `evidence`: seven are the claim's


@view
@external
def check_sum(
    chunks: uint256,
    uploads: DynArray[bytes32, bounds.MAX_MEMBERS],
    group: bytes32,
    points: Bytes[bounds.MAX_CALL_BYTES],
):
    """
    @notice Passes if a group's uploads have these commitments, and its sums that hash.
    @param chunks c, blobs of an upload, 1..1016.
    @param uploads Of each of 2..16 members the fold of its c versioned hashes.
    @param group The fold of the c sums.
    @param points N c points of 128 bytes, upload by upload.
    @custom:gas About 30,000 and 4,000 a point.
    """
    kzg._check_points(len(uploads), chunks, len(points))
    kzg._check_sum(chunks, uploads, group)


@view
@external
def check(
    claim: IBlobVerifier.Claim,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    evidence: Bytes[bounds.MAX_CALL_BYTES],
):
    """
    @notice Passes if these are the norms, or the Gram matrix, of the centred sums.
    @param claim What is claimed, of which groups.
    @param products In squared units of the encoding: R norms, or the upper triangle of the matrix, row by row. One that is negative
        is what it is modulo q.
    @param evidence R c sums, group by group, whose fold is `claim.root`; then [S], [h], the openings, and the two witnesses.
    @custom:gas About 200,000, and 11,000 a sum.
    """
    gram_proofs._check_shape(claim, len(products), len(evidence), 0)
    gram_proofs._check(claim, products, EVIDENCE_ARGUMENT)


@view
@external
def check_packed(
    claim: IBlobVerifier.Claim,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    evidence: Bytes[bounds.MAX_CALL_BYTES],
):
    """
    @notice Passes if these are the norms, or the Gram matrix, of the centred packed sums, each of whose lanes is in range.
    @param claim What is claimed, of which groups; its chunks are M, the lanes of a group.
    @param products As those of `check`.
    @param evidence R M points, lane by lane of all groups: of each 21 of a group the first is the sum, whose fold is `claim.root`; then
        the proof (B14).
    @custom:gas About 210,000, and 17,700 a lane.
    """
    packed_proofs._check_claim(claim)
    packed_proofs._check_lengths(claim, len(products), len(evidence), 0)
    packed_proofs._check(claim, products, EVIDENCE_ARGUMENT)


@view
@external
def opened(point: Bytes[kzg.POINT_BYTES], index: uint256, number: uint256, proof: Bytes[kzg.COMPRESSED_BYTES]):
    """
    @notice Passes if a blob has that element at that index.
    @param point The blob's commitment, or the sum of some; the caller knows that it is one.
    @param index 0..4095, in the blob's own order.
    @param number Below q.
    @param proof The witness, compressed.
    """
    assert len(point) == kzg.POINT_BYTES and len(proof) == kzg.COMPRESSED_BYTES, "blobs: length of the opening"
    assert index < kzg.ELEMENTS, "blobs: index above 4095"
    opens: bool = kzg._opens(kzg._compressed(point), kzg._domain_point(index), number, proof)
    assert opens, "blobs: not the element"


@pure
@external
def mask_at(seed: bytes32, index: uint64) -> uint256:
    """
    @param seed Of a pair.
    @param index Of the element in the whole vector.
    @return The mask's element there: 512 bits of the seed's stream modulo q.
    """
    return kzg._mask_at(seed, index)
