"""Accusing and refuting: only malformed sums, by who has committed to it; the money of everybody to the wei."""

from __future__ import annotations

import pytest

from tests.contracts.blobs.test_sessions import KRUM, check_books
from tests.contracts.harness import BlobDriver, Malformed, Stage, Status, economy, reverts
from tests.contracts.harness import blobs as b
from tests.contracts.harness.blobs import Q
from tests.contracts.harness.fixtures import Factory

SPOILT, PADDED, HONEST = 0, 1, 2
"""The groups of `base`: an element out of range, one in the padding that isn't N Q, none."""

FIRST, BEYOND = 4_097, 4_150
"""Their indices, in the second chunk; beyond the last parameter, 4,099, there is padding."""


def spoil(session: BlobDriver, group: int, index: int, more: int) -> None:
    """The last member of a group adds `more` to an element of its upload."""
    session.spoilt[session.members_of(group)[-1]] = {index: more}


@pytest.fixture(scope="module")
def base(new_session: Factory) -> BlobDriver:
    """Three groups of two, two blobs each, in stage Accuse; two sums are malformed."""
    session = new_session(record_constants=economy.record_constants()).to(Stage.COMMIT)
    limit = 2 * session.params.members * session.params.bound
    own = sum(session.vector(a)[FIRST] + session.params.bound for a in session.members_of(SPOILT))
    spoil(session, SPOILT, FIRST, limit + 1 - own)
    spoil(session, PADDED, BEYOND, 1)
    return session.to(Stage.ACCUSE)


@pytest.fixture
def session(base: BlobDriver) -> BlobDriver:
    return base.copy()


@pytest.fixture(scope="module")
def found(base: BlobDriver) -> list[Malformed]:
    """What is opened of each group; of the honest one the same element as of the first."""
    return [base.malformed(SPOILT, FIRST), base.malformed(PADDED, BEYOND), base.malformed(HONEST, FIRST)]


def refuted(session: BlobDriver, account: str, group: int, found: Malformed) -> None:
    """From Accuse through both its halves."""
    session.accuse(account, group, found)
    session.pass_deadline()
    session.refute(account, group, found)


class TestAccusing:
    def test_what_it_says(self, session: BlobDriver, found: list[Malformed]) -> None:
        account = session.stranger
        digest = session.accused(account, SPOILT, found[SPOILT])
        event = session.accuse(account, SPOILT, found[SPOILT]).only("Accused")
        assert (event.account, event.commitment) == (account, digest)
        assert session.accusation(account) == digest
        money = session.money()
        assert money.deposited == money.locked + money.credits + money.withdrawn

    def test_other_values(self, session: BlobDriver) -> None:
        bond = session.params.bond_wei
        for value in (0, bond - 1, bond + 1, 2 * bond):
            with reverts("session: value other than the bond"):
                session.contract.accuse(b"\1" * 32, sender=session.stranger, value=value)
        with reverts("blobs: empty commitment"):
            session.contract.accuse(bytes(32), sender=session.stranger, value=bond)

    def test_one_at_a_time(self, session: BlobDriver, found: list[Malformed]) -> None:
        session.accuse(session.stranger, SPOILT, found[SPOILT])
        for group in (SPOILT, PADDED):
            with reverts("blobs: already accusing"):
                session.accuse(session.stranger, group, found[group])

    def test_when(self, session: BlobDriver, found: list[Malformed]) -> None:
        session.accuse(session.owner, SPOILT, found[SPOILT])
        with reverts("blobs: accusing is open"):
            session.refute(session.owner, SPOILT, found[SPOILT])
        session.chain.next_at(session.deadline() + 1)
        with reverts("session: the window is over"):
            session.accuse(session.stranger, PADDED, found[PADDED])
        event = session.advance(sender=session.stranger).only("AccusingClosed")
        assert (event.accusations, event.refute_deadline) == (1, session.deadline())
        with reverts("blobs: accusing is closed"):
            session.accuse(session.stranger, PADDED, found[PADDED])
        session.chain.next_at(session.deadline() + 1)
        with reverts("session: the window is over"):
            session.refute(session.owner, SPOILT, found[SPOILT])
        session.advance(sender=session.stranger).only("RefutingClosed")
        for call in (session.accuse, session.refute):
            with reverts("session: wrong stage"):
                call(session.owner, SPOILT, found[SPOILT])

    def test_the_most_there_may_be(self, session: BlobDriver) -> None:
        """Who would keep others from accusing pays 4,096 bonds, of which none comes back: hundreds of rewards."""
        chain, bond = session.chain, session.params.bond_wei
        data = session.contract.abi.calldata("accuse", (b"\1" * 32,))
        for number in range(4_096):
            account = f"0x{number + 2**64:040x}"
            chain.set_balance(account, bond)
            session.contract.backend.transact("accuse", account, session.contract.address, data, bond)
        with reverts("blobs: too many accusations"):
            session.contract.accuse(b"\1" * 32, sender=session.stranger, value=bond)
        assert 4_096 * bond > 100 * session.params.reward_wei

    def test_before_all_blobs_are_in(self, new_session: Factory) -> None:
        early = new_session(parameter_count=40).to(Stage.UPLOAD)
        with reverts("session: wrong stage"):
            early.contract.accuse(b"\1" * 32, sender=early.stranger, value=early.params.bond_wei)


