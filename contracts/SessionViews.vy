# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title What a session tells of itself
@license Apache-2.0
@notice A part of SecModelUpdate, as SessionDesk is one: code of its own, state of the session's. It delegates what it hasn't got to
    SessionBlobs.
@custom:contract-name SessionViews
"""


from modules import bounds
from modules import credits
from modules import escrow
from modules import groups
from modules import libraries
from modules import parties
from modules import progress
from modules import publication
from modules import registry
from modules import seats
from modules import terms
from modules import views

initializes: parties
initializes: publication
initializes: escrow
initializes: groups
initializes: libraries
initializes: progress
initializes: registry
initializes: terms
initializes: seats[groups := groups, libraries := libraries, registry := registry]
initializes: credits[
    escrow := escrow, groups := groups, libraries := libraries, seats := seats, terms := terms
]
initializes: views[
    credits := credits,
    escrow := escrow,
    groups := groups,
    libraries := libraries,
    parties := parties,
    progress := progress,
    publication := publication,
    registry := registry,
    seats := seats,
    terms := terms,
]

exports: (parties.market, parties.owner)
exports: publication.published_hash
exports: registry.whitelist_root
exports: (seats.second_seed, seats.seed)
exports: (
    views.accepted,
    views.accusation,
    views.alumnus,
    views.ballot,
    views.capacity,
    views.correction,
    views.credit_of,
    views.deadline,
    views.draw_block,
    views.first_groups,
    views.group,
    views.group_count,
    views.member,
    views.model_hash,
    views.money,
    views.params,
    views.published_words,
    views.refuted_count,
    views.registered_count,
    views.reserve,
    views.stage,
    views.state,
    views.sums_root,
    views.unselected,
    views.votes_against,
    views.votes_cast,
)


BLOBS: immutable(address)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address, blobs: address):
    """
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    @param blobs The SessionBlobs of all sessions.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
    assert blobs.is_contract, "libraries: no code"
    BLOBS = blobs


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[bounds.MAX_ANSWER_BYTES]:
    """
    @notice What isn't here is in SessionBlobs.
    """
    return raw_call(BLOBS, msg.data, max_outsize=bounds.MAX_ANSWER_BYTES, is_delegate_call=True)
