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
from . import groups
from . import judging
from . import lifecycle
from . import progress
from . import terms

uses: calls
uses: fees
uses: groups
uses: judging
uses: lifecycle
uses: progress
uses: terms


DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f626c6f622f31000000000000000000000000000000  # omnilytics/blob/1
EVIDENCE_ARGUMENT: constant(uint256) = 1    # words of calldata before the place of `evidence` in `select_proven`
CONTINUE_ARGUMENT: constant(uint256) = 17   # ... in `continue_proof`
FINISH_ARGUMENT: constant(uint256) = 18     # ... in `finish_proof`


@external
def select_proven(products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], evidence: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice Accepts groups by the session's rule, on norms or products that are proven, and fixes what everybody gets. Anyone, in stage
        Select.
    @param products With `krum` the upper triangle of the Gram matrix of P, row by row, modulo q; else the norms.
    @param evidence The sums of P, group by group, then the proof (docs/BLOBS.md B6).
    """
    self._select(msg.gas, empty(ISessionBlobs.PartialProof), products, len(evidence), EVIDENCE_ARGUMENT)


@external
def continue_proof(begun: ISessionBlobs.PartialProof, evidence: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice Takes in the next sums of a proof that is too long for one call; `finish_proof` checks it. Anyone, in stage Select; an account
        has one such proof at a time, and another one that it begins takes its place.
    @param begun What is in, as the last `ProofContinued` has it. To begin: the seeds t0, t1, t2 (docs/BLOBS.md B4), all else zero.
    @param evidence Sums, of groups in order, as many as the caller likes; then the openings of them, with `krum` all c.
    """
    self._continue(msg.gas, begun, len(evidence))


@external
def finish_proof(
    begun: ISessionBlobs.PartialProof,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    evidence: Bytes[bounds.MAX_CALL_BYTES],
):
    """
    @notice `select_proven` of a proof that is in but for the rest of its sums and the last terms. Its calls are paid now.
    @param begun What is in, as the last `ProofContinued` has it.
    @param products The norms or the matrix.
    @param evidence The sums that are left, if any; then the proof with the openings of these, with `krum` of all.
    """
    self._select(msg.gas, begun, products, len(evidence), FINISH_ARGUMENT)


@internal
def _continue(gas_at_start: uint256, begun: ISessionBlobs.PartialProof, size: uint256):
    """
    @notice `continue_proof`, from its calldata: as `_select`.
    """
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = terms._shape()
    assert shape.mode == terms.BLOBS, "session: vectors are in calldata"
    assert shape.lane_bits == 0, "blobs: values are packed"
    if begun.sums != 0:
        self._check_begun(begun)
    claim: IBlobVerifier.Claim = self._claim(p, shape, progress._live(p, progress._failures()))
    s: ISessionBlobs.PartialProof = gram_proofs._continue(claim, begun, size, CONTINUE_ARGUMENT)
    if s.spent_wei != 0 or fees._turn_to_select(p, shape):
        s.spent_wei += fees._spent(gas_at_start)
    groups._set_proof(msg.sender, keccak256(abi_encode(s)))
    log ISessionBlobs.ProofContinued(account=msg.sender, begun=s)


@view
@internal
def _check_begun(begun: ISessionBlobs.PartialProof):
    """
    @notice Refuses what isn't the caller's last `ProofContinued`.
    """
    assert groups._proof(msg.sender) == keccak256(abi_encode(begun)), "blobs: not what the caller has begun"


@internal
def _select(
    gas_at_start: uint256,
    begun: ISessionBlobs.PartialProof,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    size: uint256,
    argument: uint256,
):
    """
    @notice `select_proven`, from its calldata: a function without the evidence, behind which its variables would lie in memory.
    @param gas_at_start msg.gas at the call's first statement.
    @param begun What is in; nothing in `select_proven`.
    @param products The norms or the matrix.
    @param size Bytes of the evidence.
    @param argument Words of calldata before its place.
    """
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = terms._shape()
    assert shape.mode == terms.BLOBS, "session: vectors are in calldata"
    assert shape.lane_bits == 0, "blobs: values are packed"
    if argument == FINISH_ARGUMENT:
        self._check_begun(begun)
    live: uint256 = progress._live(p, progress._failures())
    claim: IBlobVerifier.Claim = self._claim(p, shape, live)
    gram_proofs._check_shape(claim, len(products), size, begun.sums)
    gram_proofs._finish(claim, begun, products, argument)
    log ISessionBlobs.SumsProven(products=products)
    lifecycle._end_selection(p, shape, judging._accepted_of(p, shape, live, claim.groups, products))
    earlier_gas: uint256 = 0
    if begun.spent_wei != 0:
        earlier_gas = fees._worth(begun.spent_wei)
    # who has begun in its turn is paid for the rest too
    turn: bool = begun.spent_wei != 0 or fees._turn_to_select(p, shape)
    calls._end(gas_at_start + earlier_gas, p, terms.LIMIT_GRAM, claim.groups * claim.chunks, turn)


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
