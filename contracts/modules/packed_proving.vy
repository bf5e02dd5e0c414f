# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The selection by what is proven of packed sums in blobs
@license Apache-2.0
@notice docs/BLOBS.md B12-B15. As `proving`, of sums whose elements have several values each: whoever selects supplies the lanes that they
    are made of, and proves that all of these are in range too.
"""


from interfaces import IBlobVerifier
from interfaces import ISessionBlobs
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import fees
from . import judging
from . import lifecycle
from . import packed_proofs
from . import progress
from . import terms

uses: calls
uses: fees
uses: judging
uses: lifecycle
uses: progress
uses: terms


DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f626c6f622d7061636b65642f310000000000000000  # omnilytics/blob-packed/1
EVIDENCE_ARGUMENT: constant(uint256) = 1    # words of calldata before the place of `evidence`


@external
def select_packed(products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], evidence: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice `select_proven` of a session whose values are packed. Anyone, in stage Select.
    @param products With `krum` the upper triangle of the Gram matrix of P, row by row, modulo q; else the norms.
    @param evidence The sums and lanes of P, group by group, then the proof (docs/BLOBS.md B14).
    """
    self._select(msg.gas, products, len(evidence))


@internal
def _select(gas_at_start: uint256, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], size: uint256):
    """
    @notice `select_packed`, from its calldata: a function without the evidence, behind which its variables would lie in memory.
    @param gas_at_start msg.gas at the call's first statement.
    @param products The norms or the matrix.
    @param size Bytes of the evidence.
    """
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = terms._shape()
    assert shape.mode == terms.BLOBS, "session: vectors are in calldata"
    assert shape.lane_bits != 0, "blobs: values aren't packed"
    live: uint256 = progress._live(p, progress._failures())
    claim: IBlobVerifier.Claim = self._claim(shape, live)
    packed_proofs._check_shape(claim, len(products), size)
    packed_proofs._check(claim, products, EVIDENCE_ARGUMENT)
    log ISessionBlobs.SumsProven(products=products)
    lifecycle._end_selection(p, shape, judging._accepted_of(p, shape, live, claim.groups, products))
    turn: bool = fees._turn_to_select(p, shape)
    calls._end(gas_at_start, p, terms.LIMIT_GRAM, claim.groups * claim.chunks, turn)


@view
@internal
def _claim(shape: ISessionRules.Shape, live: uint256) -> IBlobVerifier.Claim:
    """
    @param live P as a bitmap over group ids.
    @return What has to be proven of the sums and their lanes.
    """
    kind: uint256 = packed_proofs.PACKED_GRAM if shape.rule == terms.KRUM else packed_proofs.PACKED_NORMS
    return IBlobVerifier.Claim(
        context=keccak256(
            abi_encode(
                DOMAIN, chain.id, self, shape.parameter_count, shape.members, shape.bound, shape.lane_bits, live
            )
        ),
        root=progress.products_hash,
        kind=kind,
        groups=progress._count(live),
        members=shape.members,
        chunks=terms._lanes(shape),
        bound=shape.bound,
    )
