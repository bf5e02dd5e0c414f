"""The whitelist's tree against a plain one that shares no code with it, and all that it refuses."""

from __future__ import annotations

import random

import pytest

from omnilytics.errors import InputError
from omnilytics.protocol.merkle import MAX_PROOF, MerkleTree, parse_account, verify
from omnilytics.types import Address
from tests.vectors.reference.keccak import keccak256

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 33]
CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
"""An example of EIP-55."""


def accounts(count: int) -> list[Address]:
    rng = random.Random(count)
    return [Address(f"0x{rng.randbytes(20).hex()}") for _ in range(count)]


def plain_root(members: list[Address]) -> bytes:
    """E28 as PROTOCOL.md says it."""
    level = sorted(keccak256(keccak256(bytes.fromhex(m[2:].rjust(64, "0")))) for m in members)
    while len(level) > 1:
        pairs = [sorted(level[i : i + 2]) for i in range(0, len(level), 2)]
        level = [keccak256(pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_the_plain_one(size: int) -> None:
    assert MerkleTree(accounts(size)).root == plain_root(accounts(size))


@pytest.mark.parametrize("size", SIZES)
def test_every_account_has_a_proof(size: int) -> None:
    members = accounts(size)
    tree = MerkleTree(members)
    assert all(verify(tree.root, account, tree.proof(account)) for account in members)
    assert max(len(tree.proof(account)) for account in members) == (size - 1).bit_length()


def test_the_order_of_accounts_does_not_matter() -> None:
    members = accounts(9)
    assert MerkleTree(members) == MerkleTree(members[::-1])
    assert MerkleTree(members).proof(members[3]) == MerkleTree(members[::-1]).proof(members[3])
    assert MerkleTree(members) != MerkleTree(members[1:])


def test_a_proof_is_its_account_s_own() -> None:
    members = accounts(9)
    tree = MerkleTree(members)
    proof = tree.proof(members[0])
    assert not verify(tree.root, members[1], proof)
    assert not verify(tree.root, accounts(10)[0], proof)
    assert not verify(tree.root, members[0], proof[:-1])
    assert not verify(tree.root, members[0], [*proof, bytes(32)])
    assert not verify(tree.root, members[0], [bytes(32), *proof[1:]])
    assert not verify(bytes(32), members[0], proof)


def test_a_proof_longer_than_register_takes() -> None:
    (account,) = accounts(1)
    proof = [bytes([i]) * 32 for i in range(MAX_PROOF + 1)]

    def root(count: int) -> bytes:
        node = keccak256(keccak256(bytes(12) + bytes.fromhex(account[2:])))
        for sibling in proof[:count]:
            node = keccak256(min(node, sibling) + max(node, sibling))
        return node

    assert verify(root(MAX_PROOF), account, proof[:MAX_PROOF])
    assert not verify(root(MAX_PROOF + 1), account, proof)


def test_a_node_is_no_leaf() -> None:
    """A leaf is hashed twice, so that the 64 bytes below a node can't be passed off as an account."""
    first, second = accounts(2)
    tree = MerkleTree([first, second])
    assert tree.root == keccak256(b"".join(sorted([*tree.proof(first), *tree.proof(second)])))
    assert tree.proof(second) == [keccak256(keccak256(bytes(12) + bytes.fromhex(first[2:])))]


def test_letters_of_either_case_are_one_account() -> None:
    tree = MerkleTree([CHECKSUMMED, *accounts(2)])
    assert tree.root == MerkleTree([CHECKSUMMED.lower(), *accounts(2)]).root
    assert tree.proof(CHECKSUMMED) == tree.proof(CHECKSUMMED.lower())
    assert CHECKSUMMED in tree
    assert parse_account(CHECKSUMMED) == CHECKSUMMED.lower()
    assert parse_account("0x" + CHECKSUMMED[2:].upper()) == CHECKSUMMED.lower()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 0x and 40 hexadecimal digits, got ''"),
        ("0x" + "1" * 39, "expected 0x and 40 hexadecimal digits"),
        ("0x" + "1" * 41, "expected 0x and 40 hexadecimal digits"),
        ("11" * 21, "expected 0x and 40 hexadecimal digits"),
        ("0x" + "1" * 39 + "g", "expected 0x and 40 hexadecimal digits"),
        ("0x" + "1" * 39 + "\u0661", "expected 0x and 40 hexadecimal digits"),
        (" 0x" + "1" * 39, "expected 0x and 40 hexadecimal digits"),
        ("0x" + "0" * 40, "expected an account, got the zero address"),
        (CHECKSUMMED.replace("aA", "Aa"), "expected upper and lower case as EIP-55's checksum has them"),
    ],
)
def test_what_is_no_account(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        parse_account(text)
    with pytest.raises(InputError, match=rf"^accounts\[2\]: {message}"):
        MerkleTree([*accounts(2), text])
    with pytest.raises(InputError, match=f"^account: {message}"):
        verify(bytes(32), text, [])
    with pytest.raises(InputError, match=f"^account: {message}"):
        MerkleTree(accounts(2)).proof(text)


def test_an_account_that_is_there_twice() -> None:
    members = accounts(3)
    with pytest.raises(InputError, match=rf"^accounts\[3\]: expected every account once, got {members[1]}") as caught:
        MerkleTree([*members, members[1]])
    assert "accounts[1]" in str(caught.value)
    with pytest.raises(InputError, match=r"^accounts\[1\]: expected every account once"):
        MerkleTree([CHECKSUMMED, CHECKSUMMED.lower()])


def test_an_empty_list() -> None:
    with pytest.raises(InputError, match=r"^accounts: expected at least 1, got 0"):
        MerkleTree([])


def test_a_stranger_has_no_proof() -> None:
    stranger = accounts(4)[0]
    tree = MerkleTree(accounts(3))
    assert stranger not in tree
    with pytest.raises(InputError, match=f"^account: expected one of the 3 of the list, got {stranger}"):
        tree.proof(stranger)


@pytest.mark.parametrize(("root", "proof"), [(bytes(31), []), (bytes(32), [bytes(32), bytes(33)])])
def test_hashes_of_another_length(root: bytes, proof: list[bytes]) -> None:
    with pytest.raises(InputError, match=r"expected 32 bytes, got 3[13]$"):
        verify(root, accounts(1)[0], proof)
