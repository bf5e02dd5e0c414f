"""SecretMath: what is computed from secrets that were revealed, against tests/vectors/recover.json and plain Python."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import boa
import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import CONTRACTS, Accounts, Chain, Contract, compiled
from tests.contracts.harness import reference as ref
from tests.contracts.harness.dealing import coefficients, lifted, places, rebuilt, shares
from tests.contracts.harness.keys import CURVE_ORDER, public
from tests.golden import unhex, vectors

ZERO = "0x" + "00" * 20
REBUILDS = [*vectors("recover")["rebuilds"], *vectors("recover")["wrong_rebuilds"]]


def number(text: str) -> int:
    return int(text, 16)


@pytest.fixture(scope="module")
def math(accounts: Accounts) -> Contract:
    return compiled(CONTRACTS / "SecretMath.vy").deploy(sender=accounts.deployer)


class TestAddressOf:
    @pytest.mark.parametrize("secret", [1, 2, 3, CURVE_ORDER // 2, CURVE_ORDER - 2, CURVE_ORDER - 1])
    def test_of_a_scalar(self, math: Contract, secret: int) -> None:
        assert math.address_of(secret) == public(secret)[2]

    @pytest.mark.parametrize("secret", [0, CURVE_ORDER, CURVE_ORDER + 1, 2**256 - 1])
    def test_of_what_is_none(self, math: Contract, secret: int) -> None:
        """Above all not of 1 + n the address of 1."""
        assert math.address_of(secret) == ZERO

    @pytest.mark.parametrize("case", vectors("recover")["reveals"], ids=lambda c: c["name"])
    def test_of_self_masks(self, math: Contract, case: dict[str, Any]) -> None:
        found = math.address_of(number(case["secret"]))
        own = keccak(unhex(case["addresses"])) == unhex(case["root"]) and unhex(found) == unhex(case["addresses"])[:20]
        assert own == (case["reason"] is None)

    @settings(max_examples=20)
    @given(secret=st.integers(0, 2**256 - 1))
    def test_of_any_number(self, math: Contract, secret: int) -> None:
        assert math.address_of(secret) == (public(secret)[2] if 0 < secret < CURVE_ORDER else ZERO)


def bitmap_of(xs: list[int]) -> int:
    """Holders by their x coordinates, as places."""
    return sum(1 << (x - 1) for x in xs)


class TestRebuilt:
    """Lagrange at 0 modulo n."""

    @pytest.mark.parametrize("case", REBUILDS, ids=lambda c: c["name"])
    def test_vectors(self, math: Contract, case: dict[str, Any]) -> None:
        """The first T of the shares, as `rebuild` takes them: in order of place."""
        ordered = sorted(list(zip(case["xs"], case["shares"], strict=True))[: case["threshold"]])
        secret = math.rebuilt(bitmap_of([x for x, _ in ordered]), [number(share) for _, share in ordered])
        assert secret == number(case["secret"])
        assert math.address_of(secret) == case["address"]

    @pytest.mark.parametrize(("members", "threshold"), [(n, t) for n in range(2, 7) for t in range(2, n + 1)])
    def test_every_subset(self, math: Contract, members: int, threshold: int) -> None:
        """Of T places out of N; the polynomial's value at 0 comes out of each."""
        f = coefficients(7**80 + members, threshold, f"{members} {threshold}")
        dealt = {j: share for j, (share, _) in shares(f, f, members, members + 1).items()}
        for chosen in itertools.combinations(range(members), threshold):
            holders = sum(1 << j for j in chosen)
            assert math.rebuilt(holders, [dealt[j] for j in chosen]) == f[0]

    @pytest.mark.parametrize("holders", [0xFFFF, 0x7FFF, 0xFFFE, 0xAAAA, 0x5555, 0x8001, 0x8000, 0x0001])
    def test_of_sixteen(self, math: Contract, holders: int) -> None:
        """Any numbers below n, the largest ones too."""
        count = holders.bit_count()
        for given_ in ([CURVE_ORDER - 1] * count, [0] * count, [pow(3, 50 + k, CURVE_ORDER) for k in range(count)]):
            assert math.rebuilt(holders, given_) == rebuilt(holders, given_)

    @settings(max_examples=25)
    @given(holders=st.integers(1, 0xFFFF), draw=st.data())
    def test_any_shares(self, math: Contract, holders: int, draw: st.DataObject) -> None:
        count = holders.bit_count()
        given_ = draw.draw(st.lists(st.integers(0, CURVE_ORDER - 1), min_size=count, max_size=count))
        assert math.rebuilt(holders, given_) == rebuilt(holders, given_)


