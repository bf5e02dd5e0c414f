"""Cohorts: an accepted group of an earlier session of the same owner registers again as one (sections 6.1 and 11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contracts.harness import CONTRACTS, DAY, Accounts, Contract, SessionDriver, Stage, compiled, reverts
from tests.contracts.harness import reference as ref
from tests.contracts.harness.economy import record_constants
from tests.contracts.harness.fixtures import Factory, factory

PAIRS = {"members": 2, "parameter_count": 4}


def cohort_of(session: SessionDriver, group: int) -> int:
    return int(session.contract.address, 16) << 8 | group


@pytest.fixture(scope="module")
def earlier(new_session: Factory) -> SessionDriver:
    """Four groups of two: the first three were accepted, the last one refused."""
    session = new_session(rounds=4, **PAIRS)
    session.vectors |= {a: [7] * 4 for a in session.listed[6:]}
    session.to(Stage.PAYMENT)
    assert session.accepted() == 0b0111
    session.to(Stage.FINISHED)
    return session


Later = Callable[..., SessionDriver]


@pytest.fixture(scope="module")
def later(new_session: Factory, earlier: SessionDriver, accounts: Accounts) -> Later:
    """A session of the same owner in Register; everybody's cohort is set."""

    def make(listed: int = 16, **params: int) -> SessionDriver:
        session = new_session(accounts[:listed], **{"assignment": 1, "rounds": 3} | PAIRS | params).to(Stage.REGISTER)
        for account in earlier.listed[:6]:
            seat = earlier.member(account)
            session.cohorts[account] = (cohort_of(earlier, seat.group), seat.place)
        return session

    return make


@pytest.fixture
def session(later: Later) -> SessionDriver:
    return later()


def joined(session: SessionDriver, accounts: list[str]) -> list[ref.Joined]:
    """What they registered as, in that order; nobody is suspect."""
    found = []
    for account in accounts:
        cohort, place = session.cohorts.get(account, (0, 0))
        found.append(ref.Joined(account, ref.Pool.COHORT if cohort else ref.Pool.CLEAR, cohort, place))
    return found


def check_seats(session: SessionDriver, accounts: list[str]) -> ref.Draw:
    """Draws, and compares the seats with the page's."""
    session.close_registration()
    draw = ref.Draw(joined(session, accounts), session.params.rounds, session.params.members)
    assert session.group_count() == draw.groups
    assert session.seats() == draw.seats(session.contract.seed())
    bond = session.params.bond_wei
    assert {a for a in accounts if session.credit_of(a) == bond} == set(accounts) - set(session.seats())
    return draw


