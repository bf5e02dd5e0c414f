# pragma version ~=0.4.3
"""
@title A member that is a contract: it makes the calls that it is told to make, and takes ether as its mode says
@license Apache-2.0
"""


REFUSE: constant(uint256) = 1   # reverts
BURN: constant(uint256) = 2     # burns all the gas it is given


mode: public(uint256)


@external
def behave(mode: uint256):
    self.mode = mode


@external
@payable
def act(target: address, data: Bytes[8192]):
    raw_call(target, data, value=msg.value)


@view
@external
def look(target: address, data: Bytes[256]) -> Bytes[2048]:
    return raw_call(target, data, max_outsize=2048, is_static_call=True)


@external
def clone(implementation: address) -> address:
    return create_minimal_proxy_to(implementation)


@external
@payable
def __default__():
    if self.mode == REFUSE:
        raise "decoy: no, thanks"
    if self.mode == BURN:
        assert self.mode != BURN, UNREACHABLE
