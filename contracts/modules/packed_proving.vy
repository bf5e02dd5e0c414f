# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The selection by what is proven of packed sums in blobs
@license Apache-2.0
@notice docs/BLOBS.md B12-B15, section 7.5. As `proving`, of sums whose elements have several values each: whoever selects supplies the lanes that they
    are made of, and proves that all of these are in range too.
"""


from interfaces import IBlobVerifier
from interfaces import ISessionBlobs
from interfaces import ISessionRules
from . import bounds
from . import calls
from . import fees
from . import groups
from . import judging
from . import lifecycle
from . import packed_proofs
from . import progress
from . import terms

uses: calls
uses: fees
uses: groups
uses: judging
uses: lifecycle
uses: progress
uses: terms


DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f626c6f622d7061636b65642f310000000000000000  # omnilytics/blob-packed/1
EVIDENCE_ARGUMENT: constant(uint256) = 1    # words of calldata before the place of `evidence` in `select_packed`
CONTINUE_ARGUMENT: constant(uint256) = 81   # ... in `continue_packed`
FINISH_ARGUMENT: constant(uint256) = 82     # ... in `finish_packed`


@external
def select_packed(products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS], evidence: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice `select_proven` of a session whose values are packed. Anyone, in stage Select.
    @param products With `krum` the upper triangle of the Gram matrix of P, row by row, modulo q; else the norms.
    @param evidence The sums and lanes of P, lane by lane of all groups, then the proof (docs/BLOBS.md B14).
    """
    self._select(msg.gas, empty(ISessionBlobs.PartialPacked), products, len(evidence), EVIDENCE_ARGUMENT)


@external
def continue_packed(begun: ISessionBlobs.PartialPacked, evidence: Bytes[bounds.MAX_CALL_BYTES]):
    """
    @notice Takes in the next lanes of a proof that is too long for one call; `finish_packed` checks it. Anyone, in stage Select; an account
        has one such proof at a time, and another one that it begins takes its place.
    @param begun What is in, as the last `PackedContinued` has it. To begin: the seeds t0 to t4 (docs/BLOBS.md B14), all else zero.
    @param evidence Lanes, of all groups one behind the other, an even number unless they are the last ones; their helpers, their openings.
    """
    self._continue(msg.gas, begun, len(evidence))


@external
def finish_packed(
    begun: ISessionBlobs.PartialPacked,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    evidence: Bytes[bounds.MAX_CALL_BYTES],
):
    """
    @notice `select_packed` of a proof that is in but for the rest of its lanes and the last terms. Its calls are paid now.
    @param begun What is in, as the last `PackedContinued` has it.
    @param products The norms or the matrix.
    @param evidence The lanes that are left, if any, with the proof as far as it isn't in.
    """
    self._select(msg.gas, begun, products, len(evidence), FINISH_ARGUMENT)


@internal
def _continue(gas_at_start: uint256, begun: ISessionBlobs.PartialPacked, size: uint256):
    """
    @notice `continue_packed`, from its calldata: as `_select`.
    """
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = self._packed_shape()
    if begun.lanes != 0:
        self._check_begun(begun)
    claim: IBlobVerifier.Claim = self._claim(shape, progress._live(p, progress._failures()))
    s: ISessionBlobs.PartialPacked = packed_proofs._continue(claim, begun, size, CONTINUE_ARGUMENT)
    if s.spent_wei != 0 or fees._turn_to_select(p, shape):
        s.spent_wei += fees._spent(gas_at_start)
    groups._set_proof(msg.sender, keccak256(abi_encode(s)))
    log ISessionBlobs.PackedContinued(account=msg.sender, begun=s)


@internal
def _select(
    gas_at_start: uint256,
    begun: ISessionBlobs.PartialPacked,
    products: DynArray[uint256, bounds.MAX_BLOB_PRODUCTS],
    size: uint256,
    argument: uint256,
):
    """
    @notice `select_packed`, from its calldata: a function without the evidence, behind which its variables would lie in memory.
    @param gas_at_start msg.gas at the call's first statement.
    @param begun What is in; nothing in `select_packed`.
    @param products The norms or the matrix.
    @param size Bytes of the evidence.
    @param argument Words of calldata before its place.
    """
    p: progress.Progress = progress._in_window(progress.SELECT)
    shape: ISessionRules.Shape = self._packed_shape()
    if argument == FINISH_ARGUMENT:
        self._check_begun(begun)
    live: uint256 = progress._live(p, progress._failures())
    claim: IBlobVerifier.Claim = self._claim(shape, live)
    packed_proofs._check_lengths(claim, len(products), size, begun.lanes)
    packed_proofs._finish(claim, begun, products, argument)
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
def _packed_shape() -> ISessionRules.Shape:
    """
    @return The session's; refuses one whose values aren't packed.
    """
    shape: ISessionRules.Shape = terms._shape()
    assert shape.mode == terms.BLOBS, "session: vectors are in calldata"
    assert shape.lane_bits != 0, "blobs: values aren't packed"
    return shape


@view
@internal
def _check_begun(begun: ISessionBlobs.PartialPacked):
    """
    @notice Refuses what isn't the caller's last `PackedContinued`.
    """
    assert groups._proof(msg.sender) == keccak256(abi_encode(begun)), "blobs: not what the caller has begun"


@view
@internal
def _claim(shape: ISessionRules.Shape, live: uint256) -> IBlobVerifier.Claim:
    """
    @param live P as a bitmap over group ids.
    @return What has to be proven of the sums and their lanes; in range, as `start` has checked all that is in it.
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
