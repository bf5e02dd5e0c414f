"""Policy `recover`: who loses a bond to whom, what a seat is worth, what is burnt, what records say (sections 8 to 10).

Expected numbers are those of harness/economy.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.contracts.harness import STAGES, RecoverDriver, Stage, Status, economy, reverts
from tests.contracts.harness.dealing import deal, places
from tests.contracts.harness.economy import RecordConstants, recorded
from tests.contracts.harness.fixtures import RecoverFactory

C = RecordConstants()
ODD = {"reward_wei": 8 * 60_007 + 5}
"""A reward that divides by nothing; the bonds are odd, too."""

KRUM = {"rule": 1, "rounds": 4, "krum_mu_bps": 2_500, "krum_m": 1, "krum_m_rule": 1}


@pytest.fixture(scope="module")
def uploading(new_recover: RecoverFactory) -> RecoverDriver:
    """Two groups of four, T = 3, in stage Upload."""
    return new_recover(**ODD, record_constants=C.packed()).to(Stage.UPLOAD)


@pytest.fixture
def base(uploading: RecoverDriver) -> RecoverDriver:
    return uploading.copy()


def dues(session: RecoverDriver, group: int) -> list[int]:
    return [session.due(a) for a in session.members_of(group)]


def lifted_by_others(session: RecoverDriver, account: str) -> None:
    """Of the account's group all but it reveal, lend their shares, and rebuild its self mask."""
    members = session.members_of(session.seat(account)[0])
    stayed = [a for a in members if a != account and session.group(session.seat(a)[0]).delivered]
    for other in stayed:
        session.reveal(other)
    session.pass_half_of_reveal()
    for other in stayed:
        session.reveal_shares(other)
    session.rebuild(account)


def known(session: RecoverDriver, group: int) -> list[int | None]:
    """What the market says of a group's members; None: nothing."""
    found = [session.market.suspicion(session.owner, a) for a in session.members_of(group)]
    return [suspicion if exists else None for exists, suspicion in found]


GOOD, BAD = recorded(C.newcomer, C.weight, False), recorded(C.newcomer, C.weight, True)


class TestLiveGroups:
    """Who hasn't done its part loses its bond to those who have; a seat's price is for all of U."""

    def check(self, session: RecoverDriver, group: int, did: int) -> None:
        view = session.group(group)
        event = session.settle(group).only("Settled")
        share, _, _ = economy.rewards(session.params, 8, 8)
        bonds = economy.bonds_back(session.params.bond_wei, 4, did)
        due = [bond + share * (view.delivered >> i & 1) for i, bond in enumerate(bonds)]
        assert dues(session, group) == due
        assert (event.paid, event.credited_wei) == (True, sum(due))
        assert (event.recorded, event.blamed) == (0b1111, 0b1111 & ~did)
        assert known(session, group) == [GOOD if did >> i & 1 else BAD for i in range(4)]

    def test_nobody_is_gone(self, base: RecoverDriver) -> None:
        base.to(Stage.PAYMENT)
        self.check(base, 0, 0b1111)

    @pytest.mark.parametrize("place", range(4))
    def test_no_upload(self, base: RecoverDriver, place: int) -> None:
        base.upload_but(base.members_of(0)[place])
        base.to(Stage.PAYMENT)
        self.check(base, 0, 0b1111 ^ 1 << place)

    @pytest.mark.parametrize("place", range(4))
    def test_not_revealed(self, base: RecoverDriver, place: int) -> None:
        """Others have lifted its mask: it has its seat's price, and has lost its bond."""
        base.to(Stage.REVEAL)
        for account in base.members_of(1):
            base.reveal(account)
        lifted_by_others(base, base.members_of(0)[place])
        base.to(Stage.PAYMENT)
        self.check(base, 0, 0b1111 ^ 1 << place)
        self.check(base, 1, 0b1111)

    def test_not_lent(self, base: RecoverDriver) -> None:
        """Where the group is saved all the same, nobody asks who lent its shares."""
        base.to(Stage.REVEAL)
        members = base.members_of(0)
        for account in (*base.members_of(1), *members[:3]):
            base.reveal(account)
        base.pass_half_of_reveal()
        for account in members[:2]:
            base.reveal_shares(account)
        dealing = base.dealing(members[3])
        base.known[0, 3, 2] = dealing.shares[2][1]
        base.rebuild(members[3])
        base.to(Stage.PAYMENT)
        assert base.group(0).lent == 0b0011
        self.check(base, 0, 0b0111)

    def test_no_share(self, new_recover: RecoverFactory) -> None:
        session = new_recover(**ODD, record_constants=C.packed()).to(Stage.SHARE)
        session.share_all([a for a in session.seated() if a != session.members_of(0)[1]])
        session.pass_deadline()
        session.to(Stage.PAYMENT)
        assert session.group(0).committed == 0b1101
        self.check(session, 0, 0b1101)

    @pytest.mark.parametrize("gone", [True, False])
    def test_named_as_a_dealer_that_lied(self, new_recover: RecoverFactory, gone: bool) -> None:
        """Others than the holder of the bent share save the group, which is paid. N = 5: one subset more is left."""
        session = new_recover(members=5, rounds=1, bound=6, **ODD, record_constants=C.packed()).to(Stage.SHARE)
        liar, *others = session.members_of(0)
        dealing = session.dealing(liar)
        bent = {1: (dealing.shares[1][0] + 1, dealing.shares[1][1] + 1)}
        session.dealings[0, liar] = deal(session.self_secret(liar), dealing.shares | bent)
        session.to(Stage.UPLOAD)
        session.upload_but(*([liar] if gone else []))
        for account in others:
            session.reveal(account)
        session.pass_half_of_reveal()
        if not gone:
            for account in others:
                session.reveal_shares(account)
        session.rebuild(liar, 0b01110).only("DealerBlamed")
        session.rebuild(liar, 0b11100).only("Rebuilt")
        session.to(Stage.PAYMENT)
        view = session.group(0)
        event = session.settle(0).only("Settled")
        assert (view.blamed, view.opened, event.blamed) == (0b00001, 0b11111, 0b00001)
        share, _, _ = economy.rewards(session.params, 5, 5)
        due = [b + share for b in economy.bonds_back(session.params.bond_wei, 5, 0b11110)]
        due[0] -= share if gone else 0
        assert dues(session, 0) == due
        assert known(session, 0) == [BAD, GOOD, GOOD, GOOD, GOOD]

    def test_all_is_paid_out(self, base: RecoverDriver) -> None:
        """Bonds, the prices of all seats that delivered; the owner has those of the others."""
        base.upload_but(base.members_of(0)[2], base.members_of(1)[0])
        base.to(Stage.PAYMENT)
        share, burnt, rest = economy.rewards(base.params, 6, 6)
        base.finish_payment()
        assert base.credit_of(base.owner) == rest == base.params.reward_wei - 6 * share
        assert burnt == base.money().locked == 0
        base.to(Stage.FINISHED)
        assert base.money().withdrawn == base.money().deposited
        assert base.chain.balance(base.contract.address) == 0


