"""Somebody who isn't on the list wants in: with another's proof, of an inner node, longer, shorter, after a change."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.attacks.wealth import Wealth
from tests.contracts.harness import Accounts, SessionDriver, Stage, economy, reverts
from tests.contracts.harness.fixtures import Factory

REFUSED = "session: not on the whitelist"


@pytest.fixture(scope="module")
def base(new_session: Factory, accounts: Accounts) -> SessionDriver:
    """Eleven leaves, so that one of them has no sibling; eight may register."""
    return new_session(11, rooted=True, capacity=8, assignment=1).to(Stage.REGISTER)


def leaf(account: str) -> bytes:
    return keccak(keccak(bytes.fromhex(account[2:]).rjust(32, b"\0")))


def node(a: bytes, b: bytes) -> bytes:
    return keccak(min(a, b) + max(a, b))


def paired(session: SessionDriver) -> str:
    """An account whose leaf has a sibling leaf: a proof of full length."""
    return max(session.listed, key=lambda a: len(session.proof(a)))


def tries(session: SessionDriver, account: str, proof: list[bytes]) -> None:
    wei = session.chain.balance(account)
    with reverts(REFUSED):
        session.contract.register(session.keys(account), proof, 0, sender=account, value=session.params.bond_wei)
    assert session.chain.balance(account) == wei


def test_proofs_of_others(base: SessionDriver, accounts: Accounts) -> None:
    session = base.copy()
    outsider = accounts[30]
    wealth = Wealth(session, outsider)
    for listed in session.listed:
        tries(session, outsider, session.proof(listed))
    tries(session, outsider, [])
    tries(session, session.listed[0], session.proof(session.listed[1]))
    session.register(session.listed[0])
    session.register_all(session.listed[1:8])
    session.to(Stage.FINISHED)
    told = wealth.tell("an outsider with everybody's proofs", outsider, honest=[0])
    assert told.loses
    assert told.honest_loss == 0


def test_a_proof_cut_or_lengthened(base: SessionDriver) -> None:
    """Every leaf has one proof: a shorter one would make a node a leaf, a longer one a leaf a node."""
    session = base.copy()
    for account in (paired(session), min(session.listed, key=lambda a: len(session.proof(a)))):
        proof = session.proof(account)
        for bad in (
            proof[:-1],
            proof[1:],
            proof[::-1],
            [*proof, proof[0]],
            [leaf(account), *proof],
            [bytes(32), *proof],
        ):
            if bad != proof:
                tries(session, account, bad)
        session.register(account)


def test_an_inner_node_is_no_leaf(base: SessionDriver) -> None:
    """A leaf is hashed twice, an account is 32 bytes and a node's children are 64: no account hashes to a node.

    The attacker takes the two leaves' node for its own leaf, with the siblings from there up.
    """
    session = base.copy()
    first = paired(session)
    sibling, *proof = session.proof(first)
    inner = node(leaf(first), sibling)
    known = inner
    for sibling in proof:
        known = node(known, sibling)
    assert known == session.whitelist_root(), "the node is in the tree"
    disguised = "0x" + inner[12:].hex()
    session.chain.set_balance(disguised, 10**20)
    tries(session, disguised, proof)
    tries(session, first, proof)


def test_a_root_is_nobodys_leaf(new_session: Factory, accounts: Accounts) -> None:
    """A tree of one: the empty proof is that account's alone."""
    session = new_session([accounts[0]], rooted=True, capacity=6).to(Stage.REGISTER)
    assert session.whitelist_root() == leaf(accounts[0])
    for account in accounts[1:4]:
        tries(session, account, [])
    session.register(accounts[0])


def test_a_root_replaced_after_start(base: SessionDriver, accounts: Accounts) -> None:
    """The owner can't shut out who was listed, nor let in accounts of its own, once members can be in."""
    session = base.copy()
    session.register(session.listed[0])
    own = economy.merkle_root(list(accounts[40:48]))
    with reverts("session: wrong stage"):
        session.set_whitelist_root(own, 8, sender=session.owner)
    with reverts("session: wrong stage"):
        session.contract.whitelist([accounts[40]], sender=session.owner)
    session.register(session.listed[1])


def test_a_list_and_a_root(new_session: Factory, accounts: Accounts) -> None:
    """Only one of both, and only the owner says which."""
    listed = new_session()
    listed.whitelist()
    with reverts("session: whitelist has a list"):
        listed.set_whitelist_root(leaf(accounts[0]), 8, sender=listed.owner)
    rooted = new_session(6, rooted=True)
    for stranger in (rooted.stranger, accounts[0]):
        with reverts("session: only the owner"):
            rooted.set_whitelist_root(leaf(accounts[0]), 8, sender=stranger)
    rooted.whitelist()
    with reverts("session: whitelist has a root"):
        rooted.contract.whitelist([accounts[0]], sender=rooted.owner)


def test_a_proof_where_there_is_a_list(new_session: Factory, accounts: Accounts) -> None:
    session = new_session().to(Stage.REGISTER)
    keys, bond = session.keys(accounts[0]), session.params.bond_wei
    with reverts("session: proof with a list"):
        session.contract.register(keys, [bytes(32)], 0, sender=accounts[0], value=bond)
    with reverts(REFUSED):
        session.contract.register(session.keys(accounts[30]), [], 0, sender=accounts[30], value=bond)


def test_a_crowd_of_listed_accounts_fills_the_room(base: SessionDriver) -> None:
    """What remains: whoever is listed first come, first served. The capacity closes registration, not the tree."""
    session = base.copy()
    session.register_all(session.listed[:8])
    assert session.stage() == Stage.DRAW
    late = session.listed[8]
    with reverts("session: wrong stage"):
        session.register(late)
    assert session.chain.balance(session.contract.address) == 8 * session.params.bond_wei + (
        session.params.reward_wei + session.reserve_wei
    )
