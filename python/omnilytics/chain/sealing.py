"""Sealing what a journal keeps, under a key that follows from an account's: whoever takes the disk learns nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from Crypto.Cipher import AES

from omnilytics.errors import DataError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_DOMAIN = b"omnilytics/journal/1"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Sealer:
    """AES-256-GCM with a fresh nonce for each thing sealed; it shows and gives away no key.

    Its key is HKDF-SHA256 (RFC 5869) of the account's, without salt, bound to `omnilytics/journal/1` and the chain id.

    Args:
        account: whose things they are.
        chain_id: EIP-155.
    """

    __slots__ = ("_key",)

    def __init__(self, account: LocalAccount, chain_id: int) -> None:
        extracted = hmac.digest(bytes(32), bytes(account.key), hashlib.sha256)
        self._key = hmac.digest(extracted, _DOMAIN + chain_id.to_bytes(32, "big") + b"\x01", hashlib.sha256)

    def seal(self, content: bytes, place: str) -> bytes:
        """`content`, 28 bytes longer, which `open` gives back at the same place alone."""
        cipher = AES.new(self._key, AES.MODE_GCM, nonce=secrets.token_bytes(_NONCE_BYTES), mac_len=_TAG_BYTES)
        cipher.update(place.encode())
        sealed, tag = cipher.encrypt_and_digest(content)
        return bytes(cipher.nonce) + sealed + tag

    def open(self, sealed: bytes, place: str) -> bytes:
        """What was sealed at this place.

        Raises:
            DataError: it was sealed elsewhere, by another account, or has been changed.
        """
        nonce, body, tag = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        try:
            cipher = AES.new(self._key, AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
            cipher.update(place.encode())
            return bytes(cipher.decrypt_and_verify(body, tag))
        except ValueError:
            raise DataError(f"{place}: expected what this account sealed there, got something else") from None
