# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title What a session has whose vectors travel in blobs: corrections, accusations, sums
@license Apache-2.0
@notice A part of SecModelUpdate, as SessionDesk is one: code of its own, state of the session's. docs/BLOBS.md is the specification.
    The chain commits to blobs and doesn't execute them: here their commitments are added. What is proven of the sums is for
    SessionProofs.
@custom:contract-name SessionBlobs
@custom:security By itself it is a session that nobody can initialise. Long arguments are read where they lie, in calldata.
"""


from modules import bounds
from modules import calls
from modules import correcting
from modules import escrow
from modules import fees
from modules import groups
from modules import libraries
from modules import lifecycle
from modules import parties
from modules import progress
from modules import publication
from modules import refuting
from modules import registry
from modules import seats
from modules import summing
from modules import terms

initializes: parties
initializes: publication
initializes: escrow
initializes: groups
initializes: libraries
initializes: progress
initializes: registry
initializes: terms
initializes: seats[groups := groups, libraries := libraries, registry := registry]
initializes: lifecycle[
    escrow := escrow, groups := groups, libraries := libraries, progress := progress, seats := seats, terms := terms
]
initializes: fees[escrow := escrow, libraries := libraries, registry := registry, terms := terms]
initializes: calls[fees := fees, lifecycle := lifecycle, progress := progress, terms := terms]
initializes: correcting[
    calls := calls, groups := groups, lifecycle := lifecycle, progress := progress, registry := registry, terms := terms
]
initializes: summing[
    calls := calls,
    fees := fees,
    groups := groups,
    lifecycle := lifecycle,
    progress := progress,
    registry := registry,
    terms := terms,
]
initializes: refuting[
    calls := calls,
    escrow := escrow,
    groups := groups,
    lifecycle := lifecycle,
    progress := progress,
    summing := summing,
    terms := terms,
]

exports: (correcting.correct, correcting.refute_correction)
exports: (refuting.accuse, refuting.refute)
exports: summing.add_sums


PROOFS: immutable(address)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address, proofs: address):
    """
    @notice Locks it: by itself nobody can initialise it.
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    @param proofs The SessionProofs of all sessions.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
    assert proofs.is_contract, "libraries: no code"
    PROOFS = proofs
    parties.market = self


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[bounds.MAX_ANSWER_BYTES]:
    """
    @notice What isn't here is in SessionProofs.
    """
    return raw_call(PROOFS, msg.data, max_outsize=bounds.MAX_ANSWER_BYTES, is_delegate_call=True)
