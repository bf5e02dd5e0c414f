"""A market at an address that follows from its code, its shortest window and a salt alone, whoever deploys it.

CREATE2 (EIP-1014) through the deterministic deployment proxy, which is at one address on all chains because a
transaction that nobody has the key of puts it there: its signature was chosen, its sender follows from it. Anybody may
deploy the same code at the same address first. That costs nobody anything: it is the same market, which has no owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from eth_utils.crypto import keccak

from omnilytics.chain.artifacts import load
from omnilytics.chain.contract import Put, Transport, creation, place
from omnilytics.errors import ChainError, InputError, Reverted
from omnilytics.types import Address

PROXY = Address("0x4e59b44847b379578588920ca78fbf26c0b4956c")
"""Takes a salt of 32 bytes and init code, and creates a contract of them."""

PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd"
    "5b8082525050506014600cf3"
)
PROXY_MAKER = Address("0x3fab184622dc19b6109349b94811493bf2a45362")
PROXY_GAS, PROXY_GAS_PRICE_WEI = 100_000, 100 * 10**9
PROXY_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    + PROXY_CODE.hex()
    + "1ba0"
    + "22" * 32
    + "a0"
    + "22" * 32
)
"""Of `PROXY_MAKER`, without a chain's id (before EIP-155), so that it is good on every chain."""

PENNILESS = ("insufficientfunds", "lackoffunds", "exceedsaccountbalance")
"""What nodes say, without spaces, where all that a transaction lacks is its sender's money."""

WORD_BYTES = 32
"""Of an immutable. They stand behind a contract's code, the addresses of its libraries last and in order."""

CREATION_GAS, BYTE_GAS, CALLDATA_GAS = 53_000, 200, 16
"""Of a transaction that creates, of a byte of code, of a byte of init code."""


