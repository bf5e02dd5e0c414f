"""The paper's way, as contracts/baseline/Fragment.vy has it, played on an embedded chain; and what it should cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, comb

import numpy as np
from numpy.typing import NDArray

from omnilytics.bench.session import STEP, WEI, Recorder, Sent
from omnilytics.chain.abi import interface
from omnilytics.chain.artifacts import load
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import ChainError, VerificationError
from omnilytics.types import Address, Receipt

CONTRACT = "baseline/Fragment"

LARGEST = 250
"""Parameters a contract, by the paper's own account."""

SCALE = 10**8
MU = 0.25
REWARD_WEI = 10**18

STORED_GAS = 22_600
"""A new word of storage, with its calldata and its turn of the loop: 22,300 to 22,900."""

READ_GAS = 2_100
"""A word of storage read for the first time in a transaction (EIP-2929)."""

DISTANCE_GAS = 350
"""A coordinate of a distance, in memory."""

SENT_GAS = 21_000
DEPLOY_GAS = 900_000
REGISTERED_WORDS = 4
"""Seat, public key in two words, account by seat."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A session in the paper's way: d parameters, R groups of N data owners."""

    parameters: int
    rounds: int
    members: int

    @property
    def fragments(self) -> list[int]:
        """Parameters of each of its contracts."""
        whole, rest = divmod(self.parameters, LARGEST)
        return [LARGEST] * whole + [rest] * bool(rest)

    @property
    def bad(self) -> int:
        """f = ceil(mu R)."""
        return ceil(MU * self.rounds)

    @property
    def picks(self) -> int:
        """m: as often as Krum has a neighbour to measure by, once at least."""
        return max(1, self.rounds - self.bad - 2)


def expected_gas(shape: Shape) -> int:
    """What a session costs in the paper's way, from its words of storage: new ones, and ones read."""
    seats = shape.rounds * shape.members
    total = 0
    for size in shape.fragments:
        stored = size * (1 + seats + shape.rounds) + REGISTERED_WORDS * seats + shape.picks * shape.members
        read = size * (seats + shape.rounds)
        distances = size * comb(shape.rounds, 2)
        sent = 1 + 2 * seats + shape.rounds + 1 + shape.picks * shape.members
        total += STORED_GAS * stored + READ_GAS * read + DISTANCE_GAS * distances + SENT_GAS * sent + DEPLOY_GAS
    return total


def play(shape: Shape, fork: str = "osaka") -> tuple[Sent, ...]:
    """Plays a session contract by contract and returns every transaction.

    Raises:
        VerificationError: a contract added up or paid something else than it should.
    """
    chain = EmbeddedChain(fork=fork)
    recorder = Recorder(chain)
    owner = chain.create_account("model-owner", WEI)
    members = [chain.create_account(f"data-owner-{i}", WEI) for i in range(shape.rounds * shape.members)]
    rng = np.random.default_rng(0)
    for size in shape.fragments:
        _Fragment(chain, owner, members, shape, size, rng).play()
    return recorder.sent()


def repeated(shape: Shape, played: Sequence[Sent]) -> list[Sent]:
    """The registrations and payments in all contracts but the first, out of what `play` returned."""
    each = len(played) // len(shape.fragments)
    return [sent for sent in played[each:] if sent.call in ("register", "withdraw")]


class _Fragment:
    """One contract and everybody in it."""

    def __init__(
        self,
        chain: EmbeddedChain,
        owner: Address,
        members: list[Address],
        shape: Shape,
        size: int,
        rng: np.random.Generator,
    ) -> None:
        self._chain, self._owner, self._members, self._shape, self._rng = chain, owner, members, shape, rng
        self._interface = interface(CONTRACT)
        arguments = self._interface.constructor(size, shape.rounds, shape.members, shape.picks, shape.bad)
        address = chain.deploy("deploy", owner, load(CONTRACT).bytecode + arguments).contract_address
        if address is None:
            raise ChainError("deploy: expected the address of a contract, got none")
        self._address = address
        self._model = rng.normal(scale=0.05, size=size)

    def play(self) -> None:
        self._send("publish", self._owner, _words(self._model), value_wei=REWARD_WEI)
        for member in self._members:
            self._send("register", member, [self._rng.bytes(32), self._rng.bytes(32)])
        per_group = self._shape.members
        for group in range(self._shape.rounds):
            seated = self._members[group * per_group : (group + 1) * per_group]
            for member, words in zip(seated, self._masked(), strict=True):
                self._send("upload", member, words)
        for group in range(self._shape.rounds):
            self._send("aggregate", self._owner, group)
        (log,) = self._send("select", self._owner).logs
        self._pay(int.from_bytes(log.data, "big"))

    def _pay(self, accepted: int) -> None:
        per_group = self._shape.members
        paid = [m for i, m in enumerate(self._members) if accepted >> (i // per_group) & 1]
        if len(paid) != self._shape.picks * per_group:
            raise VerificationError(f"select: expected {self._shape.picks} groups, got the bits {accepted:b}")
        for member in paid:
            self._send("withdraw", member)
        left = self._chain.balance(self._address)
        if left != REWARD_WEI % len(paid):
            raise VerificationError(f"withdraw: expected {REWARD_WEI % len(paid)} wei left over, got {left}")

    def _masked(self) -> list[list[int]]:
        """What the members of a group upload: words at random that add up to the words of their weights."""
        size = len(self._model)
        trained = [_words(self._model + self._rng.normal(scale=STEP, size=size)) for _ in range(self._shape.members)]
        masked = [_integers(self._rng.bytes(32 * size)) for _ in trained[1:]]
        last = [
            (sum(own) - sum(others)) % 2**256
            for own, others in zip(zip(*trained, strict=True), zip(*masked, strict=True), strict=True)
        ]
        return [*masked, last]

    def _send(self, call: str, sender: Address, *arguments: object, value_wei: int = 0) -> Receipt:
        data = self._interface.calldata(call, *arguments)
        return self._chain.send(call, sender, self._address, data, value_wei)


def _words(weights: NDArray[np.float64]) -> list[int]:
    """10^8 times each weight, modulo 2^256."""
    return [round(SCALE * float(weight)) % 2**256 for weight in weights]


def _integers(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
