# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Whose session it is
@license Apache-2.0
"""


owner: public(address)      # the model owner
market: public(address)     # who made the session; not empty: it is initialised


@internal
def _set(owner: address):
    """
    @notice Once: the caller is the market.
    @param owner The model owner.
    """
    assert self.market == empty(address), "session: already initialised"
    self.market = msg.sender
    self.owner = owner


@view
@internal
def _only_owner():
    assert msg.sender == self.owner, "session: only the owner"
