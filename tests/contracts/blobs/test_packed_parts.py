"""`continue_packed` and `finish_packed`: a packed proof in several calls is taken as in one, and no other is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.blobs.test_parts import KRUM, PAID
from tests.contracts.harness import BlobDriver, Receipt, Stage, economy, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness.blobs import INFINITY, Q
from tests.contracts.harness.fixtures import Factory
from tests.contracts.harness.packed import GRAM, NORMS, Begun, Case
from tests.vectors.generate_packed import forged_lanes
from tests.vectors.reference import packed as reference

PACKED = {"lane_bits": 12, "parameter_count": 4 * 4_096 + 100}
TERMS = ({}, KRUM)
LANES = 15
"""Three groups of two, five lanes each: lanes 0 to 2 are the groups' sums, the last helper has one lane."""

SLACK = 90_000
"""Gas that a call may cost beyond what it measures: its slot, its event of 81 words, the way in."""

CUTS = [(6,), (12,), (15,), (6, 12), (6, 15), (6, 12, 15)]
"""Behind which lanes calls end, whole columns and pairs; the rest comes in the last one."""

TWO_BLOBS = {"lane_bits": 12, "parameter_count": 22 * 4_096 + 100, "rounds": 2}
"""Two groups of 23 lanes: lanes 0, 1 and 42, 43 are sums."""


@pytest.fixture(scope="module", params=[0, 1], ids=["norms", "gram"])
def proving(new_session: Factory, request: pytest.FixtureRequest) -> tuple[BlobDriver, Case]:
    """A session in stage Select with a proof of its sums."""
    session = new_session(**PACKED | TERMS[request.param]).to(Stage.SELECT)
    return session, session.packed_case(range(3))


@pytest.fixture
def session(proving: tuple[BlobDriver, Case]) -> BlobDriver:
    return proving[0].copy()


@pytest.fixture
def case(proving: tuple[BlobDriver, Case]) -> Case:
    return proving[1]


def go_on(session: BlobDriver, begun: Any, evidence: bytes, sender: str | None = None) -> Begun:
    """One call; what it leaves."""
    account = sender or session.stranger
    receipt = session.contract.continue_packed(begun, evidence, sender=account, gas_price=session.gas_price)
    event = receipt.only("PackedContinued")
    assert event.account == account.lower()
    return Begun(*event.begun)


def begin(session: BlobDriver, case: Case, *cuts: int, sender: str | None = None) -> Begun:
    """All calls but the last."""
    begun, first = case.beginning(), 0
    for cut in cuts:
        begun, first = go_on(session, begun, case.part(first, cut), sender), cut
    return begun


def finish(session: BlobDriver, begun: Any, case: Case, sender: str | None = None, **changes: Any) -> Receipt:
    """The last call."""
    evidence = changes.get("evidence", case.rest(begun.lanes))
    products = changes.get("products", [g % Q for g in case.products])
    account = sender or session.stranger
    return session.contract.finish_packed(begun, products, evidence, sender=account, gas_price=session.gas_price)


