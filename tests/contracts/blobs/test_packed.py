"""Sessions whose blobs are packed: digits of refuted elements, corrections in each lane, a selection of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.blobs.test_corrections import GONE, SHORT, WHOLE, new_recover
from tests.contracts.blobs.test_sessions import KRUM, check_books
from tests.contracts.harness import BlobDriver, CorrectDriver, Malformed, Stage, Status, reverts
from tests.contracts.harness.blobs import Begun, Q
from tests.contracts.harness.fixtures import Factory, RecoverFactory

__all__ = ["new_recover"]

SHAPE = {"lane_bits": 12, "parameter_count": 4_100}
"""Two lanes of 4,096 values, of the second of which there are four."""

LONG = {"lane_bits": 12, "parameter_count": 22 * 4_096 + 100, "rounds": 1}
"""23 lanes: the second blob has two, the last of which isn't full."""

DIGIT, PADDED, ABOVE = 0, 1, 2
"""The groups of `base`: a digit out of range, one in the padding that isn't N Q, something above the digits."""

PLACES = {DIGIT: 1, PADDED: 50, ABOVE: 2_000}
HONEST = 3


def lane(number: int, more: int) -> int:
    """What is added to an element, so that much is added to its digit."""
    return more << 12 * number


def digits(element: int) -> list[int]:
    return [element >> 12 * at & 4_095 for at in range(22)]


@pytest.fixture(scope="module")
def base(new_session: Factory) -> BlobDriver:
    """Three groups of two, one blob each, in stage Accuse; each sum is malformed in one element."""
    session = new_session(**SHAPE).to(Stage.COMMIT)
    limit = 2 * session.params.members * session.params.bound
    own = sum(session.vector(a)[4_097] + session.params.bound for a in session.members_of(DIGIT))
    more = {DIGIT: lane(1, limit + 1 - own), PADDED: lane(1, 1), ABOVE: lane(2, 1)}
    for group, extra in more.items():
        session.spoilt[session.members_of(group)[-1]] = {PLACES[group]: extra}
    return session.to(Stage.ACCUSE)


@pytest.fixture
def session(base: BlobDriver) -> BlobDriver:
    return base.copy()


class TestRefuting:
    @pytest.mark.parametrize("group", [DIGIT, PADDED, ABOVE])
    def test_a_malformed_sum(self, session: BlobDriver, group: int) -> None:
        found = session.malformed(group, PLACES[group])
        session.accuse(session.stranger, group, found)
        session.pass_deadline()
        event = session.refute(session.stranger, group, found).only("Refuted")
        assert (event.group, event.index, event.element) == (group, *found[:2])
        assert session.group(group).status == Status.FAILED

    def test_an_honest_element(self, session: BlobDriver) -> None:
        """In range in both lanes, also at their limits; a forged one isn't opened."""
        true = session.malformed(DIGIT, HONEST)
        limit = 2 * session.params.members * session.params.bound
        middle = limit // 2
        padding = session.malformed(DIGIT, 70)
        assert digits(padding.element)[1:] == [middle] + 20 * [0]
        cases = [
            (true, "blobs: the element is in range"),
            (padding, "blobs: the element is in range"),
            (true._replace(element=lane(0, limit) + lane(1, limit)), "blobs: the element is in range"),
            (true._replace(element=0), "blobs: the element is in range"),
            (padding._replace(element=lane(0, limit) + lane(1, middle)), "blobs: the element is in range"),
            (true._replace(element=true.element + lane(1, limit + 1)), "blobs: not the element"),
            (true._replace(element=true.element + lane(21, 1)), "blobs: not the element"),
            (true._replace(element=true.element + Q), "blobs: not the element"),
        ]
        accounts = [*session.listed, session.owner, session.stranger]
        for (case, _), account in zip(cases, accounts, strict=True):
            session.accuse(account, DIGIT, case)
        session.pass_deadline()
        for (case, reason), account in zip(cases, accounts, strict=True):
            with reverts(reason):
                session.refute(account, DIGIT, case)

    def test_no_further_than_the_blobs(self, session: BlobDriver) -> None:
        """An index counts elements, of which there are fewer than values."""
        beyond = session.malformed(DIGIT, 1)._replace(index=4_096)
        session.accuse(session.stranger, DIGIT, beyond)
        session.pass_deadline()
        with reverts("blobs: index beyond the last chunk"):
            session.refute(session.stranger, DIGIT, beyond)