class TestFailedGroups:
    def check(self, session: RecoverDriver, group: int, did: int, blamed: int | None = None) -> None:
        event = session.settle(group).only("Settled")
        due = economy.bonds_back(session.params.bond_wei, 4, did)
        marks = 0b1111 & ~did if blamed is None else blamed
        assert dues(session, group) == due
        assert (event.paid, event.credited_wei) == (False, 4 * session.params.bond_wei)
        assert (event.recorded, event.blamed) == (marks, marks)
        assert known(session, group) == [BAD if marks >> i & 1 else None for i in range(4)]

    @pytest.mark.parametrize("shared", [0b0000, 0b0001, 0b1010])
    def test_at_sharing(self, new_recover: RecoverFactory, shared: int) -> None:
        session = new_recover(**ODD, record_constants=C.packed()).to(Stage.SHARE)
        members = session.members_of(0)
        session.share_all([*[members[i] for i in places(shared)], *session.members_of(1)])
        session.pass_deadline()
        session.pass_deadline()
        self.check(session, 0, shared)

    @pytest.mark.parametrize("delivered", [0b0000, 0b1000, 0b0110])
    def test_at_the_upload(self, base: RecoverDriver, delivered: int) -> None:
        members = base.members_of(0)
        base.upload_but(*[members[i] for i in range(4) if not delivered >> i & 1])
        self.check(base, 0, delivered)

    @pytest.mark.parametrize("revealed", [0b0000, 0b0001, 0b1010])
    def test_at_revealing_for_want_of_a_mask_key(self, base: RecoverDriver, revealed: int) -> None:
        """Place 2 hasn't delivered, and its key needs three."""
        members = base.members_of(0)
        base.upload_but(members[2])
        for account in (*base.members_of(1), *[members[i] for i in places(revealed)]):
            base.reveal(account)
        base.pass_half_of_reveal()
        for i in places(revealed):
            base.reveal_shares(members[i])
        base.pass_deadline()
        self.check(base, 0, revealed)

    def test_though_all_revealed(self, base: RecoverDriver) -> None:
        """Nobody took the trouble to rebuild: who revealed isn't to blame for it."""
        members = base.members_of(0)
        base.upload_but(members[2])
        for account in (*base.members_of(1), *members[:2], members[3]):
            base.reveal(account)
        base.pass_deadline()
        self.check(base, 0, 0b1011)

    @pytest.mark.parametrize(("lent", "did"), [(0b000, 0b000), (0b001, 0b001), (0b011, 0b011)])
    def test_at_revealing_for_want_of_shares(self, base: RecoverDriver, lent: int, did: int) -> None:
        """Only who has stood in for the others did all of its part."""
        members = base.members_of(0)
        base.to(Stage.REVEAL)
        for account in (*base.members_of(1), *members[:2]):
            base.reveal(account)
        base.pass_half_of_reveal()
        for i in places(lent):
            base.reveal_shares(members[i])
        base.pass_deadline()
        self.check(base, 0, did)

    def test_a_group_that_failed_for_its_dealer(self, new_recover: RecoverFactory) -> None:
        """Named, it loses its bond to who revealed and lent its shares."""
        session = new_recover(**ODD, record_constants=C.packed()).to(Stage.SHARE)
        members = session.members_of(0)
        dealing = session.dealing(members[3])
        bent = {0: (dealing.shares[0][0] + 1, dealing.shares[0][1] + 1)}
        session.dealings[0, members[3]] = deal(session.self_secret(members[3]), dealing.shares | bent)
        session.to(Stage.REVEAL)
        for account in (*session.members_of(1), *members[:3]):
            session.reveal(account)
        session.pass_half_of_reveal()
        for account in members[:3]:
            session.reveal_shares(account)
        session.rebuild(members[3]).only("DealerBlamed")
        session.pass_deadline()
        self.check(session, 0, 0b0111)

    def test_the_price_of_its_seats_is_the_owner_s(self, base: RecoverDriver) -> None:
        members = base.members_of(0)
        base.upload_but(*members[:2], base.members_of(1)[3])
        base.to(Stage.PAYMENT)
        base.finish_payment()
        share, burnt, rest = economy.rewards(base.params, 3, 3)
        assert burnt == 0
        assert base.credit_of(base.owner) == rest == base.params.reward_wei - 3 * share

    def test_settled_as_soon_as_it_has_failed(self, base: RecoverDriver) -> None:
        base.upload_but(*base.members_of(0)[:2])
        with reverts("session: group isn't decided"):
            base.settle(1)
        event = base.settle(0).named("Withdrawn")[0]
        assert event.account == base.members_of(0)[2]


