# pragma version ~=0.4.3
"""
@title What the harness is tried on: one function for each rule that a transaction obeys
@license Apache-2.0
"""


struct Pair:
    number: uint256
    who: address


event Noted:
    who: indexed(address)
    number: uint256
    data: Bytes[64]


slot: public(uint256)
table: HashMap[uint256, uint256]
counter: transient(uint256)


@deploy
@payable
def __init__(start: uint256):
    self.slot = start


@external
@payable
def put(number: uint256):
    self.slot = number
    log Noted(who=msg.sender, number=number, data=b"put")


@external
def bump(times: uint256):
    for i: uint256 in range(times, bound=1000):
        self.slot += 1


@external
def clear(count: uint256):
    for i: uint256 in range(count, bound=1000):
        self.table[i] = 0


@external
def fill(count: uint256):
    for i: uint256 in range(count, bound=1000):
        self.table[i] = i + 1


@external
def tick() -> uint256:
    self.counter += 1
    return self.counter


@external
def recover(digest: bytes32, v: uint256, r: uint256, s: uint256) -> address:
    who: address = ecrecover(digest, v, r, s)
    log Noted(who=who, number=v, data=b"recovered")
    return who


@external
def caller() -> (uint256, address, address):
    return tx.gasprice, tx.origin, msg.sender


@external
def take(data: Bytes[150000]) -> bytes32:
    return keccak256(data)


@external
def clone() -> address:
    return create_minimal_proxy_to(self)


@external
def refuse():
    self.slot = 99
    raise "probe: refused"


@external
def clamp(number: uint8):
    self.slot = convert(number, uint256)


@view
@external
def ancestor(number: uint256) -> bytes32:
    return blockhash(number)


@view
@external
def pair() -> Pair:
    return Pair(number=self.slot, who=self)


@view
@external
def now() -> (uint256, uint256):
    return block.number, block.timestamp
