"""`continue_proof` and `finish_proof`: a proof in several calls is taken as the same proof in one, and no other is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.keyed import delegate, keyed
from tests.attacks.till import PUPPET
from tests.contracts.harness import Accounts, BlobDriver, Contract, Receipt, Stage, compiled, economy, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness.blobs import GRAM, INFINITY, NORMS, Begun, Case, Q
from tests.contracts.harness.decoys import Relayed
from tests.contracts.harness.fixtures import Factory
from tests.vectors.reference import blobs as reference

KRUM = {"rule": 1, "rounds": 3, "krum_m": 1, "krum_m_rule": 1, "krum_mu_bps": 0}
TERMS = ({}, KRUM)
SUMS = 6
"""Three groups of two, two blobs each: sums 0 and 1 are those of group 0."""

PAID = {"fee_cap_wei": economy.GWEI, "fee_table": economy.fee_table(gram=30_000)}

SLACK = 60_000
"""Gas that a call may cost beyond what it measures: its slot, its event, the way in."""

CUTS = [(1,), (2,), (3,), (5,), (6,), (2, 4), (1, 4), (3, 4), (1, 2, 3, 4, 5, 6)]
"""Behind which sums calls end; the rest comes in the last one."""


@pytest.fixture(scope="module", params=[0, 1], ids=["norms", "gram"])
def proving(new_session: Factory, request: pytest.FixtureRequest) -> tuple[BlobDriver, Case]:
    """A session in stage Select with a proof of its sums."""
    session = new_session(**TERMS[request.param]).to(Stage.SELECT)
    return session, session.case(range(3))


@pytest.fixture
def session(proving: tuple[BlobDriver, Case]) -> BlobDriver:
    return proving[0].copy()


@pytest.fixture
def case(proving: tuple[BlobDriver, Case]) -> Case:
    return proving[1]


def go_on(session: BlobDriver, begun: Any, evidence: bytes, sender: str | None = None) -> Begun:
    """One call; what it leaves."""
    account = sender or session.stranger
    receipt = session.contract.continue_proof(begun, evidence, sender=account, gas_price=session.gas_price)
    event = receipt.only("ProofContinued")
    assert event.account == account.lower()
    return Begun(*event.begun)


def begin(session: BlobDriver, case: Case, *cuts: int, sender: str | None = None) -> Begun:
    """All calls but the last."""
    begun, first = case.beginning(), 0
    for cut in cuts:
        begun = go_on(session, begun, case.part(first, cut), sender)
        first = cut
    return begun


def finish(session: BlobDriver, begun: Any, case: Case, sender: str | None = None, **changes: Any) -> Receipt:
    """The last call."""
    evidence = changes.get("evidence", case.rest(begun.sums))
    products = changes.get("products", [g % Q for g in case.products])
    account = sender or session.stranger
    return session.contract.finish_proof(begun, products, evidence, sender=account, gas_price=session.gas_price)


class TestParts:
    @pytest.mark.parametrize("cuts", CUTS, ids=str)
    def test_as_in_one_call(self, session: BlobDriver, case: Case, cuts: tuple[int, ...]) -> None:
        with session.chain.anchor():
            _, products, evidence = case.arguments()
            whole = session.contract.select_proven(products, evidence, sender=session.stranger)
        begun = begin(session, case, *cuts)
        assert begun.sums == cuts[-1]
        parts = finish(session, begun, case)
        for name in ("SumsProven", "Selected"):
            assert parts.only(name) == whole.only(name)
        assert session.stage() == Stage.PAYMENT

    def test_two_provers_at_once(self, session: BlobDriver, case: Case) -> None:
        """Neither is in the other's way, and who comes second finds the stage over."""
        one, two = session.seated()[:2]
        first, second = begin(session, case, 2, sender=one), begin(session, case, 3, sender=two)
        for begun, other in ((first, two), (second, one)):
            with reverts("blobs: not what the caller has begun"):
                go_on(session, begun, case.part(begun.sums, 6), other)
            with reverts("blobs: not what the caller has begun"):
                finish(session, begun, case, other)
        assert finish(session, second, case, two).named("Selected")
        with reverts("session: wrong stage"):
            finish(session, first, case, one)
        with reverts("session: wrong stage"):
            go_on(session, first, case.part(2, 4), one)

    def test_one_begins_anew(self, session: BlobDriver, case: Case) -> None:
        """What it had begun before is void; what a beginning has beside its seeds is not read."""
        first = begin(session, case, 2, 4)
        again = go_on(session, case.beginning(power=7, root=b"\1" * 32, spent_wei=10**18), case.part(0, 3))
        assert (again.sums, again.spent_wei) == (3, 0)
        with reverts("blobs: not what the caller has begun"):
            finish(session, first, case)
        assert finish(session, again, case).named("Selected")

    def test_the_whole_proof_is_taken_beside_it(self, session: BlobDriver, case: Case) -> None:
        begin(session, case, 2)
        _, products, evidence = case.arguments()
        assert session.contract.select_proven(products, evidence, sender=session.stranger).named("Selected")


