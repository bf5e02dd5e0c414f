"""Signed transactions from the first simulation to the last confirmation, each mined once."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from omnilytics.blobs.blob import GAS_PER_BLOB, Blob
from omnilytics.chain.intents import Attempt, Intent, Journal, Pending, free_nonce
from omnilytics.chain.rpc.answers import Mined, block_of, mined_of, receipt_of
from omnilytics.chain.rpc.fees import Bid, current, raised
from omnilytics.chain.rpc.node import NodeError
from omnilytics.chain.rpc.nodes import Nodes, quantity
from omnilytics.chain.rpc.nonces import taken
from omnilytics.chain.rpc.refusals import on_its_way, refusal
from omnilytics.chain.rpc.rules import is_osaka
from omnilytics.chain.rpc.settings import TX_GAS_CAP, Settings
from omnilytics.chain.rpc.sidecars import Sidecar, sidecar, sidecar_of, wrapped
from omnilytics.errors import ChainError, InputError, Reverted
from omnilytics.types import Address, Receipt

LOG = logging.getLogger(__name__)

GAS_MARGIN_NUMERATOR, GAS_MARGIN_DENOMINATOR = 3, 2  # of the estimate
GAS_SPARE = 250_000
"""On top of the estimate: a call that comes last of its stage closes it, which its simulation may not have seen."""

BROADCAST = "eth_sendRawTransaction"
FIRST_POLL_SECS = 0.01
POLL_GROWTH = 1.5
RIVAL_SECS = 0.5  # before it asks whether another transaction has the nonce, which takes two requests each time
MOST_TRIES = 16  # of a call whose nonce is taken, or whose gas ran out, by what others did meanwhile


@dataclass
class _Sender:
    """`own`: entries that a thread waits for; `lock` is held from the choice of a nonce until the bytes are sent."""

    account: LocalAccount = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    own: set[int] = field(default_factory=set)


class Wallet:
    """The accounts that sign, over the nodes.

    Args:
        nodes: of the chain.
        accounts: whose keys stay in this process.
        journal: hears of every transaction before a node does.
        settings: patience, fees, confirmations.

    Raises:
        InputError: an account twice.
    """

    def __init__(self, nodes: Nodes, accounts: Iterable[LocalAccount], journal: Journal, settings: Settings) -> None:
        self._nodes = nodes
        self._journal = journal
        self._settings = settings
        self._senders: dict[Address, _Sender] = {}
        self.on_raised: list[Callable[[str], None]] = []
        """Called with a call's name, each time that it is sent again with a higher fee."""
        for account in accounts:
            self.add(account)

    def __repr__(self) -> str:
        return f"<Wallet of {len(self._senders)} accounts>"

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Who may send."""
        return tuple(self._senders)

    def add(self, account: LocalAccount) -> Address:
        """Lets an account send.

        Raises:
            InputError: it may already.
        """
        address = Address(str(account.address).lower())
        if address in self._senders:
            raise InputError(f"account {address} is given twice")
        self._senders[address] = _Sender(account)
        return address

    def send(
        self,
        call: str,
        sender: Address,
        to: Address | None,
        data: bytes,
        value_wei: int,
        blobs: Sequence[Blob] = (),
    ) -> Receipt:
        """Simulates, journals, sends and waits until the transaction is `confirmations` deep.

        A call that failed for want of an answer is not sent anew when it is repeated: it has the first one's receipt.
        A node's pool has room for an account's blob transactions or for its others, not for both at a time: blobs go by
        an account of their own.

        Raises:
            InputError: not one of the accounts; or blobs while the account has a transaction without open, or the other
                way round.
            Reverted: the contract refused it, mostly in the simulation: then nothing was sent.
            ChainError: too little money, fees above the ceiling, refused by the node, or not done in `receipt_secs`.
        """
        owner = self._sender(sender)
        outcome: Receipt | str = ""
        hashes = tuple(blob.versioned_hash for blob in blobs)
        carried: Sidecar = []
        for _ in range(MOST_TRIES):
            for left, receipt in self._resumed(sender):
                if (left.to, left.data, left.value_wei, left.blob_hashes) == (to, data, value_wei, hashes):
                    return receipt
            bid = current(self._nodes, self._settings, blobs=bool(hashes))
            intent = Intent(self._nodes.chain_id, call, sender, 0, to, data, value_wei, TX_GAS_CAP, hashes)
            intent = replace(intent, gas=self._simulated(intent, bid))
            if hashes and not carried:
                carried = sidecar(blobs, cells=is_osaka(self._nodes))
            pending = self._submit(owner, intent, bid, carried)
            outcome = self._finished(owner, pending)
            if isinstance(outcome, Receipt):
                return outcome
            LOG.warning("%s of %s: %s; trying again", call, sender, outcome)
            time.sleep(random.uniform(0, self._settings.poll_secs))  # whoever has the key, too, doesn't win every time
        raise ChainError(f"{call} of {sender}: {MOST_TRIES} tries in vain, the last one because {outcome}")

    def resume(self, sender: Address) -> list[Receipt]:
        """Ends what the journal says was sent and nobody waits for; gives the receipts of what succeeded.

        Raises:
            InputError: not one of the accounts.
            ChainError: not done in `receipt_secs`.
        """
        return [receipt for _, receipt in self._resumed(sender)]

    def _resumed(self, sender: Address) -> list[tuple[Intent, Receipt]]:
        owner = self._sender(sender)
        with owner.lock:
            left = [p for p in self._journal.pending(self._nodes.chain_id, sender) if p.entry not in owner.own]
            owner.own.update(pending.entry for pending in left)
        receipts: list[tuple[Intent, Receipt]] = []
        try:
            for pending in left:
                LOG.info("%s: taking up nonce %d of %s again", pending.intent.call, pending.intent.nonce, sender)
                self._send_again(pending)
                try:
                    outcome = self._finished(owner, pending)
                except Reverted as error:
                    outcome = str(error)
                if isinstance(outcome, Receipt):
                    receipts.append((pending.intent, outcome))
                else:
                    LOG.warning("%s of %s: %s", pending.intent.call, sender, outcome)
        finally:
            owner.own.difference_update(pending.entry for pending in left)
        return receipts

    def _sender(self, address: Address) -> _Sender:
        try:
            return self._senders[address]
        except KeyError:
            raise InputError(f"no key of {address} here: expected one of {len(self._senders)} accounts") from None

    def _simulated(self, intent: Intent, bid: Bid) -> int:
        """The gas limit, after the contract has taken the call and the money has been counted."""
        balance = quantity(self._nodes.request("eth_getBalance", intent.sender, "latest"))
        has = f"{intent.call}: {intent.sender} has {balance} wei, expected at least"
        if balance < intent.value_wei:
            raise ChainError(f"{has} {intent.value_wei} and fees; send it money")
        try:
            estimate = quantity(self._nodes.request("eth_estimateGas", _question(intent, bid.blob_fee_wei), "latest"))
        except NodeError as error:
            raise refusal(intent.call, error) from None
        gas = min(estimate * GAS_MARGIN_NUMERATOR // GAS_MARGIN_DENOMINATOR + GAS_SPARE, TX_GAS_CAP)
        blob_gas = GAS_PER_BLOB * len(intent.blob_hashes)
        need = intent.value_wei + gas * bid.max_fee_wei + blob_gas * bid.blob_fee_wei
        if balance < need:
            blobs = f" and {blob_gas} blob gas at {bid.blob_fee_wei} wei" if blob_gas else ""
            what = f"{intent.value_wei} and {gas} gas at {bid.max_fee_wei} wei{blobs}"
            raise ChainError(f"{has} {need}: {what}; send it money")
        return gas

    def _submit(self, owner: _Sender, intent: Intent, bid: Bid, carried: Sidecar) -> Pending:
        with owner.lock:
            left = self._journal.pending(intent.chain_id, intent.sender)
            if any(bool(one.intent.blob_hashes) != bool(carried) for one in left):
                open_one = f"{intent.sender} has a transaction {'without' if carried else 'with'} blobs open"
                raise InputError(f"{intent.call}: expected an account of its own for blobs, {open_one}")
            intent = replace(intent, nonce=self._free_nonce(left, intent.sender))
            attempt = _signed(owner.account, intent, bid, carried)
            entry = self._journal.intend(intent, attempt)
            try:
                self._broadcast(attempt)
            except NodeError as error:
                if error.alone and not on_its_way(error):
                    self._journal.close(entry, f"refused: {error.message}")
                    raise refusal(intent.call, error) from None
            owner.own.add(entry)
        return Pending(entry, intent, (attempt,))

    def _free_nonce(self, left: Sequence[Pending], sender: Address) -> int:
        """The first that neither the chain nor the journal has; the node's pool may have lost what the journal has."""
        return free_nonce(left, quantity(self._nodes.request("eth_getTransactionCount", sender, "pending")))

    def _broadcast(self, attempt: Attempt) -> None:
        self._nodes.request(BROADCAST, _hex(attempt))

    def _send_again(self, pending: Pending) -> None:
        """The newest bytes once more, to all nodes: one may keep them to itself. The chain will tell."""
        try:
            self._broadcast(pending.attempts[-1])
        except NodeError as error:
            LOG.info("%s, nonce %d: %s", pending.intent.call, pending.intent.nonce, error.message)
        self._nodes.tell_others(BROADCAST, _hex(pending.attempts[-1]))

    def _finished(self, owner: _Sender, pending: Pending) -> Receipt | str:
        """The receipt, once it is deep enough, or why the call may be tried again.

        Raises:
            Reverted: mined, and refused by the contract.
            ChainError: not done in time; the entry stays open.
        """
        try:
            outcome = self._outcome(pending.intent, self._awaited(owner, pending))
            self._journal.close(pending.entry, str(outcome) if isinstance(outcome, ChainError) else outcome)
        finally:
            owner.own.discard(pending.entry)
        if isinstance(outcome, ChainError):
            raise outcome
        return outcome

    def _outcome(self, intent: Intent, awaited: tuple[Mined, int] | None) -> Receipt | str | ChainError:
        if awaited is None:
            return f"nonce {intent.nonce} was used by another transaction: does another process have this key?"
        found, timestamp = awaited
        if found.succeeded:
            return receipt_of(intent, found, timestamp)
        try:
            self._nodes.request("eth_call", _question(intent, self._settings.blob_fee_ceiling_wei), hex(found.block))
        except NodeError as error:
            return refusal(intent.call, error)
        return f"it failed in block {found.block}, after which it wouldn't: {intent.gas} gas were too little there"

    def _awaited(self, owner: _Sender, pending: Pending) -> tuple[Mined, int] | None:
        """Where it is, deep enough, and the unix time of that block; None: another transaction has the nonce."""
        start = time.monotonic()
        raise_at = start + self._settings.stuck_secs
        pause = FIRST_POLL_SECS
        seen: bytes | None = None
        while True:
            found = self._found(pending)
            if found is not None:
                if found.block_hash != seen:
                    seen = found.block_hash
                    self._nodes.saw(found.block)
                    self._journal.mined(pending.entry, found.tx_hash, found.block, found.block_hash)
                if self._depth(found) >= self._settings.confirmations:
                    block = self._nodes.request("eth_getBlockByHash", "0x" + found.block_hash.hex(), False)
                    if block is not None:  # a node that was shut down may have its receipt no longer than its block
                        return found, block_of(block).timestamp
            elif time.monotonic() - start >= RIVAL_SECS and self._taken(pending) and self._found(pending) is None:
                return None
            elif seen is not None:
                LOG.warning("%s: its block is gone; sending it again", pending.intent.call)
                seen = None
                self._send_again(pending)
            elif time.monotonic() >= raise_at:
                pending = self._raised(owner, pending)
                raise_at = time.monotonic() + self._settings.stuck_secs
            if time.monotonic() - start >= self._settings.receipt_secs:
                raise ChainError(self._overdue(pending, found))
            time.sleep(pause)
            pause = min(pause * POLL_GROWTH, self._settings.poll_secs)

    def _found(self, pending: Pending) -> Mined | None:
        """Whichever attempt is in a block now."""
        for attempt in reversed(pending.attempts):
            found = mined_of(self._nodes.request("eth_getTransactionReceipt", "0x" + attempt.tx_hash.hex()))
            if found is not None:
                return found
        return None

    def _depth(self, found: Mined) -> int:
        """Blocks on top of its own."""
        if not self._settings.confirmations:
            return 0
        return quantity(self._nodes.request("eth_blockNumber")) - found.block

    def _taken(self, pending: Pending) -> bool:
        """Whether another transaction has the nonce, deep enough that it stays so."""
        newest = quantity(self._nodes.request("eth_blockNumber")) - self._settings.confirmations
        own = {attempt.tx_hash for attempt in pending.attempts}
        return newest >= 0 and taken(self._nodes, pending.intent.sender, pending.intent.nonce, own, newest)

    def _raised(self, owner: _Sender, pending: Pending) -> Pending:
        """Sends it again: with a higher fee if the ceiling allows."""
        last = pending.attempts[-1]
        blobs = bool(pending.intent.blob_hashes)
        now = current(self._nodes, self._settings, blobs=blobs)
        bid = raised(Bid(last.max_fee_wei, last.tip_wei, last.max_blob_fee_wei), now, self._settings)
        if bid is not None:
            attempt = _signed(owner.account, pending.intent, bid, sidecar_of(last.raw) if blobs else [])
            self._journal.replace(pending.entry, attempt)
            pending = replace(pending, attempts=(*pending.attempts, attempt))
            intent = pending.intent
            LOG.warning("%s: nonce %d now bids %d wei a gas", intent.call, intent.nonce, bid.max_fee_wei)
            for listener in self.on_raised:
                listener(intent.call)
        self._send_again(pending)
        return pending

    def _overdue(self, pending: Pending, found: Mined | None) -> str:
        intent, last = pending.intent, pending.attempts[-1]
        state = "in no block" if found is None else f"{self._depth(found)} blocks deep"
        return (
            f"{intent.call}: nonce {intent.nonce} of {intent.sender} is {state} after "
            f"{self._settings.receipt_secs:g} s, expected {self._settings.confirmations} confirmations; it bids "
            f"{last.max_fee_wei} wei a gas of at most {self._settings.fee_ceiling_wei}; the next call takes it up again"
        )


