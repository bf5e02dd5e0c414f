# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The escrow's books, for everybody to write in
@license Apache-2.0
"""


from modules import escrow

initializes: escrow


@external
def deposit(amount_wei: uint256):
    escrow._deposit(amount_wei)


@external
def deposit_reserve(amount_wei: uint256):
    escrow._deposit_reserve(amount_wei)


@external
def credit(amount_wei: uint256):
    escrow._credit(amount_wei)


@external
def credit_fee(amount_wei: uint256):
    escrow._credit_fee(amount_wei)


@external
def fix(share_wei: uint256, rest_wei: uint256):
    escrow._fix(share_wei, rest_wei)


@external
def end() -> uint256:
    return escrow._end()


@view
@external
def books() -> (uint256, uint256, uint256, uint256, uint256):
    """
    @return deposited, credits, withdrawn, locked, reserve.
    """
    credits: uint256 = 0
    withdrawn: uint256 = 0
    credits, withdrawn = escrow._totals()
    return escrow.deposited, credits, withdrawn, escrow._locked(), escrow._reserve()
