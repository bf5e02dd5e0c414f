# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Who is in: whitelist, keys, commitments, cohorts
@license Apache-2.0
@notice Two slots a member: `_members[account]`, and `_commitments[key address]`, which from the registration on holds a marker, by
    which a key that was seen before is refused, with the member's cohort, and from the commitment on the whole root, and in stage Vote
    the commitment to its vote. An account
    that only calls has fees in the first of them. A cohort has a slot for all its members.
"""


from . import bounds


struct Member:
    listed: bool
    withdrawn: bool
    declined: bool
    voted: bool             # its vote has taken the place of what it had committed to before
    cohort_place: uint256   # 4 bits: its place in the earlier session
    chunks: uint256         # 7: chunks delivered
    rank: uint256           # 12: order of registration in its pool, from 0
    opened: bool            # its vote
    pool: uint256           # 2
    seat: uint256           # 12: place among all groups, from 1; 0 = not yet looked up
    second: uint256         # 12: the same in the second commitment round
    fees_gwei: uint256      # 42
    key_address: address    # addr(PK); empty = not registered


CLEAR: constant(uint256) = 0
SUSPECT: constant(uint256) = 1
COHORT: constant(uint256) = 2


whitelist_root: public(bytes32)
_members: HashMap[address, uint256]
_commitments: HashMap[address, bytes32]
_cohorts: HashMap[uint256, uint256]     # members registered | its number among the complete ones << 8


@view
@internal
def _load(account: address) -> Member:
    """
    @param account Anybody.
    @return What is known of it.
    """
    s: uint256 = self._members[account]
    return Member(
        listed=s & 1 == 1,
        withdrawn=(s >> 1) & 1 == 1,
        declined=(s >> 2) & 1 == 1,
        voted=(s >> 3) & 1 == 1,
        cohort_place=(s >> 4) & 15,
        chunks=(s >> 8) & 127,
        rank=(s >> 15) & (2**12 - 1),
        opened=(s >> 27) & 1 == 1,
        pool=(s >> 28) & 3,
        seat=(s >> 30) & (2**12 - 1),
        second=(s >> 42) & (2**12 - 1),
        fees_gwei=(s >> 54) & (2**42 - 1),
        key_address=convert(s >> 96, address),
    )


@internal
def _store(account: address, m: Member):
    s: uint256 = (m.cohort_place << 4) | (m.chunks << 8) | (m.rank << 15) | (m.pool << 28) | (m.seat << 30) | (m.second << 42)
    s |= (m.fees_gwei << 54) | (convert(m.key_address, uint256) << 96)
    if m.listed:
        s |= 1
    if m.withdrawn:
        s |= 2
    if m.declined:
        s |= 4
    if m.voted:
        s |= 8
    if m.opened:
        s |= 1 << 27
    self._members[account] = s


@pure
@internal
def _committed_seat(m: Member) -> uint256:
    """
    @return The newest seat in which the member has committed, from 1; 0 = none.
    """
    if m.second != 0:
        return m.second
    return m.seat


@view
@internal
def _shared_seat(account: address, members: uint256) -> (uint256, uint256):
    """
    @param account Somebody that has shared, with `recover`.
    @param members N.
    @return Its group and place, in the newest round in which it has shared.
    """
    seat: uint256 = self._committed_seat(self._load(account))
    assert seat != 0, "recover: no shares"
    return (seat - 1) // members, (seat - 1) % members


@internal
def _list(account: address):
    """
    @notice Puts an account on the whitelist.
    """
    assert account != empty(address), "registry: zero address"
    assert self._members[account] == 0, "registry: listed twice"
    self._members[account] = 1


@view
@internal
def _may_register(m: Member, account: address, proof: DynArray[bytes32, bounds.MAX_PROOF]) -> bool:
    """
    @param m What is known of the account.
    @param account Who wants to register.
    @param proof With a Merkle root its siblings from the leaf up (E28); empty with a list.
    @return Whether it is on the whitelist.
    """
    # who is listed needn't ask for a root: there is a list or a root
    root: bytes32 = empty(bytes32)
    if not m.listed:
        root = self.whitelist_root
    if root == empty(bytes32):
        assert len(proof) == 0, "session: proof with a list"
        return m.listed
    node: bytes32 = keccak256(keccak256(convert(account, bytes32)))
    for sibling: bytes32 in proof:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(concat(node, sibling))
        else:
            node = keccak256(concat(sibling, node))
    return node == root


@internal
def _take_key(key_address: address, cohort: uint256):
    """
    @notice Marks a key as seen.
    @param key_address addr(PK), checked.
    @param cohort Its member's cohort, below 2^168; 0 = none.
    """
    assert self._commitments[key_address] == empty(bytes32), "registry: key seen before"
    self._commitments[key_address] = convert(1 | (cohort << 8), bytes32)


@internal
def _commit(key_address: address, root: bytes32):
    """
    @param key_address Of a member that hasn't committed.
    @param root E13.
    """
    assert root != empty(bytes32), "registry: empty root"
    self._commitments[key_address] = root


@internal
def _join_cohort(cohort: uint256, members: uint256, complete: uint256) -> bool:
    """
    @notice Counts one more member of a cohort.
    @param cohort Its id.
    @param members N.
    @param complete Cohorts that are complete already.
    @return Whether this one now is, too.
    """
    count: uint256 = self._cohorts[cohort] + 1
    if count < members:
        self._cohorts[cohort] = count
        return False
    self._cohorts[cohort] = count | (complete << 8)
    return True


@view
@internal
def _cohort_of(m: Member, members: uint256) -> (bool, uint256):
    """
    @param m A member of pool `cohort` that hasn't committed.
    @param members N.
    @return Whether its cohort is complete; its number among the complete ones.
    """
    s: uint256 = self._cohorts[convert(self._commitments[m.key_address], uint256) >> 8]
    return s & 255 == members, s >> 8