class TestRegister:
    def test_it_joins_the_pool_of_cohorts(self, session: SessionDriver) -> None:
        alone, *together = [session.listed[8], *session.listed[:3]]
        session.register(alone)
        for rank, account in enumerate(together):
            event = session.register(account).only("Registered")
            assert event.cohort == session.cohorts[account][0]
            assert event.index == rank + 1
            member = session.member(account)
            assert (member.pool, member.rank, member.seated) == (ref.Pool.COHORT, rank, False)
        assert (session.member(alone).pool, session.member(alone).rank) == (ref.Pool.CLEAR, 0)

    def test_who_names_none_comes_alone(self, session: SessionDriver) -> None:
        del session.cohorts[session.listed[0]]
        event = session.register(session.listed[0]).only("Registered")
        assert (event.cohort, session.member(session.listed[0]).pool) == (0, ref.Pool.CLEAR)

    def test_a_suspect_in_a_cohort_is_no_suspect(self, later: Later) -> None:
        session = later(record_constants=record_constants(newcomer=2**15))
        session.register_all([session.listed[0], session.listed[8]])
        assert [session.member(session.listed[i]).pool for i in (0, 8)] == [ref.Pool.COHORT, ref.Pool.SUSPECT]

    def refuse(self, session: SessionDriver, account: str, cohort: int, reason: str) -> None:
        session.cohorts[account] = (cohort, 0)
        with reverts(reason):
            session.register(account)
        assert not session.member(account).registered

    def test_a_group_that_was_refused(self, session: SessionDriver, earlier: SessionDriver) -> None:
        self.refuse(session, session.listed[6], cohort_of(earlier, 3), "session: not of the cohort")

    @pytest.mark.parametrize("group", [1, 2, 3, 4, 255])
    def test_a_group_of_others(self, session: SessionDriver, earlier: SessionDriver, group: int) -> None:
        self.refuse(session, session.listed[0], cohort_of(earlier, group), "session: not of the cohort")

    def test_who_wasnt_there(self, session: SessionDriver, earlier: SessionDriver) -> None:
        self.refuse(session, session.listed[8], cohort_of(earlier, 0), "session: not of the cohort")

    def test_another_number_of_members(self, later: Later, earlier: SessionDriver) -> None:
        session = later(members=3)
        self.refuse(session, session.listed[0], cohort_of(earlier, 0), "session: not of the cohort")

    def test_greedy(self, later: Later, earlier: SessionDriver) -> None:
        session = later(assignment=0)
        self.refuse(session, session.listed[0], cohort_of(earlier, 0), "session: cohort with greedy")

    @pytest.mark.parametrize("cohort", [1, 255, 1 << 8, 1 << 167, 1 << 168, 2**256 - 1])
    def test_no_such_session(self, session: SessionDriver, cohort: int) -> None:
        self.refuse(session, session.listed[0], cohort, "session: unknown cohort")

    def test_beyond_an_address(self, session: SessionDriver, earlier: SessionDriver) -> None:
        """The same session, with a bit above its 160."""
        cohort = cohort_of(earlier, 0) | 1 << 168
        self.refuse(session, session.listed[0], cohort, "session: unknown cohort")

    def test_another_owners_session(self, new_session: Factory, earlier: SessionDriver, accounts: Accounts) -> None:
        session = new_session(earlier.listed, owner=accounts.other_owner, assignment=1, **PAIRS).to(Stage.REGISTER)
        self.refuse(session, session.listed[0], cohort_of(earlier, 0), "session: unknown cohort")

    def test_another_markets_session(self, market: Contract, session: SessionDriver, accounts: Accounts) -> None:
        """Even when it runs the same code for the same owner: anybody can make a market."""
        other = compiled(CONTRACTS / "Market.vy").deploy(market.IMPLEMENTATION(), 0, sender=accounts.deployer)
        foreign = factory(session.chain, other, accounts)(session.listed[:4], **PAIRS).to(Stage.FINISHED)
        assert foreign.alumnus(session.listed[0]).accepted
        self.refuse(session, session.listed[0], cohort_of(foreign, 0), "session: unknown cohort")

    def test_the_market_and_the_implementation(self, session: SessionDriver, market: Contract) -> None:
        for address in (market.address, market.IMPLEMENTATION(), session.owner):
            self.refuse(session, session.listed[0], int(address, 16) << 8, "session: unknown cohort")

    @pytest.mark.parametrize("stage", [Stage.SETUP, Stage.COMMIT, Stage.SELECT])
    def test_a_session_that_hasnt_selected(self, later: Later, new_session: Factory, stage: Stage) -> None:
        session = later()
        running = new_session(session.listed[:4], **PAIRS).to(stage)
        self.refuse(session, session.listed[0], cohort_of(running, 0), "session: not of the cohort")

    def test_an_unselected_session_has_no_alumni(self, later: Later, new_session: Factory) -> None:
        session = later(register_secs=30 * DAY)
        unselected = new_session(session.listed[:4], **PAIRS).to(Stage.SELECT)
        unselected.pass_deadline()
        assert not unselected.alumnus(session.listed[0]).accepted
        self.refuse(session, session.listed[0], cohort_of(unselected, 0), "session: not of the cohort")

    def test_itself(self, session: SessionDriver) -> None:
        """It can't ask itself while it is asked."""
        session.cohorts[session.listed[0]] = (cohort_of(session, 0), 0)
        with reverts():
            session.register(session.listed[0])

    def test_a_session_in_payment_already_has_alumni(self, later: Later, new_session: Factory) -> None:
        session = later()
        fresh = new_session(session.listed[:4], **PAIRS).to(Stage.PAYMENT)
        session.cohorts[session.listed[3]] = (cohort_of(fresh, 1), 1)
        session.register(session.listed[3])
        assert session.member(session.listed[3]).pool == ref.Pool.COHORT


