# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title A session in stage Accuse whose first group has been corrected as it is told
@license Apache-2.0
@notice In a real one the chain and the members' keys say what the seeds are, so that no vector can have them.
"""


from interfaces import ISecModelUpdate
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
initializes: correcting[
    calls := calls, groups := groups, lifecycle := lifecycle, progress := progress, registry := registry, terms := terms
]

exports: correcting.refute_correction


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address):
    libraries.__init__(rules, terms_, vector_math, meter)


@external
def put(
    params: ISecModelUpdate.SessionParams,
    delivered: uint256,
    minus: DynArray[bytes32, bounds.MAX_SEEDS],
    plus: DynArray[bytes32, bounds.MAX_SEEDS],
    correction: bytes32,
):
    """
    @param params Of the session.
    @param delivered Who has, bitmap over places; the lowest of them has corrected the group.
    @param minus Seeds as they were disclosed.
    @param plus Likewise.
    @param correction The fold of its versioned hashes.
    """
    terms._slots = terms._packed(params)
    p: progress.Progress = empty(progress.Progress)
    p.stage = progress.ACCUSE
    p.deadline = block.timestamp + 1_000
    p.groups = 1
    progress._store(p)
    g: groups.Group = empty(groups.Group)
    g.delivered = delivered
    g.revealed = delivered
    g.opened = delivered
    g.chunks_aggregated = 1
    groups._store(0, g)
    groups._set_hash(0, 0, correction)
    groups._set_seeds(0, keccak256(abi_encode(minus, plus)))
