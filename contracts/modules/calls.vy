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
def _end(gas_at_start: uint256, before: progress.Progress, call: uint256, words: uint256, due: bool):
    """
    @notice Pays the caller, for a change of stage on top; then, if the call has made the session Finished, pays the owner.
    @param gas_at_start msg.gas at the call's first statement.
    @param before The session before the call.
    @param call terms.LIMIT_REGISTER to LIMIT_GRAM; LIMIT_NONE where only a change of stage is paid.
    @param words Of vectors in the call.
    @param due Whether it is the caller's turn.
    """
    p: progress.Progress = progress._load()
    table: uint256 = terms._fees().table
    limit_gas: uint256 = terms._limit_of_words(table, call, words)
    moved: bool = p.stage != before.stage or p.first_groups != before.first_groups or p.objecting != before.objecting
    if moved and before.stage != progress.PAYMENT:
        limit_gas += terms._limit(table, terms.LIMIT_MOVE)
    fees._pay(gas_at_start, limit_gas, due)
    if p.stage == progress.FINISHED:
        lifecycle._finish()
