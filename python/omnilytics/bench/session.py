"""One honest session as its clients play it, on an embedded chain of its own, and what each transaction cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from omnilytics.chain.base import ChainPort
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import VerificationError
from omnilytics.protocol.company import Dropouts, Train, nobody
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import Randomness, SeededRandomness
from omnilytics.protocol.session import SessionDriver
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.types import Address, FloatVec, Receipt, Rule, SessionParams

WEI = 10**30
"""What every account starts with: far more than deposits, bonds and gas."""

CLIP = 0.05
"""C, of the size that a run announces (docs/EXPERIMENTS.md)."""

STEP = 0.01
"""Standard deviation of what training changes."""

ENVELOPE_BYTES = 134
"""Upper bound of a signed EIP-1559 transaction around its calldata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A transaction that succeeded; `to` is None if it created a contract, `created` what it created, `gas` its gas.

    `blob_gas` is of the blobs that went with it, `blob_gas_price_wei` what that cost a blob gas; 0 without any.
    """

    call: str
    sender: Address
    to: Address | None = None
    calldata: bytes = b""
    value: int = 0
    block: int = 0
    timestamp: int = 0
    gas: int
    created: Address | None = None
    blob_gas: int = 0
    blob_gas_price_wei: int = 0

    @property
    def size(self) -> int:
        """Bytes that a node sees of it, at most."""
        return len(self.calldata) + ENVELOPE_BYTES


def reach(chain: EmbeddedChain, sent: Sent) -> Address:
    """Mines up to the block before that of a session's transaction; returns the contract that it calls.

    Raises:
        VerificationError: it deploys one, or had blobs, which aren't in it.
    """
    if sent.to is None:
        raise VerificationError(f"{sent.call}: expected a session's transaction, got a deployment")
    if sent.blob_gas:
        raise VerificationError(f"{sent.call}: expected a transaction without blobs, got one with blobs")
    chain.wait_blocks(max(0, sent.block - 1 - chain.block_number()))
    return sent.to


class Recorder:
    """Writes down every transaction of a chain from now on; each must succeed."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._first = len(chain.transactions())
        self._receipts: list[Receipt] = []
        chain.on_receipt.append(self._receipts.append)

    def sent(self) -> tuple[Sent, ...]:
        """All of them so far."""
        return tuple(
            Sent(
                call=receipt.call,
                sender=tx.sender,
                to=tx.to,
                calldata=tx.calldata,
                value=tx.value,
                block=receipt.block,
                timestamp=receipt.timestamp,
                gas=receipt.gas_used,
                created=receipt.contract_address,
                blob_gas=receipt.blob_gas_used,
                blob_gas_price_wei=receipt.blob_gas_price_wei or 0,
            )
            for receipt, tx in zip(self._receipts, self._chain.transactions()[self._first :], strict=True)
        )


@dataclass(frozen=True, slots=True)
class Played:
    """A finished session on its chain.

    Attributes:
        chain: where it is.
        before: a snapshot from before its first transaction.
        accounts: who took part.
        deployed: the transactions before it, which deployed the market.
        sent: its own.
    """

    chain: EmbeddedChain
    before: int
    accounts: tuple[Address, ...]
    deployed: tuple[Sent, ...]
    sent: tuple[Sent, ...]


def play(terms: Terms, parameters: int, fork: str = "osaka", dropouts: Dropouts = nobody) -> Played:
    """Plays a session in which everybody is honest, with keys, masks and steps from a fixed seed.

    Args:
        terms: the offer; exactly as many register as it has seats.
        parameters: d.
        fork: the chain's rules.
        dropouts: who doesn't do its part to the end; with policy `recover` only.

    Raises:
        VerificationError: the session accepted no group or kept wei.
    """
    chain = EmbeddedChain(fork=fork, charge_gas=True)
    recorder = Recorder(chain)
    account = chain.create_account("model-owner", WEI)
    seats = terms.rounds * terms.group_size
    members = [chain.create_account(f"data-owner-{i}", WEI) for i in range(seats)]
    owner = ModelOwner(chain, chain.deploy_market(account, 0), account)
    deployed, before = recorder.sent(), chain.snapshot()
    seeds = Seeds(0)
    published = seeds.numpy("bench", "published").normal(scale=0.05, size=parameters).astype(np.float32)
    policy = Policy(accept_unsafe_small=terms.unsafe_small)
    roles = [DataOwner(chain, member, policy=policy) for member in members]

    def train(indices: Sequence[int], start: FloatVec) -> list[FloatVec]:
        rng = seeds.numpy("bench", "steps")
        return [(start + rng.normal(scale=STEP, size=parameters)).astype(np.float32) for _ in indices]

    params = terms.params(parameters, CLIP)
    complete(chain, owner, roles, published, params, train, lambda index: SeededRandomness(seeds, index, 1), dropouts)
    return Played(chain, before, (account, *members), deployed, recorder.sent()[len(deployed) :])


def complete(
    chain: ChainPort,
    owner: ModelOwner,
    roles: Sequence[DataOwner],
    published: FloatVec,
    params: SessionParams,
    train: Train,
    randomness: Callable[[int], Randomness],
    dropouts: Dropouts = nobody,
) -> None:
    """One session, from its opening to the last withdrawal.

    Args:
        chain: where it is.
        owner: opens it.
        roles: register in this order; exactly as many as it has seats.
        published: W^p, shape (d,).
        params: its terms.
        train: the members' training.
        randomness: of member i.
        dropouts: who doesn't do its part to the end; with policy `recover` only.

    Raises:
        VerificationError: it accepted no group or kept wei.
    """
    session, _ = owner.open([role.account for role in roles], published, params)
    driver = SessionDriver(chain, session, owner, roles, lambda event: None, 1, dropouts=dropouts)
    outcome = driver.run(published, train, randomness)
    most = params.krum_m if params.rule is Rule.KRUM else params.rounds
    # voters tell honest steps of pure noise apart
    least = 1 if params.rule is Rule.NORM_VOTE else most
    if not least <= len(outcome.accepted) <= most or outcome.unselected or outcome.left_wei:
        raise VerificationError(
            f"session: expected {least} to {most} groups accepted and 0 wei left, "
            f"got {len(outcome.accepted)} and {outcome.left_wei}"
        )
