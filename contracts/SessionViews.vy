# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize codesize
# pragma nonreentrancy on
"""
@title What a session tells of itself
@license Apache-2.0
@notice A part of SecModelUpdate, as SessionDesk is one: code of its own, state of the session's.
@custom:contract-name SessionViews
"""


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
    views.alumnus,
    views.ballot,
    views.capacity,
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
    views.registered_count,
    views.reserve,
    views.stage,
    views.state,
    views.unselected,
    views.votes_against,
    views.votes_cast,
)


@deploy
def __init__(rules: address, terms_: address, vector_math: address, meter: address):
    """
    @param rules The SessionRules that all sessions ask.
    @param terms_ The SessionTerms that all sessions ask.
    @param vector_math The VectorMath that all sessions ask.
    @param meter The Meter that all sessions ask.
    """
    libraries.__init__(rules, terms_, vector_math, meter)
