"""What a member commits to before anybody uploads (PROTOCOL.md E13, docs/BLOBS.md B2)."""

from __future__ import annotations

from omnilytics.codec import keccak256
from omnilytics.types import Address


def commitment(account: Address, upload: bytes) -> bytes:
    """What `commit` takes, 32 bytes: an upload's hash with the account, so that a copy is of no use to another."""
    return keccak256(bytes.fromhex(account[2:]).rjust(32, b"\0") + upload)
