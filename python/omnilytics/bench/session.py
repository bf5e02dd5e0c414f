"""One honest session as its clients play it, on an embedded chain of its own, and what each transaction cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import VerificationError
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import SeededRandomness
from omnilytics.protocol.session import SessionDriver
from omnilytics.protocol.terms import Terms
from omnilytics.seeds import Seeds
from omnilytics.types import FloatVec, Rule

WEI = 10**30
"""What every account starts with: far more than deposits, bonds and gas."""

CLIP = 0.05
"""C, of the size that a run announces (docs/EXPERIMENTS.md)."""

STEP = 0.01
"""Standard deviation of what training changes."""

ENVELOPE_BYTES = 134
"""Upper bound of a signed EIP-1559 transaction around its calldata."""


@dataclass(frozen=True, slots=True)
class Call:
    """One transaction: the function, its gas, and the bytes that a node sees of it."""

    name: str
    gas: int
    size: int


@dataclass(frozen=True, slots=True)
class Played:
    """A finished session on its chain; `first` is the index of its first transaction there, `calls` are its own."""

    chain: EmbeddedChain
    first: int
    calls: tuple[Call, ...]


def play(terms: Terms, parameters: int, fork: str = "osaka") -> Played:
    """Plays a session in which everybody does its part, with keys, masks and steps from a fixed seed.

    Args:
        terms: the offer; exactly as many register as it has seats.
        parameters: d.
        fork: the chain's rules.

    Raises:
        VerificationError: the session accepted no group or kept wei.
    """
    chain = EmbeddedChain(fork=fork, charge_gas=True)
    account = chain.create_account("model-owner", WEI)
    seats = terms.rounds * terms.group_size
    members = [chain.create_account(f"data-owner-{i}", WEI) for i in range(seats)]
    owner = ModelOwner(chain, chain.deploy_market(account, 0), account)
    first, names = len(chain.transactions()), list[str]()
    chain.on_receipt.append(lambda receipt: names.append(receipt.call))
    seeds = Seeds(0)
    published = seeds.numpy("bench", "published").normal(scale=0.05, size=parameters).astype(np.float32)
    session, _ = owner.open(members, published, terms.params(parameters, CLIP))
    policy = Policy(accept_unsafe_small=terms.unsafe_small)
    roles = [DataOwner(chain, member, policy=policy) for member in members]

    def train(indices: Sequence[int], start: FloatVec) -> list[FloatVec]:
        rng = seeds.numpy("bench", "steps")
        return [(start + rng.normal(scale=STEP, size=parameters)).astype(np.float32) for _ in indices]

    driver = SessionDriver(chain, session, owner, roles, lambda event: None, 1)
    outcome = driver.run(published, train, lambda index: SeededRandomness(seeds, index, 1))
    wanted = terms.krum_m if terms.rule is Rule.KRUM else terms.rounds
    if len(outcome.accepted) != wanted or outcome.unselected or outcome.left_wei:
        raise VerificationError(
            f"session: expected {wanted} groups accepted and 0 wei left, "
            f"got {len(outcome.accepted)} and {outcome.left_wei}"
        )
    return Played(chain, first, calls(chain, first, names))


def calls(chain: EmbeddedChain, first: int, names: Sequence[str]) -> tuple[Call, ...]:
    """The chain's transactions from the one of index `first` on, by the function that each called."""
    return tuple(
        Call(name, sent.gas, len(sent.calldata) + ENVELOPE_BYTES)
        for name, sent in zip(names, chain.transactions()[first:], strict=True)
    )