class TestRefuting:
    @pytest.mark.parametrize("group", [SPOILT, PADDED])
    def test_a_malformed_sum(self, session: BlobDriver, found: list[Malformed], group: int) -> None:
        account, before = session.stranger, session.chain.balance(session.stranger)
        session.accuse(account, group, found[group])
        session.pass_deadline()
        receipt = session.refute(account, group, found[group])
        event = receipt.only("Refuted")
        assert (event.account, event.group, event.index, event.element) == (account, group, *found[group][:2])
        assert receipt.only("GroupFailed").group == group
        assert receipt.only("RefutingClosed").live_groups == 0b111 ^ 1 << group
        assert session.chain.balance(account) == before, "the bond is back"
        assert (session.stage(), session.refuted_count()) == (Stage.AGGREGATE, 1)
        assert session.group(group).status == Status.FAILED
        assert session.accusation(account) == bytes(32)

    def test_an_honest_sum(self, session: BlobDriver, found: list[Malformed]) -> None:
        """In range, also in the padding; a forged element isn't opened."""
        true = found[HONEST]
        padding = session.malformed(HONEST, BEYOND)
        assert padding.element == session.params.members * session.params.bound
        limit = 2 * session.params.members * session.params.bound
        cases = [
            (true, "blobs: the element is in range"),
            (padding, "blobs: the element is in range"),
            (true._replace(element=limit), "blobs: the element is in range"),
            (true._replace(element=limit + 1), "blobs: not the element"),
            (true._replace(element=true.element + Q), "blobs: not the element"),
            (padding._replace(element=padding.element + 1), "blobs: not the element"),
            (true._replace(element=limit + 1, witness=found[SPOILT].witness), "blobs: not the element"),
            (true._replace(element=limit + 1, witness=b"\xc0" + bytes(47)), "blobs: not the element"),
        ]
        accounts = [*session.listed, session.owner, session.stranger]
        for (case, _), account in zip(cases, accounts, strict=True):
            session.accuse(account, HONEST, case)
        session.pass_deadline()
        for (case, reason), account in zip(cases, accounts, strict=True):
            with reverts(reason):
                session.refute(account, HONEST, case)
        session.pass_deadline() if session.chain.time <= session.deadline() else session.advance(sender=session.owner)
        assert session.group(HONEST).status == Status.DELIVERED

    def test_anything_but_the_accusation(self, session: BlobDriver, found: list[Malformed]) -> None:
        """Another group, index, element, salt; somebody else's."""
        true, thief = found[SPOILT], session.listed[0]
        session.accuse(session.stranger, SPOILT, true)
        session.contract.accuse(
            session.accused(session.stranger, SPOILT, true), sender=thief, value=session.params.bond_wei
        )
        session.pass_deadline()
        for group, case in (
            (PADDED, true),
            (SPOILT, true._replace(index=FIRST + 1)),
            (SPOILT, true._replace(element=true.element + 1)),
            (SPOILT, true._replace(salt=b"\2" * 32)),
            (PADDED, found[PADDED]),
        ):
            with reverts("blobs: not the accusation"):
                session.refute(session.stranger, group, case)
        for account in (thief, session.owner):
            with reverts("blobs: not the accusation"):
                session.refute(account, SPOILT, true)
        session.refute(session.stranger, SPOILT, true)
        with reverts("blobs: not the accusation"):
            session.refute(session.stranger, SPOILT, true)

    def test_other_arguments(self, session: BlobDriver, found: list[Malformed]) -> None:
        true, me = found[SPOILT], session.stranger
        members, points = session.members_of(SPOILT), session.points(SPOILT)
        beyond = true._replace(index=2 * 4_096)
        session.accuse(me, SPOILT, true)
        session.accuse(session.owner, SPOILT, beyond)
        session.pass_deadline()

        def refused(
            reason: str, *, case: Malformed = true, who: str = me, at: object = None, by: object = None
        ) -> None:
            with reverts(reason):
                session.contract.refute(*case, members if by is None else by, points if at is None else at, sender=who)

        for accounts in (members[:1], members * 2, []):
            refused("blobs: length of the arguments", by=accounts)
        for witness in (b"", true.witness[:47]):
            refused("blobs: length of the arguments", case=true._replace(witness=witness))
        refused("session: no commitment", by=[me, members[1]])
        for accounts in (members[::-1], [members[0], members[0]], [members[0], me]):
            refused("session: not the group's members", by=accounts)
        for wrong in (b"", points[:-128], points * 2):
            refused("blobs: length of the points", at=wrong)
        split = b.split(points)
        for order in ((1, 0, 2, 3), (2, 3, 0, 1), (0, 1, 0, 1)):
            refused("blobs: not the upload's commitments", at=b"".join(split[i] for i in order))
        refused("blobs: not on the curve", at=b.off_the_curve(split[0]) + points[128:])
        refused("blobs: not the upload's commitments", at=b.off_the_subgroup() + points[128:])
        refused("blobs: not the element", case=true._replace(witness=found[PADDED].witness))
        refused("blobs: index beyond the last chunk", case=beyond, who=session.owner)

    def test_two_have_seen_the_same(self, session: BlobDriver, found: list[Malformed]) -> None:
        """The second one has its bond back too: who spoils a group can't make its accusers lose by being faster."""
        session.accuse(session.owner, SPOILT, found[SPOILT])
        session.accuse(session.stranger, SPOILT, found[SPOILT])
        before = session.chain.balance(session.stranger)
        session.pass_deadline()
        session.refute(session.owner, SPOILT, found[SPOILT])
        receipt = session.refute(session.stranger, SPOILT, found[SPOILT])
        assert receipt.named("Refuted")
        assert not receipt.named("GroupFailed")
        assert session.chain.balance(session.stranger) - before == session.params.bond_wei
        assert (session.refuted_count(), session.stage()) == (1, Stage.AGGREGATE)

    def test_a_settled_group_is_opened_too(self, session: BlobDriver, found: list[Malformed]) -> None:
        """A refuted group may be settled at once; bonds of other accusers still come back, nothing is paid twice."""
        session.accuse(session.owner, SPOILT, found[SPOILT])
        session.accuse(session.stranger, SPOILT, found[SPOILT])
        session.pass_deadline()
        session.refute(session.owner, SPOILT, found[SPOILT])
        session.settle(SPOILT)
        with reverts("session: the group is settled"):
            session.settle(SPOILT)
        session.refute(session.stranger, SPOILT, found[SPOILT])
        assert session.refuted_count() == 1

    def test_a_group_that_never_delivered(self, new_session: Factory) -> None:
        """Its commitments may be known to who made them: it has failed before, and isn't refuted."""
        session = new_session(parameter_count=40).to(Stage.COMMIT)
        spoil(session, 0, 0, 2**200)
        session.to(Stage.UPLOAD)
        for account in session.seated()[1:]:
            session.post(account)
        session.pass_deadline()
        found = session.malformed(0, 0)
        session.accuse(session.stranger, 0, found)
        session.pass_deadline()
        with reverts("session: the group has failed"):
            session.refute(session.stranger, 0, found)
        assert session.refuted_count() == 0


