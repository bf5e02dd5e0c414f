# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Who is in: whitelist, keys, commitments
@license Apache-2.0
@notice Two slots a member: `_members[account]`, written first when it is listed, and `_commitments[key address]`: a marker from
    the registration on, by which a key that was seen before is refused, and the whole root from the commitment on.
"""


struct Member:
    listed: bool
    withdrawn: bool
    chunks: uint256         # 8 bits: chunks delivered
    number: uint256         # 16: order of registration, from 1; 0 = not registered
    seat: uint256           # 16: place among all groups, from 1; 0 = not yet looked up
    key_address: address    # addr(PK)


SEEN: constant(bytes32) = 0x0000000000000000000000000000000000000000000000000000000000000001


_members: HashMap[address, uint256]
_commitments: HashMap[address, bytes32]


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
        chunks=(s >> 8) & 255,
        number=(s >> 16) & (2**16 - 1),
        seat=(s >> 32) & (2**16 - 1),
        key_address=convert(s >> 96, address),
    )


@internal
def _store(account: address, m: Member):
    s: uint256 = (m.chunks << 8) | (m.number << 16) | (m.seat << 32) | (convert(m.key_address, uint256) << 96)
    if m.listed:
        s |= 1
    if m.withdrawn:
        s |= 2
    self._members[account] = s


@internal
def _list(account: address):
    """
    @notice Puts an account on the whitelist.
    """
    assert account != empty(address), "registry: zero address"
    assert self._members[account] == 0, "registry: listed twice"
    self._members[account] = 1


@internal
def _take_key(key_address: address):
    """
    @notice Marks a key as seen.
    @param key_address addr(PK), checked.
    """
    assert self._commitments[key_address] == empty(bytes32), "registry: key seen before"
    self._commitments[key_address] = SEEN


@internal
def _commit(key_address: address, root: bytes32):
    """
    @param key_address Of a member that hasn't committed.
    @param root E13.
    """
    assert convert(root, uint256) > 1, "registry: empty root"
    self._commitments[key_address] = root
