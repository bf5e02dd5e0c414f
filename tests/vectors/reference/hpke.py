"""HPKE (RFC 9180), base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.

The primitives X25519 and ChaCha20Poly1305 are those of the package `cryptography`; the rest is the RFC's pseudocode.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEM = b"KEM" + bytes.fromhex("0020")
SUITE = b"HPKE" + bytes.fromhex("002000010003")
KEY_BYTES, NONCE_BYTES = 32, 12


class Schedule(NamedTuple):
    """What both sides derive: a secret, the key of the cipher and its nonce."""

    shared_secret: bytes
    key: bytes
    nonce: bytes


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869)."""
    output = block = b""
    counter = 1
    while len(output) < length:
        block = mac(key, block + info + bytes([counter]))
        output, counter = output + block, counter + 1
    return output[:length]


def labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """Section 4."""
    return mac(salt or bytes(32), b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """Section 4."""
    return expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def derive_key(ikm: bytes) -> bytes:
    """DeriveKeyPair (section 7.1.3): the secret key."""
    return labeled_expand(KEM, labeled_extract(KEM, b"", b"dkp_prk", ikm), b"sk", b"", 32)


def public_key(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def shared_point(secret: bytes, public: bytes) -> bytes:
    """X25519; ValueError where it is zero (section 7.1.4)."""
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


def schedule(point: bytes, enc: bytes, receiver: bytes, info: bytes) -> Schedule:
    """ExtractAndExpand (section 4.1), then KeySchedule in base mode (section 5.1)."""
    extracted = labeled_extract(KEM, b"", b"eae_prk", point)
    shared_secret = labeled_expand(KEM, extracted, b"shared_secret", enc + receiver, 32)
    no_psk = labeled_extract(SUITE, b"", b"psk_id_hash", b"")
    context = b"\0" + no_psk + labeled_extract(SUITE, b"", b"info_hash", info)
    secret = labeled_extract(SUITE, shared_secret, b"secret", b"")
    key = labeled_expand(SUITE, secret, b"key", context, KEY_BYTES)
    return Schedule(shared_secret, key, labeled_expand(SUITE, secret, b"base_nonce", context, NONCE_BYTES))


def sender_schedule(ephemeral: bytes, receiver: bytes, info: bytes) -> Schedule:
    """Of the sender with that ephemeral secret key, to the public key `receiver`."""
    return schedule(shared_point(ephemeral, receiver), public_key(ephemeral), receiver, info)


def seal(ephemeral: bytes, receiver: bytes, info: bytes, aad: bytes, plain: bytes) -> bytes:
    """enc || ct."""
    _, key, nonce = sender_schedule(ephemeral, receiver, info)
    return public_key(ephemeral) + ChaCha20Poly1305(key).encrypt(nonce, plain, aad)


def open_sealed(secret: bytes, sealed: bytes, info: bytes, aad: bytes) -> bytes | None:
    """The plain text of enc || ct, or None where it doesn't open."""
    enc, ct = sealed[:32], sealed[32:]
    try:
        _, key, nonce = schedule(shared_point(secret, enc), enc, public_key(secret), info)
        return ChaCha20Poly1305(key).decrypt(nonce, ct, aad)
    except (ValueError, InvalidTag):
        return None
