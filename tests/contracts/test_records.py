"""Records: what the market remembers of a data owner with a model owner (docs/PROTOCOL.md section 10)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import CONTRACTS, Accounts, Chain, Contract, SessionDriver, Stage, compiled, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.decoys import DECOY
from tests.contracts.harness.economy import FULL_SUSPICION, RecordConstants, decayed, record_constants, recorded
from tests.contracts.harness.fixtures import Factory

C = RecordConstants(decay=50, weight=4, newcomer=1 << 14, threshold=1 << 15)
RECORDS = {"record_constants": C.packed()}
TIGHT = {"parameter_count": 4}
"""A sum of all 7s is refused by `norm`."""


@pytest.fixture(scope="module")
def base(new_session: Factory) -> SessionDriver:
    return new_session(**RECORDS | TIGHT).to(Stage.COMMIT)


@pytest.fixture
def session(base: SessionDriver) -> SessionDriver:
    return base.copy()


def known(session: SessionDriver, *accounts: str) -> list[int | None]:
    """What the market says of them with the session's owner; None: nothing."""
    found = [session.market.suspicion(session.owner, a) for a in accounts]
    return [s if exists else None for exists, s in found]


BLAMED = recorded(C.newcomer, C.weight, True)
PRAISED = recorded(C.newcomer, C.weight, False)


class TestSettle:
    """(E27)"""

    def test_nobody_has_a_record_before(self, session: SessionDriver) -> None:
        assert known(session, *session.listed, session.owner, session.stranger) == [None] * 8
        assert tuple(session.market.suspicion(session.owner, session.listed[0])) == (False, 0)

    def test_accepted_and_rejected(self, session: SessionDriver) -> None:
        for account in session.members_of(1):
            session.vectors[account] = [7] * 4
        session.to(Stage.PAYMENT)
        assert session.accepted() == 0b01
        for group, suspicion in ((0, PRAISED), (1, BLAMED)):
            members = session.members_of(group)
            assert known(session, *members) == [None] * 3
            receipt = session.settle(group)
            event, changes = receipt.only("Settled"), receipt.named("RecordChanged")
            assert (event.recorded, event.blamed) == (0b111, 0b111 * group)
            assert [(e.owner, e.account, e.suspicion) for e in changes] == [
                (session.owner, a, suspicion) for a in members
            ]
            assert known(session, *members) == [suspicion] * 3
        assert (PRAISED, BLAMED) == (12_288, 28_672)

    def test_a_missed_commitment(self, session: SessionDriver) -> None:
        seats = session.seated()
        for account in (seats[0], *seats[2:]):
            session.commit(account)
        session.pass_deadline()
        event = session.settle(0).only("Settled")
        assert (event.recorded, event.blamed) == (0b010, 0b010)
        assert known(session, *seats[:3]) == [None, BLAMED, None]

    def test_a_missed_upload(self, session: SessionDriver) -> None:
        session.to(Stage.UPLOAD)
        seats = session.seated()
        for account in seats[:5]:
            session.upload_all(account)
        session.pass_deadline()
        event = session.settle(1).only("Settled")
        assert (event.recorded, event.blamed) == (0b100, 0b100)
        assert known(session, *seats[3:]) == [None, None, BLAMED]

    def test_who_declined(self, session: SessionDriver) -> None:
        seats = session.seated()
        session.decline(seats[2])
        session.pass_deadline()
        event = session.settle(0).only("Settled")
        assert (event.recorded, event.blamed) == (0b100, 0b100)
        assert known(session, *seats[:3]) == [None, None, BLAMED]
        assert known(session, *seats[3:]) == [None] * 3, "before their group is settled"

    def test_nobody_did_its_part(self, session: SessionDriver) -> None:
        """All have their bonds back, and a record."""
        session.pass_deadline()
        assert session.settle(0).only("Settled").blamed == 0b111
        assert known(session, *session.members_of(0)) == [BLAMED] * 3
        assert [session.due(a) for a in session.members_of(0)] == [session.params.bond_wei] * 3

    def test_both_rounds_count(self, session: SessionDriver) -> None:
        """Who is drawn again has its record from its second group; who missed twice is blamed twice."""
        seats = session.seated()
        for account in (seats[1], seats[2], seats[4]):
            session.commit(account)
        session.pass_deadline()
        assert session.members_of(2) == [seats[1], seats[2], seats[4]]
        for account in (seats[1], seats[2]):
            session.commit(account)
        session.pass_deadline()
        assert [session.settle(g).only("Settled").blamed for g in range(3)] == [0b001, 0b101, 0b100]
        assert known(session, *seats) == [BLAMED, None, None, BLAMED, BLAMED, BLAMED]

    def test_an_unselected_session_changes_nothing(self, session: SessionDriver) -> None:
        session.to(Stage.SELECT)
        session.pass_deadline()
        assert session.unselected()
        for group in range(2):
            receipt = session.settle(group)
            event = receipt.only("Settled")
            assert (event.recorded, event.blamed, receipt.named("RecordChanged")) == (0, 0, [])
        assert known(session, *session.listed) == [None] * 6

    def test_everything_rejected_is_unselected(self, session: SessionDriver) -> None:
        session.vectors |= {a: [7] * 4 for a in session.listed}
        session.to(Stage.PAYMENT)
        assert session.unselected()
        session.finish_payment()
        assert known(session, *session.listed) == [None] * 6

    def test_krums_rejections_change_nothing(self, new_session: Factory) -> None:
        krum = {"rule": 1, "rounds": 4, "members": 2, "krum_mu_bps": 2_000, "krum_m_rule": 1}
        session = new_session(**krum | RECORDS).to(Stage.PAYMENT)
        accepted = session.accepted()
        assert 0 < accepted < 0b1111
        for group in range(4):
            taken = accepted >> group & 1
            event = session.settle(group).only("Settled")
            assert (event.recorded, event.blamed) == (0b11 * taken, 0)
            assert known(session, *session.members_of(group)) == [PRAISED if taken else None] * 2

    def test_without_constants_nothing_is_remembered(self, new_session: Factory) -> None:
        session = new_session(**TIGHT).to(Stage.COMMIT)
        session.commit(session.seated()[0])
        receipt = session.pass_deadline()
        receipt = session.settle(0)
        event = receipt.only("Settled")
        assert (event.recorded, event.blamed, receipt.named("RecordChanged")) == (0, 0, [])
        assert known(session, *session.listed) == [None] * 6


