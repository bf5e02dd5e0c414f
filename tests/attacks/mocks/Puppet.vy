# pragma version ~=0.4.3
"""
@title A payee that is a contract, and behaves as its mode says when ether arrives
@license Apache-2.0
"""


REFUSE: constant(uint256) = 1   # reverts
BURN: constant(uint256) = 2     # burns all the gas it is given
REENTER: constant(uint256) = 3  # calls the target back, and counts whether that worked
BOMB: constant(uint256) = 4     # reverts with a lot of data


mode: public(uint256)
target: public(address)
call_data: Bytes[1024]
tries: public(uint256)
entered: public(uint256)


@external
def behave(mode: uint256, target: address, call_data: Bytes[1024]):
    self.mode = mode
    self.target = target
    self.call_data = call_data


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
