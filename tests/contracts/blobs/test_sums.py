"""`add_sums` and `select_proven`: who may add what, and that no wrong sum and no wrong proof passes (docs/BLOBS.md)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.harness import BlobDriver, Stage, Status, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness.blobs import INFINITY, NORMS, Case, Q
from tests.contracts.harness.fixtures import Factory
from tests.golden import vectors


@pytest.fixture(scope="module")
def base(new_session: Factory) -> BlobDriver:
    """Three groups of two, two blobs each, in stage Aggregate."""
    return new_session().to(Stage.AGGREGATE)


@pytest.fixture
def session(base: BlobDriver) -> BlobDriver:
    return base.copy()


def add(session: BlobDriver, accounts: list[str], points: bytes) -> None:
    session.contract.add_sums(accounts, points, sender=session.stranger)


class TestAdding:
    def test_one_by_one(self, session: BlobDriver) -> None:
        assert session.sums_root() == bytes(32)
        for group in range(3):
            assert session.group(group).status == Status.DELIVERED
            event = session.add_sums(group).only("SumsAdded")
            assert (event.groups, event.root) == (1 << group, session.root(range(group + 1)))
            assert session.sums_root() == event.root
            assert session.group(group).status == Status.AGGREGATED
        assert session.stage() == Stage.SELECT

    @pytest.mark.parametrize("parts", [((0, 1, 2),), ((0,), (1, 2)), ((0, 1), (2,))])
    def test_together(self, session: BlobDriver, parts: tuple[tuple[int, ...], ...]) -> None:
        for groups in parts:
            event = session.add_sums(*groups).only("SumsAdded")
            assert event.groups == sum(1 << g for g in groups)
        assert (session.sums_root(), session.stage()) == (session.root(range(3)), Stage.SELECT)

    @pytest.mark.parametrize("groups", [(1,), (2,), (1, 0, 2), (0, 2), (0, 0)])
    def test_another_order(self, session: BlobDriver, groups: tuple[int, ...]) -> None:
        with reverts("session: not the group's members"):
            session.add_sums(*groups)

    def test_a_group_twice(self, session: BlobDriver) -> None:
        session.add_sums(0)
        with reverts("session: not the group's members"):
            session.add_sums(0)

    def test_more_than_there_are(self, session: BlobDriver) -> None:
        with reverts("blobs: more groups than are left"):
            session.add_sums(0, 1, 2, 2)
        session.add_sums(0, 1)
        with reverts("blobs: more groups than are left"):
            session.add_sums(2, 2)
        session.add_sums(2)
        with reverts("session: wrong stage"):
            session.add_sums(2)

    def test_not_whole_groups(self, session: BlobDriver) -> None:
        members, points = session.members_of(0), session.points(0)
        for accounts in ([], members[:1], members * 2 + members[:1]):
            with reverts("blobs: not whole groups"):
                add(session, accounts, points)

    def test_other_lengths(self, session: BlobDriver) -> None:
        members, points = session.members_of(0), session.points(0)
        for wrong in (b"", points[:-1], points + b"\0", points[:256], points * 2):
            with reverts("blobs: length of the points"):
                add(session, members, wrong)

    def test_other_members(self, session: BlobDriver) -> None:
        (one, two), points = session.members_of(0), session.points(0)
        for accounts in ([two, one], [one, one], [one, session.members_of(1)[1]], [one, session.stranger]):
            with reverts("session: not the group's members"):
                add(session, accounts, points)

    def test_members_swapped_with_their_commitments(self, session: BlobDriver) -> None:
        points = b.split(session.points(0))
        with reverts("session: not the group's members"):
            add(session, session.members_of(0)[::-1], b"".join(points[2:] + points[:2]))

    @pytest.mark.parametrize("place", [0, 3])
    @pytest.mark.parametrize("change", [b.off_the_curve, b.beyond_the_field], ids=lambda f: f.__name__)
    def test_points_off_the_curve(self, session: BlobDriver, change: Any, place: int) -> None:
        points = b.split(session.points(0))
        points[place] = change(points[place])
        with reverts("blobs: not on the curve"):
            add(session, session.members_of(0), b"".join(points))

    @pytest.mark.parametrize("change", [b.negative, lambda _: b.off_the_subgroup(), lambda _: INFINITY])
    def test_points_that_nobody_posted(self, session: BlobDriver, change: Any) -> None:
        points = b.split(session.points(0))
        points[2] = change(points[2])
        with reverts("blobs: not the upload's commitments"):
            add(session, session.members_of(0), b"".join(points))

    @pytest.mark.parametrize("order", [(2, 3, 0, 1), (1, 0, 2, 3), (0, 1, 0, 1), (0, 3, 2, 1)])
    def test_swapped_and_copied_commitments(self, session: BlobDriver, order: tuple[int, ...]) -> None:
        points = b.split(session.points(0))
        with reverts("blobs: not the upload's commitments"):
            add(session, session.members_of(0), b"".join(points[i] for i in order))

    def test_commitments_of_another_group(self, session: BlobDriver) -> None:
        with reverts("blobs: not the upload's commitments"):
            add(session, session.members_of(0), session.points(1))

    def test_late(self, session: BlobDriver) -> None:
        session.chain.next_at(session.deadline() + 1)
        with reverts("session: the window is over"):
            session.add_sums(0)


class TestAfterAccusing:
    """Whoever adds sums may end stage Accuse with it, when its window is over."""

    @pytest.fixture
    def accusing(self, new_session: Factory) -> BlobDriver:
        return new_session(parameter_count=40).to(Stage.ACCUSE)

    def test_it_ends_it(self, accusing: BlobDriver) -> None:
        with reverts("session: wrong stage"):
            accusing.add_sums(0)
        accusing.chain.next_at(accusing.deadline() + 1)
        receipt = accusing.add_sums(0, 1, 2)
        assert [type(e).__name__ for e in receipt.events] == ["RefutingClosed", "SumsAdded", "AggregationClosed"]
        assert accusing.stage() == Stage.SELECT

    def test_not_before_accusations_are_opened(self, accusing: BlobDriver) -> None:
        """It can't make the window of those that are said shorter."""
        accusing.contract.accuse(b"\1" * 32, sender=accusing.stranger, value=accusing.params.bond_wei)
        accusing.chain.next_at(accusing.deadline() + 1)
        with reverts("session: wrong stage"):
            accusing.add_sums(0)
        accusing.advance(sender=accusing.stranger)
        with reverts("session: wrong stage"):
            accusing.add_sums(0)
        accusing.chain.next_at(accusing.deadline() + 1)
        accusing.add_sums(0)
        assert accusing.stage() == Stage.AGGREGATE