class TestOrder:
    """Calls that come twice, too early, in another order."""

    def test_a_part_twice(self, session: BlobDriver, case: Case) -> None:
        start = begin(session, case, 2)
        after = go_on(session, start, case.part(2, 4))
        with reverts("blobs: not what the caller has begun"):
            go_on(session, start, case.part(2, 4))
        assert finish(session, after, case).named("Selected")

    def test_the_same_sums_again(self, session: BlobDriver, case: Case) -> None:
        """Behind themselves: in the place of others."""
        begun = go_on(session, begin(session, case, 2), case.part(0, 2))
        reason = "blobs: another proof than was begun" if case.kind == NORMS else "blobs: not the sums of the root"
        with reverts(reason):
            finish(session, begun, case)

    def test_parts_in_another_order(self, session: BlobDriver, case: Case) -> None:
        begun = go_on(session, case.beginning(), case.part(2, 4))
        begun = go_on(session, begun, case.part(0, 2))
        reason = "blobs: another proof than was begun" if case.kind == NORMS else "blobs: not the sums of the root"
        with reverts(reason):
            finish(session, begun, case)

    def test_too_early(self, session: BlobDriver, case: Case) -> None:
        with reverts("blobs: not what the caller has begun"):
            finish(session, case.beginning(), case)
        begun = begin(session, case, 2)
        for first in (0, 1, 3, 6):
            with reverts("blobs: length of the evidence"):
                finish(session, begun, case, evidence=case.rest(first))
        assert finish(session, begun, case).named("Selected")

    def test_more_than_there_are(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 5)
        with reverts("blobs: more sums than are left"):
            go_on(session, begun, case.part(4, 6))
        with reverts("blobs: more sums than are left"):
            go_on(session, begin(session, case, 6), case.part(5, 6))

    def test_lengths(self, session: BlobDriver, case: Case) -> None:
        evidence = case.part(0, 2)
        for wrong in (b"", evidence[:-1], evidence + b"\0", evidence[:32], evidence[32:], case.part(0, 0)):
            with reverts("blobs: length of the evidence"):
                go_on(session, case.beginning(), wrong)
        for count in (case.products[:-1], [*case.products, 0], []):
            with reverts("blobs: number of products"):
                finish(session, begin(session, case, 2), case, products=[g % Q for g in count])

    def test_other_stages(self, new_session: Factory, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 2)
        for late in (True, False):
            one = session if late else new_session(**TERMS[session.params.rule]).to(Stage.AGGREGATE)
            if late:
                session.chain.next_at(session.deadline() + 1)
            reason = "session: the window is over" if late else "session: wrong stage"
            with reverts(reason):
                go_on(one, case.beginning(), case.part(0, 2))
            with reverts(reason):
                finish(one, begun, case)

    def test_calldata(self, new_session: Factory, case: Case) -> None:
        other = new_session(mode=0).to(Stage.SELECT)
        with reverts("session: vectors are in calldata"):
            other.contract.continue_proof(case.beginning(), case.part(0, 2), sender=other.stranger)
        with reverts("session: vectors are in calldata"):
            other.contract.finish_proof(case.beginning(), [1], case.rest(0), sender=other.stranger)


class TestStates:
    """The caller brings what is in; nothing but what its last call has left is taken."""

    def test_every_field_counts(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 3)
        for name, value in begun._asdict().items():
            for changed in _others(value):
                forged = begun._replace(**{name: changed})
                with reverts("blobs: not what the caller has begun"):
                    session.contract.finish_proof(forged, case.products, case.rest(3), sender=session.stranger)
                if name == "sums" and changed == 0:
                    continue
                with reverts("blobs: not what the caller has begun"):
                    go_on(session, forged, case.part(3, 4))
        assert finish(session, begun, case).named("Selected")

    def test_of_another_session(self, session: BlobDriver, case: Case, new_session: Factory) -> None:
        begun = begin(session, case, 2)
        twin = new_session(**TERMS[session.params.rule]).to(Stage.SELECT)
        assert twin.sums_root() == session.sums_root()
        with reverts("blobs: not what the caller has begun"):
            finish(twin, begun, case)
        begun = begin(twin, case, 2)
        with reverts("blobs: another proof than was begun"):
            finish(twin, begun, case)