class TestParts:
    @pytest.mark.parametrize("cuts", CUTS, ids=str)
    def test_as_in_one_call(self, session: BlobDriver, case: Case, cuts: tuple[int, ...]) -> None:
        with session.chain.anchor():
            _, products, evidence = case.arguments()
            whole = session.contract.select_packed(products, evidence, sender=session.stranger)
        begun = begin(session, case, *cuts)
        assert begun.lanes == cuts[-1]
        parts = finish(session, begun, case)
        for name in ("SumsProven", "Selected"):
            assert parts.only(name) == whole.only(name)
        assert session.stage() == Stage.PAYMENT

    def test_two_blobs(self, new_session: Factory) -> None:
        """Wherever a call ends: behind the first lanes of an element, in it, before and behind the next one's."""
        session = new_session(**TWO_BLOBS).to(Stage.SELECT)
        case = session.packed_case(range(2))
        for cuts in ((2,), (4, 40), (42,), (44,), (46,), (38, 42, 44)):
            with session.chain.anchor():
                assert finish(session, begin(session, case, *cuts), case).named("Selected")
        points = case.sums
        for first, second in ((0, 1), (42, 43), (0, 42), (2, 42)):
            other = case.with_sum(first, points[second]).with_sum(second, points[first])
            with reverts("blobs: not the sums of the root"):
                finish(session, begin(session, other, 42), other)
        for cuts in ((20,), (42,)):
            other = case.with_sum(39, points[38]).with_sum(38, points[39])
            with reverts("blobs: the proof doesn't hold"):
                finish(session, begin(session, other, *cuts), other)

    def test_two_provers_at_once(self, session: BlobDriver, case: Case) -> None:
        """Neither is in the other's way, and who comes second finds the stage over."""
        one, two = session.seated()[:2]
        first, second = begin(session, case, 6, sender=one), begin(session, case, 12, sender=two)
        for begun, other in ((first, two), (second, one)):
            with reverts("blobs: not what the caller has begun"):
                go_on(session, begun, case.part(begun.lanes, 15), other)
            with reverts("blobs: not what the caller has begun"):
                finish(session, begun, case, other)
        assert finish(session, second, case, two).named("Selected")
        with reverts("session: wrong stage"):
            finish(session, first, case, one)
        with reverts("session: wrong stage"):
            go_on(session, first, case.part(6, 12), one)

    def test_one_begins_anew(self, session: BlobDriver, case: Case) -> None:
        """What it had begun before is void; what a beginning has beside its seeds is not read."""
        first = begin(session, case, 6, 12)
        other = case.beginning(power=7, weight=3, root=b"\1" * 32, groups=[b"\1" * 32] * 64, spent_wei=10**18)
        again = go_on(session, other, case.part(0, 6))
        assert (again.lanes, again.spent_wei) == (6, 0)
        with reverts("blobs: not what the caller has begun"):
            finish(session, first, case)
        assert finish(session, again, case).named("Selected")

    def test_the_whole_proof_is_taken_beside_it(self, session: BlobDriver, case: Case) -> None:
        begin(session, case, 6)
        _, products, evidence = case.arguments()
        assert session.contract.select_packed(products, evidence, sender=session.stranger).named("Selected")


class TestOrder:
    """Calls that come twice, too early, in another order, or with half a column."""

    def test_a_part_twice(self, session: BlobDriver, case: Case) -> None:
        start = begin(session, case, 6)
        after = go_on(session, start, case.part(6, 12))
        with reverts("blobs: not what the caller has begun"):
            go_on(session, start, case.part(6, 12))
        assert finish(session, after, case).named("Selected")

    @pytest.mark.parametrize("places", [(0, 0), (6, 0)], ids=["again", "swapped"])
    def test_lanes_in_the_place_of_others(self, session: BlobDriver, case: Case, places: tuple[int, int]) -> None:
        begun = case.beginning()
        for first in places:
            begun = go_on(session, begun, case.part(first, first + 6))
        expected = "blobs: not the sums of the root" if places[0] else "blobs: another proof than was begun"
        with reverts(expected):
            finish(session, begun, case)

    def test_too_early(self, session: BlobDriver, case: Case) -> None:
        with reverts("blobs: not what the caller has begun"):
            finish(session, case.beginning(), case)
        begun = begin(session, case, 6)
        for first in (0, 3, 12, 15):
            with reverts("blobs: length of the evidence"):
                finish(session, begun, case, evidence=case.rest(first))
        assert finish(session, begun, case).named("Selected")

    def test_more_than_there_are(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 12)
        with reverts("blobs: more lanes than are left"):
            go_on(session, begun, case.part(6, 12))
        with reverts("blobs: more lanes than are left"):
            go_on(session, begin(session, case, 15), case.part(14, 15))

    def test_lengths(self, session: BlobDriver, case: Case) -> None:
        """Lanes of all groups, and none that a helper has another half of."""
        evidence = case.part(0, 6)
        others = [case.part(0, last) for last in (0, 1, 2, 3, 4, 5, 7, 8, 9)]
        for wrong in (b"", evidence[:-1], evidence + b"\0", evidence[:-32], evidence + bytes(64), *others):
            with reverts("blobs: length of the evidence"):
                go_on(session, case.beginning(), wrong)
        begun = begin(session, case, 12)
        for wrong in (case.part(12, 14), case.part(12, 15)[:-64], case.part(12, 15) + bytes(64)):
            with reverts("blobs: length of the evidence"):
                go_on(session, begun, wrong)
        for count in (case.products[:-1], [*case.products, 0], []):
            with reverts("blobs: number of products"):
                finish(session, begin(session, case, 6), case, products=[g % Q for g in count])

    def test_other_stages(self, new_session: Factory, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 6)
        for late in (True, False):
            one = session if late else new_session(**PACKED | TERMS[session.params.rule]).to(Stage.AGGREGATE)
            if late:
                session.chain.next_at(session.deadline() + 1)
            reason = "session: the window is over" if late else "session: wrong stage"
            with reverts(reason):
                go_on(one, case.beginning(), case.part(0, 6))
            with reverts(reason):
                finish(one, begun, case)


