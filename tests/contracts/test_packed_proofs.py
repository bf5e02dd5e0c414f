"""`check_packed` of BlobVerifier: honest proofs of packed sums pass, and of those with anything wrong none does.

On the embedded chain, whose curve is fast; every night on titanoboa too (docs/BLOBS.md section 6).
"""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth.vm.forks.prague.computation import PragueComputation
from eth_utils import to_canonical_address
from hypothesis import given, settings
from hypothesis import strategies as st

from omnilytics.blobs import scheme
from tests.attacks.till import Embedded
from tests.contracts.harness import CONTRACTS, Accounts, Chain, Contract, compiled, evm, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness import packed as p
from tests.contracts.harness.blobs import INFINITY, Q
from tests.contracts.harness.packed import GRAM, NAMES, NORMS, Case
from tests.golden import unhex, vectors

PROOFS = vectors("packed")["proofs"]
FALSE_PROOFS = vectors("packed")["false_proofs"]
KINDS = pytest.mark.parametrize("kind", [NORMS, GRAM], ids=["norms", "gram"])
LIMIT = 2 * 4096 * 2_000**2
"""Of a norm of the vectors' first session, which has two lanes."""
SOURCE = (CONTRACTS / "modules" / "packed_proofs.vy").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=["embedded", pytest.param("titanoboa", marks=pytest.mark.nightly)])
def chain(request: pytest.FixtureRequest) -> Any:
    """The one chain of the module."""
    return Embedded() if request.param == "embedded" else Chain()


@pytest.fixture(scope="module")
def verifier(chain: Any) -> Contract:
    backend = chain if isinstance(chain, Embedded) else evm
    accounts = Accounts(chain.set_balance)
    return compiled(CONTRACTS / "BlobVerifier.vy").on(backend).deploy(sender=accounts.deployer)


def honest(kind: int, session: int = 0) -> Case:
    return p.proof_case(next(found for found in PROOFS if found["kind"] == kind and found["session"] == session))


class TestProofs:
    @pytest.mark.parametrize("found", PROOFS, ids=lambda found: found["name"])
    def test_vectors(self, verifier: Contract, found: dict[str, Any]) -> None:
        verifier.check_packed(*p.proof_case(found).arguments())

    @pytest.mark.parametrize("found", FALSE_PROOFS, ids=lambda found: found["name"])
    def test_whole_transcripts_of_what_is_false(self, verifier: Contract, found: dict[str, Any]) -> None:
        """False products, lanes that aren't the sums' digits, other multiplicities; forced, and balanced."""
        with reverts("blobs: the proof doesn't hold"):
            verifier.check_packed(*p.proof_case(found).arguments())

    @pytest.mark.parametrize(
        ("kind", "groups", "lanes"),
        [
            (NORMS, 1, 1),
            (GRAM, 1, 1),
            (NORMS, 1, 36),
            (GRAM, 1, 37),
            (NORMS, 1, 38),
            (GRAM, 2, 21),
            (NORMS, 2, 43),
            (NORMS, 64, 1),
            (GRAM, 16, 1),
        ],
    )
    def test_numbers_of_lanes(self, verifier: Contract, kind: int, groups: int, lanes: int) -> None:
        """One lane; 62, 64, 65 terms of a combination, and 137; no lane beyond whole elements, and one; most groups."""
        case = p.proven(kind, groups, lanes)
        verifier.check_packed(*case.arguments())
        with reverts("blobs: the proof doesn't hold"):
            verifier.check_packed(*case.with_sum(groups * lanes - 1, INFINITY).rooted().arguments())

    def test_the_identity_is_that_of_the_numbers(self) -> None:
        blob = b"".join(number.to_bytes(32, "big") for number in range(4_096))
        constant = bytes.fromhex(SOURCE.split('IDENTITY: constant(Bytes[128]) = x"')[1].split('"')[0])
        assert constant == scheme.uncompressed(scheme.commit(blob)) == unhex(vectors("packed")["identity"])

    def test_constants_fit_each_other(self) -> None:
        """The most lanes that fit a call, and their helpers; the terms of a whole proof that does."""
        names = (
            "MAX_LANES",
            "MAX_HELPERS",
            "MAX_TERMS",
            "LAST_TERMS",
            "LANES",
            "LANE_BITS",
            "LANE_RANGE",
            "LANE_BYTES",
        )
        lanes, helpers, terms, last, of_one, bits, most, size = (
            int(SOURCE.split(f"\n{name}: constant(uint256) = ")[1].split()[0]) for name in names
        )
        assert size * lanes <= 130_048 < size * (lanes + 1)
        assert helpers == (lanes + 1) // 2
        whole = (130_048 - 7 * 128 - 32) // size
        assert terms == whole + (whole + 1) // 2 + last > lanes + helpers
        terms = (CONTRACTS / "modules" / "terms.vy").read_text(encoding="utf-8")
        assert f"\nPACKED_BITS: constant(uint256) = {bits} " in terms
        assert f"\nPACKED_LANES: constant(uint256) = {of_one} " in terms
        assert (2**bits, of_one, bits) == (most, scheme.LANES, scheme.LANE_BITS)

    @pytest.mark.nightly
    def test_the_most_lanes_fit_a_transaction(self, chain: Any, verifier: Contract) -> None:
        """Whose gas is below 2^24 (EIP-7825): 576 lanes, in one group and in eight."""
        if not isinstance(chain, Embedded):
            pytest.skip("its curve is pure Python")
        for kind, groups, lanes in ((NORMS, 8, 72), (GRAM, 1, 576)):
            call = verifier.abi.calldata("check_packed", p.proven(kind, groups, lanes).arguments())
            mined = chain._evm.send(bytes(20), to_canonical_address(verifier.address), call, 0, gas=2**24)
            assert mined.success
            assert 9_500_000 < mined.gas_used < 11_000_000


