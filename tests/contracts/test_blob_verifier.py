"""BlobVerifier: honest proofs pass, and of those with anything wrong none does (docs/BLOBS.md section 6).

On the embedded chain, whose curve is fast; every night on titanoboa too.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import boa
import pytest
from eth.precompiles.bls12_381.constants import G1_MSM_DISCOUNTS
from eth.vm.forks.prague.computation import PragueComputation
from eth_utils import to_canonical_address
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.till import Embedded
from tests.contracts.harness import CONTRACTS, Accounts, Chain, Contract, compiled, evm, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness.blobs import GRAM, INFINITY, NORMS, Case, P, Q
from tests.golden import unhex, vectors

PROOFS = vectors("blobs")["proofs"]
KINDS = pytest.mark.parametrize("kind", [NORMS, GRAM], ids=["norms", "gram"])
LIMIT = 4096 * 2_000**2
"""Of a norm of the vectors' first session."""


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
    return b.proof_case(next(p for p in PROOFS if p["kind"] == kind and p["session"] == session))


def named(name: str) -> Case:
    return b.proof_case(next(p for p in vectors("blobs")["false_proofs"] if p["name"] == name))


class TestSums:
    @pytest.mark.parametrize(("session", "group"), [(s, g) for s in (0, 1) for g in (0, 1, 2)])
    def test_vectors(self, verifier: Contract, session: int, group: int) -> None:
        verifier.check_sum(*b.group_sums(session, group))

    @pytest.mark.parametrize("members", [2, 3, 16])
    def test_of_a_point_with_itself(self, verifier: Contract, members: int) -> None:
        """Doubling, and the point at infinity, which commits to zeros, as first and as last operand."""
        sums = b.group_sums(0, 0)
        point = b.split(sums.points)[0]
        empty = b.fold([b"\1" + bytes.fromhex("0657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014")])
        rest = [INFINITY] * (members - 2)
        hashes = [empty, *[empty] * (members - 2), sums.uploads[0]]
        total = b.fold([point])
        verifier.check_sum(1, hashes, total, b"".join([INFINITY, *rest, point]))
        verifier.check_sum(1, hashes[::-1], total, b"".join([point, *rest, INFINITY]))

    @pytest.mark.parametrize(
        ("x", "y"),
        [
            (
                0xD421E43D4D10D21886C769E33FCE6B9DC7BD1B727B47F16D882AA217516C71B328F52E81B5A0373FEE76235BF5425AE,
                P // 2 - 4,
            ),
            (0xFB1245B813F57EBE91389BEC8F80C6C6A82E3C89E795D816C61150E0D6B94F06D2F77D912A02EB0EA718B9720000976, 7),
        ],
        ids=["y near p / 2", "y = 7"],
    )
    def test_signs(self, verifier: Contract, x: int, y: int) -> None:
        """A compressed point's flag says which y is meant, also where the upper words don't tell."""
        assert (x**3 + 4 - y * y) % P == 0
        smaller = x.to_bytes(64, "big") + y.to_bytes(64, "big")
        points = [smaller, b.negative(smaller)]
        flagged = [bytes([flag | (x >> 376)]) + x.to_bytes(48, "big")[1:] for flag in (0x80, 0xA0)]
        hashes = [b.fold([b"\1" + sha256(point).digest()[1:]]) for point in flagged]
        verifier.check_sum(1, hashes, b.fold([INFINITY]), b"".join(points))
        with reverts("blobs: not the upload's commitments"):
            verifier.check_sum(1, hashes, b.fold([INFINITY]), b"".join(points[::-1]))

    @pytest.mark.parametrize("change", [b.off_the_curve, b.beyond_the_field], ids=lambda f: f.__name__)
    @pytest.mark.parametrize("place", [0, 1])
    def test_points_off_the_curve(self, verifier: Contract, change: Any, place: int) -> None:
        sums = b.group_sums(0, 0)
        points = b.split(sums.points)
        points[place] = change(points[place])
        with reverts("blobs: not on the curve"):
            verifier.check_sum(*sums._replace(points=b"".join(points)))

    @pytest.mark.parametrize("change", [b.negative, lambda _: b.off_the_subgroup(), lambda _: INFINITY])
    def test_points_that_nobody_posted(self, verifier: Contract, change: Any) -> None:
        """A versioned hash knows the whole point: no other one has it, outside the subgroup neither."""
        sums = b.group_sums(0, 1)
        points = b.split(sums.points)
        points[1] = change(points[1])
        with reverts("blobs: not the upload's commitments"):
            verifier.check_sum(*sums._replace(points=b"".join(points)))

    @pytest.mark.parametrize("order", [(2, 3, 0, 1), (1, 0, 2, 3), (0, 1, 0, 1), (0, 3, 2, 1)])
    def test_swapped_and_copied_commitments(self, verifier: Contract, order: tuple[int, ...]) -> None:
        """Of two members with two chunks: uploads swapped, chunks swapped, an upload twice, chunks of two members."""
        sums = b.group_sums(1, 0)
        points = b.split(sums.points)
        with reverts("blobs: not the upload's commitments"):
            verifier.check_sum(*sums._replace(points=b"".join(points[i] for i in order)))

    def test_another_sum(self, verifier: Contract) -> None:
        first, second = b.group_sums(0, 0), b.group_sums(0, 1)
        with reverts("blobs: not the group's sums"):
            verifier.check_sum(*first._replace(group=second.group))

    def test_shapes(self, verifier: Contract) -> None:
        sums = b.group_sums(0, 0)
        for uploads in (sums.uploads[:1], []):
            with reverts("blobs: members out of 2..16"):
                verifier.check_sum(*sums._replace(uploads=uploads))
        for chunks in (0, 1_017, 2**256 - 1):
            with reverts("blobs: chunks out of 1..1016"):
                verifier.check_sum(*sums._replace(chunks=chunks))
        with reverts("blobs: length of the points"):
            verifier.check_sum(*sums._replace(chunks=1_016))
        for points in (b"", sums.points[:-1], sums.points + b"\0", sums.points * 2):
            with reverts("blobs: length of the points"):
                verifier.check_sum(*sums._replace(points=points))