class TestRegister:
    """(E26)"""

    def again(self, new_session: Factory, session: SessionDriver, **params: int) -> SessionDriver:
        """A session of the same owner with the same members, later."""
        return new_session(session.listed, **RECORDS | TIGHT | params).to(Stage.REGISTER)

    def test_a_newcomer(self, new_session: Factory) -> None:
        session = new_session(**RECORDS).to(Stage.REGISTER)
        receipt = session.register(session.listed[0])
        assert receipt.only("Registered").suspicion == C.newcomer
        assert receipt.named("RecordChanged") == []
        assert known(session, session.listed[0]) == [None], "it stays one until a settlement"

    @pytest.mark.parametrize("decay", [0, 1, 2, 50, 2**16 - 1])
    def test_a_record_fades(self, new_session: Factory, session: SessionDriver, decay: int) -> None:
        session.to(Stage.FINISHED)
        constants = C._replace(decay=decay).packed()
        later = self.again(new_session, session, record_constants=constants)
        account = later.listed[0]
        receipt = later.register(account)
        expected = decayed(PRAISED, decay)
        assert receipt.only("Registered").suspicion == expected
        assert known(later, account) == [expected]
        changes = [(e.account, e.suspicion) for e in receipt.named("RecordChanged")]
        assert changes == ([] if expected == PRAISED else [(account, expected)])

    def test_without_constants_it_doesnt_fade(self, new_session: Factory, session: SessionDriver) -> None:
        session.to(Stage.FINISHED)
        later = new_session(session.listed).to(Stage.REGISTER)
        receipt = later.register(later.listed[0])
        assert (receipt.only("Registered").suspicion, receipt.named("RecordChanged")) == (0, [])
        assert known(later, later.listed[0]) == [PRAISED]

    @pytest.mark.parametrize(("threshold", "pool"), [(BLAMED, 1), (BLAMED + 1, 0), (1, 1)])
    def test_the_threshold(self, new_session: Factory, session: SessionDriver, threshold: int, pool: int) -> None:
        """At or above it a member is suspect."""
        session.to(Stage.UPLOAD)
        session.pass_deadline()
        session.to(Stage.FINISHED)
        constants = C._replace(decay=0, newcomer=0, threshold=threshold).packed()
        later = new_session([*session.listed, session.stranger], assignment=1, record_constants=constants)
        later.to(Stage.REGISTER)
        later.register_all()
        members = [later.member(a) for a in later.listed]
        assert [m.pool for m in members] == [pool] * 6 + [ref.Pool.CLEAR]
        assert [m.rank for m in members] == [0, 1, 2, 3, 4, 5, 0 if pool else 6]

    def test_greedy_has_no_pools(self, new_session: Factory, session: SessionDriver) -> None:
        session.to(Stage.UPLOAD)
        session.pass_deadline()
        session.to(Stage.FINISHED)
        later = self.again(new_session, session, record_constants=C._replace(threshold=1).packed())
        later.register_all(later.listed[:3])
        assert [(later.member(a).pool, later.member(a).rank) for a in later.listed[:3]] == [(0, 0), (0, 1), (0, 2)]

    def test_newcomers_may_be_suspects(self, new_session: Factory) -> None:
        constants = C._replace(newcomer=C.threshold).packed()
        session = new_session(assignment=1, record_constants=constants).to(Stage.REGISTER)
        session.register(session.listed[0])
        assert session.member(session.listed[0]).pool == ref.Pool.SUSPECT


