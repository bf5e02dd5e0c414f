# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The vote of the members on the groups, rule `norm+vote` (docs/PROTOCOL.md section 7.1)
@license Apache-2.0
@notice Commit, then open, so that nobody votes after others. A commitment takes the slot of the root that the member had committed
    to: nothing asks for that once all groups are aggregated.
"""


from interfaces import ISessionRules
from interfaces import ISessionVote
from . import bounds
from . import calls
from . import groups
from . import progress
from . import registry
from . import tally
from . import terms

uses: calls
uses: groups
uses: progress
uses: registry
uses: terms


DOMAIN: constant(bytes32) = 0x6f6d6e696c79746963732f766f74652f31000000000000000000000000000000  # omnilytics/vote/1


@external
def vote(commitment: bytes32):
    """
    @notice Commits to the caller's vote. Who has delivered in a live group, once, in stage Vote while voting is open.
    @param commitment E38.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.VOTE)
    assert not p.objecting, "vote: voting is closed"
    m: registry.Member = registry._load(msg.sender)
    group: uint256 = 0
    place: uint256 = 0
    group, place = self._seat_of_voter(p, m)
    assert not m.voted, "vote: already voted"
    m.voted = True
    registry._store(msg.sender, m)
    registry._commitments[m.key_address] = commitment
    log ISessionVote.VoteCommitted(member=msg.sender, group=group, place=place, commitment=commitment)
    self._end(gas_at_start, p, p)


@external
def open_vote(bits: uint256, salt: bytes32):
    """
    @notice Opens the caller's vote, and counts it. Who has voted, once, in stage Vote when voting is closed.
    @param bits By group id, whether the caller is against it: zero beyond the live groups.
    @param salt Of the commitment.
    """
    gas_at_start: uint256 = msg.gas
    p: progress.Progress = progress._in_window(progress.VOTE)
    assert p.objecting, "vote: voting is open"
    m: registry.Member = registry._load(msg.sender)
    group: uint256 = 0
    place: uint256 = 0
    group, place = self._seat_of_voter(p, m)
    assert not m.opened, "vote: already opened"
    digest: bytes32 = keccak256(abi_encode(DOMAIN, chain.id, self, msg.sender, bits, salt))
    assert m.voted and registry._commitments[m.key_address] == digest, "vote: not the commitment"
    assert bits & ~progress._live(p, progress._failures()) == 0, "vote: no such group"
    m.opened = True
    registry._store(msg.sender, m)
    rest: uint256 = bits
    for k: uint256 in range(bounds.MAX_TALLIES):
        if rest == 0:
            break
        progress._tallies[k] += tally._spread(rest & (2**tally.LANES - 1))
        rest = rest >> tally.LANES
    log ISessionVote.VoteOpened(member=msg.sender, group=group, place=place, bits=bits, salt=salt)
    q: progress.Progress = p
    q.cast += 1
    self._end(gas_at_start, p, q)


@internal
def _end(gas_at_start: uint256, before: progress.Progress, p: progress.Progress):
    """
    @notice One vote, or one opening, is awaited less: the last one ends what members are doing. Pays the caller.
    @param before The session before the call.
    @param p As the call has made it.
    """
    q: progress.Progress = p
    q.pending -= 1
    if q.pending == 0:
        progress._close_vote(q, terms._window(terms.SELECT), terms._window(terms.VOTE))
    else:
        progress._store(q)
    calls._end(gas_at_start, before, terms.LIMIT_COMMIT, 0, True)


@view
@internal
def _seat_of_voter(p: progress.Progress, m: registry.Member) -> (uint256, uint256):
    """
    @return Group and place of a member that has delivered in a live group.
    """
    shape: ISessionRules.Shape = terms._shape()
    seat: uint256 = registry._committed_seat(m)
    assert seat != 0, "vote: not delivered"
    group: uint256 = (seat - 1) // shape.members
    place: uint256 = (seat - 1) % shape.members
    # with `abort` everybody has delivered in a group that is live by now
    delivered: bool = True
    if shape.policy == terms.RECOVER:
        if shape.mode == terms.BLOBS:
            delivered = (groups._load(group).delivered >> place) & 1 == 1
        else:
            delivered = m.chunks == terms._chunks(shape)
    assert delivered, "vote: not delivered"
    assert (progress._live(p, progress._failures()) >> group) & 1 == 1, "session: the group has failed"
    return group, place