def test_other_sessions(new_session: Factory, proving: tuple[BlobDriver, Case]) -> None:
    case = proving[1]
    for terms, reason in (({"mode": 0}, "session: vectors are in calldata"), ({}, "blobs: values aren't packed")):
        other = new_session(**terms).to(Stage.SELECT)
        with reverts(reason):
            other.contract.continue_packed(case.beginning(), case.part(0, 6), sender=other.stranger)
        with reverts(reason):
            other.contract.finish_packed(case.beginning(), [1], case.rest(0), sender=other.stranger)


class TestStates:
    """The caller brings what is in; nothing but what its last call has left is taken."""

    def test_every_field_counts(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 6)
        for name, value in begun._asdict().items():
            for changed in _others(name, value):
                forged = begun._replace(**{name: changed})
                with reverts("blobs: not what the caller has begun"):
                    session.contract.finish_packed(forged, case.products, case.rest(6), sender=session.stranger)
                if name == "lanes" and changed == 0:
                    continue
                with reverts("blobs: not what the caller has begun"):
                    go_on(session, forged, case.part(6, 12))
        assert finish(session, begun, case).named("Selected")

    def test_of_another_session(self, session: BlobDriver, case: Case, new_session: Factory) -> None:
        begun = begin(session, case, 6)
        twin = new_session(**PACKED | TERMS[session.params.rule]).to(Stage.SELECT)
        assert twin.sums_root() == session.sums_root()
        with reverts("blobs: not what the caller has begun"):
            finish(twin, begun, case)
        begun = begin(twin, case, 6)
        with reverts("blobs: another proof than was begun"):
            finish(twin, begun, case)