class TestCheck:
    @pytest.mark.parametrize("found", PROOFS, ids=lambda p: p["name"])
    def test_vectors(self, verifier: Contract, found: dict[str, Any]) -> None:
        verifier.check(*b.proof_case(found).arguments())

    @pytest.mark.parametrize("found", vectors("blobs")["false_proofs"], ids=lambda p: p["name"])
    def test_false_products_with_a_whole_transcript(self, verifier: Contract, found: dict[str, Any]) -> None:
        """With the S of the true sum, with S(0) as the claim needs it, and with X^n = Z + 1 besides."""
        with reverts("blobs: the proof doesn't hold"):
            verifier.check(*b.proof_case(found).arguments())

    @KINDS
    def test_everything_is_zero(self, verifier: Contract, kind: int) -> None:
        """Sums of zeros only: every point of the proof is at infinity, and the proof holds; no other claim does."""
        case = honest(kind)
        zeros = case.but(members=2, bound=1).with_sums([doubled_generator()] * 3)
        zeros = zeros.but(
            products=[0] * len(case.products),
            openings=[0] * len(case.openings),
            S=INFINITY,
            h=INFINITY,
            pi=INFINITY,
            pi0=INFINITY,
        )
        verifier.check(*zeros.arguments())
        for wrong in (zeros.but(products=[1, *zeros.products[1:]]), zeros.but(bound=2), case.but(openings=[0] * 3)):
            wrong = wrong.but(openings=wrong.openings[: len(case.openings)], S=INFINITY, h=INFINITY)
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(*wrong.arguments())

    @pytest.mark.parametrize("groups", [59, 60, 61, 64])
    def test_more_terms_than_a_combination_has(self, verifier: Contract, groups: int) -> None:
        """63, 64, 65 and 68 terms: zeros again, centred by the last term of the last combination."""
        sums = [doubled_generator()] * groups
        zeros = honest(NORMS).but(groups=groups, bound=1, products=[0] * groups, openings=[0] * groups)
        zeros = zeros.but(S=INFINITY, h=INFINITY, pi=INFINITY, pi0=INFINITY).with_sums(sums)
        verifier.check(*zeros.arguments())
        for place in (0, groups - 1):
            changed = [*sums[:place], INFINITY, *sums[place + 1 :]]
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(*zeros.with_sums(changed).arguments())

    @KINDS
    @pytest.mark.parametrize("session", [0, 1])
    def test_other_products(self, verifier: Contract, kind: int, session: int) -> None:
        case = honest(kind, session)
        for place in range(len(case.products)):
            for error in (1, -1):
                products = [g + error * (i == place) for i, g in enumerate(case.products)]
                with reverts("blobs: the proof doesn't hold"):
                    verifier.check(*case.but(products=products).arguments())
        with reverts("blobs: the proof doesn't hold"):
            verifier.check(*case.but(products=[case.products[-1], *case.products[1:]]).arguments())

    def test_norms_out_of_range(self, verifier: Contract) -> None:
        for kind in (NORMS, GRAM):
            case = honest(kind)
            reason = "blobs: norm out of range" if kind == NORMS else "blobs: product out of range"
            for norm in (LIMIT + 1, Q - 1, Q, 2**256 - 1):
                arguments = case.arguments()
                with reverts(reason):
                    verifier.check(arguments[0], [norm, *arguments[1][1:]], arguments[2])
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(*case.but(products=[LIMIT, *case.products[1:]]).arguments())

    def test_products_out_of_range(self, verifier: Contract) -> None:
        """Products are signed; a number that isn't below q would be a second name for one that is."""
        case = honest(GRAM)
        claim, products, evidence = case.arguments()
        assert case.products[2] < 0
        for product in (LIMIT + 1, Q - LIMIT - 1, Q, Q + case.products[1], 2 * Q + case.products[2], 2**256 - 1):
            with reverts("blobs: product out of range"):
                verifier.check(claim, [products[0], product, *products[2:]], evidence)
        for product in (LIMIT, Q - LIMIT):
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(claim, [products[0], product, *products[2:]], evidence)

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
                        verifier.check(*case.but(openings=openings).arguments())

    @KINDS
    @pytest.mark.parametrize("name", ["S", "h", "pi", "pi0"])
    def test_other_points(self, verifier: Contract, kind: int, name: str) -> None:
        case = honest(kind)
        point = getattr(case, name)
        others = [getattr(case, other) for other in ("S", "h", "pi", "pi0") if other != name]
        for other in (*others, b.negative(point), INFINITY):
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(*case.but(**{name: other}).arguments())
        for bad in (b.off_the_curve(point), b.beyond_the_field(point), b.off_the_subgroup()):
            with reverts("blobs: not in the subgroup"):
                verifier.check(*case.but(**{name: bad}).arguments())

    @KINDS
    @pytest.mark.parametrize("session", [0, 1])
    def test_other_sums(self, verifier: Contract, kind: int, session: int) -> None:
        """Swapped, copied from another group, outside the subgroup: under the honest root, and under their own."""
        case = honest(kind, session)
        points = b.split(case.sums)
        for changed in ([*points[1:], points[0]], [points[-1], *points[1:]], [b.negative(points[0]), *points[1:]]):
            with reverts("blobs: not the sums of the root"):
                verifier.check(*case.but(sums=b"".join(changed)).arguments())
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(*case.with_sums(changed).arguments())
        for bad in (b.off_the_curve(points[0]), b.off_the_subgroup()):
            with reverts("blobs: not in the subgroup"):
                verifier.check(*case.with_sums([bad, *points[1:]]).arguments())

    @KINDS
    def test_another_claim(self, verifier: Contract, kind: int) -> None:
        """A proof is good for one context, one offset, one kind."""
        case = honest(kind)
        for wrong in (case.but(context=b"\1" * 32), case.but(members=3), case.but(bound=1_001)):
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(*wrong.arguments())
        one = case.but(chunks=1, groups=1, products=case.products[:1], openings=case.openings[:1], sums=case.sums[:128])
        for other in (NORMS, GRAM):
            with reverts("blobs: the proof doesn't hold"):
                verifier.check(*one.with_sums([case.sums[:128]]).but(kind=other).arguments())

    @pytest.mark.parametrize(
        ("reason", "changes"),
        [
            ("blobs: kind out of 1..2", {"kind": 0}),
            ("blobs: kind out of 1..2", {"kind": 3}),
            ("blobs: groups out of range", {"groups": 0}),
            ("blobs: groups out of range", {"groups": 17}),
            ("blobs: groups out of range", {"groups": 65, "kind": NORMS}),
            ("blobs: members out of 2..16", {"members": 1}),
            ("blobs: members out of 2..16", {"members": 17}),
            ("blobs: chunks out of 1..1016", {"chunks": 0}),
            ("blobs: chunks out of 1..1016", {"chunks": 2**255}),
            ("blobs: bound out of range", {"bound": 0}),
            ("blobs: bound out of range", {"bound": 2**31}),
            ("blobs: number of products", {"products": []}),
            ("blobs: number of products", {"products": [0] * 5}),
            ("blobs: number of products", {"kind": NORMS, "products": [0] * 4}),
            ("blobs: length of the evidence", {"openings": []}),
            ("blobs: length of the evidence", {"pi0": INFINITY[1:]}),
            ("blobs: length of the evidence", {"sums": b""}),
            ("blobs: length of the evidence", {"chunks": 2}),
        ],
    )
    def test_shapes(self, verifier: Contract, reason: str, changes: dict[str, Any]) -> None:
        with reverts(reason):
            verifier.check(*honest(GRAM).but(**changes).arguments())

    @settings(max_examples=60)
    @given(place=st.integers(0, 10**6), bits=st.integers(1, 255), kind=st.sampled_from([NORMS, GRAM]))
    def test_any_other_byte(self, verifier: Contract, place: int, bits: int, kind: int) -> None:
        claim, products, evidence = honest(kind, 1).arguments()
        place %= len(evidence)
        changed = evidence[:place] + bytes([evidence[place] ^ bits]) + evidence[place + 1 :]
        with pytest.raises(evm.Reverted) as refused:
            verifier.check(claim, products, changed)
        assert refused.value.reason in REFUSALS

    def test_a_bad_point_costs_no_more_than_a_good_one(self, chain: Any, verifier: Contract) -> None:
        """And 13,860 gas: precompiles take all gas that they are given."""
        if not isinstance(chain, Embedded):
            pytest.skip("titanoboa tells the gas of no failure")
        case = honest(GRAM)
        spent = {}
        for point in (case.pi, b.off_the_curve(case.pi), b.off_the_subgroup()):
            call = verifier.abi.calldata("check", case.but(pi=point).arguments())
            mined = chain._evm.send(bytes(20), to_canonical_address(verifier.address), call, 0, gas=10**7)
            spent[point] = mined.gas_used
        good, *bad = spent.values()
        assert all(gas < good + 13_860 for gas in bad)


