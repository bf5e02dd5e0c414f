# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The money of a session
@license Apache-2.0
@notice deposited = credits + locked + withdrawn, always (I1), whatever the contract's balance is: ether that is forced on it
    belongs to nobody. Members' credits aren't stored: SecModelUpdate computes them from the verdict; here are the totals.
@custom:invariant credits is the sum of what `credit_of` gives over all accounts.
"""


deposited: uint256
_flow: uint256      # credits | withdrawn << 128: wei
_outcome: uint256   # the share of a member of a paid group | what the owner was credited << 128 | owner has withdrawn << 255


@internal
def _deposit(amount_wei: uint256):
    """
    @notice Locks what came with the call.
    @param amount_wei msg.value.
    """
    self.deposited += amount_wei


@internal
def _credit(amount_wei: uint256):
    """
    @notice Unlocks: from now on `withdraw` pays it to somebody.
    @param amount_wei At most what is locked.
    """
    assert amount_wei <= self._locked(), "escrow: more than is locked"  # dev: the verdict's payouts add up to the deposits
    self._flow += amount_wei


@internal
def _credit_owner(amount_wei: uint256, share_wei: uint256):
    """
    @notice Ends the session's reward: once a session.
    @param amount_wei Credited to the owner.
    @param share_wei What every member of a paid group gets at its settlement.
    """
    self._outcome = share_wei | (amount_wei << 128)
    self._credit(amount_wei)


@internal
def _pay(account: address, amount_wei: uint256):
    """
    @notice Takes a credit off the books, then sends it with all gas left. The caller has marked the account as paid.
    """
    flow: uint256 = self._flow
    credits: uint256 = (flow & (2**128 - 1)) - amount_wei
    self._flow = credits | (((flow >> 128) + amount_wei) << 128)
    success: bool = raw_call(account, b"", value=amount_wei, revert_on_failure=False)
    assert success, "escrow: payee refused"


@internal
def _take_owner_credit() -> uint256:
    """
    @return The owner's credit, wei, now marked as withdrawn.
    """
    amount_wei: uint256 = self._owner_credit()
    if amount_wei != 0:
        self._outcome |= 1 << 255
    return amount_wei


@view
@internal
def _owner_credit() -> uint256:
    """
    @return What `withdraw` would pay the owner as the owner, wei.
    """
    if self._outcome >> 255 == 1:
        return 0
    return self._owner_credited()


@view
@internal
def _owner_credited() -> uint256:
    """
    @return What the owner was credited in all, withdrawn or not, wei.
    """
    return (self._outcome >> 128) & (2**127 - 1)


@view
@internal
def _share() -> uint256:
    """
    @return What a member of a paid group gets beside its bond, wei.
    """
    return self._outcome & (2**128 - 1)


@view
@internal
def _totals() -> (uint256, uint256):
    """
    @return Credits; withdrawn: wei.
    """
    return self._flow & (2**128 - 1), self._flow >> 128


@view
@internal
def _locked() -> uint256:
    """
    @return Wei neither credited nor withdrawn.
    """
    credits: uint256 = 0
    withdrawn: uint256 = 0
    credits, withdrawn = self._totals()
    return self.deposited - credits - withdrawn


@pure
@internal
def _bond_back(bond_wei: uint256, members: uint256, did: uint256, place: uint256) -> uint256:
    """
    @notice A member's part of the bonds of a failed group: those who did their part share the bonds of those who didn't; the
        remainder of that division goes one wei each to the lowest places; if nobody did, all get their own back.
    @param bond_wei The bond of each.
    @param members N.
    @param did Bitmap over places.
    @param place The member's.
    @return Wei. Over all places it adds up to N * bond_wei.
    """
    if did == 0:
        return bond_wei
    if (did >> place) & 1 == 0:
        return 0
    count: uint256 = 0
    rank: uint256 = 0
    for i: uint256 in range(16):
        if (did >> i) & 1 == 1:
            count += 1
            if i < place:
                rank += 1
    lost_wei: uint256 = (members - count) * bond_wei
    extra_wei: uint256 = 0
    if rank < lost_wei % count:
        extra_wei = 1
    return bond_wei + lost_wei // count + extra_wei
