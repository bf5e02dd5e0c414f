"""set_whitelist_root(root, capacity): a Merkle root instead of a list; any number of leaves (E28)."""

from __future__ import annotations

import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import Accounts, Chain, SessionDriver, Stage, economy, reverts
from tests.contracts.harness.fixtures import Factory


@pytest.fixture
def session(new_session: Factory) -> SessionDriver:
    """Eleven leaves, seven may register."""
    return new_session(11, rooted=True, capacity=7)


def set_root(session: SessionDriver, root: bytes, capacity: int = 6) -> None:
    session.contract.set_whitelist_root(root, capacity, sender=session.owner)


class TestSet:
    def test_it_sets_and_says_so(self, session: SessionDriver) -> None:
        event = session.whitelist().only("WhitelistRootSet")
        root = economy.merkle_root(session.listed)
        assert (event.root, event.capacity) == (root, 7)
        assert (session.whitelist_root(), session.contract.capacity()) == (root, 7)
        assert not any(session.member(a).listed for a in session.listed)

    def test_a_later_call_replaces_it(self, session: SessionDriver) -> None:
        session.whitelist()
        set_root(session, b"\7" * 32, 4_096)
        assert (session.whitelist_root(), session.contract.capacity()) == (b"\7" * 32, 4_096)

    def test_only_the_owner(self, session: SessionDriver, accounts: Accounts) -> None:
        for sender in (accounts.alice, accounts.stranger, session.contract.market()):
            with reverts("session: only the owner"):
                session.contract.set_whitelist_root(b"\1" * 32, 6, sender=sender)

    @pytest.mark.parametrize("stage", [Stage.REGISTER, Stage.COMMIT, Stage.FINISHED])
    def test_only_in_setup(self, session: SessionDriver, stage: Stage) -> None:
        session.to(stage)
        with reverts("session: wrong stage"):
            set_root(session, b"\1" * 32)

    def test_an_empty_root(self, session: SessionDriver) -> None:
        with reverts("session: empty root"):
            set_root(session, bytes(32))

    @pytest.mark.parametrize("capacity", [0, 4_097, 2**16 + 1, 2**256 - 1])
    def test_the_capacity(self, session: SessionDriver, capacity: int) -> None:
        with reverts("session: capacity out of 1..4096"):
            set_root(session, b"\1" * 32, capacity)
        assert session.whitelist_root() == bytes(32)

    def test_not_with_a_list(self, session: SessionDriver) -> None:
        session.contract.whitelist(session.listed, sender=session.owner)
        with reverts("session: whitelist has a list"):
            set_root(session, b"\1" * 32)

    def test_no_list_with_a_root(self, session: SessionDriver) -> None:
        session.whitelist()
        with reverts("session: whitelist has a root"):
            session.contract.whitelist(session.listed, sender=session.owner)

    def test_ether_is_not_taken(self, session: SessionDriver) -> None:
        with reverts():
            session.contract.set_whitelist_root(b"\1" * 32, 6, sender=session.owner, value=1)


