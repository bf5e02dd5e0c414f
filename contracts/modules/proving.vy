# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The selection by what is proven of sums in blobs
@license Apache-2.0
@notice docs/BLOBS.md section 3. Whoever selects supplies the sums, with a proof of their norms or inner products.
"""


from interfaces import IBlobVerifier
from interfaces import ISessionBlobs
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import fees
from . import gram_proofs
from . import kzg
from . import libraries
from . import lifecycle
from . import progress
from . import terms

uses: calls
uses: fees
uses: libraries
uses: lifecycle
uses: progress
uses: terms


DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f626c6f622f31000000000000000000000000000000  # omnilytics/blob/1
EVIDENCE_ARGUMENT: constant(uint256) = 1    # words of calldata before the place of `evidence` in `select_proven`


@external
def select_proven(products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], evidence: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice Accepts groups by the session's rule, on norms or products that are proven, and fixes what everybody gets. Anyone, in stage
        Select.
    @param products With `krum` the upper triangle of the Gram matrix of P, row by row, modulo q; else the norms.
    @param evidence The sums of P, group by group, then the proof (docs/BLOBS.md B6).
    """
    self._select(msg.gas, products, len(evidence))


@internal
def _select(gas_at_start: uint256, products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], size: uint256):
    """
    @notice `select_proven`, from its calldata: a function without the evidence, behind which its variables would lie in memory.
    @param gas_at_start msg.gas at the call's first statement.
    @param products The norms or the matrix.
    @param size Bytes of the evidence.
    """
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = terms._shape()
    assert shape.mode == terms.BLOBS, "session: vectors are in calldata"
    live: uint256 = progress._live(p, progress._failures())
    claim: IBlobVerifier.Claim = self._claim(p, shape, live)
    gram_proofs._check_shape(claim, len(products), size)
    gram_proofs._check(claim, products, EVIDENCE_ARGUMENT)
    log ISessionBlobs.SumsProven(products=products)
    lifecycle._end_selection(p, shape, self._accepted_of(p, shape, live, claim, products))
    calls._end(gas_at_start, p, terms.LIMIT_GRAM, claim.groups * claim.chunks, fees._turn_to_select(p, shape))


@view
@internal
def _claim(p: progress.Progress, shape: ISessionRules.Shape, live: uint256) -> IBlobVerifier.Claim:
    """
    @param live P as a bitmap over group ids.
    @return What has to be proven of the sums.
    """
    groups_: uint256 = progress._count(live)
    kind: uint256 = gram_proofs.GRAM if shape.rule == terms.KRUM else gram_proofs.NORMS
    return IBlobVerifier.Claim(
        context=keccak256(
            abi_encode(DOMAIN, chain.id, self, shape.parameter_count, shape.members, shape.bound, live)
        ),
        root=progress.products_hash,
        kind=kind,
        groups=groups_,
        members=shape.members,
        chunks=terms._blobs(shape),
        bound=shape.bound,
    )


@view
@internal
def _accepted_of(
    p: progress.Progress,
    shape: ISessionRules.Shape,
    live: uint256,
    claim: IBlobVerifier.Claim,
    proven: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
) -> uint256:
    """
    @notice Asks the session's rule.
    @param live P as a bitmap over group ids.
    @param claim What is proven.
    @param proven The norms or the matrix.
    @return Bitmap over group ids.
    """
    norms: DynArray[uint256, bounds.MAX_GROUPS] = []
    counts: DynArray[uint256, bounds.MAX_GROUPS] = []
    products: DynArray[int256, bounds.MAX_PRODUCTS] = []
    at: uint256 = 0
    rest: uint256 = live
    for r: uint256 in range(claim.groups, bound=bounds.MAX_GROUPS):
        norms.append(proven[at])
        counts.append(shape.members)
        if shape.policy == terms.RECOVER:
            # the lowest bit that is left; live groups are as many as the claim's
            group: uint256 = rest & unsafe_sub(0, rest)
            rest ^= group
            counts[r] = lifecycle._delivered(p, shape, group)
        at += 1
        if claim.kind == gram_proofs.GRAM:
            for _: uint256 in range(claim.groups - r - 1, bound=bounds.MAX_KRUM_GROUPS):
                entry: int256 = convert(proven[at], int256)
                if proven[at] > kzg.ORDER // 2:
                    # below q, and far below q / 2 in size: what is proven is an inner product of sums in range
                    entry -= convert(kzg.ORDER, int256)
                products.append(entry)
                at += 1
    tallies: DynArray[uint256, bounds.MAX_TALLIES] = []
    if shape.rule == terms.NORM_VOTE:
        tallies = progress._tallies_of(p)
    return staticcall libraries.RULES.accepted(shape, live, norms, counts, products, p.cast, tallies)