class TestRefused:
    def test_norm_burns_the_seats_of_who_delivered(self, new_recover: RecoverFactory) -> None:
        """Of a refused group all are blamed, also who wasn't there; bonds go their way all the same."""
        session = new_recover(**ODD, record_constants=C.packed(), parameter_count=4).to(Stage.UPLOAD)
        members = session.members_of(1)
        for account in members:
            session.vectors[account] = [7] * 4
        session.upload_but(members[0], session.members_of(0)[3])
        session.to(Stage.PAYMENT)
        assert session.accepted() == 0b01
        share, burnt, rest = economy.rewards(session.params, 6, 3)
        event = session.settle(1).only("Settled")
        assert (event.paid, event.recorded, event.blamed) == (False, 0b1111, 0b1111)
        assert dues(session, 1) == economy.bonds_back(session.params.bond_wei, 4, 0b1110)
        session.settle(0)
        bonds = economy.bonds_back(session.params.bond_wei, 4, 0b0111)
        assert dues(session, 0) == [b + share for b in bonds[:3]] + [0]
        assert (session.money().locked, session.credit_of(session.owner)) == (burnt, rest)
        assert burnt == 3 * share > 0
        assert known(session, 1) == [BAD] * 4
        session.to(Stage.FINISHED)
        assert session.money().withdrawn == session.money().deposited - burnt
        assert session.chain.balance(session.contract.address) == burnt

    def test_krum_divides_the_price_of_all_seats(self, new_recover: RecoverFactory) -> None:
        """Among those who delivered in the accepted groups; refused ones are blamed only for what they missed."""
        session = new_recover(**KRUM, record_constants=C.packed(), reward_wei=16 * 70_001).to(Stage.UPLOAD)
        gone = [session.members_of(g)[g] for g in (0, 1, 2)]
        session.upload_but(*gone)
        session.to(Stage.PAYMENT)
        (accepted,) = places(session.accepted())
        counts = [session.group(g).delivered.bit_count() for g in range(4)]
        assert counts == [3, 3, 3, 4]
        share, burnt, rest = economy.rewards(session.params, 13, counts[accepted])
        assert share == 70_001 * 13 // counts[accepted]
        for group in range(4):
            event = session.settle(group).only("Settled")
            view = session.group(group)
            bonds = economy.bonds_back(session.params.bond_wei, 4, view.delivered)
            paid = share if group == accepted else 0
            assert dues(session, group) == [b + paid * (view.delivered >> i & 1) for i, b in enumerate(bonds)]
            missed = 0b1111 ^ view.delivered
            assert (event.recorded, event.blamed) == (0b1111 if group == accepted else missed, missed)
        assert (burnt, session.credit_of(session.owner)) == (0, rest)

    @pytest.mark.parametrize("stage", [Stage.AGGREGATE, Stage.SELECT])
    def test_without_a_selection_all_who_delivered_are_paid(self, base: RecoverDriver, stage: Stage) -> None:
        base.upload_but(base.members_of(0)[1])
        base.to(stage)
        selected = base.pass_deadline().only("Selected")
        share, burnt, rest = economy.rewards(base.params, 7, 7)
        assert (selected.unselected, selected.share_wei, selected.burnt_wei, burnt) == (True, share, 0, 0)
        event = base.settle(0).only("Settled")
        assert (event.paid, event.recorded, event.blamed) == (True, 0b0010, 0b0010)
        assert known(base, 0) == [None, BAD, None, None]
        base.settle(1)
        assert base.credit_of(base.owner) == rest