NORM = {"rounds": 4, "parameter_count": 40}
TERMS = (NORM, NORM | {"rule": 1, "krum_m": 2, "krum_m_rule": 1, "krum_mu_bps": 0})


@pytest.fixture(scope="module", params=[0, 1], ids=["norms", "gram"])
def proving(new_session: Factory, request: pytest.FixtureRequest) -> tuple[BlobDriver, Case]:
    """A session in stage Select with a proof of its sums; four groups of two, a blob each."""
    session = new_session(**TERMS[request.param]).to(Stage.SELECT)
    return session, session.case(range(4))


class TestProofs:
    """Each refusal leaves the session in Select; the true proof is taken after all of them."""

    @pytest.fixture
    def session(self, proving: tuple[BlobDriver, Case]) -> BlobDriver:
        return proving[0].copy()

    @pytest.fixture
    def case(self, proving: tuple[BlobDriver, Case]) -> Case:
        return proving[1]

    @staticmethod
    def try_it(session: BlobDriver, case: Case, reason: str) -> None:
        _, products, evidence = case.arguments()
        with reverts(reason):
            session.contract.select_proven(products, evidence, sender=session.stranger)
        assert session.stage() == Stage.SELECT

    def test_products(self, session: BlobDriver, case: Case) -> None:
        for i, product in enumerate(case.products):
            for more in (1, -1):
                changed = [*case.products]
                changed[i] = product + more
                self.try_it(session, case.but(products=changed), "blobs: the proof doesn't hold")
        self.try_it(session, case.but(products=case.products[::-1]), "blobs: the proof doesn't hold")
        self.true_proof(session, case)

    @staticmethod
    def true_proof(session: BlobDriver, case: Case) -> None:
        _, products, evidence = case.arguments()
        assert session.contract.select_proven(products, evidence, sender=session.stranger).named("Selected")

    def test_products_that_no_sums_have(self, session: BlobDriver, case: Case) -> None:
        limit = 4_096 * (2 * session.params.bound) ** 2
        named = "product" if session.params.rule else "norm"
        for value in (limit + 1, 2**256 - 1):
            _, products, evidence = case.arguments()
            with reverts(f"blobs: {named} out of range"):
                session.contract.select_proven([value, *products[1:]], evidence, sender=session.stranger)

    def test_points_of_the_proof(self, session: BlobDriver, case: Case) -> None:
        names = ("S", "h", "pi", "pi0")
        for name in names:
            own = getattr(case, name)
            for other in (*(getattr(case, n) for n in names if n != name), b.negative(own), INFINITY):
                if other != own:
                    self.try_it(session, case.but(**{name: other}), "blobs: the proof doesn't hold")
        for name in ("S", "h", "pi"):
            for wrong in (b.off_the_curve(case.S), b.off_the_subgroup()):
                self.try_it(session, case.but(**{name: wrong}), "blobs: not in the subgroup")

    def test_openings(self, session: BlobDriver, case: Case) -> None:
        for i, opening in enumerate(case.openings):
            changed = [*case.openings]
            changed[i] = opening + 1
            self.try_it(session, case.but(openings=changed), "blobs: the proof doesn't hold")
            changed[i] = Q
            self.try_it(session, case.but(openings=changed), "blobs: opening isn't below q")

    def test_sums(self, session: BlobDriver, case: Case) -> None:
        points = b.split(case.sums)
        for other in (points[::-1], [points[0]] * 4, [b.negative(points[0]), *points[1:]]):
            self.try_it(session, case.but(sums=b"".join(other)), "blobs: not the sums of the root")
        self.try_it(session, case.but(sums=b"".join([b.off_the_subgroup(), *points[1:]])), "blobs: not in the subgroup")

    def test_the_shape(self, session: BlobDriver, case: Case) -> None:
        _, products, evidence = case.arguments()
        for wrong in (products[:-1], [*products, 0], []):
            with reverts("blobs: number of products"):
                session.contract.select_proven(wrong, evidence, sender=session.stranger)
        for data in (evidence[:-1], evidence + b"\0", evidence[128:], b""):
            with reverts("blobs: length of the evidence"):
                session.contract.select_proven(products, data, sender=session.stranger)

    def test_false_transcripts(self, session: BlobDriver, case: Case) -> None:
        """Those of the vectors, the degree trick among them, in place of the session's proof."""
        for found in vectors("blobs")["false_proofs"]:
            false = b.proof_case(found)
            if (false.kind, false.chunks) != (case.kind, case.chunks):
                continue
            parts = {name: getattr(false, name) for name in ("S", "h", "openings", "pi", "pi0")}
            if false.kind == NORMS:
                parts["openings"] = [*parts["openings"], parts["openings"][0]]
            self.try_it(session, case.but(**parts), "blobs: the proof doesn't hold")

    def test_a_proof_of_another_session(self, session: BlobDriver, case: Case, new_session: Factory) -> None:
        """The same blobs, the same root: the context has the session."""
        twin = new_session(**TERMS[session.params.rule]).to(Stage.SELECT)
        assert twin.sums_root() == session.sums_root()
        self.try_it(twin, case, "blobs: the proof doesn't hold")

    def test_late(self, session: BlobDriver, case: Case) -> None:
        session.chain.next_at(session.deadline() + 1)
        self.try_it(session, case, "session: the window is over")

    def test_early(self, new_session: Factory, session: BlobDriver, case: Case) -> None:
        early = new_session(**TERMS[session.params.rule]).to(Stage.AGGREGATE)
        _, products, evidence = case.arguments()
        with reverts("session: wrong stage"):
            early.contract.select_proven(products, evidence, sender=early.stranger)