class TestProducts:
    @KINDS
    def test_other_products(self, verifier: Contract, kind: int) -> None:
        case = honest(kind)
        for place in range(len(case.products)):
            for error in (1, -1):
                products = [g + error * (i == place) for i, g in enumerate(case.products)]
                with reverts("blobs: the proof doesn't hold"):
                    verifier.check_packed(*case.but(products=products).arguments())
        with reverts("blobs: the proof doesn't hold"):
            verifier.check_packed(*case.but(products=[case.products[-1], *case.products[1:]]).arguments())

    @KINDS
    def test_out_of_range(self, verifier: Contract, kind: int) -> None:
        claim, products, evidence = honest(kind).arguments()
        reason = "blobs: norm out of range" if kind == NORMS else "blobs: product out of range"
        for norm in (LIMIT + 1, Q - 1, Q, 2**256 - 1):
            with reverts(reason):
                verifier.check_packed(claim, [norm, *products[1:]], evidence)
        with reverts("blobs: the proof doesn't hold"):
            verifier.check_packed(claim, [LIMIT, *products[1:]], evidence)
        if kind == GRAM:
            for product in (LIMIT + 1, Q - LIMIT - 1, Q, Q + products[1] if products[1] < LIMIT else 2 * Q):
                with reverts(reason):
                    verifier.check_packed(claim, [products[0], product, products[2]], evidence)