class TestFalseProofs:
    """What is wrong is seen by the last call, if not before; the true proof is taken after all of them."""

    @staticmethod
    def refused(session: BlobDriver, case: Case, reason: str) -> None:
        with reverts(reason):
            finish(session, begin(session, case, 2, 4), case)
        assert session.stage() == Stage.SELECT

    def test_products(self, session: BlobDriver, case: Case) -> None:
        for i, product in enumerate(case.products):
            for more in (1, -1):
                changed = [*case.products]
                changed[i] = product + more
                self.refused(session, case.but(products=changed), "blobs: the proof doesn't hold")
        assert finish(session, begin(session, case, 2, 4), case).named("Selected")

    def test_products_that_no_sums_have(self, session: BlobDriver, case: Case) -> None:
        limit = 2 * 4_096 * (2 * session.params.bound) ** 2
        named = "product" if case.kind == GRAM else "norm"
        wrong = case.but(products=[limit + 1, *case.products[1:]])
        self.refused(session, wrong, f"blobs: {named} out of range")

    def test_other_products_than_were_begun_with(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 2, 4)
        with reverts("blobs: another proof than was begun"):
            finish(session, begun, case.but(products=[case.products[0] + 1, *case.products[1:]]))

    def test_other_points_than_were_begun_with(self, session: BlobDriver, case: Case) -> None:
        begun = begin(session, case, 2, 4)
        for name in ("S", "h"):
            for other in (case.pi, b.negative(getattr(case, name)), INFINITY):
                with reverts("blobs: another proof than was begun"):
                    finish(session, begun, case.but(**{name: other}))
        for name in ("pi", "pi0"):
            for other in (case.S, b.negative(getattr(case, name)), INFINITY):
                with reverts("blobs: the proof doesn't hold"):
                    finish(session, begun, case.but(**{name: other}))

    def test_whole_transcripts_with_other_points(self, session: BlobDriver, case: Case) -> None:
        for name in ("S", "h", "pi", "pi0"):
            other = case.but(**{name: b.negative(getattr(case, name))})
            self.refused(session, other, "blobs: the proof doesn't hold")

    def test_openings(self, session: BlobDriver, case: Case) -> None:
        """One more in each: with the seeds of these openings, or of the true ones."""
        for i, opening in enumerate(case.openings):
            changed = [*case.openings]
            changed[i] = opening + 1
            other = case.but(openings=changed)
            self.refused(session, other, "blobs: the proof doesn't hold")
            with reverts("blobs: another proof than was begun"):
                begun, first = case.beginning(), 0
                for cut in (2, 4):
                    begun, first = go_on(session, begun, other.part(first, cut)), cut
                finish(session, begun, other)
            changed[i] = Q
            with reverts("blobs: opening isn't below q"):
                finish(session, begin(session, case.but(openings=changed), 2, 4), case.but(openings=changed))

    def test_sums(self, session: BlobDriver, case: Case) -> None:
        """Swapped within a call and between calls, copied, negated; under the root or under their own."""
        points = b.split(case.sums)
        for order in (
            (1, 0, 2, 3, 4, 5),
            (2, 3, 0, 1, 4, 5),
            (0, 1, 0, 1, 4, 5),
            (0, 1, 2, 3, 5, 4),
            (0, 4, 2, 3, 1, 5),
        ):
            self.refused(session, case.but(sums=b"".join(points[i] for i in order)), "blobs: not the sums of the root")
        negated = [b.negative(points[0]), *points[1:]]
        self.refused(session, case.but(sums=b"".join(negated)), "blobs: not the sums of the root")
        self.refused(session, case.with_sums(negated), "blobs: another proof than was begun")

    def test_sums_that_are_none(self, session: BlobDriver, case: Case) -> None:
        points = b.split(case.sums)
        for wrong in (b.off_the_subgroup(), b.off_the_curve(points[0])):
            with reverts("blobs: not in the subgroup"):
                begin(session, case.but(sums=wrong + case.sums[128:]), 2)

    @pytest.mark.parametrize("cheat", [None, "constant", "degree"])
    def test_false_transcripts(self, session: BlobDriver, case: Case, cheat: str | None) -> None:
        """Whole ones of the session, for a false product: with the true S, with S(0) forced, with the degree trick."""
        sums = [[reference.interpolated(_elements(blob)) for blob in session.sums(group)] for group in range(3)]
        false = reference.prove(case.kind, case.context, sums, 2 * case.bound, error=12_345, cheat=cheat)
        parts = {name: getattr(false, name) for name in ("products", "S", "h", "openings", "pi", "pi0")}
        assert false.root == case.root
        self.refused(session, case.but(**parts), "blobs: the proof doesn't hold")
        assert finish(session, begin(session, case, 2, 4), case).named("Selected")


