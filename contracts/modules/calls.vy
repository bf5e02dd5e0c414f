# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title How a call ends that is paid
@license Apache-2.0
"""


from . import fees
from . import lifecycle
from . import progress
from . import terms

uses: fees
uses: lifecycle
uses: progress
uses: terms


@internal
def _end(gas_at_start: uint256, before: progress.Progress, limit_gas: uint256, due: bool):
    """
    @notice Pays the caller, for a change of stage on top; then, if the call has made the session Finished, pays the owner.
    @param gas_at_start msg.gas at the call's first statement.
    @param before The session before the call.
    @param limit_gas What the call is paid at most, without the change of stage.
    @param due Whether it is the caller's turn.
    """
    p: progress.Progress = progress._load()
    limit: uint256 = limit_gas
    if before.stage != progress.PAYMENT and (p.stage != before.stage or p.first_groups != before.first_groups):
        limit += terms._limit(terms._fees().table, terms.LIMIT_MOVE)
    fees._pay(gas_at_start, limit, due)
    if p.stage == progress.FINISHED:
        lifecycle._finish()