class TestEvidence:
    @KINDS
    @pytest.mark.parametrize("name", NAMES)
    def test_other_points(self, verifier: Contract, kind: int, name: str) -> None:
        case = honest(kind)
        point = case.points[case.place(name)]
        others = {*case.points, *case.sums} - {point}
        for other in (*others, b.negative(point), INFINITY):
            with reverts("blobs: the proof doesn't hold"):
                verifier.check_packed(*case.with_point(name, other).arguments())
        for bad in (b.off_the_curve(point), b.beyond_the_field(point), b.off_the_subgroup()):
            with reverts("blobs: not in the subgroup"):
                verifier.check_packed(*case.with_point(name, bad).arguments())

    @KINDS
    @pytest.mark.parametrize("session", [0, 1])
    def test_other_openings(self, verifier: Contract, kind: int, session: int) -> None:
        case = honest(kind, session)
        for place, opening in enumerate(case.openings):
            others = {
                (opening + 1) % Q: "blobs: the proof doesn't hold",
                opening + Q: "blobs: opening isn't below q",
                Q: "blobs: opening isn't below q",
            }
            for other, reason in others.items():
                if other < 2**256:
                    with reverts(reason):
                        openings = [*case.openings[:place], other, *case.openings[place + 1 :]]
                        verifier.check_packed(*case.but(openings=openings).arguments())

    @KINDS
    def test_other_lanes(self, verifier: Contract, kind: int) -> None:
        """Replaced by another lane of the group, by one of another group, by a sum, negated; swapped; of no point."""
        case = honest(kind, 1)
        # three groups of a sum and two lanes each
        for other in (case.sums[6], case.sums[4], case.sums[0], b.negative(case.sums[3]), INFINITY):
            with reverts("blobs: the proof doesn't hold"):
                verifier.check_packed(*case.with_sum(3, other).arguments())
        for first, second in ((3, 6), (3, 4)):
            swapped = case.with_sum(first, case.sums[second]).with_sum(second, case.sums[first])
            with reverts("blobs: the proof doesn't hold"):
                verifier.check_packed(*swapped.arguments())
        for bad in (b.off_the_curve(case.sums[3]), b.beyond_the_field(case.sums[3]), b.off_the_subgroup()):
            with reverts("blobs: not in the subgroup"):
                verifier.check_packed(*case.with_sum(3, bad).arguments())

    @pytest.mark.parametrize(("session", "places"), [(0, (0, 1)), (2, (0, 1, 42, 43))])
    def test_other_sums(self, verifier: Contract, session: int, places: tuple[int, ...]) -> None:
        """Digits 0 are the sums of the root, all of them, and no other points are."""
        case = honest(GRAM, session)
        for place in places:
            for other in (case.sums[place - 1], b.negative(case.sums[place]), INFINITY):
                with reverts("blobs: not the sums of the root"):
                    verifier.check_packed(*case.with_sum(place, other).arguments())
                with reverts("blobs: the proof doesn't hold"):
                    verifier.check_packed(*case.with_sum(place, other).rooted().arguments())
            with reverts("blobs: not in the subgroup"):
                verifier.check_packed(*case.with_sum(place, b.off_the_subgroup()).rooted().arguments())
        assert case.rooted() == case

    @settings(max_examples=60)
    @given(place=st.integers(0, 10**6), bits=st.integers(1, 255), kind=st.sampled_from([NORMS, GRAM]))
    def test_any_other_byte(self, verifier: Contract, place: int, bits: int, kind: int) -> None:
        claim, products, evidence = honest(kind, 1).arguments()
        place %= len(evidence)
        changed = evidence[:place] + bytes([evidence[place] ^ bits]) + evidence[place + 1 :]
        with pytest.raises(evm.Reverted) as refused:
            verifier.check_packed(claim, products, changed)
        assert refused.value.reason in REFUSALS