@pytest.fixture(scope="module")
def long(new_session: Factory) -> BlobDriver:
    """One group of two, two blobs each, in stage Accuse; elements of both blobs are malformed."""
    session = new_session(**LONG).to(Stage.COMMIT)
    middle = session.params.members * session.params.bound
    session.spoilt[session.members_of(0)[0]] = {
        5: lane(20, 2 * middle + 1),
        4_096 + 7: lane(1, 2 * middle + 1),
        4_096 + 99: lane(2, 1),
        4_096 + 100: lane(1, 1),
        4_096 + 101: -lane(1, 1) % Q,
    }
    return session.to(Stage.ACCUSE)


class TestTwoBlobs:
    @pytest.mark.parametrize("index", [5, 4_096 + 7, 4_096 + 99, 4_096 + 100, 4_096 + 101])
    def test_each_of_the_digits_counts(self, long: BlobDriver, index: int) -> None:
        session = long.copy()
        found = session.malformed(0, index)
        session.accuse(session.stranger, 0, found)
        session.pass_deadline()
        assert session.refute(session.stranger, 0, found).named("Refuted")

    @pytest.mark.parametrize("index", [0, 99, 100, 4_095, 4_096, 4_096 + 98, 4_096 + 102, 8_191])
    def test_what_is_in_range_does_not(self, long: BlobDriver, index: int) -> None:
        session = long.copy()
        found = session.malformed(0, index)
        session.accuse(session.stranger, 0, found)
        session.pass_deadline()
        with reverts("blobs: the element is in range"):
            session.refute(session.stranger, 0, found)


Proven = tuple[list[int], bytes]


