"""The paper's way is worth comparing with: it adds, picks and pays as it should, and costs what it should."""

from __future__ import annotations

import random
from typing import Any

import pytest

from omnilytics.bench import baseline
from omnilytics.bench.baseline import CONTRACT, REWARD_WEI, Shape
from omnilytics.bench.gas import SHAPES
from omnilytics.bench.session import WEI
from omnilytics.chain.abi import interface
from omnilytics.chain.artifacts import load
from omnilytics.chain.embedded import EmbeddedChain
from omnilytics.errors import Reverted
from omnilytics.types import Address, Receipt
from tests.vectors.reference import selection

SMALL = Shape(parameters=6, rounds=6, members=2)


class Fragment:
    """One contract for `shape`, and the accounts around it."""

    def __init__(self, shape: Shape) -> None:
        self.chain = EmbeddedChain()
        self.owner = self.chain.create_account("owner", WEI)
        self.members = [self.chain.create_account(f"member-{i}", WEI) for i in range(shape.rounds * shape.members)]
        self.interface = interface(CONTRACT)
        size = min(shape.parameters, baseline.LARGEST)
        arguments = self.interface.constructor(size, shape.rounds, shape.members, shape.picks, shape.bad)
        created = self.chain.deploy("deploy", self.owner, load(CONTRACT).bytecode + arguments).contract_address
        assert created is not None
        self.address = created

    def send(self, call: str, sender: Address, *arguments: Any, value_wei: int = 0) -> Receipt:
        return self.chain.send(call, sender, self.address, self.interface.calldata(call, *arguments), value_wei)

    def ask(self, call: str, *arguments: Any) -> Any:
        answer = self.chain.call(call, self.address, self.interface.calldata(call, *arguments))
        return self.interface.result(call, answer)[0]

    def aggregated(self, uploads: list[list[int]], per_group: int) -> None:
        """Everybody registers and uploads its words, every group is added up."""
        for member, words in zip(self.members, uploads, strict=True):
            self.send("register", member, [bytes(32), bytes(32)])
            self.send("upload", member, [word % 2**256 for word in words])
        for group in range(len(self.members) // per_group):
            self.send("aggregate", self.owner, group)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"R={s.rounds}, N={s.members}")
def test_it_costs_what_its_words_of_storage_cost(shape: Shape) -> None:
    shape = Shape(2 * baseline.LARGEST + 205, shape.rounds, shape.members)
    gas = sum(call.gas for call in baseline.play(shape))
    assert gas == pytest.approx(baseline.expected_gas(shape), rel=0.05)


@pytest.mark.parametrize("rounds", [4, 6, 8])
@pytest.mark.parametrize("seed", range(3))
def test_it_picks_the_groups_that_krum_picks(rounds: int, seed: int) -> None:
    rng, shape = random.Random(seed), Shape(5, rounds, 2)
    uploads = [[rng.randrange(-100, 100) for _ in range(5)] for _ in range(2 * rounds)]
    fragment = Fragment(shape)
    fragment.aggregated(uploads, 2)
    fragment.send("select", fragment.owner)
    sums = [[a + b for a, b in zip(*uploads[2 * g : 2 * g + 2], strict=True)] for g in range(rounds)]
    norms = [selection.inner(s, s) for s in sums]
    expected = selection.krum(norms, selection.products(sums), 2_500, shape.picks, strict=False)
    assert expected is not None
    assert fragment.ask("accepted") == sum(1 << g for g, accepted in enumerate(expected) if accepted)


def test_masks_cancel_in_the_sum() -> None:
    """What differs in nothing but masks is picked alike."""
    plain = [[place] * 6 for place in range(12)]
    masked = [[w + (-1) ** (i % 2) * 7**90 for w in words] for i, words in enumerate(plain)]
    found = []
    for uploads in (plain, masked):
        fragment = Fragment(SMALL)
        fragment.aggregated(uploads, 2)
        fragment.send("select", fragment.owner)
        found.append(fragment.ask("accepted"))
    assert found[0] == found[1] != 0


def test_members_of_picked_groups_share_the_reward() -> None:
    fragment = Fragment(SMALL)
    fragment.send("publish", fragment.owner, [0] * 6, value_wei=REWARD_WEI)
    fragment.aggregated([[place // 2] * 6 for place in range(12)], 2)
    fragment.send("select", fragment.owner)
    credits = [fragment.ask("credits", member) for member in fragment.members]
    assert sum(credits) == REWARD_WEI
    assert credits.count(REWARD_WEI // (SMALL.picks * 2)) == SMALL.picks * 2
    rich = fragment.members[credits.index(max(credits))]
    fragment.send("withdraw", rich)
    assert fragment.chain.balance(rich) == WEI + max(credits)


@pytest.mark.parametrize(
    ("call", "arguments", "reason"),
    [
        ("publish", [[0] * 5], "fragment: wrong length"),
        ("upload", [[0] * 6], "fragment: not registered"),
        ("aggregate", [0], "fragment: uploads are missing"),
        ("withdraw", [], "fragment: no credit"),
    ],
)
def test_what_has_no_sense_is_refused(call: str, arguments: list[Any], reason: str) -> None:
    fragment = Fragment(SMALL)
    with pytest.raises(Reverted) as caught:
        fragment.send(call, fragment.owner, *arguments)
    assert caught.value.reason == reason