class TestClaims:
    @KINDS
    def test_another_claim(self, verifier: Contract, kind: int) -> None:
        """A proof is good for one context, one offset, one kind, one shape."""
        case = honest(kind)
        for wrong in (case.but(context=b"\1" * 32), case.but(bound=1_001), case.but(members=3, bound=682)):
            with reverts("blobs: the proof doesn't hold"):
                verifier.check_packed(*wrong.arguments())
        turned = case.but(groups=4, lanes=1, products=[*case.products, 0], kind=NORMS)
        turned = turned.but(products=[0] * 4).rooted()
        with reverts("blobs: the proof doesn't hold"):
            verifier.check_packed(*turned.arguments())
        one = p.proven(kind, 1, 2)
        with reverts("blobs: the proof doesn't hold"):
            verifier.check_packed(*one.but(kind=NORMS + GRAM - kind).arguments())
        verifier.check_packed(*one.arguments())

    @pytest.mark.parametrize(
        ("reason", "changes"),
        [
            ("blobs: kind out of 3..4", {"kind": 0}),
            ("blobs: kind out of 3..4", {"kind": 1}),
            ("blobs: kind out of 3..4", {"kind": 2}),
            ("blobs: kind out of 3..4", {"kind": 5}),
            ("blobs: groups out of range", {"groups": 0}),
            ("blobs: groups out of range", {"groups": 17}),
            ("blobs: groups out of range", {"groups": 65, "kind": NORMS}),
            ("blobs: members out of 2..16", {"members": 1}),
            ("blobs: members out of 2..16", {"members": 17}),
            ("blobs: chunks out of 1..1016", {"lanes": 0}),
            ("blobs: chunks out of 1..1016", {"lanes": 2**255}),
            ("blobs: bound out of range", {"bound": 0}),
            ("blobs: bound out of range", {"bound": 2**255}),
            ("blobs: product out of range", {"bound": 1}),
            ("blobs: sums don't fit a lane", {"bound": 1_024}),
            ("blobs: sums don't fit a lane", {"bound": 2**31 - 1}),
            ("blobs: sums don't fit a lane", {"bound": 128, "members": 16}),
            ("blobs: number of products", {"products": []}),
            ("blobs: number of products", {"products": [0] * 4}),
            ("blobs: number of products", {"kind": NORMS, "products": [0] * 3}),
            ("blobs: length of the evidence", {"openings": []}),
            ("blobs: length of the evidence", {"points": [INFINITY] * 4}),
            ("blobs: length of the evidence", {"sums": []}),
            ("blobs: length of the evidence", {"sums": [INFINITY[1:]]}),
            ("blobs: length of the evidence", {"lanes": 3}),
        ],
    )
    def test_shapes(self, verifier: Contract, reason: str, changes: dict[str, Any]) -> None:
        with reverts(reason):
            verifier.check_packed(*honest(GRAM).but(**changes).arguments())

    def test_packed_sums_have_a_call_of_their_own(self, verifier: Contract) -> None:
        claim, products, evidence = honest(GRAM).arguments()
        with reverts("blobs: kind out of 1..2"):
            verifier.check(claim, products, evidence)


class TestPrecompiles:
    def test_a_bad_point_costs_no_more_than_a_good_one(self, chain: Any, verifier: Contract) -> None:
        """And 13,860 gas: precompiles take all gas that they are given."""
        if not isinstance(chain, Embedded):
            pytest.skip("titanoboa tells the gas of no failure")
        case = honest(GRAM)
        spent = {}
        for point in (case.points[-2], b.off_the_curve(case.points[-2]), b.off_the_subgroup()):
            call = verifier.abi.calldata("check_packed", case.with_point("pi", point).arguments())
            mined = chain._evm.send(bytes(20), to_canonical_address(verifier.address), call, 0, gas=10**7)
            spent[point] = mined.gas_used
        good, *bad = spent.values()
        assert all(gas < good + 13_860 for gas in bad)

    @pytest.mark.parametrize(
        ("address", "length", "reason"),
        [
            # four lanes, two helpers and eight more terms; pi0; pi + gamma pi0
            (0x0C, 14 * 160, "blobs: not in the subgroup"),
            (0x0C, 160, "blobs: not in the subgroup"),
            (0x0B, 256, "blobs: not on the curve"),
            (0x0A, 192, "blobs: the proof doesn't hold"),
        ],
    )
    def test_where_there_is_none(self, monkeypatch: pytest.MonkeyPatch, address: int, length: int, reason: str) -> None:
        """There a call succeeds and answers nothing: that proves nothing."""
        known = to_canonical_address(f"0x{address:040x}")
        original = PragueComputation._precompiles[known]

        def silent(computation: Any) -> Any:
            return computation if len(computation.msg.data) == length else original(computation)

        with boa.swap_env(boa.Env()):
            monkeypatch.setitem(PragueComputation._precompiles, known, silent)
            verifier = compiled(CONTRACTS / "BlobVerifier.vy").deploy(sender=Accounts(Chain().set_balance).deployer)
            with reverts(reason):
                verifier.check_packed(*honest(GRAM).arguments())


REFUSALS = {
    "blobs: the proof doesn't hold",
    "blobs: not in the subgroup",
    "blobs: opening isn't below q",
    "blobs: not the sums of the root",
}
