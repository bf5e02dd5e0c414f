"""How the vector files write bytes and numbers, and how they draw them."""

from __future__ import annotations

import random
import struct
from typing import Any

from tests.vectors.reference import codec
from tests.vectors.reference.keccak import keccak256

Json = dict[str, Any]

CHAIN_ID = 31337
SESSION = bytes.fromhex("5e5510" + "a1" * 17)


def hexadecimal(data: bytes) -> str:
    return "0x" + data.hex()


def hex_word(number: int) -> str:
    """32 big-endian bytes."""
    return hexadecimal(codec.word(number))


def patterns(values: list[float]) -> str:
    """float32 bit patterns, concatenated."""
    return hexadecimal(b"".join(struct.pack(">f", value) for value in values))


def double(value: float) -> str:
    """A float64 bit pattern."""
    return hexadecimal(struct.pack(">d", value))


def label_bytes(label: str) -> bytes:
    """32 bytes that depend on the label alone."""
    return keccak256(label.encode())


def noise(label: str, count: int, spread: float) -> list[float]:
    source = random.Random(label)
    return [codec.to_float32(source.gauss(0, spread)) for _ in range(count)]
