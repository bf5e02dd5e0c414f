"""The arithmetic inside the modules, one probe each, against plain Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import CONTRACTS, Accounts, Contract, compiled, economy, reverts
from tests.contracts.harness import reference as ref

MOCKS = Path(__file__).parent / "mocks"


@pytest.fixture(scope="module")
def draw(accounts: Accounts) -> Contract:
    return compiled(MOCKS / "DrawProbe.vy").deploy(sender=accounts.deployer)


@pytest.fixture(scope="module")
def escrow(accounts: Accounts) -> Contract:
    return compiled(MOCKS / "EscrowProbe.vy").deploy(sender=accounts.deployer)


class TestDraw:
    @pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 15, 16, 17, 32, 63, 64])
    def test_it_is_a_permutation_and_the_one_of_the_protocol(self, draw: Contract, n: int) -> None:
        seed = bytes([n]) * 32
        places = draw.places(seed, n)
        assert sorted(places) == list(range(n))
        assert places == [ref.permute(seed, i, n) for i in range(n)]

    @settings(max_examples=25)
    @given(seed=st.binary(min_size=32, max_size=32), n=st.integers(1, 4096), data=st.data())
    def test_any_size_up_to_the_longest_whitelist(
        self, draw: Contract, seed: bytes, n: int, data: st.DataObject
    ) -> None:
        index = data.draw(st.integers(0, n - 1))
        assert draw.permuted(seed, index, n) == ref.permute(seed, index, n)


class TestSeats:
    """Who sits where, by the contract that every session asks (E21 to E23)."""

    @pytest.fixture(scope="class")
    def rules(self, accounts: Accounts) -> Contract:
        return compiled(CONTRACTS / "SessionRules.vy").deploy(sender=accounts.deployer)

    def seats_by(self, rules: Contract, draw: ref.Draw, seed: bytes, rounds: int) -> ref.Seats:
        """Everybody's seat, one call each."""
        complete, clear = len(draw.complete), len(draw.pools[ref.Pool.CLEAR])
        kept = rules.cohort_groups(seed, rounds, complete, draw.loose // draw.members)
        found = {}
        terms = (draw.groups, kept, draw.members, complete, draw.loose, clear)
        for number, cohort in enumerate(draw.complete):
            for account, place in cohort.items():
                found[account] = rules.cohort_seat(seed, terms, number, place)
        for pool in (ref.Pool.CLEAR, ref.Pool.SUSPECT):
            for rank, account in enumerate(draw.pools[pool]):
                found[account] = rules.loose_seat(seed, terms, pool == ref.Pool.SUSPECT, rank)
        return {a: divmod(seat - 1, draw.members) for a, seat in found.items() if seat}

    def draw_of(self, members: int, rounds: int, clear: int, suspect: int, cohorts: int) -> ref.Draw:
        joined = [ref.Joined(f"clear {i}") for i in range(clear)]
        joined += [ref.Joined(f"suspect {i}", ref.Pool.SUSPECT) for i in range(suspect)]
        joined += [ref.Joined(f"{k}/{i}", ref.Pool.COHORT, k + 1, i) for k in range(cohorts) for i in range(members)]
        return ref.Draw(joined, rounds, members)

    @settings(max_examples=20)
    @given(
        seed=st.binary(min_size=32, max_size=32),
        members=st.integers(2, 5),
        rounds=st.integers(1, 6),
        clear=st.integers(0, 25),
        suspect=st.integers(0, 25),
        cohorts=st.integers(0, 8),
    )
    def test_they_are_the_pages(
        self, rules: Contract, seed: bytes, members: int, rounds: int, clear: int, suspect: int, cohorts: int
    ) -> None:
        draw = self.draw_of(members, rounds, clear, suspect, cohorts)
        if not draw.groups:
            return
        seats = self.seats_by(rules, draw, seed, rounds)
        assert seats == draw.seats(seed)
        assert sorted(seats.values()) == [(g, p) for g in range(draw.groups) for p in range(members)], "each seat once"

    @pytest.mark.parametrize(("clear", "suspect", "seated"), [(8, 8, 8), (6, 8, 6), (12, 4, 8), (4, 12, 4)])
    def test_clear_members_come_first(self, rules: Contract, clear: int, suspect: int, seated: int) -> None:
        """Two classes: suspects have the seats that are left."""
        for k in range(4):
            seats = self.seats_by(rules, self.draw_of(2, 4, clear, suspect, 0), bytes([k]) * 32, 4)
            assert sum(a.startswith("clear") for a in seats) == seated

    @pytest.mark.parametrize(("clear", "suspect"), [(3, 20), (20, 3)])
    def test_a_small_class_is_none(self, rules: Contract, clear: int, suspect: int) -> None:
        """Fewer than 2 N of a class could be told from their group: they are drawn with the others."""
        found = set()
        for k in range(6):
            seats = self.seats_by(rules, self.draw_of(2, 4, clear, suspect, 0), bytes([k]) * 32, 4)
            found.add(sum(a.startswith("clear") for a in seats))
        assert len(found) > 1

    @pytest.mark.parametrize(("cohorts", "loose", "rounds"), [(3, 4, 3), (1, 9, 2), (5, 5, 6), (4, 0, 2), (0, 4, 2)])
    def test_cohorts_get_their_part_of_the_groups(self, rules: Contract, cohorts: int, loose: int, rounds: int) -> None:
        """R K / U on average; over all remainders exactly."""
        units = cohorts + loose
        kept = [rules.cohort_groups(bytes([k]) * 32, rounds, cohorts, loose) for k in range(60)]
        draw = self.draw_of(2, rounds, 2 * loose, 0, cohorts)
        assert kept == [draw.kept(bytes([k]) * 32) for k in range(60)]
        least = cohorts if units <= rounds else rounds * cohorts // units
        assert set(kept) <= {least, min(cohorts, least + 1)}
        if units > rounds:
            assert sum((rounds * cohorts + x) // units for x in range(units)) == rounds * cohorts


class TestBonds:
    @settings(max_examples=40)
    @given(members=st.integers(2, 16), bond=st.integers(1, 10**24), data=st.data())
    def test_bonds_of_a_failed_group_go_to_who_did_their_part(
        self, accounts: Accounts, members: int, bond: int, data: st.DataObject
    ) -> None:
        """With the whole bond lost, as by a member that misses, or a part of it, as by one that declines."""
        rules = compiled(CONTRACTS / "SessionRules.vy").deploy(sender=accounts.deployer)
        did = data.draw(st.integers(0, (1 << members) - 1))
        lost = data.draw(st.one_of(st.just(bond), st.integers(0, bond)))
        back = [rules.bond_back(bond, lost, members, did, place) for place in range(members)]
        assert sum(back) == members * bond
        assert back == economy.bonds_back(bond, members, did, lost)


class TestEscrow:
    """deposited = credits + locked + withdrawn, and the reserve is a part of what is locked."""

    def test_no_more_is_credited_than_is_locked(self, escrow: Contract, accounts: Accounts) -> None:
        escrow.deposit(10, sender=accounts.alice)
        escrow.credit(9, sender=accounts.alice)
        with reverts("escrow: more than is locked"):
            escrow.credit(2, sender=accounts.alice)
        assert escrow.books() == [10, 9, 0, 1, 0]

    def test_fees_come_out_of_the_reserve(self, escrow: Contract, accounts: Accounts) -> None:
        escrow.deposit(10, sender=accounts.alice)
        escrow.deposit_reserve(7, sender=accounts.alice)
        assert escrow.books() == [17, 0, 0, 17, 7]
        escrow.credit_fee(5, sender=accounts.alice)
        assert escrow.books() == [17, 5, 0, 12, 2]
        with reverts("escrow: more than the reserve"):
            escrow.credit_fee(3, sender=accounts.alice)

    def test_the_owner_has_what_is_left(self, escrow: Contract, accounts: Accounts) -> None:
        escrow.deposit(10, sender=accounts.alice)
        escrow.deposit_reserve(7, sender=accounts.alice)
        escrow.credit_fee(5, sender=accounts.alice)
        escrow.fix(4, 2, sender=accounts.alice)
        assert escrow.end(sender=accounts.alice).value == 4
        assert escrow.books() == [17, 9, 0, 8, 0]
