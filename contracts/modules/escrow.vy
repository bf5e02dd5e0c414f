# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The money of a session
@license Apache-2.0
@notice deposited = credits + locked + withdrawn, always (I1), whatever the contract's balance is: ether that is forced on it
    belongs to nobody, and so does what is locked in the end: it is burnt. What members get of bonds and reward isn't stored:
    `credits` computes it from the verdict; here are the totals. Fees are in the accounts' slots, and here in a slot of their own,
    so that crediting one changes nothing else.
@custom:invariant credits is the sum of what `credit_of` gives over all accounts.
"""


deposited: uint256
_flow: uint256          # credits without fees | withdrawn << 128: wei
_fees: uint256          # wei left of the reserve | fees that are credited and not withdrawn << 128
_outcome: uint256       # the share of a member of a paid group | what is left of the reward << 128
_owner_credit: uint256  # wei, from the end of the session until it is withdrawn


@internal
def _deposit(amount_wei: uint256):
    """
    @notice Locks what came with the call.
    @param amount_wei msg.value, or the part of it that isn't the reserve.
    """
    self.deposited += amount_wei


@internal
def _deposit_reserve(amount_wei: uint256):
    """
    @notice Locks what fees are paid from.
    """
    self.deposited += amount_wei
    self._fees = amount_wei


@internal
def _credit(amount_wei: uint256):
    """
    @notice Unlocks: from now on `withdraw` pays it to somebody.
    @param amount_wei At most what is locked.
    """
    assert amount_wei <= self._locked(), "escrow: more than is locked"  # dev: the verdict's payouts add up to the deposits
    self._flow += amount_wei


@internal
def _credit_fee(amount_wei: uint256):
    """
    @notice Unlocks a fee. The caller's slot says whose it is.
    """
    assert amount_wei <= self._reserve(), "escrow: more than the reserve"  # dev: E18 covers every call of a session
    # what leaves the low half comes to the high one
    self._fees += (amount_wei << 128) - amount_wei


@internal
def _fix(share_wei: uint256, rest_wei: uint256):
    """
    @notice Divides the reward: once a session.
    @param share_wei What every member of a paid group gets at its settlement.
    @param rest_wei What the owner gets back at the end.
    """
    self._outcome = share_wei | (rest_wei << 128)


@internal
def _end() -> uint256:
    """
    @notice Credits the owner with what is left of reward and reserve: once a session.
    @return It, wei.
    """
    reserve_wei: uint256 = self._reserve()
    amount_wei: uint256 = (self._outcome >> 128) + reserve_wei
    self._fees -= reserve_wei
    self._owner_credit = amount_wei
    self._credit(amount_wei)
    return amount_wei


@internal
def _withdraw(amount_wei: uint256, fees_wei: uint256):
    """
    @notice Takes credits off the books.
    @param amount_wei Of bonds and reward.
    @param fees_wei Of fees.
    """
    self._flow = self._flow - amount_wei + ((amount_wei + fees_wei) << 128)
    if fees_wei != 0:
        self._fees -= fees_wei << 128


@internal
def _pay(account: address, amount_wei: uint256, fees_wei: uint256):
    """
    @notice Takes credits off the books, then sends them with all gas left. The caller has marked the account as paid.
    @param amount_wei Of bonds and reward.
    @param fees_wei Of fees.
    """
    self._withdraw(amount_wei, fees_wei)
    success: bool = raw_call(account, b"", value=amount_wei + fees_wei, revert_on_failure=False)
    assert success, "escrow: payee refused"


@internal
def _take_owner_credit() -> uint256:
    """
    @return The owner's credit, wei, now withdrawn.
    """
    amount_wei: uint256 = self._owner_credit
    self._owner_credit = 0
    return amount_wei


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
    return (self._flow & (2**128 - 1)) + (self._fees >> 128), self._flow >> 128


@view
@internal
def _reserve() -> uint256:
    """
    @return Wei left for fees.
    """
    return self._fees & (2**128 - 1)


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
