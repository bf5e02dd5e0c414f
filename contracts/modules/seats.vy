# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Who sits where
@license Apache-2.0
@notice Places are computed from the order of registration and the drawn seed, not stored, but for the cache in a member's slot.
"""


from interfaces import ISessionRules
from . import libraries
from . import progress
from . import registry
from . import terms

uses: libraries


struct Seat:
    number: uint256     # place among all groups, from 1; 0 = no seat
    group: uint256
    place: uint256


seed: public(bytes32)   # of the draw; zero before, and with `greedy`


@view
@internal
def _seat(p: progress.Progress, shape: ISessionRules.Shape, m: registry.Member) -> Seat:
    """
    @return The member's seat; zeros while there is none, and for those who got none.
    """
    if m.number == 0 or p.groups == 0:
        return empty(Seat)
    number: uint256 = m.seat
    if number == 0:
        number = m.number
        if shape.assignment != terms.GREEDY:
            number = 1 + staticcall libraries.RULES.permuted(self.seed, m.number - 1, p.registered)
        if number > p.groups * shape.members:
            return empty(Seat)
    return Seat(number=number, group=(number - 1) // shape.members, place=(number - 1) % shape.members)
