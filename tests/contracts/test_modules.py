"""The arithmetic inside the modules, one probe each, against plain Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import Accounts, Contract, compiled, reverts
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


class TestEscrow:
    @settings(max_examples=40)
    @given(members=st.integers(2, 16), bond=st.integers(1, 10**24), data=st.data())
    def test_bonds_of_a_failed_group_go_to_who_did_their_part(
        self, escrow: Contract, members: int, bond: int, data: st.DataObject
    ) -> None:
        did = data.draw(st.integers(0, (1 << members) - 1))
        back = [escrow.bond_back(bond, members, did, place) for place in range(members)]
        assert sum(back) == members * bond
        assert back == ref.bonds_back(bond, members, did)

    def test_no_more_is_credited_than_is_locked(self, escrow: Contract, accounts: Accounts) -> None:
        escrow.deposit(10, sender=accounts.alice)
        escrow.credit(9, sender=accounts.alice)
        with reverts("escrow: more than is locked"):
            escrow.credit(2, sender=accounts.alice)
        assert escrow.locked() == 1