class TestSeats:
    def test_they_sit_together_as_they_did(self, session: SessionDriver) -> None:
        """Places are those of the earlier session, whatever the order of registration."""
        accounts = [session.listed[i] for i in (1, 8, 0, 9)]
        session.register_all(accounts)
        check_seats(session, accounts)
        assert [session.members_of(0), session.group_count()] == [[session.listed[0], session.listed[1]], 2]

    def test_an_incomplete_cohort_has_no_seat(self, session: SessionDriver) -> None:
        accounts = [session.listed[i] for i in (0, 2, 4, 8, 9)]
        session.register_all(accounts)
        draw = check_seats(session, accounts)
        assert (len(draw.complete), draw.groups) == (0, 1)
        assert set(session.seats()) == {session.listed[8], session.listed[9]}

    def test_incomplete_cohorts_alone_are_too_few(self, session: SessionDriver) -> None:
        session.register_all([session.listed[i] for i in (0, 2, 4)])
        receipt = session.pass_deadline()
        assert receipt.only("Cancelled").groups == 0
        assert session.stage() == Stage.FINISHED
        assert [session.credit_of(session.listed[i]) for i in (0, 2, 4)] == [session.params.bond_wei] * 3

    @pytest.mark.parametrize("blocks", range(12))
    def test_cohorts_and_others_share_the_groups(self, session: SessionDriver, blocks: int) -> None:
        """Three cohorts and four loose groups for three: each seed has its own number of either."""
        accounts = [session.listed[i] for i in (2, 0, 8, 1, 9, 3, 10, 11, 12, 5, 13, 4, 14, 15)]
        session.register_all(accounts)
        session.chain.mine(blocks)
        draw = check_seats(session, accounts)
        assert (draw.units, draw.groups) == (7, 3)

    def test_the_number_of_seated_cohorts_varies(self) -> None:
        """R K / U on average: 9/7."""
        everybody = [ref.Joined(f"{i}", *((2, i // 2 + 1, i % 2) if i < 6 else ())) for i in range(14)]
        draw = ref.Draw(everybody, 3, 2)
        assert {draw.kept(bytes([k]) * 32) for k in range(64)} == {1, 2}

    def test_two_cohorts_are_enough_for_all_groups(self, later: Later) -> None:
        session = later(rounds=2)
        accounts = session.listed[:4]
        session.register_all(accounts)
        draw = check_seats(session, accounts)
        assert (len(draw.complete), draw.loose) == (2, 0)
        assert {session.members_of(g)[0] for g in range(2)} == {session.listed[0], session.listed[2]}

    def test_a_whole_session_of_cohorts_and_a_second_round(self, later: Later) -> None:
        """Their seats are remembered when the commitment takes the place of the cohort."""
        session = later(10, rounds=5)
        session.register_all()
        session.to(Stage.COMMIT)
        first = session.seats()
        assert len(first) == 10
        for number, account in enumerate(session.seated()):
            if number not in (0, 3):
                session.commit(account)
                assert session.seats() == first
        session.pass_deadline()
        assert session.first_groups() == 5
        assert session.first_seats() == first
        session.to(Stage.FINISHED)
        assert session.money().withdrawn == session.money().deposited

    def test_a_group_of_the_second_round_comes_back_too(self, later: Later, new_session: Factory) -> None:
        session = new_session(8, rounds=2, **PAIRS).to(Stage.COMMIT)
        seats = session.seated()
        for account in (seats[1], seats[3]):
            session.commit(account)
        session.pass_deadline()
        session.to(Stage.FINISHED)
        assert session.members_of(2) == [seats[1], seats[3]]
        assert tuple(session.alumnus(seats[3])) == (True, 2, 1, 2)
        again = later()
        again.cohorts = {seats[1]: (cohort_of(session, 2), 0), seats[3]: (cohort_of(session, 2), 1)}
        again.register_all([seats[3], seats[1]])
        again.close_registration()
        assert again.members_of(0) == [seats[1], seats[3]]


def test_an_alumnus_is_who_has_a_seat(earlier: SessionDriver) -> None:
    for number, account in enumerate(earlier.listed):
        assert tuple(earlier.alumnus(account)) == (number < 6, number // 2, number % 2, 2)
    assert tuple(earlier.alumnus(earlier.stranger)) == (False, 0, 0, 0)