class TestUnopened:
    def test_a_bond_stays_locked(self, session: BlobDriver) -> None:
        """It is burnt; the session has lost a window, and nothing else."""
        digest = b"\7" * 32
        session.contract.accuse(digest, sender=session.stranger, value=session.params.bond_wei)
        session.pass_deadline()
        assert session.stage() == Stage.ACCUSE
        session.pass_deadline()
        assert session.stage() == Stage.AGGREGATE
        session.add_sums(0, 1, 2)
        session.pass_deadline()
        session.to(Stage.FINISHED)
        check_books(session, session.params.bond_wei)
        assert session.accusation(session.stranger) == digest
        with reverts("session: nothing to withdraw"):
            session.withdraw(sender=session.stranger)

    def test_a_malformed_sum_that_nobody_names(self, session: BlobDriver) -> None:
        """It has no norm that passes: nothing is selected, and everybody who has delivered is paid."""
        session.to(Stage.SELECT)
        limit = 2 * 4_096 * (2 * session.params.bound) ** 2
        for products in ([limit] * 3, [0] * 3):
            with reverts("blobs: the proof doesn't hold"):
                points = b"".join(point for g in range(3) for point in session.totals(g))
                evidence = points + points[:256] + bytes(6 * 32) + points[:256]
                session.contract.select_proven(products, evidence, sender=session.stranger)
        session.chain.next_at(session.deadline() + 1)
        session.advance(sender=session.stranger)
        assert (session.accepted(), session.unselected()) == (0, True)