class TestSeeds:
    @pytest.fixture
    def on_chain(self, chain: Chain) -> Iterator[None]:
        """The chain id of the vectors."""
        before = chain.id
        boa.env.evm.patch.chain_id = vectors("recover")["groups"][0]["chain_id"]
        yield
        boa.env.evm.patch.chain_id = before

    @pytest.mark.usefixtures("on_chain")
    @pytest.mark.parametrize("case", vectors("recover")["unmaskings"], ids=lambda c: c["name"])
    def test_vectors(self, math: Contract, case: dict[str, Any]) -> None:
        group = vectors("recover")["groups"][case["group"]]
        scope = (group["session"], group["group"], unhex(group["model_hash"]), group["members"])
        disclosures = []
        for place in places(case["sharers"]):
            secrets = group["self_secrets" if case["delivered"] >> place & 1 else "secrets"]
            peer = group["peers"][place]
            disclosures.append((ZERO, number(peer["x"]), peer["parity"], number(secrets[place]), b""))
        minus, plus = math.seeds(scope, case["sharers"], case["delivered"], disclosures)
        assert minus == [unhex(seed) for seed in case["minus"]]
        assert plus == [unhex(seed) for seed in case["plus"]]

    @pytest.mark.parametrize("chain_id", [1, 31_337, 2**32])
    def test_they_are_bound_to_the_chain(self, math: Contract, chain: Chain, chain_id: int) -> None:
        """And to session, group, model, and who has shared: each of these alone gives other seeds."""
        before = chain.id
        disclosures = [(ZERO, *public(k + 5)[:2], k + 5, b"") for k in range(3)]
        bases = (("0x" + "11" * 20, 3, b"\1" * 32, 4), 0b0111, 0b0011)
        others = [
            (("0x" + "12" * 20, 3, b"\1" * 32, 4), 0b0111, 0b0011),
            (("0x" + "11" * 20, 4, b"\1" * 32, 4), 0b0111, 0b0011),
            (("0x" + "11" * 20, 3, b"\2" * 32, 4), 0b0111, 0b0011),
            (("0x" + "11" * 20, 3, b"\1" * 32, 5), 0b0111, 0b0011),
            (("0x" + "11" * 20, 3, b"\1" * 32, 4), 0b1011, 0b0011),
        ]
        found = [math.seeds(*case, disclosures) for case in (bases, *others)]
        boa.env.evm.patch.chain_id = chain_id
        found += [math.seeds(*bases, disclosures)] if chain_id != before else []
        boa.env.evm.patch.chain_id = before
        seeds = [seed for minus, plus in found for seed in (*minus, *plus)]
        assert len(set(seeds)) == len(seeds) == 4 * len(found)


class TestUnmasked:
    @pytest.mark.parametrize("case", vectors("recover")["unmaskings"], ids=lambda c: c["name"])
    def test_vectors(self, math: Contract, case: dict[str, Any]) -> None:
        minus, plus = [unhex(s) for s in case["minus"]], [unhex(s) for s in case["plus"]]
        total = unhex(case["sum"])
        hashes, sums = math.unmasked(total, len(total), 0, minus, plus)
        assert sums == ref.from_bytes(unhex(case["aggregate"]))
        assert hashes == [keccak(total)]

    @settings(max_examples=25)
    @given(
        rows=st.integers(1, 16),
        size=st.integers(1, 9),
        first=st.sampled_from([0, 1, 8, 720, 2**20, 2**255]),
        taken=st.integers(0, 5),
        added=st.integers(0, 5),
        draw=st.data(),
    )
    def test_any_rows(
        self, math: Contract, rows: int, size: int, first: int, taken: int, added: int, draw: st.DataObject
    ) -> None:
        """Any number of rows, words and seeds, from any word on."""
        words = draw.draw(st.binary(min_size=32 * rows * size, max_size=32 * rows * size))
        minus, plus = [keccak(bytes([k])) for k in range(taken)], [keccak(bytes([k, 1])) for k in range(added)]
        split = [words[32 * size * i : 32 * size * (i + 1)] for i in range(rows)]
        hashes, sums = math.unmasked(words, 32 * size, first, minus, plus)
        assert hashes == [keccak(row) for row in split]
        total = ref.add([ref.from_bytes(row) for row in split])
        if first < 10:
            assert sums == lifted([0] * first + total, minus, plus)[first:]
        for k, word in enumerate(total):
            index = (first + k).to_bytes(32, "big")
            streams = [sum(int.from_bytes(keccak(seed + index), "big") for seed in given_) for given_ in (minus, plus)]
            assert sums[k] == (word - streams[0] + streams[1]) % ref.WORD

    def test_a_whole_chunk(self, math: Contract) -> None:
        """720 words, all bits set: sums are modulo 2^256."""
        hashes, sums = math.unmasked(b"\xff" * 32 * 720 * 2, 32 * 720, 0, [], [])
        assert sums == [2**256 - 2] * 720
        assert hashes == [keccak(b"\xff" * 32 * 720)] * 2
