"""The chain and its accounts, Brownie-style: sleep, mine, snapshot, revert, named funded accounts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boa
from eth_utils import keccak

from . import evm

ETHER = 10**18
FUNDS_WEI = 1_000 * ETHER
GENESIS_TIME = 1_800_000_000


class Chain:
    """Time and blocks. Every transaction mines a block one second after the last one."""

    @property
    def height(self) -> int:
        return int(boa.env.evm.patch.block_number)

    @property
    def time(self) -> int:
        """Unix time of the newest block, seconds."""
        return int(boa.env.evm.patch.timestamp)

    @property
    def id(self) -> int:
        return int(boa.env.evm.patch.chain_id)

    def block_hash(self, number: int) -> bytes:
        return evm.block_hash(number)

    def sleep(self, seconds: int) -> None:
        """Mines one empty block, `seconds` after the last one."""
        evm.next_block(seconds)

    def mine(self, blocks: int = 1) -> None:
        """Mines empty blocks, a second apart."""
        for _ in range(blocks):
            evm.next_block()

    def next_at(self, timestamp: int) -> None:
        """Lets the next transaction run at exactly this time.

        Raises:
            ValueError: that is past.
        """
        if timestamp <= self.time:
            raise ValueError(f"expected a time after {self.time}, got {timestamp}")
        boa.env.evm.patch.timestamp = timestamp - 1

    def balance(self, account: str) -> int:
        return int(boa.env.get_balance(account))

    def set_balance(self, account: str, wei: int) -> None:
        """Writes a balance, as a coinbase reward or a self-destruct would: no code runs."""
        boa.env.set_balance(account, wei)

    def set_code(self, account: str, code: bytes) -> None:
        """Gives an account code, as a delegation by EIP-7702 does."""
        boa.env.set_code(account, code)

    def carrying(self, hashes: Sequence[bytes]) -> contextlib.AbstractContextManager[None]:
        """Transactions inside carry the blobs of these versioned hashes."""
        return evm.carrying(hashes)

    @contextlib.contextmanager
    def anchor(self) -> Iterator[None]:
        """Undoes everything that happens inside: state, height, time."""
        with boa.env.anchor():
            yield

    def snapshot(self) -> Snapshot:
        """A point to come back to; the newest must be reverted first."""
        return Snapshot(self)


class Snapshot:
    """A point in the chain's history."""

    def __init__(self, chain: Chain) -> None:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(chain.anchor())

    def revert(self) -> None:
        """Goes back to it, once."""
        self._stack.close()


class Accounts(Sequence[str]):
    """Funded accounts: the roles by name, data owners by number (`accounts[0]` is alice).

    Args:
        fund: gives an account so much wei.
    """

    NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
    COUNT = 64

    def __init__(self, fund: Callable[[str, int], None]) -> None:
        self._fund = fund
        self.deployer = self._make("deployer")
        self.owner = self._make("owner")
        self.stranger = self._make("stranger")
        self.other_owner = self._make("other owner")
        self._members = [self._make(f"member {i}") for i in range(self.COUNT)]

    def _make(self, name: str) -> str:
        address = "0x" + keccak(text=f"omnilytics test account: {name}")[12:].hex()
        self._fund(address, FUNDS_WEI)
        return address

    def __getattr__(self, name: str) -> str:
        if name not in self.NAMES:
            raise AttributeError(f"no account {name!r}")
        return self._members[self.NAMES.index(name)]

    def __getitem__(self, index: Any) -> Any:
        return self._members[index]

    def __len__(self) -> int:
        return self.COUNT