class Ground(Transport, Protocol):
    """What a market is put on; `RpcChain` is one."""

    def balance(self, account: Address) -> int: ...
    def base_fee_wei(self) -> int: ...
    def code(self, address: Address) -> bytes: ...
    def created(self, code: bytes) -> bytes: ...
    def send_signed(self, call: str, transaction: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """One contract of a market.

    `init_code` has its arguments; `salt` has 32 bytes; `there`: it has been deployed before.
    """

    contract: str
    address: Address
    init_code: bytes
    salt: bytes
    there: bool = False

    @property
    def gas(self) -> int:
        """What deploying it takes, a few per cent more or less."""
        code = self.init_code
        return CREATION_GAS + BYTE_GAS * load(self.contract).runtime_bytes + CALLDATA_GAS * len(code)


def pieces(min_window_secs: int, salt: int = 0) -> tuple[Piece, ...]:
    """What a market consists of, each after all that its constructor names; the market is the last.

    Args:
        min_window_secs: the shortest window that sessions of the market may set, seconds, >= 0.
        salt: of the market alone, 0..2^256 - 1: markets of a chain share everything else.

    Raises:
        InputError: the salt is out of its range.
    """
    if not 0 <= salt < 1 << 256:
        raise InputError(f"salt: expected 0..2^256 - 1, got {salt}")

    def put(contract: str, code: bytes) -> Address:
        return create2(_salt(contract, salt), code)

    return _placed(put, min_window_secs, salt)


def deploy_plainly(ground: Ground, sender: Address, min_window_secs: int) -> tuple[Piece, ...]:
    """Deploys a market of its own, without the proxy: its addresses follow from the sender's nonces.

    Raises:
        Reverted, ChainError: a transaction failed.
    """
    return _placed(creation(ground, sender), min_window_secs, 0)


def _placed(put: Put, min_window_secs: int, salt: int) -> tuple[Piece, ...]:
    made: list[Piece] = []

    def noted(contract: str, code: bytes) -> Address:
        made.append(Piece(contract, put(contract, code), code, _salt(contract, salt)))
        return made[-1].address

    place(noted, "Market", (min_window_secs,), {})
    return tuple(made)


def _salt(contract: str, salt: int) -> bytes:
    return (salt if contract == "Market" else 0).to_bytes(32, "big")


def create2(salt: bytes, code: bytes) -> Address:
    """The address that the proxy gives to what init code makes (EIP-1014)."""
    digest = keccak(b"\xff" + bytes.fromhex(PROXY[2:]) + salt + keccak(code))
    return Address(f"0x{digest[-20:].hex()}")


def survey(ground: Ground, plan: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The plan, with what is there already marked.

    Raises:
        ChainError: something else is at one of the addresses.
    """
    return tuple(replace(piece, there=_stands(ground, piece)) for piece in plan)


def recognized(ground: Ground, market: Address) -> tuple[Piece, ...]:
    """What a market consists of, wherever that is: contracts of this package all of them, with each other's addresses.

    Raises:
        ChainError: something else, or nothing, is at one of the addresses.
    """
    code = ground.code(market)
    places: dict[str, Address] = {}
    _find(ground, "Market", market, places)
    plan = _placed(lambda contract, _: places[contract], int.from_bytes(code[-2 * WORD_BYTES : -WORD_BYTES]), 0)
    for piece in plan:
        _confirm(ground, piece)
    return plan


def _find(ground: Ground, contract: str, address: Address, places: dict[str, Address]) -> None:
    """Adds where a contract and its libraries are, if it is what it is taken for."""
    places[contract] = address
    libraries = load(contract).libraries
    code = ground.code(address) if libraries else b""
    words = code[-WORD_BYTES * len(libraries) :]
    for index, library in enumerate(libraries):
        if library not in places:
            word = words[index * WORD_BYTES :][:WORD_BYTES]
            _find(ground, library, Address(f"0x{word[-20:].hex():0>40}"), places)


def obstacle(ground: Ground) -> str | None:
    """Why the proxy isn't on the chain and can't be put there; None: it is, or it can.

    The node is shown the transaction before its sender has money, so that it costs nothing to hear what it says.
    """
    found = ground.code(PROXY)
    if found:
        return None if found == PROXY_CODE else f"another contract is at {PROXY}"
    fee = ground.base_fee_wei()
    if fee > PROXY_GAS_PRICE_WEI:
        return f"its transaction pays {PROXY_GAS_PRICE_WEI} wei a gas, and a block asks for {fee}"
    try:
        ground.send_signed("proxy", PROXY_TRANSACTION)
    except (ChainError, Reverted) as error:
        said = str(error).lower().replace(" ", "")
        return None if any(words in said for words in PENNILESS) else f"the node refuses its transaction: {error}"
    return None


def proxy_wei(ground: Ground) -> int:
    """What the proxy's maker has to be sent before it can put the proxy there, wei; 0: nothing, or it is there."""
    if ground.code(PROXY):
        return 0
    return max(0, PROXY_GAS * PROXY_GAS_PRICE_WEI - ground.balance(PROXY_MAKER))


def deploy(ground: Ground, sender: Address, plan: tuple[Piece, ...]) -> Iterator[Piece]:
    """Deploys what isn't there yet, the proxy too, and gives each piece as soon as it stands.

    Raises:
        Reverted, ChainError: a transaction failed, or what came of it isn't what should; what stands stays.
    """
    if lack := proxy_wei(ground):
        ground.send("fund", sender, PROXY_MAKER, b"", lack)
    if not ground.code(PROXY):
        ground.send_signed("proxy", PROXY_TRANSACTION)
    for piece in plan:
        if not _stands(ground, piece):
            try:
                ground.send("deploy", sender, PROXY, piece.salt + piece.init_code)
            except Reverted:
                if not _stands(ground, piece):  # else somebody else was first
                    raise
            _confirm(ground, piece)
        yield piece


def _confirm(ground: Ground, piece: Piece) -> None:
    if not _stands(ground, piece):
        raise ChainError(f"{piece.contract}: expected it at {piece.address}, where there is no code")


def _stands(ground: Ground, piece: Piece) -> bool:
    """Whether it has been deployed.

    Raises:
        ChainError: its address has another code.
    """
    found = ground.code(piece.address)
    if found and found != ground.created(piece.init_code):
        raise ChainError(f"{piece.contract}: {piece.address} has another code than this package's")
    return bool(found)