class TestTwice:
    def test_what_both_rounds_gave(self, new_recover: RecoverFactory) -> None:
        """A survivor has its part of the bonds of the first group, and whatever the second brings."""
        session = new_recover(**ODD).to(Stage.SHARE)
        first, second = session.members_of(0), session.members_of(1)
        session.share_all([*first[:2], *second[:2]])
        session.pass_deadline()
        session.pass_deadline()
        again = session.members_of(2)
        session.to(Stage.UPLOAD)
        session.upload_but(again[3])
        session.to(Stage.PAYMENT)
        for group in range(3):
            session.settle(group)
        bond = session.params.bond_wei
        share, _, rest = economy.rewards(session.params, 3, 3)
        failed = economy.bonds_back(bond, 4, 0b0011)
        last = economy.bonds_back(bond, 4, 0b0111)
        due = [b + share * (i < 3) for i, b in enumerate(last)]
        gained = [failed[i] - bond for i in (0, 1, 0, 1)]
        assert [session.due(a) for a in again] == [d + g for d, g in zip(due, gained, strict=True)]
        assert [session.due(a) for a in (*first[2:], *second[2:])] == [0] * 4
        assert session.credit_of(session.owner) == rest
        session.to(Stage.FINISHED)
        assert session.money().withdrawn == session.money().deposited


class TestBooks:
    @pytest.mark.parametrize("gone", range(3))
    def test_they_add_up_at_every_stage(self, new_recover: RecoverFactory, gone: int) -> None:
        session = new_recover(9, assignment=1)
        for stage in STAGES[1]:
            if stage == Stage.REVEAL:
                session.upload_but(*session.members_of(0)[:gone])
            session.to(stage)
            money = session.money()
            assert money.credits == sum(session.credit_of(a) for a in (session.owner, *session.listed))
            assert money.deposited == money.credits + money.locked + money.withdrawn
            assert session.chain.balance(session.contract.address) == money.deposited - money.withdrawn

    def test_who_comes_back_with_its_group_has_delivered(self, base: RecoverDriver) -> None:
        """A seat in an accepted group alone is no recommendation."""
        members = base.members_of(0)
        base.upload_but(members[2])
        base.to(Stage.PAYMENT)
        assert base.accepted() == 0b11
        assert [tuple(base.alumnus(a)) for a in members] == [(i != 2, 0, i, 4) for i in range(4)]
        assert base.group(0).status == Status.AGGREGATED

    def test_so_only_they_name_it_as_their_cohort(self, base: RecoverDriver, new_recover: RecoverFactory) -> None:
        members = base.members_of(0)
        base.upload_but(members[2])
        base.to(Stage.PAYMENT)
        later = new_recover(assignment=1).to(Stage.REGISTER)
        cohort = int(base.contract.address, 16) << 8
        for place, account in enumerate(members):
            later.cohorts[account] = (cohort, place)
            if place != 2:
                assert later.register(account).only("Registered").cohort == cohort
                continue
            with reverts("session: not of the cohort"):
                later.register(account)


def test_what_a_member_is_shown(base: RecoverDriver) -> None:
    """Nothing before the settlement, which pays it."""
    members: Sequence[str] = base.members_of(0)
    base.upload_but(members[1])
    base.to(Stage.PAYMENT)
    for account in members:
        assert base.credit_of(account) == 0
        with reverts("session: nothing to withdraw"):
            base.contract.withdraw(sender=account)
    paid = {event.account: event.amount_wei for event in base.settle(0).named("Withdrawn")}
    assert paid.keys() == {members[0], members[2], members[3]}
    assert min(paid.values()) > base.params.bond_wei
    for account in members:
        assert (base.credit_of(account), base.member(account).withdrawn) == (0, account in paid)
        with reverts("session: nothing to withdraw"):
            base.contract.withdraw(sender=account)