REFUSALS = {
    "blobs: the proof doesn't hold",
    "blobs: not in the subgroup",
    "blobs: opening isn't below q",
    "blobs: not the sums of the root",
}


def doubled_generator() -> bytes:
    """The sum of two uploads of ones: 2 G1."""
    x = 0x0572CBEA904D67468808C8EB50A9450C9721DB309128012543902D0AC358A62AE28F75BB8F1C7C42C39A8C5529BF0F4E
    y = pow(x**3 + 4, (P + 1) // 4, P)
    return x.to_bytes(64, "big") + max(y, P - y).to_bytes(64, "big")


class TestOpenings:
    @pytest.mark.parametrize("case", vectors("blobs")["openings"])
    def test_vectors(self, verifier: Contract, case: dict[str, Any]) -> None:
        session = vectors("blobs")["sessions"][case["session"]]
        chunk, index = divmod(case["index"], 4096)
        point = b.split(unhex(session["groups"][case["group"]]["sums"]))[chunk]
        element, proof = int(case["element"], 16), unhex(case["proof"])
        verifier.opened(point, index, element, proof)
        assert (element == 2_000) == (case["index"] >= session["parameters"])
        assert element <= 4_000

    @pytest.mark.parametrize("case", vectors("blobs")["malformed"].values(), ids=vectors("blobs")["malformed"])
    def test_elements_out_of_range(self, verifier: Contract, case: dict[str, Any]) -> None:
        """What a group is accused of: an element above 2 Q N, or padding that isn't N Q."""
        verifier.opened(unhex(case["point"]), case["index"], int(case["element"], 16), unhex(case["proof"]))

    def test_false_accusations(self, verifier: Contract) -> None:
        """An honest group has no element but its own; what isn't below q is none."""
        case = vectors("blobs")["openings"][1]
        groups = vectors("blobs")["sessions"][0]["groups"]
        point, element, proof = unhex(groups[1]["sums"]), int(case["element"], 16), unhex(case["proof"])
        accusations = [
            (point, 1, 4_001, proof),
            (point, 1, Q - 7, proof),
            (point, 1, element + Q, proof),
            (point, 1, 4_001, b"\xc0" + bytes(47)),
            (point, 1, element, bytes(48)),
            (point, 1, element, b"\x80" + bytes(46) + b"\4"),
            (point, 1, element, b"\xff" * 48),
            (point, 2, element, proof),
            (point, 2048, element, proof),
            (unhex(groups[0]["sums"]), 1, element, proof),
            (b.negative(point), 1, element, proof),
            (b.off_the_subgroup(), 1, element, proof),
            (INFINITY, 1, element, proof),
        ]
        for accusation in accusations:
            with reverts("blobs: not the element"):
                verifier.opened(*accusation)
        verifier.opened(point, 1, element, proof)

    def test_shapes(self, verifier: Contract) -> None:
        point, proof = INFINITY, b"\xc0" + bytes(47)
        verifier.opened(point, 4_095, 0, proof)
        for index in (4_096, 2**256 - 1):
            with reverts("blobs: index above 4095"):
                verifier.opened(point, index, 0, proof)
        for wrong in ((point[1:], 0, 0, proof), (point, 0, 0, proof[1:]), (b"", 0, 0, b"")):
            with reverts("blobs: length of the opening"):
                verifier.opened(*wrong)

    @pytest.mark.parametrize("case", vectors("blobs")["masks"], ids=lambda c: str(c["index"]))
    def test_masks(self, verifier: Contract, case: dict[str, Any]) -> None:
        assert verifier.mask_at(unhex(case["seed"]), case["index"]) == int(case["mask"], 16)


class TestPrecompiles:
    """What the contract expects of them."""

    def test_gas_of_a_combination_is_above_the_table(self) -> None:
        """EIP-2537's, for any number of terms: 20,820 above it at most, from 5 terms on 13,860."""
        source = (CONTRACTS / "modules" / "kzg.vy").read_text(encoding="utf-8")
        base, term, most = (
            int(source.split(f"{name}: constant(uint256) = ")[1].split()[0].replace("_", ""))
            for name in ("COMBINATION_GAS", "TERM_GAS", "BATCH_TERMS")
        )
        for count in range(1, most + 1):
            price = count * 12_000 * G1_MSM_DISCOUNTS[count - 1] // 1_000
            assert 0 <= base + count * term - price <= (13_860 if count >= 5 else 20_820)

    @pytest.mark.parametrize(
        ("address", "length", "call", "reason"),
        [
            (0x0B, 256, "check_sum", "blobs: not on the curve"),
            (0x0C, 7 * 160, "check", "blobs: not in the subgroup"),
            (0x0C, 160, "check", "blobs: not in the subgroup"),
            (0x0A, 192, "check", "blobs: the proof doesn't hold"),
            (0x0A, 192, "opened", "blobs: not the element"),
        ],
    )
    def test_where_there_is_none(
        self, monkeypatch: pytest.MonkeyPatch, address: int, length: int, call: str, reason: str
    ) -> None:
        """There a call succeeds and answers nothing: that proves nothing."""
        known = to_canonical_address(f"0x{address:040x}")
        original = PragueComputation._precompiles[known]

        def silent(computation: Any) -> Any:
            return computation if len(computation.msg.data) == length else original(computation)

        with boa.swap_env(boa.Env()):
            monkeypatch.setitem(PragueComputation._precompiles, known, silent)
            verifier = compiled(CONTRACTS / "BlobVerifier.vy").deploy(sender=Accounts(Chain().set_balance).deployer)
            opening = (INFINITY, 0, 0, b"\xc0" + bytes(47))
            arguments = {
                "check_sum": b.group_sums(0, 0),
                "check": honest(GRAM).arguments(),
                "opened": opening,
            }
            with reverts(reason):
                getattr(verifier, call)(*arguments[call])
