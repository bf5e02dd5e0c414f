# pragma version ~=0.4.3
"""
@title What a chain backend is tried on: it keeps, logs, refuses, spins and tells the time
@license Apache-2.0
"""


struct Entry:
    number: uint256
    who: address


event Put:
    who: indexed(address)
    number: int256
    entry: Entry
    history: DynArray[uint256, 4]
    data: Bytes[64]
    last: bool


event Quiet:
    pass


number: public(uint256)
owner: public(address)


@deploy
@payable
def __init__(number: uint256):
    assert number != 13, "box: unlucky"
    self.number = number
    self.owner = msg.sender


@external
@payable
def put(number: uint256):
    self.number = number
    entry: Entry = Entry(number=number, who=msg.sender)
    log Put(who=msg.sender, number=-7, entry=entry, history=[1, number], data=b"put", last=True)


@external
def quiet():
    log Quiet()


@external
def take(data: Bytes[140000]) -> uint256:
    return len(data)


@external
def refuse():
    raise "box: refused"


@external
def refuse_in_silence():
    raise


@external
def clamp(small: uint8):
    pass


@external
def spin():
    for i: uint256 in range(2**40):
        self.number += 1


@external
def send(account: address, amount_wei: uint256):
    raw_call(account, b"", value=amount_wei)


@view
@external
def entry() -> Entry:
    return Entry(number=self.number, who=self.owner)


@view
@external
def now() -> (uint256, uint256):
    return block.number, block.timestamp


@view
@external
def ancestor(number: uint256) -> bytes32:
    return blockhash(number)
