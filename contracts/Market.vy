# pragma version ~=0.4.3
# pragma evm-version prague
# pragma optimize gas
# pragma nonreentrancy on
"""
@title The market: makes sessions, lists them, and remembers how data owners behaved
@license Apache-2.0
@notice Deployed once. A session is an ERC-1167 clone, made and initialised in one transaction. Records are kept for each pair of
    a model owner and a data owner; only sessions of that model owner change them.
@custom:contract-name Market
"""


from interfaces import IMarket
from interfaces import ISecModelUpdate
from modules import bounds
from modules import records

implements: IMarket


MIN_WINDOW: public(immutable(uint256))      # seconds: the shortest window of any phase
IMPLEMENTATION: public(immutable(address))  # a locked SecModelUpdate


session_count: public(uint256)
sessions: public(HashMap[uint256, address])
owner_of: public(HashMap[address, address])             # session: its owner
_records: HashMap[address, HashMap[address, uint256]]   # owner, account: suspicion + 1; 0 = none


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
    self.owner_of[session] = msg.sender
    extcall ISecModelUpdate(session).initialize(msg.sender)
    log IMarket.SessionCreated(session=session, owner=msg.sender, index=index)
    return session


@external
def decay(account: address, constants: uint256) -> uint256:
    """
    @notice A data owner registers: what is known of it fades (E26). Sessions of this market, for their owner.
    @param account The data owner.
    @param constants `record_constants` of the session.
    @return Its suspicion, of a newcomer if there is no record.
    """
    owner: address = self._owner_of_caller()
    c: records.Constants = records._constants(constants)
    known: uint256 = self._records[owner][account]
    if known == 0:
        return c.newcomer
    suspicion: uint256 = records._decayed(known - 1, c.decay)
    if suspicion != known - 1:
        self._set(owner, account, suspicion)
    return suspicion


@external
def record(accounts: DynArray[address, bounds.MAX_MEMBERS], blamed: uint256, constants: uint256):
    """
    @notice A group is settled (E27). Sessions of this market, for their owner.
    @param accounts Whose records change.
    @param blamed Bitmap over accounts: who delivered something that was rejected, or nothing.
    @param constants `record_constants` of the session.
    """
    owner: address = self._owner_of_caller()
    c: records.Constants = records._constants(constants)
    for i: uint256 in range(len(accounts), bound=bounds.MAX_MEMBERS):
        account: address = accounts[i]
        known: uint256 = self._records[owner][account]
        suspicion: uint256 = c.newcomer
        if known != 0:
            suspicion = known - 1
        self._set(owner, account, records._updated(suspicion, c.weight, (blamed >> i) & 1 == 1))


@view
@external
def suspicion(owner: address, account: address) -> (bool, uint256):
    """
    @param owner A model owner.
    @param account A data owner.
    @return Whether there is a record; the suspicion that it says, 0..2^16.
    """
    known: uint256 = self._records[owner][account]
    if known == 0:
        return False, 0
    return True, known - 1


@view
@internal
def _owner_of_caller() -> address:
    """
    @return The owner of the session that calls.
    """
    owner: address = self.owner_of[msg.sender]
    assert owner != empty(address), "market: only a session"
    return owner


@internal
def _set(owner: address, account: address, suspicion: uint256):
    self._records[owner][account] = suspicion + 1
    log IMarket.RecordChanged(owner=owner, account=account, suspicion=suspicion)
