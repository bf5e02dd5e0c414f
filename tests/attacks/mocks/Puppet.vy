# pragma version ~=0.4.3
"""
@title A contract that makes the calls that it is told to make, and behaves as its mode says when ether arrives
@license Apache-2.0
"""


REFUSE: constant(uint256) = 1   # reverts
BURN: constant(uint256) = 2     # burns all the gas it is given
REENTER: constant(uint256) = 3  # calls the target back, and counts whether that worked
BOMB: constant(uint256) = 4     # reverts with a lot of data

MAX_DATA: constant(uint256) = 8192
MAX_ANSWER: constant(uint256) = 2048


mode: public(uint256)
target: public(address)
call_data: Bytes[MAX_DATA]
tries: public(uint256)
entered: public(uint256)


@deploy
@payable
def __init__():
    pass


@external
def behave(mode: uint256, target: address, call_data: Bytes[MAX_DATA]):
    self.mode = mode
    self.target = target
    self.call_data = call_data


@external
@payable
@raw_return
def act(target: address, data: Bytes[MAX_DATA], value_wei: uint256) -> Bytes[MAX_ANSWER]:
    return raw_call(target, data, max_outsize=MAX_ANSWER, value=value_wei)


@external
@payable
def act_if(target: address, data: Bytes[MAX_DATA], wanted: Bytes[MAX_ANSWER], question: Bytes[256]):
    """
    @notice Makes a call, looks at what came of it, and takes it back if that isn't what it wanted.
    @param wanted What `question` must return then.
    """
    raw_call(target, data)
    assert raw_call(target, question, max_outsize=MAX_ANSWER, is_static_call=True) == wanted, "puppet: not what I wanted"


@external
@payable
def __default__():
    if self.mode == REFUSE:
        raise "puppet: no, thanks"
    if self.mode == BURN:
        assert self.mode != BURN, UNREACHABLE
    if self.mode == BOMB:
        raw_revert(slice(self.code, 0, 256))
    if self.mode == REENTER:
        self.tries += 1
        if raw_call(self.target, self.call_data, revert_on_failure=False):
            self.entered += 1
