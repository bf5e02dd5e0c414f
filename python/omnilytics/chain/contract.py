"""The port's verbs over a transport, by ABI encoding. Every backend shares this module and brings its own transport."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from omnilytics.blobs.blob import Blob, WrongElement
from omnilytics.blobs.partial import PartialPacked, PartialProof
from omnilytics.chain.abi import Interface, interface
from omnilytics.chain.artifacts import load
from omnilytics.errors import ChainError
from omnilytics.types import (
    Address,
    Alumnus,
    Disclosure,
    GroupStatus,
    GroupView,
    Keys,
    Log,
    MemberView,
    Money,
    Opening,
    Pool,
    Receipt,
    SessionParams,
    Stage,
    VoteView,
)


class Transport(Protocol):
    """What carries bytes and blobs (EIP-4844) to a chain, and answers back.

    `call` names the contract function, for receipts and errors.
    """

    def send(self, call: str, sender: Address, to: Address, data: bytes, value_wei: int = 0) -> Receipt:
        """Sends a transaction and waits for its receipt.

        Raises:
            Reverted: the contract refused it.
            ChainError: the chain refused it.
        """

    def call(self, call: str, to: Address, data: bytes) -> bytes:
        """Asks without a transaction.

        Raises:
            Reverted: the contract refused to answer.
        """

    def deploy(self, call: str, sender: Address, code: bytes) -> Receipt:
        """Creates a contract from init code; the receipt has its address.

        Raises:
            Reverted: the constructor refused.
            ChainError: the chain refused it.
        """

    def logs(self, address: Address, from_block: int = 0) -> list[tuple[int, Log]]:
        """(block number, log) of that contract, oldest first."""

    def head(self) -> tuple[int, int]:
        """Number and timestamp of the newest block."""

    def send_blobs(
        self, call: str, sender: Address, to: Address, data: bytes, blobs: Sequence[Blob], value_wei: int = 0
    ) -> Receipt:
        """Sends a transaction that carries blobs, 1..6, and waits for its receipt.

        Raises:
            InputError: none, or more than 6.
            Reverted: the contract refused it.
            ChainError: the chain refused it.
        """

    def blob_fee_wei(self) -> int:
        """What a blob gas costs in the next block, wei; a blob takes 131,072."""


class _Contract:
    """One contract at one address."""

    def __init__(self, transport: Transport, address: Address, interface: Interface) -> None:
        self._transport = transport
        self._address = address
        self._interface = interface

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._address}>"

    @property
    def address(self) -> Address:
        return self._address

    def _send(self, call: str, sender: Address, *arguments: Any, value_wei: int = 0) -> Receipt:
        data = self._interface.calldata(call, *arguments)
        return self._transport.send(call, sender, self._address, data, value_wei)

    def _ask(self, call: str, *arguments: Any) -> Any:
        return self._answers(call, *arguments)[0]

    def _answers(self, call: str, *arguments: Any) -> tuple[Any, ...]:
        answer = self._transport.call(call, self._address, self._interface.calldata(call, *arguments))
        return self._interface.result(call, answer)


class ContractMarket(_Contract):
    """`Market.vy` at an address; implements `MarketPort`."""

    def __init__(self, transport: Transport, address: Address) -> None:
        super().__init__(transport, address, interface("Market"))

    def create_session(self, sender: Address) -> tuple[Address, Receipt]:
        """Clones a session owned by `sender`."""
        receipt = self._send("create_session", sender)
        for log in receipt.logs:
            decoded = self._interface.decode_log(log) if log.address == self._address else None
            if decoded is not None and decoded[0] == "SessionCreated":
                return Address(decoded[1]["session"]), receipt
        raise ChainError(f"{self._address} made no session: it is no market")

    def sessions(self) -> list[Address]:
        """All sessions, oldest first."""
        return [Address(self._ask("sessions", index)) for index in range(self._ask("session_count"))]

    def opened(self) -> list[tuple[Address, Address]]:
        """(session, its owner) of all, oldest first."""
        events = [self._interface.decode_log(log) for _, log in self._transport.logs(self._address)]
        made = [event[1] for event in events if event is not None and event[0] == "SessionCreated"]
        return [(Address(values["session"]), Address(values["owner"])) for values in made]

    def min_window_secs(self) -> int:
        """The shortest window that its sessions may set, seconds."""
        return int(self._ask("MIN_WINDOW"))

    def suspicion(self, owner: Address, account: Address) -> int | None:
        """What is remembered of an account with one model owner; None: nothing."""
        known, suspicion = self._answers("suspicion", owner, account)
        return int(suspicion) if known else None


class ContractSession(_Contract):
    """`SecModelUpdate.vy` at an address; implements `SessionPort`."""

    def __init__(self, transport: Transport, address: Address) -> None:
        super().__init__(transport, address, interface("SecModelUpdate"))

    def whitelist(self, sender: Address, members: Sequence[Address]) -> Receipt:
        return self._send("whitelist", sender, list(members))

    def set_whitelist_root(self, sender: Address, root: bytes, capacity: int) -> Receipt:
        return self._send("set_whitelist_root", sender, root, capacity)

    def publish(self, sender: Address, chunk: int, words: bytes) -> Receipt:
        return self._send("publish", sender, chunk, words)

    def start(self, sender: Address, params: SessionParams, value_wei: int) -> Receipt:
        return self._send("start", sender, params.as_tuple(), value_wei=value_wei)

    def register(
        self, sender: Address, keys: Keys, bond_wei: int, proof: Sequence[bytes] = (), cohort: int = 0
    ) -> Receipt:
        packed = (keys.x, keys.parity, keys.v, keys.r, keys.s, keys.transport)
        return self._send("register", sender, packed, list(proof), cohort, value_wei=bond_wei)

    def draw(self, sender: Address) -> Receipt:
        return self._send("draw", sender)

    def decline(self, sender: Address) -> Receipt:
        return self._send("decline", sender)

    def commit(self, sender: Address, root: bytes) -> Receipt:
        return self._send("commit", sender, root)

    def upload(self, sender: Address, chunk: int, words: bytes, chunk_hashes: Sequence[bytes]) -> Receipt:
        return self._send("upload", sender, chunk, words, list(chunk_hashes))

    def share(self, sender: Address, root: bytes, points: bytes, sealed: bytes) -> Receipt:
        return self._send("share", sender, root, points, sealed)

    def object_to(self, sender: Address, place: int) -> Receipt:
        return self._send("object", sender, place)

    def post(self, sender: Address, blobs: Sequence[Blob]) -> Receipt:
        data = self._interface.calldata("post")
        return self._transport.send_blobs("post", sender, self._address, data, blobs)

    def correct(self, sender: Address, blobs: Sequence[Blob]) -> Receipt:
        data = self._interface.calldata("correct")
        return self._transport.send_blobs("correct", sender, self._address, data, blobs)

    def refute_correction(
        self, sender: Address, group: int, found: WrongElement, minus: Sequence[bytes], plus: Sequence[bytes]
    ) -> Receipt:
        opening = found.index, found.element, found.witness, found.commitment, list(found.hashes)
        return self._send("refute_correction", sender, group, *opening, list(minus), list(plus))

    def accuse(self, sender: Address, commitment: bytes, bond_wei: int) -> Receipt:
        return self._send("accuse", sender, commitment, value_wei=bond_wei)

    def refute(
        self,
        sender: Address,
        index: int,
        element: int,
        salt: bytes,
        witness: bytes,
        accounts: Sequence[Address],
        points: bytes,
    ) -> Receipt:
        return self._send("refute", sender, index, element, salt, witness, list(accounts), points)

    def add_sums(self, sender: Address, accounts: Sequence[Address], points: bytes) -> Receipt:
        return self._send("add_sums", sender, list(accounts), points)

    def select_packed(self, sender: Address, products: Sequence[int], evidence: bytes) -> Receipt:
        return self._send("select_packed", sender, list(products), evidence)

    def continue_packed(self, sender: Address, begun: PartialPacked, evidence: bytes) -> Receipt:
        return self._send("continue_packed", sender, begun.words(), evidence)

    def finish_packed(self, sender: Address, begun: PartialPacked, products: Sequence[int], evidence: bytes) -> Receipt:
        return self._send("finish_packed", sender, begun.words(), list(products), evidence)

    def select_proven(self, sender: Address, products: Sequence[int], evidence: bytes) -> Receipt:
        return self._send("select_proven", sender, list(products), evidence)

    def continue_proof(self, sender: Address, begun: PartialProof, evidence: bytes) -> Receipt:
        return self._send("continue_proof", sender, begun.words(), evidence)

    def finish_proof(self, sender: Address, begun: PartialProof, products: Sequence[int], evidence: bytes) -> Receipt:
        return self._send("finish_proof", sender, begun.words(), list(products), evidence)

    def reveal(self, sender: Address, secret: int, addresses: bytes, openings: Sequence[Opening]) -> Receipt:
        return self._send("reveal", sender, secret, addresses, [_opening(one) for one in openings])

    def reveal_shares(self, sender: Address, openings: Sequence[Opening]) -> Receipt:
        return self._send("reveal_shares", sender, [_opening(one) for one in openings])

    def rebuild(
        self, sender: Address, dealer: Address, addresses: bytes, holders: int, shares: Sequence[int]
    ) -> Receipt:
        return self._send("rebuild", sender, dealer, addresses, holders, list(shares))

    def disclose(self, sender: Address, group: int, disclosures: Sequence[Disclosure]) -> Receipt:
        packed = [(one.account, one.x, one.parity, one.secret, one.addresses) for one in disclosures]
        return self._send("disclose", sender, group, packed)

    def unmask(
        self,
        sender: Address,
        group: int,
        chunk: int,
        words: Sequence[bytes],
        minus: Sequence[bytes],
        plus: Sequence[bytes],
    ) -> Receipt:
        return self._send("unmask", sender, group, chunk, b"".join(words), list(minus), list(plus))

    def aggregate(self, sender: Address, group: int, chunk: int, words: Sequence[bytes]) -> Receipt:
        return self._send("aggregate", sender, group, chunk, b"".join(words))

    def gram(self, sender: Address, chunk: int, words: Sequence[bytes], products: Sequence[int]) -> Receipt:
        return self._send("gram", sender, chunk, b"".join(words), list(products))

    def select(self, sender: Address, products: Sequence[int]) -> Receipt:
        return self._send("select", sender, list(products))

    def vote(self, sender: Address, commitment: bytes) -> Receipt:
        return self._send("vote", sender, commitment)

    def open_vote(self, sender: Address, bits: int, salt: bytes) -> Receipt:
        return self._send("open_vote", sender, bits, salt)

    def settle(self, sender: Address, group: int, members: Sequence[Address]) -> Receipt:
        return self._send("settle", sender, group, list(members))

    def withdraw(self, sender: Address) -> Receipt:
        return self._send("withdraw", sender)

    def withdraw_for(self, sender: Address, account: Address) -> Receipt:
        return self._send("withdraw_for", sender, account)

    def exit(self, sender: Address) -> Receipt:
        return self._send("exit", sender)

    def advance(self, sender: Address) -> Receipt:
        return self._send("advance", sender)

    def owner(self) -> Address:
        return Address(self._ask("owner"))

    def market(self) -> Address:
        return Address(self._ask("market"))

    def stage(self) -> Stage:
        return Stage(self._ask("stage"))

    def deadline(self) -> int:
        return int(self._ask("deadline"))

    def params(self) -> SessionParams:
        return SessionParams.from_tuple(self._ask("params"))

    def published_hash(self) -> bytes:
        return bytes(self._ask("published_hash"))

    def model_hash(self) -> bytes:
        return bytes(self._ask("model_hash"))

    def capacity(self) -> int:
        return int(self._ask("capacity"))

    def whitelist_root(self) -> bytes:
        return bytes(self._ask("whitelist_root"))

    def reserve(self) -> int:
        return int(self._ask("reserve"))

    def registered_count(self) -> int:
        return int(self._ask("registered_count"))

    def draw_block(self) -> int:
        return int(self._ask("draw_block"))

    def seed(self) -> bytes:
        return bytes(self._ask("seed"))

    def second_seed(self) -> bytes:
        return bytes(self._ask("second_seed"))

    def first_groups(self) -> int:
        return int(self._ask("first_groups"))

    def alumnus(self, account: Address) -> Alumnus:
        return Alumnus(*self._ask("alumnus", account))

    def group_count(self) -> int:
        return int(self._ask("group_count"))

    def member(self, account: Address) -> MemberView:
        listed, registered, pool, *rest = self._ask("member", account)
        return MemberView(listed, registered, Pool(pool), *rest)

    def group(self, group_id: int) -> GroupView:
        status, *rest = self._ask("group", group_id)
        return GroupView(GroupStatus(status), *rest)

    def ballot(self, account: Address) -> VoteView:
        return VoteView(*self._ask("ballot", account))

    def votes_cast(self) -> int:
        return int(self._ask("votes_cast"))

    def votes_against(self, group_id: int) -> int:
        return int(self._ask("votes_against", group_id))

    def sums_root(self) -> bytes:
        return bytes(self._ask("sums_root"))

    def correction(self, group_id: int) -> bytes:
        return bytes(self._ask("correction", group_id))

    def accusation(self, account: Address) -> bytes:
        return bytes(self._ask("accusation", account))

    def refuted_count(self) -> int:
        return int(self._ask("refuted_count"))

    def accepted(self) -> int:
        return int(self._ask("accepted"))

    def unselected(self) -> bool:
        return bool(self._ask("unselected"))

    def credit_of(self, account: Address) -> int:
        return int(self._ask("credit_of", account))

    def money(self) -> Money:
        return Money(*self._ask("money"))


def _opening(opening: Opening) -> tuple[Address, int, bytes]:
    return opening.dealer, opening.share, opening.addresses


def deploy_market(transport: Transport, sender: Address, min_window_secs: int) -> ContractMarket:
    """Deploys a market, before it the `SecModelUpdate` that it clones, before that the contracts which that one calls.

    Args:
        min_window_secs: the shortest window that sessions of this market may set, seconds, >= 0.
    """
    return ContractMarket(transport, deploy(transport, sender, "Market", min_window_secs))


def deploy(transport: Transport, sender: Address, contract: str, *arguments: Any) -> Address:
    """Deploys a contract that the package carries, after its libraries, whose addresses its constructor takes first.

    A library that several of them call is deployed once.
    """
    return place(creation(transport, sender), contract, arguments, {})


Put = Callable[[str, bytes], Address]
"""Takes a contract's name and its init code, arguments included, and says which address it has then."""


def creation(transport: Transport, sender: Address) -> Put:
    """Puts contracts where the sender's nonces do (CREATE)."""

    def put(contract: str, code: bytes) -> Address:
        address = transport.deploy("deploy", sender, code).contract_address
        if address is None:
            raise ChainError(f"the chain gave no address to the new {contract}")
        return address

    return put


def place(put: Put, contract: str, arguments: Sequence[Any], placed: dict[str, Address]) -> Address:
    """Puts a contract and before it, once, all that it stands on somewhere, and says where.

    Args:
        put: puts one contract there.
        contract: its name.
        arguments: of its constructor, after the addresses of its libraries.
        placed: the libraries that have an address already; is added to.
    """
    artifact = load(contract)
    for library in artifact.libraries:
        if library not in placed:
            placed[library] = place(put, library, (), placed)
    libraries = (placed[library] for library in artifact.libraries)
    return put(contract, artifact.bytecode + interface(contract).constructor(*libraries, *arguments))