def _hex(attempt: Attempt) -> str:
    """Its bytes as nodes spell them."""
    return "0x" + attempt.raw.hex()


def _question(intent: Intent, blob_fee_wei: int) -> dict[str, Any]:
    """What a node simulates; blobs are seen by their hashes."""
    question = {"from": intent.sender, "data": "0x" + intent.data.hex(), "value": hex(intent.value_wei)}
    question |= {"gas": hex(TX_GAS_CAP)} | ({"to": intent.to} if intent.to else {})
    if not intent.blob_hashes:
        return question
    hashes = ["0x" + name.hex() for name in intent.blob_hashes]
    return question | {"blobVersionedHashes": hashes, "maxFeePerBlobGas": hex(blob_fee_wei)}


def _signed(account: LocalAccount, intent: Intent, bid: Bid, carried: Sidecar) -> Attempt:
    transaction: dict[str, Any] = {
        "type": 2,
        "chainId": intent.chain_id,
        "nonce": intent.nonce,
        "gas": intent.gas,
        "maxFeePerGas": bid.max_fee_wei,
        "maxPriorityFeePerGas": bid.tip_wei,
        "value": intent.value_wei,
        "data": intent.data,
    }
    if intent.to is not None:
        transaction["to"] = to_checksum_address(intent.to)
    if carried:
        transaction |= {"type": 3, "maxFeePerBlobGas": bid.blob_fee_wei, "blobVersionedHashes": intent.blob_hashes}
    signed = account.sign_transaction(transaction)
    raw = bytes(signed.raw_transaction)
    raw = wrapped(raw, carried) if carried else raw
    return Attempt(bytes(signed.hash), raw, bid.max_fee_wei, bid.tip_wei, bid.blob_fee_wei)