@pytest.fixture(scope="module", params=[{}, KRUM], ids=["norm", "krum"])
def terms(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return SHAPE | found


@pytest.fixture(scope="module")
def summed(new_session: Factory, terms: dict[str, Any]) -> BlobDriver:
    """In stage Select."""
    return new_session(**terms).to(Stage.SELECT)


@pytest.fixture(scope="module")
def proven(summed: BlobDriver) -> Proven:
    """What `select_packed` takes."""
    return summed.copy().proven()


def select(session: BlobDriver, products: list[int], evidence: bytes) -> Any:
    return session.contract.select_packed(products, evidence, sender=session.stranger)


class TestSelecting:
    def test_what_it_says(self, summed: BlobDriver, proven: Proven) -> None:
        """What is proven is what the values give; the session ends as others do."""
        session, (products, evidence) = summed.copy(), proven
        krum, groups = session.params.rule == 1, range(session.group_count())
        sums = {g: [sum(v) for v in zip(*map(session.vector, session.members_of(g)), strict=True)] for g in groups}
        pairs = [(r, s) for r in groups for s in groups if (r <= s if krum else r == s)]
        expected = [sum(a * b for a, b in zip(sums[r], sums[s], strict=True)) for r, s in pairs]
        receipt = select(session, products, evidence)
        assert receipt.only("SumsProven").products == [product % Q for product in expected]
        assert session.accepted().bit_count() == (2 if krum else 3)
        session.to(Stage.FINISHED)
        check_books(session)

    def test_other_products(self, summed: BlobDriver, proven: Proven) -> None:
        products, evidence = proven
        for at in range(len(products)):
            for more in (1, -1):
                wrong = [*products[:at], (products[at] + more) % Q, *products[at + 1 :]]
                with reverts("blobs: the proof doesn't hold"):
                    select(summed, wrong, evidence)
        for count in (products[:-1], [*products, 0], []):
            with reverts("blobs: number of products"):
                select(summed, count, evidence)

    def test_other_evidence(self, summed: BlobDriver, proven: Proven) -> None:
        products, evidence = proven
        for wrong in (evidence[:-1], evidence + b"\0", evidence[128:], b""):
            with reverts("blobs: length of the evidence"):
                select(summed, products, wrong)
        swapped = evidence[256:384] + evidence[128:256] + evidence[:128] + evidence[384:]
        with reverts("blobs: not the sums of the root"):
            select(summed, products, swapped)

    def test_the_calls_of_others(self, summed: BlobDriver, proven: Proven) -> None:
        products, evidence = proven
        begun = Begun(seeds=[b"\1" * 32] * 3)
        with reverts("blobs: values are packed"):
            summed.contract.select_proven(products, evidence, sender=summed.stranger)
        with reverts("blobs: values are packed"):
            summed.contract.continue_proof(begun, evidence[:160], sender=summed.stranger)
        with reverts("blobs: values are packed"):
            summed.contract.finish_proof(begun, products, evidence, sender=summed.stranger)

    def test_of_another_session(
        self, new_session: Factory, terms: dict[str, Any], summed: BlobDriver, proven: Proven
    ) -> None:
        """The same blobs and the same root: the context has the session."""
        twin = new_session(**terms).to(Stage.SELECT)
        assert twin.sums_root() == summed.sums_root()
        with reverts("blobs: the proof doesn't hold"):
            select(twin, *proven)

    def test_early(self, new_session: Factory, terms: dict[str, Any], proven: Proven) -> None:
        early = new_session(**terms).to(Stage.AGGREGATE)
        with reverts("session: wrong stage"):
            select(early, *proven)

    def test_late(self, summed: BlobDriver, proven: Proven) -> None:
        late = summed.copy()
        late.chain.next_at(late.deadline() + 1)
        with reverts("session: the window is over"):
            select(late, *proven)

    def test_only_once(self, summed: BlobDriver, proven: Proven) -> None:
        session = summed.copy()
        select(session, *proven)
        with reverts("session: wrong stage"):
            select(session, *proven)


def test_other_sessions_have_no_lanes(new_session: Factory) -> None:
    blobs = new_session(parameter_count=40).to(Stage.SELECT)
    with reverts("blobs: values aren't packed"):
        select(blobs, *blobs.proven())
    calldata = new_session(mode=0).to(Stage.SELECT)
    with reverts("session: vectors are in calldata"):
        select(calldata, [1, 1, 1], bytes(1_000))


@pytest.fixture(scope="module")
def corrected(new_recover: RecoverFactory) -> CorrectDriver:
    """Two groups of four in stage Accuse; one of the first is gone, and its correction is wrong in one lane."""
    session = new_recover(**SHAPE).to(Stage.UPLOAD)
    assert isinstance(session, CorrectDriver)
    session.upload_but(session.members_of(SHORT)[GONE])
    session.wrong[SHORT] = {17: lane(1, 1)}
    return session.to(Stage.ACCUSE)


class TestCorrections:
    def test_a_wrong_one(self, corrected: CorrectDriver) -> None:
        session = corrected.copy()
        event = session.refute_correction(session.stranger, *session.refutation(SHORT, 17)).only("CorrectionRefuted")
        assert (event.group, event.index) == (SHORT, 17)

    @pytest.mark.parametrize(("group", "index"), [(SHORT, 3), (SHORT, 16), (SHORT, 4_095), (WHOLE, 17)])
    def test_a_right_one(self, corrected: CorrectDriver, group: int, index: int) -> None:
        """Where one is gone, Q stands in both lanes, also beyond the vector."""
        with reverts("blobs: the element is right"):
            corrected.refute_correction(corrected.stranger, *corrected.refutation(group, index))

    def test_no_further_than_the_blobs(self, corrected: CorrectDriver) -> None:
        found = corrected.refutation(SHORT, 17)
        with reverts("blobs: index beyond the last chunk"):
            corrected.refute_correction(corrected.stranger, found[0], 4_096, *found[2:])

    def test_the_sum_is_in_range(self, corrected: CorrectDriver) -> None:
        session = corrected.copy()
        session.refute_correction(session.stranger, *session.refutation(SHORT, 17))
        session.to(Stage.PAYMENT)
        assert session.accepted() == 1 << WHOLE


def test_two_blobs_are_corrected(new_recover: RecoverFactory) -> None:
    """Their lanes are 21 and 2: what those lack who are gone stands in each."""
    session = new_recover(**LONG | {"rounds": 1}).to(Stage.UPLOAD)
    assert isinstance(session, CorrectDriver)
    session.upload_but(session.members_of(0)[GONE])
    session.to(Stage.ACCUSE)
    for index in (0, 4_096 + 3, 8_191):
        with reverts("blobs: the element is right"):
            session.refute_correction(session.stranger, *session.refutation(0, index))
    found: Malformed = session.malformed(0, 4_096 + 3)
    assert digits(found.element)[2:] == 20 * [0]
    session.to(Stage.PAYMENT)
    assert session.accepted() == 1
