"""What tests write into a journal."""

from __future__ import annotations

import hashlib
import json

from omnilytics.chain.intents import Attempt, Intent
from omnilytics.types import Address, Receipt

CHAIN_ID = 31337
SENDER = Address("0x1a642f0e3c3af545e7acbd38b07251b3990914f1")


def signed(nonce: int, fee: int = 100, what: str = "upload") -> bytes:
    """Stands for signed bytes."""
    return json.dumps({"nonce": nonce, "fee": fee, "what": what}).encode()


def hash_of(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def attempt(raw: bytes) -> Attempt:
    fee = json.loads(raw)["fee"]
    return Attempt(hash_of(raw), raw, fee, fee // 10)


def intent(nonce: int, call: str = "upload", sender: Address = SENDER) -> Intent:
    return Intent(CHAIN_ID, call, sender, nonce, Address("0x" + "ab" * 20), b"calldata of " + call.encode(), 7, 21_000)


def receipt(intent: Intent, tx_hash: bytes, block: int = 1) -> Receipt:
    return Receipt(intent.call, intent.sender, tx_hash, block, 12 * block, 20_000, len(intent.data), ())
