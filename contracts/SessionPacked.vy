# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title How a session selects whose vectors travel in blobs, packed: by a proof of range too
@license Apache-2.0
@notice A part of SecModelUpdate, as SessionDesk is one: code of its own, state of the session's. docs/BLOBS.md is the specification.
    Norms or inner products of the sums are proven, and that lanes are what the sums are made of.
@custom:contract-name SessionPacked
@custom:security By itself it is a session that nobody can initialise. The evidence is read where it lies, in calldata.
"""


from modules import calls
from modules import escrow
from modules import fees
from modules import groups
from modules import judging
from modules import libraries
from modules import lifecycle
from modules import packed_proving
from modules import parties
from modules import progress
from modules import publication
from modules import registry
from modules import seats
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
initializes: judging[libraries := libraries, lifecycle := lifecycle, progress := progress]
initializes: packed_proving[
    calls := calls,
    fees := fees,
    groups := groups,
    judging := judging,
    lifecycle := lifecycle,
    progress := progress,
    terms := terms,
]

exports: (packed_proving.select_packed, packed_proving.continue_packed, packed_proving.finish_packed)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address):
    """
    @notice Locks it: by itself nobody can initialise it.
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
    parties.market = self
