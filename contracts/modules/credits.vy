# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What a member gets of bonds and reward
@license Apache-2.0
@notice The one place that turns the verdict into wei; `credit_of`, `settle` and `withdraw` ask it.
"""


from interfaces import ISessionRules
from . import escrow
from . import groups
from . import libraries
from . import progress
from . import registry
from . import seats
from . import terms

uses: escrow
uses: groups
uses: libraries
uses: seats
uses: terms


@view
@internal
def _due(p: progress.Progress, v: progress.Verdict, shape: ISessionRules.Shape, m: registry.Member) -> uint256:
    """
    @notice Zero until it is certain, then all of it: bond, share of the reward, share of what others lost. Fees aren't in it.
    @return What the member would be paid now, wei.
    """
    if m.key_address == empty(address) or m.withdrawn:
        return 0
    bond_wei: uint256 = terms._stake().bond_wei
    if p.cancelled:
        return bond_wei
    if p.groups == 0:
        return 0
    first: uint256 = seats._first(p, shape, m)
    if first == 0:
        return bond_wei
    second: uint256 = seats._second(p, v, shape, m, first)
    if second == 0:
        return self._of_group(p, v, shape, bond_wei, first)
    due_wei: uint256 = self._of_group(p, v, shape, bond_wei, second)
    if due_wei == 0 and not self._settled(v, (second - 1) // shape.members):
        return 0
    # a group of the second round is settled after all failed ones of the first: what it adds there is certain by now
    return due_wei + self._of_group(p, v, shape, bond_wei, first) - bond_wei


@pure
@internal
def _settled(v: progress.Verdict, group: uint256) -> bool:
    return (v.settled >> group) & 1 == 1


@view
@internal
def _of_group(
    p: progress.Progress, v: progress.Verdict, shape: ISessionRules.Shape, bond_wei: uint256, seat: uint256
) -> uint256:
    """
    @return What one seat gets at the settlement of its group, wei; 0 before.
    """
    group: uint256 = (seat - 1) // shape.members
    if not self._settled(v, group):
        return 0
    alive: bool = (progress._live(p, v) >> group) & 1 == 1
    share_wei: uint256 = 0
    if alive and progress._is_paid(p, v, group):
        share_wei = escrow._share()
    if alive and shape.policy == terms.ABORT:
        return bond_wei + share_wei
    place: uint256 = (seat - 1) % shape.members
    g: groups.Group = groups._load(group)
    if (g.delivered >> place) & 1 == 0:
        share_wei = 0
    lost_wei: uint256 = bond_wei
    if g.dissolved:
        lost_wei = self._price_of_leaving(bond_wei, shape)
    did: uint256 = progress._did(v, shape.threshold, group, g)
    return share_wei + staticcall libraries.RULES.bond_back(bond_wei, lost_wei, shape.members, did, place)


@view
@internal
def _price_of_leaving(bond_wei: uint256, shape: ISessionRules.Shape) -> uint256:
    """
    @return What a member that declines pays the others, wei.
    """
    return min(bond_wei, terms._member_fees(terms._fees(), shape))