class TestWhose:
    def test_another_owner_starts_from_nothing(
        self, new_session: Factory, session: SessionDriver, accounts: Accounts
    ) -> None:
        """Washing: what a member does for somebody else says nothing to this owner."""
        session.to(Stage.UPLOAD)
        session.pass_deadline()
        session.to(Stage.FINISHED)
        assert known(session, *session.listed) == [BLAMED] * 6
        other = new_session(session.listed, owner=accounts.other_owner, **RECORDS | TIGHT)
        other.to(Stage.REGISTER)
        assert other.register(other.listed[0]).only("Registered").suspicion == C.newcomer
        other.register_all(other.listed[1:])
        other.to(Stage.FINISHED)
        assert known(other, *other.listed) == [PRAISED] * 6
        assert known(session, *session.listed) == [BLAMED] * 6

    def test_a_sham_session_can_only_blame_who_joined_it(
        self, new_session: Factory, session: SessionDriver, accounts: Accounts
    ) -> None:
        """Framing: the victim is on the list, but hasn't registered."""
        session.to(Stage.FINISHED)
        victims, own = session.listed, list(accounts[40:43])
        for owner in (session.owner, accounts.other_owner):
            sham = new_session([*own, *victims], owner=owner, rounds=1, **RECORDS | TIGHT).to(Stage.REGISTER)
            sham.register_all(own)
            assert sham.stage() == Stage.COMMIT
            sham.pass_deadline()
            with reverts("session: not the group's members"):
                sham.contract.settle(0, victims[:3], sender=sham.owner)
            sham.settle(0)
            assert known(sham, *own) == [BLAMED] * 3
        assert known(session, *victims) == [PRAISED] * 6

    @pytest.mark.parametrize("caller", ["stranger", "owner", "deployer", "alice"])
    def test_only_a_session_changes_records(self, market: Contract, accounts: Accounts, caller: str) -> None:
        sender = getattr(accounts, caller)
        with reverts("market: only a session"):
            market.decay(accounts.bob, C.packed(), sender=sender)
        with reverts("market: only a session"):
            market.record([accounts.bob], 1, C.packed(), sender=sender)

    def test_a_contract_is_no_session(self, market: Contract, accounts: Accounts) -> None:
        """Nor is the implementation, a facet, the market itself, or a clone that the market hasn't made."""
        decoy = compiled(DECOY).deploy(sender=accounts.stranger)
        clone = compiled(CONTRACTS / "SecModelUpdate.vy").at(
            decoy.clone(market.IMPLEMENTATION(), sender=accounts.stranger).value
        )
        for contract in (decoy.address, market.IMPLEMENTATION(), market.address, clone.address):
            with reverts("market: only a session"):
                market.record([accounts.bob], 1, C.packed(), sender=contract)
        for name, args in (("record", ([accounts.bob], 1, C.packed())), ("decay", (accounts.bob, C.packed()))):
            with reverts("market: only a session"):
                decoy.act(market.address, market.abi.calldata(name, args), sender=accounts.stranger)

    def test_a_session_of_another_market_is_none_here(
        self, market: Contract, new_session: Factory, accounts: Accounts
    ) -> None:
        other = compiled(CONTRACTS / "Market.vy").deploy(market.IMPLEMENTATION(), 0, sender=accounts.deployer)
        foreign = other.create_session(sender=accounts.owner).value
        with reverts("market: only a session"):
            market.record([accounts.bob], 1, C.packed(), sender=foreign)
        other.record([accounts.bob], 1, C.packed(), sender=foreign)
        assert tuple(other.suspicion(accounts.owner, accounts.bob)) == (True, BLAMED)
        assert tuple(market.suspicion(accounts.owner, accounts.bob)) == (False, 0)


