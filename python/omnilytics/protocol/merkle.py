"""A whitelist as one hash: the Merkle tree of accounts for `set_whitelist_root` (PROTOCOL.md section 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omnilytics.codec import keccak256
from omnilytics.errors import InputError
from omnilytics.types import ZERO_ADDRESS, Address

MAX_PROOF = 32
"""Hashes that `register` takes as a proof."""

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class MerkleTree:
    """The tree over a set of accounts (E28).

    Leaves stand in ascending order of their hashes, so the root depends on the set alone, not on the order in which the
    accounts are given. 100,000 accounts take about a second and 40 MB.

    Attributes:
        accounts: who may register, at least one; checksums are checked where an address has upper and lower case.
        root: 32 bytes.

    Raises:
        InputError: no account, one that is malformed, zero or there twice; `accounts[i]` says where, i from 0.
    """

    accounts: Sequence[str] = field(repr=False, compare=False)
    root: bytes = field(init=False)
    _levels: list[list[bytes]] = field(init=False, repr=False, compare=False)
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        accounts = parse_accounts((f"accounts[{i}]", text) for i, text in enumerate(self.accounts))
        leaves = {account: _leaf(account) for account in accounts}
        ordered = sorted(accounts, key=leaves.__getitem__)
        levels = [[leaves[account] for account in ordered]]
        while len(levels[-1]) > 1:
            levels.append(_parents(levels[-1]))
        object.__setattr__(self, "accounts", tuple(accounts))
        object.__setattr__(self, "root", levels[-1][0])
        object.__setattr__(self, "_levels", levels)
        object.__setattr__(self, "_places", {account: place for place, account in enumerate(ordered)})

    def __contains__(self, account: str) -> bool:
        return account.lower() in self._places

    def proof(self, account: str) -> list[bytes]:
        """What `register` takes from that account: the siblings from the leaf up, 32 bytes each.

        Raises:
            InputError: malformed, or not in the tree.
        """
        (known,) = parse_accounts([("account", account)])
        if known not in self._places:
            raise InputError(f"account: expected one of the {len(self.accounts)} of the list, got {known}")
        place = self._places[known]
        siblings = []
        for level in self._levels[:-1]:
            sibling = place ^ 1
            if sibling < len(level):
                siblings.append(level[sibling])
            place >>= 1
        return siblings


def verify(root: bytes, account: str, proof: Sequence[bytes]) -> bool:
    """Whether the contract would let that account register with that proof (E28).

    Raises:
        InputError: a malformed account, or a hash that isn't 32 bytes.
    """
    for name, value in (("root", root), *((f"proof[{i}]", h) for i, h in enumerate(proof))):
        if len(value) != HASH_BYTES:
            raise InputError(f"{name}: expected {HASH_BYTES} bytes, got {len(value)}")
    (known,) = parse_accounts([("account", account)])
    node = _leaf(known)
    for sibling in proof:
        node = _node(node, sibling)
    return len(proof) <= MAX_PROOF and node == root


def parse_account(text: str) -> Address:
    """An address as the package writes it, in lower case.

    Raises:
        InputError: not 0x and 40 hexadecimal digits, the zero address, or upper and lower case mixed otherwise than the
            checksum of EIP-55 has it.
    """
    digits = text[2:]
    if len(text) != 42 or text[:2] != "0x" or not _is_hexadecimal(digits):
        raise InputError(f"expected 0x and 40 hexadecimal digits, got {text!r}")
    account = Address(text.lower())
    if digits not in (digits.lower(), digits.upper()) and digits != _checksummed(digits.lower()):
        raise InputError(
            f"expected upper and lower case as EIP-55's checksum has them, or lower case alone, got {text}"
        )
    if account == ZERO_ADDRESS:
        raise InputError(f"expected an account, got the zero address, {text}")
    return account


def parse_accounts(places: Iterable[tuple[str, str]]) -> list[Address]:
    """Addresses that must differ, in their order; `places` are (where it stands, address).

    Raises:
        InputError: none at all, or as `parse_account`, or one that came before; says where.
    """
    seen: dict[Address, str] = {}
    for where, text in places:
        try:
            account = parse_account(text)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if account in seen:
            raise InputError(f"{where}: expected every account once, got {account}, which is {seen[account]} too")
        seen[account] = where
    if not seen:
        raise InputError("accounts: expected at least 1, got 0")
    return list(seen)


def _is_hexadecimal(digits: str) -> bool:
    return digits.isascii() and digits.isalnum() and not set(digits.lower()) - set("0123456789abcdef")


def _checksummed(digits: str) -> str:
    """The digits in the upper and lower case of EIP-55."""
    marks = keccak256(digits.encode()).hex()
    return "".join(d.upper() if mark >= "8" else d for d, mark in zip(digits, marks, strict=False))


def _leaf(account: Address) -> bytes:
    return keccak256(keccak256(bytes(12) + bytes.fromhex(account[2:])))


def _node(a: bytes, b: bytes) -> bytes:
    return keccak256(a + b if a <= b else b + a)


def _parents(level: list[bytes]) -> list[bytes]:
    """The level above; a node without a sibling moves up as it is."""
    above = [_node(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
    return above + level[-1:] if len(level) % 2 else above