class TestFalseProofs:
    """What is wrong is seen by the last call, if not before; the true proof is taken after all of them."""

    @staticmethod
    def refused(session: BlobDriver, case: Case, reason: str) -> None:
        with reverts(reason):
            finish(session, begin(session, case, 6, 12), case)
        assert session.stage() == Stage.SELECT

    def mixed(self, session: BlobDriver, case: Case, other: Case) -> None:
        """Begun with the seeds of the true proof, with what is another one's."""
        begun = case.beginning()
        for first in (0, 6):
            begun = go_on(session, begun, other.part(first, first + 6))
        with reverts("blobs: another proof than was begun"):
            finish(session, begun, other)

    def test_products(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 6, 12)
        for i, product in enumerate(case.products):
            for more in (1, -1):
                changed = case.but(products=[*case.products[:i], product + more, *case.products[i + 1 :]])
                with reverts("blobs: another proof than was begun"):
                    finish(session, begun, changed)
        for i, product in enumerate(case.products):
            changed = case.but(products=[*case.products[:i], product + 1, *case.products[i + 1 :]])
            self.refused(session, changed, "blobs: the proof doesn't hold")
        assert finish(session, begin(session, case, 6, 12), case).named("Selected")

    def test_products_that_no_sums_have(self, session: BlobDriver, case: Case) -> None:
        limit = 5 * 4_096 * (2 * session.params.bound) ** 2
        named = "product" if case.kind == GRAM else "norm"
        wrong = case.but(products=[limit + 1, *case.products[1:]])
        self.refused(session, wrong, f"blobs: {named} out of range")

    @pytest.mark.parametrize("name", ["first helper", "last helper", "m", "g", "S", "q0", "q1"])
    def test_other_points(self, session: BlobDriver, case: Case, name: str) -> None:
        """Under the seeds of the true proof, or under their own."""
        own = case.points[case.place(name)]
        for point in (case.points[-1], b.negative(own), INFINITY):
            other = case.with_point(name, point)
            self.mixed(session, case, other)
            self.refused(session, other, "blobs: the proof doesn't hold")
        assert finish(session, begin(session, case, 6, 12), case).named("Selected")

    def test_other_witnesses(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 6, 12)
        for name in ("pi", "pi0"):
            for point in (case.points[2], b.negative(case.points[case.place(name)]), INFINITY):
                with reverts("blobs: the proof doesn't hold"):
                    finish(session, begun, case.with_point(name, point))

    def test_openings(self, session: BlobDriver, case: Case) -> None:
        """One more in each, that of the identity too: with the seeds of these openings, or of the true ones."""
        for i, opening in enumerate(case.openings):
            other = case.but(openings=[*case.openings[:i], opening + 1, *case.openings[i + 1 :]])
            self.refused(session, other, "blobs: the proof doesn't hold")
            self.mixed(session, case, other)
            beyond = case.but(openings=[*case.openings[:i], Q, *case.openings[i + 1 :]])
            self.refused(session, beyond, "blobs: opening isn't below q")

    def test_sums(self, session: BlobDriver, case: Case) -> None:
        """Swapped, copied, replaced by lanes, negated; under the root or under their own."""
        points = case.sums
        for place, point in ((0, points[1]), (1, points[4]), (2, points[14]), (0, b.negative(points[0]))):
            other = case.with_sum(place, point)
            self.refused(session, other, "blobs: not the sums of the root")
            self.refused(session, other.rooted(), "blobs: not the sums of the root")
        swapped = case.with_sum(0, points[1]).with_sum(1, points[0])
        self.refused(session, swapped, "blobs: not the sums of the root")

    @pytest.mark.parametrize(
        ("first", "second"), [(3, 4), (3, 5), (6, 9), (3, 12), (4, 14), (13, 14)], ids=lambda place: str(place)
    )
    def test_lanes(self, session: BlobDriver, case: Case, first: int, second: int) -> None:
        """Swapped within a call and between calls, copied, negated: under the true seeds, or under their own."""
        points = case.sums
        for other in (
            case.with_sum(first, points[second]).with_sum(second, points[first]),
            case.with_sum(first, points[second]),
            case.with_sum(second, b.negative(points[second])),
        ):
            self.mixed(session, case, other)
            self.refused(session, other, "blobs: the proof doesn't hold")

    def test_points_that_are_none(self, session: BlobDriver, case: Case) -> None:
        for wrong in (b.off_the_subgroup(), b.off_the_curve(case.sums[0])):
            for other in (case.with_sum(0, wrong), case.with_sum(4, wrong), case.with_point("first helper", wrong)):
                with reverts("blobs: not in the subgroup"):
                    begin(session, other, 6)


SMALL = ({"rounds": 2}, KRUM | {"rounds": 4})
"""Two lanes a group: the slow prover has all of them."""


class TestTranscripts:
    """Whole ones of the session, in two calls, of what is false."""

    @pytest.fixture(scope="class", params=[0, 1], ids=["norms", "gram"])
    def base(self, new_session: Factory, request: pytest.FixtureRequest) -> BlobDriver:
        return new_session(**{"lane_bits": 12, "bound": 1_000} | SMALL[request.param]).to(Stage.SELECT)

    @staticmethod
    def lanes(session: BlobDriver) -> list[list[list[int]]]:
        """The digits of all sums, by group and lane."""
        groups = range(session.params.rounds)
        elements = [_elements(blob) for group in groups for blob in session.sums(group)]
        return [[[x >> 12 * lane & 4_095 for x in blob] for lane in range(2)] for blob in elements]

    def refused(self, session: BlobDriver, lanes: list[list[list[int]]], **cheat: Any) -> None:
        groups = range(session.params.rounds)
        case = session.packed_case(groups)
        made = reference.prove(case.kind, case.context, lanes, 2 * case.bound, **cheat)
        assert made.root == case.root
        points = [*made.points, made.pi, made.pi0]
        false = case.but(products=made.products, sums=made.lanes, points=points, openings=made.openings)
        with reverts("blobs: the proof doesn't hold"):
            finish(session, begin(session, false, len(groups)), false)
        assert finish(session, begin(session, case, len(groups)), case).named("Selected")

    @pytest.mark.parametrize("cheat", ["sum", "constant", "degree"])
    def test_false_products(self, base: BlobDriver, cheat: str) -> None:
        """With the true S, with S(0) forced, with the degree trick."""
        session, lanes = base.copy(), self.lanes(base)
        kind = base.packed_case(range(base.params.rounds)).kind
        true = reference.true_products(kind, lanes, 2 * base.params.bound)
        wrong = [true[0], (true[1] + 12_345) % Q, *true[2:]]
        self.refused(session, lanes, products=wrong, cheat=cheat)

    @pytest.mark.parametrize(
        ("name", "cheat"),
        [
            ("carry", "constant"),
            ("carry", "helper"),
            ("carry", "balanced"),
            ("free lane", "constant"),
            ("another group's lane", "constant"),
        ],
    )
    def test_false_lanes(self, base: BlobDriver, name: str, cheat: str) -> None:
        """Which add up to the sums and aren't their digits; forced, or balanced by a wrong helper."""
        if base.params.rule == 1:
            pytest.skip("the sums are the same")
        session, lanes = base.copy(), self.lanes(base)
        true = reference.true_products(NORMS, lanes, 2 * base.params.bound)
        claimed = {"products": true} if cheat == "constant" else {}
        self.refused(session, forged_lanes(lanes)[name], cheat=cheat, **claimed)

    def test_false_multiplicities(self, base: BlobDriver) -> None:
        self.refused(base.copy(), self.lanes(base), cheat="multiplicities")


