# pragma version ~=0.4.3
"""
@title A contract that makes the calls that it is told to make, takes ether, and calls whoever sends it back for more
@license Apache-2.0
@notice It reads nothing from storage, so that the gas of a bare transfer is enough for it.
"""


MAX_DATA: constant(uint256) = 8192
MAX_ANSWER: constant(uint256) = 2048


@deploy
@payable
def __init__():
    pass


@external
@payable
@raw_return
def act(target: address, data: Bytes[MAX_DATA], value_wei: uint256) -> Bytes[MAX_ANSWER]:
    return raw_call(target, data, max_outsize=MAX_ANSWER, value=value_wei)


@external
@payable
def __default__():
    success: bool = raw_call(msg.sender, method_id("withdraw()"), gas=1_500, revert_on_failure=False)
