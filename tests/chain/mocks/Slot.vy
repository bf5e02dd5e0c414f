# pragma version ~=0.4.3
"""
@title What blob transactions are tried on: it keeps the hash of the first blob, and refuses where there is none
@license Apache-2.0
"""


name: public(bytes32)
sent_wei: public(uint256)


@external
@payable
def post():
    name: bytes32 = blobhash(0)
    assert name != empty(bytes32), "slot: no blob"
    self.name = name
    self.sent_wei = msg.value


@view
@external
def fee() -> uint256:
    return block.blobbasefee
