# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What callers are paid for useful calls (docs/PROTOCOL.md section 9)
@license Apache-2.0
@notice Nobody is paid more than a call cost: gas is metered below the receipt, calldata by its actual bytes, at the block's base
    fee, which is burnt, while a tip may come back to who gives it; and only accounts without code that sent the transaction
    themselves.
"""


from interfaces import ISecModelUpdate
from interfaces import ISessionRules
from . import bounds
from . import escrow
from . import libraries
from . import progress
from . import registry
from . import terms

uses: escrow
uses: libraries
uses: registry
uses: terms


# Gas of a call that the contract doesn't see between its first statement and the metering: the clone's way in, the dispatch, and
# after the metering the least that crediting costs (tests/contracts/test_fees.py holds the sum below every receipt).
UNSEEN_GAS: constant(uint256) = 10_000

SESSION_STEP: constant(uint256) = max_value(uint256)    # in place of a group id


@internal
def _pay(gas_at_start: uint256, limit_gas: uint256, due: bool):
    """
    @notice Credits the caller (E25).
    @param gas_at_start msg.gas at the call's first statement.
    @param limit_gas What the call is paid at most.
    @param due Whether it is the caller's turn.
    """
    fees: terms.Fees = terms._fees()
    if fees.cap_wei == 0 or limit_gas == 0 or not due:
        return
    if msg.sender != tx.origin or msg.sender.is_contract:
        return
    tokens: uint256 = convert(
        raw_call(libraries.METER, msg.data, max_outsize=32, is_static_call=True), uint256
    )
    base_gas: uint256 = (fees.table >> 16) & (2**24 - 1)
    execution_gas: uint256 = gas_at_start - msg.gas + UNSEEN_GAS
    metered_gas: uint256 = base_gas + max(
        ((fees.table >> 8) & 255) * tokens, (fees.table & 255) * tokens + execution_gas
    )
    fee_gwei: uint256 = min(metered_gas, limit_gas) * min(block.basefee, fees.cap_wei) // bounds.GWEI_WEI
    if fee_gwei == 0:
        return
    m: registry.Member = registry._load(msg.sender)
    m.fees_gwei += fee_gwei
    registry._store(msg.sender, m)
    escrow._credit_fee(fee_gwei * bounds.GWEI_WEI)
    log ISecModelUpdate.FeeCredited(account=msg.sender, gas_metered=metered_gas, amount_wei=fee_gwei * bounds.GWEI_WEI)


@view
@internal
def _spent(gas_at_start: uint256) -> uint256:
    """
    @notice What a call has cost that a later call of the same account is paid for, as `_pay` meters it; the floor of calldata isn't
        looked at, which these calls are far above.
    @param gas_at_start msg.gas at the call's first statement.
    @return Wei, at the price that it would be paid at.
    """
    fees: terms.Fees = terms._fees()
    if fees.cap_wei == 0 or msg.sender != tx.origin or msg.sender.is_contract:
        return 0
    tokens: uint256 = convert(
        raw_call(libraries.METER, msg.data, max_outsize=32, is_static_call=True), uint256
    )
    base_gas: uint256 = (fees.table >> 16) & (2**24 - 1)
    spent_gas: uint256 = base_gas + (fees.table & 255) * tokens + (gas_at_start - msg.gas) + UNSEEN_GAS
    return spent_gas * min(block.basefee, fees.cap_wei)


@view
@internal
def _worth(spent_wei: uint256) -> uint256:
    """
    @param spent_wei Of `_spent`.
    @return The gas that is paid as much in this block.
    """
    price_wei: uint256 = min(block.basefee, terms._fees().cap_wei)
    return 0 if price_wei == 0 else spent_wei // price_wei


@view
@internal
def _turn_of_seat(p: progress.Progress, shape: ISessionRules.Shape, group: uint256, ends: uint256) -> bool:
    """
    @notice Until then it is the turn of one seat after the other, then anybody's.
    @param group Whose members take turns; SESSION_STEP: those of all groups.
    @param ends Unix time.
    """
    if block.timestamp > ends or terms._fees().cap_wei == 0:
        return True
    seat: uint256 = registry._committed_seat(registry._load(msg.sender))
    turn: uint256 = block.number // bounds.TURN_BLOCKS
    if group == SESSION_STEP:
        return seat == 1 + turn % (p.groups * shape.members)
    return seat == 1 + group * shape.members + turn % shape.members


@view
@internal
def _turn_of_rank(p: progress.Progress) -> bool:
    """
    @notice The same before there are seats.
    """
    m: registry.Member = registry._load(msg.sender)
    return m.key_address != empty(address) and m.rank == (block.number // bounds.TURN_BLOCKS) % p.registered


@view
@internal
def _turn_to_move(p: progress.Progress, shape: ISessionRules.Shape) -> bool:
    """
    @param p The session before `advance` or `draw`.
    @return Whether it is the caller's turn.
    """
    if p.stage == progress.DRAW:
        if block.number > p.draw_block + bounds.DRAW_TURN_BLOCKS:
            return True
        if p.first_groups == 0:
            return self._turn_of_rank(p)
        return self._turn_of_seat(p, shape, SESSION_STEP, block.timestamp)
    if p.stage == progress.REGISTER:
        if p.registered == 0 or block.timestamp > p.deadline + terms._window(terms.REGISTER) // 4:
            return True
        return self._turn_of_rank(p)
    return self._turn_of_seat(p, shape, SESSION_STEP, p.deadline + terms._window(progress._window_of(p.stage)) // 4)


@view
@internal
def _turn_to_aggregate(p: progress.Progress, shape: ISessionRules.Shape, group: uint256) -> bool:
    """
    @param p The session before `aggregate`.
    @param group Which.
    @return Whether it is the caller's turn.
    """
    ends: uint256 = block.timestamp
    if p.stage == progress.AGGREGATE:
        secs: uint256 = terms._window(terms.AGGREGATE)
        ends = p.deadline - secs + secs // 4
    return self._turn_of_seat(p, shape, group, ends)


@view
@internal
def _turn_to_select(p: progress.Progress, shape: ISessionRules.Shape) -> bool:
    """
    @param p The session before `gram` or `select`.
    @return Whether it is the caller's turn.
    """
    secs: uint256 = terms._window(terms.SELECT)
    return self._turn_of_seat(p, shape, SESSION_STEP, p.deadline - secs + secs // 4)


@view
@internal
def _turn_to_settle(p: progress.Progress, shape: ISessionRules.Shape, group: uint256) -> bool:
    """
    @param p The session before `settle`.
    @param group Which.
    @return Whether it is the caller's turn.
    """
    ends: uint256 = block.timestamp
    if p.stage == progress.PAYMENT:
        ends = p.deadline + terms._window(terms.SELECT) // 4
    return self._turn_of_seat(p, shape, group, ends)