class TestPay:
    """The last call is paid for all of them, by whoever has begun in its turn; nothing else is."""

    @pytest.fixture(scope="class")
    def base(self, new_session: Factory) -> BlobDriver:
        session = new_session(**PAID)
        session.gas_price = economy.GWEI
        session.to(Stage.SELECT)
        session.chain.sleep(session.params.select_secs // 2)
        return session

    def test_the_last_call_is_paid_for_all(self, base: BlobDriver) -> None:
        session = base.copy()
        case = session.case(range(3))
        with session.chain.anchor():
            whole = session.select().only("FeeCredited")
        gas, begun, first = 0, case.beginning(), 0
        for cut in (2, 4):
            receipt = session.contract.continue_proof(
                begun, case.part(first, cut), sender=session.stranger, gas_price=session.gas_price
            )
            assert not receipt.named("FeeCredited")
            begun, first, gas = Begun(*receipt.only("ProofContinued").begun), cut, gas + receipt.gas_used
            assert 0 <= gas - begun.spent_wei // economy.GWEI <= SLACK * begun.sums // 2
        last = finish(session, begun, case)
        paid = last.only("FeeCredited")
        assert paid.amount_wei == paid.gas_metered * economy.GWEI
        assert begun.spent_wei // economy.GWEI < paid.gas_metered < gas + last.gas_used
        assert paid.gas_metered > whole.gas_metered

    def test_another_price(self, base: BlobDriver) -> None:
        """What was spent at a lower one isn't paid at a higher one."""
        session = base.copy()
        case = session.case(range(3))
        session.gas_price = economy.GWEI // 4
        begun = begin(session, case, 2, 4)
        session.gas_price = economy.GWEI
        last = finish(session, begun, case)
        paid = last.only("FeeCredited")
        assert 0 < paid.amount_wei - begun.spent_wei < last.gas_used * economy.GWEI

    def test_a_limit_holds_for_all_calls_together(self, new_session: Factory) -> None:
        table = economy.fee_table(gram=1_000, gram_word=1, move=100)
        session = new_session(**PAID | {"fee_table": table})
        session.gas_price = economy.GWEI
        session.to(Stage.SELECT)
        session.chain.sleep(session.params.select_secs // 2)
        case = session.case(range(3))
        paid = finish(session, begin(session, case, 2, 4), case).only("FeeCredited")
        assert paid.amount_wei < paid.gas_metered * economy.GWEI // 2

    def test_at_no_price_nothing_was_worth_anything(self, base: BlobDriver) -> None:
        session = base.copy()
        case = session.case(range(3))
        begun = begin(session, case, 2, 4)
        assert begun.spent_wei > 0
        session.gas_price = 0
        assert not finish(session, begun, case).named("FeeCredited")

    @pytest.mark.parametrize("kind", ["a contract", "an account with code"])
    def test_others_than_bare_accounts_arent_paid(self, base: BlobDriver, accounts: Accounts, kind: str) -> None:
        """Neither for the call that begins a proof nor for the one that ends it."""
        session, case = base.copy(), base.case(range(3))
        if kind == "a contract":
            relayed = Relayed(base.contract.backend)
            account = relayed.new_decoy(accounts.deployer)
            session.contract = Contract("Session", base.contract.abi, base.contract.address, relayed)
        else:
            puppet = compiled(PUPPET).on(base.contract.backend).deploy(sender=accounts.deployer)
            delegate(session.chain, one := keyed(session.chain, "prover"), puppet)
            account = one.address.lower()
        begun = begin(session, case, 2, sender=account)
        assert begun.spent_wei == 0
        assert not finish(session, begun, case, account).named("FeeCredited")

    def test_who_isnt_in_turn_isnt_paid(self, new_session: Factory) -> None:
        session = new_session(**PAID)
        session.gas_price = economy.GWEI
        session.to(Stage.SELECT)
        case = session.case(range(3))
        begun = begin(session, case, 2)
        assert begun.spent_wei == 0
        assert not finish(session, begun, case).named("FeeCredited")


def _elements(blob: bytes) -> list[int]:
    return [int.from_bytes(blob[at : at + 32], "big") for at in range(0, len(blob), 32)]


def _others(value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 1, 0] if value else [1]
    if isinstance(value, bytes):
        return [bytes([value[0] ^ 1]) + value[1:], value[:-1] + bytes([value[-1] ^ 1])]
    return [[*value[:i], other, *value[i + 1 :]] for i, old in enumerate(value) for other in _others(old)]
