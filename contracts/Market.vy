# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The market: makes sessions and lists them
@license Apache-2.0
@notice Deployed once. A session is an ERC-1167 clone, made and initialised in one transaction.
@custom:contract-name Market
"""


from interfaces import IMarket
from interfaces import ISecModelUpdate

implements: IMarket


MIN_WINDOW: public(immutable(uint256))      # seconds: the shortest window of any phase
IMPLEMENTATION: public(immutable(address))  # a locked SecModelUpdate


session_count: public(uint256)
sessions: public(HashMap[uint256, address])
is_session: public(HashMap[address, bool])


@deploy
def __init__(implementation: address, min_window_secs: uint256):
    """
    @param implementation The SecModelUpdate that sessions are clones of.
    @param min_window_secs MIN_WINDOW: 30 minutes on public chains, 0 on test chains.
    """
    assert implementation.is_contract, "market: implementation has no code"
    IMPLEMENTATION = implementation
    MIN_WINDOW = min_window_secs


@external
def create_session() -> address:
    """
    @notice Makes a session that the caller owns. Anyone may.
    @return Its address.
    """
    session: address = create_minimal_proxy_to(IMPLEMENTATION)
    index: uint256 = self.session_count
    self.session_count = index + 1
    self.sessions[index] = session
    self.is_session[session] = True
    extcall ISecModelUpdate(session).initialize(msg.sender)
    log IMarket.SessionCreated(session=session, owner=msg.sender, index=index)
    return session