class TestPay:
    """The last call is paid for all of them, by whoever has begun in its turn; nothing else is."""

    @pytest.fixture(scope="class")
    def base(self, new_session: Factory) -> BlobDriver:
        session = new_session(**PACKED | PAID)
        session.gas_price = economy.GWEI
        session.to(Stage.SELECT)
        session.chain.sleep(session.params.select_secs // 2)
        return session

    def test_the_last_call_is_paid_for_all(self, base: BlobDriver) -> None:
        session = base.copy()
        case = session.packed_case(range(3))
        with session.chain.anchor():
            whole = session.select().only("FeeCredited")
        gas, begun, first = 0, case.beginning(), 0
        for calls, cut in enumerate((6, 12), 1):
            receipt = session.contract.continue_packed(
                begun, case.part(first, cut), sender=session.stranger, gas_price=session.gas_price
            )
            assert not receipt.named("FeeCredited")
            begun, first, gas = Begun(*receipt.only("PackedContinued").begun), cut, gas + receipt.gas_used
            assert 0 <= gas - begun.spent_wei // economy.GWEI <= SLACK * calls
        last = finish(session, begun, case)
        paid = last.only("FeeCredited")
        assert paid.amount_wei == paid.gas_metered * economy.GWEI
        assert begun.spent_wei // economy.GWEI < paid.gas_metered < gas + last.gas_used
        assert paid.gas_metered > whole.gas_metered

    def test_a_limit_holds_for_all_calls_together(self, new_session: Factory) -> None:
        table = economy.fee_table(gram=1_000, gram_word=1, move=100)
        session = new_session(**PACKED | PAID | {"fee_table": table})
        session.gas_price = economy.GWEI
        session.to(Stage.SELECT)
        session.chain.sleep(session.params.select_secs // 2)
        case = session.packed_case(range(3))
        paid = finish(session, begin(session, case, 6, 12), case).only("FeeCredited")
        assert paid.amount_wei < paid.gas_metered * economy.GWEI // 2

    def test_who_isnt_in_turn_isnt_paid(self, new_session: Factory) -> None:
        session = new_session(**PACKED | PAID)
        session.gas_price = economy.GWEI
        session.to(Stage.SELECT)
        case = session.packed_case(range(3))
        begun = begin(session, case, 6)
        assert begun.spent_wei == 0
        assert not finish(session, begun, case).named("FeeCredited")


def _elements(blob: bytes) -> list[int]:
    return [int.from_bytes(blob[at : at + 32], "big") for at in range(0, len(blob), 32)]


def _others(name: str, value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 1, 0] if value else [1]
    if isinstance(value, bytes):
        return [bytes([value[0] ^ 1]) + value[1:]]
    # of 64 groups the three that there are, and one that isn't
    places = (0, 1, 2, 63) if name == "groups" else range(len(value))
    return [[*value[:i], other, *value[i + 1 :]] for i in places for other in _others(name, value[i])]