class TestArithmetic:
    """Through the market, by a session of the test's own."""

    @pytest.fixture(scope="class")
    def caller(self, market: Contract, accounts: Accounts) -> str:
        return str(market.create_session(sender=accounts.owner).value)

    @settings(max_examples=30)
    @given(
        decay=st.integers(0, 2**16 - 1),
        weight=st.integers(2, 255),
        newcomer=st.integers(0, FULL_SUSPICION),
        history=st.lists(st.sampled_from(["blamed", "praised", "registers"]), max_size=6),
    )
    def test_any_history(
        self,
        chain: Chain,
        market: Contract,
        accounts: Accounts,
        caller: str,
        decay: int,
        weight: int,
        newcomer: int,
        history: list[str],
    ) -> None:
        c, account = RecordConstants(decay, weight, newcomer, 1), accounts.bob
        s: int | None = None
        with chain.anchor():
            for step in history:
                if step == "registers":
                    expected = newcomer if s is None else decayed(s, decay)
                    s = s if s is None else expected
                    assert market.decay(account, c.packed(), sender=caller).value == expected
                else:
                    s = recorded(newcomer if s is None else s, weight, step == "blamed")
                    market.record([account], int(step == "blamed"), c.packed(), sender=caller)
                assert 0 <= (s or 0) <= FULL_SUSPICION
                assert tuple(market.suspicion(accounts.owner, account)) == ((False, 0) if s is None else (True, s))

    def test_each_account_has_its_own_bit(self, market: Contract, accounts: Accounts, caller: str) -> None:
        members = list(accounts[:16])
        market.record(members, 0b1010_0000_0000_0001, C.packed(), sender=caller)
        found = [market.suspicion(accounts.owner, a)[1] for a in members]
        assert found == [BLAMED if i in (0, 13, 15) else PRAISED for i in range(16)]

    def test_blame_ends_at_the_worst(self, market: Contract, accounts: Accounts, caller: str) -> None:
        for _ in range(60):
            market.record([accounts.alice], 1, C.packed(), sender=caller)
        assert FULL_SUSPICION - C.weight < market.suspicion(accounts.owner, accounts.alice)[1] <= FULL_SUSPICION
        for _ in range(60):
            market.record([accounts.alice], 0, C.packed(), sender=caller)
        assert market.suspicion(accounts.owner, accounts.alice)[1] == 0

    def test_the_bits_are_the_pages(self) -> None:
        """decay 16, weight 8, newcomer 17, threshold 17."""
        assert [RecordConstants(*[int(i == k) for i in range(4)]).packed() for k in range(4)] == [
            1, 1 << 16, 1 << 24, 1 << 41,
        ]  # fmt: skip
        assert record_constants() == RecordConstants().packed()
        assert RecordConstants.unpacked(C.packed()) == C
