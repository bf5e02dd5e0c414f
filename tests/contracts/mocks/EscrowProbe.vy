# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The escrow's arithmetic, for everybody to call
@license Apache-2.0
"""


from modules import escrow

initializes: escrow


@external
def deposit(amount_wei: uint256):
    escrow._deposit(amount_wei)


@external
def credit(amount_wei: uint256):
    escrow._credit(amount_wei)


@view
@external
def locked() -> uint256:
    return escrow._locked()


@view
@external
def bond_back(bond_wei: uint256, members: uint256, did: uint256, place: uint256) -> uint256:
    return escrow._bond_back(bond_wei, members, did, place)