class TestRegister:
    @pytest.fixture
    def open_one(self, session: SessionDriver) -> SessionDriver:
        return session.to(Stage.REGISTER)

    def test_every_leaf_may(self, open_one: SessionDriver) -> None:
        for account in open_one.listed[4:10]:
            open_one.register(account)
            member = open_one.member(account)
            assert (member.listed, member.registered) == (False, True)

    def attempt(self, session: SessionDriver, account: str, proof: list[bytes]) -> None:
        keys, bond = session.keys(account), session.params.bond_wei
        session.contract.register(keys, proof, 0, sender=account, value=bond)

    @pytest.mark.parametrize("wrong", ["none", "another's", "short", "longer", "order", "bit"])
    def test_a_bad_proof(self, open_one: SessionDriver, wrong: str) -> None:
        account, other = [a for a in open_one.listed if len(open_one.proof(a)) == 4][:2]
        proof = open_one.proof(account)
        flipped = bytes([proof[0][0] ^ 1]) + proof[0][1:]
        bad = {
            "none": [],
            "another's": open_one.proof(other),
            "short": proof[:-1],
            "longer": [*proof, bytes(32)],
            "order": proof[::-1],
            "bit": [flipped, *proof[1:]],
        }[wrong]
        with reverts("session: not on the whitelist"):
            self.attempt(open_one, account, bad)

    def test_who_is_no_leaf(self, open_one: SessionDriver) -> None:
        for account in (open_one.stranger, open_one.owner):
            with reverts("session: not on the whitelist"):
                self.attempt(open_one, account, open_one.proof(open_one.listed[0]))

    def test_an_inner_node_is_no_leaf(self, new_session: Factory, chain: Chain) -> None:
        """A leaf is hashed twice: no account's is the hash of two others."""
        session = new_session(4, rooted=True, min_rounds=1).to(Stage.REGISTER)
        leaf = keccak(bytes.fromhex(session.listed[0][2:]).rjust(32, b"\0"))
        assert economy.merkle_root(session.listed[:1]) == keccak(leaf)
        with reverts("session: not on the whitelist"):
            self.attempt(session, session.listed[0], [])

    def test_33_hashes(self, open_one: SessionDriver) -> None:
        with reverts():
            self.attempt(open_one, open_one.listed[0], [bytes(32)] * 33)

    def test_no_proof_with_a_list(self, new_session: Factory) -> None:
        session = new_session().to(Stage.REGISTER)
        for account in (session.listed[0], session.stranger):
            with reverts("session: proof with a list"):
                self.attempt(session, account, [bytes(32)])

    def test_only_once(self, open_one: SessionDriver) -> None:
        open_one.register(open_one.listed[0])
        with reverts("session: already registered"):
            open_one.register(open_one.listed[0])

    @pytest.mark.parametrize("assignment", [0, 1])
    def test_the_capacity_closes_it(self, new_session: Factory, assignment: int) -> None:
        session = new_session(11, rooted=True, capacity=5, assignment=assignment).to(Stage.REGISTER)
        session.register_all(session.listed[:4])
        receipt = session.register(session.listed[9])
        assert receipt.only("RegistrationClosed").registered == 5
        assert session.stage() == (Stage.DRAW if assignment else Stage.COMMIT)
        with reverts("session: wrong stage"):
            session.register(session.listed[10])

    def test_greedy_closes_when_every_seat_is_taken(self, open_one: SessionDriver) -> None:
        open_one.register_all(open_one.listed[:5])
        assert open_one.register(open_one.listed[5]).only("Drawn").groups == 2

    def test_more_capacity_than_leaves(self, new_session: Factory) -> None:
        session = new_session(7, rooted=True, capacity=4_096, assignment=1).to(Stage.REGISTER)
        session.register_all()
        assert session.stage() == Stage.REGISTER
        session.close_registration()
        assert session.group_count() == 2

    def test_a_whole_session(self, new_session: Factory) -> None:
        session = new_session(9, rooted=True, assignment=1).to(Stage.FINISHED)
        assert session.money().withdrawn == session.money().deposited

    @settings(max_examples=12)
    @given(count=st.integers(1, 40), data=st.data())
    def test_a_tree_of_any_size(self, new_session: Factory, chain: Chain, count: int, data: st.DataObject) -> None:
        """A node without a sibling moves up as it is."""
        with chain.anchor():
            session = new_session(count, rooted=True, capacity=64, rounds=1).to(Stage.REGISTER)
            account = session.listed[data.draw(st.integers(0, count - 1))]
            session.register(account)
            assert session.member(account).registered


class TestTree:
    """The harness's tree, by hand."""

    def test_three_leaves(self, accounts: Accounts) -> None:
        """Leaves in ascending order; the third moves up."""
        leaf = {a: keccak(keccak(bytes.fromhex(a[2:]).rjust(32, b"\0"))) for a in accounts[:3]}
        first, second, third = sorted(accounts[:3], key=lambda a: leaf[a])
        left = keccak(leaf[first] + leaf[second])
        assert economy.merkle_root(accounts[:3]) == keccak(b"".join(sorted([left, leaf[third]])))
        assert economy.merkle_proof(accounts[:3], third) == [left]
        assert economy.merkle_proof(accounts[:3], first) == [leaf[second], leaf[third]]

    def test_one_leaf_is_its_own_root(self, accounts: Accounts) -> None:
        assert economy.merkle_proof([accounts.alice], accounts.alice) == []