class TestMoney:
    """Nobody of a refuted group has a share, all have their bonds; its price is burnt, with `krum` shared."""

    def outcome(self, session: BlobDriver, *groups: int) -> dict[str, int]:
        """Refutes them, by members of the last group, and ends the session; what each account has had of it, wei."""
        accusers = session.members_of(session.params.rounds - 1)
        found = {g: session.malformed(g, 0) for g in groups}
        for account, group in zip(accusers, groups, strict=False):
            session.accuse(account, group, found[group])
        session.pass_deadline()
        for account, group in zip(accusers, groups, strict=False):
            session.refute(account, group, found[group])
        session.to(Stage.PAYMENT)
        session.finish_payment()
        return {account: session.due(account) for account in (*session.listed, session.owner)}

    @pytest.mark.parametrize("terms", [{}, KRUM], ids=["norm", "krum"])
    def test_one_of_them(self, new_session: Factory, terms: dict[str, int]) -> None:
        constants = economy.record_constants()
        session = new_session(parameter_count=40, record_constants=constants, **terms).to(Stage.COMMIT)
        rounds, p = session.params.rounds, session.params
        spoil(session, 0, 0, 2**200)
        had = self.outcome(session.to(Stage.ACCUSE), 0)
        picked = session.accepted().bit_count()
        assert session.accepted() & 1 == 0
        assert picked == (1 if terms else rounds - 1)
        share, burnt, rest = economy.division(p, rounds, picked)
        for group in range(rounds):
            expected = p.bond_wei + share * (session.accepted() >> group & 1)
            assert [had[a] for a in session.members_of(group)] == [expected] * 2
        assert had[session.owner] == rest
        assert burnt == (0 if terms else 2 * (p.reward_wei // (2 * rounds)))
        session.withdraw_all()
        check_books(session, burnt)

    @pytest.mark.parametrize("terms", [{}, KRUM], ids=["norm", "krum"])
    def test_all_of_them(self, new_session: Factory, terms: dict[str, int]) -> None:
        """Nobody is paid, and the owner has back what no group has the price of: less than a seat's."""
        session = new_session(parameter_count=40, **terms).to(Stage.COMMIT)
        rounds, p = session.params.rounds, session.params
        for group in range(rounds):
            spoil(session, group, 0, 2**200)
        session.to(Stage.ACCUSE)
        found = [session.malformed(g, 0) for g in range(rounds)]
        accusers = session.listed[:rounds]
        for g, account in enumerate(accusers):
            session.accuse(account, g, found[g])
        session.pass_deadline()
        for g, account in enumerate(accusers):
            receipt = session.refute(account, g, found[g])
        assert receipt.only("Selected").burnt_wei == 2 * rounds * (p.reward_wei // (2 * rounds))
        assert (session.stage(), session.accepted(), session.unselected()) == (Stage.PAYMENT, 0, False)
        assert session.refuted_count() == rounds
        session.finish_payment()
        assert [session.due(a) for a in session.listed] == [p.bond_wei] * 2 * rounds
        assert session.due(session.owner) == p.reward_wei % (2 * rounds)
        session.withdraw_all()
        check_books(session, p.reward_wei - p.reward_wei % (2 * rounds))

    def test_it_goes_on_record(self, session: BlobDriver, found: list[Malformed]) -> None:
        refuted(session, session.stranger, SPOILT, found[SPOILT])
        event = session.settle(SPOILT).only("Settled")
        assert (event.paid, event.recorded, event.blamed) == (False, 3, 3)
        assert event.credited_wei == 2 * session.params.bond_wei

    def test_the_owner_gains_nothing_by_it(self, new_session: Factory) -> None:
        """It has a seat, spoils its group and refutes it: the price of its own seats is burnt too."""
        session = new_session(parameter_count=40).to(Stage.COMMIT)
        spoil(session, 0, 0, 2**200)
        session.to(Stage.ACCUSE)
        refuted(session, session.owner, 0, session.malformed(0, 0))
        session.to(Stage.PAYMENT).finish_payment()
        p = session.params
        assert session.due(session.owner) == p.reward_wei % (p.rounds * p.members)
