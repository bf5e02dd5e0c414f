# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Who sits where
@license Apache-2.0
@notice Seats are computed from pools, ranks and drawn seeds, not stored, but for the cache in a member's slot. A seat is a number
    over all groups, from 1; 0 = none.
"""


from interfaces import ISessionRules
from . import groups
from . import libraries
from . import progress
from . import registry
from . import terms

uses: groups
uses: libraries
uses: registry


seed: public(bytes32)           # of the first draw; zero before, and with `greedy`
second_seed: public(bytes32)


@view
@internal
def _first(p: progress.Progress, shape: ISessionRules.Shape, m: registry.Member) -> uint256:
    """
    @return The member's seat in the first commitment round.
    """
    if m.key_address == empty(address) or p.groups == 0:
        return 0
    if m.seat != 0:
        return m.seat
    seated: uint256 = progress._first(p)
    if shape.assignment == terms.GREEDY:
        if m.rank >= seated * shape.members:
            return 0
        return m.rank + 1
    d: ISessionRules.Draw = ISessionRules.Draw(
        groups=seated,
        cohort_groups=p.cohort_groups,
        members=shape.members,
        cohorts=p.cohorts,
        loose=p.registered - p.cohort_members,
        clear=p.clear,
    )
    if m.pool == registry.COHORT:
        complete: bool = False
        number: uint256 = 0
        complete, number = registry._cohort_of(m, shape.members)
        if not complete:
            return 0
        return staticcall libraries.RULES.cohort_seat(self.seed, d, number, m.cohort_place)
    return staticcall libraries.RULES.loose_seat(self.seed, d, m.pool == registry.SUSPECT, m.rank)


@view
@internal
def _second(
    p: progress.Progress, v: progress.Verdict, shape: ISessionRules.Shape, m: registry.Member, first: uint256
) -> uint256:
    """
    @param first What `_first` gives, not 0.
    @return The seat in the second commitment round of a member whose group failed in the first and who did its part (E24).
    """
    if m.second != 0:
        return m.second
    if p.first_groups == 0 or p.groups == p.first_groups:
        return 0
    group: uint256 = (first - 1) // shape.members
    place: uint256 = (first - 1) % shape.members
    g: groups.Group = groups._load(group)
    again: uint256 = groups._survivors(g)
    if (v.failed_commit >> group) & 1 == 0 or (again >> place) & 1 == 0:
        return 0
    line: uint256 = g.offset + progress._count(again & ((1 << place) - 1))
    if shape.assignment != terms.GREEDY:
        line = staticcall libraries.RULES.permuted(self.second_seed, line, p.survivors)
    if line >= (p.groups - p.first_groups) * shape.members:
        return 0
    return p.first_groups * shape.members + line + 1


@view
@internal
def _newest(
    p: progress.Progress, v: progress.Verdict, shape: ISessionRules.Shape, m: registry.Member, first: uint256
) -> uint256:
    """
    @param first What `_first` gives.
    @return The member's seat in the newest round in which it has one.
    """
    if first == 0:
        return 0
    second: uint256 = self._second(p, v, shape, m, first)
    if second != 0:
        return second
    return first


@view
@internal
def _to_commit(
    p: progress.Progress, v: progress.Verdict, shape: ISessionRules.Shape, m: registry.Member, first: uint256
) -> uint256:
    """
    @param first What `_first` gives.
    @return The caller's seat in the commitment round that is open, or in one that it has committed in.
    """
    assert first != 0, "session: no seat"
    seat: uint256 = self._newest(p, v, shape, m, first)
    assert (v.failed_commit >> ((seat - 1) // shape.members)) & 1 == 0, "session: the group has failed"
    return seat


@pure
@internal
def _check_round(p: progress.Progress, group: uint256):
    """
    @notice Refuses, in the second round, groups of the first: who has committed in them is fixed.
    """
    assert group >= p.first_groups, "session: the group's round is over"
